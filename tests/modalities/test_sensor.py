"""Sensors: files and arrays; gaps against numpy.interp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmzoo
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities.sensor import reading
from mmzoo.modalities.sensor.gaps import FillGaps

WATCH = mmzoo.Sensor("watch", channels=2, steps=6)


def filled(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the layer is to give, channel by channel with numpy.interp."""
    steps, channels = series.shape
    known = np.isfinite(series)
    values = np.zeros((steps, channels))
    for c in range(channels):
        there = np.flatnonzero(known[:, c])
        if len(there):
            values[:, c] = np.interp(np.arange(steps), there, series[there, c])
    some = np.flatnonzero(known.any(axis=1))
    mask = np.zeros(steps, bool)
    if len(some):
        mask[some[0] : some[-1] + 1] = True
    return np.where(mask[:, None], np.concatenate([values, known], axis=1), 0.0), mask


def test_times_are_brought_to_even_steps(tmp_path: Path) -> None:
    """Against numpy.interp; a gap that is long stays one."""
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 2, 60))
    time[0] = 0
    time = time[(time < 0.8) | (time > 1.2)] + 100
    values = np.stack([np.sin(time), np.cos(time)], axis=1)
    timed = mmzoo.Sensor("watch", channels=2, steps=30, rate=10)
    found = timed.decode(rng.permutation(np.column_stack([time, values])))
    at = np.arange(20) / 10
    inside = [k for k in range(19) if (time - 100 <= at[k]).any() and not 0.75 < at[k] < 1.25]
    for channel in range(2):
        wanted = np.interp(at[inside], time - 100, values[:, channel])
        np.testing.assert_allclose(found[inside, channel], wanted, atol=1e-5)
    assert np.isnan(found[[9, 10, 11]]).all()
    assert np.isnan(found[21:]).all()
    lines = ["seconds,x,y", *(f"{t},{a},{b}" for t, (a, b) in zip(time, values, strict=True))]
    (tmp_path / "walk.csv").write_text("\n".join(lines))
    np.testing.assert_allclose(timed.decode(tmp_path / "walk.csv"), found, atol=1e-4)
    with pytest.raises(MMZooError, match="times of sensor 'watch' must be numbers"):
        timed.decode(np.array([[np.nan, 1, 2]]))
    with pytest.raises(MMZooError, match="must have shape"):
        timed.decode(np.zeros((5, 2)))
    assert np.isnan(timed.decode(np.zeros((0, 3)))).all()


@pytest.mark.parametrize(
    "times",
    [
        ["2024-05-01 08:00:00.0", "2024-05-01 08:00:00.5", "2024-05-01 08:00:01.0", "2024-05-01 08:00:01.5"],
        ["31/12/2023 23:59:59", "31/12/2023 23:59:59", "01/01/2024 00:00:00", "01/01/2024 00:00:00"],
        ["2024-05-01T08:00:00+02:00", "2024-05-01T06:00:00.5Z", "2024-05-01T06:00:01Z", "2024-05-01T06:00:01.5Z"],
        ["14:35:20", "14:35:20.5", "14:35:21", "14:35:21.5"],
    ],
)
def test_a_column_of_moments_is_the_time(tmp_path: Path, times: list[str]) -> None:
    """Wherever it stands and whatever its name is; lines of one second are spread over it."""
    values = [[1.0, 5.0], [2.0, 6.0], [3.0, 7.0], [4.0, 8.0]]
    lines = [f"{x},{time},{y}" for time, (x, y) in zip(times, values, strict=True)]
    for header, file in (("x,measured,y", "named.csv"), ("", "bare.csv")):
        (tmp_path / file).write_text("\n".join([header] * bool(header) + lines))
        guessed = mmzoo.Sensor.guessed("watch", [tmp_path / file] * 3)
        assert (guessed.channels, guessed.steps, guessed.rate) == (2, 4, 2.0)
        assert guessed.channel_names == (("x", "y") if header else ())
        np.testing.assert_allclose(guessed.decode(tmp_path / file), values, atol=1e-5)
    # Whoever asks for the channels alone gets them.
    plain = mmzoo.Sensor("watch", channels=1, steps=4, channel_names=["y"])
    np.testing.assert_allclose(plain.decode(tmp_path / "named.csv")[:, 0], [5, 6, 7, 8])


