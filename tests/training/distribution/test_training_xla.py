"""What a TPU needs, tried on the CPU: the step of every recipe compiles as a whole, with static shapes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo import datasets
from mmzoo.data.records import decode
from mmzoo.graph.cut import split
from mmzoo.labels import encode_labels
from mmzoo.recipe import load_recipe, recipe_files
from mmzoo.training.features.compute import compute_features
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.step import prepared
from mmzoo.training.trainer import Trainer

pytestmark = pytest.mark.long  # compiling takes from half a minute to minutes each
BATCH = 4


@pytest.mark.parametrize("name", sorted(recipe_files()))
def test_the_step_compiles(name: str) -> None:
    recipe = load_recipe(name)
    records = datasets.load(recipe.data)[0].take(64)
    image = next((item for item in recipe.spec.inputs if item.name == "image"), None)
    if image is not None and image.tower.options.get("weights") == "imagenet":
        recipe = recipe.changed(["image.tower.weights=null"])
    spec = recipe.spec.fit(records)
    few = records.take(BATCH)
    keras.utils.set_random_seed(0)
    part = split(mmzoo.build(spec))
    features = compute_features(part, spec, decode(spec, few))
    feed = Stream(features, encode_labels(spec.tasks, few), Varied(modality_dropout=0.2), batch_size=BATCH, seed=0)
    rest = prepared(spec, part.rest, recipe.training)
    trainer = Trainer(spec, rest, recipe.training, 10)
    batch = next(iter(feed.batches(range(1))))
    before = [v.numpy() for v in rest.trainable_variables]
    step = tf.function(trainer.learn, jit_compile=True)
    losses = [step(*batch).numpy() for _ in range(2)]  # the first at a rate of 0, from which it rises
    assert np.isfinite(losses).all()
    assert any((v.numpy() != old).any() for v, old in zip(rest.trainable_variables, before, strict=True))
