"""MixUp and CutMix: pairs of examples, with one share for all their modalities and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import mmzoo
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import decode
from mmzoo.draws import keys_of
from mmzoo.errors import MMZooError
from mmzoo.training.feeds.batches import Varied, stream
from mmzoo.training.loss import known_totals, total_loss
from mmzoo.training.methods import methods
from mmzoo.training.settings import check_settings
from tests.conftest import small_records, small_spec, usual

RANDOM = np.random.default_rng(0)
ROWS = 8
ITEMS: tuple[Any, ...] = (
    mmzoo.Image("image", size=20),
    mmzoo.Text("words", max_bytes=24),
    mmzoo.Audio("sound", sample_rate=8000, seconds=0.1),
    mmzoo.Sensor("motion", channels=2, steps=30, means=[0, 0], deviations=[1, 1]),
    mmzoo.Tabular("row", numbers=["a", "b", "c"], quantiles=[[0, 1]] * 3, categories=["d"]),
    mmzoo.Video("clip", frames=2, size=16),
)
TEXTS = [f"own{k} b{k} c{k} d{k}" for k in range(ROWS)]
KEYS = keys_of(5, tf.range(ROWS, dtype=tf.int64), tf.zeros(ROWS, tf.int64))
OTHER = np.arange(ROWS) ^ 1


def examples() -> dict[str, np.ndarray]:
    made: dict[str, np.ndarray] = {"present": np.ones((ROWS, len(ITEMS)), bool)}
    for item in ITEMS:
        shape = (ROWS, *item.shape)
        if item.kind == "text":
            made[item.name] = np.stack([item.decode(text) for text in TEXTS])
        elif item.dtype == "uint8":
            made[item.name] = RANDOM.integers(0, 256, shape).astype(np.uint8)
        else:
            made[item.name] = RANDOM.normal(size=shape).astype(np.float32)
    return made


def mixed(how: str, given: dict[str, np.ndarray], computed: str = "") -> tuple[dict[str, np.ndarray], np.ndarray]:
    mixing: Any = methods[how](alpha=1.0)
    items = {item.name: None if item.name == computed else item for item in ITEMS}
    found, share = mixing.mixed(keras.tree.map_structure(tf.constant, given), KEYS, items)
    return keras.tree.map_structure(np.asarray, found), np.asarray(share)


def test_mixup_is_a_weighted_sum() -> None:
    given = examples()
    found, share = mixed("mixup", given)
    for name in ("image", "sound", "motion", "clip"):
        own = given[name].astype(np.float64)
        part = share.astype(np.float64).reshape(-1, *[1] * (own.ndim - 1))
        wanted = part * own + (1 - part) * own[OTHER]
        near = 0.5001 if given[name].dtype == np.uint8 else 1e-6
        np.testing.assert_allclose(found[name], wanted, atol=near)
        assert found[name].dtype == given[name].dtype


def test_cutmix_takes_a_box_of_the_share() -> None:
    given = examples()
    found, share = mixed("cutmix", given)
    for name in ("image", "clip"):
        axis = 1 if name == "image" else 2
        own = (found[name] == given[name]).all(axis=-1)
        other = (found[name] == given[name][OTHER]).all(axis=-1)
        assert (own | other).all()
        for k in range(ROWS):
            frames = ~own[k].reshape(-1, *own.shape[axis:])
            rows, columns = frames[0].any(axis=1), frames[0].any(axis=0)
            assert (frames == np.outer(rows, columns)).all()  # a box, and the same in every frame
            side = round(np.sqrt(1 - share[k]) * len(rows))
            assert abs(rows.sum() - side) <= 1
            assert abs(columns.sum() - side) <= 1
    for name in ("sound", "motion"):
        lost = (found[name] != given[name]).reshape(ROWS, found[name].shape[1], -1).any(axis=-1)
        for k in range(ROWS):
            assert lost[k].sum() == pytest.approx((1 - share[k]) * lost.shape[1], abs=1)
            assert (np.diff(np.flatnonzero(lost[k])) == 1).all()  # a stretch


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_words_and_columns_keep_their_share(how: str) -> None:
    given = examples()
    found, share = mixed(how, given)
    for k in range(ROWS):
        text = found["words"][k].tobytes().rstrip(b"\0").decode()
        first = TEXTS[k].split()[: round(4 * share[k])]
        last = TEXTS[OTHER[k]].split()[4 - round(4 * (1 - share[k])) :]
        assert text.split() == " ".join([*first, *last])[:24].split()
        own = (found["row"][k] == given["row"][k]).sum()
        assert own == round(share[k] * 4)
        assert ((found["row"][k] == given["row"][k]) | (found["row"][k] == given["row"][OTHER[k]])).all()


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_what_one_of_two_has_stays_whole(how: str) -> None:
    given = examples()
    given["present"][0] = False  # the first has nothing: all of it is junk
    given["present"][3] = False
    for item in ITEMS:
        if given[item.name].dtype == np.float32:
            given[item.name][[0, 3]] = np.nan
    found, _ = mixed(how, given)
    assert found["present"].all()
    for item in ITEMS:
        for row, source in ((0, 1), (1, 1), (2, 2), (3, 2)):
            np.testing.assert_array_equal(found[item.name][row], given[item.name][source], err_msg=item.name)


def test_a_gap_of_one_is_filled_by_the_other() -> None:
    given = examples()
    given["motion"][2, 3:9] = np.nan
    found, _ = mixed("mixup", given)
    np.testing.assert_array_equal(found["motion"][2, 3:9], given["motion"][3, 3:9])
    np.testing.assert_array_equal(found["motion"][3, 3:9], given["motion"][3, 3:9])
    assert np.isfinite(found["motion"]).all()


def test_frames_and_which_of_them_are_real_are_mixed_alike() -> None:
    given: dict[str, Any] = examples()
    given["sound"] = (RANDOM.normal(size=(ROWS, 12, 4)).astype(np.float32), np.tile(np.arange(12) < 9, (ROWS, 1)))
    given["sound"][1][1] = True
    found, share = mixed("cutmix", given, computed="sound")
    frames, real = found["sound"]
    for k in (0, 1):
        from_other = (frames[k] != given["sound"][0][k]).any(axis=-1)
        np.testing.assert_array_equal(real[k], np.where(from_other, given["sound"][1][OTHER[k]], given["sound"][1][k]))
    found, _ = mixed("mixup", given, computed="sound")
    assert found["sound"][1][0].all()  # one of the two has a sound there
    assert not found["sound"][1][2, 9:].any()
    assert share.shape == (ROWS,)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_of_the_beta_distribution(alpha: float) -> None:
    keys = keys_of(0, tf.range(20_000, dtype=tf.int64), tf.zeros(20_000, tf.int64))
    shares = np.asarray(methods["mixup"](alpha=alpha).shares(keys))
    bins = np.linspace(0, 1, 11)
    wanted = np.diff(stats.beta(alpha, alpha).cdf(bins)) * len(shares)
    assert stats.chisquare(np.histogram(shares, bins)[0], wanted).pvalue > 0.01


def streamed(memory: float = 1e9, **changes: Any) -> Callable[[range], list[Any]]:
    """From a range of steps to their batches."""
    spec, records = small_spec().subset(["picture", "words"]), small_records(11)
    arrays: dict[str, Any] = decode(spec, records, memory=memory)
    arrays = {k: v if isinstance(v, Examples) or k == "present" else v[:, None] for k, v in arrays.items()}
    labels = {"row": np.arange(11, dtype=np.int32)}
    ways = changes.pop("methods", [methods["mixup"](alpha=1.0)])
    items = {item.name: item for item in spec.inputs}
    varied = Varied(0.3, weights=changes.pop("weights", None), methods=ways, items=items)
    settings: dict[str, Any] = {"batch_size": 4, "seed": 3} | changes
    made = stream(arrays, labels, varied, **settings)
    return lambda steps: [keras.tree.map_structure(np.asarray, batch) for batch in made(steps)]


@pytest.mark.parametrize("memory", usual([0.0, 1e9], {0.0}))
def test_a_mixed_stream_is_a_function_of_the_step(memory: float) -> None:
    batches = streamed(memory)
    whole = batches(range(4))
    for start in (1, 3):
        keras.tree.map_structure(np.testing.assert_array_equal, whole[start:], batches(range(start, 4)))
    halves = zip(*(streamed(memory, worker=k, workers=2)(range(4)) for k in (0, 1)), strict=True)
    joined = [keras.tree.map_structure(lambda *each: np.concatenate(each), *parts) for parts in halves]
    keras.tree.map_structure(np.testing.assert_array_equal, whole, joined)


def test_labels_and_weights_are_those_of_both() -> None:
    counts = np.arange(1, 12, dtype=np.float32)
    plain, both = streamed(methods=[])(range(6)), streamed(weights=counts)(range(6))
    for (_, labels), (_, sides, weights) in zip(plain, both, strict=True):
        np.testing.assert_array_equal(sides[0]["row"], labels["row"])
        np.testing.assert_array_equal(sides[1]["row"], labels["row"][[1, 0, 3, 2]])
        share = weights[0] / counts[labels["row"]]
        np.testing.assert_allclose(weights[1], (1 - share) * counts[sides[1]["row"]], rtol=1e-5)
        assert ((share >= 0) & (share <= 1)).all()


def test_the_loss_is_that_of_both_labels_in_their_shares() -> None:
    task = mmzoo.Classification("kind", labels=["a", "b", "c"], auxiliary=0.5)
    spec = mmzoo.Spec([mmzoo.Image("image", size=16)], "concat", [task])
    logits = {name: RANDOM.normal(size=(4, 3)).astype(np.float32) for name in ("kind", "kind.image")}
    present, share = np.array([[True], [True], [False], [True]]), np.array([0.8, 1.0, 0.3, 0.5], np.float32)
    one, two = np.array([0, 1, 2, -1]), np.array([1, 0, 2, 2])
    sides = ({"kind": one}, {"kind": two})
    found = float(total_loss(spec, logits, sides, present, (share, 1 - share)))

    def entropy(name: str, labels: np.ndarray) -> np.ndarray:
        exact = logits[name].astype(np.float64)
        return np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(4), labels]

    own, other = share * (one >= 0), 1.0 - share.astype(np.float64)
    means = []
    for name, there in (("kind", np.ones(4)), ("kind.image", present[:, 0])):
        total = (own * there * entropy(name, one) + other * there * entropy(name, two)).sum()
        means.append(total / ((own + other) * there).sum())
    assert found == pytest.approx(means[0] + 0.5 * means[1], rel=1e-5)
    np.testing.assert_allclose(known_totals(spec, sides, present, (share, 1 - share)), [[3.5, 4.0, 2.5]], rtol=1e-6)


def test_bad_settings() -> None:
    with pytest.raises(MMZooError, match="one of 5 leaves some over"):
        mmzoo.Training(methods=["mixup"], batch_size=5)
    with pytest.raises(MMZooError, match="'batch_size' a multiple of 4"):
        streamed(batch_size=6, workers=2)
    with pytest.raises(MMZooError, match="Did you mean 'cutmix'"):
        mmzoo.Training(methods=["cutmixx"])
    with pytest.raises(MMZooError, match="'alpha' of method 'cutmix'"):
        mmzoo.Training(methods=[mmzoo.Method("cutmix", alpha=0)])
    with pytest.raises(MMZooError, match="mixed in one way"):
        check_settings(small_spec(), mmzoo.Training(methods=["mixup", "cutmix"]))
    with pytest.raises(MMZooError, match="named twice"):
        mmzoo.Training(methods=["mixup", mmzoo.Method("mixup", alpha=1.0)])


@pytest.mark.long
def test_a_run_is_the_same_again(tmp_path: Any) -> None:
    settings = mmzoo.Training(epochs=1, batch_size=4, num_variants=2, methods=["cutmix"])
    runs = [
        mmzoo.train(small_spec(), small_records(24), small_records(12, 1), training=settings, out=tmp_path / name)
        for name in ("one", "two")
    ]
    one, two = ((run.folder / "model" / "weights.safetensors").read_bytes() for run in runs)
    assert one == two
