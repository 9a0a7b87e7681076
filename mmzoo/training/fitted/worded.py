"""What pictures and texts say in the words of classes is fitted before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.choice import Tower
from mmzoo.data.records import Records
from mmzoo.errors import require
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model
from mmzoo.layers.nearness import Worded, WordedByClasses
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.common.class_words import as_one, word_space
from mmzoo.training.feeds.feed import Feed

if TYPE_CHECKING:
    import keras

    from mmzoo.graph.build import Multimodal

MOST = 20_000  # records that are looked at


def word(model: keras.Model, spec: Spec, feed: Feed, task: Task, whole: Multimodal) -> bool:
    """Set the weights of a task's layers `Worded`; has it some?

    Args:
        model, whole: as `mmzoo.training.fitted.start.start_vectors` takes them.

    Raises:
        MMZooError: no picture's tower knows classes, there is no text, or texts have several towers.
    """
    heads = model.parts.heads[task.name].single
    layers = {name: each for name, found in heads.items() for each in found if isinstance(each, Worded)}
    if not layers:
        return False
    pictures = {name: each for name, each in layers.items() if isinstance(each, WordedByClasses)}
    texts = {name: each for name, each in layers.items() if name not in pictures}
    require(
        pictures,
        f"Task '{task.name}' has class_words, and no picture of it has a tower that knows classes by name and is "
        "frozen, such as 'efficientnet_lite1' with its own weights; give one such a tower, or leave class_words out.",
    )
    towers = {str(Tower.of(item.tower)) for item in spec.inputs if item.name in texts}
    require(
        len(towers) == 1,
        f"The texts {' and '.join(texts)} of task '{task.name}' have several towers, and what one says cannot be "
        "compared with what the other does; give them one tower, or leave class_words out.",
    )
    examples, _ = feed.sample(MOST)
    features = {name: model.parts.arguments(layer)[0] for name, layer in layers.items()}
    outputs = run_model(model.parts.cut(model.input, {**features, PRESENT: model.parts.present}), examples)
    here = {name: outputs[name][outputs[PRESENT][:, spec.input_names.index(name)]] for name in layers}
    read = {name: [each.read() for each in model.parts.inputs[name].classifiers] for name in pictures}
    names = next(iter(read.values()))[0][0]
    print(f"Saying {' and '.join(layers)} in the words of {len(names):,} classes.", flush=True)
    text = next(iter(texts))
    said = embed(whole, Records({text: list(names)}), inputs=[text], towers=True)[text]
    space = word_space({name: here[name] for name in texts}, np.nan_to_num(said), texts[text].units)
    for name, layer in texts.items():
        layer.set_weights([space.centres[name], space.kernel])
    for name, layer in pictures.items():
        places = [each.place for each in model.parts.inputs[name].classifiers]
        given = [(place, kernel, bias) for place, (_, kernel, bias) in zip(places, read[name], strict=True)]
        layer.set_weights([*as_one(given, here[name]), space.words])
    return True