def test_what_is_no_moment_is_named(tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text("t,x\n2024-05-01 08:00:00,1\n2024-05-01 08:00:01,2\nsoon,3\n")
    with pytest.raises(DataError, match=r"no date or time in line 4 \('soon'\); mend it\."):
        WATCH.decode(tmp_path / "walk.csv")
    (tmp_path / "walk.csv").write_text("t,x\n2024-05-01 08:00:00,1\n2024-05-01 08:00:01,two\n")
    with pytest.raises(DataError, match=r"no number in line 3 \('two'\); mend or empty it, and write"):
        WATCH.decode(tmp_path / "walk.csv")


def test_moments_of_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    times = pandas.date_range("2024-05-01", periods=5, freq="250ms", tz="Europe/Vienna")
    for column in (times, times - times[0]):
        pandas.DataFrame({"x": np.arange(5.0), "when": column}).to_parquet(tmp_path / "walk.parquet")
        guessed = mmzoo.Sensor.guessed("watch", [tmp_path / "walk.parquet"] * 3)
        assert (guessed.rate, guessed.channel_names) == (4.0, ("x",))
        np.testing.assert_allclose(guessed.decode(tmp_path / "walk.parquet")[:, 0], np.arange(5))


def test_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"x": [1.0, 2.0], "y": [3.0, None]}).to_parquet(tmp_path / "walk.parquet")
    np.testing.assert_array_equal(WATCH.decode(tmp_path / "walk.parquet")[:2], [[1, 3], [2, np.nan]])
    (tmp_path / "bad.parquet").write_bytes(b"rust")
    with pytest.raises(MMZooError, match="is not a Parquet file"):
        WATCH.decode(tmp_path / "bad.parquet")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_gaps_against_numpy(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(3, 11, 2)).astype(np.float32)
    series[rng.random(series.shape) < share] = np.nan
    values, mask = FillGaps([0.0, 0.0], [1.0, 1.0])(series)
    for row in range(3):
        wanted, real = filled(series[row].astype(np.float64))
        np.testing.assert_array_equal(mask[row], real)
        np.testing.assert_allclose(values[row], wanted, atol=1e-5)


def test_statistics_of_what_was_measured() -> None:
    rng = np.random.default_rng(0)
    records = [rng.normal([5, -3], [2, 0], size=(6, 2)).astype(np.float32) for _ in range(50)]
    records[0][2, 0] = np.nan
    fitted = WATCH.fit(records)
    everything = np.concatenate(records).astype(np.float64)
    np.testing.assert_allclose(fitted.means, np.nanmean(everything, axis=0), rtol=1e-6)
    assert fitted.deviations[0] == pytest.approx(np.nanstd(everything[:, 0]))
    assert fitted.deviations[1] == 1e-3, "a channel that never changes is not blown up"
    assert fitted.fit(records[:1]) == fitted, "what is fitted stays"
    normal, _ = FillGaps(fitted.means, fitted.deviations)(np.stack(records))
    assert abs(float(np.mean(normal[..., 0]))) < 0.01
    spec = mmzoo.Spec([WATCH], "concat", [mmzoo.Binary("on")])
    again = spec.fit(mmzoo.Records({"watch": records, "on": [0] * 50}))
    assert mmzoo.Spec.from_json(again.to_json()) == again


