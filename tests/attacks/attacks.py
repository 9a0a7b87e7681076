"""Model folders made to hurt: each attack changes a good folder, and says what the refusal must say."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import load, save

import mmzoo
from mmzoo.folder.card import sealed
from mmzoo.fusions import fusions
from mmzoo.towers import towers

Attack = Callable[[Path], object]
ATTACKS: dict[str, tuple[Attack, str]] = {}
WEIGHTS, GOLDEN, CARD = "weights.safetensors", "golden.safetensors", "card.json"


def refused(words: str, name: str = "") -> Callable[[Attack], Attack]:
    """Decorator: the attack is refused with `words`, a regular expression."""

    def add(attack: Attack) -> Attack:
        key = name or attack.__name__
        assert key not in ATTACKS
        ATTACKS[key] = (attack, words)
        return attack

    return add


# ---------------------------------------------------------------- how a folder is changed, its hashes set right again


def write_card(folder: Path, card: Any) -> None:
    """Any value as a card under a good seal."""
    body = {key: value for key, value in card.items() if key != "sha256"}
    (folder / CARD).write_bytes(sealed(json.dumps(body, indent=1, ensure_ascii=False).removesuffix("\n}").encode()))


@contextmanager
def card_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The card, written again with what was changed in it."""
    card = json.loads((folder / CARD).read_text())
    yield card
    write_card(folder, card)


