"""Golden examples: what a model answered when it was saved, it must answer when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Untyped
from mmzoo.errors import require
from mmzoo.inference.running import run_model
from mmzoo.weights.tensors import Layout, layout_of

EXAMPLES = 2
TOLERANCE = 1e-4
"""Largest difference of an answer, as a share of the output's largest number where that is over 1."""


def make_golden(model: keras.Model) -> dict[str, np.ndarray]:
    """Two made-up examples, `present`, and the model's outputs: row k has example k % 2 and `present[k]`.

    Raises:
        MMZooError: the model answers with something that is not a finite number.
    """
    random = np.random.RandomState(0)  # its numbers are the same in every version of NumPy
    shapes = {tensor.name: (tensor.shape[1:], tensor.dtype) for tensor in model.inputs}
    count = shapes.pop("present")[0][0]
    golden = {f"input/{name}": examples(random, *facts) for name, facts in sorted(shapes.items())}
    golden["present"] = presence(count)
    for name, value in model(rows(golden), training=False).items():
        golden[f"output/{name}"] = np.asarray(value)
        require(
            np.isfinite(value).all(),
            f"The output '{name}' of the model is not finite; train it again before saving it.",
        )
    return golden


def examples(random: np.random.RandomState, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """What any modality can read: bytes 32 to 126 are text and pixels alike, floats are -1..1, other numbers 0 or 1.

    The second example ends half way in zeros, which are padding to some.
    """
    low, high = (32, 127) if dtype == "uint8" else (0, 2)
    draw = (
        random.uniform(-1, 1, (EXAMPLES, *shape))
        if dtype == "float32"
        else random.randint(low, high, (EXAMPLES, *shape))
    )
    draw[1, shape[0] // 2 :] = 0
    return draw.astype(dtype)


def presence(count: int) -> np.ndarray:
    """Subsets of the inputs, bool (R, inputs): all of them up to four inputs, else one, all but one, and all."""
    sizes = range(1, count + 1) if count <= 4 else (1, count - 1, count)
    chosen = [np.isin(range(count), each) for size in sizes for each in combinations(range(count), size)]
    return np.resize(chosen, (max(len(chosen), EXAMPLES), count))


def rows(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The batch that the model takes."""
    present = golden["present"]
    which = np.arange(len(present)) % EXAMPLES
    taken = {name.removeprefix("input/"): value[which] for name, value in golden.items() if name.startswith("input/")}
    return {**taken, "present": present}


def golden_layout(model: keras.Model) -> Layout:
    """What a golden file of `model` must hold."""
    layout: Layout = {f"input/{t.name}": (t.dtype, (EXAMPLES, *t.shape[1:])) for t in model.inputs}
    _, (_, count) = layout.pop("input/present")
    present = presence(count)
    outputs = {f"output/{name}": (t.dtype, (len(present), *t.shape[1:])) for name, t in model.output.items()}
    return {**layout, **layout_of({"present": present}), **outputs}


def check_golden(model: keras.Model, golden: dict[str, np.ndarray], what: str) -> None:
    """The model answers as it did.

    Raises:
        MMZooError: names the output that differs and by how much.
    """
    batch = rows(golden)
    with full_precision():
        # One at a time: the limits on memory are those of one example.
        answers = [run_model(model, {n: v[k : k + 1] for n, v in batch.items()}) for k in range(len(batch["present"]))]
    written = {task.name: task for task in model.spec.tasks if task.tags.texts}
    for name in sorted(answers[0]):
        wanted, found = golden[f"output/{name}"], np.concatenate([answer[name] for answer in answers])
        if name in written:  # of two texts that are as likely another machine may write the other
            gap, limit = written[name].difference(found, wanted).max(), TOLERANCE
        else:
            gap, limit = np.abs(found - wanted).max(), TOLERANCE * max(1.0, np.abs(wanted).max())
        require(
            gap <= limit,
            f"The output '{name}' of the model in {what} differs by {gap:.2g} from what it was when it was saved "
            f"(allowed: {limit:.2g}); its weights, its spec or this version of a library are not the same.",
        )


@contextmanager
def full_precision() -> Iterator[None]:
    """Inside, a GPU multiplies float32 as float32; TensorFlow's default there keeps 10 of its 23 bits."""
    setting: Untyped = tf.config.experimental
    before = setting.tensor_float_32_execution_enabled()
    setting.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        setting.enable_tensor_float_32_execution(before)
