"""How a model is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from mmzoo.aliases import Raw
from mmzoo.choice import Method, Tune, plain
from mmzoo.errors import as_tuple, check_number, require, unknown
from mmzoo.spec import Spec

T = TypeVar("T")


def setting(default: T, *limits: T | float) -> T:
    """A field of `Training`: a number between two others, both included, or one of several words."""
    return field(default=default, metadata={"limits": limits})


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
        methods: what there is to learn by beside the loss, applied in this order: names, or
            `Method(name, option=...)`; see `mmzoo list methods`.
        modality_dropout: share of the modalities that are left out, drawn for each example;
            one always stays (Neverova et al. 2016, "ModDrop").
        num_variants: how many variants of each example a frozen network reads, which are computed once; the first is
            the original. What a tower that trains reads is augmented anew in each epoch, whatever this says; an input
            with `augmentations=[]` is not.
        balance: "none"; "weights", records of rare labels of the first task count more in the loss; "sampling", they
            are drawn more often, and a pass has more examples.
        init_from: the folder of a run whose weights this one begins with, those of its most important channels where
            its towers are wider; random ones, or a package's, if not given.
        memory: gigabytes that decoded examples may take; beyond it the largest inputs are decoded again for each batch.
        clip_norm: gradients longer than this are scaled down to it.
        monitor: the metric that chooses the best epoch, by its name in the history without `val_`; the first
            task's primary one, if not given.
        patience: training ends after so many epochs without a better one; 0 for never.
        ema_decay: weights are averaged with this momentum over the steps, and the average is what is kept; 0 for none.
        precision: what the layers compute in: "float32", "bfloat16", or "float16" with loss scaling (Micikevicius
            et al. 2018, arXiv:1710.03740). Weights, log-mels, heads and losses are float32 whichever it is, and so is
            the model that is saved.
        allreduce_dtype: what gradients are while replicas add them up, once a batch; in 16 bits half as much goes over
            the network, and N replicas do not quite give what one gives. One replica exchanges nothing.
        sync_batch_norm: does batch normalization see the examples of all replicas? Else, and wherever places are
            masked, each replica normalizes by its own, which saves two messages a layer and step. The moving statistics
            are averaged when an epoch ends then, and N replicas do not quite give what one gives.
        grad_accum_steps: a batch goes through the model in so many parts, for less memory. The gradient is that of the
            whole batch, but for batch normalization, which sees a part at a time. With a retrieval, which compares all
            examples of a batch, the parts go through the model twice.
        steps_per_execution: up to so many steps are one call into the graph, for less overhead; the numbers are the
            same.
    """

    epochs: int = setting(30, 1, 1_000_000)
    batch_size: int = setting(32, 1, 65_536)
    learning_rate: float = setting(1e-3, 0, 10)
    weight_decay: float = setting(0.01, 0, 10)
    fine_tune_rate: float = setting(0.1, 0, 10)
    tune: Tune | str = "full"
    tune_inputs: Sequence[str] = ()
    methods: Sequence[Method | str] = ()
    modality_dropout: float = setting(0.2, 0, 0.95)
    num_variants: int = setting(1, 1, 64)
    balance: str = setting("none", "none", "weights", "sampling")
    init_from: str = ""
    memory: float = setting(4.0, 0, 1e6)
    clip_norm: float = setting(1.0, 1e-6, 1e9)
    ema_decay: float = setting(0.99, 0, 0.99999)
    monitor: str = ""
    patience: int = setting(0, 0, 1_000_000)
    schedule: str = setting("cosine", "constant", "cosine", "plateau")
    precision: str = setting("float32", "bfloat16", "float16", "float32")
    allreduce_dtype: str = setting("float32", "bfloat16", "float16", "float32")
    sync_batch_norm: bool = True
    grad_accum_steps: int = setting(1, 1, 65_536)
    steps_per_execution: int = setting(16, 1, 1024)

    def __post_init__(self) -> None:
        for each in fields(self):
            check_setting(each, getattr(self, each.name))
        self._check_choices()
        require(
            self.batch_size % self.grad_accum_steps == 0,
            f"A batch of {self.batch_size} cannot be cut into {self.grad_accum_steps} equal parts; "
            "make 'batch_size' a multiple of 'grad_accum_steps'.",
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

    def to_json(self) -> dict[str, object]:
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Training:
        known = [each.name for each in fields(cls)]
        for key in data:
            if key not in known:
                raise unknown("training setting called", key, known)
        return cls(**data)


def check_setting(each: Field[object], value: Raw) -> None:
    """Raise unless a value is of the type of its field, a number or a word, and within its limits."""
    limits = each.metadata.get("limits", ())
    if each.type in ("int", "float"):
        check_number(f"The training setting '{each.name}'", value, *limits, whole=each.type == "int")
    elif each.type == "bool":
        require(isinstance(value, bool), f"The training setting '{each.name}' is true or false, not {value!r}.")
    elif each.type == "str":
        require(isinstance(value, str), f"The training setting '{each.name}' must be a string, not {value!r}.")
        if limits and value not in limits:
            raise unknown(each.name, value, limits)


def check_settings(spec: Spec, training: Training) -> None:
    """What the settings name is there, and what they ask for can be done with this spec. Nothing was read yet.

    Raises:
        MMZooError: names the setting and what it may be.
    """
    from mmzoo.training.methods import made
    from mmzoo.training.methods.base import TrainingMethod

    if training.monitor and training.monitor not in spec.metric_names:
        raise unknown("validation metric to monitor called", training.monitor, spec.metric_names)
    for name in training.tune_inputs:
        if name not in spec.input_names:
            raise unknown("input for 'tune_inputs' called", name, spec.input_names)
    together = next((task.name for task in spec.tasks if task.target == "batch"), "")
    written = next((task.name for task in spec.tasks if task.tags.texts), "")
    hidden = next((task.name for task in spec.tasks if task.hides), "")
    for choice, method in zip(training.method_names, made(training.methods), strict=True):
        method.check(spec, training)
        require(
            not written or method.takes_texts,
            f"The method '{choice}' cannot learn from texts as task '{written}' writes them; leave it out.",
        )
        require(
            not hidden or type(method).batch is TrainingMethod.batch,
            f"The method '{choice}' changes examples of which task '{hidden}' hides parts, so that nobody knows what "
            "is right; leave one of the two out.",
        )
        require(
            not together or training.grad_accum_steps == 1 or type(method).harder is TrainingMethod.harder,
            f"Task '{together}' compares the examples of a whole batch, which cannot be changed part by part: set "
            "'grad_accum_steps' to 1, or leave out the methods that attack examples.",
        )
