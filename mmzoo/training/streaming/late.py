"""Classes that came only after the warm-up: a head that has them too, by a few records each, until it is retrained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmzoo.data.rereading import Reread
from mmzoo.errors import MMZooError
from mmzoo.training.streaming.batch import KEPT, Placed

if TYPE_CHECKING:
    from mmzoo.run import Run

GROWN = "grown"
"""The folder of the run with all classes, in that of the run over the stream."""
MOST_OLD = 5_000
"""Records of the past among which a few of each class are looked for."""


def grow(run: Run, late: Sequence[Placed], old: Sequence[Placed], reread: Reread) -> None:
    """Write a run that tells all classes apart by prototypes, and say so; say why, where that cannot be.

    Args:
        late, old: records of classes that the run does not have, and of those that it has: pairs of a place and a row.
    """
    (task, *_) = [task for task in reread.spec.tasks if task.tags.exclusive]
    lines = [*late, *old]
    found = reread.piece([line[1] for line in lines], [line[0] for line in lines], "The stream").records
    counts, chosen = Counter[str](), []
    for row, label in enumerate(found.column(task.name)):
        if label is not None and counts[str(label)] < KEPT:
            counts[str(label)] += 1
            chosen.append(row)
    out = run.folder / GROWN
    try:
        run.prototypes(found.select(chosen), label=task.name).save(out, overwrite=True)
    except MMZooError as error:
        print(f"note: there is no head for the new classes ({error})", flush=True)
        return
    print(f"{out}: {len(counts)} classes, the new ones too, by at most {KEPT} records each.", flush=True)
