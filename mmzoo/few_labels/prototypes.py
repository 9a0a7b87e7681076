"""New classes by a few records each, on what a run's towers make of them; answered at once, saved as a run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save as save_tensors

from mmzoo.aliases import Raw
from mmzoo.answers.given import is_one, joined, like, one_record
from mmzoo.answers.pieces import pieces
from mmzoo.artifact import save
from mmzoo.data.records import Records
from mmzoo.data.schema.options import Options
from mmzoo.errors import MMZooError, require
from mmzoo.few_labels.features import based_on, embedded, features, some_of_each, task_and_column
from mmzoo.few_labels.linear import softened
from mmzoo.files import write_file
from mmzoo.files.folders import made_in, replacing
from mmzoo.messages.words import json_bytes
from mmzoo.tasks.classification import Classification
from mmzoo.weights.reading import told as reading
from mmzoo.weights.tensors import TensorFile

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal
    from mmzoo.run import Run

FILE = "prototypes.safetensors"
WRITTEN = re.compile(r"model(/[^/]+)?|prototypes\.safetensors|run\.json|spec\.json")
KIND = "lda"
"""The usual kind; `benchmarks/few_shot.py` has them beside each other."""


class Prototypes:
    """Classes that are told apart by the vectors of a few records each.

    The vectors are the normalized tokens of the run's towers, their mean of each input side by side, and on them
    stands a linear function (`mmzoo.few_labels.linear`): what a fusion has learnt to keep for its own classes is less
    than what its towers know of others (`benchmarks/few_shot.py`). An input that a record lacks says nothing.

    >>> few = run.prototypes("twenty.csv", label="breed")
    >>> few.predict({"image": "new.jpg"})
    {'beagle': 0.93, 'poodle': 0.07}
    >>> few.add("five_more.csv")
    >>> few.save("runs/breeds")  # a run like any other: predict, evaluate, export
    >>> few = mmzoo.Run("runs/breeds").prototypes()  # later: these, to which classes can be added

    Args:
        run: whose model embeds.
        name: of the task; `column`, where a table has the classes.
        labels: the classes.
        vectors: float32 (N, M, D), NaN where a record lacks an input.
        places: of each one's class among the labels, int (N,).
        kind: "nearest", "lda" or "linear".
    """

    def __init__(
        self,
        run: Run,
        name: str,
        column: str,
        labels: Sequence[str],
        vectors: np.ndarray,
        places: np.ndarray,
        kind: str = KIND,
    ) -> None:
        self.run, self.name, self.column, self.kind = run, name, column, kind
        self.labels, self.vectors, self.places = tuple(labels), vectors, places
        self.task = Classification(name, self.labels) if len(self.labels) > 1 else None
        require(
            self.task is not None,
            f"Classes are told from each other, and there is only '{''.join(self.labels)}'; give records of two or "
            "more.",
        )
        there = ~np.isnan(vectors).any(axis=-1, keepdims=True)
        self.means = np.where(there, vectors, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        """Of each input, (M, D): what stands for one that is missing."""
        self.weights, self.bias = softened(kind, self._centred(vectors), places)

    def _centred(self, vectors: np.ndarray) -> np.ndarray:
        """What the linear function reads, (N, M D)."""
        return np.asarray(np.nan_to_num(vectors - self.means).reshape(len(vectors), -1))

    def __repr__(self) -> str:
        counts = np.bincount(self.places, minlength=len(self.labels)).tolist()
        named = ", ".join(f"{label} ({count})" for label, count in zip(self.labels, counts, strict=True))
        return f"Prototypes of '{self.column}' ({self.kind}): {named}"

    @classmethod
    def of(
        cls,
        run: Run,
        records: Raw,
        label: str = "",
        *,
        kind: str = KIND,
        known: int = 0,
        seed: int = 0,
        options: Options | None = None,
    ) -> Prototypes:
        """See `mmzoo.Run.prototypes`."""
        name, column = task_and_column(run, label)
        vectors, labels = embedded(run, records, name, column, options)
        if known:
            task = next((task for task in run.spec.tasks if task.name == name), None)
            require(task is not None, f"No class of '{label}' is known: it is no task of the model; leave 'known' out.")
            check_new(labels, task.answer_names if task is not None else (), f"The task '{name}'")
            theirs = some_of_each(run.records("train"), name, known, seed)
            more, told = embedded(run, theirs, name, name, None)
            vectors, labels = np.concatenate([more, vectors]), [*told, *labels]
        classes = list(dict.fromkeys(labels))
        return cls(run, name, column, classes, vectors, np.array([classes.index(each) for each in labels]), kind)

    @classmethod
    def of_saved(cls, run: Run) -> Prototypes:
        """Those that `save` wrote into a run's folder, which may be a stranger's.

        Raises:
            MMZooError: there are none, or the file is damaged.
        """
        told = run.settings.get("prototypes")
        if not isinstance(told, dict) or not isinstance(told.get("file"), dict):
            raise MMZooError(f"The run '{run.folder}' was not made of prototypes; give records of the classes.")
        task = run.spec.tasks[0]
        with reading(f"The prototypes in '{run.folder}' cannot be read; save them again"):
            kept = TensorFile(run.folder / FILE, told["file"])
            found, kind, column = kept.read(kept.layout), str(told["kind"]), str(told["column"])
        fits = {*found} == {"vectors", "places"} and found["vectors"].ndim == 3 and found["places"].ndim == 1
        fits = fits and len(found["vectors"]) == len(found["places"])
        fits = fits and found["vectors"].shape[1:] == (len(run.spec.inputs), run.spec.dim)
        fits = fits and len(run.spec.tasks) == 1 and {*found["places"].tolist()} == {*range(task.units)}
        require(fits, f"'{run.folder / FILE}' holds no prototypes of this run; save them again.")
        return cls(run, task.name, column, task.answer_names, found["vectors"], found["places"], kind)

    def add(self, records: Raw, *, options: Options | None = None) -> None:
        """Add classes by records of theirs; no more of those that are known.

        Raises:
            MMZooError: one of them is known already, or no record has a class.
        """
        vectors, labels = embedded(self.run, records, self.name, self.column, options)
        check_new(labels, self.labels, "They")
        classes = list(dict.fromkeys(labels))
        places = [len(self.labels) + classes.index(label) for label in labels]
        made = Prototypes(
            self.run,
            self.name,
            self.column,
            [*self.labels, *classes],
            np.concatenate([self.vectors, vectors]),
            np.concatenate([self.places, places]),
            self.kind,
        )
        vars(self).update(vars(made))

    def predict(self, records: Raw, *, options: Options | None = None) -> Any:
        """The probability of each class: `{label: probability}` of one record, and a list of such of many; of a
        DataFrame one with the same index and a column for each class.

        Args:
            records: as `Run.predict` takes them, with any subset of the inputs.
        """
        if is_one(records):
            one = one_record(records, self.run.reading(options))
            return self.predict(Records({name: [value] for name, value in one.items()}, ["input"]))[0]
        read = records if isinstance(records, Records) else joined(pieces(records, self.run.reading(options)))
        vectors = features(self.run, read)
        return like(records, [dict(zip(self.labels, row, strict=True)) for row in self.probabilities(vectors).tolist()])

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Those of the classes, float (N, K), of `features` (N, M, D)."""
        logits = self._centred(vectors).astype(np.float64) @ self.weights + self.bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def model(self) -> Multimodal:
        """The run's model with these classes in place of its tasks."""
        assert self.task is not None
        model = based_on(self.run.model, self.task)
        for name, means in zip(model.spec.input_names, self.means, strict=True):
            model.parts.of(name).tokens.norm.beta.assign(-means)
        head = next(layer for layer in model.parts.heads[self.name].fused[0].layers if layer.weights)
        head.kernel.assign(self.weights)
        head.bias.assign(self.bias)
        return model

    def save(self, out: str | Path, *, overwrite: bool = False) -> None:
        """Write a run whose model answers as these do, into a new folder: `mmzoo.Run(out)`, `mmzoo predict OUT` ...

        `Run(out).prototypes()` goes on where this ends.

        Args:
            overwrite: may it take the place of what this has written before?

        Raises:
            MMZooError: there is something at `out`, or it cannot be written.
        """
        out = Path(out)
        free = overwrite or not os.path.lexists(out)
        require(free, f"'{out}' is there already; choose another folder, or say overwrite=True.")
        require(out.parent.is_dir(), f"The folder '{out.parent}' does not exist; make it, or choose another.")
        model = self.model()
        kept = save_tensors({"vectors": self.vectors, "places": self.places.astype(np.int32)})
        facts = {"bytes": len(kept), "sha256": hashlib.sha256(kept).hexdigest()}
        settings = {key: self.run.settings[key] for key in ("training", "seed", "on_error", "budget")}
        layout = self.run.reading().layout
        columns = replace(layout, tasks={self.name: self.column}, forms={}).to_json()
        about = {"kind": self.kind, "column": self.column, "file": facts}
        with replacing(out, lambda name: overwrite and WRITTEN.fullmatch(name)) as place:
            save(model, place / "model")
            write_file(place / FILE, kept)
            home = {**made_in(place), "folder": str(out.resolve())}
            run = {**settings, "data": "", "columns": columns, "prototypes": about, "made_in": home}
            write_file(place / "run.json", json_bytes(run))
            write_file(place / "spec.json", json_bytes(model.spec.to_json()))


def check_new(labels: Sequence[str], known: Sequence[str], who: str) -> None:
    """Raise if a class is known already."""
    twice = sorted({*labels} & {*known})
    require(
        not twice,
        f"{who} know{'s' if who != 'They' else ''} the class '{''.join(twice[:1])}' already; leave its records out, or "
        "give all records of every class at once (run.prototypes).",
    )
