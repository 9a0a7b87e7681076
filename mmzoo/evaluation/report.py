"""The report of a run: one self-contained HTML page, and the model card as Markdown."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np

from mmzoo.choice import Tower
from mmzoo.data.records import Records
from mmzoo.evaluation.charts import Chart, Line
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.evaluation.gallery import gallery
from mmzoo.evaluation.model_card import card_text, model_card
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.pictures import write_pictures
from mmzoo.files import subfolder, write_file
from mmzoo.tasks import Task
from mmzoo.training.notes import read_history

LEAST_CLAIMS = 5  # in a bin that is drawn: the share of fewer is mostly chance
SLICES = 12  # on the page; metrics.json has them all

SIGNS = {
    "probability": "a low probability of what is said",
    "energy": "energy of the logits",
    "evidence": "little evidence",
    "mc_dropout": "draws under dropout disagree",
    "ensemble": "the ensemble disagrees",
    "mahalanobis": "distance from what was learned",
}


def write_report(run: Any, records: Records, result: Evaluation) -> None:
    """Write `run`'s report.html, its charts as pictures/*.png, and model_card.md from an evaluation of `records`."""
    import jinja2

    template = files("mmzoo.evaluation").joinpath("report.html.j2").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    history = read_history(run.folder)
    sections = model_card(run, records, result, history)
    name, learning = run.folder.resolve().name, curves(history)
    several = len(result.tasks) > 1
    tasks = {each.name: section(each, records, several) for each in result.tasks.values()}
    text = environment.from_string(template).render(
        name=name,
        spec=result.spec,
        towers={item.name: Tower.of(item.tower).name for item in result.spec.inputs},
        split=result.split,
        metrics=result.subsets[result.everything],
        tasks=tasks,
        everything=result.everything,
        epochs=len(history),
        seed=run.settings["seed"],
        signs=SIGNS,
        curves=learning,
        card=sections,
        count=len(records),
    )
    # Half a surrogate pair in a record's text is no letter that a file can hold.
    write_file(run.folder / "report.html", text.encode("utf-8", "replace"))
    write_file(run.folder / "model_card.md", card_text(name, sections, result.spec).encode("utf-8", "replace"))
    drawn = {
        f"{each.name}-" if several else "": (each, tasks[each.name]["charts"])
        for each in result.tasks.values()
        if not each.reason
    }
    write_pictures(subfolder(run.folder, "pictures"), {"curves": learning}, drawn)


def section(result: TaskEvaluation, records: Records, several: bool) -> dict[str, Any]:
    """What the page shows of one task.

    Args:
        several: are there others? Then the metrics are called without the task's name, which stands above.
    """
    task, data = result.task, result.to_json()
    found: dict[str, Any] = {"name": task.name, "data": data, "several": several}
    if result.reason:
        return found
    start = f"{task.name}_" if several else ""
    return {
        **found,
        "subsets": result.subsets,
        "unimodal": result.unimodal or {},
        "gains": [*result.gains, *(each.gain for each in (result.unimodal or {}).values())],
        "primary": result.primary,
        "spread": result.score_name,
        "words": {metric: metric.removeprefix(start).replace("_", " ") for metric in result.subsets[result.everything]},
        "task": task,
        "charts": {
            "trust": trust_charts(data),
            "noise": noise_charts(result),
            "residuals": residual_chart(result),
        },
        "matrix": matrix(result),
        "slices": data["slices"][:SLICES],
        "gallery": gallery(records, result),
    }


def table(data: dict[str, Any]) -> str:
    """The metrics of every subset as text, from what metrics.json holds."""
    names = list(data["metrics"])
    width = max(10, *(len(subset) for subset in data["subsets"]))
    rows = [f"{data['split']}: {data['examples']} examples"]
    rows += [f"{'modalities':<{width}}  " + "  ".join(f"{name:>9}" for name in names)]
    for subset, found in data["subsets"].items():
        values = "  ".join(f"{found.get(name, float('nan')):>{max(9, len(name))}.3f}" for name in names)
        rows.append(f"{subset:<{width}}  {values}")
    return "\n".join(rows)


def number(value: float | None) -> str:
    """Three decimals, or a dash for what is not there."""
    return "–" if value is None else f"{value:.3f}"


def matrix(result: TaskEvaluation) -> dict[str, Any] | None:
    """The confusion matrix: rows are true labels, shares of a row from 0 to 1."""
    found = result.classes.get("confusion")
    if found is None:
        return None
    counts = np.array(found["counts"])
    return {**found, "shares": (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).round(3).tolist()}


