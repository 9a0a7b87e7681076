"""The command line. Nothing heavy is imported before a command is known to need it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmzoo.arguments import parser
from mmzoo.errors import MMZooError, require


def recipe_of(args: argparse.Namespace) -> Any:
    from mmzoo.recipe import Recipe, load_recipe

    settings = list(args.set)
    if getattr(args, "epochs", None) is not None:
        settings.append(f"training.epochs={args.epochs}")
    if args.label is not None:
        from mmzoo.data.guess import load_table

        path = Path(args.recipe).resolve()
        spec, _ = load_table(path, args.label)
        parts: list[Any] = [*spec.inputs, *spec.tasks]
        print("\n".join(f"{part.name}: {part.kind}" for part in parts))
        recipe = Recipe(spec, f"{path}#{args.label}").changed(settings)
    else:
        recipe = load_recipe(args.recipe).changed(settings)
    if args.inputs:
        recipe = Recipe(recipe.spec.subset(args.inputs.split(",")), recipe.data, recipe.training)
    return recipe


def train(args: argparse.Namespace) -> None:
    from mmzoo import datasets
    from mmzoo.recipe import find_recipe
    from mmzoo.run import train as train_run

    recipe = recipe_of(args)
    splits = datasets.load(recipe.data)
    if args.limit is not None:
        require(args.limit >= 1, f"--limit must be at least 1, not {args.limit}.")
        splits = splits[0].take(args.limit), splits[1].take(args.limit), splits[2].take(args.limit)
    records, validation, test = splits
    run = train_run(
        recipe.spec,
        records,
        validation,
        training=recipe.training,
        seed=args.seed,
        out=args.out,
        data=recipe.data,
        recipe=None if args.label is not None else find_recipe(args.recipe),
    )
    show_evaluation(run, run.evaluate(test))


def evaluate(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    show_evaluation(run, run.evaluate(split=args.split, noise=args.noise))


def compare(args: argparse.Namespace) -> None:
    from mmzoo.evaluation.compare import compare as compare_runs
    from mmzoo.run import Run

    found = compare_runs([Run(folder) for folder in args.runs], split=args.split)
    print(json.dumps(found.to_json(), ensure_ascii=False) if args.json else found.text())
    if args.png:
        found.draw(args.png)


def show_evaluation(run: Any, result: dict[str, Any]) -> None:
    from mmzoo.evaluation.report import table

    print(f"\n{table(result)}\n\n{result['verdict']}\nReport: {run.folder / 'report.html'}")


def export(args: argparse.Namespace) -> None:
    from mmzoo.export.report import table
    from mmzoo.run import Run

    run = Run(args.run)
    fit = bytes_of(args.fit) if args.fit else None
    require(args.format == "tflite" or not (args.variants or fit), "--variants and --fit are for --format tflite.")
    variants = (args.variants or ("all" if fit else "fp32")).split(",")
    rows = run.export(args.format, variants=variants, allow_loss=args.allow_loss, fit=fit)
    print(table(rows))
    for row in rows:
        if row.get("best"):
            print(f"The best within {args.fit} is {row['variant']}: {run.folder / 'export' / 'best.tflite'}")
    print(f"Written to {run.folder / 'export'}; report.html there has all figures.")


def bytes_of(size: str) -> int:
    """A size as it is written: 5MB, 800 kB, 1.5e6."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmg]?)b?\s*", size.lower())
    try:
        number, unit = found.groups() if found else ("", "")
        return int(float(number) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[unit])
    except (ValueError, OverflowError):
        raise MMZooError(f"A size is written like 5MB or 800kB, not '{size}'.") from None


def record_of(run: Any, args: argparse.Namespace) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for kind in ("image", "text", "audio", "video", "sensor"):
        value = getattr(args, kind)
        if value is not None:
            names = [item.name for item in run.spec.inputs if item.kind == kind]
            require(names, f"The model has no {kind} input; it has: {', '.join(run.spec.input_names)}.")
            require(len(names) == 1, f"The model has several {kind} inputs; say which: --input {names[0]}=...")
            record[names[0]] = value
    for setting in args.input:
        name, equals, value = setting.partition("=")
        require(equals, f"An input is written NAME=VALUE, not '{setting}'.")
        tables = [item.name for item in run.spec.inputs if item.kind == "tabular"]
        record[name] = row_of(name, value) if name in tables else value
    return record


def row_of(name: str, value: str) -> Any:
    """A row of a table, written as a JSON object."""
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        raise MMZooError(
            f"Input '{name}' is a row: write --input '{name}={{\"column\": value}}', not '{value}'."
        ) from None


def predict(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    record = record_of(run, args)
    answers = run.predict(record)
    if args.explain:
        print(json.dumps({"answers": answers, "explanation": run.explain(record).to_json()}, ensure_ascii=False))
        return
    if args.json:
        print(json.dumps(answers, ensure_ascii=False))
        return
    for task, answer in answers.items():
        print(f"{task}:")
        if isinstance(answer, list):
            print("  " + "  ".join(f"{number:.4g}" for number in answer))
            continue
        for label, share in sorted(answer.items(), key=lambda pair: -pair[1])[:5]:
            print(f"  {share:6.1%}  {'█' * round(30 * share):<30}  {label}")


def explain(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    found = run.explain(record_of(run, args), task=args.task, label=args.label)
    print(found.text())
    if args.png:
        found.draw(args.png)
        print(f"Picture: {args.png}")


def show_list(args: argparse.Namespace) -> None:
    from mmzoo.listing import markdown, text

    print(markdown(args.what) if args.markdown else text(args.what))


def summary(args: argparse.Namespace) -> None:
    from mmzoo.summary import draw, outline

    recipe = recipe_of(args)
    graph = outline(recipe.spec)
    print(graph.text())
    if args.png:
        draw(graph, args.png)
        print(f"Picture: {args.png}")


def import_quietly() -> None:
    """Import Keras without the lines that its C++ parts write about devices that are not there.

    They go to the file descriptor before any setting of the log is read.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import keras

            keras.ops.zeros(1)  # the first operation looks for devices, and says so
        finally:
            os.dup2(kept, 2)
            os.close(kept)


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "compare": compare,
    "export": export,
    "predict": predict,
    "explain": explain,
    "list": show_list,
    "summary": summary,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0, or 2 after an error of the user's, 130 after Ctrl-C, 42 where SIGTERM stopped a training."""
    args = parser().parse_args(argv)
    notes = logging.StreamHandler()
    notes.setFormatter(logging.Formatter("note: %(message)s"))
    logger = logging.getLogger("mmzoo")
    logger.handlers, logger.propagate = [notes], False
    logger.setLevel(logging.INFO)
    try:
        if args.command != "list" or args.what not in ("recipes", "datasets"):
            import_quietly()
        COMMANDS[args.command](args)
    except MMZooError as error:
        if args.debug:
            raise
        print(f"mmzoo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"mmzoo: {stop or 'interrupted'}", file=sys.stderr)
        return int(getattr(stop, "code", 130))
    return 0


if __name__ == "__main__":
    sys.exit(main())
