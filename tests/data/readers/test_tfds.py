"""TensorFlow Datasets by name, and any dataset of dicts, without a network."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data.from_dataset import in_memory
from mmzoo.data.guess import load_table
from mmzoo.data.readers.tfds import default_splits, read_tfds
from mmzoo.data.records import decode
from mmzoo.data.shards.folder import read_shards
from mmzoo.datasets import open_source
from mmzoo.errors import MMZooError

COUNTS = {"train": 40, "test": 10}


def example(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    return {
        "picture": rng.integers(0, 255, (12, 10, 3), np.uint8),
        "grey": rng.integers(0, 255, (8, 8, 1), np.uint8),
        "speech": rng.integers(-9000, 9000, 1600),
        "caption": f"thing ä {number}",
        "motion": rng.normal(size=(6, 2)).astype(np.float32),
        "weight": number / 7,
        "old": bool(number % 2),
        "about": {"shop": number % 3, "word": f"w{number}"},
        "box": tfds.features.BBox(0.0, 0.0, 1.0, 1.0),
        "label": "cat" if number % 2 else "dog",
    }


class MmzooThings(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
    """Every kind of feature that is mapped."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> Any:
        features = {
            "picture": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "grey": tfds.features.Tensor(shape=(8, 8, 1), dtype=np.uint8),
            "speech": tfds.features.Audio(sample_rate=8000),
            "caption": tfds.features.Text(),
            "motion": tfds.features.Tensor(shape=(None, 2), dtype=np.float32),
            "weight": tfds.features.Scalar(np.float64),
            "old": tfds.features.Scalar(np.bool_),
            "about": {
                "shop": tfds.features.ClassLabel(names=["north", "south", "west"]),
                "word": tfds.features.Text(),
            },
            "box": tfds.features.BBoxFeature(),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=("picture", "label")
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(count) for split, count in COUNTS.items()}

    def _generate_examples(self, count: int) -> Iterator[Any]:
        for k in range(count):
            yield k, example(k)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tfds")
    MmzooThings(data_dir=str(folder)).download_and_prepare()
    return folder


@pytest.fixture
def found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TFDS looks for its data where ours is."""
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(home))


def test_every_kind_of_feature(home: Path) -> None:
    source = read_tfds("mmzoo_things", data_dir=str(home))
    assert source.kinds == {
        "about/shop": "category",
        "about/word": "text",
        "caption": "text",
        "grey": "image",
        "label": "category",
        "motion": "sensor",
        "old": "category",
        "picture": "image",
        "speech": "audio",
        "weight": "number",
    }
    assert source.label == "label"
    assert {part: len(records) for part, records in source.splits.items()} == {
        "train": 36,
        "validation": 4,
        "test": 10,
    }
    seen = []
    for record in [row for part in ("train", "validation") for row in source.splits[part]]:
        number = int(record["caption"].split()[-1])
        seen.append(number)
        wanted = example(number)
        assert record["caption"] == wanted["caption"]
        assert record["picture"][:4] == b"\x89PNG", "the stored file, not decoded"
        np.testing.assert_array_equal(np.asarray(Pillow.open(io.BytesIO(record["picture"]))), wanted["picture"])
        np.testing.assert_array_equal(record["grey"], wanted["grey"])
        samples, rate = soundfile.read(io.BytesIO(record["speech"]), dtype="int16")
        assert rate == 8000
        np.testing.assert_array_equal(samples, wanted["speech"])
        np.testing.assert_array_equal(record["motion"], wanted["motion"])
        assert record["weight"] == np.float32(wanted["weight"]), "as TFDS stores it"
        assert record["old"] == str(wanted["old"])
        assert record["about/shop"] == ("north", "south", "west")[number % 3]
        assert record["about/word"] == f"w{number}"
        assert record["label"] == wanted["label"]
    assert sorted(seen) == list(range(40)), "each record once"


def test_a_builder_slices_and_kinds_can_be_given(home: Path) -> None:
    source = read_tfds(
        MmzooThings(data_dir=str(home)),
        label="about/shop",
        kinds={"grey": "ignore"},
        splits={"train": "train[:50%]", "test": "test[:3]"},
    )
    assert {part: len(records) for part, records in source.splits.items()} == {"train": 20, "test": 3}
    assert source.label == "about/shop"
    assert "grey" not in source.splits["train"].columns


def test_a_stream_is_read_in_any_order(home: Path) -> None:
    """In order is fast; back and forth is slow, and right."""
    records = read_tfds("mmzoo_things", data_dir=str(home)).splits["test"]
    forward = [record["caption"] for record in records]
    assert len(set(forward)) == 10
    assert [records[k]["caption"] for k in (3, 9, 0, 1, 0)] == [forward[k] for k in (3, 9, 0, 1, 0)]
    assert list(records.select([7, 2]).column("caption")) == [forward[7], forward[2]]


@pytest.mark.usefixtures("found")
@pytest.mark.long
def test_by_name_to_a_trained_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "tfds:mmzoo_things", "--label", "label", "--inputs", "motion", "--epochs", "1"]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0, capsys.readouterr().err
    assert main(["data", "check", "tfds:mmzoo_things#label", "--json"]) == 0
    assert '"records": 50' in capsys.readouterr().out


@pytest.mark.usefixtures("found")
def test_as_shards(tmp_path: Path) -> None:
    """What does not fit in memory is written as shards, and is the same data."""
    assert main(["data", "shard", "tfds:mmzoo_things", str(tmp_path / "shards"), "--records", "16"]) == 0
    spec, splits = load_table("tfds:mmzoo_things", "label")
    stored_spec, stored = load_table(tmp_path / "shards", "label")
    assert read_shards(tmp_path / "shards").kinds == open_source("tfds:mmzoo_things").kinds
    assert stored_spec == spec
    spec = spec.fit(splits[0])
    for one, other in zip(splits, stored, strict=True):
        wanted, got = decode(spec, one), decode(spec, other)
        for name, array in wanted.items():
            np.testing.assert_array_equal(got[name], array, name)


def test_mocked_data() -> None:
    """A data set that is not on this machine, through TFDS's own stand-in."""
    with tfds.testing.mock_data(num_examples=5):
        source = open_source("tfds:mnist#label")
        assert source.kinds == {"image": "image", "label": "category"}
        records = source.splits["train"]
        assert len(records) == 5
        spec = mmzoo.Spec(
            [mmzoo.Image("image", size=28)], "concat", [mmzoo.Classification("label", labels=[*"0123456789"])]
        )
        assert decode(spec, records)["image"].shape == (5, 28, 28, 3)
        assert set(records.column("label")) <= set("0123456789")


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (["train", "validation", "test"], {"train": "train", "validation": "validation", "test": "test"}),
        (["train", "test"], {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}),
        (["train", "validation"], {"train": "train[:80%]", "validation": "validation", "test": "train[80%:]"}),
        (["train"], {"train": "train[:70%]", "validation": "train[70%:80%]", "test": "train[80%:]"}),
    ],
)
def test_parts_that_are_missing_are_cut_off_the_training_split(there: list[str], wanted: dict[str, str]) -> None:
    assert default_splits(there) == wanted


