"""The tokenizers: text to ids, one file a kind. Id 0 is padding, ids go up to `size - 1`.

    @tokenizers.register("name", where="graph")
    class Name:
        def __init__(self, *, option=default) -> None: ...

Where it works, and so what a model takes:
- "graph": `layer(length, name=)` turns UTF-8 bytes uint8 (B, L) into ids int32 (B, length) in ops that
  every export format has; the model takes raw bytes. `size` is the number of ids. One that is registered with
  `vocabulary="trained"` too has `train(texts)`, and its layer is given what that returned; the number of ids is then
  that of the vocabulary plus 1. The layer may put out weights float32 (B, length) beside the ids, and may have
  `on_host`, see `mmzoo.training.features.compute`.
- "python": `train(texts)` makes a vocabulary, a tuple of strings that is kept in the spec;
  `encoder(vocabulary)` is a function from a text to its ids; the model takes ids. The number of ids is
  `len(vocabulary) + 1`: entry k has id k + 1.
"""

from typing import Any

from mmzoo.registry import Registry

tokenizers: Registry[Any] = Registry("tokenizer", __name__)
