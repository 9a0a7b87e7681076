"""What pretrained classes are called, and what texts say, in one space; how several networks tell classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mmzoo.aliases import Tensor

FIRST_SHARE = 0.5  # of what the words of classes say, until it is fitted
SHRINKAGE = 0.3  # of the mean variance, added to the variance of each direction
LEAST = 1e-6  # that varies


class Words(NamedTuple):
    """The space of the words of classes.

    centres: by input, the mean of its texts, float32 (D,).
    kernel: from deviations of it to the space, float32 (D, units); columns of zeros where there are fewer directions.
    words: what each class's name says there, of length 1, float32 (classes, units).
    """

    centres: dict[str, np.ndarray]
    kernel: np.ndarray
    words: np.ndarray


def word_space(texts: Mapping[str, np.ndarray], names: np.ndarray, units: int) -> Words:
    """The directions along which texts and names of classes vary most, each by the root of its variance.

    Both count alike, and both about their own mean, for names are unlike texts. Divided by that root, what most texts
    share counts as little as what tells few of them apart.

    Args:
        texts: by input, what the text tower gives of training records, float (N, D).
        names: what it gives of the names of classes, float (classes, D).
        units: how many directions.
    """
    centres = {name: each.mean(axis=0, dtype=np.float64) for name, each in texts.items()}
    apart = np.concatenate([each - centres[name] for name, each in texts.items()])
    named = names - names.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh((apart.T @ apart / len(apart) + named.T @ named / len(named)) / 2)
    order = np.argsort(-variances)[:units]
    roots = np.sqrt(variances[order].clip(0) + SHRINKAGE * max(float(variances.mean()), 1e-12))
    kernel = np.zeros((names.shape[1], units))
    kernel[:, : len(order)] = axes[:, order] / roots
    told = named @ kernel
    told /= np.maximum(np.linalg.norm(told, axis=1, keepdims=True), LEAST)
    return Words(
        {name: each.astype(np.float32) for name, each in centres.items()},
        kernel.astype(np.float32),
        told.astype(np.float32),
    )


def as_one(
    classifiers: Sequence[tuple[int, np.ndarray, np.ndarray]], features: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Several classifiers as one, kernel float32 (D, classes) and bias (classes,): the mean of their logits.

    Each class's logits have mean 0 on the training records, and all the same deviation. A network that is shown what it
    was not trained on, such as drawings, finds the same few classes in most; which it finds more than elsewhere tells
    what is shown.

    Args:
        classifiers: of each where in the features what it reads begins, its kernel (D', classes) and bias (classes,).
        features: of training records, float (N, D).
    """
    count = len(classifiers[0][2])
    whole, added = np.zeros((features.shape[1], count)), np.zeros(count)
    for place, kernel, bias in classifiers:
        logits = features[:, place : place + len(kernel)].astype(np.float64) @ kernel + bias
        apart = logits - logits.mean(axis=0)
        scale = apart.std() / np.maximum(apart.std(axis=0), LEAST) / len(classifiers)
        whole[place : place + len(kernel)] += kernel * scale
        added += (bias - logits.mean(axis=0)) * scale
    return np.asarray(whole, np.float32), np.asarray(added, np.float32)


def worded(found: Tensor, tower: Tensor | None, name: str, item: str, units: int) -> Tensor:
    """Vectors (B, any) of length 1 with what an input says in the words of classes beside; zeros, if it says nothing.

    Args:
        tower: float (B, D), the mean of what the input's tower puts out.
        name: of the layers, before a dot.
        item: the name of the input.
        units: so many numbers beside.
    """
    from keras import ops

    from mmzoo.declared import classifiers_of, is_text
    from mmzoo.layers.nearness import Beside, Worded, WordedByClasses

    if tower is None or not (is_text(item) or classifiers_of(item)):
        return ops.pad(found, ((0, 0), (0, units)))
    if is_text(item):
        told = Worded(units, name=f"{name}.worded")(tower)
    else:
        told = WordedByClasses(units, classifiers_of(item)[0].classes, name=f"{name}.worded")(tower)
    return Beside(FIRST_SHARE, name=f"{name}.beside")(found, told)
