"""From records to a trained model in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.artifact import save
from mmzoo.data.balance import rows_of, weights_of
from mmzoo.data.records import Records, decode
from mmzoo.data.service import ServiceBatches
from mmzoo.errors import MMZooError
from mmzoo.files import subfolder
from mmzoo.graph.build import build, computing_in
from mmzoo.graph.cut import Split, presence_model, split
from mmzoo.inference.calibrate import calibrate
from mmzoo.inference.running import run_model
from mmzoo.labels import encode_labels
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.training.batches import Varied
from mmzoo.training.features import compute_features, first_view
from mmzoo.training.feed import Stream
from mmzoo.training.gradients import prepared
from mmzoo.training.loop import Loop, Validation
from mmzoo.training.mixing import Mixing
from mmzoo.training.plan import make_plan
from mmzoo.training.remote import Remote
from mmzoo.training.settings import Training
from mmzoo.training.start import begin_from
from mmzoo.training.strategy import added_up, is_chief
from mmzoo.training.teacher import lessons
from mmzoo.tuning.model import tune


def fit(
    spec: Spec,
    train: Records,
    validation: Records | None,
    training: Training,
    seed: int,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    service: tuple[str, str] | None = None,
) -> None:
    """Build the model of a fitted spec, train it in the strategy's scope that this is called in, and save it.

    Args:
        service: where a tf.data service is, and the shards that the training records are from; it decodes them.

    Raises:
        MMZooError: a record is bad, or what `Loop.run` raises.
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    keras.utils.set_random_seed(seed)
    with computing_in(training.precision):
        model = build(spec)
    if training.start:
        begin_from(model, training.start)
    if training.teacher and is_chief():
        print(f"Learning from '{training.teacher}' ({training.teacher_share:.0%} of the loss).")
    # Features of frozen networks are computed from records that are at hand.
    part = split(model) if service is None else Split({}, model)
    memory = training.memory * 1e9
    checked = None
    if validation is not None:
        held_out = compute_features(part, spec, decode(spec, validation, memory=memory), what="validation features")
        checked = (first_view(held_out), encode_labels(spec.tasks, validation))
    frozen = frozenset(name for name, each in model.parts.inputs.items() if each.frozen_network)
    feed = (
        local_feed(part, spec, train, training, seed)
        if service is None
        else remote_feed(spec, train, training, seed, frozen, *service)
    )
    rest = prepared(part.rest, spec, training)
    tuned = tune(rest, training)
    plan = make_plan(spec, rest, feed, training, train.ids, tuned=tuned, whole=model)
    if is_chief():
        print(plan.text())
    more: dict[str, Any] = {"callbacks": callbacks, "whole": model, "tuned": tuned}
    if training.blend:
        more["seen"] = some_of(feed, checked)
    loop = Loop(spec, rest, feed, checked, training, folder, ids=train.ids, **more)
    loop.run()
    if is_chief():
        if training.precision != "float32":
            model = in_float32(model)
            part = split(model)
        if checked is not None:
            here = run_model(presence_model(part.rest), checked[0])[PRESENT]
            calibrate(model, spec, run_model(part.rest, checked[0]), checked[1], here)
        loop.check_folder()
        save(model, subfolder(folder, "model"))
    added_up([0.0])  # the other workers wait until the model is there


def local_feed(part: Split, spec: Spec, train: Records, training: Training, seed: int) -> Stream:
    """The feed of records that are decoded here, through what is frozen of the model."""
    given = decode(spec, train, memory=training.memory * 1e9)
    labels, first = labels_of(spec, train, training), spec.tasks[0]
    return Stream(
        compute_features(part, spec, given, views=training.views, seed=seed, what="train features"),
        labels,
        varied_of(spec, training, labels, computed=part.frozen),
        batch_size=training.batch_size,
        seed=seed,
        table=rows_of(first, labels[first.name]) if training.balance == "sampling" else None,
    )


def some_of(feed: Stream | Remote, checked: Validation | None) -> Validation:
    """As many of a feed's examples as are `checked`, or all, spread over them, as they are; and their labels."""
    if checked is None or isinstance(feed, Remote):
        raise MMZooError(
            "'blend' compares validation records with training records at hand; give validation records and train "
            "without a data service, or set 'blend' to 0."
        )
    total = len(feed.features["present"])
    rows = np.linspace(0, total - 1, min(len(checked[0]["present"]), total)).astype(int)
    features = keras.tree.map_structure(lambda a: a[rows], first_view(feed.features))
    return features, {name: label[rows] for name, label in feed.labels.items()}


def remote_feed(
    spec: Spec, train: Records, training: Training, seed: int, frozen: frozenset[str], service: str, shards: str
) -> Remote:
    """The feed of records that a tf.data service decodes; `frozen` are the inputs that a frozen network reads."""
    source = ServiceBatches(spec, train, shards, service=service, seed=seed)
    labels = labels_of(spec, train, training)
    return Remote(
        source, labels, varied_of(spec, training, labels, frozen=frozen), batch_size=training.batch_size, seed=seed
    )


def labels_of(spec: Spec, train: Records, training: Training) -> dict[str, Any]:
    """The labels of the records, with what the teacher answers, if there is one."""
    taught = lessons(training.teacher, spec, train) if training.teacher else {}
    # What a teacher says of records without a label is worth learning.
    return {**encode_labels(spec.tasks, train, unlabelled=bool(training.teacher)), **taught}


def varied_of(
    spec: Spec,
    training: Training,
    labels: dict[str, Any],
    *,
    computed: Iterable[str] = (),
    frozen: frozenset[str] = frozenset(),
) -> Varied:
    """What the settings want drawn; `computed` are the inputs that come as features."""
    first, how = spec.tasks[0], training.mix
    return Varied(
        training.modality_dropout,
        training.views,
        frozen,
        weights_of(first, labels[first.name]) if training.balance == "weights" else None,
        None if how == "none" else Mixing(how, training.mix_alpha, tuple(spec.inputs), frozenset(computed)),
    )


def in_float32(model: Any) -> Any:
    """The same model, with the same weights, computing in float32."""
    with computing_in("float32"):
        same = build(model.spec, files=model.assets)
    same.set_weights(model.get_weights())
    return same
