"""The learning rate of each step."""

from __future__ import annotations

from typing import Any

import keras

WARM_UP = 0.05  # share of the steps


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """A rise to `peak` over the first 5 % of the steps, then a cosine to 0, or the peak on and on; times `factor`.

    Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.

    Args:
        falls: does it end in the cosine?
        factor: a variable by which whoever holds it lowers the rate.
        begin: the step at which whatever has this rate takes its first.
    """

    def __init__(self, peak: float, steps: int, falls: bool, factor: Any, begin: int = 0) -> None:
        self.factor, self.begin = factor, begin
        self.shape = keras.optimizers.schedules.CosineDecay(
            0.0,
            steps,
            alpha=0.0 if falls else 1.0,
            warmup_target=peak,
            warmup_steps=max(int(steps * WARM_UP), 1),
        )

    def __call__(self, step: Any) -> Any:
        return self.shape(step + self.begin) * self.factor
