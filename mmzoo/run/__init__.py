"""A run: one folder from the first step of training to the exported file."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.conformal import Thresholds
from mmzoo.answers.given import is_one, joined, like, one_record
from mmzoo.answers.imputed import Imputer, usual_errors
from mmzoo.answers.reading import reading
from mmzoo.answers.rows import Answerer
from mmzoo.answers.stream import LATENCY, MOST, answered, placed
from mmzoo.answers.table import Written, answers_in_memory, pieces, write_answers
from mmzoo.answers.vectors import Embedder
from mmzoo.artifact import load_folder
from mmzoo.data.faults import Faults, usable
from mmzoo.data.options import Options, TableName
from mmzoo.data.records import Records
from mmzoo.data.rereading import Reread
from mmzoo.decoding import Beam, Greedy, Sample
from mmzoo.errors import MMZooError, require
from mmzoo.folders import check_no_link, made_in
from mmzoo.inference.embed import embed
from mmzoo.inference.predict import predict
from mmzoo.models import find
from mmzoo.reports.notebook import html_of, text_of
from mmzoo.spec import Spec
from mmzoo.training.finished import check_finished
from mmzoo.training.notes import read_machine, read_settings, usual_settings
from mmzoo.weights.card import read_card
from mmzoo.words import one_line

if TYPE_CHECKING:
    from mmzoo.baselines import Baseline


class Run:
    """A finished training run in a folder.

    spec.json, run.json (settings and seed), recipe.py, history.jsonl, checkpoints/,
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

    def __init__(self, folder: str | Path, *, data: str = "", out: str | Path | None = None) -> None:
        self.folder, self._data, self._out = find(folder), data, out
        self.model_folder = check_finished(self.folder)

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_of(self)

    @cached_property
    def model(self) -> keras.Model:
        """The trained model."""
        return load_folder(self.model_folder)

    @property
    def results(self) -> Path:
        """Where what is found out about it is written.

        Raises:
            MMZooError: it is a model without a run, whose folder is not written into.
        """
        if self._out is None:
            bare = self.model_folder == self.folder
            require(
                not bare, f"'{self.folder}' is a model, into whose folder nothing is written; say where: --out FOLDER."
            )
            return self.folder
        place = Path(self._out)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MMZooError(f"The folder '{place}' cannot be made ({error.strerror}); choose another.") from error
        return place

    @property
    def spec(self) -> Spec:
        return self.model.spec  # type: ignore[no-any-return]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the run was started with: `data`, `training`, `seed`, `on_error`, `budget`, and `columns` of a table.

        Of a model without a run they are the usual ones, and the data set that its card names.
        """
        if self.model_folder != self.folder:
            return read_settings(self.folder)
        return usual_settings(read_card(self.folder).get("about", {}).get("data", ""))

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
        if self._data or "splits" in vars(self) or not TableName.parse(self.data).is_table:
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
        if table.is_table and not self._data:  # a warning, so that it is seen from Python too
            logging.getLogger("mmzoo").warning(f"Reading the table '{path}' that the run was trained on.")
        return dict(zip(("train", "validation", "test"), load_data(self.data), strict=True))

    def reading(self, options: Options | None = None, *, own: Sequence[str] = (), labels: bool = False) -> Reread:
        """How other tables are read: as the one that the run was trained on.

        Args:
            options: how they are read, where that differs.
            own: columns of the table that are wanted beside; ("*",) for all.
            labels: are the labels wanted?
        """
        return reading(self.spec, self.settings, self.data, not self._foreign, options, tuple(own), labels)

    def usable(self, records: Records, split: str, on_error: str | None = None, budget: float | None = None) -> Records:
        """The records that can be used, as the run was told to treat the others; what is left out is printed.

        Args:
            on_error, budget: in place of what the run was told.
        """
        faults = Faults(
            self.settings["on_error"] if on_error is None else on_error,
            self.settings["budget"] if budget is None else budget,
        )
        kept = usable(self.spec, records, faults, split)
        if faults.bad:
            print(faults.table())
        return kept

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
                DataFrame ...), which is read as the run's own was.
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

        if records is not None and not isinstance(records, Records):
            records = joined(pieces(records, self.reading(options, labels=True)))
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
    ) -> list[dict[str, Any]]:
        """Write export/ in a format (`mmzoo list formats`), proven equal to the model; report.json's rows.

        The other arguments are `mmzoo.export.export.export`'s; `variants` are the usual ones of the format if not given
        (of a .tflite "fp32"), "all" with `fit`, and for a page the one that was the best of several.
        """
        from mmzoo.export.export import export, is_calibrated, wanted_variants

        check_no_link(self.results / "export")
        wanted = wanted_variants(self.results / "export", format, variants, fit)
        records = self.usable(records if records is not None else self.records("test"), "test")
        if training is None and self.data and is_calibrated(format, wanted):
            training = self.records("train")
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

    def explain(self, record: Raw, **options: Any) -> Any:
        """Why the model answers one record as it does; see `mmzoo.explain`.

        Args:
            record: as `predict` takes one.
        """
        from mmzoo.explanation.explain import explain

        return explain(self.model, self._one(record), **options)

    def write(
        self,
        record: dict[str, Any],
        *,
        task: str = "",
        how: Greedy | Beam | Sample | None = None,
        seen: Callable[[str], object] | None = None,
    ) -> dict[str, Any]:
        """What the model writes about one record, `{"text": ..., "log_prob": ...}`; see `mmzoo.inference.writing`.

        Args:
            task: of several that write, the name of one.
            how: greedy, by beams or drawn (`mmzoo.decoding`); as the task does it, if not given.
            seen: is told the text as far as it is written, token by token; not by a beam search.
        """
        from mmzoo.inference.writing import write

        return write(self.model, record, task=task, how=how, seen=seen)

    def predict(
        self,
        records: Raw,
        *,
        options: Options | None = None,
        explain: bool = False,
        on_error: str = "error",
        budget: float = 0.01,
    ) -> Any:
        """The answer to one record, or the answers to many. What comes back is like what is given:

        - a mapping, or a row of a DataFrame, is one record: any subset of the inputs by name, each a path, bytes, an
          array or a string (or the cells of a row by the table's own columns). Back comes a dict, by task
          `{label: probability}` or a list of numbers; of a task that weighs evidence also its uncertainty, as
          `<task>_uncertainty`;
        - a DataFrame (pandas, Polars) gives a DataFrame, in the same order and with the same index;
        - anything else (the path of a table, a list of mappings, an Arrow table, `Records`) a list of dicts.

        The columns of many answers are those that `mmzoo predict` writes.

        Args:
            options: how the table is read, where that differs from the one that the run was trained on.
            explain: many only: what each input added to the answer, too.
            on_error, budget: many only: what is done about records that cannot be used.

        Raises:
            MMZooError: the table has none of the model's columns, or a record cannot be used.
        """
        if is_one(records):
            return predict(self.model, self._one(records))
        answerer = Answerer(self.model, self.thresholds, explain, on_error)
        rows = answers_in_memory(answerer, self.reading(options), records, budget)
        return like(records, rows)

    def predict_stream(
        self,
        records: Iterable[Raw],
        *,
        latency: float = LATENCY,
        most: int = MOST,
        options: Options | None = None,
        explain: bool = False,
        on_error: str = "skip",
    ) -> Iterator[dict[str, Any]]:
        """The answers to records that come one after another, in order: `for row in run.predict_stream(records): ...`.

        A row is that of `predict` for many records. One that cannot be used has a row with its `error`, and does not
        end the stream.

        Args:
            records: mappings, by the names of the inputs or of the columns that the run was trained on. They are read
                in a thread of their own, and no faster than they are answered.
            latency: seconds that a record waits for others, with which it is computed.
            most: so many are computed together at most.
            options: how cells are read, where that differs from the table that the run was trained on.
            explain: what each input added to the answer, too.
            on_error: of a record that cannot be used: "skip", or "mask", which answers what is left of it.
        """
        require(on_error in ("skip", "mask"), f"A stream goes on: on_error is 'skip' or 'mask', not '{on_error}'.")
        answerer = Answerer(self.model, self.thresholds, explain, on_error)
        return answered(answerer, self.reading(options), placed(records), latency=latency, most=most)

    def embed(self, records: Raw, *, options: Options | None = None, **asked: Any) -> dict[str, np.ndarray]:
        """The vectors of records by input, float32 (N, D); rows of NaN where a record lacks the input.

        Of a model with a retrieval task what that compares, of length 1; of any other features: what the fusion takes
        of each input, and "fused", what the heads read. See `mmzoo.inference.embed.embed`.

        Args:
            records: one as a mapping, or many, as `predict` takes them: the path of a table, a DataFrame, a list of
                mappings, `Records`.
            options: how the table is read, where that differs from the one that the run was trained on.
            asked: `task` and `inputs` of `mmzoo.inference.embed.embed`.

        Raises:
            MMZooError: the records have no input that the model gives vectors of, or one cannot be decoded.
        """
        if is_one(records):
            records = Records({name: [value] for name, value in self._one(records).items()}, ["input"])
        elif not isinstance(records, Records):
            records = joined(pieces(records, self.reading(options)))
        return embed(self.model, records, **asked)

    def write_answers(
        self,
        table: str | Path,
        out: str | Path,
        *,
        options: Options | None = None,
        columns: Sequence[str] = (),
        explain: bool = False,
        on_error: str = "error",
        budget: float = 0.01,
        overwrite: bool = False,
    ) -> Written:
        """The answers to a table of any length as a file (.csv, .jsonl, .npz, .parquet); `mmzoo predict RUN TABLE`.

        Args:
            columns: of the table that stand beside the answers; ("*",) for all.
            overwrite: may a file that is there be replaced?

        Raises:
            MMZooError: see `mmzoo.answers.table.write_answers`.
        """
        answerer = Answerer(self.model, self.thresholds, explain, on_error)
        reread = self.reading(options, own=columns)
        return write_answers(
            answerer, reread, str(table), Path(out), model=self.seal, budget=budget, overwrite=overwrite
        )

    def write_vectors(
        self,
        table: str | Path,
        out: str | Path,
        *,
        inputs: Sequence[str] = (),
        options: Options | None = None,
        columns: Sequence[str] = (),
        on_error: str = "error",
        budget: float = 0.01,
        overwrite: bool = False,
    ) -> Written:
        """What `embed` gives of a table of any length as a file; `mmzoo embed RUN TABLE`.

        A vector is one column of a .parquet (a list of float32) or .jsonl file and an array (N, D) of an .npz file; of
        a .csv file each of its numbers is a column, `fused_1` and so on. It is empty, in an .npz file NaN, where a
        record lacks the input.

        Args:
            inputs: those whose vectors are wanted, "fused" among them; the usual ones, if empty.
            columns, overwrite: as `write_answers` has them.

        Raises:
            MMZooError: see `mmzoo.answers.table.write_answers`.
        """
        numbered = Path(out).suffix.lower() == ".csv"
        embedder = Embedder(self.model, inputs, on_error, numbered=numbered)
        reread = self.reading(options, own=columns)
        return write_answers(
            embedder, reread, str(table), Path(out), model=self.seal, budget=budget, overwrite=overwrite
        )

    def write_imputed(
        self,
        table: str | Path,
        out: str | Path,
        *,
        options: Options | None = None,
        on_error: str = "error",
        budget: float = 0.01,
        overwrite: bool = False,
    ) -> Written:
        """A table with what its records lack filled in, and how sure that is; `mmzoo impute RUN TABLE`.

        The model has a `mmzoo.Reconstruction` of what is to be filled in. Cells of rows stand in the table's own
        columns; pictures, sounds and series are files in a folder beside `out`. See `mmzoo.answers.imputed`.

        Args:
            overwrite: as `write_answers` has it.

        Raises:
            MMZooError: the model rebuilds nothing; or see `mmzoo.answers.table.write_answers`.
        """
        out, reread = Path(out), self.reading(options, own=("*",))
        errors: dict[str, float] = {}
        if self.has_data:
            errors = usual_errors(self.model, self.usable(self.records("validation"), "validation"))
        else:
            print("note: without the data that the run was trained on nobody knows how far off numbers are; --data.")
        columns = {name: next(iter(found)) for name, found in reread.layout.inputs.items()}
        imputer = Imputer(self.model, out.with_name(f"{out.stem}_files"), columns, errors, on_error)
        return write_answers(imputer, reread, str(table), out, model=self.seal, budget=budget, overwrite=overwrite)

    @property
    def seal(self) -> str:
        """What tells the model from others."""
        return str(read_card(self.model_folder)["sha256"])

    @property
    def thresholds(self) -> Thresholds | None:
        """For answers with a promised coverage: found by the last evaluation with validation records."""
        return Thresholds.read(self.folder, self.seal)

    def prototypes(self, records: Raw = None, *, label: str = "", **options: Any) -> Any:
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

    def demo(self, **options: Any) -> Any:
        """A page on which a person asks the model, for this machine alone; see `mmzoo.demo.show.demo`."""
        from mmzoo.demo.show import demo

        return demo(self, **options)

    def compare(self, *others: Run | str | Path, split: str = "test", records: Records | None = None) -> Any:
        """This run beside others on the same records, with paired tests; see `mmzoo.compare`."""
        from mmzoo.evaluation.compare import compare

        runs = [other if isinstance(other, Run) else Run(other, data=self._data) for other in others]
        return compare([self, *runs], records, split=split)

    def _one(self, record: Raw) -> dict[str, Any]:
        """One record by the names of the inputs, of a mapping or a row of a table."""
        if isinstance(record, dict) and record.keys() <= {*self.spec.input_names}:
            return record
        return one_record(record, self.reading())
