"""An index that is asked by pictures, texts and sounds."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mmzoo.aliases import Raw
from mmzoo.data.faults import Faults
from mmzoo.data.schema.options import Options, check_root, home_of
from mmzoo.errors import require, unknown
from mmzoo.files.folders import made_in
from mmzoo.index.card import Card
from mmzoo.index.query import asked_for, combined
from mmzoo.index.store import Store
from mmzoo.index.vectors import Found
from mmzoo.inference.embed import embedding_task, inputs_of
from mmzoo.inference.trust import trust_of
from mmzoo.run import Run
from mmzoo.search.entries import entries_of

V = TypeVar("V")


@dataclass(frozen=True)
class Hit:
    """A record that was found.

    Args:
        id: its name.
        score: the cosine similarity of its nearest vector and the query's, -1 to 1.
        input: the input that this vector is of.
        texts: what it says, by input.
        paths: its files by input, as they are reached from here.
        gone: those of these inputs whose files are no longer there.
        files: by input a small picture (JPEG) or a sound (WAV) that the index itself has.
    """

    id: str
    score: float
    input: str
    texts: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, object]:
        """Plain data; files that the index has are not in it."""
        found: dict[str, object] = {"id": self.id, "score": round(self.score, 6), "input": self.input}
        return {**found, "texts": self.texts, "paths": self.paths, "gone": [*self.gone]}


class Index:
    """The records of a table, found by what a model with a retrieval task makes of them.

    >>> index = mmzoo.Index.build(run, "photos.csv", "runs/index")
    >>> index.search({"text": "a dog in the snow"}, k=5)[0].id

    Args:
        folder: that of the index.
        run: the run whose vectors it holds, or its folder, where it is not at the place that the index names. An index
            that was made elsewhere, or by somebody else, names no run and no files of this machine: give both.
        root: the folder of the records' files, where they are not at the place that the index names.

    Raises:
        MMZooError: the folder holds no index, or the run is of another model.
    """

    def __init__(self, folder: str | Path, run: Run | str | Path | None = None, *, root: str | Path = "") -> None:
        self.folder = Path(folder)
        self.store = Store(folder)
        own = self.store.card.home == made_in(self.folder)
        self._root = check_root(root) if root else Path(self.store.card.root) if own else None
        self._bounded = not own
        self._run = run if run is not None else self.store.card.run if own else None
        if isinstance(self._run, Run):
            self._check(self._run)

    def __len__(self) -> int:
        """How many records can be found."""
        return len(self.store)

    def __repr__(self) -> str:
        return f"Index('{self.folder}': {len(self):,} records, {', '.join(self.store.card.by)})"

    @property
    def run(self) -> Run:
        """The run whose model is asked."""
        require(
            self._run,
            f"The index '{self.folder}' was made in another folder, or by somebody else, and the run that it names is "
            "not opened unasked; say which: --run RUN (in Python: Index(folder, run)).",
        )
        if not isinstance(self._run, Run):
            self._run = self._check(Run(self._run))  # type: ignore[arg-type]
        return self._run

    def _check(self, run: Run) -> Run:
        require(
            run.seal == self.store.card.model,
            f"The index '{self.folder}' holds vectors of another model than that in '{run.folder}'; give the run that "
            "it was built with, or build it again.",
        )
        return run

    @classmethod
    def build(
        cls,
        run: Run | str | Path,
        table: Raw,
        out: str | Path,
        *,
        inputs: Sequence[str] = (),
        dtype: str = "float16",
        options: Options | None = None,
        previews: bool | None = None,
        on_error: str = "error",
        budget: float = 0.01,
        overwrite: bool = False,
    ) -> Index:
        """Put the vectors of all records of a table into an index; written whole or not at all.

        Args:
            table: as `Run.predict` takes it: a path, the name of a data set, a DataFrame, `Records` ...
            out: the index's folder.
            inputs: those by which records can be found; all that the model gives vectors of, if not given.
            dtype: "float16", 2 bytes a number, or "int8", one.
            options: how the table is read, where that differs from the one that the run was trained on.
            previews: keep a small picture or the sound of each record in the index, as a web page needs them; if not
                said, of records that have no files.
            on_error, budget: what is done about records that cannot be used, see `Run.predict`.
            overwrite: may it take the place of another index?

        Raises:
            MMZooError: the model gives no vectors, a record cannot be used, two have one name, or the disk is full.
        """
        run = run if isinstance(run, Run) else Run(run)
        wanted = wanted_inputs(run, inputs)
        card = Card(
            id=secrets.token_hex(16),
            model=run.seal,
            run=str(run.folder.resolve()),
            root=str(root_of(run, table, options)),
            home={},
            inputs={item.name: item.kind for item in run.spec.inputs},
            by=wanted,
            dim=embedding_task(run.spec).units,
            dtype=dtype,
            weights=trust_of(run.model, embedding_task(run.spec)),
        )
        faults = Faults(on_error, budget)
        found = entries_of(run, table, run.reading(options), Path(card.root), wanted, faults, previews)
        Store.create(Path(out), card, found, overwrite=overwrite)
        index = cls(out, run)
        index._done(faults)
        return index

    def add(
        self,
        table: Raw,
        *,
        options: Options | None = None,
        previews: bool | None = None,
        on_error: str = "error",
        budget: float = 0.01,
        overwrite: bool = False,
    ) -> int:
        """Put the records of another table into it, beside those that are there; how many.

        Args:
            overwrite: may they take the place of records of the same names? See `build` for the others.
        """
        root = Path(self.store.card.root)
        faults = Faults(on_error, budget)
        found = entries_of(self.run, table, self.run.reading(options), root, self.store.card.by, faults, previews)
        count = self.store.add_entries(found, overwrite=overwrite)
        self._done(faults)
        return count

    def remove(self, ids: Iterable[str]) -> int:
        """Take records out by their names; how many."""
        require(not isinstance(ids, str), "Give a list of the names of records to remove.")
        return self.store.remove(ids)

    def _done(self, faults: Faults) -> None:
        if faults.bad:
            print(faults.table())
        self.store.prepare()

    @property
    def inputs(self) -> list[str]:
        """The inputs by which records can be found and asked for."""
        return [*inputs_of(embedding_task(self.run.spec))]

    def search(
        self,
        query: Mapping[str, object],
        k: int = 10,
        *,
        weights: Mapping[str, float] | None = None,
        among: Sequence[str] | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """The records nearest to a query, the nearest first; fewer than `k` where there are no more.

        Args:
            query: some of the model's inputs by name, or by kind where the model has one of it ("text", "image",
                "audio"): a path, bytes, an array or a string each.
            weights: how much each of several inputs counts; below 0 for what is not wanted. Of those without one, as
                much as it helped on the validation records that the model was trained with.
            among: the inputs of the records that are looked at; all, if not given.
            exact: look at every vector, though there be more than 100,000.

        Raises:
            MMZooError: the query is empty or cannot be read, the model has no such input, the index none of another.
        """
        run, inputs = self.run, self.inputs
        given = asked_for(self.by_name(query), inputs, run.spec.input_names)
        vectors = {name: found[0] for name, found in run.embed(given).items()}
        vector = combined(vectors, self.by_name(weights or {}), self.store.card.weights, self.store.card.dim)
        chosen = None if among is None else [*self.by_name(dict.fromkeys(among))]
        ((scores, rows),) = self.store.nearest(vector[None], k, among=chosen, exact=exact)
        return [self._hit(self.store.vectors.found(*each)) for each in zip(scores.tolist(), rows.tolist(), strict=True)]

    def by_name(self, values: Mapping[str, V]) -> dict[str, V]:
        """Values by the names of inputs, of values by names or kinds.

        Raises:
            MMZooError: an input stands twice.
        """
        kinds = named_by_kind(self.run, self.inputs)
        found: dict[str, V] = {}
        for key, value in values.items():
            name = key if key in self.run.spec.input_names else kinds.get(key, key)
            require(name not in found, f"The input '{name}' is given twice; give it once.")
            found[name] = value
        return found

    def _hit(self, found: Found) -> Hit:
        texts = {name: each["text"] for name, each in found.shown.items() if "text" in each}
        paths = {name: self.path(each["path"]) for name, each in found.shown.items() if "path" in each}
        gone = tuple(name for name, path in paths.items() if self._root is not None and not os.path.lexists(path))
        return Hit(found.id, found.score, found.input, texts, paths, gone, found.files)

    def path(self, path: str) -> str:
        """The path of a record's file from here; as it is kept, where it is not known from where."""
        return path if self._root is None else str(self._root / path)

    def may_read(self, path: str) -> bool:
        """May a record's file be read? In an index of a stranger only what lies below the root that was given."""
        if self._root is None:
            return False
        try:
            return not self._bounded or Path(path).resolve().is_relative_to(self._root)
        except (OSError, RuntimeError, ValueError):
            return False


def wanted_inputs(run: Run, inputs: Sequence[str]) -> list[str]:
    """Those inputs of a run's model that were named, or all that it gives vectors of."""
    there = inputs_of(embedding_task(run.spec))
    names = {**named_by_kind(run, there), **{name: name for name in there}}
    for name in inputs:
        if name not in names:
            raise unknown("input that the model has vectors of called", name, there)
    return [name for name in there if not inputs or name in {names[each] for each in inputs}]


def named_by_kind(run: Run, inputs: Sequence[str]) -> dict[str, str]:
    """The inputs by their kinds, as far as there is one of each."""
    kinds: dict[str, list[str]] = {}
    for item in run.spec.inputs:
        if item.name in inputs:
            kinds.setdefault(item.kind, []).append(item.name)
    return {kind: names[0] for kind, names in kinds.items() if len(names) == 1}


def root_of(run: Run, table: Raw, options: Options | None) -> Path:
    """The folder that the paths in a table are relative to."""
    told = run.reading(options).options.root
    if told:
        return check_root(told)
    if isinstance(table, (str, Path)) and Path(table).exists():
        return home_of(table).resolve()
    return Path.cwd()
