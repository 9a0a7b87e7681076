"""From records to a trained model in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from mmzoo.builder import build
from mmzoo.data.balance import rows_of, weights_of
from mmzoo.data.records import Records, decode, encode_labels
from mmzoo.evaluation.metrics import run_model
from mmzoo.folder import save
from mmzoo.spec import Spec
from mmzoo.training.calibrate import calibrate
from mmzoo.training.features import compute_features, first_view, split
from mmzoo.training.feed import Stream
from mmzoo.training.loop import Loop
from mmzoo.training.mixing import Mixing
from mmzoo.training.plan import make_plan
from mmzoo.training.settings import Training
from mmzoo.training.strategy import added_up, is_chief
from mmzoo.tuning.model import tune


def fit(
    spec: Spec,
    train: Records,
    validation: Records | None,
    training: Training,
    seed: int,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Build the model of a fitted spec, train it in the strategy's scope that this is called in, and save it.

    Raises:
        MMZooError: a record is bad, or what `Loop.run` raises.
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    keras.utils.set_random_seed(seed)
    with computing_in(training.precision):
        model = build(spec)
    part = split(model)
    memory = training.memory * 1e9
    given = decode(spec, train, memory=memory / training.views)
    features = compute_features(part, spec, given, views=training.views, seed=seed, what="train features")
    checked = None
    if validation is not None:
        held_out = compute_features(part, spec, decode(spec, validation, memory=memory), what="validation features")
        checked = (first_view(held_out), encode_labels(spec, validation))
    labels = encode_labels(spec, train)
    first = spec.tasks[0]
    feed = Stream(
        features,
        labels,
        batch_size=training.batch_size,
        seed=seed,
        modality_dropout=training.modality_dropout,
        views=training.views,
        table=rows_of(first, labels[first.name]) if training.balance == "sampling" else None,
        weights=weights_of(first, labels[first.name]) if training.balance == "weights" else None,
        mixing=mixing_of(spec, training, part.trunks),
    )
    tuned = tune(part.rest, training)
    plan = make_plan(spec, part.rest, feed, training, train.ids, tuned=tuned, whole=model)
    if is_chief():
        print(plan.text())
    Loop(
        spec, part.rest, feed, checked, training, folder, ids=train.ids, callbacks=callbacks, whole=model, tuned=tuned
    ).run()
    if is_chief():
        if training.precision != "float32":
            model = in_float32(model)
            part = split(model)
        if checked is not None:
            calibrate(model, spec, run_model(part.rest, checked[0]), checked[1], checked[0]["present"])
        save(model, folder / "model")
    added_up([0.0])  # the other workers wait until the model is there


def mixing_of(spec: Spec, training: Training, trunks: Iterable[str]) -> Mixing | None:
    """How the settings want examples mixed; `trunks` are the inputs that come as features."""
    if training.mix == "none":
        return None
    return Mixing(training.mix, training.mix_alpha, tuple(spec.inputs), frozenset(trunks))


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made inside compute in this precision; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(model: Any) -> Any:
    """The same model, with the same weights, computing in float32."""
    with computing_in("float32"):
        same = build(model.spec, files=model.assets)
    same.set_weights(model.get_weights())
    return same
