"""Recipes: a spec, the data and the training settings under one name."""

from __future__ import annotations

import copy
import importlib.util
import json
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.spec import Spec
from mmzoo.training.settings import Training, check_settings

CHOICES = ("fusion", "tower", "tokenizer", "objective", "tune")
"""Fields that hold a name, or a name with options."""


@dataclass(frozen=True)
class Recipe:
    """What `mmzoo train` needs. A recipe file is Python and defines `recipe = mmzoo.Recipe(...)`,
    and for `mmzoo tune` also `SPACE = {...}`, see `mmzoo.hpo.space`.

    Args:
        spec: the model.
        data: the name of a data set (`mmzoo list datasets`), or of a table with its label and how it is read, see
            `mmzoo.data.schema.options.TableName`.
        training: the settings of the run.
    """

    spec: Spec
    data: str
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        require(isinstance(self.spec, Spec), f"The spec of a recipe is a mmzoo.Spec, not {self.spec!r:.80}.")
        require(isinstance(self.data, str), f"The data of a recipe are the name of a data set, not {self.data!r:.80}.")
        what = f"The training of a recipe is a mmzoo.Training, not {self.training!r:.80}."
        require(isinstance(self.training, Training), what)
        check_settings(self.spec, self.training)

    def to_json(self) -> dict[str, object]:
        return {"spec": self.spec.to_json(), "data": self.data, "training": self.training.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Recipe:
        return cls(Spec.from_json(value["spec"]), value["data"], Training.from_json(value["training"]))

    def changed(self, settings: Sequence[str]) -> Recipe:
        """The recipe with `key=value` settings applied.

        A key is a path: `training.epochs`, `fusion.dropout`, `data`, a field of the spec (`fusion`, `dim`,
        `task_weights`), or the name of an input or task and what is below it: `image.size`, `image.tower.weights`.
        A value is JSON, or else a string.
        """
        value = copy.deepcopy(self.to_json())
        for setting in settings:
            key, equals, text = setting.partition("=")
            require(equals, f"A setting is written key=value, such as training.epochs=10, not '{setting}'.")
            try:
                new = json.loads(text)
            except (ValueError, RecursionError):
                new = text
            self._set(value, key, new)
        return Recipe.from_json(value)

    def _set(self, value: dict[str, Any], key: str, new: Raw) -> None:
        spec = value["spec"]
        roots = {part["name"]: part for part in [*spec["inputs"], *spec["tasks"]]}
        whole = [field.name for field in fields(Spec)]
        first, *rest = key.split(".")
        require(
            first != "training" or "training" not in roots,
            f"The setting '{key}' may be one of the training or of the part of the spec that is called 'training'; "
            "rename that part in the recipe.",
        )
        roots["training"] = value["training"]
        if not rest and first in whole:
            spec[first] = new
        elif not rest and first == "data":
            value[first] = new
        elif first == "fusion" and rest:
            self._put(spec, [first, *rest], key, new)
        elif first not in roots:
            raise unknown("setting that begins with", first, [*roots, *whole, "data"])
        else:
            require(rest, f"The setting '{key}' names a whole part; say what of it: {key}.FIELD=value.")
            self._put(roots[first], rest, key, new)

    def _put(self, place: dict[str, Any], steps: Sequence[str], key: str, new: Raw) -> None:
        """Put a value where the steps lead to; a name on the way is a choice that has had no options yet."""
        for step in steps[:-1]:
            if step in CHOICES and isinstance(place.get(step), str):
                place[step] = {"name": place[step]}
            require(isinstance(place.get(step), dict), f"The setting '{key}' leads nowhere: there is no '{step}'.")
            place = place[step]
        place[steps[-1]] = new


def folders() -> list[Path]:
    """Where recipes live: the checkout's `recipes`, or where an installation put them."""
    found = [Path(__file__).parent.parent / "recipes", Path(sysconfig.get_path("data")) / "share" / "mmzoo" / "recipes"]
    return [folder for folder in found if folder.is_dir()]


def recipe_files() -> dict[str, Path]:
    """The files of the recipes that come with the package, by name."""
    files = [path for folder in reversed(folders()) for path in sorted(folder.rglob("*.py"))]
    return {path.stem: path for path in files}


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path, or the name of one that comes with the package."""
    if name.endswith(".py") or "/" in name:
        require(
            Path(name).is_file(),
            f"The recipe file '{name}' does not exist; check the path, or see: mmzoo list recipes.",
        )
        return Path(name)
    files = recipe_files()
    if name not in files:
        raise unknown("recipe", name, files)
    return files[name]


def load_recipe(name: str) -> Recipe:
    """Run a recipe file and take its `recipe`."""
    recipe = getattr(module_of(name), "recipe", None)
    require(
        isinstance(recipe, Recipe),
        f"The recipe '{find_recipe(name)}' must define recipe = mmzoo.Recipe(spec=..., data=...).",
    )
    return recipe  # type: ignore[return-value]


def load_space(name: str) -> Raw:
    """Run a recipe file and take its `SPACE`, what `mmzoo tune` may try; None where it has none."""
    return getattr(module_of(name), "SPACE", None)


def module_of(name: str) -> ModuleType:
    """What a recipe file defines.

    Raises:
        MMZooError: it fails.
    """
    path = find_recipe(name)
    module_spec = importlib.util.spec_from_file_location(f"mmzoo_recipe_{path.stem}", path)
    assert module_spec and module_spec.loader
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except MMZooError:
        raise
    except Exception as error:
        raise MMZooError(f"The recipe '{path}' fails with {type(error).__name__}: {error}; mend it.") from error
    return module
