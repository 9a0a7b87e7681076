"""What does "int8" lose? Shipped models beside their float32, as the converter makes it and as `mmzoo export` does.

    python benchmarks/eight_bits.py [emoji] [emoji_image] [emoji_phone]      # all, if none is named

On the validation and test records of the sample (492): points of accuracy lost, with the paired 95 % bootstrap
interval; the share of the records whose label is another one; the mean Kullback-Leibler divergence from the answers in
float32, of which a few hundred records tell more than of points; the size of the file and the median of the time of an
answer on one thread, taken in turns. `plain` is the converter's own: 8 bits in the first layers too.

On a very busy machine with AVX-512 VNNI (time of an answer over that of float32; float32 has 40.5 and 2.8 MB):

                          points lost               another label   divergence   size       time
    emoji        plain     1.22 (-0.20 to 2.85)     2.8 %           0.0139       11.2 MB    0.66
                 now       0.81 (-0.41 to 2.03)     2.2 %           0.0018       10.9 MB    0.64
    emoji_phone  plain    -1.02 (-2.64 to 0.41)     4.5 %           0.0149        1.0 MB    0.56
                 now      -0.20 (-0.61 to 0.00)     0.4 %           0.0003        1.0 MB    0.25
    emoji_image  plain    -0.20                     2.2 %           0.0078
                 now       0.61                     1.0 %           0.0013

The last two rows were measured by hand, from the same files. Of all 1,476 answers the plain ones lose 0.00 points and
these 0.41: so few records are worth a third of a point each that only the divergence tells the two apart.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo import datasets
from mmzoo.data.records import Records, decode
from mmzoo.evaluation.statistics import interval
from mmzoo.export.serving import Serving
from mmzoo.export.tflite import eight_bits
from mmzoo.export.tflite.conversion import calibration, exact_layers, exactly, variant_of
from mmzoo.export.tflite.measure import as_tensors, interpreter
from mmzoo.labels import encode_labels

MODELS = ("emoji", "emoji_image", "emoji_phone")
NOW = eight_bits.FEW, eight_bits.without_detours
TURNS = 100


def files(model: Any, training: Records) -> dict[str, bytes]:
    """The model in float32, and in 8 bits in both ways."""
    with tempfile.TemporaryDirectory() as place:
        folder, exact = Path(place), exact_layers(model)
        Serving(model, batch=1).save(folder / "model", "serve_tensors")
        np.savez(folder / "examples.npz", **as_tensors(calibration(model.spec, training)))  # type: ignore[arg-type]
        (folder / "exact.json").write_text(json.dumps(exact))
        found = {"fp32": exactly(str(folder / "model"))}
        for name, (few, detours) in {"plain": (-1, bytes), "now": NOW}.items():
            eight_bits.FEW, eight_bits.without_detours = few, detours
            found[name] = variant_of(folder, "int8", exact)
    return found


def measure(name: str) -> dict[str, np.ndarray]:
    """Print the rows of a model; the points that each record costs, by the way."""
    model = mmzoo.Run(name).model
    task = model.spec.tasks[0]
    train, *others = datasets.load("emoji")
    made = files(model, train)
    runners = {
        way: interpreter()(model_content=data, num_threads=1).get_signature_runner("serving_default")
        for way, data in made.items()
    }
    answers: dict[str, list[np.ndarray]] = {way: [] for way in runners}
    labels = []
    for records in others:
        inputs = as_tensors(decode(model.spec, records))
        labels.append(encode_labels(model.spec.tasks, records)[task.name])
        rows = [{key: value[k : k + 1] for key, value in inputs.items()} for k in range(len(records))]
        for way, run in runners.items():
            answers[way] += [run(**row)[task.name][0].copy() for row in rows]
    right, exact = np.concatenate(labels), np.stack(answers["fp32"])
    times: dict[str, list[float]] = {way: [] for way in runners}
    for _ in range(TURNS):
        for way, run in runners.items():
            began = time.perf_counter()
            run(**rows[0])
            times[way].append(1e3 * (time.perf_counter() - began))
    lost = {}
    for way, found in answers.items():
        said = np.stack(found)
        lost[way] = 100.0 * ((exact.argmax(1) == right).astype(float) - (said.argmax(1) == right))
        low, high = interval(lost[way])
        other = np.mean(said.argmax(1) != exact.argmax(1))
        far = np.mean((exact * np.log((exact + 1e-9) / (said + 1e-9))).sum(axis=1))
        print(
            f"{name:12} {way:6} {lost[way].mean():6.2f} ({low:5.2f} to {high:5.2f})  {other:6.1%}  {far:.4f}  "
            f"{len(made[way]) / 1e6:6.2f} MB  {statistics.median(times[way]):6.2f} ms",
            flush=True,
        )
    return lost


def main() -> None:
    found = [measure(name) for name in sys.argv[1:] or MODELS]
    for way in found[0]:
        low, high = interval(together := np.concatenate([each[way] for each in found]))
        print(f"{'together':12} {way:6} {together.mean():6.2f} ({low:5.2f} to {high:5.2f})")


if __name__ == "__main__":
    main()
