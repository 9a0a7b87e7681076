"""Whisper as a whole: sounds of up to 30 seconds to what is said in them, with the weights that pip can install."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops
from tokenizers import Tokenizer

from mmzoo.aliases import Tensor, Tree
from mmzoo.decoding import Beam, Greedy, decode
from mmzoo.errors import require
from mmzoo.files.limits import MAX_JSON
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.slaney import RATE, WhisperMel
from mmzoo.towers.hub import load_preset
from mmzoo.towers.whisper import FILE, LONGEST, RULES, SIZES, TINY_EN, VOCABULARY, Size, network, read_array
from mmzoo.transcription.decoder import POSITIONS, Decoder
from mmzoo.weights import find
from mmzoo.weights.ctranslate2_format import read_ctranslate2
from mmzoo.weights.reading import read_published

END, START, NO_SPEECH, NO_TIMES = 50256, 50257, 50361, 50362
"""Ids: the end of a text; its beginning; and, behind that, that nothing is said, and that no times are asked for. Words
are below them."""
VOCABULARY_SIZE = 51864
UNPADDED = "whisper_unpadded"
"""How a preset is called that was tuned on sounds without silence behind them."""
MOST = POSITIONS // 2
"""Tokens of an answer, as in Whisper: half of the places are left for what was said before, which is not given here."""


class Heard(NamedTuple):
    """What is said in a sound of up to 30 seconds, the logarithm of its probability, summed over its tokens, and the
    probability that nothing is said in it.
    """

    text: str
    log_prob: float
    tokens: int
    no_speech: float = 0.0


class Recognizer:
    """Encoder, decoder and vocabulary of an English Whisper, ready to be asked.

    padded: does it need silence up to 30 seconds behind a short sound? As it was trained by its makers it does: of a
        short sound alone it says words again and again. One that was tuned on short ones (`tuning.tune`) does not.

    Args:
        weights: "tiny.en", or the folder of a preset of KerasHub's with the same vocabulary.
    """

    def __init__(self, weights: str = TINY_EN.name) -> None:
        files = find(TINY_EN.name, "whisper")
        tensors: dict[str, np.ndarray]
        self.padded = True
        if weights in SIZES:
            tensors = read_ctranslate2(files[FILE], "WhisperSpec")
            self.size, count = SIZES[weights], len(tensors["decoder/embeddings/weight"])
        else:
            whole = load_preset("WhisperBackbone", weights, Audio("sound"))
            self.size, count = Size(*(getattr(whole, name) for name in Size._fields)), whole.vocabulary_size
            require(
                count == VOCABULARY_SIZE,
                f"The weights '{weights}' are of {count} tokens, and English alone has {VOCABULARY_SIZE}; give others.",
            )
            tensors, self.padded = {variable.path: variable for variable in whole.weights}, whole.name != UNPADDED
        self.encoder = network(self.size, LONGEST * RATE // 320, shorter=True)
        self.decoder = Decoder(self.size, count)
        self.decoder.build()
        for variable in self.encoder.weights + self.decoder.weights:
            path = variable.path.removeprefix("decoder/")
            variable.assign(read_array(path, variable.shape, tensors) if weights in SIZES else tensors[path])
        self.words = Tokenizer.from_buffer(read_published(files[VOCABULARY], MAX_JSON, "vocabulary"))
        rules = json.loads(read_published(files[RULES], MAX_JSON, "vocabulary's rules"))
        self.never = forbidden(
            self.decoder.vocabulary, [*rules["suppress_ids"], *range(START, self.decoder.vocabulary)]
        )
        self.first = forbidden(self.decoder.vocabulary, rules["suppress_ids_begin"])
        self._step = tf.function(self._log_probs, reduce_retracing=True, autograph=False)
        self._starts: dict[tuple[int, int], Callable[[Tensor], Tree]] = {}

    def __call__(self, waves: np.ndarray, *, beams: int = 1, most: int = MOST) -> list[Heard]:
        """What is said in each of some sounds of one length.

        Args:
            waves: float32 (B, N) in -1..1 at 16 kHz, N up to 30 seconds, then zeros.
            beams: hypotheses; 1 takes the likeliest token each time.
            most: tokens of an answer at most.
        """
        (read, heard), silent = self._start(waves, most + 1)
        kept: dict[int, Tree] = {}

        def step(tokens: np.ndarray, caches: Tree, position: int) -> tuple[Tensor, Tree]:
            rows = len(tokens) // len(waves)
            if rows not in kept:
                kept[rows] = [tf.repeat(layer, rows, axis=0) for layer in heard]
            found = self._step(tf.constant(tokens), tf.convert_to_tensor(caches), kept[rows], tf.constant(position))
            return found[0], found[1]

        how = Greedy() if beams == 1 else Beam(beams)
        found = decode(step, read, np.full(len(waves), NO_TIMES), end=END, most=most, start=1, how=how)
        texts = self.words.decode_batch([ids.tolist() for ids in found.sequences])
        lengths = found.lengths + found.ended
        return [
            Heard(text.strip(), float(log_prob), int(length), float(none))
            for text, log_prob, length, none in zip(texts, found.log_probs, lengths, silent, strict=True)
        ]

    def _start(self, waves: np.ndarray, longest: int) -> Tree:
        """The decoder's caches of what was read, the first token, and of what was heard; and how likely it is, (B,),
        that nothing is said, which it tells behind that token.
        """
        key = waves.shape[1], longest
        if key not in self._starts:
            mel = WhisperMel(RATE, num_mel_bins=self.size.num_mels)

            def start(x: Tensor) -> Tree:
                heard = self.encoder(mel(x)[0], training=False)
                first, caches = self.decoder.start(tf.fill((tf.shape(x)[0], 1), START), heard, longest)
                silent = ops.softmax(ops.cast(self.decoder.logits(first), "float32"))[:, NO_SPEECH]
                return caches, silent

            signature = [tf.TensorSpec((None, waves.shape[1]), tf.float32)]
            self._starts[key] = tf.function(start, signature, autograph=False).get_concrete_function()
        return self._starts[key](tf.constant(waves))

    def _log_probs(self, tokens: Tensor, read: Tree, heard: Tree, position: Tensor) -> tuple[Tensor, Tree]:
        hidden, read = self.decoder.step(tokens, read, heard, position)
        logits = ops.cast(self.decoder.logits(hidden), "float32") + self.never
        log_probs: Tensor = ops.log_softmax(ops.where(position == 1, logits + self.first, logits))
        return log_probs, read


def forbidden(count: int, ids: list[int]) -> np.ndarray:
    """What is added to the logits of a vocabulary so that some of its tokens never come, float32 (count,)."""
    found = np.zeros(count, np.float32)
    found[ids] = -np.inf
    return found


@lru_cache(maxsize=1)
def recognizer(weights: str = TINY_EN.name) -> Recognizer:
    """The one of this process, with the weights that it was last asked for.

    Raises:
        MMZooError: its weights are not installed, or changed.
    """
    return Recognizer(weights)
