"""One of the inputs, rebuilt from what the fusion makes of all that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self, TypeGuard

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import MMZooError, as_tuple, check_number, require, unknown
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.rebuilt_cells import LEAST, RebuiltCells
from mmzoo.tasks.question import Readable
from mmzoo.tasks.tags import Tags

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality
    from mmzoo.modalities.rebuilding import Rebuilding
    from mmzoo.tokens import Fused

PARTS = ("any", "end")
HIDDEN = 0.3  # of the cells of a row, where nothing was said


@tasks.register("reconstruction", label="")
@dataclass(frozen=True)
class Reconstruction(Task):
    """One of the spec's own inputs, rebuilt from the fused embedding: no column says what is right.

    A picture is rebuilt as its pixels (at most 64 a side), a sound as its log-mel spectrogram, both by transposed
    convolutions; a sensor as its channels and a row of a table as its cells, by a perceptron. The loss is the mean
    squared error in deviations of the training records, so that kinds can be compared; of a category's cell it is the
    cross-entropy. A record that lacks the input is left out of the loss, and its input is filled in from the others.

    The input's augmentations change what the tower reads and not what is right, so that the model learns to undo them:
    noise is removed (Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders"). Of
    a random turn or mirroring nobody knows what it was; leave such augmentations out.

    With `masked`, a share of the input's parts is hidden from the tower in training, drawn anew for each example in
    each epoch, and the loss counts what is hidden alone (He et al. 2022, arXiv:2111.06377; Devlin et al. 2019,
    arXiv:1810.04805): patches of pictures and of spectrograms, tokens of texts, stretches of sensors, cells of tables.
    What is right is then the augmented example. What the towers learn so, a later spec takes with
    `weights="run:FOLDER"`. Answers and metrics are of whole inputs; the validation records that an epoch is chosen by
    have parts hidden too, always the same. With `masked=1.0` the model never reads the input, in training or later, and
    makes it of the others alone: a picture of a text.

    With `noise` there is more than one answer to a record: numbers that are drawn stand beside the fused embedding, and
    are 0 where one answer is asked for (`mmzoo generate` draws). The squared error has no use for them; the method
    "gan" has.

    An answer is float32 (B, units): each cell's number in its own unit, or the probabilities of what it can hold.

    Args:
        name: of the task; or that of the input, after which the task is then called `<input>_rebuilt`.
        input: what is rebuilt.
        masked: share of the parts that are hidden; 0 for none, 1 for all of it and always.
        hidden_part: "any", or "end" of a sensor: the last steps are told from those before. Towers see a series in both
            directions, so that the next step at every place would be read off; the end, all at once, cannot be.
        noise: how many numbers are drawn for an answer.
        means, deviations: of each channel, band or column of the training records; `Spec.fit` fills them in.
    """

    input: str = ""
    masked: float = field(default=0.0, kw_only=True)
    hidden_part: str = field(default="any", kw_only=True)
    noise: int = field(default=0, kw_only=True)
    means: Sequence[float] = field(default=(), kw_only=True)
    deviations: Sequence[float] = field(default=(), kw_only=True)
    kind: ClassVar[str] = "reconstruction"
    target = "input"
    missing: ClassVar[float] = float("nan")
    primary_metric: ClassVar[str] = "r2"
    metric_names: ClassVar[tuple[str, ...]] = ("r2", "nmse", "psnr", "snr", "accuracy")
    score_name: ClassVar[str] = "nmse"
    score_words: ClassVar[str] = "squared error in deviations"
    greater_is_better: ClassVar[bool] = False
    item: ClassVar[Modality | None] = None
    """The input, once the task is in a spec."""

    def __post_init__(self) -> None:
        if not self.input:
            object.__setattr__(self, "input", self.name)
            object.__setattr__(self, "name", f"{self.name}_rebuilt")
        super().__post_init__()
        require(isinstance(self.input, str), f"The input of task '{self.name}' must be a name, not {self.input!r}.")
        check_number(f"The masked share of task '{self.name}'", self.masked, 0, 1)
        check_number(f"The noise of task '{self.name}'", self.noise, 0, 4096, whole=True)
        if self.hidden_part not in PARTS:
            raise unknown(f"hidden_part of task '{self.name}' called", self.hidden_part, PARTS)
        fits = self.hidden_part == "any" or 0 < self.masked < 1
        require(fits, f"Task '{self.name}' hides the end of its input; say how much of it: 'masked', between 0 and 1.")
        for what, least in (("means", -1e36), ("deviations", LEAST)):
            numbers = as_tuple(f"The {what} of task '{self.name}'", getattr(self, what))
            object.__setattr__(self, what, numbers)
            for number in numbers:
                check_number(f"One of the {what} of task '{self.name}'", number, least, 1e36)
        require(
            len(self.means) == len(self.deviations), f"Task '{self.name}' needs as many deviations as means, or none."
        )
        require(
            not self.auxiliary, f"Task '{self.name}' rebuilds from all that is there at once; leave out 'auxiliary'."
        )

    # What it is.

    @classmethod
    def without_label(cls, name: str, inputs: Sequence[Modality], named: Sequence[str]) -> Sequence[Self]:
        """Each input that can be; rows and series with a part hidden, so that what is empty can be filled in."""
        found, refused = [], ""
        for item in inputs:
            try:
                item.rebuilding()
            except MMZooError as error:
                refused = str(error)
                continue
            found.append(cls(item.name, masked=HIDDEN if item.gaps else 0.0))
        require(found, refused)
        return found

    def of_inputs(self, inputs: Sequence[Modality]) -> Self:
        items = {item.name: item for item in inputs}
        if self.input not in items:
            raise unknown(f"input for task '{self.name}' called", self.input, items)
        made = items[self.input].rebuilding()  # says what cannot be rebuilt
        require(
            self.masked < 1 or len(items) > 1,
            f"Task '{self.name}' makes input '{self.input}' of the others, and there are none; add one, or set "
            "'masked' below 1.",
        )
        require(
            self.hidden_part == "any" or made.has_end,
            f"Input '{self.input}' of task '{self.name}' is no sensor with an end to hide; leave out hidden_part.",
        )
        found = replace(self)
        object.__setattr__(found, "item", items[self.input])
        return found

    def left_with(self, inputs: Sequence[str]) -> Self | None:
        return self if {*inputs} >= {self.input} and (self.masked < 1 or len(inputs) > 1) else None

    @cached_property
    def rebuilding(self) -> Rebuilding:
        """What is rebuilt of the input, and how."""
        if self.item is None:
            raise MMZooError(f"Task '{self.name}' is in no spec, so that its input is not known; make one with it.")
        self.item.check_fitted()
        return self.item.rebuilding()

    @property
    def tags(self) -> Tags:
        return Tags(rebuilt=True, pictures=self.item is not None and self.item.kind == "image")

    @property
    def column(self) -> str:
        return self.input

    @cached_property
    def cells(self) -> RebuiltCells:
        """The cells of the input and their units."""
        return RebuiltCells(self.rebuilding, self.means, self.deviations)

    @property
    def units(self) -> int:
        return self.cells.units

    @property
    def answer_names(self) -> tuple[str, ...]:
        return self.cells.names

    @property
    def summary(self) -> str:
        hidden = f", {self.masked:.0%} of it hidden in training" if self.hides else ""
        hidden = ", of the others alone" if self.withholds else hidden
        return f"{self.kind}: {self.input}{hidden}"

    def describe(self) -> dict[str, object]:
        return {**super().describe(), "input": self.input, "shape": list(self.rebuilding.shape)}

    # What it learns from.

    def encode(self, value: Raw) -> np.ndarray:
        """What is to be rebuilt of a value of the input, (cells,), NaN in cells that it says nothing of."""
        return self.rebuilding.target(value).reshape(-1).astype(self.rebuilding.dtype)

    @property
    def missing_label(self) -> np.ndarray:
        return np.full(self.rebuilding.cells, self.missing, self.rebuilding.dtype)

    def known(self, labels: Tensor) -> Tensor:
        from keras import ops

        return ops.any(labels == labels, axis=1)

    @property
    def unfitted(self) -> bool:
        return not self.means

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the mean and the deviation of each group of cells in labels (N, cells)."""
        means, deviations = self.cells.fitted(labels)
        return replace(self, means=means, deviations=deviations)

    @property
    def hides(self) -> str:
        return self.input if 0 < self.masked < 1 else ""

    @property
    def withholds(self) -> str:
        return self.input if self.masked == 1 else ""

    def hidden(self, batch: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Examples with parts hidden, and what these parts are; of what is not hidden nothing is asked."""
        import tensorflow as tf

        made = self.rebuilding
        wanted = tf.cast(made.target_of(batch), labels.dtype)
        there = tf.reduce_any(labels == labels, axis=1, keepdims=True)
        at_end = self.hidden_part == "end"
        changed, hidden = made.hide_end(batch, self.masked) if at_end else made.hide(batch, keys, self.masked)
        return changed, tf.where(hidden & there, wanted, tf.constant(self.missing, labels.dtype))

    # How it answers.

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        require(
            not decided,
            f"Task '{self.name}' rebuilds from what is fused, and this fusion joins answers; choose a fusion of "
            "features.",
        )
        return ()

    def head(self, fused: Fused, name: str) -> Tensor:
        """Cells in deviations from their means, and logits of what categories can hold, float32 (B, units)."""
        from mmzoo.layers.drawing import Noise

        read = Noise(self.noise, name=f"{name}.noise")(fused.embedding) if self.noise else fused.embedding
        return self.rebuilding.layers(read, self.units, name)

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        return self.cells.loss(labels, logits)

    def to_predictions(self, logits: Tensor) -> Tensor:
        """Numbers in their own units, and probabilities of what categories hold, (B, units)."""
        return self.cells.predictions(logits)

    def to_logits(self, predictions: Tensor) -> Tensor:
        return self.cells.logits(predictions)

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """In deviations of the training records; of probabilities as they are."""
        return np.asarray(np.abs(answers - wanted) / self.cells.spread)

    # How its answers are told.

    def readable(self, prediction: np.ndarray) -> Readable:
        """A picture, uint8 (side, side, 3); a spectrogram (steps, bands); a series (steps, channels); a text; a row."""
        return self.rebuilding.readable(self.cells.likeliest(prediction))

    def label_text(self, label: Tensor) -> str:
        return self.rebuilding.shown(np.asarray(label, np.float32)).text or self.input

    # How good they are.

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """R2, how much of what differs from record to record is rebuilt: 0 is the mean of all records, 1 is all of it.

        Beside it the mean of `score` without its sign (`nmse`); of pictures the peak signal-to-noise ratio in decibels,
        of sounds and sensors the signal-to-noise ratio; of categories the share of right ones.
        """
        cells = self.cells
        found = {
            "r2": cells.r2(labels, predictions),
            "nmse": float(cells.errors(labels, predictions).mean()),
        }
        measures = self.rebuilding.measures
        told = cells.accuracy if measures == "accuracy" else cells.decibels
        value = told(labels, predictions)
        return found if value is None else {**found, measures: value}

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Minus the squared error in deviations, the mean over the cells that are known."""
        return -self.cells.errors(labels, predictions)


def rebuilds(task: Task) -> TypeGuard[Reconstruction]:
    """Does a task rebuild an input, so that it has what a reconstruction has?"""
    return task.tags.rebuilt
