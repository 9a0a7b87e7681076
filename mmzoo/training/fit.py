"""From records to a trained model in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.artifact import save
from mmzoo.data.balance import rows_of, weights_of
from mmzoo.data.records import Records, decode
from mmzoo.data.shards.service import ServiceBatches
from mmzoo.errors import require
from mmzoo.files import subfolder
from mmzoo.graph.build import build, computing_in
from mmzoo.graph.cut import Split, split
from mmzoo.inference.calibrate import calibrate
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.training.distribution.strategy import added_up, is_chief
from mmzoo.training.features.compute import compute_features, first_variant
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.feeds.remote import Remote
from mmzoo.training.fitted.start import start_vectors
from mmzoo.training.fitted.trees import fit_trees
from mmzoo.training.fitted.vectors import check_bank, fit_vectors
from mmzoo.training.loop import Loop
from mmzoo.training.methods import made
from mmzoo.training.model.hiding import hiding, partly_hidden
from mmzoo.training.model.init_from import init_from
from mmzoo.training.monitoring.samples import samples_of
from mmzoo.training.plan import make_plan
from mmzoo.training.settings import Training
from mmzoo.training.step import prepared
from mmzoo.tuning.model import tune

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def fit(
    spec: Spec,
    train: Records,
    validation: Records | None,
    training: Training,
    seed: int,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    service: tuple[str, str] | None = None,
) -> keras.Model:
    """Build the model of a fitted spec, train it in the strategy's scope that this is called in, and save it.

    Returns the model that was saved.

    Args:
        service: where a tf.data service is, and the shards that the training records are from; it decodes them.

    Raises:
        MMZooError: a record is bad, or what `Loop.run` raises.
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    keras.utils.set_random_seed(seed)
    with computing_in(training.precision):
        model = build(spec)
    if training.init_from:
        init_from(model, training.init_from)
    unseen = fitted(model, spec, train, seed, callbacks, here=service is None)
    # Features of frozen networks are computed from records that are at hand.
    part = split(model) if service is None else Split({}, model)
    memory = training.memory * 1e9
    checked = None
    if validation is not None:
        held_out = compute_features(part, spec, decode(spec, validation, memory=memory), what="validation features")
        checked = (first_variant(held_out), encode_labels(spec.tasks, validation))
    frozen = frozenset(name for name, each in model.parts.inputs.items() if each.frozen_network)
    feed = (
        local_feed(part, spec, train, training, seed, unseen)
        if service is None
        else remote_feed(spec, train, training, seed, frozen, *service)
    )
    check_bank(part.rest, spec, here=service is None)
    rest = prepared(spec, part.rest, training)
    started = [] if training.init_from else start_vectors(part.rest, spec, feed, model)
    tuned = tune(rest, training)
    plan = make_plan(spec, rest, feed, training, train.ids, tuned=tuned, whole=model)
    if is_chief():
        print(plan.text())
    shown = samples_of(spec, part.rest, checked, None if service else feed, training, folder)
    loop = Loop(
        *(spec, rest, feed, checked and partly_hidden(spec, *checked), training, folder),
        ids=train.ids,
        callbacks=[*callbacks, *shown],
        whole=model,
        tuned=tuned,
        started=bool(started),
    )
    loop.run()
    if is_chief():
        if training.precision != "float32":
            model = in_float32(model)
            part = split(model)
        if checked is not None:
            if service is None:
                fit_vectors(part.rest, spec, feed, *checked)
            calibrate(part.rest, spec, *checked)
        for layer in model.layers:
            if said := getattr(layer, "said_after_training", str)():
                print(said, flush=True)
        loop.check_folder()
        save(model, subfolder(folder, "model"))
    added_up([0.0])  # the other workers wait until the model is there
    return model


def fitted(
    model: Multimodal,
    spec: Spec,
    train: Records,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    here: bool,
) -> dict[str, np.ndarray]:
    """What `mmzoo.training.fitted.trees` gives where a tower is to be fitted; it ends early if a callback `is_over`.

    Args:
        here: are the records decoded here?
    """
    if not any(part.fitted for part in model.parts.inputs.values()):
        return {}
    require(here, "A tower that is fitted to all records, such as 'boosted_trees', needs them without a data service.")
    labels = encode_labels(spec.tasks, train, unlabelled=True)

    def enough() -> bool:
        return any(getattr(each, "is_over", bool)() for each in callbacks)

    return fit_trees(model, spec, decode(spec, train, memory=0), labels, seed, enough)


def local_feed(
    part: Split, spec: Spec, train: Records, training: Training, seed: int, unseen: Mapping[str, np.ndarray]
) -> Stream:
    """The feed of records that are decoded here, through what is frozen of the model.

    Args:
        unseen: by input, what stands in for what the frozen part makes of these records, (N, ...).
    """
    given = decode(spec, train, memory=training.memory * 1e9)
    labels, first = labels_of(spec, train, training), spec.tasks[0]
    features = compute_features(part, spec, given, num_variants=training.num_variants, seed=seed, what="train features")
    for name, array in unseen.items():
        if name in part.frozen:
            features[name] = np.repeat(array[:, None], features[name].shape[1], axis=1)
    return Stream(
        features,
        labels,
        varied_of(spec, training, labels, computed=part.frozen),
        batch_size=training.batch_size,
        seed=seed,
        table=rows_of(first, labels[first.name]) if training.balance == "sampling" else None,
    )


def remote_feed(
    spec: Spec, train: Records, training: Training, seed: int, frozen: frozenset[str], service: str, shards: str
) -> Remote:
    """The feed of records that a tf.data service decodes; `frozen` are the inputs that a frozen network reads."""
    source = ServiceBatches(spec, train, shards, service=service, seed=seed)
    labels = labels_of(spec, train, training)
    return Remote(
        source, labels, varied_of(spec, training, labels, frozen=frozen), batch_size=training.batch_size, seed=seed
    )


def labels_of(spec: Spec, train: Records, training: Training) -> dict[str, np.ndarray]:
    """The labels of the records, with those that methods add."""
    methods = made(training.methods)
    labels = encode_labels(spec.tasks, train, unlabelled=any(method.unlabelled for method in methods))
    for method in methods:
        labels |= method.labels(spec, train)
    return labels


def varied_of(
    spec: Spec,
    training: Training,
    labels: dict[str, Tensor],
    *,
    computed: Iterable[str] = (),
    frozen: frozenset[str] = frozenset(),
) -> Varied:
    """What the settings want drawn; `computed` are the inputs that come as features."""
    first = spec.tasks[0]
    return Varied(
        training.modality_dropout,
        training.num_variants,
        frozen,
        weights_of(first, labels[first.name]) if training.balance == "weights" else None,
        [*hiding(spec), *made(training.methods)],
        {item.name: None if item.name in computed else item for item in spec.inputs},
    )


def in_float32(model: Multimodal) -> Multimodal:
    """The same model, with the same weights, computing in float32."""
    with computing_in("float32"):
        same = build(model.spec, files=model.assets)
    same.set_weights(model.get_weights())
    return same
