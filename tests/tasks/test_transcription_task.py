"""Texts that are read off frames: the loss against a dynamic programme, the answers against plain Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.inference.running import run_model
from mmzoo.labels import encode_labels
from mmzoo.layers.ctc import FrameReader, ctc_loss
from mmzoo.tasks.common.written import writes
from mmzoo.tasks.transcription import Transcription

RATE = 8000
TONES = {"low": 300, "mid": 900, "high": 2400}


def minus_log_likelihood(log_probs: np.ndarray, ids: list[int]) -> float:
    """Equations 6 to 8 of Graves et al. 2006 in float64: the sum over all paths, frame by frame."""
    states = [0, *(part for token in ids for part in (token, 0))]
    reached = np.full(len(states), -np.inf)
    reached[:2] = log_probs[0, states[:2]]
    for frame in log_probs[1:]:
        before, reached = reached, np.full(len(states), -np.inf)
        for s, token in enumerate(states):
            ways = [before[s], *before[max(s - 1, 0) : s]]
            if s > 1 and token and token != states[s - 2]:
                ways.append(before[s - 2])
            reached[s] = np.logaddexp.reduce(ways) + frame[token]
    return -float(np.logaddexp.reduce(reached[-2:]))


def test_the_loss_is_that_of_all_paths() -> None:
    """Also of repeated tokens, of frames that are not real, and of a text that is too long for its frames."""
    rng = np.random.default_rng(0)
    reader = FrameReader(5, 6, dropout=0.0)
    values, real = rng.normal(size=(4, 9, 3)).astype(np.float32), np.arange(9)[None] < [[9], [6], [4], [3]]
    ids = np.array([[1, 2, 2, 4, 0, 0], [3, 3, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0]])
    reader.build(values.shape, real.shape)
    with tf.GradientTape() as tape:
        log_probs = reader.taught(tf.constant(values), tf.constant(real), tf.constant(ids))
        found = ctc_loss(tf.constant(ids, tf.int32), log_probs)
    logits = values @ reader.logits.kernel.numpy().astype(np.float64)
    right = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    for row in range(3):
        tokens = [token for token in ids[row] if token]
        wanted = minus_log_likelihood(right[row, real[row]], tokens.copy()) / len(tokens)
        assert found[row].numpy() == pytest.approx(wanted, rel=1e-4)
    assert found[3] == 0.0, "three of one token need five frames"
    slope = tape.gradient(found, reader.logits.kernel)
    assert np.isfinite(slope).all() and np.abs(slope).max() > 1e-3


def test_what_the_likeliest_frames_say() -> None:
    rng = np.random.default_rng(1)
    reader = FrameReader(4, 5)
    values, real = (
        rng.normal(size=(40, 12, 4)).astype(np.float32) * 3,
        np.arange(12)[None] < rng.integers(1, 13, (40, 1)),
    )
    reader.build(values.shape, real.shape)
    reader.logits.set_weights([np.eye(4, dtype=np.float32), np.zeros(4, np.float32)])
    found = np.asarray(reader(tf.constant(values), tf.constant(real)))
    for row in range(40):
        frames = values[row, real[row]].astype(np.float64)
        path = frames.argmax(axis=1)
        said = [token for k, token in enumerate(path) if token and (k == 0 or token != path[k - 1])][:5]
        assert found[row, :-1].tolist() == said + [0] * (5 - len(said))
        sure = (frames.max(axis=1) - np.log(np.exp(frames).sum(axis=1))).sum()
        assert found[row, -1] == pytest.approx(sure, rel=1e-4)


def sounds(count: int, seed: int) -> Records:
    """Two or three tones one after the other, and what they are called."""
    rng = np.random.default_rng(seed)
    waves, texts = [], []
    for _ in range(count):
        names = rng.permutation(list(TONES))[: rng.integers(2, 4)]
        time = np.arange(int(RATE * 0.3)) / RATE
        gap = np.zeros(int(RATE * 0.05), np.float32)
        waves.append(np.concatenate([part for n in names for part in (0.3 * np.sin(2 * np.pi * TONES[n] * time), gap)]))
        texts.append(" ".join(names))
    return Records({"sound": [wave.astype(np.float32) for wave in waves], "said": texts})


def spec_of(**options: object) -> mmzoo.Spec:
    tower = mmzoo.Tower("spectrogram_cnn", filters=[8, 8, 8, 8], augment=0.0)
    sound = mmzoo.Audio("sound", sample_rate=RATE, seconds=1.2, tower=tower, augmentations=[])
    task = Transcription("said", **{"tokens": 6, "tokenizer": "words", **options})  # type: ignore[arg-type]
    return mmzoo.Spec([sound], "concat", [task], dim=32)


@pytest.mark.long
def test_it_learns_what_is_heard_and_is_exported_whole(tmp_path: Path) -> None:
    """In the order in which it is heard, without being told where; and a .tflite of builtins says the same."""
    training = mmzoo.Training(epochs=6, batch_size=8, learning_rate=1e-2, ema_decay=0.9)
    run = mmzoo.train(spec_of(), sounds(96, 0), sounds(24, 1), training=training, out=tmp_path / "run")
    new = sounds(24, 2)
    metrics = run.evaluate(new)["metrics"]
    assert metrics["wer"] < 0.1, metrics
    answer = run.predict({"sound": new.column("sound")[0]})["said"]
    assert answer["text"] == new.column("said")[0] and answer["log_prob"] < 0
    inputs = decode(run.spec, new)
    nothing = run_model(run.model, {**inputs, "present": inputs["present"] & False})["said"]
    assert not nothing.any()
    Serving(run.model, batch=1).save(tmp_path / "model", "serve_tensors")
    (tmp_path / "model.tflite").write_bytes(converted(str(tmp_path / "model")))
    from ai_edge_litert.interpreter import Interpreter

    lite = Interpreter(model_path=str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    wanted = run_model(run.model, inputs)["said"]
    for row in range(3):
        example = {name: each[row : row + 1] for name, each in inputs.items()}
        found = lite(**{**example, "present": example["present"].astype(np.uint8)})["said"]
        np.testing.assert_array_equal(found[:, :-1], wanted[row : row + 1, :-1])
        np.testing.assert_allclose(found[:, -1], wanted[row : row + 1, -1], atol=1e-3)


def test_what_cannot_be_read() -> None:
    spec = spec_of(tokens=200).fit(sounds(8, 0))
    with pytest.raises(MMZooError, match=r"reads up to 200 tokens off the \d+ that the tower of input 'sound' gives"):
        mmzoo.build(spec)
    sound, task = spec.inputs[0], Transcription("said")
    with pytest.raises(MMZooError, match="reads one input, and 2 of the spec are sounds; name it"):
        mmzoo.Spec([sound, replace(sound, name="other")], "concat", [task])
    with pytest.raises(MMZooError, match="no input for task 'said' called 'smell'"):
        mmzoo.Spec([sound], "concat", [replace(task, input="smell")])
    with pytest.raises(MMZooError, match="has no vocabulary yet"):
        mmzoo.build(spec_of())


def test_it_reads_one_input_whatever_is_fused() -> None:
    """Also under a fusion of answers; and without that input nothing is left of it."""
    spec = replace(spec_of(), fusion="decision_mean").fit(sounds(8, 0))
    assert spec.tasks[0].input == "sound"  # type: ignore[attr-defined]
    assert mmzoo.build(spec).output["said"].shape == (None, 7)
    assert spec.tasks[0].left_with(["other"]) is None
    assert mmzoo.Spec.from_json(spec.to_json()) == spec
    labels = encode_labels(spec.tasks, Records({"sound": [None], "said": ["low high"]}))["said"]
    (task,) = spec.tasks
    assert writes(task)
    assert labels.shape == (1, 6 + task.label_bytes) and (task.label_ids(labels) > 0).sum() == 2
