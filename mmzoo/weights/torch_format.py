"""torch's first file format (before the zip of 1.6), read without torch and without unpickling anything.

Such a file is a row of five pickles (magic number, version, machine, the object that was saved, the keys of the
storages), then each storage: how many numbers it has, and the numbers. A pickle is a program for a small machine; here
is one that has only what a dict of tensors needs, and that makes nothing but dicts, lists, tuples, texts, numbers and
descriptions of tensors. A file can neither name a function that would be called nor ask for more memory than it has
bytes.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.weights.reading import read_published

MAGIC = 0x1950A86A20F9469CFC6C
LIMIT = 2**30  # bytes of a file
MAX_STEPS = 2_000_000  # of the machine; a file of a thousand tensors takes 50,000
MAX_RANK = 8
DTYPES = {
    "torch FloatStorage": "<f4",
    "torch DoubleStorage": "<f8",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "<i1",
    "torch ByteStorage": "<u1",
    "torch BoolStorage": "?",
}
DICT, TENSOR, PARAMETER = (
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
)


class Name(NamedTuple):
    """A thing of Python that the file names; never looked up."""

    name: str


class Storage(NamedTuple):
    """Numbers behind the pickles."""

    dtype: str
    key: str


class Tensor(NamedTuple):
    """A view of a storage: `offset` and `strides` count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Mark:
    """Where a row of values begins on the stack."""


def read_torch(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a file in torch's first format, by their keys; those of dicts within it by `key.key`.

    What is neither a tensor nor a dict (an epoch, a loss) is left out.

    Raises:
        MMZooError: it cannot be read, is of another format, cut short or damaged, or asks for anything that tensors
            do not need.
    """
    data = read_published(path, LIMIT)
    try:
        return tensors_of(data)
    except MMZooError as error:
        raise MMZooError(f"The weights file '{path}' is refused: {error}") from None
    except Exception as error:  # steps that do not fit together fail in any way
        raise MMZooError(
            f"The weights file '{path}' is damaged or not of torch's first format ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}); get it again."
        ) from None


def tensors_of(data: bytes) -> dict[str, np.ndarray]:
    """What `read_torch` returns, of the file's bytes."""
    file = io.BytesIO(data)
    magic = run(file)
    require(magic == MAGIC, "it does not begin as a file of torch's first format does; get it again.")
    _version, _machine, saved, keys = (run(file) for _ in range(4))
    if not isinstance(keys, list):
        raise MMZooError("its storages have no keys; get it again.")
    found = walk(saved)
    require(found, "it has no tensors.")
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in found.values()}
    place, storages = file.tell(), {}
    for key in keys:
        require(len(data) - place >= 8, "it is cut short; get it again.")
        count, place = int.from_bytes(data[place : place + 8], "little"), place + 8
        dtype = np.dtype(dtypes[key])
        require(count * dtype.itemsize <= len(data) - place, "it is cut short; get it again.")
        storages[key] = np.frombuffer(data, dtype, count, place)
        place += count * dtype.itemsize
    arrays, left = {}, 2 * len(data)
    for name, tensor in found.items():
        arrays[name] = view(storages[tensor.storage.key], tensor)
        left -= arrays[name].nbytes
        require(left >= 0, "its tensors are the same numbers again and again.")
    return arrays


def view(storage: np.ndarray, tensor: Tensor) -> np.ndarray:
    """A copy of the part of a storage that a tensor is, which must lie within it."""
    _, offset, shape, strides = tensor
    numbers = (offset, *shape, *strides)
    within = len(shape) == len(strides) <= MAX_RANK and all(type(each) is int and each >= 0 for each in numbers)
    count = math.prod(shape) if within else -1
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=False)) if count else 0
    require(
        0 <= count <= len(storage) and last < max(len(storage), 1),
        "a tensor reaches outside of its own numbers; get it again.",
    )
    if not count:
        return np.zeros(shape, storage.dtype)
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False).copy()


