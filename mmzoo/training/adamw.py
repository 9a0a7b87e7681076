"""AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) as one operation a variable."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class AdamW(keras.optimizers.AdamW):
    """Keras's optimizer and its state, with TensorFlow's fused update: a dozen operations less a variable and step.

    Gradients are summed over the replicas and clipped before it sees them. What a step has in common for all
    variables, the rate and the powers of the betas, is computed once.
    """

    _step: Any = None

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        count = tf.cast(self.iterations.value + 1, tf.float32)
        rate = tf.cast(self.learning_rate, tf.float32)
        self._step = self.beta_1**count, self.beta_2**count, rate, rate * self.weight_decay
        try:
            super().apply(grads, trainable_variables)
        finally:
            self._step = None  # tensors of the graph that is being made

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
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

    def _apply_weight_decay(self, variables: Any) -> None:
        """Done in `update_step`."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        return grads_and_vars
