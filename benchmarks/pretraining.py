"""What the unlabelled rest is worth where few records have a label: towers from scratch on the embedded sample.

    python benchmarks/pretraining.py --labels 1 5 10 20 0 --by masked simclr retrieval --seeds 0 1 2

Of each class of the training records so many keep their label (0: all). The same towers of pictures and names learn of
these alone; and of these after a pretraining on all training records without any label, in one of these ways:

masked     patches of pictures and words of names are hidden, and told from what is left
simclr     two variants of a picture find each other among those of others, and so do two of a name
retrieval  pictures, names and what is said of them ("happy, teeth") find each other; the last is there in the
           pretraining only

Beside all stand logistic regressions on the same labelled records: on pixels and the TF-IDF of the names, and on what
the pretrained towers put out, frozen. All choose by the same validation records, and are tested on the same test
records. The gain is that of pretrained over scratch, with the bootstrap interval of the paired difference over the test
records, of all seeds together.

On the validation records (164), with 10 labels a class and seed 0: logistic regression 0.439; from scratch 0.439 in 40
epochs and 0.457 in 80; after `retrieval` of 30 epochs 0.463 and 0.451, its towers frozen 0.427. That is no gain beyond
chance, and no more than pixels and words give. A pretraining takes three minutes on one busy core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.datasets import load
from mmzoo.evaluation.statistics import interval
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model

GROUP = "group"
BY = ("masked", "simclr", "retrieval")
AUGMENTATIONS = ["flip", "affine", "color_jitter"]


def inputs(train: Records, names: Sequence[str], size: int, weights: str = "") -> list[mmzoo.Image | mmzoo.Text]:
    """Pictures and texts, with towers that begin at random or as a run's; the words are those of all records."""
    options = {"weights": f"run:{weights}"} if weights else {}
    found: list[mmzoo.Image | mmzoo.Text] = []
    for name in names:
        if name == "image":
            tower = mmzoo.Tower("small_cnn", filters=[16, 32, 64], **options)
            found.append(mmzoo.Image(name, size=size, augmentations=AUGMENTATIONS, tower=tower))
            continue
        tower = mmzoo.Tower("embedding_attention", **options)
        item = mmzoo.Text(name, tokens=10, tokenizer="words", augmentations=["word_dropout"], tower=tower)
        found.append(item.fit(train.column(name)))
    return found


def few(records: Records, count: int, seed: int) -> Records:
    """So many records of each class."""
    groups = np.array(records.column(GROUP))
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(groups == each))[:count] for each in sorted({*groups})]
    return records.select(np.concatenate(rows).tolist())


def pretrained(by: str, train: Records, args: argparse.Namespace, seed: int, out: Path) -> mmzoo.Run:
    """Towers that have seen all training records, and no label."""
    names = [*args.inputs, "says"] if by == "retrieval" else args.inputs
    tasks: dict[str, list[mmzoo.Reconstruction | mmzoo.Retrieval]] = {
        "masked": [mmzoo.Reconstruction(name, masked=args.masked if name == "image" else 0.3) for name in names],
        "simclr": [mmzoo.Reconstruction(names[0], weight=0.0)],
        "retrieval": [mmzoo.Retrieval("match", 64)],
    }
    spec = mmzoo.Spec(inputs(train, names, args.size), "concat", tasks[by], dim=128)
    training = mmzoo.Training(
        epochs=args.epochs // 2 if by == "simclr" else args.epochs,  # in which every record comes twice
        batch_size=64,
        learning_rate=2e-3,
        methods=["simclr"] if by == "simclr" else [],
    )
    return mmzoo.train(spec, train, None, training=training, seed=seed, out=out)


