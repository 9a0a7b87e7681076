"""An analysis in a file of its own, which nothing else knows: it is listed, in metrics.json, on the page and drawn."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.evaluation.analyses import analyses, in_order
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.listing import text
from tests.conftest import small_records, small_spec, untrained

COMPLETENESS = '''
"""Confidence by the number of inputs."""

from __future__ import annotations

from typing import Any, ClassVar

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Chart, Line, Table, Text
from mmzoo.evaluation.of_task import TaskEvaluation


@analyses.register("completeness", section="trust")
class Completeness(Analysis):
    """Is the model surer, the more inputs a record has?"""

    def applies(self, result: TaskEvaluation) -> bool:
        return result.task.tags.exclusive

    def compute(self, result: TaskEvaluation) -> Any:
        if len(result.spec.inputs) == 1:
            return {"reason": "One input is there or nothing is."}
        _, predictions = result.labels_and_predictions
        count = result.subset_predictions.present[result.known].sum(axis=1)
        sure = predictions.max(axis=1)
        return [{"inputs": k, "confidence": float(sure[count == k].mean())} for k in sorted({*count.tolist()})]

    def draw(self, found: Any, result: TaskEvaluation) -> list[Block]:
        x, y = [row["inputs"] for row in found], [row["confidence"] for row in found]
        return [
            Chart("Confidence by inputs", [Line("mean", x, y)], "inputs", "mean confidence by number of inputs"),
            Table(["inputs <n>", "confidence"], [[f"{k} of them", sure] for k, sure in zip(x, y)], "completeness"),
            Text("More inputs, more confidence?", soft=True),
        ]
'''


@pytest.fixture
def completeness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The registry is what it was when the test is over."""
    analyses.names()  # loads what the package has
    for entries in ("_entries", "_facts", "_checks", "_hints"):
        monkeypatch.setattr(analyses, entries, dict(getattr(analyses, entries)))
    (tmp_path / "a_completeness.py").write_text(COMPLETENESS)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("a_completeness")
    yield
    del sys.modules["a_completeness"]


@pytest.mark.long
def test_one_file_is_an_analysis(completeness: None, tmp_path: Path) -> None:
    line = next(line for line in text("analyses").splitlines() if line.startswith("completeness "))
    assert line.split(maxsplit=2)[1:] == ["trust", "Is the model surer, the more inputs a record has?"]

    records = small_records(12)
    changed = {"sound": [None, None, *records.columns["sound"][2:]], "age": [float(k) for k in range(12)]}
    records = Records({**records.columns, **changed}, records.ids)
    spec = small_spec(tasks=[*small_spec().tasks, mmzoo.Regression("age")])
    run = untrained(tmp_path / "run", spec)
    run.evaluate(records)
    data = json.loads((run.folder / "metrics.json").read_text())["tasks"]
    found = predict_subsets(run.model, records)
    sure = found.predictions["+".join(spec.input_names)]["animal"].max(axis=1)
    few = found.present.sum(axis=1) == 2
    assert few.sum() == 2
    wanted = [(2, sure[few].mean()), (3, sure[~few].mean())]
    rows = data["animal"]["completeness"]
    assert [row["inputs"] for row in rows] == [k for k, _ in wanted]
    np.testing.assert_allclose([row["confidence"] for row in rows], [mean for _, mean in wanted], rtol=1e-5)
    assert "completeness" not in data["age"], "it is for labels"

    page = (run.folder / "report.html").read_text("utf-8")
    assert page.index('id="animal-trust"') < page.index("Confidence by inputs") < page.index('id="animal-mistakes"')
    assert "inputs &lt;n&gt;" in page, "its words are escaped"
    row = f'<th scope="row"><bdi>2 of them</bdi></th><td class="number"><bdi>{rows[0]["confidence"]:.3f}</bdi></td>'
    assert page.count(row) == 1
    assert '<p class="soft">More inputs, more confidence?</p>' in page
    assert (run.folder / "pictures" / "animal-completeness-confidence-by-inputs.png").is_file()
    (run.folder / "pictures" / "animal-completeness-of-an-earlier-one.png").write_bytes(
        (run.folder / "pictures" / "animal-subsets.png").read_bytes()
    )
    run.evaluate(records.take(6))
    assert not (run.folder / "pictures" / "animal-completeness-of-an-earlier-one.png").exists()

    run = untrained(tmp_path / "words", small_spec().subset(["words"]))
    assert run.evaluate(records)["completeness"] == {"reason": "One input is there or nothing is."}
    assert '<p class="soft">One input is there or nothing is.</p>' in (run.folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "section", "said"),
    [("metrics", "trust", "has already"), ("other", "nowhere", "no section of an analysis")],
)
def test_an_analysis_that_cannot_be(completeness: None, name: str, section: str, said: str) -> None:
    analyses.register(name, section=section)(type("Other", (Analysis,), {}))
    with pytest.raises(MMZooError, match=said):
        in_order()
