"""Names of pictures: the recipe `caption` over several seeds, beside what is simplest, on the same test records.

    python benchmarks/caption.py --seeds 0 1 2

The floors: the name of the training picture that is nearest by the same frozen features (the mean of the tower's
tokens, by cosine), and the one name that fits the training pictures best. The ceilings, of whatever chooses a training
name: the one that is most like the right one by chrF, and the one that means most nearly the same (Universal Sentence
Encoder), both told by the right name itself. How often a name is of the right group is told by the training name that
is nearest in the vectors of WordLlama (the mean over the words), and its group.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.inference.running import run_model
from mmzoo.recipe import load_recipe
from mmzoo.tasks.common.written import Written
from mmzoo.tasks.metrics.text_scores import bleu, chrf, exact, word_errors

CANDIDATES = 200  # names that are tried as the one for all


def means(model: Any, name: str, records: Records) -> np.ndarray:
    """The mean of the tokens of an input's tower, float32 (N, D) of length 1."""
    values, mask = model.parts.tower_tokens(name)
    found = run_model(model.parts.cut(model.input, {"values": values, "mask": mask}), decode(model.spec, records))
    real = found["mask"][..., None].astype(np.float32)
    vectors = (found["values"] * real).sum(axis=1) / np.maximum(real.sum(axis=1), 1)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def nearest(asked: np.ndarray, among: np.ndarray) -> np.ndarray:
    """For each vector the place of the nearest among others."""
    return np.asarray((asked @ among.T).argmax(axis=1))


class Groups:
    """Which group a name is of, by the nearest training name."""

    def __init__(self, train: Records, tower: str = "static_embedding_bag") -> None:
        text = mmzoo.Text("name", tower=tower)
        task = mmzoo.Classification("group", labels=sorted({*train.column("group")}))
        self.model = mmzoo.build(mmzoo.Spec([text], "concat", [task]).fit(train))
        self.vectors, self.groups = self.of(train.column("name")), np.array(train.column("group"))

    def of(self, names: Any) -> np.ndarray:
        return means(self.model, "name", Records({"name": [name or "nothing" for name in names]}))

    def nearest(self, names: Any) -> np.ndarray:
        """For each name the place of the nearest training name."""
        return nearest(self.of(names), self.vectors)

    def right(self, names: Any, groups: Any) -> float:
        """The share of the names that are of the group that they should be of."""
        return float((self.groups[self.nearest(names)] == np.array(groups)).mean())


def told(names: list[str], train: Records, test: Records) -> dict[str, list[str]]:
    """The training name for each test record that who knows the right name would choose: by chrF, and by meaning."""
    right = test.column("name")
    best = [int(chrf(names, [[each.lower()]] * len(names)).argmax()) for each in right]
    return {
        "most like the right name": [names[k] for k in best],
        "nearest in meaning to it": [names[k] for k in Groups(train, "sentence").nearest(right)],
    }


def figures(task: Written, found: list[str], test: Records, groups: Groups) -> dict[str, float]:
    """What is measured of names."""
    right = [task.texts_of(name) for name in test.column(task.name)]
    return {
        "chrf": float(chrf(found, right).mean()),
        "exact_match": float(exact(found, right).mean()),
        "bleu": bleu(found, right),
        "wer": word_errors(found, right),
        "group": groups.right(found, test.column("group")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], help="settings, as mmzoo train has them")
    parser.add_argument("--split", default="test", help="test, or validation to choose settings by")
    args = parser.parse_args()
    recipe = load_recipe("caption").changed(args.set)
    splits = dict(zip(("train", "validation", "test"), mmzoo.datasets.load(recipe.data), strict=True))
    train, test = splits["train"], splits[args.split]
    groups, rows, model = Groups(train), {}, None
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = mmzoo.train(
                *(recipe.spec, train, splits["validation"]),
                training=recipe.training,
                seed=seed,
                out=Path(folder) / "run",
            )
            seconds, model = time.monotonic() - began, run.model
        (task,) = model.spec.tasks
        written = task.texts(run_model(model, decode(model.spec, test))[task.name])
        rows[f"seed {seed}, {seconds:.0f} s"] = figures(task, written, test, groups)
        print("; ".join(f"{a} ({b})" for a, b in list(zip(written, test.column(task.name), strict=True))[:12]))
    assert model is not None
    (task,), (item,) = model.spec.tasks, model.spec.inputs
    names = [text for each in train.column(task.name) for text in task.texts_of(each)]
    near = nearest(means(model, item.name, test), means(model, item.name, train))
    rows["nearest training picture"] = figures(task, [names[k] for k in near], test, groups)
    some = np.random.default_rng(0).choice(len(names), CANDIDATES, replace=False)
    sample = [[names[k]] for k in some]
    best = max(some, key=lambda k: chrf([names[k]] * CANDIDATES, sample).mean())
    rows["the same name for all"] = figures(task, [names[best]] * len(test), test, groups)
    for what, chosen in told(names, train, test).items():
        rows[what] = figures(task, chosen, test, groups)
    for what, found in rows.items():
        print(f"{what:28}" + json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    main()