def supervised(
    splits: list[Records], every: Records, args: argparse.Namespace, seed: int, out: Path, weights: str = ""
) -> np.ndarray:
    """Is each test record's class right? By towers that begin at random, or as pretrained ones."""
    labels = tuple(sorted({*splits[0].column(GROUP)}))
    task = mmzoo.Classification(GROUP, labels=labels, auxiliary=1.0)
    spec = mmzoo.Spec(inputs(every, args.inputs, args.size, weights), "concat", [task], dim=128)
    # What a tower has learned must not be lost while the new heads are still random (LP-FT; Kumar et al. 2022).
    late = {"tune": mmzoo.Tune("gradual", blocks=1, epochs=args.tuning // 4), "tune_inputs": args.inputs}
    training = mmzoo.Training(epochs=args.tuning, batch_size=16, **(late if weights else {}))
    run = mmzoo.train(spec, splits[0], splits[1], training=training, seed=seed, out=out)
    said = run_model(run.model, decode(run.spec, splits[2]))[GROUP].argmax(axis=1)
    return np.array([labels[k] for k in said]) == np.array(splits[2].column(GROUP))


def floor(splits: list[Records], names: Sequence[str]) -> np.ndarray:
    """The same of a logistic regression on pixels and TF-IDF."""
    columns: list[list[np.ndarray]] = [[] for _ in splits]
    for name in names:
        if name == "image":
            small = mmzoo.Image(name, size=16)
            found = [np.stack([small.decode(each).reshape(-1) for each in part.column(name)]) for part in splits]
            found = [pixels / 255.0 - 0.5 for pixels in found]
        else:
            words = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)).fit(splits[0].column(name))
            found = [5.0 * words.transform(part.column(name)).toarray() for part in splits]
        for rows, each in zip(columns, found, strict=True):
            rows.append(each)
    return linear(splits, [np.concatenate(rows, axis=1) for rows in columns])


def probe(splits: list[Records], run: mmzoo.Run, names: Sequence[str]) -> np.ndarray:
    """The same of a logistic regression on what the pretrained towers put out, as they are."""
    made = [embed(run.model, part, towers=True, inputs=[*names]) for part in splits]
    rows = [np.concatenate([each[name] for name in names], axis=1) for each in made]
    mean, deviation = rows[0].mean(axis=0), rows[0].std(axis=0) + 1e-6
    return linear(splits, [(each - mean) / deviation for each in rows])


def linear(splits: list[Records], rows: list[np.ndarray]) -> np.ndarray:
    """Is each test record's class right? The validation records choose how the regression is regularised."""
    right = [np.array(part.column(GROUP)) for part in splits]
    made = [LogisticRegression(C=c, max_iter=1000).fit(rows[0], right[0]) for c in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)]
    best = max(made, key=lambda each: (each.predict(rows[1]) == right[1]).mean())
    return np.asarray(best.predict(rows[2]) == right[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="+", default=[10], help="of each class; 0: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--by", nargs="+", default=["retrieval"], choices=BY)
    parser.add_argument("--inputs", nargs="+", default=["image", "name"], help="that the classes are told by")
    parser.add_argument("--masked", type=float, default=0.6)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=30, help="of the pretraining")
    parser.add_argument("--tuning", type=int, default=40, help="epochs with labels")
    args = parser.parse_args()
    splits = [*load("emoji")]
    found: dict[int, dict[str, list[np.ndarray]]] = {count: {} for count in args.labels}
    with tempfile.TemporaryDirectory() as home:
        for seed in args.seeds:
            runs = {}
            for by in args.by:
                began = time.perf_counter()
                runs[by] = pretrained(by, splits[0], args, seed, Path(home) / f"{by}-{seed}")
                print(f"Pretraining by {by}, seed {seed}: {time.perf_counter() - began:.0f} s.", flush=True)
            for count in args.labels:
                parts = [few(splits[0], count or len(splits[0]), seed), *splits[1:]]
                rows, out = found[count], Path(home) / f"{seed}-{count}"
                rows.setdefault("logistic regression", []).append(floor(parts, args.inputs))
                rows.setdefault("from scratch", []).append(supervised(parts, splits[0], args, seed, out / "scratch"))
                for by, run in runs.items():
                    tuned = supervised(parts, splits[0], args, seed, out / by, str(run.folder))
                    rows.setdefault(by, []).append(tuned)
                    rows.setdefault(f"{by}, frozen", []).append(probe(parts, run, args.inputs))
                said = ", ".join(f"{name} {each[-1].mean():.3f}" for name, each in rows.items())
                print(f"seed {seed}, {count or 'all'} labels a class: {said}", flush=True)
    names = [*next(iter(found.values()))]
    print(f"| labels a class | {' | '.join(names)} | {' | '.join(f'gain by {by}, 95 %' for by in args.by)} |")
    print(f"|{'---|' * (1 + len(names) + len(args.by))}")
    for count, rows in found.items():
        mean = {name: np.mean(each, axis=0) for name, each in rows.items()}  # by record, over the seeds
        cells = [f"{each.mean():.3f}" for each in mean.values()]
        for by in args.by:
            gain = 100 * (mean[by] - mean["from scratch"])
            low, high = interval(gain)
            cells.append(f"{gain.mean():+.1f} points ({low:+.1f} to {high:+.1f})")
        print(f"| {count or 'all'} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
