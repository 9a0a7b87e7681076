"""All baselines of a spec's tasks, within a time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from mmzoo.baselines.base import Answers, Baseline, Clock, Labels, Model, OutOfTimeError, Problem
from mmzoo.baselines.features import Features
from mmzoo.boosting import few_threads
from mmzoo.data.lazy.columns import given
from mmzoo.data.records import Records
from mmzoo.errors import check_number, require
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task


def fit_baselines(
    spec: Spec, train: Records, validation: Records, *, seconds: float | None = None, seed: int = 0
) -> list[Baseline]:
    """Fit models of scikit-learn to the inputs and tasks of a spec.

    Features, vocabularies and models are of the training records alone; the validation records choose how much a model
    is regularised, when boosting stops, and how answers are weighted.

    Args:
        train, validation: each with the columns of the spec; records without a label of a task are left out of it.
        seconds: time in all. The cheap ones come first, and what would not be done in time is left out; the first of
            each task, which knows nothing of the inputs, is always there. Making the features of an input is not
            interrupted.
        seed: of what is random.

    Returns:
        Task by task, the best on the validation records first. Of a task whose answers are neither probabilities nor
        numbers, or that has no labels in one of the two, nothing.

    Raises:
        MMZooError: a record cannot be decoded, or there are no validation records.
    """
    if seconds is not None:
        check_number("The seconds of the baselines", seconds, 0, 1e9)
    require(len(train) and len(validation), "Baselines need training and validation records; give some of each.")
    asked = [(task, labels_of(task, train), labels_of(task, validation)) for task in spec.tasks if answerable(task)]
    asked = [each for each in asked if len(each[1].records) and len(each[2].records)]
    everything = tuple(item.name for item in spec.inputs if given(train.column(item.name)).any())
    start, found = time.monotonic(), []
    with tqdm(total=1, desc="baselines", unit="model", disable=None, leave=False) as bar:
        for place, (task, training, held_out) in enumerate(asked):
            share = float("inf") if seconds is None else seconds * (place + 1) / len(asked)
            clock = Clock(start + share)
            features = Features(spec, training.records, clock, seed)
            problem = Problem(task, everything, features, training, held_out, clock, seed)
            chosen = [*models_of(problem)]
            bar.total = bar.n + len(chosen)
            found += fitted(problem, chosen, bar)
            clock.lift()
    return found


def answerable(task: Task) -> bool:
    """Has it labels of its own, and are its answers probabilities or numbers?"""
    return task.target == "label" and (task.tags.probabilistic or task.tags.numeric)


def labels_of(task: Task, records: Records) -> Labels:
    """Of the records that have a label of the task."""
    encoded = encode_labels([task], records, unlabelled=True, unasked=True)[task.name]
    known = np.asarray(task.known(encoded))
    chosen = records if known.all() else records.select(np.flatnonzero(known).tolist())
    return Labels(chosen, encoded[known], targets_of(task, encoded[known]))


def targets_of(task: Task, encoded: np.ndarray) -> np.ndarray:
    """Known labels as the predictions that would be right, float (N, K), on the scale of the task."""
    if task.tags.exclusive:
        return np.asarray(np.eye(len(task.answer_names))[encoded.astype(int)])
    return np.asarray(task.on_scale(encoded.reshape(len(encoded), -1).astype(np.float64)))


def models_of(problem: Problem) -> Iterator[tuple[str, Model, tuple[str, ...]]]:
    """The baselines in the order in which they are fitted: their names, and the inputs that they read."""
    from mmzoo.baselines import baselines

    everything = problem.names
    for kind in sorted(baselines.names(), key=lambda name: (baselines[name].place, name)):
        model = baselines[kind]()
        single = [(name,) for name in everything] if model.each and len(everything) > 1 else []
        for names in [*single, everything] if model.reads else [()]:
            words = str(baselines.facts(kind).get("words", kind))
            yield words.format(inputs=names[0] if len(names) == 1 else "everything"), model, names


def fitted(problem: Problem, chosen: Iterable[tuple[str, Model, tuple[str, ...]]], bar: tqdm) -> list[Baseline]:
    """Those that can be had in time, the best on the validation records first; of equal ones that of the least loss."""
    found: list[tuple[tuple[float, float], Baseline]] = []
    for name, model, names in chosen:
        bar.set_postfix_str(name)
        began, others = time.monotonic(), tuple(each for _, each in found)
        try:
            if not model.quick:
                problem.clock.check()
            if sum(bool(each.inputs) for each in others) < model.least:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what does not converge is measured as it is
                with few_threads(len(problem.train.records)):
                    answers = in_few_threads(model.fit(replace(problem, names=names, fitted=others)))
                order = problem.better(answers(problem.validation.records))
            seconds = round(time.monotonic() - began, 3)
            found.append((order, Baseline(name, problem.task.name, names, order[0], seconds, answers)))
        except OutOfTimeError:
            continue
        finally:
            bar.update()
    return [each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)]


def in_few_threads(answers: Answers) -> Answers:
    """The same answers, in as many threads as their records are worth."""

    def answered(records: Records) -> np.ndarray:
        with few_threads(len(records)):
            return answers(records)

    return answered


def best_of(found: Sequence[Baseline], task: str) -> Baseline | None:
    """The best of those that answer a task, of what `fit_baselines` gave; None without any."""
    return next((each for each in found if each.task == task), None)
