"""What every format has: its variants, how they are written, and how they answer."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NotRequired, TypedDict

from mmzoo.export.rows import Figures, Row

if TYPE_CHECKING:  # NumPy and Keras are only imported by what writes
    import numpy as np

    from mmzoo.data.records import Records
    from mmzoo.errors import MMZooError
    from mmzoo.graph.build import Multimodal
    from mmzoo.spec import Spec

    Arrays = dict[str, np.ndarray]


INDEX = "index.safetensors"
"""What the index that goes with a model is called in its export."""


@dataclass(frozen=True)
class Variant:
    """One way to write a model, with how far its answers may be from the model's.

    Args:
        summary: what is different about it, in words.
        difference: the largest difference of an answer, a probability or a number, from the model's. None where the
            metric of the task counts instead, of which it may lose a point; without labels a difference of 0.01.
        calibrated: does it have to see training records?
    """

    summary: str
    difference: float | None = None
    calibrated: bool = False


class ClientFacts(TypedDict):
    """What a client must know: inputs with types, units and vocabularies, outputs with labels.

    spec: the hash of the model's spec.
    search: the inputs by which a page looks in the index beside it.
    """

    mmzoo: str
    spec: str
    inputs: list[dict[str, object]]
    outputs: list[dict[str, object]]
    search: NotRequired[list[str]]


@dataclass(frozen=True)
class Job:
    """What is exported.

    Args:
        model: made by `mmzoo.build`; has `spec`.
        folder: the run's export/, which nobody else writes into meanwhile.
        about: what a client must know, see `mmzoo.export.export.describe`.
        training: the records that a calibrated variant sees.
        seal: what tells the model from others, which the vectors of an index are held against.
        records: by which what is written is held against the model.
        index: the folder of an index that goes with the model; None for none.
        allow_loss: may what is written differ by more than the limits allow?
    """

    model: Multimodal
    folder: Path
    about: ClientFacts
    training: Records | None = None
    seal: str = ""
    records: Records | None = None
    index: Path | None = None
    allow_loss: bool = False


class Format(ABC):
    """A format. Each variant that is written is held against the model, and has a row in the report."""

    variants: ClassVar[Mapping[str, Variant]]
    """By name, which no other format may use for something else. The first one is the exact one."""
    choice: ClassVar[bool] = False
    """Are the variants files of their own to choose from? Else all are written."""
    suffix: ClassVar[str] = ""
    """How the files of such variants end; the best one is written as `best` with it, too."""
    examples: ClassVar[int] = 20
    """How many records are asked, at most."""

    def usual(self, best: Sequence[str]) -> tuple[str, ...]:
        """The variants of an export that names none.

        Args:
            best: the variant that was the best of those exported before, if there is one.
        """
        return tuple(self.variants)[:1] if self.choice else tuple(self.variants)

    def has_metric(self) -> bool:
        """Is the metric of the task measured? It is what variants are chosen by, and the limit of some."""
        return self.choice or any(variant.difference is None for variant in self.variants.values())

    @abstractmethod
    def write(self, job: Job, wanted: Sequence[str]) -> Iterator[tuple[str, Path | MMZooError]]:
        """Write the wanted variants into the job's folder: each one's path, or why there is none.

        The next one is written when the one before was measured. One that the model cannot have may be left out.

        Raises:
            MMZooError: there is nothing to be had at all.
        """

    @abstractmethod
    def run(self, variant: str, path: Path, spec: Spec, inputs: Arrays) -> tuple[Arrays, Figures]:
        """How a file that was written answers.

        Args:
            inputs: what the model takes: each input (N, *shape) and `present` bool (N, M).

        Returns the answers by task (N, ...), and figures for the report, "latency_ms_p50" among them.

        Raises:
            MMZooError: it does not answer.
        """

    def in_turns(self, paths: Sequence[Path], inputs: Arrays) -> list[Figures]:
        """Figures of several variants that say something only where one is asked after the other, again and again."""
        return [{} for _ in paths]

    def asked(self, variant: str, spec: Spec, inputs: Arrays) -> Arrays:
        """What the model is asked where this variant is given `inputs`: the same, unless it takes less exact ones."""
        return inputs

    def complete(self, job: Job, chosen: Row) -> None:  # noqa: B027, most have nothing to add
        """Write what stands around the variant that was chosen, whose row this is; only of a format with a choice."""

    def hint(self, folder: Path) -> str:
        """What can be done with it, given the export's folder; "" where there is nothing to say."""
        return ""


def one_by_one(ask: Callable[[Arrays], Arrays], inputs: Arrays) -> tuple[Arrays, Figures]:
    """What `Format.run` returns, from a function that answers a batch of one."""
    import numpy as np

    answers, times = [], []
    for example in examples(inputs):
        began = time.perf_counter()
        answers.append(ask(example))
        times.append(time.perf_counter() - began)
    found = {name: np.concatenate([np.asarray(answer[name]) for answer in answers]) for name in answers[0]}
    return found, {"latency_ms_p50": round(float(np.median(times[1:] or times)) * 1000, 3)}


def examples(inputs: Arrays) -> list[Arrays]:
    """Each decoded example as the tensors of a batch of one."""
    return [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(len(inputs["present"]))]
