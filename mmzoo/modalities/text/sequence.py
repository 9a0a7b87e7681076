"""A text as the tokens that towers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from mmzoo.aliases import Tensor
from mmzoo.declared import embedding, frozen_features
from mmzoo.tokens import Tokens

if TYPE_CHECKING:
    from mmzoo.modalities.text import Text


def token_ids(x: Tensor, item: Text) -> Tensor:
    """The ids int32 (B, tokens) of a text, 0 for padding."""
    item.check_fitted()
    if not item.in_graph:
        return x
    found = frozen_features(item, item.tokenizer_layer(f"{item.name}.frozen_features"))(x)
    return found[0] if isinstance(found, tuple) else found


def embedded(x: Tensor, item: Text, width: int) -> Tokens:
    """A text's tokens in an embedding that trains from scratch."""
    ids = token_ids(x, item)
    layer = embedding(item, keras.layers.Embedding(item.size, width, name=f"{item.name}.embedding"))
    return Tokens(layer(ids), ids > 0)
