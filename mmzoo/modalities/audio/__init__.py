"""Audio: any file that libsndfile reads, or an array, to a float32 waveform (rate * seconds,)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Shape, Tensor
from mmzoo.choice import Tower
from mmzoo.errors import check_number, require, require_data, unknown
from mmzoo.messages.truncation import count_truncations, note_truncation
from mmzoo.modalities import modalities
from mmzoo.modalities.arrays import read_array
from mmzoo.modalities.audio.corruption import CORRUPTIONS
from mmzoo.modalities.audio.guessing import HIGHEST_GUESS, usual_extent
from mmzoo.modalities.audio.maps import sound_map, spectrum_png
from mmzoo.modalities.audio.occlusion import quiet, stretches, tiles
from mmzoo.modalities.audio.rebuilding import Spectrogram
from mmzoo.modalities.audio.sounds import read_sound, to_wav
from mmzoo.modalities.audio.vectorizer import log_mel, sound_vector
from mmzoo.modalities.audio.waveforms import LOUDEST, mono, waveform, with_rate
from mmzoo.modalities.base import Modality, padded
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.files import FILES, unwrapped
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.vectorizer import Each
from mmzoo.modalities.widgets import Widget
from mmzoo.weights import is_installed, weights

FEATURES = ("log_mel", "mfcc")


@modalities.register("audio")
@dataclass(frozen=True)
class Audio(Modality):
    """A sound. The decoded example is float32 (sample_rate * seconds,), mono, then zeros.

    Trailing zeros are padding, wherever they come from: digital silence at the
    end says nothing, so it is masked. A sound of no samples counts as absent.

    Args:
        features: what most towers make of the waveform, in the graph: "log_mel", or "mfcc", the
            first half of its cosine transform.
        bands: mel bands.
        frames: 0, or how many frames of `num_mel_bins` numbers were computed elsewhere and are
            given in the waveform's place: the example is float32 (frames, num_mel_bins), then zeros.
    """

    sample_rate: int = 16000
    seconds: float = 2.0
    features: str = "log_mel"
    num_mel_bins: int = 40
    frames: int = 0
    tower: Tower | str = "spectrogram_cnn"
    kind: ClassVar[str] = "audio"
    usual: ClassVar[tuple[str, ...]] = ("time_shift", "gain")
    colour: ClassVar[str] = "#b35c00"
    # The last five are read by PyAV (`pip install 'mmzoo[video]'`), the others by libsndfile.
    endings: ClassVar[tuple[str, ...]] = (
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"),
        *(".w64", ".rf64", ".m4a", ".aac", ".mka", ".weba", ".wma"),
    )
    foreign: ClassVar[dict[str, str]] = dict.fromkeys(
        (".amr", ".ape", ".mid", ".midi", ".ra"), "convert it to WAV or FLAC"
    )
    starts: ClassVar[tuple[bytes, ...]] = (
        rb"RIFF.{4}WAVE|RF64|fLaC|OggS|ID3[\x02-\x04]|\xff[\xfb\xf3\xf2\xfa]|FORM.{4}AIF[FC]|\.snd|caff",
        rb".{4}ftypM4A",
    )
    array_axes: ClassVar[int] = 1
    is_sequence: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    axes: ClassVar[tuple[int, ...]] = (1, 2)
    closeness: ClassVar[float] = 1.0  # dB
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

    def __post_init__(self) -> None:
        if self.frames and self.augmentations is None:
            object.__setattr__(self, "augmentations", ())  # those that there are change waveforms
        super().__post_init__()
        check_number(f"The sample_rate of audio '{self.name}'", self.sample_rate, 1000, 48000, whole=True)
        check_number(f"The seconds of audio '{self.name}'", self.seconds, 0.1, 60)
        check_number(f"The mel bins of audio '{self.name}'", self.num_mel_bins, 4, 256, whole=True)
        check_number(f"The frames of audio '{self.name}'", self.frames, 0, 10_000, whole=True)
        require(
            not (self.frames and self.augmentations),
            f"Audio '{self.name}' has frames, but its augmentations change waveforms; leave them out.",
        )
        if self.features not in FEATURES:
            raise unknown(f"kind of features of audio '{self.name}' called", self.features, FEATURES)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.num_mel_bins) if self.frames else (int(self.sample_rate * self.seconds),)

    @property
    def dtype(self) -> str:
        return "float32"

    @property
    def unit(self) -> str:
        return "frames of features, then zeros" if self.frames else "mono samples in -1..1, then zeros"

    @property
    def has_files(self) -> bool:
        return not self.frames

    def decode(self, value: Raw) -> np.ndarray:
        """A path, the bytes of a sound file or of a video with sound, a waveform at the model's rate, or with its rate.

        A waveform is an array or whatever becomes one, (N,), (N, channels) or (channels, N) with up to 64 channels
        where it is clear which; float in -1..1, or integers, which are scaled by their type (see `waveforms.waveform`).
        With its own rate it is `(samples, rate)`, or a dict as Hugging Face's datasets give it, `{"array",
        "sampling_rate"}`; `{"bytes", "path"}` is a file. What is longer than `seconds` is cut, and the log says so.
        With `frames`: an array (any, num_mel_bins) or a .npy file.

        Raises:
            MMZooError: it is none of these, is damaged, or needs PyAV, which is not installed.
        """
        value = unwrapped(value)
        if self.frames:
            return padded(read_array(value, f"audio '{self.name}'", self.num_mel_bins), self.frames)
        samples, seconds = self.heard(value, self.seconds)
        if seconds > self.seconds + 0.1 and isinstance(value, FILES):
            note_truncation(self.name, seconds, self.seconds, "seconds", "seconds", 60)
        return padded(samples, *self.shape)

    def heard(self, value: Raw, seconds: float) -> tuple[np.ndarray, float]:
        """The samples of a sound at the model's rate, float32 (N,), and how long all of it is; see `decode`.

        Args:
            seconds: how much of a file is read at least; an array is whole.
        """
        value, rate = unwrapped(value), float(self.sample_rate)
        if isinstance(value, FILES):
            samples, rate, frames = read_sound(value, seconds + 0.1)  # the resampling filter sees what follows
        else:
            given, rate = with_rate(value, rate, f"'{self.name}'")
            samples = waveform(given, f"'{self.name}'")
            frames = len(samples)
        samples = mono(samples)
        peak = float(np.abs(samples).max(initial=0))
        require_data(
            np.isfinite(peak),
            "not_finite_audio",
            f"Audio '{self.name}' has samples that are not finite numbers; repair the recording or leave it out.",
        )
        require_data(
            peak <= LOUDEST,
            "wrong_scale",
            f"Audio '{self.name}' has samples up to {peak:.3g}, where 1 is full scale; divide them by what theirs is.",
        )
        if rate != self.sample_rate and len(samples):
            import soxr

            samples = soxr.resample(samples, rate, self.sample_rate)
        return samples, frames / rate

    @property
    def array_spec(self) -> tuple[Shape, str]:
        return (self.shape if self.frames else (None,)), self.dtype

    def from_array(self, batch: Tensor) -> Tensor:
        """Waveforms (B, any), cut or padded with zeros."""
        import tensorflow as tf

        if self.frames:
            return batch
        (length,) = self.shape
        batch = batch[:, :length]
        return tf.ensure_shape(tf.pad(batch, [[0, 0], [0, length - tf.shape(batch)[1]]]), (None, length))

    def from_file(self, data: Tensor) -> Tensor:
        """A WAV of 16-bit samples at the model's rate: all that TensorFlow's graph can read."""
        import tensorflow as tf

        wave, rate = tf.audio.decode_wav(data)
        right = f"input '{self.name}' must be a WAV file with {self.sample_rate} samples a second"
        with tf.control_dependencies([tf.debugging.assert_equal(rate, self.sample_rate, right)]):
            return self.from_array(tf.reduce_mean(wave, axis=1)[None])[0]

    def to_file(self, example: np.ndarray) -> bytes:
        """A WAV of 16-bit samples, without the padding at the end."""
        import soundfile

        out = io.BytesIO()
        soundfile.write(out, np.trim_zeros(example, "b"), self.sample_rate, format="WAV", subtype="PCM_16")
        return out.getvalue()

    def prepared(self, value: Raw, lossy: bool) -> bytes:
        """The part that is read, mono and at the model's rate: a WAV of floats, or of 16-bit samples."""
        import soundfile

        if self.frames:
            return self.to_stored(value)
        with count_truncations(self.name, self.kind, 1, told=True):
            samples = np.trim_zeros(self.decode(value), "b")
        out = io.BytesIO()
        soundfile.write(out, samples, self.sample_rate, format="WAV", subtype="PCM_16" if lossy else "FLOAT")
        return out.getvalue()

    @property
    def decoded_in_graph(self) -> bool:
        return not self.frames

    @classmethod
    def holds(cls, value: Raw) -> bool:
        """A waveform with its rate."""
        if not isinstance(value, tuple) or len(value) != 2:
            return False
        wave, rate = value
        return isinstance(rate, (int, float, np.number)) and hasattr(wave, "__len__") and not isinstance(wave, str)

    @classmethod
    def from_cell(cls, value: Raw) -> Raw:
        if isinstance(value, list):
            return np.asarray(value, np.float32)
        return value if isinstance(value, tuple) else super().from_cell(value)

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """As long as nineteen of twenty sounds are, half a second to ten, at the commonest rate up to 16 kHz.

        By Whisper's encoder where it is installed, which knows English speech and hears other sounds as well; else by
        random kernels.
        """
        rate, seconds = usual_extent(values)
        # In neither trains anything but what is behind it, so a few hundred sounds are enough; and computed once it is
        # read in no time.
        if is_installed(weights.get("tiny.en", "whisper")):
            from mmzoo.modalities.audio.slaney import STEP

            rate = rate if rate % STEP == 0 else HIGHEST_GUESS
            return cls(name, sample_rate=rate, seconds=seconds, tower=Tower("whisper"), augmentations=())
        tower = Tower("rocket", dilations=4, dropout=0.6)
        return cls(name, sample_rate=rate, seconds=seconds, tower=tower, augmentations=())

    @classmethod
    def trial(cls, name: str = "value", values: Sequence[object] = ()) -> Self:
        return cls(name, sample_rate=16000, seconds=10)

    def fingerprint(self, example: np.ndarray) -> np.ndarray:
        return sound_map(example)

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        """A waveform with its rate is a WAV file."""
        value = unwrapped(value)
        if isinstance(value, Mapping):
            value = value.get("array"), value.get("sampling_rate")
        if not isinstance(value, tuple):
            return super().to_stored(value)
        cls.trial().check(value)
        return to_wav(*value)

    def widget(self) -> Widget:
        return Widget("file" if self.frames else "sound")

    def shown(self, value: Raw) -> Shown:
        wave = self.decode(value)
        return Shown(sound=self.to_file(wave), picture=spectrum_png(wave, self.sample_rate))

    def explain(self, probe: Probe) -> InputExplanation:
        """Integrated gradients from a quiet clip on the log-mel, and its tiles; else silent stretches of time."""
        caption, at = "when and at which pitch it speaks for the answer (blue) and against it (orange)", probe.spectrum
        if at is None:
            return InputExplanation(self.kind, {"occlusion": stretches(probe)}, caption, shown=probe.example)
        x, mask = probe.at(at)
        assert mask is not None
        shares, gap = probe.integrated_gradients(at, x, quiet(x, mask), mask)
        real = max(int(mask.sum()), 1)
        maps = {"integrated_gradients": shares[:real], "occlusion": tiles(probe, at, x, mask)}
        return InputExplanation(self.kind, maps, caption, gap=gap, shown=x[0, :real], tokens="time")

    def rebuilding(self) -> Spectrogram:
        return Spectrogram(self)

    def vectorizer(self) -> Each:
        """Statistics of the bands of a log-mel spectrogram, or of the frames that are given."""

        def vector(value: Raw) -> np.ndarray:
            example = self.decode(value)
            if self.frames:
                return sound_vector(example[: len(np.trim_zeros(np.abs(example).max(axis=1), "b"))])
            return sound_vector(log_mel(example, self.sample_rate, self.num_mel_bins))

        return Each(vector, f"listening to {self.name}")

    def sequence(self, x: Tensor, width: int) -> Tensor:
        """Frames: log-mel or MFCC in the graph, or those that were given."""
        from mmzoo.modalities.audio.sequence import frames

        return frames(x, self)
