"""Attacks by the weights and the golden examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.attacks.making import (
    GOLDEN,
    WEIGHTS,
    card_of,
    change_arrays,
    put,
    put_header,
    put_tensor,
    refused,
    sparse,
)

for key, tensor in {
    "huge_shape": {"shape": [2**40]},
    "shape_that_overflows": {"shape": [2**62, 4]},
    "shape_of_floats": {"shape": [4.0]},
    "shape_of_bools": {"shape": [True, 4]},
    "negative_shape": {"shape": [-1, -4]},
    "shape_of_many_axes": {"shape": [1] * 100 + [4]},
    "offsets_beyond_the_end": {"data_offsets": [0, 2**40], "shape": [2**38]},
    "negative_offsets": {"data_offsets": [-16, 0]},
    "offsets_reversed": {"data_offsets": [16, 0]},
    "offsets_not_at_the_start": {"data_offsets": [4, 20]},
    "three_offsets": {"data_offsets": [0, 8, 16]},
    "unknown_dtype": {"dtype": "PICKLE"},
    "dtype_is_a_list": {"dtype": []},
    "a_tensor_fact_too_many": {"module": "os"},
}.items():

    @refused("is not a safetensors file that mmzoo writes", key)
    def bad_tensor(folder: Path, tensor: dict[str, Any] = tensor) -> None:
        put_tensor(folder, **tensor)


def one(start: int, stop: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(stop - start) // 4], "data_offsets": [start, stop]}


for key, header, data in [
    ("overlapping_tensors", {"a": one(0, 16), "b": one(8, 24)}, bytes(24)),
    ("gap_between_tensors", {"a": one(0, 8), "b": one(12, 16)}, bytes(16)),
    ("bytes_after_the_tensors", {"a": one(0, 8)}, bytes(16)),
    ("truncated_tensors", {"a": one(0, 16)}, bytes(15)),
    ("header_is_a_list", [], b""),
    ("header_with_metadata", {"__metadata__": {"a": "b"}}, b""),
    ("too_many_tensors", {f"a{number}": one(0, 0) for number in range(5000)}, b""),
]:

    @refused("is not a safetensors file that mmzoo writes", key)
    def bad_header(folder: Path, header: Any = header, data: bytes = data) -> None:
        put_header(folder, header, data)


for key, text in {
    "header_nesting_bomb": b'{"a":' * 15_000,
    "header_with_a_tensor_twice": b'{"a": {}, "a": {}}',
    "header_with_nan": b'{"a": NaN}',
    "header_not_utf8": b'{"\xff": 1}',
}.items():

    @refused("The header of .* is not the JSON that mmzoo writes", key)
    def bad_header_text(folder: Path, text: bytes = text) -> None:
        put_header(folder, text)


for key, size in {"header_size_bomb": 2**63, "header_of_2_mb": 2**21, "header_longer_than_the_file": 2**19}.items():

    @refused("its header is (over the limit|cut short)", key)
    def bad_header_size(folder: Path, size: int = size) -> None:
        put(folder, WEIGHTS, size.to_bytes(8, "little") + b'{"a": 1}')


@refused("it is cut short")
def empty_weights(folder: Path) -> None:
    put(folder, WEIGHTS, b"")


@refused("do not belong together")
def weights_of_3_gb(folder: Path) -> None:
    put_header(folder, {"a": one(0, 3 * 2**30)})
    sparse(folder / WEIGHTS, 3 * 2**30 + (folder / WEIGHTS).stat().st_size)
    with card_of(folder) as card:
        card["files"][WEIGHTS]["bytes"] = (folder / WEIGHTS).stat().st_size


@refused("Only the file of .* has a tensor 'extra'")
def extra_tensor(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update(extra=np.zeros(3, np.float32)))


@refused("Only the spec of .* has a tensor")
def missing_tensor(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.pop(min(arrays)))


@refused("but the spec asks for float32")
def wrong_dtype(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update({min(arrays): arrays[min(arrays)].view(np.int32)}))


@refused("but the spec asks for float32")
def wrong_shape(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update({min(arrays): arrays[min(arrays)].reshape(1, -1)}))


@refused("has numbers that are not finite")
def nan_weights(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays[min(arrays)].fill(np.nan))


@refused("has numbers that are not finite")
def infinite_weights(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays[max(arrays)].fill(-np.inf))


@refused("The output 'animal' .* differs by")
def other_weights(folder: Path) -> None:
    change_arrays(folder, lambda arrays: [array.__iadd__(0.5) for array in arrays.values()])


@refused("The output 'animal' .* differs by")
def other_answers(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays["output/animal"].__iadd__(0.01), GOLDEN)


@refused("has numbers that are not finite")
def nan_answers(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays["output/animal"].fill(np.nan), GOLDEN)


@refused("Only the spec of .* has a tensor 'output/animal'")
def no_answers(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.pop("output/animal"), GOLDEN)


@refused("but the spec asks for uint8")
def examples_without_end(folder: Path) -> None:
    change_arrays(folder, lambda arrays: arrays.update({"input/words": np.zeros((1000, 8), np.uint8)}), GOLDEN)
