"""Distributions of the modalities, joined: what makes a spec a multimodal variational autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.errors import unknown
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.layers.drawing import Drawing
from mmzoo.options import Range
from mmzoo.tokens import Tokens

EXPERTS = ("product", "mixture", "mixture_of_products")
WIDEST = 8.0  # of the logarithm of a variance, in either direction
VANISHED = 0.05  # nats an example, below which nothing of it is in the latent vector
MEMORY = 0.99  # of the average of the divergence


def check_experts(inputs: Sequence[str], *, experts: str, **_: object) -> None:
    """There are such experts."""
    if experts not in EXPERTS:
        raise unknown("way to join experts called", experts, EXPERTS)


@fusions.register("variational", check_experts, level="feature", absent="left out", draws="training")
def variational(
    tokens: dict[str, Tokens],
    present: Tensor,
    *,
    dim: int,
    experts: str = "product",
    latent: Annotated[int, Range(1, 4096)] = 32,
    beta: Annotated[float, Range(0, 1e3)] = 1e-3,
    warmup: Annotated[int, Range(0, 10**9)] = 500,
) -> Tensor:
    """Each modality says a normal distribution of a latent vector, and these are joined; training draws from it.

    With a `Reconstruction` of each input that is a multimodal variational autoencoder: from whatever is present it
    rebuilds the rest. "product" multiplies the distributions of what is present and the prior (MVAE; Wu & Goodman 2018,
    arXiv:1802.05335), "mixture" draws that of one modality (MMVAE; Shi et al. 2019, arXiv:1911.03393),
    "mixture_of_products" the product of a subset (MoPoE; Sutter et al. 2021, arXiv:2105.02470), for each example in
    each step. `beta` times the divergence from the prior N(0, 1), in nats an example, is added to the loss, and grows
    from 0 over the first steps, so that the latent vector is of use before it is dear. Outside training the latent
    vector is the mean: of the product, or of the means of what is present.

    `Tokens` (B, T, dim) each -> (B, latent).

    Args:
        experts: "product", "mixture" or "mixture_of_products".
        latent: numbers of the latent vector.
        beta: weight of the divergence; losses of `Reconstruction` are means over cells, so that it is small.
        warmup: steps until it is whole.
    """
    said = [
        keras.layers.Dense(
            2 * latent, kernel_initializer="glorot_normal", dtype="float32", name=f"fusion.{name}.expert"
        )(pooled(each))
        for name, each in tokens.items()
    ]
    found: Tensor = Latent(experts, beta, warmup, name="fusion.latent")(ops.stack(said, axis=1), present)
    return found


@keras.saving.register_keras_serializable("mmzoo")
class Latent(Drawing):
    """The experts' means and logarithms of variances, float32 (B, M, 2 L), bool (B, M) -> float32 (B, L).

    In training it is drawn, and the divergence from the prior is added to the loss.
    """

    def __init__(self, experts: str, beta: float, warmup: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.experts, self.beta, self.warmup = experts, beta, warmup

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "experts": self.experts, "beta": self.beta, "warmup": self.warmup}

    @property
    def width(self) -> int:
        return self._width

    def build(self, said_shape: Shape, present_shape: Shape) -> None:
        self._width = (said_shape[-1] or 0) // 2
        self.step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")
        self.divergence = self.add_weight(shape=(), initializer="zeros", trainable=False, name="divergence")

    def compute_output_shape(self, said_shape: Shape, present_shape: Shape) -> Shape:
        return (said_shape[0], (said_shape[-1] or 0) // 2)

    def call(self, said: Tensor, present: Tensor, training: bool | None = None) -> Tensor:
        mean, variance = self.joined(said, self.chosen(present) if training else present)
        normal = self.normal(mean, training)
        if normal is None:
            return mean
        drawn: Tensor = mean + ops.sqrt(variance) * normal
        if not training:
            return drawn
        nats = 0.5 * ops.sum(ops.square(mean) + variance - ops.log(variance) - 1.0, axis=1)
        loss = ops.mean(nats)
        grown = ops.minimum((self.step + 1.0) / max(self.warmup, 1), 1.0)
        self.add_loss(self.beta * grown * loss)
        self.step.assign(self.step + 1.0)
        kept = ops.where(self.step <= 1.0, 0.0, MEMORY)
        self.divergence.assign(kept * self.divergence + (1.0 - kept) * ops.stop_gradient(loss))
        return drawn

    def joined(self, said: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (B, L) of what is present, bool (B, M)."""
        size = said.shape[-1] // 2
        means, spread = said[..., :size], ops.exp(WIDEST * ops.tanh(said[..., size:] / WIDEST))
        here = ops.cast(present, "float32")[..., None]
        if self.experts == "mixture":  # of several, as outside training, the moments of the mixture
            share = here / ops.maximum(ops.sum(here, axis=1, keepdims=True), 1.0)
            mean = ops.sum(share * means, axis=1)
            return mean, ops.sum(share * (spread + ops.square(means - mean[:, None])), axis=1) + 1e-6
        precision = here / spread
        total = 1.0 + ops.sum(precision, axis=1)  # the prior's is 1, and its mean 0
        return ops.sum(precision * means, axis=1) / total, 1.0 / total

    def chosen(self, present: Tensor) -> Tensor:
        """Of the modalities that are present those whose experts are asked in this step, bool (B, M)."""
        if self.experts == "product":
            return present
        draw = ops.where(present, keras.random.uniform(ops.shape(present), seed=self.seeds), -1.0)
        first = ops.logical_and(draw >= ops.max(draw, axis=1, keepdims=True), present)
        if self.experts == "mixture":
            return first
        some = ops.logical_and(draw > 0.5, present)
        # Nothing at all is no subset: all are, so that each of the others comes as often.
        return ops.where(ops.any(some, axis=1, keepdims=True), some, present)

    def said_after_training(self) -> str:
        """A warning, if the latent vector says nothing of an example; empty where it does."""
        nats = float(np.asarray(self.divergence))
        if nats >= VANISHED or not float(np.asarray(self.step)):
            return ""
        return (
            f"warning: the divergence of the latent vector from its prior has vanished ({nats:.3f} nats an example): "
            "what is rebuilt is the same for all; set a smaller beta or a longer warmup of the fusion."
        )
