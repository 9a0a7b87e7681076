"""Which records are worth a label: those that the model is least sure of, and no two of the same kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.answers.pieces import pieces
from mmzoo.answers.rows.answered import Row, begun, columns_of, number, subsets_of
from mmzoo.data.decoding import decoded
from mmzoo.data.records import Records
from mmzoo.data.schema.options import Options
from mmzoo.data.tally import Tally, tally_of
from mmzoo.errors import check_number, require, unknown
from mmzoo.evaluation.uncertainty import confidence, entropy, mc_dropout
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.names import FUSED
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.run import Run

WAYS = ("entropy", "bald")
POOL = 10
"""Records are chosen among so many times as many of the least certain."""
LEAST = 100
"""Or among so many."""
DRAWS = 20


@dataclass(frozen=True)
class Chosen:
    """Records that are worth a label, the worthiest first.

    Args:
        rows: what the table says of each, and what the model does.
        columns: of these rows, in order.
        records: their inputs.
        looked_at: how many records there were without a label.
        diverse: were those left out that are like others?
    """

    rows: list[Row]
    columns: list[str]
    records: Records
    looked_at: int
    diverse: bool


def label_next(
    run: Run,
    table: Raw,
    count: int = 20,
    *,
    task: str = "",
    by: str = "entropy",
    diverse: bool = True,
    options: Options | None = None,
    on_error: str = "error",
    budget: float = 0.01,
) -> Chosen:
    """The records of a table that are worth a label. Those that have one already are left out.

    First the least certain ones are found: by the entropy of the answer, in bits. Of ten times as many as are wanted
    those are chosen whose score is high and whose embedding is far from what was chosen before, one after the other:
    `argmax score * min distance^2`, the greedy choice of k-means++ (Arthur & Vassilvitskii 2007). The table may be of
    any length.

    Args:
        task: with classes; the first such task of the run, if not given.
        by: "entropy", or "bald": of the least certain by entropy those that draws under dropout disagree on (Houlsby
            et al. 2011, arXiv:1112.5745), which leaves out what nobody could tell.
        diverse: False takes the highest scores alone.
        options, on_error, budget: as `Run.predict` has them.

    Raises:
        MMZooError: the run has no task with classes, the table none of its inputs, every record a label.
    """
    check_number("The count of records", count, 1, 100_000, whole=True)
    if by not in WAYS:
        raise unknown("way to choose records called", by, WAYS)
    asked = asked_task(run, task)
    reread = run.reading(options, own=("*",))
    column = reread.layout.tasks.get(asked.name, asked.name)
    tally, pool = Tally(on_error, budget), Pool(max(POOL * count, LEAST))
    own: list[str] = []
    with (
        ThreadPoolExecutor(os.cpu_count()) as threads,
        tqdm(unit="record", desc="records", disable=None, leave=False, delay=2.0) as bar,
    ):
        for piece in pieces(table, reread):
            own = own or [name for name in piece.own if name not in (column, asked.name)]
            found = decoded(run.spec, piece.records, on_error, threads)
            rows = begun(piece)
            for row, reason in zip(rows, found.reasons, strict=True):
                row["error"] = reason or None
            tally.add(tally_of(rows, found.causes))
            labels = [row.get(column, row.get(asked.name)) for row in rows]
            # One with something bad in it is answered, where that is wanted, but nobody need be asked about it.
            keep = np.array([labels[k] in (None, "") and not found.reasons[k] for k in found.rows.tolist()], bool)
            bar.update(len(rows))
            if not keep.any():
                continue
            inputs = {name: values[keep] for name, values in found.inputs.items()}
            answers = to_predictions(run.spec, run_model(run.model, inputs))[asked.name]
            places = found.rows[keep].tolist()
            subsets = subsets_of(run.spec, inputs["present"])
            made = [
                {key: value for key, value in rows[k].items() if key != "error"} | facts
                for k, facts in zip(places, _facts(asked, answers, subsets), strict=True)
            ]
            pool.add(uncertainty(asked, answers), made, piece.records.select(places))
    tally.check()
    if tally.bad:
        print(tally.table())
    require(pool.seen, f"Every record has a label in column '{column}' already; give a table with some that have none.")
    scores, chosen = pool.scores, pool.records()
    if by == "bald":
        scores = mc_dropout(run.model, chosen, DRAWS)[asked.name]["information"]
    order = spread(scores, vectors_of(run, chosen), count) if diverse else np.argsort(-scores, kind="stable")[:count]
    rows = [{**pool.rows[k], column: None, by: number(max(scores[k], 0.0))} for k in order.tolist()]
    columns = columns_of([*own, column], [f"{asked.name}_prediction", f"{asked.name}_confidence", by])
    return Chosen(rows, columns[:-1], chosen.select(order.tolist()), pool.seen, diverse)


class Pool:
    """The least certain records so far, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, 0
        self.scores = np.zeros(0)
        self.rows: list[Row] = []
        self._records: list[Records] = []

    def add(self, scores: np.ndarray, rows: list[Row], records: Records) -> None:
        """Add some, and let go of those that are too certain."""
        self.seen += len(rows)
        self._records.append(records)
        self.scores, self.rows = np.concatenate([self.scores, scores]), self.rows + rows
        if len(self.rows) > self.size:
            kept = np.sort(np.argsort(-self.scores, kind="stable")[: self.size])
            self.scores, self.rows = self.scores[kept], [self.rows[k] for k in kept.tolist()]
            self._records = [self.records().select(kept.tolist())]

    def records(self) -> Records:
        """Their inputs."""
        ids = [name for each in self._records for name in each.ids]
        names = self._records[0].columns
        return Records({name: [x for each in self._records for x in each.column(name)] for name in names}, ids)


