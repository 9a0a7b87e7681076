"""Records for the page: the most confident mistakes, the least confident answers, and where modalities disagree."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.records import Records
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.shapley import Coalition, sampled_shapley, shapley
from mmzoo.evaluation.uncertainty import confidence
from mmzoo.inference.subsets import evaluated_subsets
from mmzoo.modalities.base import Modality
from mmzoo.modalities.shown import Shown
from mmzoo.reports.page import data_url
from mmzoo.tasks.common.written import writes
from mmzoo.tasks.reconstruction import rebuilds

SHOWN = 8
EACH = 2


class OnPage(TypedDict, total=False):
    """How a page shows a value: by texts, data URLs or the points of lines; `missing` where there is none.

    What follows is of `mmzoo.inspection.show`: the kind of a value that cannot be read and its error; variants, what
    has become of each word of one, and what it was mixed with.
    """

    text: str
    picture: str
    sound: str
    curves: tuple[str, ...]
    missing: bool
    kind: str
    error: str
    variants: list[ShownInput]
    words: list[tuple[str, str]]
    mixed: str


class ShownInput(OnPage):
    """An input of a record."""

    name: str
    alt: str


def gallery(result: TaskEvaluation) -> list[dict[str, object]]:
    """Groups of up to eight records together: `title`, and `records` with inputs, label, answer and shares."""
    task, records = result.task, result.records
    rows = np.flatnonzero(result.known)
    score = result.scores[result.everything]
    groups: dict[str, np.ndarray] = {}
    if task.tags.probabilistic:
        sure = confidence(task, result.subset_predictions.predictions[result.everything][task.name][rows])
        wrong = score < 1
        groups["The most confident mistakes"] = rows[wrong][np.argsort(-sure[wrong], kind="stable")]
        groups["The least confident answers"] = rows[np.argsort(sure, kind="stable")]
    else:
        title = "The largest errors" if task.tags.numeric else "The worst answers"
        groups[title] = rows[np.argsort(score, kind="stable")]
    if len(result.spec.inputs) > 1 and task.tags.elementwise:
        groups["Where the modalities disagree most"] = rows[np.argsort(-result.conflicts[rows], kind="stable")]
    shuffled = np.random.default_rng(0).permutation(len(rows))
    good = shuffled[np.argsort(score[shuffled] < np.median(score), kind="stable")]
    groups["Others, drawn at random"] = rows[good]
    shares = contributions(result)
    taken: set[int] = set()
    found: list[dict[str, object]] = []
    for title, order in groups.items():
        room = SHOWN - len(taken) if title.startswith("Others") else EACH
        chosen = [int(row) for row in order if int(row) not in taken][:room]
        taken |= {*chosen}
        if chosen:
            found.append({"title": title, "records": [shown(records, result, row, shares) for row in chosen]})
    return found


def contributions(result: TaskEvaluation) -> dict[str, np.ndarray]:
    """Each modality's Shapley value in every answer, (N,): in the probability of what is said, or in the number."""
    task, names = result.task, result.spec.input_names
    predictions = result.subset_predictions.predictions
    full = predictions[result.everything][task.name]
    orders = result.subset_predictions.orders
    if not task.tags.elementwise:  # what they add to the score: of a text no single number says anything
        scores: dict[Coalition, np.ndarray] = {(): np.zeros(len(full))}
        scores[()][result.known] = task.score(
            result.subset_predictions.labels[task.name][result.known],
            result.subset_predictions.nothing[task.name][result.known],
        )
        for chosen in evaluated_subsets(result.spec):
            scores[chosen] = np.zeros(len(full))
            scores[chosen][result.known] = result.scores["+".join(chosen)]
        return sampled_shapley(scores, names, orders)[0] if orders else shapley(scores, names)
    said = task.likeliest(full)
    rows = np.arange(len(full))
    values: dict[Coalition, np.ndarray] = {
        chosen: predictions["+".join(chosen)][task.name][rows, said] for chosen in evaluated_subsets(result.spec)
    }
    values[()] = result.subset_predictions.nothing[task.name][rows, said]
    return sampled_shapley(values, names, orders)[0] if orders else shapley(values, names)


def shown(records: Records, result: TaskEvaluation, row: int, shares: dict[str, np.ndarray]) -> dict[str, object]:
    """One record: its inputs as data a browser shows, its label, its answers and what each modality added."""
    task = result.task
    inputs = [shown_input(item, records.column(item.name)[row], records.ids[row]) for item in result.spec.inputs]
    answers = result.subset_predictions.predictions[result.everything][task.name][row]
    label = result.subset_predictions.labels[task.name][row]
    parts = {name: float(share[row]) for name, share in shares.items()}
    reach = max([*(abs(share) for share in parts.values()), 1e-9])
    entry: dict[str, object] = {
        "id": records.ids[row],
        "inputs": inputs,
        "shares": [(name, share, 50 * abs(share) / reach) for name, share in parts.items()],
        "label": task.label_text(label),
    }
    if rebuilds(task):  # the picture of it stands beside the inputs; a row is words, and those are the answer
        made_of = task.rebuilding.shown(task.cells.likeliest(answers))
        error = f"{-float(task.score(label[None], answers[None])[0]):.3g} of {task.score_words}"
        again = {"name": task.name, "alt": f"{task.name} of record {records.ids[row]}", **on_page(made_of)}
        beside = [] if made_of.text else [again]
        return {**entry, "inputs": [*inputs, *beside], "answer": made_of.text or error, "right": True}
    if writes(task):
        return {**entry, "answer": task.readable(answers)["text"] or "(nothing)", "right": True}
    if not task.tags.probabilistic:
        return {**entry, "answer": ", ".join(f"{x:.4g}" for x in answers), "right": True}
    top = [(task.answer_names[k], float(answers[k])) for k in np.argsort(-answers)[:3]]
    return {**entry, "top": top, "right": bool(task.score(label[None], answers[None])[0] == 1)}


def shown_input(item: Modality, value: Raw, record: str) -> ShownInput:
    """One input of a record for the page: `missing`, or some of `text`, `picture`, `sound` and `curves`."""
    name, alt = item.name, f"{item.name} of record {record}"
    if value is None:
        return {"name": name, "alt": alt, "missing": True}
    return {"name": name, "alt": alt, **on_page(item.shown(value))}


def on_page(shown: Shown) -> OnPage:
    """A value as the page takes it."""
    return {
        "text": shown.text,
        "picture": data_url(shown.picture, "image/png") if shown.picture else "",
        "sound": data_url(shown.sound, "audio/wav") if shown.sound else "",
        "curves": shown.curves,
    }