def curves(rows: list[dict[str, Any]]) -> list[Chart]:
    """Learning curves: losses in one chart, each validation metric that is a share in the other."""
    if len(rows) < 2:
        return []
    epochs = [row["epoch"] for row in rows]
    losses = {"loss": "training", "val_loss": "validation"}
    shares = {name: name[4:].replace("_", " ") for name in rows[0] if name.startswith("val_") and name != "val_loss"}
    found = []
    for title, names, span in (("Loss", losses, None), ("On the validation records", shares, (0.0, 1.0))):
        drawn = [
            Line(words, epochs, [np.nan if row.get(key) is None else row[key] for row in rows], place % 4)
            for place, (key, words) in enumerate(names.items())
            if key in rows[0]
        ]
        if drawn:
            found.append(Chart(title, drawn, "epoch", f"{title} by epoch", span))
    return found


def trust_charts(data: dict[str, Any]) -> list[Chart]:
    """Reliability before and after scaling, and risk over coverage; those that there are."""
    found = []
    ideal = Line("", [0, 1], [0, 1], "soft")
    if "reliability" in data["calibration"]:
        bins = {"as trained": data["calibration"]["reliability"]}
        if "scaled" in data["calibration"]:
            bins["scaled"] = data["calibration"]["scaled"]["reliability"]
        bins = {name: [each for each in rows if each["count"] >= LEAST_CLAIMS] for name, rows in bins.items()}
        drawn = [
            Line(name, [each["confidence"] for each in rows], [each["accuracy"] for each in rows], place, dots=True)
            for place, (name, rows) in enumerate(bins.items())
        ]
        ticks = [(k / 4, f"{k / 4:g}") for k in range(5)]
        said, label = "how sure it says it is", "share of right answers by stated probability"
        found.append(
            Chart("Share that is right, by how sure the model is", [ideal, *drawn], said, label, (0, 1), ticks)
        )
    if "risk" in data["selective"]:
        selective = data["selective"]
        ticks = [(k / 4, f"{k * 25} %") for k in range(5)]
        line = Line("mistakes", selective["coverage"], selective["risk"], 0)
        level = Line("all", [0, 1], [selective["risk"][-1]] * 2, "soft")
        title, label = "if only the surest are answered", "share of mistakes by share of records answered"
        span = (0, max(selective["risk"]) * 1.05 + 1e-9)
        answered = "records answered, the surest first"
        found.append(Chart(f"Share of mistakes, {title}", [level, line], answered, label, span, ticks))
    return found


def noise_charts(result: TaskEvaluation) -> list[Chart]:
    """By modality and kind of noise: the score with all modalities and with the noisy one alone."""
    found = []
    for name, kinds in (result.noise or {}).items():
        for how, curve in kinds.items():
            steps = list(range(len(curve["levels"]) + 1))
            levels = ["none", *(f"{level:g}" for level in curve["levels"])]
            drawn = [
                Line(words, steps, [curve["clean"][key], *curve[key]], place, dots=True)
                for place, (key, words) in enumerate((("fused", "fused"), ("unimodal", f"{name} alone")))
                if key == "fused" or len(result.spec.inputs) > 1
            ]
            left = curve["relative"]
            note = "" if left is None else f"{left * 100:.0f} % of the score is left on average"
            if len(result.spec.inputs) > 1:
                note += f"{'; ' if note else ''}{against_late(result.task, curve)}"
            found.append(
                Chart(
                    f"{name}: {how}",
                    drawn,
                    f"{how}, {curve['unit']}",
                    f"{curve['metric']} by {how} of {name}",
                    (0, 1) if result.task.score_is_share else None,
                    list(zip(steps, levels, strict=True)),
                    note,
                )
            )
    return found


def against_late(task: Task, curve: dict[str, Any]) -> str:
    """Effective robustness in words."""
    more = curve["effective"]
    size = f"{abs(more) * 100:.1f} points" if task.score_is_share else f"{abs(more):.3g}"
    if size in ("0.0 points", "0"):
        return "as much lost as unfused"
    return f"{size} {'less' if more > 0 else 'more'} lost than unfused"


def residual_chart(result: TaskEvaluation) -> list[Chart]:
    """For numbers: answer over truth, target by target, at most 400 records."""
    if not result.task.tags.numeric:
        return []
    labels, answers = (
        each[:400] for each in result.subset_predictions.labels_and_predictions(result.task, result.everything)
    )
    found = []
    for k in range(labels.shape[1]):
        low, high = float(labels[:, k].min()), float(labels[:, k].max())
        dots = Line("", labels[:, k].tolist(), answers[:, k].tolist(), "dots", dots=True)
        title = "Answer by truth" if labels.shape[1] == 1 else f"Answer {k + 1} by truth"
        ideal = Line("", [low, high], [low, high], "soft")
        found.append(Chart(title, [ideal, dots], "truth", f"answer {k + 1} by truth"))
    return found
