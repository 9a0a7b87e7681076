"""When not to trust an answer: modalities in conflict, dropout at work, inputs unlike any that were learned."""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np
import tensorflow as tf

from mmzoo.data.records import Records, decode
from mmzoo.graph.cut import fusing
from mmzoo.inference.running import BATCH, run_model, to_predictions
from mmzoo.inference.subsets import run_towers
from mmzoo.tasks.base import Task


def confidence(task: Task, answers: np.ndarray) -> np.ndarray:
    """How sure each prediction (N, K) is, float (N,): the probability of what it says, the mean over many."""
    sure = answers.max(axis=1) if task.tags.exclusive else np.maximum(answers, 1.0 - answers).mean(axis=1)
    return np.asarray(sure)


def conflict(task: Task, answers: list[np.ndarray], present: np.ndarray | None = None) -> np.ndarray:
    """How far the modalities' own answers to each record disagree, float (N,).

    Among labels the mean Jensen-Shannon divergence of two modalities in bits, from 0 to 1 (Lin 1991),
    and the mean over labels where there are many; among numbers the mean distance of two.

    Args:
        answers: predictions, (N, K) a modality.
        present: bool (N, M), which modalities each record has; all, if not given. With fewer than two it is 0.
    """
    here = np.ones((len(answers[0]), len(answers)), bool) if present is None else present
    total, count = np.zeros(len(here)), np.zeros(len(here))
    for first, second in combinations(range(len(answers)), 2):
        both = here[:, first] & here[:, second]
        total += both * divergence(task, answers[first], answers[second])
        count += both
    return total / np.maximum(count, 1)


def divergence(task: Task, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far two sets of predictions (N, K) are apart, float (N,)."""
    if not task.tags.probabilistic:
        return np.asarray(np.abs(first - second).mean(axis=1))
    middle = (first + second) / 2
    if task.tags.exclusive:
        return np.asarray(entropy(middle) - (entropy(first) + entropy(second)) / 2)
    both = [np.stack([each, 1 - each], axis=-1) for each in (first, second, middle)]
    one, other, mean = (entropy(each) for each in both)
    return np.asarray((mean - (one + other) / 2).mean(axis=1))


def entropy(shares: np.ndarray) -> np.ndarray:
    """Of probabilities on the last axis, in bits."""
    return np.asarray(-(shares * np.log2(np.maximum(shares, 1e-12))).sum(axis=-1))


def energy(logits: np.ndarray, *, exclusive: bool = True) -> np.ndarray:
    """How far out of distribution each record is, float (N,), higher is further: `-log sum exp(logits)`.

    Liu et al. 2020, arXiv:2010.03759; where labels do not exclude one another, `-sum log(1 + exp(logit))`
    (Wang et al. 2021, arXiv:2111.12797).
    """
    logits = logits.astype(np.float64)
    if not exclusive:
        return np.asarray(-np.logaddexp(0.0, logits).sum(axis=1))
    most = logits.max(axis=1)
    return np.asarray(-(most + np.log(np.exp(logits - most[:, None]).sum(axis=1))))


def auroc(positive: np.ndarray, negative: np.ndarray) -> float | None:
    """The share of pairs in which a score of `positive` is above one of `negative`, ties half; None without pairs."""
    from sklearn.metrics import roc_auc_score

    if not len(positive) or not len(negative):
        return None
    labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    return float(roc_auc_score(labels, np.r_[positive, negative]))


def mahalanobis(learned: np.ndarray, labels: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """How far out each embedding is, float (N,): its squared Mahalanobis distance from the nearest label's mean.

    Lee et al. 2018, arXiv:1807.03888, equation 2, with one covariance for all labels, shrunk as Ledoit & Wolf 2004.

    Args:
        learned: embeddings of training records, (T, D).
        labels: their labels, int (T,).
        embeddings: those to be judged, (N, D).
    """
    from sklearn.covariance import LedoitWolf

    means = np.stack([learned[labels == label].mean(axis=0) for label in np.unique(labels)])
    places = np.searchsorted(np.unique(labels), labels)
    precision = LedoitWolf(assume_centered=True).fit(learned - means[places]).precision_
    away = embeddings[:, None].astype(np.float64) - means[None]
    return np.asarray(np.einsum("nkd,de,nke->nk", away, precision, away).min(axis=1))


def embedder(model: keras.Model, task: str) -> keras.Model | None:
    """From the model's inputs to what a task's head reads, `{"embedding": (B, D)}`; None where nothing is fused."""
    if not model.parts.heads[task].fused:
        return None
    return model.parts.cut(model.input, {"embedding": model.parts.embedding})


def logits_of(model: keras.Model, records: Records) -> dict[str, np.ndarray]:
    """The model's outputs for all records."""
    return run_model(model, decode(model.spec, records))


def mc_dropout(
    model: keras.Model, records: Records, draws: int = 20, seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Answers under dropout, drawn again and again (Gal & Ghahramani 2016, arXiv:1506.02142).

    The towers run once, as they are; the dropout of the fusion and the heads is at work.

    Returns:
        By task what `drawn_together` makes of the draws.
    """
    spec, fuse = model.spec, fusing(model)
    inputs = decode(spec, records)
    seeds = [variable for variable in fuse.non_trainable_variables if "seed_generator" in variable.path]
    kept = [np.asarray(variable) for variable in seeds]
    for place, variable in enumerate(seeds):
        variable.assign(np.array([seed, place], kept[place].dtype))
    call = tf.function(lambda x: fuse(x, training=True), reduce_retracing=True)
    pieces: list[dict[str, np.ndarray]] = []
    try:
        for start in range(0, len(records), BATCH):
            batch = keras.tree.map_structure(lambda a, s=start: tf.constant(a[s : s + BATCH]), inputs)
            feed = {**run_towers(model, batch), "present": batch["present"]}
            found = [call(feed) for _ in range(draws)]
            drawn = {t.name: [t.to_predictions(np.asarray(each[t.name])) for each in found] for t in spec.tasks}
            pieces.append({name: np.stack(each) for name, each in drawn.items()})
    finally:
        for variable, value in zip(seeds, kept, strict=True):
            variable.assign(value)
    return {
        task.name: drawn_together(task, np.concatenate([piece[task.name] for piece in pieces], axis=1))
        for task in spec.tasks
    }


def ensemble(models: list[keras.Model], records: Records) -> dict[str, dict[str, np.ndarray]]:
    """By task what several models say together, as `mc_dropout` (Lakshminarayanan et al. 2017, arXiv:1612.01474)."""
    answers = [to_predictions(model.spec, logits_of(model, records)) for model in models]
    tasks = models[0].spec.tasks
    return {task.name: drawn_together(task, np.stack([each[task.name] for each in answers])) for task in tasks}


def drawn_together(task: Task, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Predictions (draws, N, K) as `mean` and `deviation` (N, K), and `information` (N,) in bits.

    The last, what the draws disagree on (BALD; Houlsby et al. 2011, arXiv:1112.5745), where labels exclude one another.
    """
    found = {"mean": answers.mean(axis=0), "deviation": answers.std(axis=0)}
    if task.tags.exclusive:
        found["information"] = entropy(answers.mean(axis=0)) - entropy(answers).mean(axis=0)
    return found
