"""What a column of series has in common: channels or time, names, rate and length, and what is cut."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.modalities.lengths import fitting_length, spread

RNG = np.random.default_rng(0)


def series(*shapes: tuple[int, int]) -> list[np.ndarray]:
    return [RNG.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize(
    ("shapes", "first", "channels", "steps"),
    [
        ([(3, 300)] * 4, True, 3, 300),
        ([(300, 3)] * 4, False, 3, 300),
        ([(3, 300)], True, 3, 300),
        ([(6, 20), (6, 4), (6, 25)], True, 6, 25),
        ([(20, 6), (4, 6), (25, 6)], False, 6, 25),
        ([(7, 12), (29, 12)], False, 12, 29),
        ([(1, 50)] * 2, True, 1, 50),
    ],
)
def test_channels_are_what_all_have_as_many_of(
    shapes: list[tuple[int, int]], first: bool, channels: int, steps: int
) -> None:
    values = series(*shapes)
    item = mmzoo.Sensor.guessed("s", values)
    assert (item.channels_first, item.channels, item.steps) == (first, channels, steps)
    for value in values:
        wanted = value.T if first else value
        np.testing.assert_array_equal(item.decode(value)[: len(wanted)], wanted)
        assert np.isnan(item.decode(value)[len(wanted) :]).all()
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("on")])
    assert mmzoo.Spec.from_json(spec.to_json()).inputs[0] == item


def test_a_square_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert not mmzoo.Sensor.guessed("s", series((9, 9), (9, 9))).channels_first
    assert "arrays of 9 x 9 may be either way round; they are taken for (steps, channels)" in caplog.text


def test_more_channels_than_steps_are_said(caplog: pytest.LogCaptureFixture) -> None:
    item = mmzoo.Sensor.guessed("s", series((30, 3), (30, 4)))
    assert (item.channels, item.steps) == (30, 4)
    assert "30 is the size that all arrays have, so it is taken for the channels, of 4 steps at most" in caplog.text


def test_no_common_channels() -> None:
    with pytest.raises(MMZooError, match="neither is the same in all"):
        mmzoo.Sensor.guessed("s", series((3, 10), (4, 12)))
    with pytest.raises(MMZooError, match="must have shape"):
        mmzoo.Sensor.guessed("s", [np.zeros((2, 3, 4))])
    with pytest.raises(MMZooError, match="are empty"):
        mmzoo.Sensor.guessed("s", [np.zeros((0, 3))])


def test_times_of_a_file_give_the_rate(tmp_path: Path) -> None:
    """By the name of the first column, or by even steps in all of the arrays; what only grows is no time."""
    paths = []
    for row, length in enumerate((40, 50, 60)):
        time = np.arange(length) / 25 + 100 * row
        values = RNG.normal(size=(length, 2))
        paths.append(tmp_path / f"{row}.csv")
        lines = [f"{t},{a},{b}" for t, (a, b) in zip(time, values, strict=True)]
        paths[-1].write_text("\n".join(["Time (s),ax,ay", *lines]))
    item = mmzoo.Sensor.guessed("s", paths)
    assert (item.rate, item.channels, item.channel_names, item.steps) == (25, 2, ("ax", "ay"), 60)
    assert np.isfinite(item.decode(paths[2])).all()
    bare = [np.column_stack([np.arange(30) * 20, RNG.normal(size=(30, 1))]) for _ in range(3)]
    assert mmzoo.Sensor.guessed("s", bare).rate == 0.05
    counts = [np.column_stack([np.cumsum(RNG.integers(0, 9, 30)), RNG.normal(size=30)]) for _ in range(3)]
    assert mmzoo.Sensor.guessed("s", counts).rate == 0


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("y,extra,x\n2,9,1\n4,9,3\n")
    (tmp_path / "c.csv").write_text("y,z\n2,1\n4,3\n")
    item = mmzoo.Sensor.guessed("s", [tmp_path / "a.csv"])
    np.testing.assert_array_equal(item.decode(tmp_path / "b.csv"), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(item.decode(np.array([[1, 2], [3, 4]])), [[1, 2], [3, 4]])
    with pytest.raises(MMZooError, match="has no column 'x'; it has y, z"):
        item.decode(tmp_path / "c.csv")
    with pytest.raises(MMZooError, match="must be 2 different names"):
        mmzoo.Sensor("s", channels=2, channel_names=["x", "x"])


def test_long_series_are_cut_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    values = series(*[(20, 2)] * 30, (21, 2), (2000, 2))
    item = mmzoo.Sensor.guessed("s", values)
    assert item.steps == 21
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("on")])
    records = mmzoo.Records({"s": values, "on": [0] * len(values)})
    with caplog.at_level(logging.INFO, "mmzoo"):
        decode(spec.fit(records), records)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("1 of 32 examples of sensor 's' are longer than 21 steps and are cut; the longest has 2000")


def test_times_that_lie_take_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    timed = mmzoo.Sensor("s", channels=1, steps=5, rate=10)
    with caplog.at_level(logging.INFO, "mmzoo"):
        assert timed.decode(np.array([[0, 1.0], [1e300, 2.0]])).shape == (5, 1)
    assert "the model reads the first 5" in caplog.text


@pytest.mark.parametrize(
    ("lengths", "wanted"), [([10] * 99 + [14], 14), ([10] * 99 + [100], 10), ([1, 2], 5), ([9000], 4000)]
)
def test_fitting_length(lengths: list[int], wanted: float) -> None:
    assert fitting_length(lengths, 5, 4000) == wanted


def test_a_sample_is_spread() -> None:
    assert spread(range(1000), 4) == [0, 333, 666, 999]
    assert spread(range(3), 4) == [0, 1, 2]
    assert spread([], 4) == []


def test_each_record_by_itself() -> None:
    """`normalize="each"`: a record's own level and range are gone."""
    item = mmzoo.Sensor("s", channels=2, steps=8, means=[5, 0], deviations=[2, 1], normalize="each")
    value = RNG.normal(size=(6, 2)).astype(np.float32)
    value[2, 0] = np.nan
    found = [
        np.asarray(item.sequence(item.decode(each)[None], 0).values)[0, :6, :2] for each in (value, value * 7 - 30)
    ]
    np.testing.assert_allclose(*found, atol=1e-4)
    known = np.isfinite(value[:, 0])
    wanted = (value[known, 0] - value[known, 0].mean()) / value[known, 0].std()
    np.testing.assert_allclose(found[0][known, 0], wanted, atol=1e-3)
    with pytest.raises(MMZooError, match="no way to normalize sensor 's' called 'none'"):
        mmzoo.Sensor("s", normalize="none")
