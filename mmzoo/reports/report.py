"""The report of a run: one self-contained HTML page, and the model card as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.auto.folds import Folds
from mmzoo.auto.tried import Trials
from mmzoo.choice import Tower
from mmzoo.data.records import Records
from mmzoo.evaluation.analyses import SECTIONS, drawn, section_of
from mmzoo.evaluation.blocks import Block, Cell, Chart, Line, Table, Text
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.files import subfolder, write_file
from mmzoo.inference.subsets import is_sampled, subset_count
from mmzoo.messages.words import decimal, one_line
from mmzoo.reports.charts import svg
from mmzoo.reports.gallery import gallery
from mmzoo.reports.model_card import card_text, model_card
from mmzoo.reports.page import page
from mmzoo.reports.pictures import write_pictures
from mmzoo.reports.queries import finds, queries
from mmzoo.training.run_folder.notes import Row, read_history

if TYPE_CHECKING:
    from mmzoo.run import Run

ANSWERS = "answers.csv"
"""What the file beside the report is called that has the answers to all records."""

TESTS = {"mcnemar": "McNemar, exact", "sign_flip": "sign-flip permutation"}


def write_report(run: Run, records: Records, result: Evaluation) -> None:
    """Write `run`'s report.html, its charts as pictures/*.png, and model_card.md from an evaluation of `records`."""
    history = read_history(run.folder)
    sections = model_card(run, records, result, history)
    name, learning = run.folder.resolve().name, curves(history)
    several = len(result.tasks) > 1
    shown = {each.name: drawn(each, result.found[each.name]) for each in result.tasks.values()}
    content = page(
        "mmzoo.reports",
        "report.html.j2",
        name=name,
        spec=result.spec,
        towers={item.name: Tower.of(item.tower).name for item in result.spec.inputs},
        split=result.split,
        warnings=run.reading().layout.warnings,
        metrics=result.subsets[result.everything],
        tasks=[task_of(each, result.of_task(each.name), shown[each.name], several) for each in result.tasks.values()],
        sections=SECTIONS,
        everything=result.everything,
        sampled=sampled_words(len(result.subsets), subset_count(result.spec)) if is_sampled(result.spec) else "",
        epochs=len(history),
        seed=run.settings["seed"],
        curves=groups(learning),
        tried=tried(run),
        folds=folds_of(run),
        card=sections,
        count=len(records),
        answers=ANSWERS,
        svg=svg,
    )
    write_file(run.results / "report.html", content)
    write_file(run.results / "model_card.md", card_text(name, sections, result.spec).encode("utf-8", "replace"))
    theirs = {
        f"{each.name}-" if several else "": (each, shown[each.name])
        for each in result.tasks.values()
        if not each.reason
    }
    write_pictures(subfolder(run.results, "pictures"), {"curves": learning}, theirs)


def tried(run: Run) -> list[list[Block]]:
    """What was tried before this model was kept; nothing where it was the only one."""
    trials = Trials.read(run.folder)
    if trials is None:
        return []
    said = [Text(each) for each in (trials.why, trials.verdict) if each]
    rows = [[one_line(cell, 200) if isinstance(cell, str) else cell for cell in row] for row in trials.rows]
    label = "candidates and what they are worth on the validation records"
    return groups([*said, Table(trials.heads, rows, label, words=1)])


def folds_of(run: Run) -> list[list[Block]]:
    """What a cross-validation found; nothing where there was none."""
    found = Folds.read(run.folder)
    if found is None or not found.folds:
        return []
    heads = ["fold", one_line(found.metric, 200).replace("_", " "), "records", "epochs", "seconds"]
    rows: list[list[Cell]] = [
        [str(number), each.score, each.records, each.epochs, round(each.seconds)]
        for number, each in enumerate(found.folds, start=1)
    ]
    return groups([Text(one_line(found.words, 400)), Table(heads, rows, "each fold by a model that saw none of it")])


