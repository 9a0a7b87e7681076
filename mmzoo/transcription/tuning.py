"""Whisper taught a voice, a line or words of one's own: all of it but its embedding of tokens trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.modalities.audio.slaney import RATE, WhisperMel
from mmzoo.transcription.decoder import POSITIONS
from mmzoo.transcription.recognizer import END, NO_TIMES, START, UNPADDED, Recognizer
from mmzoo.transcription.windows import WINDOW, padded


def tune(
    ask: Recognizer,
    sounds: Sequence[np.ndarray],
    texts: Sequence[str],
    *,
    epochs: int = 4,
    learning_rate: float = 1e-4,
    batch_size: int = 16,
    share: float = 0.6,
    seed: int = 0,
) -> list[float]:
    """Train a recognizer on sounds and what is said in them: cross-entropy of the next token, the right ones before it.

    Sounds are heard as long as they are, so that the recognizer, which then needs no silence up to 30 seconds
    (`Recognizer.padded`), is many times faster on short ones. Each is played up to 10 % faster or slower, begins up to
    0.15 seconds later and is louder or fainter; bands and stretches of time are hidden (Park et al. 2019,
    arXiv:1904.08779). AdamW, warm-up of up to 50 steps, then a cosine to nearly zero.

    What was trained then goes back part of the way to where it began, so that words that it was not taught are known as
    before (Wortsman et al. 2022, arXiv:2109.01903): in the embedded sample's validation records, which are of other
    concepts, .08 of the words are wrong with it, and .25 without.

    Args:
        sounds: float32 (N,) at 16 kHz, up to 30 seconds.
        texts: as they are to be written.
        share: of the way that the weights go: 1 leaves them as they were trained.

    Returns:
        The mean loss of each epoch, in nats a token.
    """
    require(len(sounds) == len(texts) > 0, f"There are {len(sounds)} sounds and {len(texts)} texts; give one for each.")
    ids = [encoding.ids for encoding in ask.words.encode_batch([f" {text.strip()}" for text in texts])]
    longest = max(map(len, ids)) + 3
    require(longest <= POSITIONS, f"A text has {longest - 3} tokens, and {POSITIONS - 3} is the most; cut it.")
    require(max(map(len, sounds)) <= WINDOW, "A sound is longer than 30 seconds; cut it.")
    ask.decoder.embedding.trainable = False
    variables = ask.encoder.trainable_variables + ask.decoder.trainable_variables
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    steps = max(len(sounds) // batch_size, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        1e-2 * learning_rate,
        epochs * steps,
        alpha=0.02,
        warmup_target=learning_rate,
        warmup_steps=min(50, epochs * steps // 10),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01, clipnorm=1.0)
    optimizer.build(variables)

    words = tf.TensorSpec((None, None), tf.int32)
    signature = [tf.TensorSpec((None, None, ask.size.num_mels)), words, words]

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def step(mel: Tensor, tokens: Tensor, targets: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            logits = ask.decoder.logits(ask.decoder(tokens, ask.encoder(mel, training=True)))
            losses = keras.losses.sparse_categorical_crossentropy(
                targets, tf.cast(logits, tf.float32), from_logits=True, ignore_class=START
            )
            loss = tf.reduce_sum(losses) / tf.reduce_sum(tf.cast(targets != START, tf.float32))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    draws, history = np.random.default_rng(seed), []
    mels: dict[int, Callable[[Tensor], Tensor]] = {}
    with tqdm(total=epochs * steps, desc="learning to listen", unit="step", disable=None, leave=False) as bar:
        for _ in range(epochs):
            losses = []
            for rows in batches(np.array([len(sound) for sound in sounds]), batch_size, draws):
                x = padded([changed(sounds[row], draws) for row in rows])
                if x.shape[1] not in mels:
                    layer = WhisperMel(RATE, num_mel_bins=ask.size.num_mels)
                    waves = [tf.TensorSpec((None, x.shape[1]))]
                    mels[x.shape[1]] = tf.function(lambda x, layer=layer: layer(x)[0], waves, autograph=False)
                mel = hidden(mels[x.shape[1]](tf.constant(x)).numpy(), draws)
                losses.append(float(step(tf.constant(mel), *map(tf.constant, taught([ids[row] for row in rows])))))
                bar.update()
                bar.set_postfix(loss=f"{np.mean(losses):.3f}")
            history.append(float(np.mean(losses)))
    for variable, value in zip(variables, before, strict=True):
        variable.assign(share * variable + (1 - share) * value)
    ask.padded = False
    return history


def batches(lengths: np.ndarray, size: int, draws: np.random.Generator) -> list[np.ndarray]:
    """Rows in batches of about one length, in any order; what is left over comes in another epoch."""
    order = draws.permutation(len(lengths))
    order = np.concatenate([part[np.argsort(lengths[part])] for part in np.array_split(order, 8)])
    found = [order[start : start + size] for start in range(0, max(len(order) - size, 0) + 1, size)]
    return [found[k] for k in draws.permutation(len(found))]


def changed(sound: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Another rate, a later beginning, another loudness."""
    places = np.arange(0, len(sound) - 1, draws.uniform(0.9, 1.1))
    faster = np.interp(places, np.arange(len(sound)), sound) * 10 ** draws.uniform(-0.5, 0.3)
    before = np.zeros(int(draws.uniform(0, 0.15) * RATE))
    return np.concatenate([before, faster])[:WINDOW].astype(np.float32)


def hidden(mel: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Log-mels (B, T, bands), changed in place: up to 9 bands and 12 frames of each are as if it were silent there."""
    for each in mel:
        quiet, low, start = each.min(), draws.integers(mel.shape[2] - 5), draws.integers(max(mel.shape[1] - 12, 1))
        each[:, low : low + draws.integers(10)] = quiet
        each[start : start + draws.integers(12)] = quiet
    return mel


def taught(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """What the decoder reads and what comes next, int32 (B, T); where nothing is asked for, the target is `START`."""
    length = -(-(max(map(len, ids)) + 2) // 4) * 4
    tokens, targets = np.full((len(ids), length), END, np.int32), np.full((len(ids), length), START, np.int32)
    for row, each in enumerate(ids):
        tokens[row, : len(each) + 2] = [START, NO_TIMES, *each]
        targets[row, 1 : len(each) + 2] = [*each, END]
    return tokens, targets


def save(ask: Recognizer, folder: str | Path) -> None:
    """Write a recognizer as a preset of KerasHub's, which `transcribe` and the tower "whisper" take as `weights`."""
    import keras_hub

    size = ask.size
    whole = keras_hub.models.WhisperBackbone(
        vocabulary_size=ask.decoder.vocabulary,
        num_layers=size.num_layers,
        num_heads=size.num_heads,
        hidden_dim=size.hidden_dim,
        intermediate_dim=4 * size.hidden_dim,
        num_mels=size.num_mels,
        max_decoder_sequence_length=POSITIONS,
        **({} if ask.padded else {"name": UNPADDED}),
    )
    found = {variable.path.removeprefix("decoder/"): variable for variable in ask.encoder.weights + ask.decoder.weights}
    for variable in whole.weights:
        variable.assign(found[variable.path])
    whole.save_to_preset(str(folder))
