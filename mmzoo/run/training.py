"""From records to a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from mmzoo.data.records import Records
from mmzoo.run import Run
from mmzoo.spec import Spec
from mmzoo.training.settings import Training
from mmzoo.training.train import train as train_folder

if TYPE_CHECKING:
    import tensorflow as tf


def train(
    spec: Spec,
    train: Records,
    validation: Records | None = None,
    *,
    training: Training | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    data: str = "",
    recipe: Path | None = None,
    on_error: str = "error",
    budget: float = 0.01,
    strategy: tf.distribute.Strategy | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    service: str = "",
) -> Run:
    """Train `spec` on records and return the run.

    Args:
        validation: chooses the best epoch; without it the last is kept.
        out: the run's folder; the next free `runs/N` if not given. A folder with an
            unfinished run of the same spec, settings and seed is gone on with.
        data, recipe: where the records came from, kept with the run.
        on_error, budget: what is done about records that cannot be used; see `mmzoo.data.faults.Faults`. With
            "skip" and "mask" they are counted by cause in `data_errors.json`.
        strategy: a `tf.distribute.Strategy` to compute on; if not given, the one whose scope this is called in.
            The result does not depend on it, nor need a run be gone on with on the one that it began on.
        service: "grpc://host:port" of a tf.data service that decodes the training records, which must be those of
            the shards that `data` names; see `mmzoo.data.shards.service`. Two runs then differ.
        callbacks: of Keras; they are given the whole model, at the end of an epoch with the weights that would be kept.

    Raises:
        MMZooError: a setting or a record is bad, `out` holds another run, or another process trains into it.
    """
    made: list[keras.Model] = []
    run = Run(
        train_folder(
            spec,
            train,
            validation,
            training=training,
            seed=seed,
            out=out,
            data=data,
            recipe=recipe,
            on_error=on_error,
            budget=budget,
            strategy=strategy,
            callbacks=callbacks,
            service=service,
            on_model=made.append,
        )
    )
    if made:
        run.model = made[0]
    return run
