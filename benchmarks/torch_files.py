"""The same files for a `torch.utils.data.DataLoader`, read as one reads them there: Pillow, soundfile, torch.stft."""

from __future__ import annotations

from typing import Any

import numpy as np
import soundfile
import torch
from PIL import Image as Pillow

from mmzoo.modalities.audio.spectrogram import mel_weights

RATE, WINDOW, HOP, SIDE = 16000, 512, 160, 224


class Files(torch.utils.data.Dataset):  # type: ignore[misc]
    """Pictures cropped to 224 px at random, mirrored and brightened; log-mels; bytes of texts."""

    def __init__(self, pictures: list[str], sounds: list[str], texts: list[str]) -> None:
        self.rows = list(zip(pictures, sounds, texts, strict=True))
        self.mel = torch.from_numpy(mel_weights(RATE, WINDOW, 64).astype(np.float32))
        self.window = torch.hann_window(WINDOW)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Any:
        picture, sound, text = self.rows[row]
        with Pillow.open(picture) as file:
            pixels = torch.from_numpy(np.asarray(file.convert("RGB")).copy())
        top, left = torch.randint(0, pixels.shape[0] - SIDE + 1, (2,)).tolist()
        pixels = pixels[top : top + SIDE, left : left + SIDE]
        if torch.rand(()) < 0.5:
            pixels = pixels.flip(1)
        pixels = (pixels.float() * (1 + 0.3 * (torch.rand(()) - 0.5))).clamp(0, 255).byte()
        wave = torch.from_numpy(soundfile.read(sound, dtype="float32")[0])
        spectrum = torch.stft(wave, WINDOW, HOP, window=self.window, center=False, return_complex=True).abs() ** 2
        ids = torch.zeros(64, dtype=torch.uint8)
        encoded = text.encode()[:64]
        ids[: len(encoded)] = torch.frombuffer(bytearray(encoded), dtype=torch.uint8)
        return pixels, torch.log(spectrum.T @ self.mel + 1e-5), ids


def loader(pictures: list[str], sounds: list[str], texts: list[str], batch: int, workers: int) -> Any:
    """Batches without end, by one process a core that each compute on one thread."""
    data = Files(pictures, sounds, texts)
    # Forked processes would inherit TensorFlow's threads as they stand.
    made = torch.utils.data.DataLoader(
        data,
        batch,
        shuffle=True,
        num_workers=workers,
        multiprocessing_context="spawn",
        persistent_workers=True,
        drop_last=True,
        worker_init_fn=one_thread,
    )
    while True:
        yield from made


def one_thread(worker: int) -> None:
    """What a worker begins with."""
    torch.set_num_threads(1)
