"""A run: one folder from the first step of training to the exported file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.files import write_file
from mmzoo.folder import load
from mmzoo.spec import Spec
from mmzoo.training.checks import check_settings
from mmzoo.training.settings import Training

BEFORE_TRAINING = ("spec.json", "run.json", "machine.txt", "recipe.py", "data_errors.json")
"""What a run's folder holds before there is anything to lose."""


class Run:
    """A finished training run in a folder.

    spec.json, run.json (settings and seed), recipe.py, history.jsonl, checkpoints/,
    model/, and once asked for: metrics.json, report.html, export/.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        require(
            (self.folder / "spec.json").is_file(),
            f"'{folder}' is not a run: it has no spec.json; make one with: mmzoo train RECIPE --out {folder}",
        )
        require(
            (self.folder / "model" / "card.json").is_file(),
            f"The run '{folder}' is not finished; go on with the mmzoo train command that began it.",
        )

    @cached_property
    def model(self) -> keras.Model:
        """The trained model."""
        return load(self.folder / "model")

    @property
    def spec(self) -> Spec:
        return self.model.spec  # type: ignore[no-any-return]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the run was started with: `data`, `training`, `seed`."""
        return dict(json.loads((self.folder / "run.json").read_text("utf-8")))

    @property
    def machine(self) -> str:
        """What the run was begun on, in words."""
        path = self.folder / "machine.txt"
        return path.read_text("utf-8").strip() if path.exists() else "not known"

    def records(self, split: str = "test") -> Records:
        """A split of the data set that the run was trained on."""
        require(
            self.settings["data"], f"The run '{self.folder}' was not trained on a named data set; give the records."
        )
        return self.splits[split]

    @cached_property
    def splits(self) -> dict[str, Records]:
        """All splits of that data set; whoever has read them already may set this."""
        from mmzoo.datasets import load as load_data

        return dict(zip(("train", "validation", "test"), load_data(self.settings["data"]), strict=True))

    def usable(self, records: Records, split: str) -> Records:
        """The records that can be used, as the run was told to treat the others; what is left out is printed."""
        faults = Faults(self.settings.get("on_error", "error"), self.settings.get("budget", 0.01))
        kept = usable(self.spec, records, faults, split)
        if faults.bad:
            print(faults.table())
        return kept

    def evaluate(
        self,
        records: Records | None = None,
        *,
        split: str = "test",
        validation: Records | None = None,
        noise: bool = False,
        alone: bool = False,
        dropout: int = 0,
        ensemble: Sequence[Run] = (),
        strange: Records | str | None = None,
    ) -> dict[str, Any]:
        """Metrics with every subset of the modalities; writes metrics.json and report.html, returns the first.

        Args:
            records: in place of a split of the run's data set.
            validation: what temperatures and conformal thresholds are fitted on; that of the data set, if not given.
            noise: measure each modality under noise too.
            alone: train a model of each modality by itself too, with the run's settings, into `alone/` in its folder.
            dropout: draws under dropout; what they disagree on is a sign of doubt.
            ensemble: other runs of the same task, which answer together with this one.
            strange: records unlike those learned, or a table or data set of such: how well are they told apart?
        """
        from mmzoo.evaluation.evaluate import evaluate
        from mmzoo.evaluation.report import write_report

        records = records if records is not None else self.records(split)
        if validation is None and self.settings["data"] and split != "validation":
            validation = self.records("validation")
        records = self.usable(records, split)
        validation = self.usable(validation, "validation") if validation is not None else None
        result = evaluate(self.model, records, split, validation=validation, noise=noise)
        if alone and len(self.model.spec.inputs) > 1:
            from mmzoo.evaluation.alone import trained_alone

            result = replace(result, alone=trained_alone(self, records, result.worths[result.everything]))
        if dropout or ensemble or strange is not None:
            result = replace(result, doubts=self._doubts(records, dropout, ensemble, strange))
        write_file(self.folder / "metrics.json", json.dumps(result.to_json(), indent=1, ensure_ascii=False).encode())
        write_report(self, records, result)
        return result.to_json()

    def _doubts(
        self, records: Records, dropout: int, ensemble: Sequence[Run], strange: Records | str | None
    ) -> dict[str, Any]:
        from mmzoo.evaluation.doubt import doubts, strangers

        check_number("The number of draws under dropout", dropout, 0, 1000, whole=True)
        task = self.spec.tasks[0]
        for other in ensemble:
            theirs = other.spec.tasks[0]
            require(
                (theirs.name, theirs.kind, theirs.labels) == (task.name, task.kind, task.labels),
                f"The run '{other.folder}' has another first task than '{self.folder}'; an ensemble has one task.",
            )
        strange = strangers(self.spec, strange) if isinstance(strange, str) else strange
        training = self.records("train") if strange is not None and self.settings["data"] else None
        others = [other.model for other in ensemble]
        return doubts(self.model, records, dropout=dropout, others=others, strange=strange, training=training)

    def export(
        self,
        format: str = "tflite",
        records: Records | None = None,
        *,
        variants: Sequence[str] | None = None,
        training: Records | None = None,
        allow_loss: bool = False,
        fit: str | None = None,
    ) -> list[dict[str, Any]]:
        """Write export/ as "saved_model", "tflite", "onnx" or "web", proven equal to the model; report.json's rows.

        The other arguments are `mmzoo.export.export.export`'s; `variants` is "fp32" if not given, "all" with `fit`,
        and for a page the one that was the best of several.
        """
        from mmzoo.export.export import export, usual_variants

        variants = variants or usual_variants(self.folder / "export", format, fit)
        records = self.usable(records if records is not None else self.records("test"), "test")
        if training is None and self.settings["data"] and {"int8", "all"} & set(variants):
            training = self.records("train")
        return export(self, format, records, variants=variants, training=training, allow_loss=allow_loss, fit=fit)

    def explain(self, record: dict[str, Any], **options: Any) -> Any:
        """Why the model answers one record as it does; see `mmzoo.explain`."""
        from mmzoo.evaluation.explain import explain

        return explain(self.model, record, **options)

    def predict(self, record: dict[str, Any]) -> dict[str, Any]:
        """The answer to one record: any subset of the inputs by name, each a path, bytes, an array or a string.

        Returns, by task, `{label: probability}` or a list of numbers; of a task that weighs evidence also its
        uncertainty, as `<task>_uncertainty`.
        """
        return predict(self.model, record)


