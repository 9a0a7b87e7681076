"""The fusions: one file each.

    @fusions.register("name", level="feature", absent="left out")
    def name(tokens, present, *, dim, option=default): ...

    @fusions.register("name", level="decision", absent="left out")
    def name(logits, present, *, task, option=default): ...

Feature level: `tokens` is a dict of `Tokens` of width `dim`, in the spec's
order; the result is an embedding (B, any), or `Fused`, where the fusion has tokens too that a decoder may attend to.
Decision level: `logits` is a dict
of (B, K), one head a modality; the result is logits (B, K) of `task`, whose
`to_opinions` and `from_opinions` lead from logits to what can be averaged and back.
Layers are named `fusion....`; at decision level `fusion.<task>....`.

`present` is bool (B, M). An absent modality's tokens are its learned embedding
in the first place and masked elsewhere: attend to it or leave it out, its own
values are already gone (the fact `absent` says which). Every fusion is defined for every non-empty subset.

A layer that attends to the tokens of the modalities is declared with
`mmzoo.declared.attention`, so that what it attends to can be explained.
"""

from collections.abc import Callable

from mmzoo.registry import Registry

fusions: Registry[Callable[..., object]] = Registry("fusion", __name__)
