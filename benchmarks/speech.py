"""What a pretrained encoder of sounds is worth on spoken words: the speech of the embedded sample alone.

    python benchmarks/speech.py                                  # seeds 0 1 2
    python benchmarks/speech.py --only spectrogram_cnn whisper --seeds 0
    python benchmarks/speech.py --floors                         # logistic regressions alone

Networks as the main recipe trains them, with another tower: test accuracy of each seed, what an epoch takes with
features computed once, how long these take to compute, and of the .tflite in float32 size and latency on one thread.

Beside them, on the same records, logistic regressions whose penalty the validation records choose: on statistics of the
log-mel, on mean and maximum of Whisper's frozen tokens; and on the words that were spoken, by TF-IDF of characters,
which no sound can be expected to beat by much.

On 2 busy cores, in one run the logistic regressions, in another the network:

    statistics of the log-mel      0.442
    whisper's mean and maximum     0.530
    the words themselves           0.662
    whisper                        0.558  (0.555, 0.540, 0.579); 31.3 MB, 36 ms on one thread

The main recipe's spectrogram CNN has 0.539 (`recipes/emoji.py`).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.datasets.emoji import emoji
from mmzoo.inference.running import compiled
from mmzoo.layers import pooled
from mmzoo.recipe import load_recipe
from mmzoo.run.training import train
from mmzoo.tokens import Tokens
from mmzoo.training.run_folder.notes import read_history

TOWERS = {
    "spectrogram_cnn": mmzoo.Tower("spectrogram_cnn", dropout=0.0, augment=0.0),
    "rocket": mmzoo.Tower("rocket", dilations=4, dropout=0.6),
    "whisper": mmzoo.Tower("whisper"),
    "whisper, 1 block trains": mmzoo.Tower("whisper", trainable_blocks=1),
    "whisper, adapters": mmzoo.Tower("whisper", adapters=32),
    "voice": mmzoo.Tower("voice"),
}
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(TOWERS), default=list(TOWERS), help="these towers")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=2.5, help="of each clip; all but a few end before 1.6")
    parser.add_argument("--floors", action="store_true", help="the logistic regressions, and no networks")
    parser.add_argument("--skip-floors", action="store_true", help="the networks alone")
    args = parser.parse_args()
    splits = emoji()
    if not args.skip_floors:
        floors(splits, args.seconds)
    for name in [] if args.floors else args.only:
        network(name, splits, args.seconds, args.seeds)


def spec_of(tower: mmzoo.Tower, seconds: float) -> mmzoo.Spec:
    """The main recipe's spec with its sound alone, and another tower."""
    spec = load_recipe("emoji").spec.subset(["speech"])
    return replace(spec, inputs=[replace(spec.inputs[0], tower=tower, seconds=seconds)])


def network(name: str, splits: tuple[Records, ...], seconds: float, seeds: list[int]) -> None:
    """Print what a tower reaches, and what it costs."""
    spec, (training, validation, test) = spec_of(TOWERS[name], seconds), splits
    scores, epochs, whole = [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            began = time.monotonic()
            out = Path(folder) / f"{seed}"
            run = train(spec, training, validation, training=load_recipe("emoji").training, seed=seed, out=out)
            whole = whole or time.monotonic() - began  # the first computes the features
            scores.append(run.evaluate(test)["metrics"]["accuracy"])
            epochs += [row["seconds"] for row in read_history(out)][1:]  # the first is traced
        (row,) = run.export("tflite", test.select(range(64)))
    print(f"{name:<26} {np.mean(scores):.3f}  ({', '.join(f'{score:.3f}' for score in scores)})")
    print(f"    {np.median(epochs):.2f} s an epoch, {whole:.0f} s the first training; {row}", flush=True)


def floors(splits: tuple[Records, ...], seconds: float) -> None:
    """Print what logistic regressions reach."""
    item = spec_of(TOWERS["spectrogram_cnn"], seconds).inputs[0]
    statistics = item.vectorizer()
    statistics.fit(splits[0].columns["speech"])
    rows: dict[str, list[np.ndarray]] = {
        "statistics of the log-mel": [statistics.transform(split.columns["speech"]) for split in splits],
        "whisper's mean and maximum": [tokens(spec_of(TOWERS["whisper"], seconds), split) for split in splits],
        "the words themselves": [split.columns["says"] for split in splits],
    }
    for name, features in rows.items():
        print(f"{name:<26} {probe(features, splits):.3f}  logistic regression", flush=True)


def tokens(spec: mmzoo.Spec, records: Records) -> np.ndarray:
    """Mean and maximum of the real tokens of the tower, (N, 2 * width)."""
    model, (item,) = mmzoo.build(spec), spec.inputs
    run, found = compiled(keras.Model(model.input, model.parts.tower_tokens(item.name))), []
    rows = decode(spec, records)
    for start in range(0, len(records), 32):
        batch = {name: tf.constant(array[start : start + 32]) for name, array in rows.items()}
        found.append(np.asarray(pooled(Tokens(*run(batch)))))
    return np.concatenate(found)


def probe(features: list[np.ndarray], splits: tuple[Records, ...]) -> float:
    """The test accuracy of a logistic regression, its penalty chosen by the validation records."""
    labels = [split.columns["group"] for split in splits]
    first: Callable[[], object] = StandardScaler
    if isinstance(features[0][0], str):
        first = lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)  # noqa: E731
    tried = []
    for penalty in PENALTIES:
        model = make_pipeline(first(), LogisticRegression(C=penalty, max_iter=500)).fit(features[0], labels[0])
        tried.append((model.score(features[1], labels[1]), model.score(features[2], labels[2])))
    return max(tried, key=lambda each: each[0])[1]


if __name__ == "__main__":
    main()
