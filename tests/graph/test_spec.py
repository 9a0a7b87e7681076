"""The spec: JSON both ways, and one clear sentence for everything that is wrong."""

from __future__ import annotations

import json

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from tests.conftest import LABELS, small_spec


def test_json_both_ways() -> None:
    spec = small_spec(mmzoo.Fusion("weighted", alpha=(0.5, 0.25, 0.25)))
    assert mmzoo.Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert json.loads(str(spec)) == spec.to_json()


def test_a_tower_is_a_name_or_a_choice() -> None:
    assert mmzoo.Image("a", tower="vgg16") == mmzoo.Image("a", tower=mmzoo.Tower("vgg16"))


def test_subset_keeps_order() -> None:
    assert small_spec().subset(["sound", "picture"]).input_names == ["picture", "sound"]


IMAGE, TASK = mmzoo.Image("picture"), mmzoo.Classification("animal", labels=LABELS)
WRONG = {
    "unknown tower": (lambda: mmzoo.Spec([mmzoo.Image("a", tower="vgg161")], "concat", [TASK]), "Did you mean 'vgg16'"),
    "tower of another modality": (
        lambda: mmzoo.Spec([mmzoo.Image("a", tower="spectrogram_cnn")], "concat", [TASK]),
        "reads audio, but input 'a' is image",
    ),
    "unknown option": (
        lambda: mmzoo.Spec([mmzoo.Image("a", tower=mmzoo.Tower("vgg16", weight=1))], "concat", [TASK]),
        "Did you mean 'weights'",
    ),
    "unknown fusion": (lambda: mmzoo.Spec([IMAGE], "concta", [TASK]), "Did you mean 'concat'"),
    "name used twice": (lambda: mmzoo.Spec([IMAGE, IMAGE], "concat", [TASK]), "'picture' is used twice"),
    "no inputs": (lambda: mmzoo.Spec([], "concat", [TASK]), "at least one input"),
    "no tasks": (lambda: mmzoo.Spec([IMAGE], "concat", []), "at least one task"),
    "not an input": (lambda: mmzoo.Spec(["picture"], "concat", [TASK]), "must be mmzoo.Image"),
    "bad name": (lambda: mmzoo.Image("_picture"), "must be lower-case letters"),
    "reserved name": (lambda: mmzoo.Text("present"), "not be 'present'"),
    "labels that repeat": (lambda: mmzoo.Classification("a", labels=["x", "x"]), "labels that repeat: x"),
    "one label": (lambda: mmzoo.Classification("a", labels=["x"]), "at least two labels"),
    "size": (lambda: mmzoo.Image("a", size=4), "a whole number from 16 to 1024"),
    "seconds": (lambda: mmzoo.Audio("a", seconds=0), "a number from 0.1 to 60"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_specs(case: str) -> None:
    make, words = WRONG[case]
    with pytest.raises(MMZooError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "format 99"),
        ({"fusoin": "concat"}, "Did you mean 'fusion'"),
        ({"inputs": "image"}, "must be a list"),
        ({"inputs": [{"name": "a"}]}, "with a 'kind'"),
        ({"inputs": [{"kind": "imgae", "name": "a"}]}, "Did you mean 'image'"),
        ({"inputs": [{"kind": "image", "name": "a", "sise": 3}]}, "Did you mean 'size'"),
        ({"inputs": [{"kind": "image"}]}, "has no 'name'"),
        ({"fusion": 3}, "A fusion is a name"),
    ],
)
def test_wrong_json(change: dict[str, object], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        mmzoo.Spec.from_json({**small_spec().to_json(), **change})
