"""How a model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmzoo.choice import Tune, plain
from mmzoo.errors import check_number, require, unknown

CHOICES = {
    "adversarial": ("none", "fgsm", "pgd"),
    "balance": ("none", "weights", "sampling"),
    "modulate": ("none", "ogm", "ogm_ge"),
    "mix": ("none", "mixup", "cutmix"),
    "schedule": ("constant", "cosine", "plateau"),
    "exchange": ("bfloat16", "float16", "float32"),
    "precision": ("bfloat16", "float16", "float32"),
}


@dataclass(frozen=True)
class Training:
    """The settings of a training run; plain data, JSON both ways.

    Args:
        epochs: passes over the training records.
        batch_size: examples a step.
        learning_rate: AdamW's peak rate; it rises over the first 5 % of the steps, then goes as `schedule` says.
        schedule: "cosine" falls to 0 at the last step, "constant" stays, "plateau" halves whenever three epochs
            brought no better `monitor` (without validation records it stays).
        weight_decay: AdamW's (Loshchilov & Hutter 2019, arXiv:1711.05101).
        fine_tune_rate: factor on the learning rate of pretrained blocks.
        tune: the way in which they train, a name or `Tune(name, option=...)`; see `mmzoo list tuning`.
        tune_inputs: the inputs whose towers train in that way; those with pretrained blocks, if none is named.
        modality_dropout: share of the modalities that are left out, drawn for each example;
            one always stays (Neverova et al. 2016, "ModDrop").
        views: how many variants of each example a frozen network reads, which are computed once; the first is the
            original. What a tower that trains reads is augmented anew in each epoch, whatever this says; an input
            with `augmentations=[]` is not.
        balance: "none"; "weights", records of rare labels of the first task count more in the loss; "sampling", they
            are drawn more often, and a pass has more examples.
        mix: "mixup", pairs of examples are added, "cutmix", a part of each is the other's, with all their modalities
            and labels (`mmzoo.training.mixing`); "none".
        mix_alpha: of mixing; small for a little of the other, 1 for any share alike.
        adversarial: "fgsm", half of the loss is that of examples changed by one small step that raises it, "pgd", by
            five steps (`mmzoo.training.adversarial`); "none".
        adversarial_size: how far a number of an example is changed at most, in standard deviations of its numbers.
        contrast: weight of a loss by which the modalities of an example find each other in the batch
            (Radford et al. 2021, arXiv:2103.00020).
        modulate: "ogm", the tower of a modality that alone answers better than the others takes shorter steps;
            "ogm_ge", with noise in them (`mmzoo.training.modulation`); "none".
        modulate_alpha: how much shorter.
        blend: every so many epochs the heads of the modalities and the fused one are weighed anew, by how much they
            learn for how much they overfit (`mmzoo.training.blending`); 0 for never.
        teacher: the folder of a run whose answers are imitated (Hinton et al. 2015, arXiv:1503.02531).
        teacher_share: how much of the loss that is.
        temperature: of the teacher's answers; above 1 the small probabilities tell more.
        start: the folder of a run whose weights this one begins with, those of its most important channels where its
            towers are wider; random ones, or a package's, if not given.
        prune: share of every kernel's weights that are zero in the end, the smallest (`mmzoo.training.pruning`).
        memory: gigabytes that decoded examples may take; beyond it the largest inputs are decoded again for each batch.
        clip_norm: gradients longer than this are scaled down to it.
        monitor: the metric that chooses the best epoch, by its name in the history without `val_`; the first
            task's primary one, if not given.
        patience: training ends after so many epochs without a better one; 0 for never.
        average: weights are averaged with this momentum over the steps, and the average is what is kept; 0 for none.
        precision: what the layers compute in: "float32", "bfloat16", or "float16" with loss scaling (Micikevicius
            et al. 2018, arXiv:1710.03740). Weights, log-mels, heads and losses are float32 whichever it is, and so is
            the model that is saved.
        exchange: what gradients are while replicas add them up, once a batch; in 16 bits half as much goes over the
            network, and N replicas do not quite give what one gives. One replica exchanges nothing.
        accumulate: a batch goes through the model in so many parts, for less memory. The gradient is that of the
            whole batch, but for batch normalization, which sees a part at a time.
        steps_per_call: up to so many steps are one call into the graph, for less overhead; the numbers are the same.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    fine_tune_rate: float = 0.1
    tune: Tune | str = "full"
    tune_inputs: Sequence[str] = ()
    modality_dropout: float = 0.2
    views: int = 1
    balance: str = "none"
    mix: str = "none"
    mix_alpha: float = 0.2
    adversarial: str = "none"
    adversarial_size: float = 0.1
    contrast: float = 0.0
    modulate: str = "none"
    modulate_alpha: float = 1.0
    blend: int = 0
    teacher: str = ""
    teacher_share: float = 0.7
    temperature: float = 2.0
    start: str = ""
    prune: float = 0.0
    memory: float = 4.0
    clip_norm: float = 1.0
    average: float = 0.99
    monitor: str = ""
    patience: int = 0
    schedule: str = "cosine"
    precision: str = "float32"
    exchange: str = "float32"
    accumulate: int = 1
    steps_per_call: int = 16

    def __post_init__(self) -> None:
        limits = {
            "epochs": (1, 1_000_000),
            "batch_size": (1, 65_536),
            "learning_rate": (0, 10),
            "weight_decay": (0, 10),
            "fine_tune_rate": (0, 10),
            "modality_dropout": (0, 0.95),
            "views": (1, 64),
            "mix_alpha": (0.01, 100),
            "adversarial_size": (1e-6, 10),
            "contrast": (0, 1000),
            "modulate_alpha": (1e-3, 100),
            "blend": (0, 1_000_000),
            "teacher_share": (0, 1),
            "temperature": (0.1, 100),
            "prune": (0, 0.99),
            "memory": (0, 1e6),
            "clip_norm": (1e-6, 1e9),
            "average": (0, 0.99999),
            "patience": (0, 1_000_000),
            "accumulate": (1, 65_536),
            "steps_per_call": (1, 1024),
        }
        for name, what in (
            ("monitor", "a metric's name"),
            ("teacher", "the folder of a run"),
            ("start", "the folder of a run"),
        ):
            value = getattr(self, name)
            require(isinstance(value, str), f"The training setting '{name}' must be {what}, not {value!r}.")
        self._check_tune()
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        for field in fields(self):
            if field.name not in limits:
                continue
            low, high = limits[field.name]
            value = getattr(self, field.name)
            check_number(f"The training setting '{field.name}'", value, low, high, whole=field.type == "int")
        require(
            self.batch_size % self.accumulate == 0,
            f"A batch of {self.batch_size} cannot be cut into {self.accumulate} equal parts; "
            "make 'batch_size' a multiple of 'accumulate'.",
        )
        require(
            not self.contrast or self.accumulate == 1,
            "The contrast is between the examples of a whole batch; set 'accumulate' to 1, or 'contrast' to 0.",
        )
        require(
            self.mix == "none" or self.batch_size % 2 == 0,
            f"Examples are mixed in pairs, and a batch of {self.batch_size} leaves one over; make 'batch_size' even.",
        )

    def _check_tune(self) -> None:
        """The way to tune exists and knows its options. Needs Keras, so it is imported only here."""
        from mmzoo.tuning import tuning

        object.__setattr__(self, "tune", Tune.of(self.tune))
        assert isinstance(self.tune, Tune)
        tuning.check_options(self.tune.name, self.tune.options)
        names = self.tune_inputs
        require(
            isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names),
            f"The training setting 'tune_inputs' is a list of inputs' names, not {names!r}.",
        )
        object.__setattr__(self, "tune_inputs", tuple(names))

    def to_json(self) -> dict[str, Any]:
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Training:
        known = [f.name for f in fields(cls)]
        for key in data:
            if key not in known:
                raise unknown("training setting called", key, known)
        return cls(**data)