def put(folder: Path, name: str, data: bytes) -> None:
    """A file with a good entry in the card."""
    (folder / name).write_bytes(data)
    with card_of(folder) as card:
        card["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}


def put_header(folder: Path, header: Any, data: bytes = b"") -> None:
    """Weights of that header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    put(folder, WEIGHTS, len(text).to_bytes(8, "little") + text + data)


def put_tensor(folder: Path, **facts: Any) -> None:
    """Weights of one tensor and 16 bytes, those facts changed."""
    put_header(folder, {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **facts}}, bytes(16))


def change_arrays(folder: Path, change: Callable[[dict[str, np.ndarray]], object], name: str = WEIGHTS) -> None:
    arrays = {key: value.copy() for key, value in load((folder / name).read_bytes()).items()}
    change(arrays)
    put(folder, name, save(arrays))


def change_tower(folder: Path, **options: Any) -> None:
    with card_of(folder) as card:
        card["spec"]["inputs"][0]["tower"] |= options


def change_input(folder: Path, **fields: Any) -> None:
    with card_of(folder) as card:
        card["spec"]["inputs"][0] |= fields


def sparse(path: Path, size: int) -> None:
    """A file that is long and takes no space."""
    with open(path, "ab") as file:
        file.truncate(size)


# ---------------------------------------------------------------- names

for number, bad_name in enumerate(
    [
        "../secret.json",
        "/etc/passwd",
        "..\\secret.json",
        "sub/secret.json",
        "secret.json\0.json",
        "..\u2215secret.json",
        "\uff0e\uff0e\uff0fsecret.json",
        "secret.json\n",
        "secret.py",
        "card.json",
        ".json",
        "a" * 5000 + ".json",
        "~root.json",
    ]
):

    @refused("names a file .* which is outside the folder or not data", f"name_{number}")
    def bad_file_name(folder: Path, bad_name: str = bad_name) -> None:
        (folder.parent / "secret.json").write_text("[]")
        (folder / "secret.py").write_text("[]")
        with card_of(folder) as card:
            card["files"][bad_name] = {"bytes": 2, "sha256": sha256(b"[]").hexdigest()}


# ---------------------------------------------------------------- what is not a plain file


@refused("is a link or not a plain file")
def symlink(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


@refused("is a link or not a plain file")
def hard_link(folder: Path) -> None:
    os.link(folder / GOLDEN, folder.parent / "elsewhere")


@refused("is a link or not a plain file")
def pipe(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)


@refused("is a link or not a plain file")
def pipe_as_card(folder: Path) -> None:
    (folder / CARD).unlink()
    os.mkfifo(folder / CARD)


@refused("is a link or not a plain file")
def directory(folder: Path) -> None:
    (folder / GOLDEN).unlink()
    (folder / GOLDEN).mkdir()


@refused("is a link or not a plain file")
def card_is_a_dangling_link(folder: Path) -> None:
    (folder / CARD).unlink()
    (folder / CARD).symlink_to("/nowhere/card.json")


@refused("golden.safetensors' is missing")
def missing_file(folder: Path) -> None:
    (folder / GOLDEN).unlink()


# ---------------------------------------------------------------- the card


@refused("has no card.json")
def no_card(folder: Path) -> None:
    (folder / CARD).unlink()


@refused("over the limit of 16 MB")
def card_of_200_mb(folder: Path) -> None:
    sparse(folder / CARD, 200 * 2**20)


@refused("its sha256 does not fit")
def empty_card(folder: Path) -> None:
    (folder / CARD).write_bytes(b"")


@refused("its sha256 does not fit")
def white_space_in_card(folder: Path) -> None:
    (folder / CARD).write_bytes((folder / CARD).read_bytes() + b"\n")


for key, text in {
    "list_as_card": b"[\n 1",
    "nesting_bomb": b"[" * 15_000_000,
    "nesting_bomb_of_objects": b'{"a":' * 15_000,
    "not_utf8": b'{"format": "\xff"',
    "utf16": '{"format": 2'.encode("utf-16"),
    "duplicate_keys": b'{"format": 2, "format": 2',
    "nan": b'{"format": NaN',
    "infinity": b'{"format": -Infinity',
    "a_number_that_overflows": b'{"format": 1e999',
    "a_number_of_a_million_digits": b'{"format": 1' + b"0" * 1_000_000,
}.items():

    @refused("is not the JSON that mmzoo writes", key)
    def bad_json(folder: Path, text: bytes = text) -> None:
        (folder / CARD).write_bytes(sealed(text))


@refused("over the limit of 16 MB, 500000 values or 20000 objects")
def a_million_objects(folder: Path) -> None:
    (folder / CARD).write_bytes(sealed(b'{"format": [' + b"{}," * 5_000_000 + b"{}]"))


@refused("is not a card that this version of mmzoo reads")
def as_much_json_as_is_allowed(folder: Path) -> None:
    bulk = [*[{"a": {}}] * 9_000, {str(n): 0 for n in range(480_000)}, "\U0001f427" * 10**6]
    text = json.dumps({"format": bulk}, ensure_ascii=False).removesuffix("}")
    (folder / CARD).write_bytes(sealed(text.encode()))


for key, change in {
    "format_1": {"format": 1},
    "format_true": {"format": True},
    "format_float": {"format": 2.0},
    "spec_is_a_list": {"spec": []},
    "metrics_with_text": {"metrics": {"accuracy": "<script>"}},
    "metrics_too_deep": {"metrics": {"accuracy": [1.0]}},
    "mmzoo_is_a_number": {"mmzoo": 1},
    "files_is_a_list": {"files": [WEIGHTS, GOLDEN]},
    "no_weights_named": {"files": {GOLDEN: {"bytes": 1, "sha256": "0" * 64}}},
    "a_key_too_many": {"module": "os"},
    "code_in_a_key": {"class_name": "Lambda"},
}.items():

    @refused("must|is not a card", key)
    def bad_card(folder: Path, change: dict[str, Any] = change) -> None:
        with card_of(folder) as card:
            card |= change


@refused("must have the keys")
def a_key_too_few(folder: Path) -> None:
    with card_of(folder) as card:
        del card["metrics"]


@refused("over the limit of 64")
def too_many_files(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"] |= {f"a{number}.json": card["files"][WEIGHTS] for number in range(100)}


for key, facts in {
    "negative_length": {"bytes": -1},
    "length_true": {"bytes": True},
    "length_float": {"bytes": 10.0},
    "length_of_an_exabyte": {"bytes": 2**60},
    "short_hash": {"sha256": "00"},
    "hash_in_upper_case": {"sha256": "A" * 64},
    "hash_is_a_list": {"sha256": []},
    "a_fact_too_many": {"url": "http://localhost/weights"},
}.items():

    @refused("must be a length up to 4 GB and a sha256", key)
    def bad_entry(folder: Path, facts: dict[str, Any] = facts) -> None:
        with card_of(folder) as card:
            card["files"][WEIGHTS] |= facts


@refused("wrong length or hash")
def wrong_hash(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"][WEIGHTS]["sha256"] = "0" * 64


@refused("but its card says")
def wrong_length(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"][WEIGHTS]["bytes"] += 1


# ---------------------------------------------------------------- the header of the weights

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


# ---------------------------------------------------------------- other formats under our names


class Reduce:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch /tmp/mmzoo-was-here",))


@refused("is not a safetensors file that mmzoo writes")
def pickle_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, pickle.dumps(Reduce()))


def hdf5(path: Path) -> bytes:
    """An HDF5 file whose only data set is in another file."""
    with h5py.File(path, "w") as file:
        file["weights"] = h5py.ExternalLink("/etc/passwd", "/")
    data = path.read_bytes()
    path.unlink()
    return data


def zip_bomb(path: Path) -> bytes:
    """64 MB of zeros in 64 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("weights", "w") as entry:
        for _ in range(64):
            entry.write(bytes(2**20))
    data = path.read_bytes()
    path.unlink()
    return data


@refused("is not a safetensors file that mmzoo writes")
def hdf5_with_an_external_link_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, hdf5(folder.parent / "file.h5"))


