"""Run by test_training_strategy.py, alone or as one of several workers: its arguments are FOLDER EPOCHS [EXCHANGE]."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import keras

import mmzoo
import mmzoo.training.fit
from mmzoo.errors import MMZooError
from mmzoo.training.distribution.strategy import strategy_of
from mmzoo.training.stopping import Interrupted
from tests.conftest import small_records, small_spec
from tests.training.distribution.replicas import no_dropout


def comparable(spec: mmzoo.Spec) -> keras.Model:
    """A model that does not draw, and without batch statistics: what is left must not depend on who computes it."""
    model = mmzoo.build(spec)
    no_dropout(model)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return model


class Slow(keras.callbacks.Callback):
    """A run that lasts long enough to be ended from outside."""

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        time.sleep(0.02)


def main(folder: Path, epochs: int, allreduce_dtype: str = "float32") -> int:
    index = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
    folder.with_name(f"pid-{index}").write_text(str(os.getpid()))
    mmzoo.training.fit.build = comparable
    spec = small_spec().subset(["picture", "words"])
    training = mmzoo.Training(epochs=epochs, batch_size=4, steps_per_execution=2, allreduce_dtype=allreduce_dtype)
    try:
        mmzoo.train(
            spec,
            small_records(24),
            training=training,
            out=folder,
            strategy=strategy_of(public=True),
            callbacks=[Slow()],
        )
    except MMZooError as error:
        print(f"mmzoo: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        return stop.code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
