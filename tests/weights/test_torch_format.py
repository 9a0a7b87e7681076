"""torch's first format without torch: what tensors are, and that a file can do nothing else."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmzoo.errors import MMZooError
from mmzoo.weights.torch_format import MAGIC, read_torch, tensors_of

X = np.arange(12, dtype="<f4")


class Named:
    """Pickled as a name of Python's, whatever is there."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickled as a call of such a name."""

    def __init__(self, function: Named, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


class Writer(pickle._Pickler):  # type: ignore[name-defined]
    """Writes what torch would, in Python, since the one in C looks names up."""

    def save(self, value: Any, *rest: Any, **options: Any) -> None:
        if isinstance(value, Named):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, *rest, **options)

    def persistent_id(self, value: Any) -> Any:
        return value["pid"] if isinstance(value, dict) and value.keys() == {"pid"} else None


def dumped(value: Any) -> bytes:
    file = io.BytesIO()
    Writer(file, 2).dump(value)
    return file.getvalue()


def tensor(key: str = "7", offset: Any = 0, shape: Any = (3, 4), strides: Any = (4, 1), dtype: str = "Float") -> Call:
    held = {"pid": ("storage", Named("torch", f"{dtype}Storage"), key, "cpu", 12, None)}
    empty = Call(Named("collections", "OrderedDict"))
    return Call(Named("torch._utils", "_rebuild_tensor_v2"), held, offset, shape, strides, False, empty)


def file_of(saved: Any, storages: dict[str, np.ndarray], magic: int = MAGIC) -> bytes:
    head = b"".join(dumped(part) for part in (magic, 1001, {"little_endian": True}, saved, list(storages)))
    return head + b"".join(len(each).to_bytes(8, "little") + each.tobytes() for each in storages.values())


def test_strides_offsets_and_what_is_within() -> None:
    whole = np.arange(12, dtype="<i8")
    saved = {
        "rows": tensor(),
        "columns": tensor(strides=(1, 3)),
        "part": tensor(offset=5, shape=(2,), strides=(3,)),
        "one": tensor(offset=11, shape=(), strides=()),
        "none": tensor(shape=(0, 4)),
        "state": {"count": tensor("8", shape=(12,), strides=(1,), dtype="Long"), "epoch": 3},
        "loss": [0.5, None, True],
    }
    found = tensors_of(file_of(saved, {"7": X, "8": whole}))
    assert list(found) == ["rows", "columns", "part", "one", "none", "state.count"]
    np.testing.assert_array_equal(found["rows"], X.reshape(3, 4))
    np.testing.assert_array_equal(found["columns"], X.reshape(4, 3).T)
    np.testing.assert_array_equal(found["part"], [5, 8])
    np.testing.assert_array_equal(found["one"], 11)
    assert found["none"].shape == (0, 4)
    np.testing.assert_array_equal(found["state.count"], whole)


@pytest.mark.parametrize(
    "view",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**62},
        {"strides": (4, 2)},
        {"strides": (-4, 1)},
        {"strides": (2**62, 2**62)},
        {"shape": (2**40, 4), "strides": (0, 0)},
        {"shape": (4, 4)},
        {"shape": (3, 4, 1)},
        {"shape": (True, 4)},
        {"shape": (1.0, 4)},
        {"shape": (1,) * 9, "strides": (1,) * 9},
    ],
    ids=str,
)
def test_a_tensor_stays_within_its_numbers(view: dict[str, Any]) -> None:
    with pytest.raises(MMZooError, match="reaches outside of its own numbers"):
        tensors_of(file_of({"weight": tensor(**view)}, {"7": X}))


@pytest.mark.parametrize(
    ("saved", "reason"),
    [
        ({"weight": Call(Named("builtins", "eval"), "print('run')")}, "'builtins.eval'"),
        ({"weight": Named("os", "system")}, "'os.system'"),
        ({"weight": Call(Named("collections", "OrderedDict"), [("a", 1)])}, "a call"),
        ({"weight": Call(Named("torch", "FloatStorage"), 10**9)}, "a call"),
        ({"weight": {"pid": ("storage", Named("collections", "OrderedDict"), "7", "cpu", 12)}}, "no storage"),
        ({"weight": frozenset("abc")}, "'__builtin__.frozenset'"),
        ({(1, 2): 3}, "a key is neither"),
        ({"epoch": 3}, "no tensors"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_but_tensors_is_read(saved: Any, reason: str) -> None:
    with pytest.raises(MMZooError, match=reason):
        tensors_of(file_of(saved, {"7": X}))


def test_few_numbers_do_not_become_many() -> None:
    saved = {str(k): tensor(shape=(5000,), strides=(1,)) for k in range(4)}
    with pytest.raises(MMZooError, match="again and again"):
        tensors_of(file_of(saved, {"7": np.zeros(5000, "<f4")}))


def test_a_dict_within_itself_ends() -> None:
    saved: dict[str, Any] = {"weight": tensor()}
    saved |= {str(k): saved for k in range(9)}
    assert list(tensors_of(file_of(saved, {"7": X}))) == ["weight"]


def test_one_sentence_for_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    with pytest.raises(MMZooError, match="cannot be read"):
        read_torch(path)
    for data in (b"", b"PK\3\4" + bytes(30), b"\x80\x02}q\0.", file_of({"weight": tensor()}, {"7": X}, magic=5)):
        path.write_bytes(data)
        with pytest.raises(MMZooError, match=r"model\.pth") as caught:
            read_torch(path)
        assert "\n" not in str(caught.value)


GOOD = file_of({"weight": tensor(), "bias": tensor("8", shape=(12,), strides=(1,))}, {"7": X, "8": X})


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_cut_short(length: int, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(GOOD[:length])
    with pytest.raises(MMZooError, match=r"model\.pth"):
        read_torch(tmp_path / "model.pth")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_changed_file_gives_numbers_of_its_own_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "changed.pth"
    path.write_bytes(data)
    try:
        found = read_torch(path)
    except MMZooError as error:
        assert "\n" not in str(error)
    else:
        assert sum(array.nbytes for array in found.values()) <= 2 * len(data)