@refused("is not a safetensors file that mmzoo writes")
def zip_bomb_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, zip_bomb(folder.parent / "bomb.zip"))


@refused("is not the JSON that mmzoo writes")
def zip_bomb_as_vocabulary(folder: Path) -> None:
    put(folder, "words_vocabulary.json", zip_bomb(folder.parent / "bomb.zip"))


@refused("is not the JSON that mmzoo writes")
def pickle_as_vocabulary(folder: Path) -> None:
    put(folder, "words_vocabulary.json", pickle.dumps(Reduce()))


for key, vocabulary in {
    "vocabulary_of_numbers": [1, 2, 3],
    "vocabulary_of_nothing": [],
    "vocabulary_is_an_object": {"class_name": "Lambda"},
    "a_piece_of_a_million_letters": ["a" * 1_000_000],
    "vocabulary_of_65536_pieces": [f"{number:016d}" for number in range(65_536)],
    "vocabulary_of_400000_pieces": [f"{number:016d}" for number in range(400_000)],
}.items():

    @refused("vocabulary|cannot be rebuilt", key)
    def bad_vocabulary(folder: Path, vocabulary: Any = vocabulary) -> None:
        put(folder, "words_vocabulary.json", json.dumps(vocabulary).encode())
        change_input(folder, tower={"name": "static_embedding_attention"})


@refused("over the limit of 16 MB")
def vocabulary_of_a_gigabyte(folder: Path) -> None:
    put(folder, "words_vocabulary.json", b"[]")
    sparse(folder / "words_vocabulary.json", 2**30)
    with card_of(folder) as card:
        card["files"]["words_vocabulary.json"]["bytes"] = 2**30


# ---------------------------------------------------------------- the spec

for key, options, words in [
    ("unknown_option", {"module": "os"}, "no option of tower"),
    ("option_of_10_billion", {"width": 10**10}, "whole numbers go to 1048576"),
    ("embedding_of_gigabytes", {"width": 2**20}, "asks for more weights than"),
    ("attention_of_many_heads", {"heads": 65_536}, "asks for more weights than"),
    ("zero_heads", {"heads": 0}, "cannot be rebuilt"),
    ("negative_width", {"width": -8}, "cannot be rebuilt"),
    ("width_is_text", {"width": "8"}, "cannot be rebuilt"),
    ("lambda_layer", {"width": {"class_name": "Lambda", "config": {"function": "os.system"}}}, "cannot be rebuilt"),
    ("lambda_as_dropout", {"dropout": {"module": "os", "class_name": "system"}}, "cannot be rebuilt"),
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
    ("kind_is_a_list", {"kind": []}, "cannot be rebuilt"),
    ("unknown_field", {"config": {}}, "no field of text"),
    ("tower_is_a_number", {"tower": 5}, "A tower is a name or"),
    ("name_with_a_path", {"name": "../../x"}, "must be lower-case letters"),
    ("field_of_another_type", {"max_bytes": [1, 2]}, "must be a whole number"),
    ("huge_input", {"max_bytes": 65_536}, "must be a whole number from 8 to 4096"),
    ("a_tower_of_absurd_width", {"kind": "image", "tower": {"name": "small_cnn", "filters": [10**9]}}, "go to 1048576"),
    (
        "a_tower_of_great_width",
        {"kind": "image", "tower": {"name": "small_cnn", "filters": [65_536] * 4}},
        "more weights",
    ),
    (
        "a_sound_of_a_minute",
        {"kind": "audio", "tower": "spectrogram_cnn", "sample_rate": 48000, "seconds": 60},
        "weight",
    ),
    (
        "a_tower_of_great_depth",
        {"kind": "image", "tower": {"name": "small_cnn", "filters": [1] * 65_536}},
        "more weights|cannot be rebuilt",
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
    ("fusion_with_code", {"fusion": {"name": "concat", "dropout": "__import__('os')"}}, "cannot be rebuilt"),
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
    "tabular": {"numbers": ["age"], "means": [0.0], "deviations": [1.0]},
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


# ---------------------------------------------------------------- weights and answers that do not fit


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
