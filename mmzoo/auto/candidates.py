"""What there is to try for a spec: other fusions, and each modality alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mmzoo.choice import Fusion, Tower
from mmzoo.errors import MMZooError, unknown
from mmzoo.fusions import fusions
from mmzoo.spec import Spec
from mmzoo.towers import towers
from mmzoo.training.settings import Training

QUALITIES = ("fast", "good", "best")
OTHERS = {
    "audio": (Tower("spectrogram_cnn", augment=0.0, dropout=0.0),),
    "sensor": (Tower("rocket"), Tower("inception_time")),
    "tabular": (Tower("ft_transformer"),),
}
"""By kind of input, towers that are tried in place of the one that it has."""
FUSIONS = {"good": ("calibrated", "gated"), "best": ("calibrated", "gated", "linear_sum", "cross_attention")}


@dataclass(frozen=True)
class Candidate:
    """A spec and how it is trained.

    Args:
        name: of its folder, lower-case letters, digits and "_".
        cost: what an epoch of it takes, as a share of one of the first candidate; a guess.
    """

    name: str
    spec: Spec
    training: Training
    cost: float = 1.0

    @property
    def summary(self) -> str:
        """The inputs with their towers, and the fusion."""
        read = ", ".join(f"{item.name} ({Tower.of(item.tower).name})" for item in self.spec.inputs)
        said = read if len(self.spec.inputs) == 1 else f"{Fusion.of(self.spec.fusion).name} of {read}"
        return f"{said}, rate {self.training.learning_rate:.2g}"


def candidates(spec: Spec, training: Training, quality: str) -> list[Candidate]:
    """What is tried, in the order of promise; the first is the spec as it is.

    "fast" tries that alone. "good" tries other fusions and each modality alone, or for a single modality other
    towers and rates; "best" more of both.

    Raises:
        MMZooError: there is no such quality.
    """
    if quality not in QUALITIES:
        raise unknown("quality called", quality, QUALITIES)
    several = len(spec.inputs) > 1
    found = [Candidate(Fusion.of(spec.fusion).name if several else spec.input_names[0], spec, training)]
    if quality == "fast":
        return found
    if several:
        for name in FUSIONS[quality]:
            evidential = any(task.tags.evidential for task in spec.tasks)
            if name != found[0].name and not (evidential and fusions.facts(name)["level"] == "decision"):
                found.append(Candidate(name, replace(spec, fusion=name), training))
        alone = replace(spec, tasks=[replace(task, auxiliary=0.0, mutual=0.0) for task in spec.tasks])
        for each in spec.input_names:
            with suppress(MMZooError):  # a task may need another input too
                found.append(Candidate(f"{each}_alone", alone.subset([each]), training, cost=0.7))
        return found
    (item,) = spec.inputs
    for tower in OTHERS.get(item.kind, ()):
        if tower.name in towers.names(serves=item.kind) and tower.name != Tower.of(item.tower).name:
            with suppress(MMZooError):  # it may not fit the size of the input
                other = replace(spec, inputs=[replace(item, tower=tower)])
                found.append(Candidate(f"{item.name}_{tower.name}", other, training, cost=3.0))
    rates: Sequence[tuple[str, float]] = [("rate_times_3", 3.0), ("rate_by_3", 1 / 3)]
    for name, factor in rates:
        faster = replace(training, learning_rate=min(training.learning_rate * factor, 10.0))
        found.append(Candidate(f"{item.name}_{name}", spec, faster))
    return found
