"""What the unlabelled rest is worth where few records have a label: towers from scratch on the embedded sample.

    python benchmarks/pretraining.py --labels 10 --seeds 0 1 2

Of each class of the training records so many keep their label. The same towers learn of these alone; and of these after
pretraining on all training records without any label: pictures of which patches are hidden are rebuilt, and pictures
and names find each other. Beside both stand logistic regressions on the same labelled records: on pixels and the TF-IDF
of the names, and on what the pretrained towers put out, frozen. All choose by the same validation records, and are
tested on the same test records. The gain is that of pretrained over scratch, with the bootstrap interval of the paired
difference over the test records, of all seeds together.

With --epochs 24 --tuning 24, seed 0 alone: logistic regression 0.466, from scratch 0.402, pretrained 0.439 (+3.7
points, -1.2 to +8.8), its towers frozen 0.405. So little pretraining, 432 steps, does not yet beat pixels and words,
and its gain is not beyond chance.
"""

from __future__ import annotations

import argparse
import tempfile
import time
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


def inputs(size: int, weights: str = "") -> list[mmzoo.Image | mmzoo.Text]:
    options = {"weights": f"run:{weights}"} if weights else {}
    return [
        mmzoo.Image("image", size=size, tower=mmzoo.Tower("small_cnn", **options)),
        mmzoo.Text("name", max_bytes=64, tower=mmzoo.Tower("embedding_attention", **options)),
    ]


def few(records: Records, count: int, seed: int) -> Records:
    """So many records of each class."""
    groups = np.array(records.column(GROUP))
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(groups == each))[:count] for each in sorted({*groups})]
    return records.select(np.concatenate(rows).tolist())


def pretrained(train: Records, validation: Records, args: argparse.Namespace, seed: int, out: Path) -> mmzoo.Run:
    """Towers that have seen all training records, and no label."""
    tasks: list[mmzoo.Reconstruction | mmzoo.Retrieval] = []
    if "masked" in args.by:
        tasks.append(mmzoo.Reconstruction("image", masked=args.masked))
    if "retrieval" in args.by:
        tasks.append(mmzoo.Retrieval("match", 64))
    spec = mmzoo.Spec(inputs(args.size), "concat", tasks, dim=128)
    training = mmzoo.Training(epochs=args.epochs, batch_size=64, learning_rate=2e-3)
    return mmzoo.train(spec, train, validation, training=training, seed=seed, out=out)


def supervised(splits: list[Records], args: argparse.Namespace, seed: int, out: Path, weights: str = "") -> np.ndarray:
    """Is each test record's class right? By towers that begin at random, or as pretrained ones."""
    labels = tuple(sorted({*splits[0].column(GROUP)}))
    task = mmzoo.Classification(GROUP, labels=labels, auxiliary=1.0)
    spec = mmzoo.Spec(inputs(args.size, weights), "concat", [task], dim=128)
    # What a tower has learned must not be lost while the new heads are still random (LP-FT; Kumar et al. 2022).
    late = {"tune": mmzoo.Tune("gradual", blocks=1, epochs=args.tuning // 4), "tune_inputs": ["image", "name"]}
    training = mmzoo.Training(epochs=args.tuning, batch_size=16, **(late if weights else {}))
    run = mmzoo.train(spec, splits[0], splits[1], training=training, seed=seed, out=out)
    said = run_model(run.model, decode(run.spec, splits[2]))[GROUP].argmax(axis=1)
    return np.array([labels[k] for k in said]) == np.array(splits[2].column(GROUP))


def floor(splits: list[Records]) -> np.ndarray:
    """The same of a logistic regression on pixels and TF-IDF."""
    small, words = mmzoo.Image("image", size=16), TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4))
    words.fit(splits[0].column("name"))
    rows = []
    for part in splits:
        pixels = np.stack([small.decode(each).reshape(-1) for each in part.column("image")]) / 255.0
        rows.append(np.concatenate([pixels - 0.5, 5.0 * words.transform(part.column("name")).toarray()], axis=1))
    return linear(splits, rows)


def probe(splits: list[Records], run: mmzoo.Run) -> np.ndarray:
    """The same of a logistic regression on what the pretrained towers put out, as they are."""
    made = [embed(run.model, part, towers=True, inputs=["image", "name"]) for part in splits]
    rows = [np.concatenate([each["image"], each["name"]], axis=1) for each in made]
    mean, deviation = rows[0].mean(axis=0), rows[0].std(axis=0) + 1e-6
    return linear(splits, [(each - mean) / deviation for each in rows])


def linear(splits: list[Records], rows: list[np.ndarray]) -> np.ndarray:
    """Is each test record's class right? The validation records choose how the regression is regularised."""
    right = [np.array(part.column(GROUP)) for part in splits]
    made = [LogisticRegression(C=c, max_iter=1000).fit(rows[0], right[0]) for c in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)]
    best = max(made, key=lambda each: (each.predict(rows[1]) == right[1]).mean())
    return np.asarray(best.predict(rows[2]) == right[2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, nargs="+", default=[10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--by", nargs="+", default=["masked", "retrieval"], choices=["masked", "retrieval"])
    parser.add_argument("--masked", type=float, default=0.6)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=30, help="of the pretraining")
    parser.add_argument("--tuning", type=int, default=30, help="epochs with labels")
    args = parser.parse_args()
    splits = [*load("emoji")]
    found: dict[int, dict[str, list[np.ndarray]]] = {count: {} for count in args.labels}
    with tempfile.TemporaryDirectory() as home:
        for seed in args.seeds:
            began = time.perf_counter()
            run = pretrained(splits[0], splits[1], args, seed, Path(home) / f"pretrained-{seed}")
            print(f"Pretraining of seed {seed}: {time.perf_counter() - began:.0f} s.", flush=True)
            for count in args.labels:
                parts = [few(splits[0], count, seed), *splits[1:]]
                rows = found[count]
                out = Path(home) / f"{seed}-{count}"
                rows.setdefault("floor", []).append(floor(parts))
                rows.setdefault("scratch", []).append(supervised(parts, args, seed, out / "scratch"))
                rows.setdefault("pretrained", []).append(supervised(parts, args, seed, out / "begun", str(run.folder)))
                rows.setdefault("probe", []).append(probe(parts, run))
                said = ", ".join(f"{name} {each[-1].mean():.3f}" for name, each in rows.items())
                print(f"seed {seed}, {count} labels a class: {said}", flush=True)
    print("| labels a class | logistic regression | from scratch | pretrained | its towers, frozen | gain, 95 % |")
    print("|---|---|---|---|---|---|")
    for count, rows in found.items():
        mean = {name: np.mean(each, axis=0) for name, each in rows.items()}  # by record, over the seeds
        gain = mean["pretrained"] - mean["scratch"]
        low, high = interval(gain)
        print(
            f"| {count} | {mean['floor'].mean():.3f} | {mean['scratch'].mean():.3f} | {mean['pretrained'].mean():.3f} "
            f"| {mean['probe'].mean():.3f} | {100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}) |"
        )


if __name__ == "__main__":
    main()
