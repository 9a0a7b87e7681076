"""Spec to model: the whole graph on one screen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

import keras

from mmzoo.aliases import Config, Tensor, Tree
from mmzoo.choice import Fusion, Tower
from mmzoo.declared import declaring
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.graph.begin import begin_with
from mmzoo.graph.parts import Heads, Parts, find_parts, layers_behind, layers_between
from mmzoo.graph.scored import added, scored
from mmzoo.graph.temperature import calibrated
from mmzoo.layers import Gate, IsPresent, Numbers, Presence, Scores, Withheld, entry, pooled
from mmzoo.layers.transformer import gathered
from mmzoo.names import LOG_VARIANCES, single_output
from mmzoo.spec import Spec
from mmzoo.tokens import Fused, masked_mean
from mmzoo.towers import towers
from mmzoo.towers.assets import collecting
from mmzoo.weights import Weights


def build(spec: Spec, *, files: dict[str, object] | None = None, packaged: Collection[Weights] = ()) -> Multimodal:
    """The model that `spec` describes: a plain functional `keras.Model`, dict in, dict out.

    Inputs: each input's name, (B, *shape) of its dtype, and `present`, bool
    (B, M): which of them an example really has, in the spec's order.
    Outputs: each task's name, float32 logits (B, units), those of probabilities
    divided by a temperature, which is 1 while the model trains; with auxiliary heads
    or a decision-level fusion also `<task>.<input>`, one modality's logits; with
    learned task weights `fusion.log_variances` (B, tasks). Of a retrieval they are vectors of length 1,
    of a text its ids and its log-probability (B, tokens + 1).

    Args:
        files: the assets of a saved model; its weights are loaded afterwards, so
            no pretrained ones are looked for.
        packaged: but those, which are read from their packages.

    Raises:
        MMZooError: pretrained weights are asked for and cannot be had.
    """
    fusion = Fusion.of(spec.fusion)
    fuse, level = fusions[fusion.name], fusions.facts(fusion.name)["level"]
    inputs = {item.name: entry(item.shape, item.dtype, item.name) for item in spec.inputs}
    given = present = entry((len(spec.inputs),), "bool", "present")
    if withheld := {task.withholds for task in spec.tasks} - {""}:
        kept = [name not in withheld for name in spec.input_names]
        present = Withheld(kept, name="fusion.withheld")(given)

    gates: dict[str, Tensor] = {}
    real: dict[str, Tensor] = {}
    projected: dict[str, Tensor] = {}
    packages: dict[str, tuple[Weights, ...]] = {}
    own, tokens, means, here = {}, {}, {}, []
    with (
        collecting(files, packaged) as assets,
        declaring(spec.tasks, [item.name for item in spec.inputs if item.is_text]) as declared,
    ):
        for index, item in enumerate(spec.inputs):
            name = item.name
            # What an absent modality holds must not reach anything, be it NaN; so it is cut off at the door.
            gates[name] = Gate(index, name=f"{name}.gate")
            tower = Tower.of(item.tower)
            before = len(declared.packages)
            found = towers[tower.name](gates[name](inputs[name], present), item, **tower.options)
            packages[name] = tuple(declared.packages[before:])
            real[name] = IsPresent(index, name=f"{name}.is_present")
            made = partial(Presence, spec.dim) if level == "feature" or name not in declared.scored else Scores
            projected[name] = made(name=f"{name}.tokens")
            here.append(real[name](found.mask, present))
            tokens[name], own[name] = projected[name](found, here[-1]), found
            means[name] = masked_mean(*found)
        is_present = keras.ops.stack(here, axis=1)

        fused = None
        if level == "feature" and any(task.fuses for task in spec.tasks):
            joined = fuse(tokens, is_present, dim=spec.dim, **fusion.options)
            fused = joined if isinstance(joined, Fused) else Fused(joined)
            if fused.tokens is None and any(task.tags.stepwise for task in spec.tasks):
                fused = Fused(fused.embedding, gathered(tokens, is_present))
        heads: dict[str, Heads] = {}
        outputs: dict[str, Tensor] = {}
        for task in spec.tasks:
            # Each modality's tokens by themselves are to its head what the fusion's are to that of all.
            alone = task.alone(spec.input_names, level == "decision")
            unimodal = {name: Fused(pooled(tokens[name]), tokens[name], means[name]) for name in alone}
            fitted = scored(task, declared, own if level == "feature" else tokens)
            logits = {
                name: fitted[name] if name in fitted else task.head(each, single_output(task.name, name))
                for name, each in unimodal.items()
            }
            raw = head = None
            if task.fuses and fused:
                head = task.head(fused, task.name)
                raw = added(head, fitted, dict(zip(spec.input_names, here, strict=True)))
            elif task.fuses:
                raw = fuse(logits, is_present, task=task, **fusion.options)
            answer, single, more = task.completed(raw, logits, dict(zip(spec.input_names, here, strict=True)))
            joining = [*here, *logits.values(), *([] if raw is None else [raw])]
            outputs[task.name], calibration = calibrated(task, answer, is_present)
            heads[task.name] = Heads(
                layers_between(fused, head) if fused and task.fuses else (),
                {name: layers_between(unimodal[name], each) for name, each in logits.items() if name not in fitted},
                *calibration,
                layers_behind(joining, answer),
            )
            outputs |= {single_output(task.name, name): each for name, each in single.items()} | more
        if spec.task_weights == "learned":
            outputs[LOG_VARIANCES] = Numbers([0.0] * len(spec.tasks), name=LOG_VARIANCES)(present)

    model = Multimodal(spec, assets.files, inputs={**inputs, "present": given}, outputs=outputs, name="mmzoo")
    model.parts = find_parts(model, declared, gates, real, projected, packages, heads)
    if files is None:
        for name, weights in declared.begins.items():
            begin_with(model, name, weights)
    return model


@keras.saving.register_keras_serializable("mmzoo")
class Multimodal(keras.Model):
    """A functional model that remembers its spec and its parts, and says by name what is wrong with its inputs.

    In a Keras file stands its spec, from which it is built again. Without a spec, as `keras.models.clone_model` makes
    it, it is a functional model like any other.
    """

    parts: Parts

    def __init__(self, spec: Spec, assets: dict[str, object], **graph: object) -> None:
        super().__init__(**graph)
        self.spec, self.assets = spec, assets

    def get_config(self) -> dict[str, object]:
        return {"spec": self.spec.to_json(), "assets": dict(self.assets), "dtype": self.dtype_policy.name}

    @classmethod
    def from_config(cls, config: Config, custom_objects: object = None) -> Multimodal:
        with computing_in(config["dtype"]):
            return build(Spec.from_json(config["spec"]), files=config["assets"])

    def __call__(self, inputs: Tree, *args: object, **kwargs: object) -> Tree:
        wanted = [*self.spec.input_names, "present"]
        require(
            isinstance(inputs, dict), f"The model takes a dict with {', '.join(wanted)}, not {type(inputs).__name__}."
        )
        extra, lacking = inputs.keys() - set(wanted), set(wanted) - inputs.keys()
        require(not extra, f"The model has no input {', '.join(sorted(extra))}; it takes {', '.join(wanted)}.")
        require(
            not lacking,
            f"The model needs {', '.join(sorted(lacking))} too; what an example lacks may hold anything, as long as "
            "`present` says so.",
        )
        return super().__call__(inputs, *args, **kwargs)


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made inside compute in this precision or policy; their weights are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(f"mixed_{precision}" if precision in ("float16", "bfloat16") else precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
