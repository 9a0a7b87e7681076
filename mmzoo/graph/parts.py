"""What a built model is made of: whoever cuts or watches a model asks here, and not for the names of layers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import keras

from mmzoo.aliases import Tensor, Tree, Untyped
from mmzoo.declared import Attention, Classifier, Declared
from mmzoo.errors import unknown
from mmzoo.graph.temperature import Temperature
from mmzoo.layers import Withheld
from mmzoo.layers.ctc import FrameReader
from mmzoo.layers.text_chooser import TextChooser
from mmzoo.layers.text_decoder import TextDecoder
from mmzoo.names import owner_of, uncalibrated_output
from mmzoo.tokens import Fused, Tokens
from mmzoo.weights import Weights

Found = TypeVar("Found")


@dataclass(frozen=True)
class InputParts:
    """The layers between one input and the fusion.

    Args:
        gate: what cuts an absent input off, (B, *shape) -> (B, *shape).
        tokens: what takes the tower's tokens to the common width, or puts the learned embedding in their place:
            `Tokens` (B, T, any), bool (B,) -> `Tokens` (B, T, dim).
        is_present: says whether the input is really there: mask bool (B, T), bool (B, M) -> bool (B,).
        layers: all of them, in the order in which an example goes through them, from the gate to `tokens`.
        frozen: the layer that never trains and whose output is worth computing once; None where there is none.
        embedding: the layer from ids to a text's vectors, if there is one.
        pretrained: the layers with pretrained weights that train.
        feature_map: the last layer that puts out a map (B, H, W, C), if there is one.
        grid: rows and columns, where the tokens are the places of a map, row by row.
        packages: the weights that were read from packages when it was built.
        classifiers: what the network of its tower told classes by, see `mmzoo.declared.Classifier`.
        fitted: the layer that is fitted to the labels before training, and never trains; see `mmzoo.declared.scores`.
    """

    gate: keras.layers.Layer
    tokens: keras.layers.Layer
    is_present: keras.layers.Layer
    layers: tuple[keras.layers.Layer, ...]
    frozen: keras.layers.Layer | None
    embedding: keras.layers.Layer | None
    pretrained: tuple[keras.layers.Layer, ...]
    feature_map: keras.layers.Layer | None
    grid: tuple[int, int] | None
    packages: tuple[Weights, ...]
    classifiers: tuple[Classifier, ...]
    fitted: keras.layers.Layer | None

    @property
    def frozen_network(self) -> bool:
        """Is what never trains a network, with weights?"""
        return self.frozen is not None and bool(self.frozen.weights)


@dataclass(frozen=True)
class Heads:
    """The layers from an embedding to a task's logits, in the order in which an example goes through them.

    Args:
        fused: of what a feature-level fusion makes, none under a decision-level one. The first reads the embedding.
        single: by input, of what one modality alone makes; none without auxiliary heads or a decision-level fusion.
        uncalibrated: what puts out the task's logits as they were trained.
        temperature: says by which these are divided behind it. Both None of a task without probabilities.
        joined: what makes the task's own answer of those of the inputs, where the task does so and not the fusion.
    """

    fused: tuple[keras.layers.Layer, ...]
    single: dict[str, tuple[keras.layers.Layer, ...]]
    uncalibrated: keras.layers.Layer | None
    temperature: Temperature | None
    joined: tuple[keras.layers.Layer, ...] = ()

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """All of them."""
        behind = (each for each in (self.uncalibrated, self.temperature) if each is not None)
        return [layer for layers in (self.fused, *self.single.values(), self.joined, behind) for layer in layers]


@dataclass(frozen=True)
class Parts:
    """What `build` has made; the model's own graph, or one that was cut from it.

    Args:
        model: in whose graph the tensors are that the methods give.
        inputs: by name, in the spec's order.
        heads: by task.
        attention: of the fusion over the tokens of the modalities.
    """

    model: keras.Model
    inputs: dict[str, InputParts]
    heads: dict[str, Heads]
    attention: tuple[Attention, ...]

    def cut(self, inputs: Tree, outputs: Tree) -> keras.Model:
        """A model between tensors of this graph: it shares the layers, and knows the same parts, if it has them."""
        model = keras.Model(inputs, outputs)
        model.parts = Parts(model, self.inputs, self.heads, self.attention)
        return model

    def of(self, name: str) -> InputParts:
        """The parts of one input.

        Raises:
            MMZooError: there is no such input.
        """
        if name not in self.inputs:
            raise unknown("input called", name, self.inputs)
        return self.inputs[name]

    def output(self, layer: keras.layers.Layer) -> Tensor:
        """The symbolic output of a layer: a tensor, or several as the layer gives them."""
        outputs = _node_of(self.model, layer).outputs
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def arguments(self, layer: keras.layers.Layer) -> list[Tensor]:
        """The symbolic tensors that a layer is called with."""
        return list(_node_of(self.model, layer).input_tensors)

    def tower_tokens(self, name: str) -> Tokens:
        """The symbolic tokens (B, T, any) of an input's tower, before `present` is looked at."""
        values, mask, _here = self.arguments(self.of(name).tokens)
        return Tokens(values, mask)

    def tokens(self, name: str) -> Tokens:
        """The symbolic tokens (B, T, dim) of an input as the fusion takes them."""
        return Tokens(*self.output(self.of(name).tokens))

    @property
    def uncalibrated(self) -> dict[str, Tensor]:
        """The logits of tasks with probabilities before their temperatures, symbolic float32 (B, units), as outputs."""
        return {
            uncalibrated_output(task): self.output(each.uncalibrated)
            for task, each in self.heads.items()
            if each.uncalibrated is not None
        }

    @property
    def present(self) -> Tensor:
        """Which modalities are really there, symbolic bool (B, M)."""
        return keras.ops.stack([self.output(each.is_present) for each in self.inputs.values()], axis=1)

    @property
    def embedding(self) -> Tensor | None:
        """What the heads of all tasks read, symbolic (B, any); None under a decision-level fusion."""
        heads = [each.fused for each in self.heads.values() if each.fused]
        return self.arguments(heads[0][0])[0] if heads else None

    def owner_of(self, layer: keras.layers.Layer) -> str:
        """The input or the task that a layer of the model belongs to, or "fusion"."""
        for name, part in self.inputs.items():
            if any(layer is each for each in (*part.layers, part.is_present)):
                return name
        for name, heads in self.heads.items():
            if any(layer is each for each in heads.layers):
                return name
        return "fusion"


