"""What a frozen pretrained tower makes of an input, as features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from mmzoo.baselines.base import Clock
from mmzoo.data.examples import Examples
from mmzoo.graph.build import build
from mmzoo.graph.cut import split
from mmzoo.inference.running import compiled
from mmzoo.modalities.vectorizer import Vectorizer
from mmzoo.spec import Spec

BATCH = 64


class Pooled(Vectorizer):
    """The mean of what the frozen network of an input's tower puts out: dense (N, channels).

    Args:
        spec: of this input alone.
        frozen: from the input and `present` to a map or tokens (B, ..., channels).
    """

    def __init__(self, spec: Spec, frozen: Any, clock: Clock) -> None:
        self.item, self.frozen, self.clock = spec.inputs[0], frozen, clock

    def transform(self, values: Sequence[Any]) -> np.ndarray:
        import tensorflow as tf

        examples = Examples(self.item, values, [str(row) for row in range(len(values))])
        run, found = compiled(self.frozen), []
        with tqdm(
            total=len(values),
            desc=f"features of {self.item.name}",
            unit="example",
            disable=None,
            leave=False,
            delay=1.0,
        ) as bar:
            for start in range(0, len(values), BATCH):
                self.clock.check()
                batch = examples[start : start + BATCH]
                there = np.ones((len(batch), 1), bool)
                out = run({self.item.name: tf.constant(batch), "present": tf.constant(there)})
                found.append(np.asarray(out, np.float32).reshape(len(batch), -1, out.shape[-1]).mean(axis=1))
                bar.update(len(batch))
        return np.concatenate(found)


def pooled_blocks(spec: Spec, clock: Clock) -> list[Pooled]:
    """The vectorizer of a spec of one input whose tower has a frozen network; none of another."""
    model = build(spec)
    (part,) = model.parts.inputs.values()
    if not part.frozen_network:
        return []
    return [Pooled(spec, frozen, clock) for frozen in split(model).frozen.values()]
