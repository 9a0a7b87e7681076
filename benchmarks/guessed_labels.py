"""What records without a label are worth on frozen towers: ten labels a class of the embedded sample, others hidden.

    python benchmarks/guessed_labels.py --seeds 0 1 2
    python benchmarks/guessed_labels.py --seeds 0 1 2 3 4 --trained     # no model is trained

Pretrained towers, frozen. "few" learns of the records with a label alone, the methods of the others too, for as many
epochs. Beside them stands scikit-learn on what the towers put out, of each input centred and of length 1:

logistic regression  of the same labelled records; "as they come": on what is neither centred nor of length 1
label spreading      by nearness among all training records (Zhou et al. 2004)
self-training        five rounds of a regression on its own guesses, squared, of the records without a label
co-training          the same, but each input's regression learns the guesses of the others (Blum & Mitchell 1998)

All choose by the same validation records, and are tested on the same test records.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pretraining import GROUP, few
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.datasets import load
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model

STRENGTHS, OF_GUESSES = (0.01, 0.1, 1.0, 10.0, 100.0), (0.01, 0.1, 1.0)
"""By how little a regression is regularised, and one of many guesses."""
ROUNDS, LABEL, LEAST = 5, 5.0, 0.02
"""Of guessing; what a label weighs beside the guess of one record; the least that a guess of a class must weigh."""


def spec_of(labels: tuple[str, ...]) -> mmzoo.Spec:
    inputs = [
        mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160)),
        mmzoo.Text("name", tower="sentence"),
    ]
    return mmzoo.Spec(inputs, "concat", [mmzoo.Classification(GROUP, labels=labels, auxiliary=1.0)], dim=128)


def hidden(records: Records, kept: Records) -> Records:
    """The records without the labels of those that are not kept."""
    ids = {*kept.ids}
    labels = [label if each in ids else None for each, label in zip(records.ids, records.column(GROUP), strict=True)]
    return Records({**records.columns, GROUP: labels}, records.ids)


def right(run: mmzoo.Run, test: Records, labels: tuple[str, ...]) -> np.ndarray:
    """Is each test record's class right?"""
    said = run_model(run.model, decode(run.spec, test))[GROUP].argmax(axis=1)
    return np.array([labels[k] for k in said]) == np.array(test.column(GROUP))


def frozen(splits: Sequence[Records], labels: tuple[str, ...]) -> list[list[np.ndarray]]:
    """What the towers put out for each split, by input."""
    model = mmzoo.build(spec_of(labels).fit(splits[0]))
    return [[*embed(model, part, towers=True).values()] for part in splits]


