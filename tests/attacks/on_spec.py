"""Attacks by the spec of the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.attacks.making import (
    card_of,
    change_tower,
    refused,
)

for key, options, words in [
    ("unknown_option", {"module": "os"}, "no option of tower"),
    ("option_of_10_billion", {"width": 10**10}, "whole numbers go to 1048576"),
    ("embedding_of_gigabytes", {"width": 2**20}, "must be a whole number"),
    ("attention_of_many_heads", {"heads": 65_536}, "must be a whole number"),
    ("zero_heads", {"heads": 0}, "must be a whole number"),
    ("negative_width", {"width": -8}, "must be a whole number"),
    ("width_is_text", {"width": "8"}, "must be a whole number"),
    (
        "lambda_layer",
        {"width": {"class_name": "Lambda", "config": {"function": "os.system"}}},
        "must be a whole number",
    ),
    ("lambda_as_dropout", {"dropout": {"module": "os", "class_name": "system"}}, "must be a number"),
    ("option_nested_deep", {"width": json.loads("[" * 100 + "]" * 100)}, "nested more than 16 levels deep"),
    ("option_of_a_megabyte", {"width": "8" * 10**6}, "has a string of 1000000 characters"),
    ("option_list_too_long", {"width": [1] * 100_000}, "has a list of 100000 entries"),
]:

    @refused(words, key)
    def bad_tower(folder: Path, options: dict[str, Any] = options) -> None:
        change_tower(folder, **options)


for key, fields, words in [
    ("unknown_tower", {"tower": {"name": "keras.layers.Lambda"}}, "There is no tower"),
    ("unknown_kind", {"kind": "os.system"}, "There is no modality"),
    ("kind_is_a_list", {"kind": []}, "with a 'kind'"),
    ("unknown_field", {"config": {}}, "no field of text"),
    ("tower_is_a_number", {"tower": 5}, "A tower is a name or"),
    ("name_with_a_path", {"name": "../../x"}, "must be lower-case letters"),
    ("field_of_another_type", {"max_bytes": [1, 2]}, "must be a whole number"),
    ("huge_input", {"max_bytes": 65_536}, "must be a whole number from 8 to 4096"),
    ("a_tower_of_absurd_width", {"kind": "image", "tower": {"name": "small_cnn", "filters": [10**9]}}, "go to 1048576"),
    (
        "a_tower_of_great_width",
        {"kind": "image", "tower": {"name": "small_cnn", "filters": [65_536] * 4}},
        "must be a whole number",
    ),
    (
        "a_sound_of_a_minute",
        {"kind": "audio", "tower": "spectrogram_cnn", "sample_rate": 48000, "seconds": 60},
        "weight",
    ),
    (
        "a_tower_of_great_depth",
        {"kind": "image", "tower": {"name": "small_cnn", "filters": [1] * 65_536}},
        "must be a list of 1 to 64 entries",
    ),
    (
        "escape_codes",
        {"tower": {"name": "\x1b[2J\x1b]0;owned\x07\nMMZooError: all is well\u202e"}},
        "There is no tower",
    ),
]:

    @refused(words, key)
    def bad_input(folder: Path, fields: dict[str, Any] = fields) -> None:
        with card_of(folder) as card:
            item = card["spec"]["inputs"][0]
            card["spec"]["inputs"] = [{"name": "words", **fields} if "kind" in fields else item | fields]


for key, spec, words in [
    ("unknown_key_of_spec", {"module": "os"}, "no key of a spec"),
    ("spec_of_another_format", {"format": 99}, "has format 99"),
    ("dim_of_a_billion", {"dim": 10**9}, "go to 1048576"),
    ("dim_true", {"dim": True}, "must be a whole number"),
    ("unknown_fusion", {"fusion": {"name": "exec"}}, "There is no fusion"),
    ("fusion_with_code", {"fusion": {"name": "concat", "dropout": "__import__('os')"}}, "must be a number"),
    ("no_tasks", {"tasks": []}, "at least one task"),
    (
        "labels_of_another_model",
        {"tasks": [{"kind": "classification", "name": "a", "labels": [str(n) for n in range(60_000)]}]},
        "more weights",
    ),
    ("inputs_is_an_object", {"inputs": {}}, "must be a list"),
    ("inputs_without_end", {"inputs": [{"kind": "text", "name": f"t{n}"} for n in range(15_000)]}, "up to 256 inputs"),
    (
        "many_inputs",
        {"inputs": [{"kind": "text", "name": f"t{n}"} for n in range(250)], "fusion": "cross_attention"},
        "more weights",
    ),
]:

    @refused(words, key)
    def bad_spec(folder: Path, spec: dict[str, Any] = spec) -> None:
        with card_of(folder) as card:
            card["spec"] |= spec
