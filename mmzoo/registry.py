"""Names to things. Everything in the zoo that has a name is found here, and registers itself in a file of its own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Generic, TypeAlias, TypeVar

from mmzoo.errors import MMZooError, unknown
from mmzoo.options import check_options, defaults, hints_of

T = TypeVar("T", bound=Callable[..., object])
Facts: TypeAlias = dict[str, str | tuple[str, ...]]


class Registry(Generic[T]):
    """The entries of one package: every module in it is imported on the first look-up, and registers what it has.

    So are the modules of other installed packages that these name in the entry point group of the registry, which is
    called as it is: `mmzoo.towers`, `mmzoo.methods` ...

    >>> towers = Registry("tower", "mmzoo.towers")
    >>> @towers.register("small_cnn", serves="image")
    ... def small_cnn(x, item, *, filters=(32, 64)): ...
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._entries: dict[str, T] = {}
        self._facts: dict[str, Facts] = {}
        self._checks: dict[str, Callable[..., None]] = {}
        self._hints: dict[str, dict[str, object]] = {}
        self._loaded = False

    def register(
        self, name: str, check: Callable[..., None] | None = None, **facts: str | tuple[str, ...]
    ) -> Callable[[T], T]:
        """Decorator: file an entry under `name` together with `facts` about it; a name is given only once.

        Args:
            check: raises where options do not fit each other or the rest of a spec, see `check_options`.
        """

        def add(entry: T) -> T:
            if name in self._entries:
                raise MMZooError(f"The {self.kind} '{name}' is registered twice.")
            self._entries[name], self._facts[name] = entry, facts
            if check is not None:
                self._checks[name] = check
            return entry

        return add

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            for point in entry_points(group=f"mmzoo.{self.package.rpartition('.')[2]}"):
                try:
                    point.load()
                except Exception as error:
                    self._loaded = False  # to be said at every look-up, not only at the first
                    owner = point.dist.name if point.dist else "unknown"
                    raise MMZooError(
                        f"The installed package '{owner}' has a {self.kind} '{point.name}' ({point.value}) that cannot "
                        f"be loaded ({type(error).__name__}: {error}); update or remove the package."
                    ) from error

    def names(self, **facts: str) -> list[str]:
        """All names, sorted; only those registered with `facts`, if given. One of several values is enough."""
        self._load()

        def fits(found: object, wanted: str) -> bool:
            return found == wanted or (isinstance(found, tuple) and wanted in found)

        return sorted(n for n, f in self._facts.items() if all(fits(f.get(k), v) for k, v in facts.items()))

    def __getitem__(self, name: str) -> T:
        self._load()
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries)
        return self._entries[name]

    def facts(self, name: str) -> Facts:
        """What `name` was registered with, and `summary`: the first line of its docstring."""
        doc = inspect.getdoc(self[name]) or ""
        return {**self._facts[name], "summary": doc.partition("\n")[0]}

    def check_options(self, name: str, options: dict[str, object], *context: object) -> None:
        """Every option is a keyword-only parameter of the entry, and has a value that it may have (`mmzoo.options`).

        Args:
            context: what the entry's own `check` is called with, and with all options: those not given as they are
                by default.
        """
        entry = self[name]
        if name not in self._hints:
            # Of all at once: annotations are compiled, and that should not happen whenever a model is loaded.
            self._hints = {each: hints_of(made) for each, made in self._entries.items()}
        check_options(f"{self.kind} '{name}'", entry, self._hints[name], options)
        if name in self._checks:
            self._checks[name](*context, **{**defaults(entry), **options})
