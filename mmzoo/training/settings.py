"""How a model is trained."""

# ruff: noqa: RUF009, because what `setting` gives is a field

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from mmzoo.choice import Method, Tune, plain
from mmzoo.errors import as_tuple, check_number, require, unknown
from mmzoo.spec import Spec

T = TypeVar("T")


def setting(default: T, doc: str, limits: tuple[Any, ...] | str = ()) -> T:
    """A field of `Training`.

    Args:
        limits: the least and the largest number; or the words that there are; or what a free text has to be.
    """
    return field(default=default, metadata={"doc": doc, "limits": limits})


@dataclass(frozen=True)
class Training:
    """The settings of a training run; plain data, JSON both ways."""

    epochs: int = setting(30, "Passes over the training records.", (1, 1_000_000))
    batch_size: int = setting(32, "Examples a step.", (1, 65_536))
    learning_rate: float = setting(
        1e-3,
        "AdamW's peak rate; it rises over the first 5 % of the steps, then goes as `schedule` says.",
        (0, 10),
    )
    schedule: str = setting(
        "cosine",
        'How the rate goes on: "cosine" falls to 0 at the last step, "constant" stays, "plateau" halves whenever '
        "three epochs brought no better `monitor` (without validation records it stays).",
        ("constant", "cosine", "plateau"),
    )
    weight_decay: float = setting(0.01, "AdamW's (Loshchilov & Hutter 2019, arXiv:1711.05101).", (0, 10))
    fine_tune_rate: float = setting(0.1, "Factor on the learning rate of pretrained blocks.", (0, 10))
    tune: Tune | str = setting(
        "full", "The way in which they train, a name or `Tune(name, option=...)`; see `mmzoo list tuning`."
    )
    tune_inputs: Sequence[str] = setting(
        (), "The inputs whose towers train in that way; those with pretrained blocks, if none is named."
    )
    methods: Sequence[Method | str] = setting(
        (),
        "What there is to learn by beside the loss, applied in this order: names, or `Method(name, option=...)`; see "
        "`mmzoo list methods`.",
    )
    modality_dropout: float = setting(
        0.2,
        "Share of the modalities that are left out, drawn for each example; one always stays (Neverova et al. 2016, "
        '"ModDrop").',
        (0, 0.95),
    )
    views: int = setting(
        1,
        "How many variants of each example a frozen network reads, which are computed once; the first is the original. "
        "What a tower that trains reads is augmented anew in each epoch, whatever this says; an input with "
        "`augmentations=[]` is not.",
        (1, 64),
    )
    balance: str = setting(
        "none",
        'What is done for rare labels of the first task: "weights", their records count more in the loss; "sampling", '
        "they are drawn more often, and a pass has more examples.",
        ("none", "weights", "sampling"),
    )
    start: str = setting(
        "",
        "The folder of a run whose weights this one begins with, those of its most important channels where its towers "
        "are wider; random ones, or a package's, if not given.",
        "the folder of a run",
    )
    memory: float = setting(
        4.0,
        "Gigabytes that decoded examples may take; beyond it the largest inputs are decoded again for each batch.",
        (0, 1e6),
    )
    clip_norm: float = setting(1.0, "Gradients longer than this are scaled down to it.", (1e-6, 1e9))
    average: float = setting(
        0.99,
        "Weights are averaged with this momentum over the steps, and the average is what is kept; 0 for none.",
        (0, 0.99999),
    )
    monitor: str = setting(
        "",
        "The metric that chooses the best epoch, by its name in the history without `val_`; the first task's primary "
        "one, if not given.",
        "a metric's name",
    )
    patience: int = setting(0, "Training ends after so many epochs without a better one; 0 for never.", (0, 1_000_000))
    precision: str = setting(
        "float32",
        'What the layers compute in: "float32", "bfloat16", or "float16" with loss scaling (Micikevicius et al. 2018, '
        "arXiv:1710.03740). Weights, log-mels, heads and losses are float32 whichever it is, and so is the model that "
        "is saved.",
        ("bfloat16", "float16", "float32"),
    )
    exchange: str = setting(
        "float32",
        "What gradients are while replicas add them up, once a batch; in 16 bits half as much goes over the network, "
        "and N replicas do not quite give what one gives. One replica exchanges nothing.",
        ("bfloat16", "float16", "float32"),
    )
    accumulate: int = setting(
        1,
        "A batch goes through the model in so many parts, for less memory. The gradient is that of the whole batch, "
        "but for batch normalization, which sees a part at a time.",
        (1, 65_536),
    )
    steps_per_call: int = setting(
        16, "Up to so many steps are one call into the graph, for less overhead; the numbers are the same.", (1, 1024)
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check_setting(each.name, getattr(self, each.name), each.metadata["limits"], whole=each.type == "int")
        self._check_choices()
        require(
            self.batch_size % self.accumulate == 0,
            f"A batch of {self.batch_size} cannot be cut into {self.accumulate} equal parts; "
            "make 'batch_size' a multiple of 'accumulate'.",
        )

    def _check_choices(self) -> None:
        """The way to tune and the methods exist and know their options. Needs Keras, so it is imported only here."""
        from mmzoo.training.methods import methods
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
        chosen = [Method.of(each) for each in as_tuple("The training setting 'methods'", self.methods)]
        object.__setattr__(self, "methods", tuple(chosen))
        for choice in chosen:
            methods.check_options(choice.name, choice.options)
            require(self.method_names.count(choice.name) == 1, f"The method '{choice.name}' is named twice.")
        multiple = math.lcm(*(methods[name].multiple for name in self.method_names))
        require(
            self.batch_size % multiple == 0,
            f"Of a batch {multiple} examples belong together, and one of {self.batch_size} leaves some over; make "
            f"'batch_size' a multiple of {multiple}.",
        )

    @property
    def method_names(self) -> list[str]:
        """The names of `methods`, in this order."""
        return [Method.of(each).name for each in self.methods]

    def to_json(self) -> dict[str, Any]:
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Training:
        known = [each.name for each in fields(cls)]
        for key in data:
            if key not in known:
                raise unknown("training setting called", key, known)
        return cls(**data)


Training.__doc__ = "\n".join(
    [f"{Training.__doc__}\n\nArgs:", *(f"    {each.name}: {each.metadata['doc']}" for each in fields(Training))]
)


def check_setting(name: str, value: Any, limits: tuple[Any, ...] | str, *, whole: bool) -> None:
    """Raise unless a value is within the limits of its `setting`."""
    if isinstance(limits, str):
        require(isinstance(value, str), f"The training setting '{name}' must be {limits}, not {value!r}.")
    elif limits and isinstance(limits[0], str):
        if value not in limits:
            raise unknown(name, value, limits)
    elif limits:
        check_number(f"The training setting '{name}'", value, *limits, whole=whole)


def check_settings(spec: Spec, training: Training) -> None:
    """What the settings name is there, and what they ask for can be done with this spec. Nothing was read yet.

    Raises:
        MMZooError: names the setting and what it may be.
    """
    from mmzoo.training.methods import made

    if training.monitor and training.monitor not in spec.metric_names:
        raise unknown("validation metric to monitor called", training.monitor, spec.metric_names)
    for name in training.tune_inputs:
        if name not in spec.input_names:
            raise unknown("input for 'tune_inputs' called", name, spec.input_names)
    for method in made(training.methods):
        method.check(spec, training)
