"""A run that is asked: one record, a table, a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.given import is_one, joined, like
from mmzoo.answers.pieces import pieces
from mmzoo.answers.rows.answered import Answerer, Row, RowMaker
from mmzoo.answers.rows.imputed import Imputer, usual_errors
from mmzoo.answers.stream import LATENCY, MOST, answered, placed
from mmzoo.answers.written.spread import Spread
from mmzoo.answers.written.table import Written, answers_in_memory, write_answers
from mmzoo.data.records import Records
from mmzoo.data.schema.options import Options, TableName
from mmzoo.data.sources import absolute
from mmzoo.decoding import Beam, Greedy, Sample, WrittenText
from mmzoo.errors import require
from mmzoo.inference.embed import embed
from mmzoo.inference.predict import predict
from mmzoo.pipelines.beam import Pipeline
from mmzoo.run.folder import RunFolder
from mmzoo.run.workers import Opened, answerer_of, embedder_of
from mmzoo.tasks.question import Readable


class Answering(RunFolder):
    """A run's answers, vectors and texts; see `mmzoo.Run`."""

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

        The columns of many answers are those that `mmzoo predict` writes: flat cells with the range, or the set of
        labels that are not ruled out. One record has them as `run.predict([record])[0]`.

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
    ) -> Iterator[Row]:
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

    def write(
        self,
        record: Mapping[str, Raw],
        *,
        task: str = "",
        how: Greedy | Beam | Sample | None = None,
        seen: Callable[[str], object] | None = None,
    ) -> WrittenText:
        """What the model writes about one record, `{"text": ..., "log_prob": ...}`; see `mmzoo.inference.writing`.

        Args:
            task: of several that write, the name of one.
            how: greedy, by beams or drawn (`mmzoo.decoding`); as the task does it, if not given.
            seen: is told the text as far as it is written, token by token; not by a beam search.
        """
        from mmzoo.inference.writing import write

        return write(self.model, record, task=task, how=how, seen=seen)

    def generate(self, record: Mapping[str, Raw], *, count: int = 16, seed: int = 0, task: str = "") -> list[Readable]:
        """What the model draws for one record, such as pictures for a text; see `mmzoo.inference.generate`.

        Args:
            record: as `predict` takes one.
            count: how many.
            seed: another one gives others.
            task: of several that rebuild an input, the name of one.
        """
        from mmzoo.inference.generate import generate

        return generate(self.model, self._one(record), count=count, seed=seed, task=task)

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
        pipeline: Pipeline | None = None,
    ) -> Written:
        """The answers to a table of any length as a file (.csv, .jsonl, .npz, .parquet); `mmzoo predict RUN TABLE`.

        Args:
            columns: of the table that stand beside the answers; ("*",) for all.
            overwrite: may a file that is there be replaced?
            pipeline: of Apache Beam, which computes them; this process does, if not given.

        Raises:
            MMZooError: see `mmzoo.answers.written.table.write_answers`.
        """
        make = partial(answerer_of, explain=explain, on_error=on_error)
        return self._written(make, table, out, options, columns, budget, overwrite, pipeline)

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
        pipeline: Pipeline | None = None,
    ) -> Written:
        """What `embed` gives of a table of any length as a file; `mmzoo embed RUN TABLE`.

        A vector is one column of a .parquet (a list of float32) or .jsonl file and an array (N, D) of an .npz file; of
        a .csv file each of its numbers is a column, `fused_1` and so on. It is empty, in an .npz file NaN, where a
        record lacks the input.

        Args:
            inputs: those whose vectors are wanted, "fused" among them; the usual ones, if empty.
            columns, overwrite, pipeline: as `write_answers` has them.

        Raises:
            MMZooError: see `mmzoo.answers.written.table.write_answers`.
        """
        numbered = Path(out).suffix.lower() == ".csv"
        make = partial(embedder_of, inputs=inputs, on_error=on_error, numbered=numbered)
        return self._written(make, table, out, options, columns, budget, overwrite, pipeline)

    def _written(
        self,
        make: Callable[[Answering], RowMaker],
        table: str | Path,
        out: str | Path,
        options: Options | None,
        columns: Sequence[str],
        budget: float,
        overwrite: bool,
        pipeline: Pipeline | None,
    ) -> Written:
        """The rows that a maker makes of a table, as a file."""
        reread, spread = self.reading(options, own=columns), None
        if pipeline is not None:
            there = absolute(TableName(str(table), options=reread.options))
            opened = Opened(type(self), self.folder.absolute(), self.seal, make)
            spread = Spread(pipeline, opened, there.path, replace(reread, options=there.options))
        return write_answers(
            make(self),
            reread,
            str(table),
            Path(out),
            model=self.seal,
            budget=budget,
            overwrite=overwrite,
            spread=spread,
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

        The model has a `mmzoo.Reconstruction`, or of a text a `mmzoo.TextAnswer`. Cells and texts stand in the table's
        own columns; pictures, sounds and series are files in a folder beside `out`. See `mmzoo.answers.rows.imputed`.

        Args:
            overwrite: as `write_answers` has it.

        Raises:
            MMZooError: the model rebuilds and writes nothing; or see `mmzoo.answers.written.table.write_answers`.
        """
        out, reread = Path(out), self.reading(options, own=("*",))
        errors: dict[str, float] = {}
        if self.has_data:
            errors = usual_errors(self.model, self.usable(self.records("validation"), "validation"))
        else:
            print("note: without the data that the run was trained on nobody knows how far off numbers are; --data.")
        columns = {name: next(iter(found)) for name, found in reread.layout.inputs.items()} | reread.layout.tasks
        imputer = Imputer(self.model, out.with_name(f"{out.stem}_files"), columns, errors, on_error)
        return write_answers(imputer, reread, str(table), out, model=self.seal, budget=budget, overwrite=overwrite)
