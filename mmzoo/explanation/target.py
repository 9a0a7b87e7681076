"""One record before a model, with one of its answers asked about; each modality can be exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Raw, Tensor, Tree
from mmzoo.data.records import Records, decode
from mmzoo.errors import require, unknown
from mmzoo.evaluation.shapley import Coalition
from mmzoo.graph.cut import called_by_key, fusing, tower_of, tower_outputs
from mmzoo.graph.parts import kept_on
from mmzoo.inference.running import compiled
from mmzoo.inference.subsets import run_towers
from mmzoo.layers import entry as graph_entry
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

BATCH = 32


@dataclass(frozen=True)
class Target:
    """A record, what the towers make of it, and the answer that is asked about.

    Args:
        inputs: as the model takes them, one example.
        tokens: by input, its tower's (values, mask).
        index: which label of the task, or which number.
    """

    model: keras.Model
    record: Mapping[str, Raw]
    inputs: dict[str, np.ndarray]
    tokens: dict[str, Tensor]
    task: Task
    index: int

    @property
    def spec(self) -> Spec:
        return self.model.spec  # type: ignore[no-any-return]

    @property
    def names(self) -> list[str]:
        """The inputs that the record has."""
        return [name for name, here in zip(self.spec.input_names, self.inputs["present"][0], strict=True) if here]

    @property
    def label(self) -> str:
        """The label that is asked about, or the number."""
        return self.task.answer_names[self.index]

    def logit(self, logits: np.ndarray) -> np.ndarray:
        """The logit of the answer in these outputs, float64 (B,)."""
        return np.asarray(self.task.log_odds(tf.constant(logits), tf.constant(self.index)), np.float64)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """The answer itself in these outputs, float64 (B,): a probability, or the number."""
        return np.asarray(self.task.to_predictions(logits), np.float64)[:, self.index]

    def with_subsets(self, chosen: Sequence[Coalition]) -> np.ndarray:
        """The task's logits (len(chosen), units) with only these modalities of the record."""
        present = np.array([[name in each for name in self.spec.input_names] for each in chosen])
        return self._fuse(self.tokens, present & self.inputs["present"])

    def with_tokens(self, name: str, tokens: Tree) -> np.ndarray:
        """The task's logits (B, units) with other (values, mask) in place of one input's."""
        count = len(tokens[1])
        return self._fuse({**self.tokens, name: tokens}, np.repeat(self.inputs["present"], count, axis=0))

    def with_examples(self, name: str, examples: np.ndarray) -> np.ndarray:
        """The task's logits (B, units) with `examples` (B, ...) in place of one input's; only its tower runs."""
        tower, found = compiled(tower_of(self.model, name)), []
        for start in range(0, len(examples), BATCH):
            part = examples[start : start + BATCH]
            present = np.repeat(self.inputs["present"], len(part), axis=0)
            tokens = tower({name: tf.constant(part), "present": tf.constant(present)})[name]
            found.append(self.with_tokens(name, keras.tree.map_structure(np.asarray, tokens)))
        return np.concatenate(found)

    def _fuse(self, tokens: dict[str, Tensor], present: np.ndarray) -> np.ndarray:
        spread = keras.tree.map_structure(lambda a: tf.constant(repeated(a, len(present))), tokens)
        outputs = compiled(fusing(self.model))({**spread, "present": tf.constant(present)})
        logits: np.ndarray = outputs[self.task.name].numpy()
        return logits


def repeated(array: np.ndarray, count: int) -> np.ndarray:
    """One example `count` times; as it is, if it has that many."""
    return array if len(array) == count else np.repeat(array, count, axis=0)


def make_target(
    model: keras.Model, record: Mapping[str, Raw], task: str | None = None, label: str | None = None
) -> Target:
    """A record before a model, and its likeliest answer, or the one that is asked for.

    Raises:
        MMZooError: an input, the task or the label is unknown, or an input cannot be decoded.
    """
    spec: Spec = model.spec
    for name in record:
        require(name in spec.input_names, f"The model has no input '{name}'; it has: {', '.join(spec.input_names)}.")
    require(record, f"Give at least one of the inputs: {', '.join(spec.input_names)}.")
    tasks = {each.name: each for each in spec.tasks}
    if task is not None and task not in tasks:
        raise unknown("task called", task, tasks)
    explained = [each.name for each in spec.tasks if each.tags.elementwise]
    require(
        task in explained if task else explained,
        f"Task '{task or spec.tasks[0].name}' answers with a vector or a text, no number of which means anything by "
        f"itself; there is nothing to explain{f': ask {explained[0]}' if explained else ''}.",
    )
    asked = tasks[task or explained[0]]
    inputs = decode(spec, Records({name: [record.get(name)] for name in spec.input_names}, ["input"]))
    found = run_towers(model, keras.tree.map_structure(tf.constant, inputs))
    tokens = keras.tree.map_structure(np.asarray, found)
    target = Target(model, record, inputs, tokens, asked, asked.place_of(label) if label is not None else 0)
    if label is None:
        answers = np.asarray(asked.to_predictions(target.with_subsets([tuple(target.names)])))
        target = replace(target, index=int(asked.likeliest(answers)[0]))
    return target


def entry(model: keras.Model, name: str, layer: keras.layers.Layer) -> tuple[keras.Model, keras.Model]:
    """`model` cut inside one tower, behind `layer`; all other inputs enter as their tower's tokens.

    Returns:
        `into`, the model's inputs -> what the layer puts out; and `onwards`, `{name: that, others: (values, mask),
        "present"}` -> the model's outputs.
        Behind an embedding that is its vectors and the ids. Whole numbers enter as float32, so that there is a
        gradient.
    """
    return kept_on(model, ("entry", name, id(layer)), lambda: _entry(model, name, layer))


def _entry(model: keras.Model, name: str, layer: keras.layers.Layer) -> tuple[keras.Model, keras.Model]:
    # Behind an embedding the ids are still asked which of them are real.
    inside = (layer.output, layer.input) if isinstance(layer, keras.layers.Embedding) else layer.output
    inside = tuple(inside) if isinstance(inside, (list, tuple)) else inside
    into = keras.Model({key: model.input[key] for key in (name, "present")}, {name: inside})
    cut: dict[str, Tree] = {**tower_outputs(model), name: inside, "present": model.input["present"]}
    called_by_key(cut)
    onwards = keras.Model(cut, model.output)
    if isinstance(inside, tuple) or "int" not in inside.dtype:
        return into, onwards
    fresh = keras.tree.map_structure(lambda t: graph_entry(t.shape[1:], t.dtype, t.name), cut)
    fresh[name] = graph_entry(inside.shape[1:], "float32", name)
    return into, keras.models.clone_model(onwards, input_tensors=fresh, clone_function=lambda layer: layer)


def spectrum_layer(model: keras.Model, name: str) -> keras.layers.Layer | None:
    """The layer that makes (values (B, T, F), mask) of an input before anything trains; None where there is none."""
    parts = model.parts.of(name)
    if parts.frozen is None:
        return None
    # What is frozen may go on behind it, to features that are no frames any more.
    for layer in parts.layers[: parts.layers.index(parts.frozen) + 1]:
        output = layer.output
        if isinstance(output, (list, tuple)) and len(output) == 2 and len(output[0].shape) == 3:
            return layer
    return None
