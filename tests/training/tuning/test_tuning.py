"""Ways to tune: what they change, how fast, and from when; stopped or not."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import split
from mmzoo.training.stopping import Interrupted
from mmzoo.training.trainer import Trainer
from mmzoo.tuning import tuning
from mmzoo.tuning.model import tune
from mmzoo.tuning.parts import into_blocks, tuned_towers, variables_of
from tests.conftest import small_records, small_spec
from tests.training.tuning.case import PICTURES, SPEC, moved, settings, trainer_of, values


def train(out: Path, way: str, **changes: Any) -> mmzoo.Run:
    return mmzoo.train(SPEC, small_records(12), small_records(6, 1), training=settings(way, **changes), out=out)


def digest(run: mmzoo.Run) -> bytes:
    return (run.folder / "model" / "weights.safetensors").read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("way", tuning.names())
def test_a_stopped_run_goes_on_to_the_same_bytes(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(tmp_path / "whole", way)
    said = re.search(r"([\d,]+) of ([\d,]+) parameters train", capsys.readouterr().out)
    assert said is not None
    trained, total = (int(number.replace(",", "")) for number in said.groups())
    assert 0 < trained < total
    assert mmzoo.Training.from_json(json.loads(json.dumps(settings(way).to_json()))) == settings(way)
    real, done = Trainer.run, 0

    def stopping(self: Trainer, batches: Any, count: int) -> Any:
        nonlocal done
        found = real(self, batches, count)
        done += count
        if done >= 5:
            signal.raise_signal(signal.SIGINT)
            monkeypatch.setattr(Trainer, "run", real)
        return found

    monkeypatch.setattr(Trainer, "run", stopping)
    with pytest.raises(Interrupted):
        train(tmp_path / "stopped", way, steps_per_execution=2)
    assert digest(train(tmp_path / "stopped", way, steps_per_execution=2)) == digest(whole)


def test_bias_moves_biases_only() -> None:
    trainer, batches, _ = trainer_of(SPEC, settings("bias"))
    towers = [v for tower in tuned_towers(trainer.model, ["words"]) for v in variables_of(tower)]
    before = values(towers)
    trainer.run(batches, 4)
    biases = {v.path for v in towers if v.name in ("bias", "beta")}
    # The bias of a key moves nothing: it adds the same to all scores of a query.
    assert {path for path in biases if "/key/" not in path} <= moved(towers, before) <= biases
    assert 0 < len(biases) < len(towers)


def test_layer_decay_has_the_rates_of_the_formula() -> None:
    way = mmzoo.Tune("layer_decay", decay=0.5, blocks=3)
    training = settings("layer_decay", tune=way, tune_inputs=["picture"], learning_rate=0.8, fine_tune_rate=0.25)
    trainer, _, _ = trainer_of(PICTURES, training)
    (tower,) = tuned_towers(trainer.model, ["picture"])
    blocks = into_blocks(tower, 3)
    assert [part for block in blocks for part in block] == tower
    wanted = {
        v.path: 0.8 * 0.25 * 0.5 ** (3 - number) for number, block in enumerate(blocks, 1) for v in variables_of(block)
    }
    peaks = {v.path: float(optimizer._learning_rate(10)) for optimizer, variables in trainer.groups for v in variables}
    whole = float(trainer.groups[0][0]._learning_rate(10))
    fraction = whole / 0.8  # of the peak, ten steps on
    assert {path: pytest.approx(rate * fraction) for path, rate in wanted.items()} == {
        path: peaks[path] for path in wanted
    }
    assert all(rate == whole for path, rate in peaks.items() if path not in wanted)


@pytest.mark.long
def test_gradual_begins_with_each_block_in_its_epoch() -> None:
    """Two blocks, two epochs each: heads at once, the last block in the third epoch, the first in the fifth."""
    training = settings("gradual", tune=mmzoo.Tune("gradual", blocks=2, epochs=2), tune_inputs=["picture"], epochs=6)
    trainer, batches, _ = trainer_of(PICTURES, training)
    (tower,) = tuned_towers(trainer.model, ["picture"])
    blocks = into_blocks(tower, 2)
    found = []
    for epoch in range(6):
        before = values(trainer.model.trainable_variables)
        trainer.begin(epoch)
        trainer.run(batches, 3)
        changed = moved(trainer.model.trainable_variables, before)
        found.append([bool({v.path for v in variables_of(block)} & changed) for block in blocks])
        assert any(path.startswith("animal") for path in changed)
    no, one, both = [False, False], [False, True], [True, True]
    assert found == [no, no, one, one, both, both]


def test_pretrained_blocks_are_what_is_tuned_if_no_input_is_named() -> None:
    tower = mmzoo.Tower("efficientnet_lite0", weights="imagenet", trainable_blocks=2)
    spec = small_spec(inputs=[mmzoo.Image("picture", size=32, tower=tower), *small_spec().inputs[1:2]])
    trainer, _, model = trainer_of(spec, settings("bias", tune_inputs=[]))
    block = model.get_layer("picture.pretrained")
    tuned = {v.path for v in trainer.variables} & {v.path for v in block.trainable_variables}
    assert tuned == {v.path for v in block.trainable_variables if v.name in ("bias", "beta")}
    others = {v.path for v in trainer.model.trainable_variables} - {v.path for v in block.trainable_variables}
    assert others <= {v.path for v in trainer.variables}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tune_inputs": []}, r"No tower of this model has pretrained blocks.*tune_inputs=\[\"words\"\]"),
        ({"tune_inputs": ["sound"]}, "There is no input called 'sound'"),
        ({"tune": mmzoo.Tune("lora", only=["nowhere"])}, "has no kernel with nowhere in its path"),
        (
            {"tune": mmzoo.Tune("gradual", blocks=1, epochs=4)},
            "would begin with its last block after epoch 4.*fewer blocks",
        ),
    ],
)
def test_what_cannot_be_tuned(changes: dict[str, Any], words: str) -> None:
    model = split(mmzoo.build(SPEC)).rest
    with pytest.raises(MMZooError, match=words):
        tune(model, settings(**{"way": "lora", **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tune": "lore"}, "Did you mean 'lora'"),
        ({"tune": mmzoo.Tune("lora", rank=0)}, "'rank' of way to tune 'lora' must be a whole number from 1 to 4096"),
        ({"tune": mmzoo.Tune("lora", ranks=3)}, "Did you mean 'rank'"),
        ({"tune_inputs": "picture"}, "is a list of inputs' names"),
    ],
)
def test_bad_settings(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        mmzoo.Training(**changes)