def task_of(
    result: TaskEvaluation, data: dict[str, Any], shown: dict[str, list[Block]], several: bool
) -> dict[str, object]:
    """What the page shows of one task.

    Args:
        data: what metrics.json has of it.
        shown: what its analyses draw.
        several: are there other tasks? Then the metrics are called without the task's name, which stands above.
    """
    task = result.task
    found: dict[str, object] = {"name": task.name, "data": data, "several": several, "unimodal": {}}
    if result.reason:
        return found
    start = f"{task.name}_" if several else ""
    unimodal = data.get("unimodal", {}).get("models", {})
    gains = [*data["gains"], *(each["gain"] for each in unimodal.values())]
    return {
        **found,
        "subsets": result.subsets,
        "unimodal": unimodal,
        "gains": [{**each, "test": TESTS[each["test"]]} for each in gains],
        "primary": result.primary,
        "spread": result.score_name,
        "words": {metric: metric.removeprefix(start).replace("_", " ") for metric in result.subsets[result.everything]},
        "sections": {
            section: groups([block for name, each in shown.items() if section_of(name) == section for block in each])
            for section in SECTIONS
        },
        "gallery": [] if task.tags.vectors else gallery(result),
        "queries": queries(result) if task.tags.vectors else [],
        "finds": finds(data),
    }


def groups(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks of a section, those together that stand side by side: all charts, and the tables with a title."""
    found: dict[str | int, list[Block]] = {}
    for k, block in enumerate(blocks):
        aside = isinstance(block, Chart) or (isinstance(block, Table) and block.title)
        found.setdefault(block.kind if aside else k, []).append(block)
    return list(found.values())


def sampled_words(shown: int, every: int) -> str:
    """That not all subsets were tried."""
    return f"A sample: {shown} of {every:,} subsets were tried; each alone, pairs, all but one, and all."


def table(data: dict[str, Any]) -> str:
    """The metrics of every subset as text, from what metrics.json holds."""
    names = list(data["metrics"])
    # Of a retrieval lines are means over what is found, which may be hard or easy to find: not every two are alike.
    found_by, named = finds(data), {subset: subset for subset in data["subsets"]}
    if found_by:
        named = dict.fromkeys(named, "every one -> every other")
        named |= {subset: f"{subset} -> {', '.join(keys)}" for subset, keys in found_by.items()}
    width = max(10, *map(len, named.values()))
    rows = [f"{data['split']}: {data['examples']} examples"]
    rows += [f"{'modalities':<{width}}  " + "  ".join(f"{name:>9}" for name in names)]
    for subset, found in data["subsets"].items():
        values = "  ".join(f"{decimal(found.get(name, float('nan'))):>{max(9, len(name))}}" for name in names)
        rows.append(f"{named[subset]:<{width}}  {values}")
    if "subsets_in_all" in data:
        rows.append(sampled_words(len(data["subsets"]), data["subsets_in_all"]))
    return "\n".join(rows)


def curves(rows: list[Row]) -> list[Chart]:
    """Learning curves: losses in one chart, the validation metrics from 0 to 1 in another, any other by itself."""
    if len(rows) < 2:
        return []
    epochs = [row["epoch"] or 0 for row in rows]
    values = {key: [np.nan if each is None else each for each in (row.get(key) for row in rows)] for key in rows[0]}
    losses = {"loss": "training", "val_loss": "validation"}
    metrics = {key: key[4:].replace("_", " ") for key in values if key.startswith("val_") and key not in losses}
    shares = {
        key: words for key, words in metrics.items() if all(not each < 0 and not each > 1 for each in values[key])
    }
    others = [(words.capitalize(), {key: words}, None) for key, words in metrics.items() if key not in shares]
    found = []
    for title, names, span in (("Loss", losses, None), ("On the validation records", shares, (0.0, 1.0)), *others):
        drawn = [
            Line(words, epochs, values[key], place % 4)
            for place, (key, words) in enumerate(names.items())
            if key in values
        ]
        if drawn:
            found.append(Chart(title, drawn, "epoch", f"{title} by epoch", span))
    return found
