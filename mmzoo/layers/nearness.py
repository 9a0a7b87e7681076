"""The layers that lead to the vectors of a retrieval, and what is fitted to them without training."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor

SLOPE = 4.0  # of the last number over how common a vector is, both for a strength of 1


def of_length_1(vectors: Tensor) -> Tensor:
    """Vectors (B, D) scaled to length 1; zeros stay zeros, with a slope of 0."""
    return vectors * ops.rsqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), 1e-12))


class OfRecords(keras.layers.Layer):
    """What is held against `count` vectors of training records. Nothing of it trains."""

    def __init__(self, count: int, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.count = count

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("mmzoo")
class Rarity(OfRecords):
    """How rare a vector is, as one more number of it: float32 (B, D), of length 1 -> (B, D + 1), of length 1.

    What lies near to many is found by whatever is asked ("hubs"; Radovanovic et al. 2010, JMLR 11). An inverted softmax
    (Smith et al. 2017, arXiv:1702.03859; of a bank of training queries Bogolin et al. 2022, arXiv:2112.12777) takes
    from a candidate's score how common its vector v is, `log(mean(exp(t * bank @ v))) / t`. A plain product of two
    vectors does about that, where the last number of each is `strength * (1 - 4 * (common - middle))`: what looks for
    them, an index or a phone, need not know of it.

    Nothing of it trains. `strength` is 0, and so is the last number, until it is fitted on validation records when
    training ends (`mmzoo.inference.rarity`).

    Args:
        count: vectors in the bank.
    """

    def build(self, shape: Shape) -> None:
        self.bank = self.add_weight(shape=(int(shape[-1] or 0), self.count), initializer="zeros", name="bank")
        self.temperature = self.add_weight(shape=(), initializer="ones", name="temperature")
        self.middle = self.add_weight(shape=(), initializer="zeros", name="middle")
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")

    def call(self, x: Tensor) -> Tensor:
        near = ops.matmul(x, self.bank)
        most = ops.max(near, axis=1, keepdims=True)
        mean = ops.mean(ops.exp(self.temperature * (near - most)), axis=1, keepdims=True)
        common = most + ops.log(mean) / self.temperature
        rare = self.strength * (1.0 - SLOPE * (common - self.middle))
        return ops.concatenate([x, rare], axis=1) * ops.rsqrt(1.0 + ops.square(rare))


@keras.saving.register_keras_serializable("mmzoo")
class Near(OfRecords):
    """How near a vector is to each of some training records': (B, any) -> float32 (B, count), from 0 to 1.

    The Gaussian kernel of deviations from the mean, each of length 1. Nothing of it trains; the records are chosen in
    `mmzoo.training.fitted.start` (`mmzoo.training.fitted.correlations.Landmarks`). What is left over is as near to
    everything.
    """

    def build(self, shape: Shape) -> None:
        width = int(shape[-1] or 0)
        self.centre = self.add_weight(shape=(width,), initializer="zeros", name="centre")
        self.places = self.add_weight(shape=(width, self.count), initializer="random_normal", name="places")
        self.gamma = self.add_weight(shape=(), initializer="ones", name="gamma")

    def call(self, x: Tensor) -> Tensor:
        x = x - self.centre[None]
        return ops.exp(2.0 * self.gamma * (ops.matmul(of_length_1(x), self.places) - 1.0))


@keras.saving.register_keras_serializable("mmzoo")
class Straight(keras.layers.Dense):
    """From what a modality's tower gives to a task's vector without a detour: (B, any) -> float32 (B, units).

    Random, until `mmzoo.training.fitted.start` has found what it begins with.
    """

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(units, **{"dtype": "float32", **kwargs})


@keras.saving.register_keras_serializable("mmzoo")
class Worded(keras.layers.Layer):
    """What a text says, in numbers that the names of classes have too: float32 (B, D) -> (B, units), of length 1.

    `(x - centre) @ kernel`. Nothing of it trains; it is fitted in `mmzoo.training.fitted.worded`.
    """

    def __init__(self, units: int, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.units = units

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "units": self.units}

    def build(self, shape: Shape) -> None:
        width = int(shape[-1] or 0)
        self.centre = self.add_weight(shape=(width,), initializer="zeros", name="centre")
        self.kernel = self.add_weight(shape=(width, self.units), initializer="zeros", name="kernel")

    def call(self, x: Tensor) -> Tensor:
        return of_length_1(ops.matmul(x - self.centre[None], self.kernel))


@keras.saving.register_keras_serializable("mmzoo")
class WordedByClasses(Worded):
    """What a picture shows, in the words of classes that a pretrained network tells: (B, D) -> (B, units), of length 1.

    The mean of what the classes' names say, each as likely as the network has it (ConSE; Norouzi et al. 2014,
    arXiv:1312.5650): `softmax(x @ kernel + bias) @ words`. Nothing of it trains; it is fitted in
    `mmzoo.training.fitted.worded`.

    Args:
        count: classes.
    """

    def __init__(self, units: int, count: int, **kwargs: object) -> None:
        super().__init__(units, **kwargs)
        self.count = count

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "count": self.count}

    def build(self, shape: Shape) -> None:
        self.kernel = self.add_weight(shape=(int(shape[-1] or 0), self.count), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.count,), initializer="zeros", name="bias")
        self.words = self.add_weight(shape=(self.count, self.units), initializer="zeros", name="words")

    def call(self, x: Tensor) -> Tensor:
        return of_length_1(ops.matmul(ops.softmax(ops.matmul(x, self.kernel) + self.bias[None]), self.words))


@keras.saving.register_keras_serializable("mmzoo")
class Beside(keras.layers.Layer):
    """Two vectors of length 1 side by side, so that the cosine of two such pairs is a weighted mean of both cosines.

    float32 (B, D), (B, E) -> (B, D + E), of length 1. `share` is how much the second cosine counts beside the first.
    It does not train; it is fitted on validation records when training ends (`mmzoo.inference.worded`).

    Args:
        first: what `share` is until then.
    """

    def __init__(self, first: float, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.first = first

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "first": self.first}

    def build(self, x_shape: Shape, other_shape: Shape) -> None:
        self.width = int(other_shape[-1] or 0)  # of what is put beside
        first = keras.initializers.Constant(self.first)
        self.share = self.add_weight(shape=(), initializer=first, name="share")

    def call(self, x: Tensor, other: Tensor) -> Tensor:
        return of_length_1(ops.concatenate([x, ops.sqrt(self.share) * other], axis=1))


@keras.saving.register_keras_serializable("mmzoo")
class Joined(keras.layers.Layer):
    """The sum of the vectors of several inputs, each as far as it can be trusted: float32 (B, M, D) -> (B, D).

    Nothing of it trains; it is fitted on validation data when training ends. `trust` (M,) is 1 until then
    (`mmzoo.inference.trust`). What it does not use itself, it keeps for words that no record has
    (`mmzoo.inference.agreement`): orthogonal `directions` (D, D), and how far two inputs agree along each of them,
    `agreement` (M, M, D), from 0 to 1.

    Args:
        task: whose vectors they are.
    """

    def __init__(self, task: str, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.task = task

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "task": self.task}

    def build(self, shape: Shape) -> None:
        inputs, width = (int(each or 0) for each in shape[1:])

        def fixed(name: str, shape: Shape, first: str) -> Tensor:
            return self.add_weight(shape=shape, initializer=first, trainable=False, name=name)

        self.trust = fixed("trust", (inputs,), "ones")
        self.directions = fixed("directions", (width, width), "identity")
        self.agreement = fixed("agreement", (inputs, inputs, width), "ones")

    def call(self, x: Tensor) -> Tensor:
        return ops.sum(x * self.trust[None, :, None], axis=1)
