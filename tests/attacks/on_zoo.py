"""Attacks by the options of every tower and fusion there is."""

from __future__ import annotations

import inspect
import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import mmzoo
from mmzoo.fusions import fusions
from mmzoo.towers import towers
from tests.attacks.making import (
    card_of,
    change_input,
    put,
    refused,
)


@refused("To answer one example, the spec asks for 4.0 GB in one tensor")
def attention_over_many_tokens(folder: Path) -> None:
    """All weights are there and right; only the memory of an answer is not."""
    shutil.rmtree(folder)
    tower = mmzoo.Tower("embedding_attention", width=64, heads=64)
    words = mmzoo.Text(
        "words", max_bytes=8, tokens=4, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=4), tower=tower
    )
    mmzoo.save(mmzoo.build(mmzoo.Spec([words], "concat", [mmzoo.Regression("number")], dim=4)), folder)
    change_input(folder, tokens=4096)


FIELDS: dict[str, dict[str, Any]] = {
    "image": {"size": 96},
    "tabular": {"numbers": ["age"], "quantiles": [[0.0, 1.0]]},
}


def choose(folder: Path, registry: Any, name: str, **options: Any) -> None:
    """A card whose tower or fusion is that entry of the registry."""
    with card_of(folder) as card:
        if registry is fusions:
            card["spec"]["fusion"] = {"name": name, **options}
            card["spec"]["inputs"] += [{**card["spec"]["inputs"][0], "name": "others"}]
        else:
            serves = towers.facts(name)["serves"]
            kind = serves if isinstance(serves, str) else max(serves)
            fields = {"kind": kind, "name": "x", "tower": {"name": name, **options}}
            card["spec"]["inputs"] = [fields | FIELDS.get(kind, {})]


for place, entry in [*product([towers], towers.names()), *product([fusions], fusions.names())]:
    for option, parameter in inspect.signature(place[entry]).parameters.items():
        if type(parameter.default) is int:

            @refused("", f"{entry}_with_{option}_65536")
            def great_option(folder: Path, place: Any = place, entry: str = entry, option: str = option) -> None:
                """Whatever joins the zoo: no whole number in its options makes a loader slow or large."""
                choose(folder, place, entry, **{option: 65_536})

        if option == "weights":

            @refused("", f"{entry}_with_weights_from_elsewhere")
            def pretrained(folder: Path, entry: str = entry) -> None:
                """Whatever joins the zoo: a loader never looks for pretrained weights."""
                choose(folder, towers, entry, weights="/etc/passwd")

            @refused("", f"{entry}_with_weights_from_the_network")
            def downloaded(folder: Path, entry: str = entry) -> None:
                choose(folder, towers, entry, weights="imagenet")


SHAPES = {
    "bert": dict.fromkeys(("num_layers", "num_heads", "hidden_dim", "intermediate_dim", "max_sequence_length"), 64),
    "vit": dict.fromkeys(("num_layers", "num_heads", "hidden_dim", "mlp_dim"), 64) | {"patch_size": 8},
}
CODE = {"module": "os", "class_name": "system", "config": "touch /tmp/mmzoo-was-here", "registered_name": "system"}
for entry, shape in SHAPES.items():
    for key, change in {
        "is_empty": {},
        "with_code_as_dtype": {**shape, "dtype": CODE, "hidden_dim": 65_536},
        "with_code_as_width": {**shape, "hidden_dim": CODE},
        "with_many_layers": {**shape, "num_layers": 1_000_000},
    }.items():

        @refused("cannot be rebuilt|more weights|must be", f"{entry}_whose_shape_{key}")
        def bad_shape(folder: Path, entry: str = entry, change: dict[str, Any] = change) -> None:
            put(folder, f"x_{entry}.json", json.dumps(change).encode())
            choose(folder, towers, entry, weights="preset")