def test_files(tmp_path: Path) -> None:
    rows = np.array([[1, 2], [np.nan, 4], [5, 6]], np.float32)
    (tmp_path / "a.csv").write_text("x,y\n1,2\n,4\n5,6\n")
    (tmp_path / "b.tsv").write_text("1\t2\nnan\t4\n5\t6\n")
    np.save(tmp_path / "c.npy", rows)
    for name in ("a.csv", "b.tsv", "c.npy"):
        found = WATCH.decode(tmp_path / name)
        np.testing.assert_array_equal(found[:3], rows)
        assert np.isnan(found[3:]).all()
    np.testing.assert_array_equal(mmzoo.Sensor("one", steps=3).decode([1.0, 2.0, float("inf")])[:2, 0], [1, 2])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "1,2\nx,4\n", "no number in line 2"),
        ("a.csv", "1,2\n3\n", "different lengths"),
        ("a.csv", "", "is empty"),
        ("a.csv", "\n \n", "holds no numbers"),
        ("a.csv", "x,y\n", "holds no numbers"),
        ("a.csv", "1,2,3\n", r"must have shape \(steps, 2\), not \(1, 3\)"),
        ("a.npy", "text", r"is not a \.npy array"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(MMZooError, match=words):
        WATCH.decode(tmp_path / name)


ROWS = np.array([[1, 2], [np.nan, -4.5], [5, 6e3]])
WRITTEN = {
    "a mark of UTF-8": b"\xef\xbb\xbf1,2\n,-4.5\n5,6e3\n",
    "a mark before names": b"\xef\xbb\xbfx,y\n1,2\n,-4.5\n5,6e3\n",
    "lines that end in CR": b"x,y\r1,2\r,-4.5\r5,6e3\r",
    "lines that end in CR LF": b"1,2\r\n,-4.5\r\n5,6e3",
    "quotes": b'"x, in m","y"\n"1","2"\n"","-4.5"\n"5","6e3"\n',
    "separators of lines in a name": "a\u2028b\x85c,y\n1,2\n,-4.5\n5,6e3\n".encode(),
    "names in Latin-1": "höhe;y\n1;2\n;-4.5\n5;6e3\n".encode("latin-1"),
    "tabs and spaces": b"\n\n 1\t2 \n\t-4.5\n\n5\t6e3\n",
    "words for what is missing": b"1,2\nnan,-4.5\n5,6e3\n",
    "infinity": b"1,2\n-inf,-4.5\n5,6e3\n",
}


@pytest.mark.parametrize("what", WRITTEN)
def test_csv_as_it_is_written_elsewhere(what: str, tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_bytes(WRITTEN[what])
    found = WATCH.decode(tmp_path / "walk.csv")
    np.testing.assert_array_equal(found[:3], ROWS.astype(np.float32))
    assert np.isnan(found[3:]).all()


NO_CSV = {
    "decimal commas": b"1,5;2,5\n3,5;4,5\n",
    "decimal commas and tabs": b"1,5\t2,5\n3,5\t4,5\n",
    "names and numbers in one line": b"x,2\n3,4\n",
    "an integer of 400 digits": b"1,2\n" + b"1" * 400 + b",4\n",
    "a number too large for 32 bits": b"1,2\n1e300,4\n",
    "a number too large for 64 bits": b"1,2\n1e999,4\n",
    "digits in groups": b"1,2\n1_000,4\n",
    "a zero byte": b"1,2\n3\0,4\n",
    "UTF-16": "1,2\n3,4\n".encode("utf-16"),
    "a field of 200,000 characters": b"1,2\n" + b"0" * 200_000 + b",4\n",
    "a quote that does not end": b'1,2\n"3,4\n',
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)),
    "JSON": b"[[1, 2], [3, 4]]",
    "brackets in brackets": b"[" * 100_000,
    "a line more": b"1,2\n3,4,5\n",
    "words alone": b"x,y\nz,w\n",
}


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt"])
@pytest.mark.parametrize("what", NO_CSV)
def test_other_texts_are_refused_in_a_sentence(what: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"walk{ending}"
    path.write_bytes(NO_CSV[what])
    with pytest.raises(DataError, match=r"^[^\n]+\.$") as caught:
        WATCH.decode(path)
    assert caught.value.cause != "other"


def test_a_csv_is_no_larger_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_TEXT", 7)
    (tmp_path / "walk.csv").write_text("1,2\n3,4\n")
    with pytest.raises(DataError, match="over the limit of 7"):
        WATCH.decode(tmp_path / "walk.csv")


def test_other_parquet_files_are_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "walk.parquet"
    for odd in (["1", "2"], [[1], [2]], [b"1", b"2"]):
        pandas.DataFrame({"x": [1.0, 2.0], "y": odd}).to_parquet(path)
        with pytest.raises(DataError, match="no number in column 'y'"):
            WATCH.decode(path)
    pandas.DataFrame({"x": [1, 2], "y": pandas.array([3, None], "Int64")}).to_parquet(path)
    np.testing.assert_array_equal(WATCH.decode(path)[:2], [[1, 3], [2, np.nan]])
    whole = path.read_bytes()
    for data in (b"", b"PAR1", b"PAR1PAR1", whole[:-9], whole[9:], b"PAR1" + bytes(100) + whole[-40:]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"^[^\n]+\.$"):
            WATCH.decode(path)
    path.write_bytes(whole)
    monkeypatch.setattr(reading, "MAX_NUMBERS", 3)
    with pytest.raises(DataError, match="holds 4 numbers, over the limit of 3"):
        WATCH.decode(path)


def test_times_since_1970_keep_their_precision(tmp_path: Path) -> None:
    """32 bits would bring all of them to the same second."""
    time = np.arange(6) / 10
    timed = mmzoo.Sensor("watch", channels=1, steps=6, rate=10)
    wanted = timed.decode(np.column_stack([time, np.sin(time)]))
    table = np.column_stack([1.7e9 + time, np.sin(time)])
    (tmp_path / "walk.csv").write_text("\n".join(f"{t!r},{x!r}" for t, x in table.tolist()))
    np.save(tmp_path / "walk.npy", table)
    for value in (table, tmp_path / "walk.csv", tmp_path / "walk.npy"):
        np.testing.assert_allclose(timed.decode(value), wanted, atol=1e-5)


@pytest.mark.parametrize("value", ["nowhere.npy", np.zeros((3, 3)), [["a", "b"]], None])
def test_bad_values(value: Any) -> None:
    with pytest.raises(MMZooError):
        WATCH.decode(value)
