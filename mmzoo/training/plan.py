"""What a run is about to do, tried out and said before it starts."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tree
from mmzoo.errors import MMZooError, require
from mmzoo.inference.running import run_model
from mmzoo.spec import Spec
from mmzoo.training.feeds.feed import Feed
from mmzoo.training.loss import sides, total_loss
from mmzoo.training.model.teaching import with_given
from mmzoo.training.settings import Training
from mmzoo.tuning.groups import Tuned
from mmzoo.tuning.model import tune


@dataclass(frozen=True)
class Plan:
    """The size of a run.

    trainable, parameters: how many numbers train, of how many there are in the whole model.
    state: bytes of the weights, of AdamW's two moments, of the averages and the gradient, and of the best weights.
    activations: bytes of what the layers put out for a replica's part of a batch; what an operation needs in
        between, such as the scores of an attention, is not counted.
    """

    examples: int
    steps: int
    epochs: int
    batch_size: int
    replicas: int
    trainable: int
    parameters: int
    state: int
    activations: int

    def text(self) -> str:
        """Two lines, and a third where the memory of this machine is less than that."""
        shared = f" on {self.replicas} replicas" if self.replicas > 1 else ""
        need = self.state + self.activations
        epochs = f"{self.epochs} epochs" if self.epochs > 1 else "1 epoch"
        lines = [
            f"{self.examples:,} examples in batches of {self.batch_size}{shared}: {self.steps:,} steps in "
            f"{epochs}. {self.trainable:,} of {self.parameters:,} parameters train.",
            f"About {readable(need)} a replica beside the examples: {readable(self.state)} for weights and optimizer, "
            f"{readable(self.activations)} for a step.",
        ]
        if hasattr(os, "sysconf") and need > (have := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")):
            lines.append(
                f"This machine has {readable(have)}: a smaller batch_size or grad_accum_steps=2 and more may help."
            )
        return "\n".join(lines)


def make_plan(
    spec: Spec,
    model: keras.Model,
    feed: Feed,
    training: Training,
    ids: Sequence[str],
    *,
    tuned: Tuned | None = None,
    whole: keras.Model | None = None,
) -> Plan:
    """Try what a run will do, as far as it can be tried without training: the first batch goes through the model.

    Args:
        model: from what the feed gives to the model's outputs.
        ids: the names of the feed's examples.
        tuned: what trains of it; as the settings say, if not given.
        whole: the model with what was computed beforehand, the frozen blocks.

    Raises:
        MMZooError: the batch cannot be divided, it does not fit the model, or its loss is not a finite number.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    check_division(training, replicas)
    inputs, labels, *weights = next(iter(feed.batches(range(1))))
    inputs = with_given(spec, inputs, labels)
    check_shapes(model, inputs, labels, *weights, rows=training.batch_size)
    outputs = run_model(model, inputs)
    loss = float(total_loss(spec, outputs, labels, inputs["present"], *weights))
    if not math.isfinite(loss):
        names = ", ".join(f"'{ids[row]}'" for row in feed.examples(0))
        raise MMZooError(f"The loss of the first batch is {loss} before any training; look at its records: {names}.")
    tuned = tuned or tune(model, training)
    held, parameters = (sum(math.prod(v.shape) for v in each.variables) for each in (model, whole or model))
    added = sum(math.prod(factor.shape) for each in tuned.additions for factor in (each.a, each.b))
    rows = training.batch_size // (replicas * training.grad_accum_steps)
    copies = 3 + bool(training.ema_decay)  # the gradient, two moments, the average
    return Plan(
        examples=feed.count,
        steps=max(training.epochs * feed.count // training.batch_size, 1),
        epochs=training.epochs,
        batch_size=training.batch_size,
        replicas=replicas,
        trainable=tuned.size,
        parameters=parameters,
        state=4 * (2 * held + added + copies * tuned.size),
        activations=rows * sum(bytes_of(layer) for layer in model._flatten_layers(include_self=False)),
    )


def check_division(training: Training, replicas: int) -> None:
    """Raise unless every replica gets as many rows of a batch in each of its parts."""
    parts = replicas * training.grad_accum_steps
    require(
        training.batch_size % parts == 0,
        f"A batch of {training.batch_size} cannot be divided among {replicas} replicas"
        f"{f' in {training.grad_accum_steps} parts each' if training.grad_accum_steps > 1 else ''}; "
        f"make it a multiple of {parts}: "
        f"--set training.batch_size={-(-training.batch_size // parts) * parts}.",
    )


def check_shapes(
    model: keras.Model, inputs: dict[str, Tree], labels: Tree, weights: Tree | None = None, *, rows: int
) -> None:
    """Raise unless a batch is what the model takes, row for row."""
    require(
        inputs.keys() == model.input.keys(),
        f"The feed gives {', '.join(sorted(inputs))}, but the model takes {', '.join(sorted(model.input))}.",
    )
    for name, wanted in model.input.items():
        for tensor, like in zip(keras.tree.flatten(inputs[name]), keras.tree.flatten(wanted), strict=True):
            found, want = (*tensor.shape, tensor.dtype.name), (rows, *like.shape[1:], like.dtype)
            require(found == want, f"A batch of '{name}' is {found}, but the model takes {want}; mend the feed.")
    for name, label in ((name, label) for side, _ in sides(labels, weights) for name, label in side.items()):
        require(len(label) == rows, f"A batch has {len(label)} labels of '{name}' for {rows} examples; mend the feed.")


def bytes_of(layer: keras.layers.Layer) -> int:
    """What a layer of a graph puts out for one example; nothing of one that is inside another layer."""
    try:
        found = layer.output
    except (AttributeError, ValueError):
        return 0
    if isinstance(layer, keras.Model):
        return 0  # its layers are counted
    return sum(math.prod(t.shape[1:]) * np.dtype(size_type(t.dtype)).itemsize for t in keras.tree.flatten(found))


def size_type(dtype: str) -> str:
    """A type of NumPy that is as large."""
    return "float16" if dtype == "bfloat16" else dtype


def readable(count: int) -> str:
    """Bytes as MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
