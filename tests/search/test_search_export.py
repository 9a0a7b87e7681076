"""A model that searches on a phone: an encoder an input and the index as one file, with NumPy and LiteRT alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo import lite
from mmzoo.errors import MMZooError
from mmzoo.export.formats import web
from mmzoo.index.single import read_single
from tests.conftest import small_records
from tests.export.browser import change, needed, opened

COUNT = 40
PAGE = Path(web.__file__).parents[1] / "page"
RECORDS = small_records(COUNT, 5)
pytestmark = pytest.mark.slow  # each encoder is converted


@pytest.fixture(scope="module")
def run(matched: Path, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """Exported with an index of which two records were removed."""
    folder = tmp_path_factory.mktemp("runs")
    run = mmzoo.Run(shutil.copytree(matched, folder / "run"))
    index = mmzoo.Index.build(run, RECORDS, folder / "index")
    index.remove(["record-3", "record-4"])
    run.export("tflite", RECORDS, index=folder / "index")
    return run


@pytest.fixture
def exported(run: mmzoo.Run) -> Path:
    return run.folder / "export"


@pytest.mark.long
def test_the_encoders_give_the_models_vectors(run: mmzoo.Run, exported: Path) -> None:
    wanted = run.embed(RECORDS)
    (row,) = json.loads((exported / "report.json").read_text())
    assert {path.name for path in (exported / "encoders").iterdir()} == {f"{name}.tflite" for name in wanted}
    for name, vectors in wanted.items():
        assert row["encoders"][name]["max_abs_diff"] <= 1e-5
        encoder = lite.Encoder(exported / "encoders" / f"{name}.tflite")
        found = np.stack([encoder.embed(value) for value in RECORDS.column(name)[:5]])
        np.testing.assert_allclose(found, vectors[:5], atol=1e-5)
    assert np.isnan(encoder.embed(np.zeros(4000, np.float32))).all()


def test_searched_as_by_the_run(run: mmzoo.Run, exported: Path) -> None:
    there = mmzoo.Index(run.folder.parent / "index", run)
    here = lite.Index(exported / "index.safetensors", exported / "encoders")
    queries = [{name: RECORDS.column(name)[k]} for k in range(4) for name in run.spec.input_names]
    for query in [*queries, {"picture": RECORDS.column("picture")[0], "words": "the dog"}]:
        for options in ({}, {"among": ["picture"]}):
            wanted, found = there.search(query, COUNT, **options), here.search(query, 10, **options)
            np.testing.assert_allclose([hit.score for hit in found], [hit.score for hit in wanted[:10]], atol=1e-5)
            scores = {hit.id: hit.score for hit in wanted}  # of two as near as 1e-5 either may be the first
            np.testing.assert_allclose([hit.score for hit in found], [scores[hit.id] for hit in found], atol=1e-5)
            assert len({hit.id for hit in found}) == 10
    assert found[0].files["picture"].startswith(b"\xff\xd8")
    assert len(here.search({"words": "the dog"}, 100)) == COUNT - 2


def test_what_is_said_of_bad_queries_and_files(run: mmzoo.Run, exported: Path, tmp_path: Path) -> None:
    index = lite.Index(exported / "index.safetensors", exported / "encoders")
    for query, said in (
        ({}, "The query is empty"),
        ({"words": " "}, "'words' is empty"),
        ({"video": 1}, "no input of the model called 'video'"),
        ({"sound": np.zeros(4000, np.float32)}, "says nothing to the model"),
    ):
        with pytest.raises(MMZooError, match=said):
            index.search(query)
    with pytest.raises(MMZooError, match=r"is an encoder, which gives vectors; open it by lite\.Encoder"):
        lite.Model(exported / "encoders" / "words.tflite").predict({"words": "a"})
    with pytest.raises(MMZooError, match="is a whole model and no encoder"):
        lite.Encoder(exported / "model.tflite")
    with pytest.raises(MMZooError, match="There is no encoder in"):
        lite.Index(exported / "index.safetensors", tmp_path)
    with pytest.raises(MMZooError, match="does not exist"):
        lite.Index(tmp_path / "index.safetensors", exported / "encoders")
    whole = (exported / "index.safetensors").read_bytes()
    other = tmp_path / "other.safetensors"
    other.write_bytes(whole.replace(run.seal.encode(), b"0" * 64))
    with pytest.raises(MMZooError, match="are of different models; export them together"):
        lite.Index(other, exported / "encoders")
    for size in range(0, len(whole), 4999):
        other.write_bytes(whole[:size])
        with pytest.raises(MMZooError, match="again"):
            read_single(other)
    for old, new in ((b'"by": ["', b'"by": {"'), (b'"dim": 16', b'"dim": 99'), (b'"dtype"', b'"dtipe"')):
        other.write_bytes(whole.replace(old, new))
        with pytest.raises(MMZooError, match="again"):
            read_single(other)


HALVES = """
import {halves} from '%s';
console.log(JSON.stringify(Array.from(halves(Uint16Array.from({length: 65536}, (_, k) => k)), String)));
"""


def test_the_page_reads_numbers_of_16_bits_as_numpy() -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's reader")
    program = HALVES % PAGE.joinpath("search.js").as_uri()
    done = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True, check=True)
    found = np.array([float(text.replace("Infinity", "inf")) for text in json.loads(done.stdout)])
    np.testing.assert_array_equal(found, np.arange(65536, dtype=np.uint16).view(np.float16).astype(float))


@pytest.fixture(scope="module")
def page(run: mmzoo.Run) -> Iterator[Any]:
    """The exported page, open in Chromium."""
    needed()
    try:
        run.export("web", RECORDS, index=run.folder.parent / "index")
    except MMZooError as error:
        pytest.skip(str(error))
    with opened(run.folder / "export" / "web") as found:
        yield found


@pytest.mark.long
def test_the_page_finds_what_python_finds(run: mmzoo.Run, page: Any, tmp_path: Path) -> None:
    """Twenty queries of each kind, and some of two; the first ten of each, in the same order."""
    index = mmzoo.Index(run.folder.parent / "index", run)
    asked = small_records(20, 11)

    def found(query: dict[str, Any], **weights: float) -> None:
        there = page.eval_on_selector_all(".hit", "all => all.map(each => each.dataset.id)")
        assert there == [hit.id for hit in index.search(query, weights=weights)], query

    def give(name: str, value: Any) -> None:
        place = f"#text-{name}" if name == "words" else f"#file-{name}"
        change(page, lambda: (page.fill if name == "words" else page.set_input_files)(place, str(value)))

    def weigh(name: str, weight: float) -> None:
        slide = f"each => {{ each.value = {weight}; each.dispatchEvent(new Event('change')); }}"
        change(page, lambda: page.eval_on_selector(f"#weight-{name}", slide))

    def clear() -> None:
        while page.locator(".card.given").count():
            page.locator(".card.given .clear").first.click()
        page.wait_for_selector("body[data-state=empty]")

    for row in range(20):
        query = {
            "picture": tmp_path / f"{row}.png",
            "words": asked.column("words")[row],
            "sound": tmp_path / f"{row}.wav",
        }
        Pillow.fromarray(asked.column("picture")[row]).save(query["picture"])
        soundfile.write(query["sound"], asked.column("sound")[row], 8000, subtype="PCM_16")
        for name, value in query.items():
            give(name, value)
            found({name: value})
            clear()
    for name in ("picture", "words"):
        give(name, query[name])
    found({name: query[name] for name in ("picture", "words")})
    weigh("words", -0.5)
    found({name: query[name] for name in ("picture", "words")}, words=-0.5)
    weigh("words", 1)
    clear()
    assert not page.messages
    assert all(url.startswith((page.url, "data:", "blob:")) for url in page.requests)


@pytest.mark.long
def test_the_page_on_a_phone(run: mmzoo.Run, page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    change(page, lambda: page.fill("#text-words", "the dog number 3"))
    assert page.locator(".hit img").count() == 10
    assert page.locator(".hit audio").count() == 10
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=str(run.folder / "phone.png"), full_page=True)


ALONE = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "safetensors", "usearch"):
            raise ImportError(f"{name} is not to be imported")
sys.meta_path.insert(0, Refused())
from mmzoo import lite
index = lite.Index(sys.argv[1], sys.argv[2])
print(*[hit.id for hit in index.search({"words": "the dog number 3"})])
"""


def test_it_needs_numpy_and_litert_alone(run: mmzoo.Run, exported: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    command = [sys.executable, "-c", ALONE, str(exported / "index.safetensors"), str(exported / "encoders")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    index = mmzoo.Index(run.folder.parent / "index", run)
    assert done.stdout.split() == [hit.id for hit in index.search({"words": "the dog number 3"})]


def test_an_index_goes_with_its_model(run: mmzoo.Run, learned: Path, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="An index goes with the formats tflite, web"):
        run.export("saved_model", RECORDS, index=run.folder.parent / "index")
