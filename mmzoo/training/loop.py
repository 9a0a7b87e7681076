"""The loop: one plain pass over the stream of batches, that can stop and go on at any step."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.errors import MMZooError, unknown
from mmzoo.evaluation.metrics import finish, metrics, primary, run_model
from mmzoo.files import write_file
from mmzoo.spec import Spec
from mmzoo.training.batches import records_named, stream
from mmzoo.training.checkpoint import load_checkpoint, save_checkpoint
from mmzoo.training.features import Split
from mmzoo.training.loss import total_loss
from mmzoo.training.settings import Training
from mmzoo.training.trainer import Trainer


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; its state is saved. The message says how to go on.

    code: what a program should exit with: 130 after Ctrl-C, 42 after SIGTERM, by which a cluster takes a machine back.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.code = 42 if number == signal.SIGTERM else 130


def fit(
    spec: Spec,
    part: Split,
    features: dict[str, Any],
    labels: dict[str, np.ndarray],
    validation: tuple[dict[str, Any], dict[str, np.ndarray]] | None,
    training: Training,
    seed: int,
    folder: Path,
) -> None:
    """Train `part.rest` on features, leaving the best weights of all epochs in it.

    Best is the highest primary metric on `validation` (features without the axis of
    views, labels), the later epoch where two are equal; without validation the last.
    Writes `history.jsonl` and `checkpoints/`; goes on from the newest checkpoint.

    Raises:
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint was written.
        MMZooError: the loss is not a finite number.
    """
    count = len(features["present"])
    total = max(training.epochs * count // training.batch_size, 1)
    ends = [max((epoch + 1) * count // training.batch_size, 1) for epoch in range(training.epochs)]
    trainer = Trainer(spec, part, training, total)
    state: dict[str, Any] = {"step": 0, "epoch": 0, "losses": [], "best": None, "best_epoch": 0, "history": []}
    best: dict[str, np.ndarray] = {}
    if found := load_checkpoint(folder / "checkpoints"):
        arrays, state = found
        best = {name: array for name, array in arrays.items() if name.startswith("best")}
        trainer.restore({name: array for name, array in arrays.items() if name not in best})
        print(f"Going on from step {state['step']} of {total}.")

    def save() -> None:
        save_checkpoint(folder / "checkpoints", state["step"], {**trainer.arrays(), **best}, state)

    def tired() -> bool:
        return 0 < training.patience <= state["epoch"] - state["best_epoch"]

    def end_epoch(seconds: float) -> None:
        nonlocal best
        state["epoch"] += 1
        row: dict[str, Any] = {"epoch": state["epoch"], "loss": float(np.mean(state["losses"] or [np.nan]))}
        with trainer.averaged():
            if validation:
                outputs = run_model(part.rest, validation[0])
                present = tf.constant(validation[0]["present"])
                targets = keras.tree.map_structure(tf.constant, validation[1])
                row["val_loss"] = float(total_loss(spec, outputs, targets, present))
                scores = metrics(spec, finish(spec, outputs), validation[1])
                row |= {f"val_{name}": value for name, value in scores.items()}
            value = row[f"val_{monitor(spec, training, scores)}"] if validation else state["epoch"]
            if state["best"] is None or value >= state["best"]:
                state["best"], state["best_epoch"] = value, state["epoch"]
                best = {f"best{k:05d}": np.asarray(v.numpy()) for k, v in enumerate(part.rest.variables)}
        state["losses"] = []
        state["history"].append({**row, "seconds": round(seconds, 3)})
        lines = "".join(json.dumps(line) + "\n" for line in state["history"])
        write_file(folder / "history.jsonl", lines.encode())

    bar = tqdm(total=total, initial=state["step"], desc="training", unit="step", disable=None, leave=False)
    report = max(training.epochs // 10, 1)
    with stop_requests() as asked, records_named():
        batches = stream(
            features,
            labels,
            batch_size=training.batch_size,
            steps=range(state["step"], state["step"] if tired() else total),
            seed=seed,
            modality_dropout=training.modality_dropout,
            views=training.views,
        )
        started = time.monotonic()
        for inputs, targets in batches:
            loss = trainer.step(inputs, targets)
            if not np.isfinite(loss):
                raise MMZooError(
                    f"The loss is {loss} at step {state['step'] + 1}; lower the learning rate "
                    "(--set training.learning_rate=...) and train into a new folder."
                )
            state["step"] += 1
            state["losses"].append(loss)
            bar.update()
            while state["epoch"] < training.epochs and state["step"] >= ends[state["epoch"]]:
                end_epoch(time.monotonic() - started)
                started = time.monotonic()
                row = state["history"][-1]
                if bar.disable and row["epoch"] % report == 0:
                    shown = "  ".join(f"{k} {v:.4g}" for k, v in row.items() if k != "epoch")
                    print(f"epoch {row['epoch']}/{training.epochs}  {shown}", flush=True)
                bar.set_postfix({k: f"{v:.3g}" for k, v in row.items() if k not in ("seconds",)})
                save()
            if tired():
                print(f"No gain for {training.patience} epochs; training ends after epoch {state['epoch']}.")
                break
            if asked:
                save()
                where = f"Stopped at step {state['step']} of {total}"
                raise Interrupted(f"{where}; run the same command again to go on.", asked[0])
    bar.close()
    for variable, name in zip(part.rest.variables, sorted(best), strict=True):
        variable.assign(best[name])


def monitor(spec: Spec, training: Training, scores: dict[str, float]) -> str:
    """The name of the metric that chooses the best epoch."""
    name = training.monitor or primary(spec)
    if name not in scores:
        raise unknown("validation metric to monitor called", name, scores)
    return name


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Inside, Ctrl-C and SIGTERM are noted in the list that is yielded; a second one ends the program at once."""
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)
        print("\nStopping after this step ...", file=sys.stderr)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever runs it there handles signals
        before = {}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
