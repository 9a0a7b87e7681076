"""Which modalities an example really has, as the model decides it."""

from __future__ import annotations

import keras

from mmzoo.spec import Spec
from mmzoo.tuning.parts import node_of

HERE = "fusion.here"


def presence_model(model: keras.Model, spec: Spec) -> keras.Model:
    """From what a model takes to `{"fusion.here": bool (B, M)}`: which modalities are really there.

    Of the towers only that runs which it takes: mostly how long a text is, or where a sound ends.
    """
    here = [node_of(model, f"{name}.here").outputs[0] for name in spec.input_names]
    return keras.Model(model.input, {HERE: keras.ops.stack(here, axis=1)})
