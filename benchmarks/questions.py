"""Answers to questions about pictures: the recipe `questions` over several seeds, beside what is simplest.

    python benchmarks/questions.py --seeds 0 1 2

The floors, on the same test records: the commonest answer to each question, which is right in half of the cases; and a
logistic regression for each question on what the frozen towers make of the picture, which cannot learn from one
question anything about another.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from retrieval import pooled

import mmzoo
from mmzoo.data.records import Records
from mmzoo.recipe import load_recipe


def answers_of(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Questions and their answers."""
    return np.array(records.column("question")), np.array(records.column("answer"))


def regressions(train: Records, test: Records, features: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Is the answer of the question's own logistic regression right? Bool (N,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (asked, told), (questions, truth), right = answers_of(train), answers_of(test), np.zeros(len(test), bool)
    for question in sorted({*questions}):
        rows, mine = asked == question, questions == question
        if len({*told[rows]}) < 2:
            right[mine] = truth[mine] == (Counter(told[rows]) or Counter(told)).most_common(1)[0][0]
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        right[mine] = model.fit(features[0][rows], told[rows]).predict(features[1][mine]) == truth[mine]
    return right


def seen(model: Any, records: Records) -> np.ndarray:
    """What the frozen tower makes of the picture of each record, float32 (N, D); of each picture computed once."""
    pictures = [np.asarray(picture).tobytes() for picture in records.column("image")]
    first = {picture: row for row, picture in reversed([*enumerate(pictures)])}
    rows = sorted(first.values())
    found = pooled(model, records.select(rows))["image"]
    return np.asarray(found[np.searchsorted(rows, [first[picture] for picture in pictures])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], help="settings, as mmzoo train has them")
    args = parser.parse_args()
    recipe = load_recipe("questions").changed(args.set)
    train, validation, test = mmzoo.datasets.load(recipe.data)
    model = None
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = mmzoo.train(
                recipe.spec, train, validation, training=recipe.training, seed=seed, out=Path(folder) / "run"
            )
            seconds, model = time.monotonic() - began, run.model
            found = mmzoo.evaluate(model, test).to_json()["subsets"]
        said = {subset: round(metrics["exact_match"], 3) for subset, metrics in found.items()}
        print(json.dumps({"seed": seed, "seconds": round(seconds), "right": said}), flush=True)
    asked, told = answers_of(train)
    commonest = {each: Counter(told[asked == each]).most_common(1)[0][0] for each in {*asked}}
    questions, truth = answers_of(test)
    print(
        "commonest answer",
        round(float(np.mean([commonest.get(q, "") == a for q, a in zip(questions, truth, strict=True)])), 3),
    )
    features = seen(model, train), seen(model, test)
    print("logistic regression for each question", round(float(regressions(train, test, features).mean()), 3))


if __name__ == "__main__":
    main()
