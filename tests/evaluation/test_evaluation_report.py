"""The page and the card: everything is on them, for every task, and nothing comes from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mmzoo
from mmzoo.data.records import Records
from mmzoo.evaluation.blocks import Line
from mmzoo.reports.charts import lines
from mmzoo.reports.report import curves
from tests.conftest import small_records, small_spec, untrained, usual
from tests.evaluation.test_evaluation import TASKS, labelled, records_for

QUICK = mmzoo.Training(epochs=2, batch_size=8)


class Outline(HTMLParser):
    """Which tags are open, which ids and links there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in ("meta", "link", "img", "line", "polyline", "circle"):
            self.open.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [str(found[key]) for key in ("href", "src") if key in found]
        if tag in ("img", "audio", "svg") and not (found.get("alt") or found.get("aria-label")):
            self.unnamed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()


def page_of(run: mmzoo.Run) -> tuple[str, Outline]:
    page = (run.folder / "report.html").read_text("utf-8")
    outline = Outline()
    outline.feed(page)
    return page, outline


def check_page(page: str, outline: Outline) -> None:
    """It is whole, needs nothing from elsewhere, and every link leads somewhere."""
    assert not outline.open, "a tag is not closed"
    assert not outline.unnamed
    assert len(outline.ids) == len(set(outline.ids))
    for link in outline.links:
        assert link.startswith(("data:", "#")) or link == "answers.csv", "the page needs nothing from elsewhere"
        assert not link.startswith("#") or link[1:] in outline.ids
    assert "nan" not in re.sub(r"base64,[^\"')]*", "", page).lower()


@pytest.mark.slow
@pytest.mark.parametrize("kind", usual(TASKS, {"classification"}))
def test_every_task_has_a_page(kind: str, learned: Path, tmp_path: Path) -> None:
    spec = small_spec(tasks=[TASKS[kind]])
    records, others = (labelled(records_for(kind, 26, seed), "animal") for seed in (0, 1))
    records.columns["sound"] = [None, *records.columns["sound"][1:]]
    if kind == "classification":
        run = mmzoo.Run(shutil.copytree(learned, tmp_path / "run"))
    else:
        run = mmzoo.train(spec, records, training=QUICK, out=tmp_path / "run")
    data = run.evaluate(records, validation=others, noise=True)
    assert json.loads((run.folder / "metrics.json").read_text()) == json.loads(json.dumps(data))
    page, outline = page_of(run)
    check_page(page, outline)
    assert data["verdict"].split(" (")[0] in page
    assert page.count("<article") == 8
    for title in ("What each modality is worth", "How it bears noise", "How far to trust it", "Where the mistakes are"):
        assert f">{title}</h2>" in page
    assert ("confusion matrix" in page) == (kind in ("classification", "binary", "ordinal"))
    assert "<bdi>" in page and '<p dir="auto"' in page  # texts of people are read in their own direction
    assert ("Answer by truth" in page) == (kind == "regression")
    pictures = {path.name for path in (run.folder / "pictures").glob("*.png")}
    assert {"subsets.png", "noise-picture-jpeg.png", "noise-sound-babble.png", "curves-loss.png"} <= pictures
    assert ("confusion.png" in pictures) == (kind in ("classification", "binary", "ordinal"))
    assert ("residuals-answer-by-truth.png" in pictures) == (kind == "regression")
    assert len(pictures) == page.count("<svg") + 1 + ("confusion.png" in pictures), (
        "each chart of the page, and subsets"
    )
    card = (run.folder / "model_card.md").read_text("utf-8")
    assert all(f"## {title}" in card for title in ("Model", "Data", "Training", "Results", "Limits", "Spec"))
    assert "sha256" in card


