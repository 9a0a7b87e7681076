"""A run: one folder from the first step of training to the exported file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.aliases import Raw
from mmzoo.answers.again import records_of
from mmzoo.data.records import Records
from mmzoo.data.rereading import table_name
from mmzoo.data.schema.options import Options
from mmzoo.files.folders import check_no_link
from mmzoo.reports.notebook import html_of, text_of
from mmzoo.run.answering import Answering
from mmzoo.run.seen import warn_of_seen

if TYPE_CHECKING:
    from mmzoo.baselines import Baseline
    from mmzoo.demo.launch import Demo
    from mmzoo.evaluation.compare import Comparison
    from mmzoo.explanation.explain import Explanation
    from mmzoo.export.rows import Row
    from mmzoo.few_labels.prototypes import Prototypes


class Run(Answering):
    """A finished training run in a folder.

    spec.json, run.json (settings and seed), recipe.py, splits.csv, history.jsonl, checkpoints/,
    model/, and once asked for: metrics.json, answers.csv, conformal.json, baselines.json, report.html, export/.

    Args:
        folder: may be reached through links; nothing in it may be one. Or a model without a run, which can be asked
            alike: its folder, the name of one that comes with mmzoo, or its address on a hub, see `mmzoo.load`.
        data: the data set, or the table and its label, in place of the one that the run was trained on. A run that was
            made elsewhere names a table of this machine, which is only read if it is named here too.
        out: where evaluations and exports are written; the run's own folder if not given.

    Raises:
        MMZooError: the folder holds no finished run, and no model.
    """

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_of(self)

    def evaluate(
        self,
        records: Raw = None,
        *,
        split: str = "test",
        options: Options | None = None,
        on_error: str | None = None,
        budget: float | None = None,
        validation: Records | None = None,
        noise: bool = False,
        unimodal: bool = False,
        mc_dropout: int = 0,
        ensemble: Sequence[Run] = (),
        ood: Records | str | None = None,
        baselines: bool | Sequence[Baseline] = False,
    ) -> dict[str, Any]:
        """Metrics with every subset of the modalities; writes metrics.json, answers.csv and report.html, returns the
        first.

        Args:
            records: in place of a split of the run's data set: `Records`, or a table with labels (its path, a
                DataFrame ...), which is read as the run's own was. What is found of a table is written into `tables/`
                in the run's folder, so that the figures of its own test records stay.
            options: how that table is read, where it differs.
            on_error, budget: in place of what the run was told about records that cannot be used.
            validation: what temperatures and conformal thresholds are fitted on; that of the data set, if not given and
                if it may be read.
            noise: measure each modality under noise too.
            unimodal: train a model of each modality by itself too, with the run's settings, into `unimodal/` in its
                folder.
            mc_dropout: draws under dropout; what they disagree on is a uncertainty score.
            ensemble: other runs of the same task, which answer together with this one.
            ood: records unlike those learned, or a table or data set of such: how well are they told apart?
            baselines: fit models of scikit-learn to the training records too, those that are done in ten minutes, and
                compare; or those that are fitted already. What they were worth is kept in baselines.json.
        """
        from mmzoo.run.evaluating import evaluated

        place = None
        if records is not None and not isinstance(records, Records):
            split = table_name(records) if split == "test" else split
            place = self.results_of(split)
            records = records_of(records, self.reading(options, labels=True))
            warn_of_seen(self, records)
        with self._writing_to(place):
            return evaluated(
                self,
                records,
                split,
                on_error=on_error,
                budget=budget,
                validation=validation,
                noise=noise,
                unimodal=unimodal,
                mc_dropout=mc_dropout,
                ensemble=ensemble,
                ood=ood,
                baselines=baselines,
            )

    def results_of(self, name: str) -> Path:
        """Where what is found out about a table of that name is written: a folder of its own, or where `out` says."""
        return self.results if self._out is not None else self.results / "tables" / re.sub(r"[^\w.-]", "_", name)

    @contextmanager
    def _writing_to(self, place: Path | None) -> Iterator[None]:
        """Inside, that is where `results` are; on this object, so that its model and its records are read once."""
        before, self._out = self._out, place if place is not None else self._out
        try:
            yield
        finally:
            self._out = before

    def export(
        self,
        format: str = "tflite",
        records: Records | None = None,
        *,
        variants: Sequence[str] | None = None,
        training: Records | None = None,
        allow_loss: bool = False,
        fit: str | None = None,
        index: str | Path | None = None,
    ) -> list[Row]:
        """Write export/ in a format (`mmzoo list formats`), proven equal to the model; report.json's rows.

        The other arguments are `mmzoo.export.export.export`'s; `variants` are the usual ones of the format if not given
        (of a .tflite "fp32"), "all" with `fit`, and for a page the one that was the best of several.
        """
        from mmzoo.export.export import export, is_calibrated, wanted_variants

        check_no_link(self.results / "export")
        wanted = wanted_variants(self.results / "export", format, variants, fit)
        records = self.usable(records if records is not None else self.records("test"), "test")
        if training is None and self.data and is_calibrated(format, wanted):
            training = self.usable(self.records("train"), "train")
        return export(
            self,
            format,
            records,
            variants=wanted,
            training=training,
            allow_loss=allow_loss,
            fit=fit,
            index=None if index is None else Path(index),
        )

    def explain(self, record: Raw, **options: Any) -> Explanation:
        """Why the model answers one record as it does; see `mmzoo.explain`.

        Args:
            record: as `predict` takes one.
        """
        from mmzoo.explanation.explain import explain

        return explain(self.model, self._one(record), **options)

    def prototypes(self, records: Raw = None, *, label: str = "", **options: Any) -> Prototypes:
        """New classes by a few records each, without training; see `mmzoo.few_labels.prototypes.Prototypes`.

        Args:
            records: with a class each, as `predict` takes many; those that have none are left out. If not given, the
                run is one that `Prototypes.save` wrote, and goes on.
            label: the task, or the column, that has the class; the run's first task with classes, if not given.
            options: `kind` ("nearest" prototype, "lda", "linear" probe); `known`, so many records of each class that
                the task knows already are taken from the training records, drawn by `seed`, so that it is asked for
                all classes together; and `options`, how the table is read.

        Raises:
            MMZooError: no record has a class, there is one class, or with `known` one that the task knows already.
        """
        from mmzoo.few_labels.prototypes import Prototypes

        if records is None:
            return Prototypes.of_saved(self)
        return Prototypes.of(self, records, label, **options)

    def demo(self, **options: Any) -> Demo:
        """A page on which a person asks the model, for this machine alone; see `mmzoo.demo.show.demo`."""
        from mmzoo.demo.show import demo

        return demo(self, **options)

    def compare(self, *others: Run | str | Path, split: str = "test", records: Records | None = None) -> Comparison:
        """This run beside others on the same records, with paired tests; see `mmzoo.compare`."""
        from mmzoo.evaluation.compare import compare

        runs = [other if isinstance(other, Run) else Run(other, data=self._data) for other in others]
        return compare([self, *runs], records, split=split)
