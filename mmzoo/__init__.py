"""mmzoo: a zoo of multimodal models for Keras 3 on TensorFlow.

`build(spec)` gives a plain `keras.Model`; `train`, `load`, `save` and the
command line carry it from raw files to a phone. Nothing heavy is imported
before it is used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Audio": "mmzoo.modalities.audio",
    "Classification": "mmzoo.tasks.classification",
    "Fusion": "mmzoo.choice",
    "Image": "mmzoo.modalities.image",
    "MMZooError": "mmzoo.errors",
    "Regression": "mmzoo.tasks.regression",
    "Spec": "mmzoo.spec",
    "Text": "mmzoo.modalities.text",
    "Tower": "mmzoo.choice",
    "build": "mmzoo.builder",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mmzoo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
