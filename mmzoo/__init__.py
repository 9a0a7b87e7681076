"""mmzoo: a zoo of multimodal models for Keras 3 on TensorFlow.

`build(spec)` gives a plain `keras.Model`; `train`, `load`, `save` and the
command line carry it from raw files to a phone. Nothing heavy is imported
before it is used.
"""

from __future__ import annotations

import importlib
from typing import Any

from mmzoo.messages.quiet import quieten

quieten()

__version__ = "0.1.0"

_HOMES = {
    "Audio": "mmzoo.modalities.audio",
    "Augmentation": "mmzoo.choice",
    "Binary": "mmzoo.tasks.binary",
    "Classification": "mmzoo.tasks.classification",
    "Fusion": "mmzoo.choice",
    "Image": "mmzoo.modalities.image",
    "Index": "mmzoo.search.index",
    "LogRegression": "mmzoo.tasks.log_regression",
    "MMZooError": "mmzoo.errors",
    "Method": "mmzoo.choice",
    "MultiLabel": "mmzoo.tasks.multi_label",
    "Objective": "mmzoo.choice",
    "Ordinal": "mmzoo.tasks.ordinal",
    "Recipe": "mmzoo.recipe",
    "Reconstruction": "mmzoo.tasks.reconstruction",
    "Records": "mmzoo.data.records",
    "Regression": "mmzoo.tasks.regression",
    "Retrieval": "mmzoo.tasks.retrieval",
    "Run": "mmzoo.run",
    "Sensor": "mmzoo.modalities.sensor",
    "Spec": "mmzoo.spec",
    "Tabular": "mmzoo.modalities.tabular",
    "Text": "mmzoo.modalities.text",
    "TextAnswer": "mmzoo.tasks.text_answer",
    "TextChoice": "mmzoo.tasks.text_choice",
    "Transcription": "mmzoo.tasks.transcription",
    "Tokenizer": "mmzoo.choice",
    "Tower": "mmzoo.choice",
    "Training": "mmzoo.training.settings",
    "Tune": "mmzoo.choice",
    "Video": "mmzoo.modalities.video",
    "build": "mmzoo.graph.build",
    "compare": "mmzoo.evaluation.compare",
    "evaluate": "mmzoo.evaluation.evaluate",
    "explain": "mmzoo.explanation.explain",
    "fit": "mmzoo.fitting",
    "from_dataset": "mmzoo.data.from_dataset",
    "list": "mmzoo.listing:names",
    "load": "mmzoo.artifact",
    "predict": "mmzoo.inference.predict",
    "publish": "mmzoo.run.publishing",
    "read_table": "mmzoo.data.sources",
    "read_tfds": "mmzoo.data.readers.tfds",
    "save": "mmzoo.artifact",
    "stream": "mmzoo.streaming",
    "table_spec": "mmzoo.data.guess",
    "train": "mmzoo.run.training",
    "transcribe": "mmzoo.transcription.transcribe",
    "tune": "mmzoo.hpo.tune",
}
_MODULES = ("datasets", "lite", "sklearn")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"mmzoo.{name}")
    if name in _HOMES:
        home, _, there = _HOMES[name].partition(":")
        return getattr(importlib.import_module(home), there or name)
    raise AttributeError(f"module 'mmzoo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return ["__version__", *_HOMES, *_MODULES]
