"""A kind of input that somebody adds in one file of their own works everywhere, with nothing else said of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
import mmzoo.lite
from mmzoo.data.records import Records
from mmzoo.data.table import Source
from mmzoo.errors import DataError, MMZooError
from mmzoo.inspection.check import check
from mmzoo.modalities import modalities
from mmzoo.towers import towers
from tests.conftest import small_records, small_spec

FILE = '''
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import DataError
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers


@modalities.register("scalar")
@dataclass(frozen=True)
class Scalar(Modality):
    """One number."""

    tower: Tower | str = "dense_scalar"
    kind: ClassVar[str] = "scalar"

    @property
    def shape(self) -> tuple[int, ...]:
        return (1,)

    @property
    def dtype(self) -> str:
        return "float32"

    def decode(self, value: Any) -> np.ndarray:
        try:
            return np.array([float(value)], np.float32)
        except (TypeError, ValueError):
            raise DataError(f"Scalar '{self.name}' must be a number, not {value!r}.", "bad_number") from None


@towers.register("dense_scalar", serves="scalar")
def dense_scalar(x: Any, item: Scalar, *, width: int = 4) -> Tokens:
    """One token."""
    values = keras.layers.Dense(width, activation="tanh", name=scoped(item)("dense"))(x)[:, None]
    return Tokens(values, keras.ops.ones_like(values[..., 0], dtype="bool"))
'''


@pytest.fixture
def scalar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The class of the new kind; the registries are what they were when the test is over."""
    for registry in (modalities, towers):
        registry.names()  # loads what the package has
        for entries in ("_entries", "_facts", "_checks", "_hints"):
            monkeypatch.setattr(registry, entries, dict(getattr(registry, entries)))
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "a_new_kind.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path / "kinds")
    yield importlib.import_module("a_new_kind").Scalar
    sys.modules.pop("a_new_kind")


def with_level(records: Records) -> Records:
    levels = [None if k == 1 else (ord(label[0]) - ord("a")) / 4 for k, label in enumerate(records.columns["animal"])]
    return Records({**records.columns, "level": levels}, records.ids)


def test_a_column_of_a_new_kind(scalar: Any) -> None:
    columns = {"level": ["0.5", "1", None, "2"], "says": ["one two", "two", "three", "four"], "label": [*"abab"]}
    table = mmzoo.read_table(columns, kinds={"level": "scalar", "label": "category"})
    spec, records = mmzoo.table_spec(table, "label")
    assert spec.inputs[0] == scalar("level")
    assert [spec.inputs[0].decode(each).tolist() for each in records.columns["level"] if each] == [[0.5], [1.0], [2.0]]
    for value in ("0.5", 0.5, np.float32(0.5)):
        assert scalar("x").decode(scalar.from_stored(scalar.to_stored(value), "it")) == 0.5
    with pytest.raises(MMZooError, match="kind of column"):
        mmzoo.read_table(columns, kinds={"level": "scalars"})

    kinds = {"level": "scalar", "says": "text", "label": "category"}
    found = check(Source("memory", {"train": records}, kinds, "label"))
    assert found.missing["level"] == 1
    assert not found.faults.bad


@pytest.mark.long
def test_a_run_with_a_new_kind(scalar: Any, tmp_path: Path) -> None:
    spec = small_spec(inputs=[small_spec().inputs[1], scalar("level")])
    assert mmzoo.Spec.from_json(spec.to_json()) == spec
    records = with_level(small_records(24))
    training = mmzoo.Training(epochs=2, batch_size=8, methods=["mixup"])
    run = mmzoo.train(spec, records, with_level(small_records(12, 1)), training=training, out=tmp_path / "run")
    record = {"words": "the cat", "level": 0.5}

    found = run.explain(record)
    assert set(found.shares["logit"]) == {"words", "level"}
    assert set(found.inside) == {"words"}, "nobody can look into a number"
    found.draw(tmp_path / "why.png")

    test = with_level(small_records(8, 2))
    assert run.evaluate(test, noise=True)["subsets"].keys() == {"words", "level", "words+level"}
    page = (run.folder / "report.html").read_text()
    assert "<strong>0.5</strong>" in page
    assert '<p class="soft">no level</p>' in page

    mmzoo.save(run.model, tmp_path / "saved")
    wanted = run.predict(record)["animal"]
    loaded = mmzoo.predict(mmzoo.load(tmp_path / "saved"), record)["animal"]
    np.testing.assert_allclose(list(loaded.values()), list(wanted.values()), atol=1e-6)
    for form in ("saved_model", "tflite"):
        assert all(row["max_abs_diff"] < 1e-5 for row in run.export(form, test))
    (file,) = (run.folder / "export").glob("*.tflite")
    client = mmzoo.lite.Model(file)
    np.testing.assert_allclose(list(client.predict(record)["animal"].values()), list(wanted.values()), atol=1e-5)
    with pytest.raises(DataError, match="must be a number"):
        client.predict({"level": "high"})
