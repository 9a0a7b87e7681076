"""The formats: one file a kind of file that a model is exported as.

    @formats.register("name", needs=("package",), install="mmzoo[extra]")
    class Name(Format):
        variants: ClassVar = {"name": Variant("what it is", difference=1e-5)}

        def write(self, job, wanted): ...  # yields each variant's path
        def run(self, variant, path, spec, inputs): ...  # how the file answers the records of the proof

`needs` are the packages that must be installed, `install` what brings them. Nobody else knows a format by its name:
the command line, the proof and the report ask this registry. The file of a format imports nothing heavy before it
writes, because the command line reads its variants.
"""

from __future__ import annotations

import importlib.util

from mmzoo.errors import require
from mmzoo.export.formats.base import Format
from mmzoo.registry import Registry

formats: Registry[type[Format]] = Registry("format", __name__)


def known_variants() -> dict[str, type[Format]]:
    """Every variant that an export may have, in the order of the report, and the first format that writes it."""
    found: dict[str, type[Format]] = {}
    for name in sorted(formats.names(), key=lambda name: formats[name].choice):
        for variant in formats[name].variants:
            found.setdefault(variant, formats[name])
    return found


def usable(name: str) -> Format:
    """A format of which all that it needs is installed.

    Raises:
        MMZooError: there is no such format, or a package is not installed.
    """
    made, facts = formats[name](), formats.facts(name)
    missing = [package for package in facts.get("needs", ()) if importlib.util.find_spec(package) is None]
    remedy = facts.get("install", " ".join(missing))
    require(not missing, f"The format '{name}' needs {', '.join(missing)}; pip install '{remedy}'.")
    return made


def with_choice() -> list[str]:
    """The formats of whose variants one may be chosen."""
    return [name for name in formats.names() if formats[name].choice]
