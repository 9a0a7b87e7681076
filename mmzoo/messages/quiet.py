"""TensorFlow without the lines that its C++ parts write about devices that are not there; Keras without matplotlib."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
TALKATIVE = ("0", "1")
KERAS = ("keras", "keras._tf_keras.keras", "keras.src")
LATER = [f"{package}.{part}" for package in KERAS for part in ("visualization", "wrappers")]


def quieten() -> None:
    """Let TensorFlow say nothing but errors, also while it is imported; unless it is imported already, or the user has
    said by `TF_CPP_MIN_LOG_LEVEL` that he wants to hear it. See `Later` too."""
    if "keras" not in sys.modules and not any(isinstance(each, Later) for each in sys.meta_path):
        sys.meta_path.insert(0, Later())
    wanted = os.environ.setdefault(LEVEL, "3") not in TALKATIVE
    if wanted and "tensorflow" not in sys.modules and not any(isinstance(each, Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, Finder())


@contextmanager
def silenced() -> Iterator[None]:
    """Inside, what is written to the file descriptor of the errors is lost: TensorFlow writes there before it has read
    any setting of its log."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Finder(MetaPathFinder):
    """Lets TensorFlow be imported by `Quietly`, whoever imports it first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = Quietly(spec.loader)
        return spec


class Later(MetaPathFinder):
    """Lets parts of Keras be imported when something of them is used: they import matplotlib and scikit-learn, which
    takes a third of the time that TensorFlow takes in all."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in LATER else None
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


class Quietly(Loader):
    """Another loader, with `silenced` around it."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader  # who asks for its files later is answered by its own
        with silenced():
            self.loader.exec_module(module)
