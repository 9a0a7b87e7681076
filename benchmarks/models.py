"""Make the models that come with mmzoo, each by the recipe whose name it bears.

    python benchmarks/models.py emoji emoji_speech       # into mmzoo/models/emoji and mmzoo/models/emoji_speech
    python benchmarks/models.py                          # all that are there, anew

Trains with seed 0 into runs/models/NAME; a run that has ended there is taken as it is. Every weight that trains is then
rounded to 16 bits; that model is evaluated on the test records, and written beside its card. Frozen weights of packages
are named there and not copied. `mmzoo evaluate NAME --out FOLDER` measures it again.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import mmzoo
from mmzoo.artifact.packages import left_to_packages
from mmzoo.evaluation.evaluate import Evaluation, evaluate
from mmzoo.graph.weights import named_weights
from mmzoo.models import HOME, names
from mmzoo.recipe import find_recipe, load_recipe
from mmzoo.reports.model_card import labelled, limits
from mmzoo.run import Run
from mmzoo.run.publishing import about_of

LIMIT = 10.0  # MB, of all together
CHANGES: dict[str, tuple[str, ...]] = {"retrieval": ("match.landmarks=0", "match.dim=128")}
"""What is set otherwise than in the recipe to keep a model small: it would hold its landmarks, which are records."""


def round_weights(model: object) -> None:
    """Round the weights that no package brings to 16 bits, but for what these cannot hold."""
    _, frozen, _ = left_to_packages(model)
    for name, weight in named_weights(model).items():
        if name not in frozen and str(weight.dtype) == "float32":
            with np.errstate(over="ignore"):
                half = np.asarray(weight).astype(np.float16)
            if np.isfinite(half).all():
                weight.assign(half.astype(np.float32))


def figures(result: Evaluation) -> dict[str, float]:
    """The metrics of all inputs together, then the main one of each alone, and its calibration error."""
    found = {name: float(value) for name, value in result.subsets[result.everything].items()}
    for each in labelled(result):
        singles = each.spec.input_names if len(each.spec.input_names) > 1 else ()
        for single in singles:
            if each.primary in each.subsets[single]:
                found[f"{single} alone: {each.primary}"] = float(each.subsets[single][each.primary])
        error = result.found[each.name].get("calibration", {})
        if "ece" in error:
            found["calibration error"] = float(error["ece"])
    return {name: round(value, 4) for name, value in found.items()}


def make(name: str, runs: Path) -> None:
    """Train, round, measure and write one model."""
    folder = runs / name
    if not (folder / "model" / "card.json").exists():
        changes = [word for change in CHANGES.get(name, ()) for word in ("--set", change)]
        subprocess.run([sys.executable, "-m", "mmzoo", "train", name, "--out", str(folder), *changes], check=True)
    run = Run(folder)
    round_weights(run.model)
    recipe = load_recipe(name)
    splits = run.splits
    result = evaluate(run.model, splits["test"], "test", validation=splits["validation"])
    metrics = figures(result)
    summary = (ast.get_docstring(ast.parse(find_recipe(name).read_text("utf-8"))) or "").split("\n\n")[0]
    said = about_of(run)
    weak = " ".join(f"{what}: {how}." for what, how in limits(result)[1:])
    about = {
        **said,
        "summary": " ".join(summary.split()),
        "recipe": " with ".join([name, *CHANGES.get(name, ())]),
        "command": f"mmzoo evaluate {name} --out FOLDER, on the {len(splits['test'])} test records of {recipe.data}",
        "licence": "Apache-2.0",
        "limits": f"{said['limits']} {weak}".strip(),
    }
    target = HOME / name
    shutil.rmtree(target, ignore_errors=True)
    mmzoo.save(run.model, target, metrics=metrics, about=about, packages=True)
    mmzoo.load(target)
    size = sum(path.stat().st_size for path in target.iterdir()) / 1e6
    print(f"{name}: {size:.2f} MB, {json.dumps(metrics)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of recipes; all that are there, if none is named")
    parser.add_argument("--runs", type=Path, default=Path("runs/models"), help="where they are trained")
    args = parser.parse_args()
    for name in args.names or names():
        make(name, args.runs)
    total = sum(path.stat().st_size for name in names() for path in (HOME / name).iterdir()) / 1e6
    print(f"{len(names())} models, {total:.2f} MB")
    if total > LIMIT:
        sys.exit(f"They have more than {LIMIT:.0f} MB; make them smaller.")


if __name__ == "__main__":
    main()
