"""Which columns of a table make the inputs of a spec: what a run remembers, to read other tables as it read its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import column_kinds
from mmzoo.data.schema.names import plain_name
from mmzoo.errors import MMZooError, require
from mmzoo.messages.words import one_line

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality
    from mmzoo.spec import Spec
    from mmzoo.tasks.base import Task


MOST_WARNINGS = 20


@dataclass(frozen=True)
class Layout:
    """The columns of a table by what they are for.

    Args:
        inputs: by input, the columns that it is read from and their kinds.
        tasks: by task, the column of its label.
        forms: by task, how its labels are written where they are numbers of people, as "1.250,50 €" is.
        warnings: what was said of the table that a person should know who reads of the run.
    """

    inputs: dict[str, dict[str, str]]
    tasks: dict[str, str]
    forms: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        inputs: Sequence[Modality],
        tasks: Sequence[Task],
        names: Mapping[str, str] | None = None,
        forms: Mapping[str, str] | None = None,
    ) -> Layout:
        """The layout of a spec's inputs and tasks.

        Args:
            names: by column of the table, what its input or task is called (`mmzoo.data.schema.names.input_names`);
                they are called alike, if not given.
            forms: by task, how its labels are written.
        """
        columns = {own: column for column, own in (names or {}).items()}
        return cls(
            {item.name: {columns.get(key, key): kind for key, kind in item.cell_kinds.items()} for item in inputs},
            {task.name: columns.get(task.name, task.name) for task in tasks if task.target == "label"},
            {name: form for name, form in (forms or {}).items() if form},
        )

    def to_json(self) -> dict[str, object]:
        said = {"warnings": list(self.warnings)} if self.warnings else {}
        return {"inputs": self.inputs, "tasks": self.tasks, "forms": self.forms, **said}

    @classmethod
    def from_json(cls, data: Raw, spec: Spec) -> Layout:
        """What `to_json` wrote, which may be a stranger's: of the inputs and the tasks that the spec has.

        Raises:
            MMZooError: it is another's, or nothing that `to_json` writes.
        """
        usual = cls.of(spec.inputs, spec.tasks)
        if not isinstance(data, dict) or not all(
            isinstance(data.get(key), dict) for key in ("inputs", "tasks", "forms")
        ):
            raise MMZooError("The columns of a run are an object with 'inputs', 'tasks' and 'forms'.")
        inputs = {name: data["inputs"].get(name, usual.inputs[name]) for name in usual.inputs}
        tasks = {name: data["tasks"].get(name, usual.tasks[name]) for name in usual.tasks}
        for columns in inputs.values():
            fits = isinstance(columns, dict) and all(kind in column_kinds() for kind in columns.values())
            require(fits, "The columns of a run have kinds that there are not.")
        require(all(isinstance(column, str) for column in tasks.values()), "The label of a run is no column's name.")
        forms = {name: form for name in usual.tasks if (form := data["forms"].get(name))}
        require(all(isinstance(form, str) for form in forms.values()), "How a run's labels are written is no text.")
        warnings = data.get("warnings", [])
        good = isinstance(warnings, list) and all(isinstance(each, str) for each in warnings)
        require(good, "What was said of the table of a run is no list of sentences.")
        return cls(inputs, tasks, forms, tuple(one_line(each, 1000) for each in warnings[:MOST_WARNINGS]))

    @property
    def kinds(self) -> dict[str, str]:
        """What each column is that an input reads."""
        return {column: kind for columns in self.inputs.values() for column, kind in columns.items()}

    def found_in(self, there: Sequence[str]) -> dict[str, str]:
        """By column of this layout, labels among them, the one of a table that it stands in; none where it is missing.

        That of the same name, or else the only one whose name is the same but for case, blanks and marks.
        """
        wanted = [*self.kinds, *self.tasks.values()]
        alike: dict[str, list[str]] = {}
        for place, column in enumerate(there):
            if column not in wanted:
                alike.setdefault(plain_name(column, place), []).append(column)
        found = {}
        for column in wanted:
            others = alike.get(plain_name(column, -1), [])
            if column in there:
                found[column] = column
            elif len(others) == 1:
                found[column] = others[0]
        return found

    def gathered(self, columns: Mapping[str, Sequence[object]], spec: Spec, count: int) -> dict[str, Sequence[object]]:
        """By input of a spec, its values for `count` records, of a table's columns under the names that they have here.

        None where a record lacks it.
        """
        found: dict[str, Sequence[object]] = {}
        for item in spec.inputs:
            here = [column for column in self.inputs[item.name] if column in columns]
            whole = {column: columns.get(column, [None] * count) for column in self.inputs[item.name]}
            together = item.gathered(whole) if here else [None] * count
            found[item.name] = columns[here[0]] if together is None else together
        return found
