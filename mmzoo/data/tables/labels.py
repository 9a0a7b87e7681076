"""What a column of labels asks: one of several labels, several of them, or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from sys import intern

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import MOST, is_code, shown
from mmzoo.data.schema.options import asks_no_label, check_task
from mmzoo.data.schema.scales import levels_of
from mmzoo.data.schema.spellings import spellings_note
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError, require, unknown
from mmzoo.modalities.base import frequent
from mmzoo.modalities.tabular.amounts import FRACTION
from mmzoo.modalities.tabular.cells import LARGEST, number_of, says_nothing, text_of
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task

LABELS = 20
"""Different whole numbers that are taken for labels, not for an amount, if each comes twice on average."""

FEW = 10
"""Different whole numbers that may be ratings, which are labels however smoothly they are spread."""

PILE = 0.01
"""The share of labels that are 0, of none below, from which no answer is below 0 either."""

SPREAD = 30
"""Numbers from which it is seen how they are spread."""

AGAIN, RAREST = 10, 5
"""More of them are labels too if each comes so often on average, and the rarest of them so often."""


def label_task(
    name: str, table: Table, label: str, *, task: str = "", delimiter: str = ""
) -> tuple[Task, list[Raw], str]:
    """The task that a column asks, the labels as it takes them, and what was decided, in words.

    Labels keep the text that they are written with. A label that cannot be used is a `DataError`.

    Args:
        name: of the task.
        task: its kind, where the guess is wrong.
        delimiter: between the labels of one cell, each of which is one.

    Raises:
        MMZooError: there are not two labels, or nearly as many as records.
    """
    check_task(task)
    require(
        not asks_no_label(task),
        f"The task '{task}' is answered by no column; leave out the label '{label}' (--label).",
    )
    require(
        not delimiter or holds(task) in ("", "classes", "text"),
        f"--delimiter is for --task multi_label or text_answer, not for '{task}'.",
    )
    kind = table.kinds[label] if label in table.told else ""
    found = ""
    if not delimiter and (not task or holds(task) == "classes"):
        # As any other column that has several in one cell.
        found = delimiter = table.forms.get(label, "") if table.kinds[label] == "multi_category" else ""
    task = task or ("multi_label" if delimiter else "regression" if kind == "number" else "")
    words = holds(task) in ("class", "classes", "level", "text") or kind in ("category", "text")
    cells = [
        label_of(label, value, where, words, delimiter)
        for value, where in zip(table.written[label], table.places, strict=True)
    ]
    as_they_are = cells
    form = table.forms.get(label, "")
    if form and not words and (task or form != FRACTION):  # "$1,000"; "3/10" may be one of ten labels
        read = [number_of(value, form) if isinstance(value, str) else None for value in cells]
        cells = [value if number is None else text_of(number) for value, number in zip(cells, read, strict=True)]
    there = [value for value in cells if value is not None and not isinstance(value, DataError)]
    if holds(task) == "text":
        require(there, f"The label '{label}' has no text; give some.")
        return tasks[task](name), cells, "texts"
    lists = sum(isinstance(value, list) for value in there)
    faults = [value for value in cells if isinstance(value, DataError)]
    few = len({str(value) for value in there}) < 2
    if few and faults:
        raise MMZooError(str(faults[0]))
    only = f"only '{shown(str(there[0]))}'" if there else "none"
    require(not few, f"The label '{label}' needs two different values at least; the table has {only}.")
    if holds(task) == "classes" or (not task and lists > len(there) / 2):
        table.forms[label] = delimiter  # other tables have them too
        made, cells, said = several(name, task or "multi_label", cells)
        said += f", with '{found}' between them; --task classification takes each cell for one label" if found else ""
        return made, cells, said
    if lists:
        fault = "has a list in {}, where one label should be; mend it, or --task multi_label takes lists"
        cells = replaced(table, label, cells, lambda value: isinstance(value, list), fault)
        there = [value for value in cells if isinstance(value, str)]
    numbers = [value for value in there if number_of(value) is not None]
    amounts = len(numbers) >= MOST * len(there) and not words
    said = ""
    if amounts:  # among numbers, a word for nothing is no label
        cells = [None if isinstance(cell, DataError) and cell.cause == "missing_label" else cell for cell in cells]
    if amounts and not task:
        task, said = decided([value for value in numbers if fits(value)])
    if holds(task) == "number":
        note = table.remarks.get(label, "") if table.kinds[label] == "number" and label not in table.told else ""
        said = "; ".join(filter(None, [said, note]))
        fault = "has {1!r} in {0}, where a number should be; mend it, or --task classification takes such labels"
        cells = replaced(table, label, cells, lambda value: not fits(value), fault)
        if tasks.facts(task).get("values") == "positive":
            fault = "has {1!r} in {0}, where a number above 0 should be; mend it, or --task regression takes it too"
            cells = replaced(table, label, cells, lambda value: not isinstance(value, str) or float(value) <= 0, fault)
        answers = [float(value) if isinstance(value, str) else value for value in cells]
        if task != "regression" or not ends_at_zero(answers):
            return tasks[task](name), answers, said
        made = tasks[task](name, lowest=0.0)  # type: ignore[call-arg]
        return made, answers, "; ".join(filter(None, [said, "no answer is below 0"]))
    if amounts:
        fault = "has {1!r} in {0}, where other labels are whole numbers; mend it, or --task classification takes it too"
        cells = replaced(table, label, cells, lambda value: not fits(value), fault)
    pairs = zip(cells, as_they_are, strict=True)
    cells = [one if isinstance(cell, str) else cell for cell, one in pairs]  # of labels "5+" is one, and not 5
    return one_of(name, label, task, cells, said, table.levels.get(label, ()))


def no_label(table: Table, label: str) -> MMZooError:
    """The error for a label that a table has no column for, with what is to be said of that table."""
    said = unknown("column for the label called", label, table.columns)
    return MMZooError(f"{said} Of this table {table.note}." if table.note else str(said))


def holds(task: str) -> str:
    """What a cell of a task's column holds (`mmzoo.tasks`): "class", "classes", "level", "number"
    or "text"; "" of no task."""
    return str(tasks.facts(task).get("label", "class")) if task else ""


def label_of(label: str, value: Raw, where: str, words: bool, delimiter: str) -> Raw:
    """One label as a text, or a list of them; None where there is none.

    Args:
        words: may a word for nothing ("None", "NA") be a label?
    """
    if value is None or isinstance(value, DataError):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return sorted({text_of(part) for part in value if part is not None}, key=str)
    if delimiter and isinstance(value, str):
        return sorted({part.strip() for part in value.split(delimiter)} - {""})
    if not words and says_nothing(value):
        return DataError(
            f"The label '{label}' in {where} is '{text_of(value)}', a usual word for nothing; give one, leave such "
            f"records out (--on-error skip), or take it for a label (--kind {label}=category).",
            "missing_label",
        )
    if isinstance(value, (dict, bytes)):
        return DataError(f"The label '{label}' in {where} must be a text or a number, not {shown(value)}.", "bad_label")
    return intern(text_of(value))  # a class is kept once, and not once a record


def replaced(
    table: Table, label: str, cells: Sequence[object], wrong: Callable[[Raw], object], fault: str
) -> list[Raw]:
    """The labels with a `DataError` in place of those that are wrong."""
    return [
        DataError(f"The label '{label}' {fault.format(where, value)}.", "bad_label")
        if value is not None and not isinstance(value, DataError) and wrong(value)
        else value
        for value, where in zip(cells, table.places, strict=True)
    ]


def fits(value: Raw) -> bool:
    """Is it a number that a model can learn?"""
    number = number_of(value)
    return number is not None and abs(number) <= LARGEST


def decided(numbers: Sequence[Raw]) -> tuple[str, str]:
    """Are numbers labels or an amount? The kind of task and why."""
    counts = Counter(numbers)
    values = {each: number_of(each) or 0.0 for each in counts}
    different, whole = len(counts), all(value.is_integer() for value in values.values())
    come_again = different <= LABELS and different <= len(numbers) / 2
    come_again |= different <= len(numbers) / AGAIN and min(counts.values()) >= RAREST
    come_again &= not (whole and different > FEW and is_smooth({int(values[n]): c for n, c in counts.items()}))
    codes = any(is_code(text) for text in counts)
    if codes or (whole and come_again):
        what = "codes that begin with zeros" if codes else "whole numbers that come again and again"
        ordinal = "" if codes else ", --task ordinal for levels in their order"
        amount = f"--task regression takes them for an amount{ordinal}"
        return "", f"{different} {what} are taken for labels; {amount}"
    if spans_powers([values[text] for text in numbers]):
        low, high = (
            shown(str(each)) for each in (min(counts, key=values.__getitem__), max(counts, key=values.__getitem__))
        )
        return "log_regression", f"from {low} to {high}: the logarithm is learnt; --task regression learns the number"
    return "regression", f"{different} different numbers; --task classification takes them for labels"


def spans_powers(numbers: Sequence[float]) -> bool:
    """Are the numbers above 0, over three powers of ten or more, and more even by their logarithms?

    The highest and the lowest hundredth are left out.
    """
    from scipy.stats import skew

    if len(numbers) < SPREAD or min(numbers) <= 0:
        return False
    logs = np.log(numbers)
    low, high = np.percentile(logs, [1, 99])
    return bool(high - low >= np.log(1000) and abs(skew(logs)) < abs(skew(numbers)))


def ends_at_zero(answers: Sequence[Raw]) -> bool:
    """Is 0 the least of the numbers and a usual one of them, as of counts and of money that was paid?"""
    numbers = np.array([value for value in answers if isinstance(value, float)])
    return bool((numbers >= 0).all() and (numbers == 0).sum() > max(1, PILE * len(numbers)))


def is_smooth(counts: dict[int, int]) -> bool:
    """Do neighbouring numbers come about as often, as the numbers of rooms and visits do, and the codes of classes not?

    By von Neumann's ratio: the squared differences of neighbours are twice the variance where the order means nothing.
    """
    series = np.log1p([counts.get(number, 0) for number in range(min(counts), max(counts) + 1)][: 10 * len(counts)])
    variance = series.var()
    return len(series) < 2 * len(counts) and bool(variance > 0.25 and np.diff(series).var() < variance)


def one_of(
    name: str, label: str, task: str, cells: list[Raw], said: str, levels: Sequence[str]
) -> tuple[Task, list[Raw], str]:
    """The task whose answer is one of the labels.

    Args:
        levels: the labels in their order, where the table says it.
    """
    there = [value for value in cells if isinstance(value, str)]
    labels = sorted(set(there), key=in_order)
    require(len(labels) > 1, f"The label '{label}' needs two different values at least; the table has {labels}.")
    if len(labels) > len(there) / 2:
        most = ", ".join(shown(text) for text in frequent(there)[:3])
        raise MMZooError(
            f"The label '{label}' has {len(labels)} different values in {len(there)} records ({most} ...); "
            "choose another, or give more records of each."
        )
    told = bool(task)
    task = task or ("binary" if len(labels) == 2 else "classification")
    require(task != "binary" or len(labels) == 2, f"A binary label has two values, but '{label}' has {len(labels)}.")
    ordered = levels_of(labels, levels)
    require(
        holds(task) != "level" or ordered,
        f"The labels of '{label}' have no order that can be seen ({', '.join(map(shown, labels[:3]))} ...); begin each "
        "with a number, or give a DataFrame with an ordered pandas.Categorical.",
    )
    if holds(task) == "level":
        labels = ordered
        said = said or f"{len(labels)} levels, {shown(labels[0])} to {shown(labels[-1])}"
    elif ordered and not said and task == "classification" and not told:
        in_turn = ", ".join(map(shown, [*ordered[:3], *["..."][: len(ordered) - 3]]))
        said = f"{len(labels)} labels; --task ordinal takes them for levels in their order: {in_turn}"
    said = with_spellings(said or f"{len(labels)} labels", labels)
    return tasks[task](name, labels=tuple(labels)), cells, said  # type: ignore[call-arg]


def with_spellings(said: str, labels: Sequence[str]) -> str:
    """What was decided, and which labels may be one that is written in several ways."""
    return "; ".join(filter(None, [said, spellings_note(labels)]))


def in_order(text: str) -> tuple[float, str]:
    """Numbers by their size, then texts."""
    number = number_of(text)
    return (float("inf") if number is None else number, text)


def several(name: str, task: str, cells: Sequence[object]) -> tuple[Task, list[Raw], str]:
    """The task whose answer is any of the labels."""
    answers = [[value] if isinstance(value, str) else value for value in cells]
    labels = sorted({part for value in answers if isinstance(value, list) for part in value}, key=in_order)
    require(labels, f"No record has a label of '{name}'; give some.")
    made = tasks[task](name, labels=tuple(labels))  # type: ignore[call-arg]
    return made, answers, with_spellings(f"lists of {len(labels)} labels", labels)
