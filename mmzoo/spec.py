"""What a user says: inputs, a fusion, tasks. Plain frozen data, checked when made, JSON both ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mmzoo.aliases import Raw
from mmzoo.choice import Augmentation, Fusion, Tower
from mmzoo.errors import MMZooError, as_tuple, check_number, require, unknown
from mmzoo.files.limits import check_plain
from mmzoo.labels import encode_labels
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.data.records import Records
    from mmzoo.registry import Registry

FORMAT = 1
TASK_WEIGHTS = ("fixed", "learned")
MAX_PARTS = 256


@dataclass(frozen=True)
class Spec:
    """A multimodal model: which inputs it has, how they are fused, and what it is asked.

    Args:
        inputs: `Image`, `Text`, `Audio` ..., each under a name of its own.
        fusion: a fusion's name, or `Fusion(name, option=...)`.
        tasks: `Classification`, `Regression` ..., each under a name of its own.
        dim: width of the tokens that the towers hand to the fusion, and of the fused embedding.
        task_weights: "fixed", each task's own `weight`, or on top of it "learned": by how uncertain each task is
            (Kendall et al. 2018, arXiv:1705.07115).

    Raises:
        MMZooError: a name is unknown, is used twice, or a tower does not serve its input.
    """

    inputs: Sequence[Modality]
    fusion: Fusion | str
    tasks: Sequence[Task]
    dim: int = 128
    task_weights: str = "fixed"

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", as_tuple("The inputs of a spec", self.inputs))
        object.__setattr__(self, "tasks", as_tuple("The tasks of a spec", self.tasks))
        object.__setattr__(self, "fusion", Fusion.of(self.fusion))
        require(self.inputs, "A spec needs at least one input, such as mmzoo.Image('picture').")
        require(self.tasks, "A spec needs at least one task, such as mmzoo.Classification('label', labels=[...]).")
        _check_count("inputs", self.inputs)
        _check_count("tasks", self.tasks)
        for item in self.inputs:
            require(isinstance(item, Modality), f"An input must be mmzoo.Image, Text, Audio ..., not {item!r}.")
        for task in self.tasks:
            require(isinstance(task, Task), f"A task must be mmzoo.Classification, Regression ..., not {task!r}.")
        object.__setattr__(self, "tasks", tuple(task.of_inputs(self.inputs) for task in self.tasks))
        check_plain("A spec", self.to_json())
        self._check_names()
        check_number("The dim of a spec", self.dim, 4, 4096, whole=True)
        if self.task_weights not in TASK_WEIGHTS:
            raise unknown("kind of task_weights called", self.task_weights, TASK_WEIGHTS)
        self._check_choices()

    def _check_names(self) -> None:
        """No two parts have one name, and none has one that is made of another's for the world to see."""
        names = [item.name for item in self.inputs] + [task.name for task in self.tasks]
        for name in names:
            require(names.count(name) == 1, f"The name '{name}' is used twice; give each input and task its own.")
        for task in self.tasks:
            taken = task.tags.evidential and task.uncertainty_name in names
            require(
                not taken,
                f"The name '{task.uncertainty_name}' is that of the uncertainty of task '{task.name}', which stands "
                "beside its answers; choose another for this input or task.",
            )
        for name in self.metric_names:
            require(
                self.metric_names.count(name) == 1,
                f"Two metrics would be called '{name}', because of the names of the tasks; rename one of these.",
            )

    def _check_choices(self) -> None:
        """The towers and the fusion exist, fit and know their options. Needs Keras, so it is imported only here."""
        from mmzoo.augmentations import augmentations
        from mmzoo.fusions import fusions
        from mmzoo.towers import towers

        for item in self.inputs:
            tower = Tower.of(item.tower)
            serves = towers.facts(tower.name)["serves"]
            serves = serves if isinstance(serves, tuple) else (serves,)
            require(
                item.kind in serves,
                f"Tower '{tower.name}' reads {' or '.join(serves)}, but input '{item.name}' is {item.kind}; "
                f"for {item.kind} there are: {', '.join(towers.names(serves=item.kind))}.",
            )
            towers.check_options(tower.name, tower.options, item)
            for each in item.augmentations or ():
                choice = Augmentation.of(each)
                serves = augmentations.facts(choice.name)["serves"]
                require(
                    item.kind == serves,
                    f"Augmentation '{choice.name}' is for {serves}, but input '{item.name}' is {item.kind}; "
                    f"for {item.kind} there are: {', '.join(augmentations.names(serves=item.kind)) or 'none'}.",
                )
                augmentations.check_options(choice.name, choice.options)
        fusion = Fusion.of(self.fusion)
        fusions.check_options(fusion.name, fusion.options, self.input_names)
        for task in self.tasks:
            require(
                fusions.facts(fusion.name)["level"] == "feature" or not task.tags.evidential,
                f"Fusion '{fusion.name}' joins answers and would lose the evidence of task '{task.name}'; "
                "choose a fusion of features, or another objective.",
            )

    @property
    def input_names(self) -> list[str]:
        return [item.name for item in self.inputs]

    def metric_name(self, task: Task, metric: str) -> str:
        """What a metric of a task is called: with the task's name before it where there is more than one task."""
        return metric if len(self.tasks) == 1 else f"{task.name}_{metric}"

    @property
    def metric_names(self) -> list[str]:
        """All that validation can measure, as `metric_name` has it."""
        return [self.metric_name(task, metric) for task in self.tasks for metric in task.metric_names]

    def to_json(self) -> dict[str, object]:
        """Plain data; `Spec.from_json` gives an equal spec back."""
        return {
            "format": FORMAT,
            "inputs": [item.to_json() for item in self.inputs],
            "fusion": Fusion.of(self.fusion).to_json(),
            "tasks": [task.to_json() for task in self.tasks],
            "dim": self.dim,
            "task_weights": self.task_weights,
        }

    @classmethod
    def from_json(cls, data: Raw) -> Spec:
        """The spec of plain data; a key that is not known is an error, never ignored."""
        if not isinstance(data, dict):
            raise MMZooError(f"A spec is a JSON object, not {type(data).__name__}.")
        require(
            data.get("format") == FORMAT,
            f"This spec has format {data.get('format')!r}; this version of mmzoo reads format {FORMAT}.",
        )
        known = {f.name for f in fields(cls)}
        for key in data.keys() - {"format"}:
            if key not in known:
                raise unknown("key of a spec called", key, known)
        for key in ("inputs", "fusion", "tasks"):
            require(key in data, f"The spec has no '{key}'.")
        return cls(
            inputs=[_part(part, "input", modalities) for part in _list(data, "inputs")],
            fusion=Fusion.of(data["fusion"]),
            tasks=[_part(part, "task", tasks) for part in _list(data, "tasks")],
            dim=data.get("dim", cls.dim),
            task_weights=data.get("task_weights", cls.task_weights),
        )

    def fit(self, records: Records) -> Spec:
        """The spec with what it learns from training records before a model is built: vocabularies, statistics, priors.

        Args:
            records: `Records`; what is fitted already stays as it is.
        """
        fitted = []
        for item in self.inputs:
            values = [value for value in records.column(item.name) if value is not None] if item.unfitted else []
            require(
                values or not item.unfitted, f"No record has input '{item.name}', so nothing can be learnt from it."
            )
            fitted.append(item.fit(values))
        # What else a record without any label may be good for is not asked here.
        bound = [task.of_inputs(fitted) for task in self.tasks]
        labels = encode_labels([task for task in bound if task.unfitted], records, unlabelled=True)
        answering = [task.fit(labels[task.name]) if task.unfitted else task for task in bound]
        return replace(self, inputs=fitted, tasks=answering)

    def subset(self, names: Sequence[str]) -> Spec:
        """The same model with only the inputs in `names`."""
        for name in names:
            if name not in self.input_names:
                raise unknown("input called", name, self.input_names)
        left = [name for name in self.input_names if name in names]
        asked = [task.left_with(left) for task in self.tasks]
        require(
            any(asked),
            f"With {' and '.join(left)} alone no task of the spec is left, since they all need more inputs; give more.",
        )
        return replace(
            self,
            inputs=[item for item in self.inputs if item.name in names],
            tasks=[task for task in asked if task is not None],
        )

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False)


def _list(data: dict[str, Raw], key: str) -> list[Raw]:
    found = data[key]
    if not isinstance(found, list):
        raise MMZooError(f"The '{key}' of a spec must be a list, not {found!r}.")
    _check_count(key, found)
    return list(found)


def _check_count(key: str, parts: Sequence[object]) -> None:
    require(len(parts) <= MAX_PARTS, f"A spec has up to {MAX_PARTS} {key}, not {len(parts)}.")


Part = TypeVar("Part", Modality, Task)


def _part(data: Raw, what: str, registry: Registry[type[Part]]) -> Part:
    """An input or a task from its JSON form: `kind` says which class, the rest are its fields."""
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        raise MMZooError(f"An {what} of a spec is an object with a 'kind', not {data!r}.".replace("An task", "A task"))
    made = registry[data["kind"]]
    known = [f.name for f in fields(made)]
    for key in data.keys() - {"kind"}:
        if key not in known:
            raise unknown(f"field of {data['kind']} called", key, known)
    require("name" in data, f"This {what} of kind '{data['kind']}' has no 'name'.")
    values: dict[str, Any] = {k: Tower.of(v) if k == "tower" else v for k, v in data.items() if k != "kind"}
    return made(**values)
