"""Labels that a model was never taught: each record's is the one whose words lie nearest.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", arXiv:2103.00020. Words of
labels are unlike the texts of records, so that each direction counts as far as validation records agreed along it
(`mmzoo.inference.agreement`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import keras
import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError, as_tuple, check_strings, require, unknown
from mmzoo.evaluation.statistics import interval
from mmzoo.inference.agreement import agreement_of
from mmzoo.inference.embed import embed, embedding_task, inputs_of
from mmzoo.inference.rarity import unit
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec

TEMPLATES = ("{}", "a picture of {}", "the sound of {}")
"""Sentences that a label is put in; its vector is the mean of theirs."""


@dataclass(frozen=True)
class ZeroShot:
    """What the words of labels tell of some records.

    Args:
        labels, templates: that were asked with.
        answers: by input, the label of each record; None where it lacks the input.
        accuracy: by input, its share of right ones with the 95 % bootstrap interval; empty where no column says what is
            right.
        heads: by task that was trained on the same labels, the same of its answers with all inputs.
        majority: the share of the most frequent label among the records.
    """

    labels: tuple[str, ...]
    templates: tuple[str, ...]
    answers: dict[str, list[str | None]]
    accuracy: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    heads: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    majority: float = 0.0

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    def text(self) -> str:
        """A line for each input and each head; where nothing says what is right, how often each label was answered."""
        lines = []
        for name, answers in self.answers.items():
            given = [each for each in answers if each is not None]
            if name in self.accuracy:
                lines.append(f"{name}: accuracy {words(self.accuracy[name])} of {len(given):,} records, without a head")
            else:
                counts = Counter(given)
                lines.append(f"{name}: {', '.join(f'{label} {counts[label]:,}' for label in self.labels)}")
        lines += [f"trained head '{name}': accuracy {words(found)}" for name, found in self.heads.items()]
        if self.accuracy:
            lines.append(
                f"the most frequent label: {self.majority:.3f}, any of {len(self.labels)}: {1 / len(self.labels):.3f}"
            )
        return "\n".join(lines)


def words(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.3f} (95 % {found[1]:.3f} to {found[2]:.3f})"


def zero_shot(
    model: keras.Model,
    records: Records,
    labels: Sequence[str],
    *,
    templates: Sequence[str] = TEMPLATES,
    text: str = "",
    truth: str = "",
    heads: Sequence[keras.Model] = (),
) -> ZeroShot:
    """Answer each record by the label whose words are nearest to its picture, sound ...

    Args:
        model: with a retrieval among whose inputs is a text.
        labels: words for each label; as they stand in the column `truth`, if its records say what is right.
        templates: sentences with `{}` in the place of a label.
        text: the input that reads the words; the retrieval's only text, if not given.
        truth: the column that says what is right; the one whose values are all labels, if not given and there is one.
        heads: models with tasks of these labels, such as this one, to compare with.

    Raises:
        MMZooError: there is no text among the inputs, or a record's truth is none of the labels.
    """
    spec: Spec = model.spec
    task = embedding_task(spec)
    asked, sentences = checked("labels", labels, 2), checked("templates", templates, 1)
    for each in sentences:
        require("{}" in each, f"A template has '{{}}' in the place of the label, and '{each}' has none.")
    reads = text_input(spec, inputs_of(task), text)
    filled = [each.replace("{}", label) for label in asked for each in sentences]
    found = embed(model, Records({reads: filled}), inputs=[reads])[reads].reshape(len(asked), len(sentences), -1)
    means = np.nanmean(found, axis=1)
    empty = [label for label, each in zip(asked, means, strict=True) if np.isnan(each).any()]
    require(not empty, f"The label '{''.join(empty[:1])}' has no words that the input '{reads}' can read.")
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    others = [name for name in inputs_of(task) if name != reads and name in records.columns]
    require(others, f"The records have none of the inputs that can be compared with '{reads}'.")
    answers: dict[str, list[str | None]] = {}
    for name, vectors in embed(model, records, inputs=others).items():
        there = ~np.isnan(vectors[:, 0])
        weights = agreement_of(model, task, reads, name)
        told = unit(means @ weights)
        nearest = (np.nan_to_num(vectors) @ weights @ told.T).argmax(axis=1)
        answers[name] = [asked[k] if here else None for k, here in zip(nearest, there, strict=True)]
    column = truth_of(records, asked, truth)
    if column is None:
        return ZeroShot(asked, sentences, answers)
    right = list(records.column(column))
    accuracy = {
        name: share([a == b for a, b in zip(each, right, strict=True) if a is not None and b is not None])
        for name, each in answers.items()
    }
    known = [each for each in right if each is not None]
    majority = max(Counter(known).values()) / len(known)
    return ZeroShot(
        asked, sentences, answers, accuracy, head_accuracies([model, *heads], records, asked, column), majority
    )


def checked(what: str, values: Sequence[str], least: int) -> tuple[str, ...]:
    """Some texts that differ, none of them empty."""
    found = as_tuple(f"The {what}", values)
    check_strings(f"The {what}", found)
    require(len(found) >= least, f"Give at least {least} {what}, not {list(found)}.")
    double = [each for each, count in Counter(found).items() if count > 1]
    require(not double, f"One of the {what} is given twice: '{''.join(double[:1])}'.")
    return found


def text_input(spec: Spec, inputs: Sequence[str], name: str) -> str:
    """The input that reads words."""
    texts = [item.name for item in spec.inputs if item.kind == "text" and item.name in inputs]
    require(texts, f"Labels are words, and among the inputs that find each other ({', '.join(inputs)}) is no text.")
    if name and name not in texts:
        raise unknown("text among the inputs that find each other called", name, texts)
    require(name or len(texts) == 1, f"There are several texts: {', '.join(texts)}; say which reads the labels.")
    return name or texts[0]


def truth_of(records: Records, labels: tuple[str, ...], name: str) -> str | None:
    """The column that says what is right; None where none was named and none is of these labels."""
    if name:
        wrong = {str(each) for each in records.column(name) if each is not None and each not in labels}
        if wrong:
            raise MMZooError(f"Column '{name}' has '{min(wrong)}', which is none of the labels: {', '.join(labels)}.")
        return name

    def fits(column: Sequence[object]) -> bool:
        values = {each if isinstance(each, str) else "" if each is not None else None for each in column} - {None}
        return bool(values) and values <= {*labels}

    return next((column for column, values in records.columns.items() if fits(values)), None)


def head_accuracies(
    models: Sequence[keras.Model], records: Records, labels: tuple[str, ...], column: str
) -> dict[str, tuple[float, float, float]]:
    """The accuracy of each task of some models that answers with these labels and is held against that column."""
    found = {}
    for model in models:
        for task in model.spec.tasks:
            if task.tags.exclusive and task.column == column and {*task.answer_names} == {*labels}:
                theirs = to_predictions(model.spec, run_model(model, decode(model.spec, records)))[task.name]
                right = encode_labels([task], records)[task.name]
                known = np.asarray(task.known(right))
                found[task.name] = share(task.score(right[known], theirs[known]))
    return found


def share(right: Sequence[bool] | np.ndarray) -> tuple[float, float, float]:
    """A share with its 95 % interval."""
    values = np.asarray(right, float)
    return (float(values.mean()), *interval(values)) if len(values) else (float("nan"),) * 3
