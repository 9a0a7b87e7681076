"""The optimizer, AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), and the learning rate of each step."""

from __future__ import annotations

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree

WARM_UP = 0.05  # share of the steps


class AdamW(keras.optimizers.AdamW):
    """Keras's optimizer and its state, with TensorFlow's fused update, one operation a variable in place of a dozen.

    Gradients are summed over the replicas and clipped before it sees them. What a step has in common for all
    variables, the rate and the powers of the betas, is computed once.
    """

    _step: Tensor = None

    def apply(self, grads: list[Tensor], trainable_variables: list[keras.Variable] | None = None) -> None:
        count = tf.cast(self.iterations.value + 1, tf.float32)
        rate = tf.cast(self.learning_rate, tf.float32)
        self._step = self.beta_1**count, self.beta_2**count, rate, rate * self.weight_decay
        try:
            super().apply(grads, trainable_variables)
        finally:
            self._step = None  # tensors of the graph that is being made

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        power_1, power_2, rate, decay = self._step
        if self._use_weight_decay(variable):
            variable.assign_sub(variable * decay)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=power_1,
            beta2_power=power_2,
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )

    def _apply_weight_decay(self, variables: list[keras.Variable]) -> None:
        """Done in `update_step`."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Tree) -> Tree:
        return grads_and_vars


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """A rise to `peak` over the first 5 % of the steps, then a cosine to 0, or the peak on and on; times `factor`.

    Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.

    Args:
        falls: does it end in the cosine?
        factor: a variable by which whoever holds it lowers the rate.
        begin: the step at which whatever has this rate takes its first.
    """

    def __init__(self, peak: float, steps: int, falls: bool, factor: keras.Variable, begin: int = 0) -> None:
        self.factor, self.begin = factor, begin
        self.shape = keras.optimizers.schedules.CosineDecay(
            0.0,
            steps,
            alpha=0.0 if falls else 1.0,
            warmup_target=peak,
            warmup_steps=max(int(steps * WARM_UP), 1),
        )

    def __call__(self, step: Tensor) -> Tensor:
        return self.shape(step + self.begin) * self.factor