def asked_task(run: Run, name: str) -> Task:
    """The task whose labels are wanted."""
    found = {task.name: task for task in run.spec.tasks if task.tags.probabilistic}
    require(found, "The run has no task with classes, whose answers could be uncertain; train one that has.")
    if name and name not in found:
        raise unknown("task with classes called", name, found)
    return found[name] if name else next(iter(found.values()))


def uncertainty(task: Task, answers: np.ndarray) -> np.ndarray:
    """The entropy of predictions (N, K) in bits, float (N,); of several labels the mean of yes or no."""
    if task.tags.exclusive:
        return entropy(answers)
    return np.asarray(entropy(np.stack([answers, 1 - answers], axis=-1)).mean(axis=1))


def vectors_of(run: Run, records: Records) -> np.ndarray:
    """What tells how alike records are, float (N, D): the embedding, or the vectors of all inputs side by side."""
    names = [FUSED] if run.model.parts.embedding is not None else None
    found = embed(run.model, records, inputs=names)
    return np.asarray(np.nan_to_num(np.concatenate([*found.values()], axis=1)), np.float64)


def spread(scores: np.ndarray, vectors: np.ndarray, count: int) -> np.ndarray:
    """Places of records with high scores that are far from each other, in the order in which they are chosen."""
    scores = np.maximum(scores, 1e-9)
    away = np.full(len(scores), np.inf)
    chosen: list[int] = []
    while len(chosen) < min(count, len(scores)):
        worth = scores if not chosen else scores * away
        worth[chosen] = -1.0
        chosen.append(int(np.argmax(worth)))
        away = np.minimum(away, np.square(vectors - vectors[chosen[-1]]).sum(axis=1))
    return np.array(chosen)


def _facts(task: Task, answers: np.ndarray, subsets: Sequence[str]) -> list[dict[str, object]]:
    """What the model says of records."""
    said, sure = task.likeliest(answers).tolist(), confidence(task, answers)
    return [
        {
            f"{task.name}_prediction": task.answer_names[place],
            f"{task.name}_confidence": number(each),
            "inputs": subset,
        }
        for place, each, subset in zip(said, sure, subsets, strict=True)
    ]