def test_what_is_wrong_is_said(home: Path, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=r"There is no data set of TFDS called 'mnits'. Did you mean 'mnist'"):
        read_tfds("mnits", data_dir=str(home))
    with pytest.raises(MMZooError, match=r"There is no feature for the label called 'lable'. Did you mean 'label'"):
        read_tfds("mmzoo_things", data_dir=str(home), label="lable")
    with pytest.raises(MMZooError, match="There is no feature called 'gray'"):
        read_tfds("mmzoo_things", data_dir=str(home), kinds={"gray": "ignore"})
    with pytest.raises(MMZooError, match="There is no split called 'dev'"):
        read_tfds("mmzoo_things", data_dir=str(home), splits={"dev": "train"})
    with pytest.raises(MMZooError, match="'mmzoo_things' has no split 'exam'"):
        read_tfds("mmzoo_things", data_dir=str(home), splits={"test": "exam"})
    with pytest.raises(MMZooError, match="and no 'train'; give splits="):
        default_splits(["unsupervised"])


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says where the data should be."""
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with pytest.raises(MMZooError, match=r"TFDS 'mnist' is not in .* and cannot be made there \(.*\); make it where"):
        read_tfds("mnist", data_dir=str(tmp_path))


# Any dataset of dicts


def test_a_dataset_of_dicts() -> None:
    columns = {
        "picture": np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3),
        "file": [b"\x89PNG", b"\xff\xd8", b"\xff\xfe"],
        "words": ["an", "ä", ""],
        "count": [1, 2, 3],
        "share": [0.5, 0.25, 0.0],
    }
    records = mmzoo.from_dataset(tf.data.Dataset.from_tensor_slices(columns).filter(lambda row: row["count"] > 1))
    assert len(records) == 2, "counted where the dataset does not know"
    np.testing.assert_array_equal(records.column("picture")[0], columns["picture"][1])
    assert records.column("file") == [b"\xff\xd8", b"\xff\xfe"]
    assert [records.column(name)[0] for name in ("words", "count", "share")] == ["ä", 2, 0.25]
    assert records.ids == ["dataset-0", "dataset-1"]


def test_a_dataset_that_cannot_be_taken() -> None:
    numbers = tf.data.Dataset.range(10)
    with pytest.raises(MMZooError, match="must be dicts of tensors"):
        mmzoo.from_dataset(numbers)
    named = numbers.map(lambda k: {"x": k})
    with pytest.raises(MMZooError, match=r"never ends; give it an end: dataset.take"):
        mmzoo.from_dataset(named.repeat())
    with pytest.raises(MMZooError, match=r"do not fit in the memory .*mmzoo data shard"):
        mmzoo.from_dataset(numbers.map(lambda k: {"x": tf.zeros(1000)}), memory=20_000)
    assert in_memory(mmzoo.from_dataset(named), "x").column("x") == list(range(10))
