"""What a run's folder holds: its model, its settings, and the records that it was trained on."""

from __future__ import annotations

import io
import logging
import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import keras

from mmzoo.aliases import Raw
from mmzoo.answers.given import one_record
from mmzoo.answers.reading import reading
from mmzoo.answers.rows.conformal import Thresholds
from mmzoo.answers.written.formats import write_csv
from mmzoo.artifact import load_folder
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.options import Options, TableName
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.files.folders import made_in
from mmzoo.messages.words import one_line
from mmzoo.models import find
from mmzoo.spec import Spec
from mmzoo.training.finished import check_finished
from mmzoo.training.run_folder.notes import Settings, read_machine, read_settings, usual_settings
from mmzoo.weights.card import read_card


class RunFolder:
    """The folder of a finished run, or of a model without one; see `mmzoo.Run`."""

    def __init__(self, folder: str | Path, *, data: str = "", out: str | Path | None = None) -> None:
        self.folder, self._data, self._out = find(folder), data, out
        self.model_folder = check_finished(self.folder)

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
    def settings(self) -> Settings:
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
        if not self.data and "splits" not in vars(self):
            raise MMZooError(self._no_records)
        return self.splits[split]

    @property
    def _no_records(self) -> str:
        """What is said where records are needed and the run names none."""
        over = "records that have no name"
        for key, words in (("stream", "a stream, which is not kept"), ("prototypes", "a few records of each class")):
            over = words if key in self.settings else over
        columns: Raw = self.settings.get("columns")
        tasks = columns.get("tasks") if isinstance(columns, dict) else None
        label = next(iter(tasks.values()), "") if isinstance(tasks, dict) else ""
        table = f"TABLE#{one_line(label, 40) or 'COLUMN'}"
        return (
            f"The run '{self.folder}' was trained on {over}; name some with labels: --data {shlex.quote(table)} (in "
            f"Python: Run(folder, data={table!r})), or evaluate those of a table: mmzoo evaluate RUN TABLE."
        )

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

    def keep_splits(self, splits: Sequence[Records]) -> None:
        """Know the records for training, validation and test, and write into splits.csv which are which."""
        self.splits = dict(zip(("train", "validation", "test"), splits, strict=True))
        rows: list[dict[str, Raw]] = [
            {"id": name, "split": split} for split, part in self.splits.items() for name in part.ids
        ]
        out = io.BytesIO()
        write_csv(out, ["id", "split"], lambda: [rows])
        write_file(self.folder / "splits.csv", out.getvalue())

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

    @property
    def seal(self) -> str:
        """What tells the model from others."""
        return str(read_card(self.model_folder)["sha256"])

    @property
    def thresholds(self) -> Thresholds | None:
        """For answers with a promised coverage: found by the last evaluation with validation records."""
        return Thresholds.read(self.folder, self.seal)

    def _one(self, record: Raw) -> dict[str, Raw]:
        """One record by the names of the inputs, of a mapping or a row of a table."""
        if isinstance(record, dict) and record.keys() <= {*self.spec.input_names}:
            return record
        return one_record(record, self.reading())
