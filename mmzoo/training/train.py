"""From records to a run in a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mmzoo.data.faults import Faults, usable
from mmzoo.data.options import TableName
from mmzoo.data.records import Records
from mmzoo.errors import check_number, require
from mmzoo.files import write_file
from mmzoo.folders import held
from mmzoo.spec import Spec
from mmzoo.training.checks import check_settings
from mmzoo.training.claim import claim, make_folder, next_free
from mmzoo.training.finished import check_finished
from mmzoo.training.settings import Training
from mmzoo.words import json_bytes


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
    strategy: Any = None,
    callbacks: Sequence[Any] = (),
    service: str = "",
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

    Raises:
        MMZooError: a setting or a record is bad, `out` holds another run, or another process trains into it.
    """
    training = training or Training()
    check_settings(spec, training)
    for other in filter(None, (training.teacher, training.start)):
        check_finished(other)
    shards = TableName.parse(data).path
    require(
        not service or (shards and Path(shards).is_dir() and training.balance != "sampling"),
        "With a data service 'data' names the folder of shards that the records are from (mmzoo shard), "
        "and training.balance is not 'sampling'.",
    )
    check_number("The seed", seed, 0, 2**32 - 1, whole=True)
    folder = Path(out) if out is not None else next_free(Path("runs"))
    import tensorflow as tf

    from mmzoo.training.fit import fit
    from mmzoo.training.strategy import is_chief

    with (strategy or tf.distribute.get_strategy()).scope():
        chief = is_chief()
        if chief and folder.is_dir():
            with held(folder, "training"):  # else it would be said only after all records were looked at
                pass
        faults = Faults(on_error, budget)
        train = usable(spec, train, faults, "train", unlabelled=bool(training.teacher))
        validation = usable(spec, validation, faults, "validation") if validation is not None else None
        spec = spec.fit(train)
        settings = {"data": data, "training": training.to_json(), "seed": seed, "on_error": on_error, "budget": budget}
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
            fit(spec, train, validation, training, seed, folder, callbacks, (service, shards) if service else None)
    return folder
