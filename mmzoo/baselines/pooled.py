"""What a frozen pretrained tower makes of an input, as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from mmzoo.baselines.base import Clock
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.sharing import is_sharing
from mmzoo.graph.build import build
from mmzoo.graph.cut import Split, split
from mmzoo.inference.running import compiled
from mmzoo.modalities.vectorizer import Vectorizer
from mmzoo.spec import Spec
from mmzoo.training.features.compute import compute_features

BATCH = 64
LARGEST = 2e9  # bytes of the examples that are in memory at a time


class Pooled(Vectorizer):
    """The mean of what the frozen network of an input's tower puts out: dense (N, channels).

    Args:
        spec: of this input alone.
        part: its model in two, of which the frozen one goes to a map or tokens (B, ..., channels).
    """

    def __init__(self, spec: Spec, part: Split, clock: Clock) -> None:
        self.spec, self.part, self.clock = spec, part, clock
        (self.item,) = spec.inputs

    def transform(self, values: Sequence[object]) -> np.ndarray:
        import tensorflow as tf

        examples = Examples(self.item, values, [str(row) for row in range(len(values))])
        if is_sharing() and examples.nbytes < LARGEST:
            return self.shared(examples)
        run, found = compiled(self.part.frozen[self.item.name]), []
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

    def shared(self, examples: Examples) -> np.ndarray:
        """The same from the features that a training in this process reads too: they are computed once for both."""
        arrays = {self.item.name: examples[: len(examples.values)], "present": np.ones((len(examples.values), 1), bool)}
        made = compute_features(self.part, self.spec, arrays)[self.item.name]
        parts = (np.asarray(made[start : start + BATCH], np.float32) for start in range(0, len(made), BATCH))
        return np.concatenate([part.reshape(len(part), -1, part.shape[-1]).mean(axis=1) for part in parts])


def pooled_blocks(spec: Spec, clock: Clock) -> list[Pooled]:
    """The vectorizer of a spec of one input whose tower has a frozen network; none of another."""
    model = build(spec)
    (part,) = model.parts.inputs.values()
    if not part.frozen_network:
        return []
    return [Pooled(spec, split(model), clock)]