@pytest.mark.long
def test_a_page_of_two_tasks(tmp_path: Path) -> None:
    """Each has its verdict, its sections and its pictures, under its name; those of other tasks are gone."""
    spec = small_spec(tasks=[TASKS["classification"], mmzoo.Regression("age")])
    records, others = records_for("classification"), records_for("classification", 24, 1)
    run = untrained(tmp_path / "run", spec)
    data = run.evaluate(records, validation=others, noise=True, mc_dropout=2)
    page, outline = page_of(run)
    check_page(page, outline)
    assert page.count("<article") == 16
    assert page.index('id="animal-task"') < page.index('id="animal-records"') < page.index('id="age-task"')
    for name, found in data["tasks"].items():
        assert f"<strong>{name}:</strong> {found['verdict'].split(' (')[0]}" in page
        assert f'<h3 id="{name}-mistakes">Where the mistakes are</h3>' in page
    assert page.count("confusion matrix") == page.count("Answer by truth</figcaption>") == 1
    assert '<th scope="col" class="number">accuracy</th>' in page, "without the task's name, which stands above"
    assert "mean absolute error" in page
    pictures = {path.name for path in (run.folder / "pictures").glob("*.png")}
    assert {"animal-subsets.png", "animal-confusion.png", "age-subsets.png", "age-noise-picture-jpeg.png"} <= pictures
    assert "age-residuals-answer-by-truth.png" in pictures
    assert len(pictures) == page.count("<svg") + 3
    card = (run.folder / "model_card.md").read_text("utf-8")
    assert "**animal: verdict**" in card and "**age: verdict**" in card and "**animal: weakest labels**" in card
    unasked = Records({**records.columns, "age": [None] * 24}, records.ids).select([0, 2, 3, 5, 6])
    run.evaluate(unasked)
    page, outline = page_of(run)
    check_page(page, outline)
    assert page.count("None of these records has a label of task 'age'.".replace("'", "&#39;")) >= 2
    assert not list((run.folder / "pictures").glob("age-*"))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one input, only to be copied."""
    return untrained(tmp_path_factory.mktemp("words") / "run", small_spec().subset(["words"])).folder


def test_what_is_not_there_is_said(words: Path, tmp_path: Path) -> None:
    """One modality, no validation, one class, no noise: each section says why it is short."""
    records = small_records(12)
    cats = records.select([k for k, name in enumerate(records.columns["animal"]) if name == "cat"])
    run = mmzoo.Run(shutil.copytree(words, tmp_path / "run"))
    run.evaluate(cats)
    page, _ = page_of(run)
    assert "The model reads one input, words: accuracy " in page
    assert "mmzoo evaluate RUN --noise measures it" in page
    assert "There are no validation records" in page
    assert "there were no validation records to fit them on" in page


@pytest.mark.long
def test_a_modality_that_no_record_has(learned: Path, tmp_path: Path) -> None:
    """It is named as never tried, it is not the best one, and its old noise charts are gone."""
    records = small_records(24)
    run = mmzoo.Run(shutil.copytree(learned, tmp_path / "run"))
    run.evaluate(records.take(6), noise=True)
    assert (run.folder / "pictures" / "noise-picture-jpeg.png").exists()
    silent = Records({**records.columns, "sound": [None] * 24}, records.ids)
    data = run.evaluate(silent)
    assert data["modality_counts"] == {"picture": 24, "words": 24, "sound": 0}
    assert all("sound" not in each["over"] for each in data["gains"])
    page, _ = page_of(run)
    assert "No record has sound." in page
    assert not (run.folder / "pictures" / "noise-picture-jpeg.png").exists()


def test_values_are_escaped(words: Path, tmp_path: Path) -> None:
    records = small_records(12)
    said = ["<script>alert(1)</script>", *records.columns["words"][1:]]
    records = Records({**records.columns, "words": said}, ["<b>", *records.ids[1:]])
    run = mmzoo.Run(shutil.copytree(words, tmp_path / "run"))
    run.evaluate(records.take(6))
    page, _ = page_of(run)
    assert "<script" not in page
    assert "<b>" not in page


def test_a_chart_of_little() -> None:
    for drawn in ([], [Line("flat", [0, 1], [2.0, 2.0])], [Line("gap", [0, 1, 2], [1.0, float("nan"), 3.0])]):
        svg = lines(drawn, x_label="x", title="a & b")
        assert "nan" not in svg
        assert 'aria-label="a &amp; b"' in svg


def test_a_metric_beyond_1_has_a_chart_of_its_own() -> None:
    rows = [
        {"epoch": k, "loss": 2.0, "val_recall@1": 0.1 * k, "val_median_rank": 9.0 - k, "val_f1": None} for k in (1, 2)
    ]
    found = {chart.title: ([line.name for line in chart.drawn], chart.y_span) for chart in curves(rows)}
    assert found["On the validation records"] == (["recall@1", "f1"], (0.0, 1.0))
    assert found["Median rank"] == (["median rank"], None)
