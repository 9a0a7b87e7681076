"""Which columns of a row the answers rest on: each is shuffled among the records, the others stay as they are."""

from __future__ import annotations

from typing import ClassVar, TypedDict

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tree
from mmzoo.data.balance import is_skewed
from mmzoo.data.records import Records, decode
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest, Reason
from mmzoo.evaluation.blocks import Block, Cell, Table, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.statistics import interval
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.messages.words import one_line
from mmzoo.modalities.tabular import Tabular
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

MOST = 256  # records; more would only narrow the intervals
ROWS = 25_600  # that are answered in all, of a table of few columns each several times
LEAST = 20  # records, below which a wide table is not looked at
REPEATS = 5
SHOWN = 30  # columns
NAMED = 3  # in the verdict


class Lost(TypedDict):
    """What the score loses where a column is shuffled, and its 95 % bootstrap interval over the records."""

    column: str
    lost: float
    low: float
    high: float


class Columns(TypedDict):
    """See `columns_of`: the columns, what matters most first, and that in a sentence."""

    metric: str
    records: int
    columns: list[Lost]
    verdict: str


@analyses.register("columns", section="modalities")
class ImportantColumns(OnRequest):
    """How much worse the answers are where one column of the row, the only input, is shuffled among the records."""

    remedy: ClassVar[str] = "Columns are shuffled one by one where a row of them is the only input."

    def applies(self, result: TaskEvaluation) -> bool:
        return super().applies(result) and row_of(result.spec) is not None

    def draw(self, found: Columns, result: TaskEvaluation) -> list[Block]:
        words = found["metric"].replace("_", " ")
        rows: list[list[Cell]] = [
            [one_line(each["column"], 80), each["lost"], each["low"], each["high"]] for each in found["columns"]
        ]
        heads = ["column", f"{words} lost", "95 % from", "to"]
        said = (
            f"Each column shuffled among {found['records']} records (permutation importance; Breiman 2001). Of columns "
            "that say the same, each alone loses little."
        )
        blocks: list[Block] = [Text(found["verdict"]), Table(heads, rows[:SHOWN], "what each column is worth")]
        return [*blocks, Text(said, soft=True)]


def row_of(spec: Spec) -> Tabular | None:
    """The row of several columns that is a spec's only input; None where there is another."""
    (*others, item) = spec.inputs
    return item if not others and isinstance(item, Tabular) and len(item.columns) > 1 else None


def columns_of(model: keras.Model, records: Records) -> dict[str, Columns | Reason]:
    """By task, what its answers lose where one column is shuffled; none where a row is not the only input.

    Of at most `MOST` records, the first. The draws are always the same.
    """
    spec: Spec = model.spec
    item = row_of(spec)
    tasks = [task for task in spec.tasks if task.tags.elementwise and task.target == "label"]
    if item is None or not tasks:
        return {}
    records = records.take(min(len(records), MOST, ROWS // len(item.columns)))
    if len(records) < LEAST:
        few = f"{len(records)} records are too few to shuffle each of {len(item.columns)} columns among them."
        return {task.name: {"reason": few} for task in tasks}
    inputs, labels = decode(spec, records), encode_labels(spec.tasks, records, unasked=True)
    repeats = min(max(ROWS // (len(records) * len(item.columns)), 1), REPEATS)
    random = np.random.RandomState(0)

    known = {task.name: np.asarray(task.known(labels[task.name])) for task in tasks}
    asked = {name: labels[name][there] for name, there in known.items()}
    skewed = [task.name for task in tasks if task.tags.probabilistic and is_skewed(task, asked[task.name])]

    def scores(inputs: dict[str, Tree]) -> dict[str, np.ndarray]:
        logits = run_model(model, inputs)
        answers = to_predictions(spec, logits)
        return {
            task.name: likelihoods(task, asked[task.name], logits[task.name][known[task.name]])
            if task.name in skewed
            else task.score(asked[task.name], answers[task.name][known[task.name]])
            for task in tasks
        }

    usual = scores(inputs)
    lost: dict[str, dict[str, np.ndarray]] = {task.name: {} for task in tasks}
    for place, column in enumerate(item.columns):
        shuffled = []
        for _ in range(repeats):
            rows, own = inputs[item.name].copy(), item.owners == place
            rows[:, own] = rows[random.permutation(len(rows))][:, own]
            shuffled.append(scores({**inputs, item.name: rows}))
        for name, scored in usual.items():
            lost[name][column] = scored - np.mean([each[name] for each in shuffled], axis=0)
    return {task.name: told(task, lost[task.name], task.name in skewed) for task in tasks}


def likelihoods(task: Task, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """How likely each label is found, by its logarithm; where nearly all are the same, accuracy sees no difference."""
    return -np.asarray(task.negative_log_likelihood(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits)))


def told(task: Task, lost: dict[str, np.ndarray], likely: bool) -> Columns | Reason:
    """What is kept of the losses of a task by column, float (N,) of the records with a label.

    Args:
        likely: are they of the log-likelihood, and not of the task's score?
    """
    count = len(next(iter(lost.values())))
    if not count:
        return {"reason": "None of the records among which columns are shuffled has a label."}
    spans = {column: interval(each) for column, each in lost.items()}
    columns: list[Lost] = [
        {"column": column, "lost": float(each.mean()), "low": spans[column][0], "high": spans[column][1]}
        for column, each in lost.items()
    ]
    columns.sort(key=lambda each: -each["lost"])
    matter = [each for each in columns if each["low"] > 0][:NAMED]
    words = (lambda loss: f"{loss:.3g} of log-likelihood") if likely else task.difference_words
    named = ", ".join(f"{one_line(each['column'], 40)} ({words(each['lost'])})" for each in matter)
    said = f"It loses most without {named}." if matter else "It is not shown to lose anything without any one column."
    metric = "log_likelihood" if likely else task.score_name
    return {"metric": metric, "records": count, "columns": columns, "verdict": said}
