"""A text about one record, token by token: greedy, by beams or drawn, and told as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Raw, Tensor, Tree
from mmzoo.decoding import Beam, Greedy, Sample, WrittenText, decode
from mmzoo.graph.parts import decoder_of, kept_on
from mmzoo.inference.asked import asked_task
from mmzoo.inference.predict import inputs_of
from mmzoo.inference.running import compiled
from mmzoo.spec import Spec
from mmzoo.tasks.text_answer import TextAnswer

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

ASKED = ("embedding", "values", "real")


def write(
    model: Multimodal,
    record: Mapping[str, Raw],
    *,
    task: str = "",
    how: Greedy | Beam | Sample | None = None,
    seen: Callable[[str], object] | None = None,
) -> WrittenText:
    """What a model writes about one record: `{"text": ..., "log_prob": ...}`.

    Args:
        record: any subset of the inputs by name.
        task: of several that write, the name of one; the first, if not given.
        how: `mmzoo.decoding.Greedy`, `Beam` or `Sample`; the beams of the task, if not given.
        seen: is told the text as far as it is written, token by token; not by a beam search.

    Raises:
        MMZooError: the model writes nothing, has no such input, or one cannot be decoded.
    """
    spec: Spec = model.spec
    asked = writing_task(spec, task)
    inputs = inputs_of(spec, record)
    begin, step = kept_on(model, ("writing", asked.name), lambda: _compiled(model, asked.name))
    ids: list[int] = []

    def told(tokens: np.ndarray, _: np.ndarray) -> None:
        ids.append(int(tokens[0]))
        if seen is not None:
            seen(asked.text(np.array(ids)))

    def following(tokens: np.ndarray, caches: Tree, position: int) -> tuple[Tensor, Tree]:
        found, after = step(tf.constant(tokens), caches, tf.constant(position))
        return found.numpy(), {name: each.numpy() for name, each in after.items()}

    found = decode(
        following,
        {name: each.numpy() for name, each in begin(inputs).items()},
        np.zeros(1, np.int32),
        end=0,
        most=asked.tokens,
        how=how or Beam(asked.beams, asked.length_penalty),
        seen=told,
    )
    return asked.readable(np.append(found.ids[0], found.log_probs[0]))


def writing_task(spec: Spec, name: str = "") -> TextAnswer:
    """The task of a spec that writes.

    Raises:
        MMZooError: there is none.
    """
    none = "The model writes nothing token by token, since none of its tasks is a text answer; ask it for its answers."
    return cast(
        TextAnswer, asked_task(spec, name, lambda task: task.tags.stepwise, what="task that writes texts", none=none)
    )


def _compiled(model: Multimodal, task: str) -> tuple[Callable[..., Tree], Callable[..., Tree]]:
    """From what the model takes to the first caches, and from one step to the next, as graphs."""
    decoder = decoder_of(model.parts, task)
    asked = model.parts.cut(model.input, dict(zip(ASKED, model.parts.arguments(decoder), strict=True)))
    run = compiled(asked)
    begin = tf.function(decoder.begin, autograph=False)
    step = tf.function(decoder.step, autograph=False, reduce_retracing=True)

    def first(inputs: dict[str, Tensor]) -> Tree:
        found = run({name: tf.constant(value) for name, value in inputs.items()})
        return begin(*(found[name] for name in ASKED))

    return first, step
