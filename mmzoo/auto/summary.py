"""What is about to be trained, in a line for each input and one for the rest."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmzoo.choice import Fusion, Tokenizer, Tower
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec
from mmzoo.towers import towers
from mmzoo.training.settings import Training

if TYPE_CHECKING:
    from mmzoo.data.records import Records

LENGTHS = {
    "audio": {"seconds": "{:g} s", "sample_rate": "{:,} Hz"},
    "image": {"size": "{0} x {0} pixels"},
    "sensor": {"steps": "{:,} steps", "channels": "{} channels"},
    "text": {"max_bytes": "up to {:,} bytes", "tokens": "{:,} tokens"},
    "video": {"frames": "{} frames", "size": "{0} x {0} pixels"},
}
"""By kind of input, how the fields are told that say how much is read of it."""
COUNTED = {
    "numbers": ("number", "numbers"),
    "categories": ("category", "categories"),
    "dates": ("date", "dates"),
    "multi_categories": ("set of categories", "sets of categories"),
}
"""Fields of a row, whose entries are counted, and how one and several of them are called."""


def described(spec: Spec, training: Training, splits: Sequence[Records]) -> list[str]:
    """A line for each input, one for fusion and tasks, one for the sizes of the splits and the settings."""
    lines = [input_words(item) for item in spec.inputs]
    tasks = ", ".join(f"{task.name} ({task.kind})" for task in spec.tasks)
    joined = f"{Fusion.of(spec.fusion).name} fusion -> " if len(spec.inputs) > 1 else ""
    heads = " with a head for each input too" if any(task.auxiliary for task in spec.tasks) else ""
    lines.append(f"{joined}{tasks}{heads}")
    can_end = 0 < training.patience < training.epochs
    patience = f", ends after {training.patience} without gain" if can_end else ""
    epochs = f"up to {training.epochs} epochs" if training.epochs > 1 else "1 epoch"
    sizes = ", ".join(f"{len(part)} {name}" for name, part in zip(("train", "validation", "test"), splits, strict=True))
    rate = f"rate {training.learning_rate:.2g}"
    lines.append(f"{sizes}; {epochs} of batches of {training.batch_size}, {rate}{patience}")
    return lines


def input_words(item: Modality) -> str:
    """An input in a line: its kind, how much is read of it, its tower and the weights that this has."""
    tower = Tower.of(item.tower)
    defaults = {
        key: each.default
        for key, each in inspect.signature(towers[tower.name]).parameters.items()
        if each.default is not inspect.Parameter.empty
    }
    options: dict[str, object] = {**defaults, **tower.options}
    lengths = {key: getattr(item, key, None) for key in LENGTHS.get(item.kind, {})}
    found = [LENGTHS[item.kind][key].format(value) for key, value in lengths.items() if value is not None]
    rows = {key: getattr(item, key, ()) if item.kind == "tabular" else () for key in COUNTED}
    found += [f"{len(rows[key])} {words[len(rows[key]) > 1]}" for key, words in COUNTED.items() if rows[key]]
    tokenizer = getattr(item, "tokenizer", None)
    if tokenizer is not None and towers.facts(tower.name).get("tokenizer") != "own":
        found.append(f"tokenizer {Tokenizer.of(tokenizer).name}")
    weights = options.get("weights")
    trains = options.get("trainable_blocks") or options.get("adapters")
    own = f", weights {weights}{'' if trains else ', frozen'}" if weights else ""
    read = "".join(f", {each}" for each in found)
    return f"{item.name}: {item.kind}{read}; tower {tower.name}{own}"
