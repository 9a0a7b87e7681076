"""How much cleaner an input is rebuilt than it was given: decibels against NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.analyses.denoising import denoised
from tests.conftest import small_records, small_spec, untrained


def spec_of(**options: Any) -> mmzoo.Spec:
    return small_spec(tasks=[mmzoo.Reconstruction("picture", **options), mmzoo.Reconstruction("sound")])


def peak(clean: np.ndarray, other: np.ndarray) -> float:
    errors = ((clean - other) ** 2).reshape(len(clean), -1).mean(axis=1)
    return float((10 * np.log10(255**2 / errors)).mean())


@pytest.mark.long
def test_decibels_before_and_after(tmp_path: Path) -> None:
    """An answer of grey has the decibels of grey whatever it is given, and noise those of its deviation."""
    records = small_records(6)
    records.columns["picture"] = [np.full((32, 32, 3), 60 + 20 * k, np.uint8) for k in range(6)]
    run = untrained(tmp_path / "run", spec_of().fit(records))
    for layer in run.model.parts.heads["picture_rebuilt"].fused:
        if layer.name.endswith((".cells", ".coarse")):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    found = denoised(run.model, records)
    curves = found["picture_rebuilt"]
    assert {*curves} == {"jpeg", "blur", "noise"} and {*found["sound_rebuilt"]} == {"white noise", "babble"}
    clean = np.stack(records.columns["picture"]).astype(float)
    grey = np.broadcast_to(np.reshape(run.spec.tasks[0].means, (1, 1, 1, 3)), clean.shape)  # type: ignore[attr-defined]
    noise = curves["noise"]
    assert noise["levels"] == [10, 25, 50, 100] and noise["unit"] == "of 255"
    assert noise["given"][:2] == pytest.approx([20 * np.log10(25.5), 20 * np.log10(10.2)], abs=0.3)
    assert noise["rebuilt"] == pytest.approx([peak(clean, grey)] * 4, abs=0.01)
    assert noise["gained"] == pytest.approx(np.subtract(noise["rebuilt"], noise["given"]))
    assert noise["gained"][0] < 0 < noise["gained"][3]
    sounds = found["sound_rebuilt"]["white noise"]
    assert np.diff(sounds["given"]).max() < 0, "the more noise, the less signal"
    data = run.evaluate(records, noise=True)
    assert data["tasks"]["picture_rebuilt"]["denoising"] == curves
    page = (run.folder / "report.html").read_text("utf-8")
    assert "decibels before and after picture was rebuilt, by noise" in page


@pytest.mark.slow
def test_nothing_is_cleaned_of_what_is_not_read() -> None:
    spec = spec_of(masked=1.0).fit(small_records(4))
    assert {*denoised(mmzoo.build(spec), small_records(4))} == {"sound_rebuilt"}
