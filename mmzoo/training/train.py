"""From records to a run in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.data.schema.options import TableName
from mmzoo.errors import check_number, require
from mmzoo.files import write_file
from mmzoo.files.folders import held
from mmzoo.messages.words import json_bytes
from mmzoo.models import find
from mmzoo.spec import Spec
from mmzoo.training.finished import check_finished
from mmzoo.training.run_folder.claim import claim, make_folder, next_free
from mmzoo.training.settings import Training, check_settings

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from mmzoo.graph.build import Multimodal


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
    on_model: Callable[[Multimodal], object] | None = None,
) -> Path:
    """Train `spec` on records into a folder, which is returned.

    Args:
        out: the run's folder; the next free `runs/N` if not given. A folder with an
            unfinished run of the same spec, settings and seed is gone on with.
        data, recipe: where the records came from, kept with the run.
        on_error, budget: see `mmzoo.data.faults.Faults`.
        strategy: the one whose scope this is called in, if not given.
        service: of a tf.data service that decodes the shards that `data` names.
        callbacks: of Keras; they are given the whole model.
        on_model: is given the trained model, which takes seconds to load again; not if there was nothing left to
            train, or a strategy was given, whose replicas hold its variables.

    Raises:
        MMZooError: a setting or a record is bad, `out` holds another run, or another process trains into it.
    """
    from mmzoo.training.methods import made

    training = training or Training()
    check_settings(spec, training)
    methods = made(training.methods)
    for other in filter(None, (training.init_from, *(folder for method in methods for folder in method.runs))):
        check_finished(find(other))
    for choice, method in zip(training.method_names, methods, strict=True):
        require(
            not method.needs_records or (validation is not None and not service),
            f"The method '{choice}' compares validation records with training records at hand; give validation "
            "records and train without a data service, or leave it out.",
        )
    shards = TableName.parse(data).path
    require(
        not service or (shards and Path(shards).is_dir() and training.balance != "sampling"),
        "With a data service 'data' names the folder of shards that the records are from (mmzoo data shard), "
        "and training.balance is not 'sampling'.",
    )
    check_number("The seed", seed, 0, 2**32 - 1, whole=True)
    folder = Path(out) if out is not None else next_free(Path("runs"))
    import tensorflow as tf

    from mmzoo.training.distribution.strategy import is_chief
    from mmzoo.training.fit import fit

    with (strategy or tf.distribute.get_strategy()).scope():
        chief = is_chief()
        if chief and folder.is_dir():
            with held(folder, "training"):  # else it would be said only after all records were looked at
                pass
        faults = Faults(on_error, budget)
        train = usable(spec, train, faults, "train", unlabelled=any(method.unlabelled for method in methods))
        validation = usable(spec, validation, faults, "validation") if validation is not None else None
        spec = spec.fit(train)
        settings = {"data": data, "training": training.to_json(), "seed": seed, "on_error": on_error, "budget": budget}
        settings |= {"columns": train.layout.to_json()} if train.layout is not None else {}
        if chief:
            make_folder(folder)
        # One worker makes and holds the folder; the others only look whether there is anything to do.
        with held(folder, "training") if chief else nullcontext():
            finished = folder / "model" / "card.json"
            if claim(folder, spec, settings, recipe) if chief else finished.exists():
                print(f"'{folder}' is trained already.")
                return folder
            if on_error != "error" and chief:
                write_file(folder / "data_errors.json", json_bytes(faults.to_json()))
                print(faults.table())
            model = fit(
                spec, train, validation, training, seed, folder, callbacks, (service, shards) if service else None
            )
            if on_model and strategy is None and not tf.distribute.has_strategy():
                on_model(model)
    return folder
