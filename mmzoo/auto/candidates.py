"""What there is to try for a spec: linear heads, other fusions, and each modality alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mmzoo.auto.defaults import LARGEST, ROW_EPOCHS
from mmzoo.boosting import scores_of
from mmzoo.choice import Fusion, Tower
from mmzoo.errors import MMZooError, unknown
from mmzoo.fusions import fusions
from mmzoo.modalities.base import Modality
from mmzoo.options import defaults
from mmzoo.spec import Spec
from mmzoo.towers import towers
from mmzoo.training.settings import Training

QUALITIES = ("fast", "good", "best")
OTHERS = {
    "audio": (Tower("spectrogram_cnn", augment=0.0, dropout=0.0), Tower("rocket", dilations=4, dropout=0.6)),
    "sensor": (Tower("rocket"), Tower("inception_time")),
    "tabular": (Tower("ft_transformer"),),
}
"""By kind of input, towers that are tried in place of the one that it has."""
BAGS = ("embedding_bag", "static_embedding_bag", "rocket")
"""Towers that are linear in features which do not train: TF-IDF, the mean of word vectors, random kernels."""
TREES = "boosted_trees"
FITTED = (TREES, f"{TREES}_alone")
"""Candidates that consist of trees: they are fitted, and have no epochs."""
MOST_TREES, FEW_SCORES = 1000, 4
"""Trees for each score, and with more scores than that a third of them: of many classes each needs fewer."""
MOST_SCORES = 100  # with more of them it would take long, and be large
DECAYS = {"linear": 0.1, "linear_decayed": 3.0}
"""The linear candidates, and the weight decay of each: the first leaves tokens of a text out at random, the second
shrinks what few records say little of."""
LINEAR_COST = 0.4  # an epoch has a quarter of the steps, and each step less to do
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
    """What is tried; the first is the spec as it is.

    "fast" tries that alone, and of rows of tables alone boosted trees, which take seconds. "good" tries boosted trees
    where there are rows of tables, linear heads on features that do not train, where all inputs have them, other
    fusions and each modality alone, or for a single modality other towers and rates; "best" more of these.

    Raises:
        MMZooError: there is no such quality.
    """
    if quality not in QUALITIES:
        raise unknown("quality called", quality, QUALITIES)
    several = len(spec.inputs) > 1
    found = [Candidate(Fusion.of(spec.fusion).name if several else spec.input_names[0], spec, training)]
    trees = boosted(spec, training)
    if quality == "fast":
        return [*found, *(each for each in trees if each.name == TREES)]
    found += trees
    found += [each for each in linear(spec, training) if each.name != found[0].name]
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


def told_by(name: str, chosen: Sequence[str]) -> str:
    """Of several candidates that have ended, the one whose epochs tell how many another needs; "" if none does."""
    first = min(DECAYS)
    others = [each for each in chosen if each not in DECAYS and each not in FITTED]
    told = first if name in DECAYS and first in chosen else next(iter(others), "")
    return told if name != told else ""


def in_turn(chosen: Sequence[Candidate]) -> list[Candidate]:
    """The candidates in the order in which they are trained: those that consist of trees first, which take seconds.

    Then a linear one, which is good after a few steps. Where the time is short, it is what there is.
    """
    first = (*FITTED, min(DECAYS))
    return sorted(chosen, key=lambda each: first.index(each.name) if each.name in first else len(first))


def by_promise(chosen: Sequence[Candidate]) -> list[Candidate]:
    """The candidates in the order of promise, by which `mmzoo.auto.choosing.choose` goes where they are about equal.

    The first is the spec itself; of rows of tables alone, boosted trees: on most tables nothing is better.
    """
    return sorted(chosen, key=lambda each: each.name != TREES)


def linear(spec: Spec, training: Training) -> list[Candidate]:
    """Linear heads on features that do not train, one for each of `DECAYS`; none where an input's tower learns its own.

    On few records they are strong, and quick. But for the norm of each input they are linear all the way: the fusion
    "linear_sum" without an activation, no heads beside, and of a row its encoded columns without hidden layers.
    """
    inputs = [linear_input(item) for item in spec.inputs]
    if not all(inputs):
        return []
    tasks = [replace(task, auxiliary=0.0, mutual=0.0) for task in spec.tasks]
    chosen = replace(
        spec, inputs=[item for item in inputs if item], fusion=Fusion("linear_sum", activation="linear"), tasks=tasks
    )
    batch = 4 * training.batch_size if 4 * training.batch_size <= LARGEST else training.batch_size
    rate = min(3 * training.learning_rate, 10.0)
    epochs = min(training.epochs * (batch // training.batch_size), ROW_EPOCHS)  # as many steps as the others
    patience = training.patience and max(training.patience, epochs // 3)
    settings = replace(training, batch_size=batch, learning_rate=rate, epochs=epochs, patience=patience)
    return [
        Candidate(
            name,
            chosen if decay == min(DECAYS.values()) else replace(chosen, inputs=[*map(undropped, chosen.inputs)]),
            replace(settings, weight_decay=decay),
            cost=LINEAR_COST,
        )
        for name, decay in DECAYS.items()
    ]


def boosted(spec: Spec, training: Training) -> list[Candidate]:
    """Boosted trees in the place of what reads the rows of tables, none where no trees can be fitted to a task.

    Of rows alone nothing trains then. With other inputs the trees' answers are joined with theirs, or what the fusion
    makes of all inputs is added to the trees' scores.
    """
    scores = sum(map(scores_of, spec.tasks))
    rows = [item for item in spec.inputs if item.kind == "tabular" and Tower.of(item.tower).name != TREES]
    if not rows or scores > MOST_SCORES or not all(map(scores_of, spec.tasks)):
        return []
    tower = Tower(TREES, trees=MOST_TREES if scores <= FEW_SCORES else MOST_TREES // 3)
    inputs = [replace(item, tower=tower) if item in rows else item for item in spec.inputs]
    tasks = [replace(task, auxiliary=0.0, mutual=0.0) for task in spec.tasks]
    once = replace(training, epochs=1, methods=())
    if len(rows) == len(inputs):
        alone = replace(spec, inputs=inputs, fusion="calibrated", tasks=tasks)
        return [Candidate(FITTED[0], alone, once)]
    joined, added = (replace(spec, inputs=inputs, fusion=each) for each in ("calibrated", spec.fusion))
    found = [Candidate(f"{TREES}_{Fusion.of(added.fusion).name}", added, training)]
    if Fusion.of(added.fusion).name != "calibrated":
        found.insert(0, Candidate(f"{TREES}_calibrated", joined, training))
    alone = replace(spec, inputs=inputs, fusion="calibrated", tasks=tasks).subset([item.name for item in rows])
    return [*found, Candidate(FITTED[1], alone, once)]


def linear_input(item: Modality) -> Modality | None:
    """The input, its tower a linear map of features that do not train; None if there is no such tower for it."""
    tower = Tower.of(item.tower)
    if tower.name == "mlp":
        return replace(item, tower=Tower("mlp", **{**tower.options, "hidden": None}))
    options = {**defaults(towers[tower.name]), **tower.options}
    trains = options.get("trainable_blocks") or options.get("adapters") or not options.get("frozen", True)
    frozen = options.get("weights") and not trains
    pooled = tower.name in BAGS and options.get("beside") is None
    return item if frozen or pooled else None


def undropped(item: Modality) -> Modality:
    """The input, of which the tower leaves nothing out at random: rare words would be learnt less."""
    tower = Tower.of(item.tower)
    if "dropout" not in defaults(towers[tower.name]):
        return item
    return replace(item, tower=Tower(tower.name, **{**tower.options, "dropout": 0.0}))


def with_fitted(spec: Spec, fitted: Spec) -> Spec:
    """A spec with the vocabularies, statistics and priors that another one of the same inputs and tasks has."""
    like = {item.name: item for item in fitted.inputs}
    inputs = [replace(like[item.name], tower=item.tower) for item in spec.inputs]
    tasks = [
        replace(other, auxiliary=task.auxiliary, mutual=task.mutual)
        for task, other in zip(spec.tasks, fitted.tasks, strict=True)
    ]
    return replace(spec, inputs=inputs, tasks=tasks)
