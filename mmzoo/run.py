"""A run: one folder from the first step of training to the exported file."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from mmzoo.artifact import load
from mmzoo.data.faults import Faults, usable
from mmzoo.data.options import TableName
from mmzoo.data.records import Records
from mmzoo.errors import check_number, require
from mmzoo.files import write_file
from mmzoo.folders import check_no_link, held
from mmzoo.inference.predict import predict
from mmzoo.reports.notebook import html_of, text_of
from mmzoo.spec import Spec
from mmzoo.training.finished import check_finished
from mmzoo.training.notes import made_in, read_machine, read_settings
from mmzoo.training.settings import Training
from mmzoo.training.train import train as train_folder
from mmzoo.words import json_bytes, one_line

if TYPE_CHECKING:
    import tensorflow as tf


class Run:
    """A finished training run in a folder.

    spec.json, run.json (settings and seed), recipe.py, history.jsonl, checkpoints/,
    model/, and once asked for: metrics.json, report.html, export/.

    Args:
        folder: may be reached through links; nothing in it may be one.
        data: the data set, or the table and its label, in place of the one that the run was trained on. A run that was
            made elsewhere names a table of this machine, which is only read if it is named here too.

    Raises:
        MMZooError: the folder holds no finished run.
    """

    def __init__(self, folder: str | Path, *, data: str = "") -> None:
        self.folder, self._data = Path(folder), data
        check_finished(folder)

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_of(self)

    @cached_property
    def model(self) -> keras.Model:
        """The trained model."""
        return load(self.folder / "model")

    @property
    def spec(self) -> Spec:
        return self.model.spec  # type: ignore[no-any-return]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the run was started with: `data`, `training`, `seed`, `on_error`, `budget`."""
        return read_settings(self.folder)

    @property
    def machine(self) -> str:
        """What the run was begun on, in words."""
        return read_machine(self.folder)

    @property
    def data(self) -> str:
        """The name of its data set, or its table and the label; "" where it was trained on records without a name."""
        return self._data or str(self.settings["data"])

    @property
    def has_data(self) -> bool:
        """Are there records that may be read?"""
        return "splits" in vars(self) or (bool(self.data) and not self._foreign)

    @property
    def _foreign(self) -> bool:
        """Is its table one that whoever made the run elsewhere has named, and not the user?"""
        if self._data or "splits" in vars(self) or "#" not in self.data:
            return False
        return bool(self.settings.get("made_in") != made_in(self.folder))

    def records(self, split: str = "test") -> Records:
        """A split of the data set that the run was trained on.

        Raises:
            MMZooError: it was trained on none with a name; or on a table, and its folder was moved since.
        """
        given = self.data or "splits" in vars(self)
        require(given, f"The run '{self.folder}' was not trained on a named data set; give the records.")
        return self.splits[split]

    @cached_property
    def splits(self) -> dict[str, Records]:
        """All splits of that data set; whoever has read them already may set this."""
        from mmzoo.datasets import load as load_data

        table = TableName.parse(self.data)
        path = one_line(table.path)
        require(
            not self._foreign,
            f"The run '{self.folder}' was made in another folder, or by somebody else, and names "
            f"'{path}' as its records, which is not read unasked; if it is to be, or where they are now, say "
            f"--data {shlex.quote(one_line(self.data))} (in Python: Run(folder, data=...)).",
        )
        if table.label and not self._data:  # a warning, so that it is seen from Python too
            logging.getLogger("mmzoo").warning(f"Reading the table '{path}' that the run was trained on.")
        return dict(zip(("train", "validation", "test"), load_data(self.data), strict=True))

    def usable(self, records: Records, split: str) -> Records:
        """The records that can be used, as the run was told to treat the others; what is left out is printed."""
        faults = Faults(self.settings["on_error"], self.settings["budget"])
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
        unimodal: bool = False,
        mc_dropout: int = 0,
        ensemble: Sequence[Run] = (),
        ood: Records | str | None = None,
    ) -> dict[str, Any]:
        """Metrics with every subset of the modalities; writes metrics.json and report.html, returns the first.

        Args:
            records: in place of a split of the run's data set.
            validation: what temperatures and conformal thresholds are fitted on; that of the data set, if not given and
                if it may be read.
            noise: measure each modality under noise too.
            unimodal: train a model of each modality by itself too, with the run's settings, into `unimodal/` in its
                folder.
            mc_dropout: draws under dropout; what they disagree on is a uncertainty score.
            ensemble: other runs of the same task, which answer together with this one.
            ood: records unlike those learned, or a table or data set of such: how well are they told apart?
        """
        from mmzoo.evaluation.evaluate import evaluate
        from mmzoo.reports.report import write_report

        check_no_link(self.folder / "pictures")
        records = records if records is not None else self.records(split)
        if validation is None and self.has_data and split != "validation":
            validation = self.records("validation")
        records = self.usable(records, split)
        validation = self.usable(validation, "validation") if validation is not None else None
        result = evaluate(self.model, records, split, validation=validation, noise=noise)
        if unimodal and len(self.model.spec.inputs) > 1:
            scores = {each.name: each.scores[each.everything] for each in result.tasks.values() if not each.reason}
            result = result.with_found("unimodal", self._alone(records, scores))
        if mc_dropout or ensemble or ood is not None:
            result = result.with_found("uncertainty", self._uncertainty(records, mc_dropout, ensemble, ood))
        data = result.to_json()
        with held(self.folder, "process", wait=True):
            write_file(self.folder / "metrics.json", json_bytes(data))
            write_report(self, records, result)
        return data

    def _alone(self, records: Records, scores: dict[str, Any]) -> dict[str, Any]:
        from mmzoo.evaluation.analyses.unimodal import train_unimodal

        options = {key: self.settings[key] for key in ("seed", "on_error", "budget")}
        return train_unimodal(
            self.spec,
            self.records("train"),
            self.records("validation"),
            records,
            scores,
            folder=self.folder,
            training=Training.from_json(self.settings["training"]),
            data=self.data,
            **options,
        )

    def _uncertainty(
        self, records: Records, mc_dropout: int, ensemble: Sequence[Run], ood: Records | str | None
    ) -> dict[str, Any]:
        from mmzoo.evaluation.analyses.failure_detection import failure_detection, ood_records
        from mmzoo.evaluation.compare import shared_tasks

        check_number("The number of draws under dropout", mc_dropout, 0, 1000, whole=True)
        for other in ensemble:
            require(
                len(shared_tasks([self.spec, other.spec])) == len(self.spec.tasks),
                f"The run '{other.folder}' has other tasks than '{self.folder}'; an ensemble needs the same.",
            )
        ood = ood_records(self.spec, ood) if isinstance(ood, str) else ood
        training = self.records("train") if ood is not None and self.has_data else None
        others = [other.model for other in ensemble]
        return failure_detection(self.model, records, draws=mc_dropout, others=others, ood=ood, training=training)

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
        """Write export/ in a format (`mmzoo list formats`), proven equal to the model; report.json's rows.

        The other arguments are `mmzoo.export.export.export`'s; `variants` are the usual ones of the format if not given
        (of a .tflite "fp32"), "all" with `fit`, and for a page the one that was the best of several.
        """
        from mmzoo.export.export import export, is_calibrated, wanted_variants

        check_no_link(self.folder / "export")
        wanted = wanted_variants(self.folder / "export", format, variants, fit)
        records = self.usable(records if records is not None else self.records("test"), "test")
        if training is None and self.data and is_calibrated(format, wanted):
            training = self.records("train")
        return export(self, format, records, variants=wanted, training=training, allow_loss=allow_loss, fit=fit)

    def explain(self, record: dict[str, Any], **options: Any) -> Any:
        """Why the model answers one record as it does; see `mmzoo.explain`."""
        from mmzoo.explanation.explain import explain

        return explain(self.model, record, **options)

    def predict(self, record: dict[str, Any]) -> dict[str, Any]:
        """The answer to one record: any subset of the inputs by name, each a path, bytes, an array or a string.

        Returns, by task, `{label: probability}` or a list of numbers; of a task that weighs evidence also its
        uncertainty, as `<task>_uncertainty`.
        """
        return predict(self.model, record)


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
            the shards that `data` names; see `mmzoo.data.service`. Two runs then differ.
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