class Guesses:
    """scikit-learn with and without the records that have no label.

    Args:
        vectors: by split, then by input.
        places: of the classes of the records of each split.
        kept: the training records that have a label.
    """

    def __init__(self, vectors: list[list[np.ndarray]], places: list[np.ndarray], kept: np.ndarray) -> None:
        means = [each.mean(axis=0) for each in vectors[0]]
        self.each = [[normalize(each - mean) for each, mean in zip(part, means, strict=True)] for part in vectors]
        self.every = [np.concatenate(part, axis=1) for part in self.each]
        self.places, self.kept = places, kept
        self.classes = places[0].max() + 1

    def share(self, said: np.ndarray) -> float:
        """How many of the test records are told rightly by the probabilities of classes."""
        return float((said.argmax(axis=1) == self.places[2]).mean())

    def best(self, found: Sequence[LogisticRegression], validation: np.ndarray) -> LogisticRegression:
        """That which tells most of the validation records."""
        return max(found, key=lambda each: each.score(validation, self.places[1]))

    def taught(self, parts: Sequence[np.ndarray]) -> LogisticRegression:
        """A regression on the records with a label."""
        known = parts[0][self.kept], self.places[0][self.kept]
        return self.best([LogisticRegression(C=c, max_iter=500).fit(*known) for c in STRENGTHS], parts[1])

    def guessed(self, parts: Sequence[np.ndarray], guesses: np.ndarray) -> LogisticRegression:
        """A regression on all training records: where there is no label on each class as far as it is guessed."""
        weights = guesses**2
        weights /= weights.sum(axis=1, keepdims=True)
        weights[self.kept] = LABEL * np.eye(self.classes)[self.places[0][self.kept]]
        rows, places = np.nonzero(weights > LEAST)
        given = parts[0][rows], places, weights[rows, places]
        return self.best([LogisticRegression(C=c, max_iter=300).fit(*given) for c in OF_GUESSES], parts[1])

    def by_spreading(self) -> np.ndarray:
        marked = np.where(self.kept, self.places[0], -1)
        found = [
            LabelSpreading(kernel="rbf", gamma=gamma, alpha=alpha, max_iter=200).fit(self.every[0], marked)
            for gamma in (2.0, 5.0, 10.0, 20.0)
            for alpha in (0.05, 0.2, 0.5, 0.8)
        ]
        return np.asarray(self.best(found, self.every[1]).predict_proba(self.every[2]))

    def by_itself(self) -> np.ndarray:
        found = self.taught(self.every)
        for _ in range(ROUNDS):
            found = self.guessed(self.every, found.predict_proba(self.every[0]))
        return np.asarray(found.predict_proba(self.every[2]))

    def by_each_other(self) -> np.ndarray:
        parts = [*zip(*self.each, strict=True)]
        found = [self.taught(part) for part in parts]
        for _ in range(ROUNDS):
            said = [each.predict_proba(part[0]) for each, part in zip(found, parts, strict=True)]
            others = [np.prod([p for j, p in enumerate(said) if j != k], axis=0) for k in range(len(parts))]
            found = [self.guessed(part, other) for part, other in zip(parts, others, strict=True)]
        return np.prod([each.predict_proba(part[2]) for each, part in zip(found, parts, strict=True)], axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=10, help="of a class")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--trained", nargs="*", default=["few", "fixmatch", "freematch"], help="these of mmzoo")
    args = parser.parse_args()
    splits = load("emoji")
    train, validation, test = splits
    labels = tuple(sorted({*train.column(GROUP)}))
    vectors = frozen(splits, labels)
    places = [np.array([labels.index(each) for each in part.column(GROUP)]) for part in splits]
    found: dict[str, list[float]] = {}
    for seed in args.seeds:
        kept = few(train, args.labels, seed)
        guesses = Guesses(vectors, places, np.isin(np.array(train.ids), kept.ids))
        plain = [np.concatenate(part, axis=1) for part in vectors]
        told = {
            "logistic regression": guesses.share(guesses.taught(guesses.every).predict_proba(guesses.every[2])),
            "as they come": guesses.share(guesses.taught(plain).predict_proba(plain[2])),
            "label spreading": guesses.share(guesses.by_spreading()),
            "self-training": guesses.share(guesses.by_itself()),
            "co-training": guesses.share(guesses.by_each_other()),
        }
        for name in args.trained:
            method = None if name == "few" else mmzoo.Method(name)
            training = mmzoo.Training(
                epochs=args.epochs, batch_size=64 if method else 16, methods=[method] if method else []
            )
            records = hidden(train, kept) if method else kept
            with tempfile.TemporaryDirectory() as home:
                out = Path(home) / "run"
                run = mmzoo.train(spec_of(labels), records, validation, training=training, seed=seed, out=out)
                told[name] = float(right(run, test, labels).mean())
        for name, share in told.items():
            found.setdefault(name, []).append(share)
        print(f"seed {seed}: {', '.join(f'{name} {share:.3f}' for name, share in told.items())}", flush=True)
    for name, each in found.items():
        print(f"{name}: {np.mean(each):.3f} ({', '.join(f'{value:.3f}' for value in each)})")


if __name__ == "__main__":
    main()
