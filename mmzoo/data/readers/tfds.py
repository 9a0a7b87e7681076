"""TensorFlow Datasets by name: `tfds:mnist`, with a config and a version as TFDS writes them (`tfds:voc/2012:4.0.0`).

Pictures stay the encoded files that TFDS stores; sounds with a rate become WAV files without loss; labels become their
names. Where TFDS keeps its data is its own setting: `data_dir=`, or the variable TFDS_DATA_DIR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw, Tree, Untyped
from mmzoo.data.from_dataset import plain_value, stream
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import Reader
from mmzoo.data.schema.kinds import column_kinds
from mmzoo.data.schema.options import Options
from mmzoo.data.table import Source
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.modalities.audio.sounds import to_wav

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

PREFIX = "tfds:"
PARTS = ("train", "validation", "test")


@readers.register("tfds")
class TFDS(Reader):
    """A data set of TensorFlow Datasets, as tfds:NAME."""

    prefix = PREFIX

    def fits(self, source: Raw, label: str = "") -> bool:
        return isinstance(source, str) and source.startswith(PREFIX)

    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        source = str(source)
        options.check_only_kinds(source)
        return read_tfds(source.removeprefix(PREFIX), label=label, kinds=options.kinds)


def read_tfds(
    name: str | tfds.core.DatasetBuilder,
    *,
    label: str = "",
    kinds: dict[str, str] | None = None,
    splits: dict[str, str] | None = None,
    data_dir: str | None = None,
) -> Source:
    """A TFDS data set as a source, whose records come one after another; it is downloaded if it is not there.

    Nested features are called "outer/inner". Features that are no input and no label (boxes, masks) are left out.

    Args:
        name: as `tfds.builder` takes it, or a builder.
        label: the feature to be predicted; what TFDS says is supervised, or the only label, if not given.
        kinds: what features are, where the guess is wrong: `{"coordinates": "ignore"}`.
        splits: TFDS's slices for "train", "validation" and "test"; its own splits of these names, if not given, and
            the last parts of "train" for those it has not (a tenth, or a fifth for the test).

    Raises:
        MMZooError: TFDS does not know the name, the data cannot be had, or a label or split is not in it.
    """
    import tensorflow_datasets as tfds

    builder = prepared(name, data_dir)
    found = {key: mapped(feature) for key, feature in leaves(builder.info.features)}
    for key, kind in (kinds or {}).items():
        if key not in found:
            raise unknown("feature called", key, found)
        if kind not in column_kinds():
            raise unknown("kind of column called", kind, column_kinds())
        found[key] = (kind, found[key][1])
    used = {key: pair for key, pair in found.items() if pair[0] != "ignore"}
    label = label or guessed_label(builder.info, used)
    if label and label not in used:
        raise unknown("feature for the label called", label, used)
    skipped = {key: tfds.decode.SkipDecoding() for key, feature in leaves(builder.info.features) if is_picture(feature)}
    records = {}
    for part, chosen in (splits or default_splits(list(builder.info.splits))).items():
        if part not in PARTS:
            raise unknown("split called", part, PARTS)
        try:
            dataset = builder.as_dataset(split=chosen, decoders=nested(skipped), shuffle_files=False)
        except (ValueError, KeyError) as error:
            raise MMZooError(f"TFDS '{builder.name}' has no split '{chosen}' ({error}); give other splits.") from error
        flat = dataset.map(lambda element: {key: picked(element, key) for key in used})
        records[part] = stream(flat, {key: convert for key, (_, convert) in used.items()}, part)
    return Source(f"{PREFIX}{builder.name}", records, {key: kind for key, (kind, _) in used.items()}, label)


def prepared(name: str | tfds.core.DatasetBuilder, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """The builder of a data set, its data on this machine."""
    import tensorflow_datasets as tfds

    builder: Untyped = name
    if isinstance(name, str):
        try:
            builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
        except tfds.core.DatasetNotFoundError:
            known = tfds.list_builders(with_community_datasets=False)
            close = str(unknown("data set of TFDS called", name, known)).split(" There are:")[0]
            raise MMZooError(f"{close} Its data may be elsewhere: give data_dir=, or TFDS_DATA_DIR.") from None
        except (ValueError, AssertionError) as error:
            raise MMZooError(
                f"TFDS cannot open '{name}' ({first_line(error)}); check its config and version."
            ) from None
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever the network, a missing tool or TFDS itself says
        raise MMZooError(
            f"TFDS '{builder.name}' is not in '{builder.data_path}' and cannot be made there ({first_line(error)}); "
            f"make it where there is a network (tfds build {builder.name}) and give data_dir=, or TFDS_DATA_DIR."
        ) from error
    return builder


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:200]


def default_splits(there: list[str]) -> dict[str, str]:
    """Slices for training, validation and test out of the splits that there are."""
    require("train" in there or not there, f"The data set has the splits {there} and no 'train'; give splits=...")
    # TFDS shuffles records when it writes them, so the end of a split is as good as any part of it.
    have = set(there)
    test, validation = ("test" in have), ("validation" in have)
    end = 100
    chosen = {}
    if not test:
        chosen["test"] = f"train[{end - 20}%:]"
        end -= 20
    if not validation:
        chosen["validation"] = f"train[{end - 10}%:{end}%]" if end < 100 else f"train[{end - 10}%:]"
        end -= 10
    chosen["train"] = "train" if end == 100 else f"train[:{end}%]"
    return {part: chosen.get(part, part) for part in PARTS}


def leaves(features: tfds.features.FeaturesDict, before: str = "") -> list[tuple[str, tfds.features.FeatureConnector]]:
    """The features of a data set by their names, those of a nested one as "outer/inner"."""
    import tensorflow_datasets as tfds

    found = []
    for key, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            found += leaves(feature, f"{before}{key}/")
        else:
            found.append((before + key, feature))
    return found


def picked(element: dict[str, Tree], key: str) -> Tree:
    """The value at "outer/inner"."""
    for step in key.split("/"):
        element = element[step]
    return element


def nested(flat: dict[str, Tree]) -> dict[str, Tree]:
    """Values by "outer/inner" as dicts in dicts."""
    made: dict[str, Tree] = {}
    for key, value in flat.items():
        *outer, last = key.split("/")
        place = made
        for step in outer:
            place = place.setdefault(step, {})
        place[last] = value
    return made


def is_picture(feature: tfds.features.FeatureConnector) -> bool:
    """Is it a picture of 8 bits a colour, which TFDS stores as a file?"""
    import tensorflow_datasets as tfds

    return type(feature) is tfds.features.Image and feature.tf_dtype.name == "uint8"


def mapped(feature: tfds.features.FeatureConnector) -> tuple[str, Callable[[Tree], Raw]]:
    """The kind of column that a feature makes, and how its values are converted."""
    import tensorflow_datasets as tfds

    kinds = tfds.features
    shape = feature.shape
    if is_picture(feature):
        return "image", bytes
    if isinstance(feature, kinds.ClassLabel):
        names = feature.names if feature.num_classes else []
        return "category", lambda value: None if value < 0 else names[value] if names else str(value)
    if isinstance(feature, kinds.Text):
        return "text", lambda value: value.decode("utf-8", "replace")
    if isinstance(feature, kinds.Audio):
        return "audio", lambda value: waveform(value, feature.sample_rate)
    if isinstance(feature, kinds.Video):
        return ("video" if shape[-1:] == (3,) else "ignore"), np.asarray
    if type(feature) not in (kinds.Tensor, kinds.Scalar):
        return "ignore", plain_value
    dtype = feature.tf_dtype
    if shape == ():
        if dtype.is_bool:
            return "category", lambda value: str(bool(value))
        return ("number", float) if dtype.is_integer or dtype.is_floating else ("text", plain_value)
    if len(shape) <= 2 and (dtype.is_integer or dtype.is_floating):
        return "sensor", lambda value: np.asarray(value, np.float32)
    picture = len(shape) == 3 and shape[-1] in (1, 3) and dtype.name == "uint8"
    return ("image" if picture else "ignore"), np.asarray


def waveform(value: Raw, rate: int | None) -> Raw:
    """A sound as a WAV file with the same samples; as an array where TFDS does not know the rate."""
    samples = np.asarray(value)
    if samples.dtype.kind in "iu":
        samples = np.clip(samples, -32768, 32767).astype(np.int16)  # TFDS widens the 16 bits of a file to 64
    if not rate:
        return samples
    return to_wav(samples, rate)


def guessed_label(info: tfds.core.DatasetInfo, used: Mapping[str, object]) -> str:
    """The feature that TFDS calls the answer, or the only label there is."""
    import tensorflow_datasets as tfds

    supervised = info.supervised_keys[1] if info.supervised_keys else None
    if isinstance(supervised, str) and supervised in used:
        return supervised
    labels = [key for key, feature in leaves(info.features) if isinstance(feature, tfds.features.ClassLabel)]
    return labels[0] if len(labels) == 1 else ""
