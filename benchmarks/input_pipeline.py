"""How much of the rate at which pictures can be decoded is left when batches of all modalities are made of files?

    pip install -e ".[benchmark]"   # torch, for the peer
    python benchmarks/input_pipeline.py

Records of a 256 x 256 JPEG, a second of sound at 16 kHz (WAV, 16 bits) and a sentence become batches of 32: pictures
augmented, waveforms, bytes of text, as a model of mmzoo takes them (its log-mel and its tokenizer are inside); and the
same with the log-mel computed in the pipeline. All are rates over the rate of decoding the pictures alone on all
cores, taken in turns in one run of two seconds each, five times; by the clock, and by the seconds of processor that
were used, which other work on the machine changes less. Memory and the time to the first batch for 2,000 and for
200,000 records follow. `--pieces` prints only where the time goes.

On 2 quiet cores (medians; decoding alone gave 4,565 records a second; torch's rate is of another run, with a load of 13
to 17, over the decoding of that run):

                                        by the clock   by processor
    naive, log-mel in the pipeline      0.19           0.24
    mmzoo                               0.65           0.71
    mmzoo, in any order                 0.63           0.71
    mmzoo, log-mel in the pipeline      0.32           0.35
    mmzoo, pictures turned and scaled   0.34           0.37
    mmzoo, RandAugment                  0.29           0.33
    mmzoo, squeezed to 224 px           0.12           0.15
    torch DataLoader, log-mel in it     0.11           0.14

Since then pictures of up to a megapixel are squeezed by Pillow. On 2 cores that little else used (decoding alone 4,175
records a second, mmzoo 0.55 and 0.59): squeezed to 224 px 0.24 and 0.26; prepared at 224 px (`mmzoo data shard
--prepare`, 215 kB a record) 0.35 and 0.51, lossy (58 kB) 0.53 and 0.57. So of pictures as small as these nothing is
gained by preparing but the squeezing; photographs are larger.

First batch after 0.32 s with 2,000 records and 0.35 s with 200,000; over 50 more memory grew by 8 and by 14 MB.

Where the time of a record goes, in milliseconds of processor (`--pieces`): reading and decoding the picture into the
batch 0.26, reading the sound 0.04, the text 0.01, the order 0.02, flip, shift and colour 0.16, shift and gain of the
sound 0.02: 0.51 in all. The limit decodes a picture in 0.30, and reads it and makes batches. The log-mel took 0.66
when the table was made; since it adds up the quarters of its frames 0.36, compiled 0.33 (that day decoding took 0.41).
On a noisy day after that, with decoding alone at 3,040 records a second, it gave 0.38 and 0.42 in the pipeline (mmzoo
without it 0.56 and 0.61, the naive way 0.23 and 0.26).
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.data.shards.folder import read_shards, write_shards
from mmzoo.data.shards.kept import Prepared
from mmzoo.data.table import Source
from mmzoo.modalities.audio.spectrogram import LogMel
from mmzoo.training.feeds.batches import Varied, rows_at, stream

FILES, BATCH, ROUNDS, SECONDS = 256, 32, 5, 2.0


def write(folder: Path) -> tuple[list[str], list[str]]:
    """Photographs in their amount of detail: smooth shapes with grain, about 20 kB each."""
    random = np.random.default_rng(0)
    pictures, sounds = [], []
    for k in range(FILES):
        coarse = Pillow.fromarray(random.integers(0, 256, (12, 12, 3)).astype(np.uint8)).resize(
            (256, 256), Pillow.BICUBIC
        )
        grainy = np.clip(np.asarray(coarse) + random.normal(size=(256, 256, 3)) * 6, 0, 255).astype(np.uint8)
        Pillow.fromarray(grainy).save(folder / f"{k}.jpg", quality=90)
        soundfile.write(folder / f"{k}.wav", random.normal(size=16000) * 0.1, 16000, subtype="PCM_16")
        pictures.append(str(folder / f"{k}.jpg"))
        sounds.append(str(folder / f"{k}.wav"))
    return pictures, sounds


def records(pictures: list[str], sounds: list[str], count: int) -> Records:
    rows = [k % FILES for k in range(count)]
    texts = [f"a sentence of some length, the number is {k}" for k in range(count)]
    return Records({"image": [pictures[k] for k in rows], "sound": [sounds[k] for k in rows], "text": texts})


def spec(size: int = 256, augmentations: tuple[str, ...] = ("flip", "shift", "color_jitter")) -> mmzoo.Spec:
    return mmzoo.Spec(
        [
            mmzoo.Image("image", size=size, augmentations=augmentations),
            mmzoo.Audio("sound", sample_rate=16000, seconds=1.0, num_mel_bins=64),
            mmzoo.Text("text", max_bytes=64),
        ],
        "concat",
        [mmzoo.Binary("label")],
    )


def ours(given: mmzoo.Spec, source: Records, log_mel: bool = False) -> tf.data.Dataset:
    arrays = decode(given, source, memory=0)
    made = stream(arrays, {}, Varied(modality_dropout=0.1), batch_size=BATCH, seed=0)(range(10**6))
    if log_mel:
        mel = tf.function(LogMel(16000, num_mel_bins=64), jit_compile=True, autograph=False)
        made = made.map(lambda x, y: ({**x, "mel": mel(x["sound"])[0]}, y), num_parallel_calls=tf.data.AUTOTUNE)
    return made.prefetch(2)


def decoding(pictures: list[str]) -> tf.data.Dataset:
    """The limit: reading and decoding the pictures alone."""
    data = tf.data.Dataset.from_tensor_slices(pictures).repeat()
    data = data.map(lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.data.AUTOTUNE)
    return data.batch(BATCH).prefetch(2)


def naive(source: Records) -> tf.data.Dataset:
    """What one writes first: each record by itself, in order."""
    layer = LogMel(16000, num_mel_bins=64)

    def one(path: Any, sound: Any, text: Any) -> Any:
        wave = tf.reshape(tf.audio.decode_wav(tf.io.read_file(sound))[0], (1, 16000))
        picture = tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), (224, 224))
        picture = tf.image.random_brightness(tf.image.random_flip_left_right(picture), 30.0)
        return picture, layer(wave)[0][0], tf.io.decode_raw(text, tf.uint8, fixed_length=64)

    columns = tuple(list(source.column(name)) for name in ("image", "sound", "text"))
    return tf.data.Dataset.from_tensor_slices(columns).repeat().map(one).batch(BATCH)


def prepared(source: Records, folder: Path, lossy: bool = False) -> Records:
    """The same records from shards that hold no more than a model of 224 px reads (`mmzoo data shard --prepare`)."""
    rows = source.take(FILES)
    kinds = {"image": "image", "sound": "audio", "text": "text"}
    write_shards(Source("files", {"all": rows}, kinds), folder, prepared=Prepared(spec(224).inputs[:2], lossy))
    size = sum(path.stat().st_size for path in folder.glob("*.tfrecord"))
    print(f"{folder.name}: {size / FILES / 1000:.0f} kB a record")
    return read_shards(folder).select([k % FILES for k in range(len(source))])


def unordered(data: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches in the order in which they are ready."""
    options = tf.data.Options()
    options.deterministic = False
    return data.with_options(options)


