"""Records for the page: the surest mistakes, the least sure answers, and those the modalities disagree about."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from mmzoo.data.records import Records
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.evaluation.selective import sureness
from mmzoo.evaluation.shapley import MOST, Coalition, shapley
from mmzoo.inference.subsets import subsets
from mmzoo.modalities import Modality

SHOWN = 8
EACH = 2


def gallery(records: Records, result: Evaluation) -> list[dict[str, Any]]:
    """Groups of up to eight records together: `title`, and `records` with inputs, label, answer and shares."""
    task = result.spec.tasks[0]
    rows = np.flatnonzero(result.known)
    worth = result.worths[result.everything]
    groups: dict[str, np.ndarray] = {}
    if task.labels:
        sure = sureness(task, result.predictions[result.everything][task.name][rows])
        wrong = worth < 1
        groups["The surest mistakes"] = rows[wrong][np.argsort(-sure[wrong], kind="stable")]
        groups["The least sure answers"] = rows[np.argsort(sure, kind="stable")]
    else:
        groups["The largest errors"] = rows[np.argsort(worth, kind="stable")]
    if len(result.spec.inputs) > 1:
        groups["Where the modalities disagree most"] = rows[np.argsort(-result.conflicts[rows], kind="stable")]
    shuffled = np.random.default_rng(0).permutation(len(rows))
    good = shuffled[np.argsort(worth[shuffled] < np.median(worth), kind="stable")]
    groups["Others, drawn at random"] = rows[good]
    shares = contributions(result)
    taken: set[int] = set()
    found = []
    for title, order in groups.items():
        room = SHOWN - len(taken) if title.startswith("Others") else EACH
        chosen = [int(row) for row in order if int(row) not in taken][:room]
        taken |= {*chosen}
        if chosen:
            found.append({"title": title, "records": [shown(records, result, row, shares) for row in chosen]})
    return found


def contributions(result: Evaluation) -> dict[str, np.ndarray]:
    """Each modality's Shapley value in every answer, (N,): in the probability of what is said, or in the number."""
    task, names = result.spec.tasks[0], result.spec.input_names
    if len(names) > MOST:
        return {}
    full = result.predictions[result.everything][task.name]
    said = full.argmax(axis=1) if task.labels else np.zeros(len(full), int)
    rows = np.arange(len(full))
    values: dict[Coalition, np.ndarray] = {
        chosen: result.predictions["+".join(chosen)][task.name][rows, said] for chosen in subsets(result.spec)
    }
    values[()] = result.answers.nothing[task.name][rows, said]
    return shapley(values, names)


def shown(records: Records, result: Evaluation, row: int, shares: dict[str, np.ndarray]) -> dict[str, Any]:
    """One record: its inputs as data a browser shows, its label, its answers and what each modality added."""
    task = result.spec.tasks[0]
    inputs = [shown_input(item, records.column(item.name)[row], records.ids[row]) for item in result.spec.inputs]
    answers, label = result.predictions[result.everything][task.name][row], result.labels[task.name][row]
    parts = {name: float(share[row]) for name, share in shares.items()}
    reach = max([*(abs(share) for share in parts.values()), 1e-9])
    card: dict[str, Any] = {
        "id": records.ids[row],
        "inputs": inputs,
        "shares": [(name, share, 50 * abs(share) / reach) for name, share in parts.items()],
    }
    if task.labels:
        card["top"] = [(task.labels[k], float(answers[k])) for k in np.argsort(-answers)[:3]]
        card["right"] = bool(task.worth(label[None], answers[None])[0] == 1)
        chosen = [task.labels[label]] if task.exclusive else [n for n, y in zip(task.labels, label, strict=True) if y]
        return {**card, "label": ", ".join(chosen) or "none"}
    card["answer"] = ", ".join(f"{x:.4g}" for x in answers)
    return {**card, "right": True, "label": ", ".join(f"{x:.4g}" for x in np.atleast_1d(label))}


def shown_input(item: Modality, value: Any, record: str) -> dict[str, Any]:
    """One input of a record for the page: `missing`, or some of `text`, `picture`, `sound` and `curves`."""
    found: dict[str, Any] = {"name": item.name, "alt": f"{item.name} of record {record}"}
    if value is None:
        return {**found, "missing": True}
    shown = item.shown(value)
    return {
        **found,
        "text": shown.text,
        "picture": data_url(shown.picture, "image/png") if shown.picture else "",
        "sound": data_url(shown.sound, "audio/wav") if shown.sound else "",
        "curves": shown.curves,
    }


def data_url(data: bytes, kind: str) -> str:
    """A file inside the page."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