def walk(saved: object) -> dict[str, Tensor]:
    """The tensors of a dict and of dicts within it, by name. One that stands in several places counts once."""
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, object]] = [("", saved)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop(0)
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            waiting += [(f"{name}.{key}" if name else str(key), each) for key, each in value.items()]
    return found


def run(file: io.BytesIO) -> object:
    """The value of one pickle, which ends where the next begins."""
    stack: list[object] = []
    memo: dict[object, object] = {}
    for step, (code, argument, _) in enumerate(pickletools.genops(file)):
        require(step < MAX_STEPS, f"it has over {MAX_STEPS} steps.")
        if code.name == "STOP":
            return stack.pop()
        if code.name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif code.name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif code.name in VALUES:
            stack.append(VALUES[code.name](argument))
        elif code.name in STEPS:
            STEPS[code.name](stack)
        elif code.name != "PROTO":
            raise MMZooError(f"it has the step {code.name}, which tensors do not need.")
    raise MMZooError("it is cut short; get it again.")


def named(argument: object) -> Name:
    """A name that tensors need."""
    name = str(argument)
    if name not in (*DTYPES, DICT, TENSOR, PARAMETER):
        raise MMZooError(f"it asks for {name[:100].replace(' ', '.')!r}, which tensors do not need.")
    return Name(name)


def since_mark(stack: list[object]) -> list[object]:
    """What stands on the stack behind the last mark, taken off with it."""
    place = next(place for place in range(len(stack) - 1, -1, -1) if isinstance(stack[place], Mark))
    found = stack[place + 1 :]
    del stack[place:]
    return found


def last(stack: list[object], count: int) -> tuple[object, ...]:
    """The last `count` values of the stack, taken off it."""
    require(len(stack) >= count, "its steps do not fit together.")
    found = tuple(stack[len(stack) - count :])
    del stack[len(stack) - count :]
    return found


def set_items(stack: list[object], items: Sequence[object]) -> None:
    """Keys and values, one after the other, into the dict on top of the stack."""
    target = stack[-1]
    if not isinstance(target, dict) or len(items) % 2:
        raise MMZooError("its steps do not fit together.")
    for key, value in zip(items[::2], items[1::2], strict=True):
        require(isinstance(key, (str, int)), "a key is neither a text nor a number.")
        target[key] = value


def extend(stack: list[object], items: Sequence[object]) -> None:
    """Values to the list on top of the stack."""
    target = stack[-1]
    if not isinstance(target, list):
        raise MMZooError("its steps do not fit together.")
    target.extend(items)


def storage(stack: list[object]) -> None:
    """("storage", type, key, machine, count, ...) as a `Storage`."""
    held = stack.pop()
    kind, dtype, key, *_ = held if isinstance(held, tuple) else (None, None, None)
    if not (kind == "storage" and isinstance(dtype, Name) and dtype.name in DTYPES and isinstance(key, str)):
        raise MMZooError("a tensor has no storage.")
    stack.append(Storage(DTYPES[dtype.name], key))


def reduce(stack: list[object]) -> None:
    """What a call would make: an empty dict or a tensor; nothing is called."""
    function, arguments = last(stack, 2)
    if not isinstance(arguments, tuple):
        raise MMZooError("its steps do not fit together.")
    name = function.name if isinstance(function, Name) else ""
    if name == DICT and arguments == ():
        stack.append({})
    elif name == TENSOR:
        held, offset, shape, strides, *_ = arguments
        fits = isinstance(held, Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)
        require(fits, "a tensor has no storage, shape or strides.")
        stack.append(Tensor(held, offset, shape, strides))
    elif name == PARAMETER and isinstance(arguments[0], Tensor):
        stack.append(arguments[0])
    else:
        raise MMZooError("it asks for a call, which tensors do not need.")


VALUES: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"), lambda argument: argument),
    "GLOBAL": named,
    "MARK": lambda _: Mark(),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
}
STEPS: dict[str, Callable[[list[object]], object]] = {
    "TUPLE": lambda stack: stack.append(tuple(since_mark(stack))),
    "TUPLE1": lambda stack: stack.append(last(stack, 1)),
    "TUPLE2": lambda stack: stack.append(last(stack, 2)),
    "TUPLE3": lambda stack: stack.append(last(stack, 3)),
    "SETITEM": lambda stack: set_items(stack, last(stack, 2)),
    "SETITEMS": lambda stack: set_items(stack, since_mark(stack)),
    "APPEND": lambda stack: extend(stack, last(stack, 1)),
    "APPENDS": lambda stack: extend(stack, since_mark(stack)),
    "BINPERSID": storage,
    "REDUCE": reduce,
    "BUILD": lambda stack: last(stack, 1),  # an attribute of a dict of torch's: its version
}