def by_torch(source: Records) -> Iterator[Any]:
    """The peer, where it is installed (extra `benchmark`)."""
    from torch_files import loader

    columns = [list(source.column(name)) for name in ("image", "sound", "text")]
    return loader(*columns, BATCH, os.cpu_count() or 1)


def rate(batches: Iterator[Any]) -> tuple[float, float]:
    """Records a second over about `SECONDS`, and records a second of processor: what others do does not count there."""
    started, used, count = time.perf_counter(), processor(), 0
    while time.perf_counter() - started < SECONDS:
        next(batches)
        count += BATCH
    return count / (time.perf_counter() - started), count / (processor() - used)


def processor() -> float:
    """Seconds of all cores that this process and its workers have used."""
    times = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(each.user + each.system for each in times)


def pieces(pictures: list[str], source: Records) -> dict[str, float]:
    """Milliseconds of processor that each part of the work takes for a record: the least of seven trials."""
    chosen = spec()
    arrays = decode(chosen, source, memory=0)
    rows = np.arange(BATCH) * 3
    files = [tf.constant(Path(path).read_bytes()) for path in pictures[:BATCH]]
    keys, all_of_them = tf.range(BATCH, dtype=tf.int64), tf.ones(BATCH, bool)
    image, sound, _ = chosen.inputs
    batch = {name: tf.constant(arrays[name][rows]) for name in ("image", "sound")}
    mel, compiled = (
        tf.function(LogMel(16000, num_mel_bins=64), jit_compile=way, autograph=False) for way in (False, True)
    )
    order = tf.function(lambda step: rows_at(step + tf.range(BATCH, dtype=tf.int64), 2000, 0), autograph=False)
    work: dict[str, Callable[[], Any]] = {
        "pictures decoded by TensorFlow": lambda: [tf.io.decode_jpeg(file, channels=3) for file in files],
        "pictures read and decoded": lambda: arrays["image"][rows],
        "sounds read": lambda: arrays["sound"][rows],
        "texts": lambda: arrays["text"][rows],
        "order": lambda: order(tf.constant(64, tf.int64)),
        "pictures varied": lambda: image.augment(batch["image"], keys, all_of_them),
        "sounds varied": lambda: sound.augment(batch["sound"], keys, all_of_them),
        "log-mel": lambda: mel(batch["sound"]),
        "log-mel, compiled": lambda: compiled(batch["sound"]),
    }
    found = {}
    for what, run in work.items():
        run()
        trials = []
        for _ in range(7):
            started = time.process_time()
            for _ in range(10):
                run()
            trials.append(time.process_time() - started)
        found[what] = 1000 * min(trials) / 10 / BATCH
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        pictures, sounds = write(Path(name))
        few = records(pictures, sounds, 2000)
        for what, milliseconds in pieces(pictures, few).items():
            print(f"{what:<34} {milliseconds:.3f} ms of processor a record")
        if sys.argv[1:] == ["--pieces"]:
            return
        makers: dict[str, Callable[[], Any]] = {
            "decoding alone": lambda: decoding(pictures),
            "naive, log-mel in the pipeline": lambda: naive(few),
            "mmzoo": lambda: ours(spec(), few),
            "mmzoo, in any order": lambda: unordered(ours(spec(), few)),
            "mmzoo, log-mel in the pipeline": lambda: ours(spec(), few, log_mel=True),
            "mmzoo, pictures turned and scaled": lambda: ours(spec(256, ("flip", "affine", "color_jitter")), few),
            "mmzoo, RandAugment": lambda: ours(spec(256, ("rand_augment",)), few),
            "mmzoo, squeezed to 224 px": lambda: ours(spec(224), few),
            "mmzoo, prepared at 224 px": lambda: ours(spec(224), prepared(few, Path(name) / "exact")),
            "mmzoo, prepared, lossy": lambda: ours(spec(224), prepared(few, Path(name) / "lossy", lossy=True)),
        }
        if importlib.util.find_spec("torch"):
            makers["torch DataLoader, log-mel in it"] = lambda: by_torch(few)
        running = {what: iter(make()) for what, make in makers.items()}
        for batches in running.values():
            rate(batches)  # traced, compiled, and tuned
        rates: dict[str, list[tuple[float, float]]] = {what: [] for what in running}
        for _ in range(ROUNDS):
            for what, batches in running.items():
                for _ in range(4):
                    next(batches)  # what was made ahead of its turn
                rates[what].append(rate(batches))
        limit = rates["decoding alone"]
        for what, found in rates.items():
            print(f"{what:<34} {statistics.median(a for a, _ in found):6.0f} records/s", end="")
            for k, measure in enumerate(("rate", "rate a second of processor")):
                ratios = [a[k] / b[k] for a, b in zip(found, limit, strict=True)]
                each = " ".join(f"{ratio:.2f}" for ratio in ratios)
                print(f", {measure} over that of decoding alone {statistics.median(ratios):.2f} ({each})", end="")
            print()
        del running
        for count in (2000, 200_000):
            print(f"{count} records: {first_and_memory(pictures, sounds, count)}")


def first_and_memory(pictures: list[str], sounds: list[str], count: int) -> str:
    """Seconds to the first batch, and what memory grows by over fifty more."""
    source = records(pictures, sounds, count)
    started = time.perf_counter()
    batches = iter(ours(spec(), source))
    next(batches)
    first = time.perf_counter() - started
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(50):
        next(batches)
    grown = (process.memory_info().rss - before) / 2**20
    return f"first batch after {first:.2f} s, memory {grown:+.0f} MB over 50 batches"


if __name__ == "__main__":
    sys.exit(main())
