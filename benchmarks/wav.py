"""Our reader of 16-bit WAV files against soundfile's, one second at 16 kHz, in turns: `python benchmarks/wav.py`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from mmzoo.modalities.audio.wav import read_plain

FILES, ROUNDS = 400, 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        noise = (np.random.default_rng(0).normal(size=16_000) * 3000).astype(np.int16)
        paths = [Path(folder) / f"{k}.wav" for k in range(FILES)]
        for path in paths:
            soundfile.write(path, noise, 16_000, subtype="PCM_16")
        readers: dict[str, Callable[[Path], object]] = {
            "read_plain": lambda path: read_plain(path, 10.0),
            "soundfile": lambda path: soundfile.read(path, dtype="int16", frames=160_000),
        }
        samples: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(ROUNDS):
            for name, read in readers.items():
                began = time.process_time()
                for path in paths:
                    read(path)
                samples[name].append((time.process_time() - began) / FILES * 1e6)
        for name, found in samples.items():
            print(f"{name}: {', '.join(f'{each:.0f}' for each in found)} us a file")
        print(f"soundfile takes {np.median(samples['soundfile']) / np.median(samples['read_plain']):.1f} times as long")


if __name__ == "__main__":
    main()
