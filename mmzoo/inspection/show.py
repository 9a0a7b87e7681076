"""Some records of a source and random variants of them, as one page without scripts that needs no network."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmzoo import datasets
from mmzoo.augmentations import augmentations
from mmzoo.choice import Method
from mmzoo.data.faults import checked
from mmzoo.data.records import Records
from mmzoo.data.schema.kinds import inputs
from mmzoo.data.schema.names import input_names
from mmzoo.data.tables.phrases import good_values
from mmzoo.draws import keys_of
from mmzoo.errors import DataError, MMZooError, check_number
from mmzoo.files import write_file
from mmzoo.modalities.base import Modality
from mmzoo.recipe import load_recipe, recipe_files
from mmzoo.reports.gallery import ShownInput, shown_input
from mmzoo.reports.page import page
from mmzoo.training.methods import made
from mmzoo.training.methods.mixing import Mixing


def items_of(source: str) -> tuple[list[Modality], Records]:
    """The inputs of a recipe, or those that the columns of a table would be, and the training records."""
    if source in recipe_files():
        recipe = load_recipe(source)
        return list(recipe.spec.inputs), datasets.load(recipe.data)[0]
    opened = datasets.open_source(source)
    records = next(iter(opened.splits.values()))
    items, names, made = [], input_names(opened.kinds), inputs()
    for column, kind in opened.inputs.items():
        if kind in made:
            values = good_values(records.column(column))
            items.append(fitted(made[kind].guessed(names[column], values), values))
            records.columns[items[-1].name] = records.column(column)
    return items, records


def fitted(item: Modality, values: Sequence[object]) -> Modality:
    """With the statistics of those of the values that can be read: some variants are shares of them."""
    if not item.unfitted:
        return item
    good = [value for value, fault in zip(values, checked(item, values, item.name), strict=True) if fault is None]
    return item.fit(good) if good else item


def chosen(items: Sequence[Modality], names: Sequence[str]) -> list[Modality]:
    """The inputs with those of the named augmentations that are for their kind."""
    for name in names:
        augmentations[name]
    kinds = {name: augmentations.facts(name)["serves"] for name in names}
    return [replace(item, augmentations=[name for name in names if kinds[name] == item.kind]) for item in items]


def write_page(
    path: Path,
    source: str,
    *,
    count: int,
    variants: int,
    seed: int,
    mix: str = "none",
    names: Sequence[str] = (),
) -> None:
    """Draw `count` records, drawn at random, and `variants` of each of their inputs that has augmentations.

    Args:
        mix: "mixup" or "cutmix": each record is also drawn mixed with another of them.
        names: augmentations in place of those that the inputs have.

    Raises:
        MMZooError: the source cannot be read.
    """
    check_number("The number of records", count, 1, 1000, whole=True)
    check_number("The number of variants", variants, 0, 100, whole=True)
    items, records = items_of(source)
    items = chosen(items, names) if names else items
    rows = sorted(np.random.default_rng(seed).permutation(len(records))[:count].tolist())
    drawings = [[drawn(item, records, row, variants, seed) for item in items] for row in rows]
    if mix != "none":
        add_mixtures(drawings, items, records, rows, mix, seed)
    content = page(
        "mmzoo.inspection",
        "show.html.j2",
        source=source,
        total=len(records),
        items=items,
        variants=variants,
        mix=mix,
        records=[{"id": records.ids[row], "inputs": inputs} for row, inputs in zip(rows, drawings, strict=True)],
    )
    write_file(path, content)


def drawn(item: Modality, records: Records, row: int, variants: int, seed: int) -> ShownInput:
    """One input of a record: how it is shown, and how its variants are."""
    value, record = records.column(item.name)[row], records.ids[row]
    try:
        if isinstance(value, DataError):
            raise value
        original = shown_input(item, value, record)
    except MMZooError as error:
        return {"name": item.name, "alt": "", "kind": item.kind, "error": str(error), "variants": []}
    original["variants"] = []
    if value is not None and item.augmentations and not item.unfitted:
        example = item.decode(value)
        batch = np.repeat(example[None], variants, axis=0) if variants else example[None][:0]
        keys = keys_of(seed, np.full(len(batch), row), np.arange(len(batch)))
        for made in np.asarray(item.augment(batch, keys)) if len(batch) else ():
            shown = shown_input(item, item.value_of(made), record)
            if item.is_text:
                shown["words"] = marked(original["text"].lower(), shown["text"])
            original["variants"].append(shown)
    return original


def add_mixtures(
    drawings: list[list[ShownInput]],
    items: list[Modality],
    records: Records,
    rows: list[int],
    how: str,
    seed: int,
) -> None:
    """Add to each drawn input that training could mix how it comes out with its partner: the record drawn after it."""
    pairs = rows + rows[:1] if len(rows) % 2 else rows
    good = [k for k, item in enumerate(items) if not item.unfitted]
    mixed = tuple(items[k] for k in good)
    inputs = {item.name: np.zeros((len(pairs), *item.shape), item.dtype) for item in mixed}
    present = np.zeros((len(pairs), len(mixed)), bool)
    for place, row in enumerate(pairs):
        for column, k in enumerate(good):
            value = records.column(items[k].name)[row]
            if value is not None and "error" not in drawings[place % len(rows)][k]:
                inputs[items[k].name][place] = items[k].decode(value)
                present[place, column] = True
    keys = keys_of(seed, np.array(pairs, np.int64), np.arange(len(pairs)))
    (mixing,) = made([Method(how, alpha=1.0)])
    assert isinstance(mixing, Mixing)
    found, shares = mixing.mixed({**inputs, "present": present}, keys, {item.name: item for item in mixed})
    for place, row in enumerate(rows):
        said = f"{shares[place]:.0%} of it, the rest of {records.ids[pairs[place ^ 1]]}"
        for column, k in enumerate(good):
            if present[place, column] and present[place ^ 1, column]:
                value = items[k].value_of(np.asarray(found[items[k].name][place]))
                shown = shown_input(items[k], value, records.ids[row])
                drawings[place][k]["variants"].append({**shown, "mixed": said})


def marked(before: str, after: str) -> list[tuple[str, str]]:
    """The words of both texts in order, each with "kept", "gone" or "new"."""
    one, other = before.split(), after.split()
    found = []
    for how, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        found += [(word, "kept" if how == "equal" else "gone") for word in one[a:b]]
        found += [(word, "new") for word in other[c:d] if how != "equal"]
    return found