def writer_of(parts: Parts, task: str) -> TextDecoder | FrameReader | TextChooser:
    """What writes the texts of a task."""
    kinds = TextDecoder, FrameReader, TextChooser
    (writer,) = (layer for layer in parts.heads[task].layers if isinstance(layer, kinds))
    return writer


def decoder_of(parts: Parts, task: str) -> TextDecoder:
    """What writes the texts of a task that is tagged stepwise."""
    decoder = writer_of(parts, task)
    assert isinstance(decoder, TextDecoder)
    return decoder


def find_parts(
    model: keras.Model,
    declared: Declared,
    gates: dict[str, keras.layers.Layer],
    here: dict[str, keras.layers.Layer],
    tokens: dict[str, keras.layers.Layer],
    packages: dict[str, tuple[Weights, ...]],
    heads: dict[str, Heads],
) -> Parts:
    """The parts of a model from what `build` made and what towers and fusions declared."""
    inputs = {}
    for name, last in tokens.items():
        below = _operations(keras.tree.flatten(last.input))
        apart = (keras.layers.InputLayer, Withheld, type(here[name]))
        layers = tuple(
            layer for layer in model.layers if (id(layer) in below or layer is last) and not isinstance(layer, apart)
        )
        grid = declared.grids.get(name)
        inputs[name] = InputParts(
            gates[name],
            last,
            here[name],
            layers,
            declared.frozen.get(name),
            declared.embeddings.get(name),
            # Also of a tower within the tower, which has the input's name and a part behind it.
            tuple(layer for owner, found in declared.pretrained.items() if owner_of(owner) == name for layer in found),
            _last_map(layers, gates[name]),
            # A tower may use another one's map within it, and put out other tokens.
            grid if grid and grid[0] * grid[1] == last.output[1].shape[1] else None,
            packages[name],
            tuple(declared.classifiers.get(name, ())),
            declared.scored.get(name),
        )
    return Parts(model, inputs, heads, tuple(declared.attention))


def kept_on(model: keras.Model, key: Hashable, make: Callable[[], Found]) -> Found:
    """What `make` gives, made once for a model and kept with it: it goes when the model does.

    Args:
        key: tells what is kept from what else is kept with the same model.
    """
    kept: dict[Hashable, Untyped] = vars(model).setdefault("_mmzoo_kept", {})  # past Keras, which would track it
    if key not in kept:
        kept[key] = make()
    return kept[key]  # type: ignore[no-any-return]


def _last_map(layers: Sequence[keras.layers.Layer], gate: keras.layers.Layer) -> keras.layers.Layer | None:
    """The last of some layers whose output is a map (B, H, W, C)."""
    found = None
    for layer in layers:
        output = layer.output
        if layer is gate or isinstance(output, (list, tuple, dict)):
            continue
        if len(output.shape) == 4 and (output.shape[1] or 0) > 1:
            found = layer
    return found


def _node_of(model: keras.Model, layer: keras.layers.Layer) -> Untyped:
    """Where a layer is called in a model; its own `input` may be in the graph which that model was cut from."""
    return next(node for nodes in model._nodes_by_depth.values() for node in nodes if node.operation is layer)


def layers_between(fused: Fused, logits: Tensor) -> tuple[keras.layers.Layer, ...]:
    """The layers of a head, from what it reads to its logits; those that read the embedding come first."""
    layers = layers_behind([each for each in keras.tree.flatten(tuple(fused)) if each is not None], logits)
    reading = [layer for layer in layers if any(each is fused.embedding for each in keras.tree.flatten(layer.input))]
    return (*reading, *(layer for layer in layers if all(layer is not each for each in reading)))


def layers_behind(given: Sequence[Tensor], tensor: Tensor) -> tuple[keras.layers.Layer, ...]:
    """The layers that a tensor goes through from others, the first ones first."""
    found = _operations([tensor], given)
    return tuple(each for each in found.values() if isinstance(each, keras.layers.Layer))[::-1]


def _operations(tensors: Sequence[Tensor], given: Sequence[Tensor] = ()) -> dict[int, keras.Operation]:
    """All operations of the graph that some tensors come from, by their ids, the last ones first.

    Args:
        given: tensors behind which the graph is not followed.
    """
    ends = {id(tensor) for tensor in given}
    found: dict[int, keras.Operation] = {}
    waiting = list(tensors)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in ends:
            continue
        operation, node, _ = tensor._keras_history
        if id(operation) not in found:
            found[id(operation)] = operation
            waiting += operation._inbound_nodes[node].input_tensors
    return found