def predict(model: keras.Model, record: dict[str, Any]) -> dict[str, Any]:
    """One record through a model: by task, `{label: probability}`, or the numbers of a regression."""
    from mmzoo.evaluation.metrics import finish, run_model

    spec: Spec = model.spec
    for name in record:
        require(name in spec.input_names, f"The model has no input '{name}'; it has: {', '.join(spec.input_names)}.")
    require(record, f"Give at least one of the inputs: {', '.join(spec.input_names)}.")
    columns = {name: [record.get(name)] for name in spec.input_names}
    outputs = run_model(model, decode(spec, Records(columns, ["input"])))
    answers = finish(spec, outputs)
    found: dict[str, Any] = {task.name: task.readable(answers[task.name][0]) for task in spec.tasks}
    for task in spec.tasks:
        if (doubt := task.uncertainty(outputs[task.name])) is not None:
            found[task.uncertainty_name] = [float(np.asarray(doubt)[0, 0])]
    return found


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
            the shards that `data` names; see `mmzoo.data.service`. Two runs then differ.
        callbacks: of Keras; they are given the whole model, at the end of an epoch with the weights that would be kept.

    Raises:
        MMZooError: a record is bad, or `out` holds another run.
    """
    training = training or Training()
    check_settings(spec, training)
    for other in filter(None, (training.teacher, training.start)):
        Run(other)  # is one, and finished
    shards = data.partition("#")[0]
    require(
        not service or (shards and Path(shards).is_dir() and training.balance != "sampling"),
        "With a data service 'data' names the folder of shards that the records are from (mmzoo shard), "
        "and training.balance is not 'sampling'.",
    )
    folder = Path(out) if out is not None else next_free(Path("runs"))
    faults = Faults(on_error, budget)
    train = usable(spec, train, faults, "train", unlabelled=bool(training.teacher))
    validation = usable(spec, validation, faults, "validation") if validation is not None else None
    spec = spec.fit(train)
    settings = {"data": data, "training": training.to_json(), "seed": seed, "on_error": on_error, "budget": budget}
    import tensorflow as tf

    from mmzoo.training.fit import fit
    from mmzoo.training.strategy import is_chief

    with (strategy or tf.distribute.get_strategy()).scope():
        # One worker makes the folder; the others only look whether there is anything to do.
        finished = folder / "model" / "card.json"
        if claim(folder, spec, settings, recipe) if is_chief() else finished.exists():
            print(f"'{folder}' is trained already.")
            return Run(folder)
        if on_error != "error" and is_chief():
            write_file(folder / "data_errors.json", json.dumps(faults.to_json(), indent=1, ensure_ascii=False).encode())
            print(faults.table())
        fit(spec, train, validation, training, seed, folder, callbacks, (service, shards) if service else None)
    return Run(folder)


def claim(folder: Path, spec: Spec, settings: dict[str, Any], recipe: Path | None) -> bool:
    """Make `folder` this run's, or see that it is; True where the run is finished.

    Nothing that was there before is overwritten, but for the settings of a run that ended before its first checkpoint.
    """
    wanted = {"spec.json": spec.to_json(), "run.json": settings}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another --out.") from error
    if not any((folder / begun).exists() for begun in ("checkpoints", "model")):
        others = [path.name for path in folder.iterdir() if path.name not in BEFORE_TRAINING]
        require(
            not others, f"The folder '{folder}' is not empty and holds no run ({others[:1]}); choose another --out."
        )
        from mmzoo.training.machine import machine

        write_file(folder / "machine.txt", f"{machine()}\n".encode())
        for name, value in reversed(wanted.items()):
            write_file(folder / name, json.dumps(value, indent=1, ensure_ascii=False).encode())
        if recipe:
            shutil.copyfile(recipe, folder / "recipe.py")
        return False
    for name, value in wanted.items():
        there = json.loads((folder / name).read_text("utf-8"))
        what = "another spec" if name == "spec.json" else "other settings, data or seed"
        require(there == value, f"'{folder}' holds a run with {what}; choose another --out or remove the folder first.")
    return (folder / "model" / "card.json").exists()


def next_free(folder: Path) -> Path:
    """The first of `folder/1`, `folder/2` ... that does not exist."""
    number = 1
    while (folder / str(number)).exists():
        number += 1
    return folder / str(number)
