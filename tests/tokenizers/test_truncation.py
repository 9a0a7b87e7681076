"""Examples that are longer than the model reads are said once."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import mmzoo
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import decode
from mmzoo.messages.truncation import count_truncations, note_truncation, said_once

TEXTS = ["short", "a text of some length", "b" * 40, "no"]


def test_one_line_for_all_texts(caplog: pytest.LogCaptureFixture) -> None:
    inputs = [mmzoo.Text("name", max_bytes=16), mmzoo.Text("other")]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Binary("label")])
    with caplog.at_level(logging.INFO, "mmzoo"):
        found = decode(spec, mmzoo.Records({"name": [*TEXTS, None, "x"], "other": ["y"] * 6}))
    assert found["name"].shape == (6, 16)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("2 of 5 examples of text 'name' are longer than 16 bytes and are cut; the longest has 40 ")
    assert "a model that is trained with --set name.max_bytes=40 reads all of it" in line


def test_tokens_of_a_trained_tokenizer(caplog: pytest.LogCaptureFixture) -> None:
    item = mmzoo.Text("name", tokens=2, tokenizer="words").fit(TEXTS)
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("label")])
    decode(spec, mmzoo.Records({"name": TEXTS}))
    assert "1 of 4 examples of text 'name' are longer than 2 tokens" in caplog.text
    assert "--set name.tokens=5" in caplog.text


def test_nothing_is_said_where_nothing_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    spec = mmzoo.Spec([mmzoo.Text("name")], "concat", [mmzoo.Binary("label")])
    with caplog.at_level(logging.INFO, "mmzoo"):
        decode(spec, mmzoo.Records({"name": TEXTS}))
    assert not caplog.records


def test_one_example_by_itself_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mmzoo"):
        mmzoo.Text("name", max_bytes=8).decode(TEXTS[1])
    assert "Input 'name' has 21 bytes; the model reads the first 8." in caplog.text


def test_examples_that_are_not_in_memory_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    values = [*TEXTS, *TEXTS]
    examples = Examples(mmzoo.Text("name", max_bytes=16), values, [str(k) for k in range(8)])
    with caplog.at_level(logging.INFO, "mmzoo"):
        for start in (0, 4, 0):
            examples[start : start + 4]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("2 of 4 examples of text 'name' are longer than 16 bytes")


def test_it_ends_with_an_exception_too(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError), count_truncations("sound", "audio", 2):
        note_truncation("sound", 12.5, 4.0, "seconds", "seconds")
        raise RuntimeError
    with caplog.at_level(logging.INFO, "mmzoo"):
        note_truncation("sound", np.float64(12.5), 4.0, "seconds", "seconds")
    assert "has 12.5 seconds; the model reads the first 4." in caplog.text


def test_a_job_that_reads_them_again_and_again_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    spec = mmzoo.Spec([mmzoo.Text("name", max_bytes=16)], "concat", [mmzoo.Binary("label")])
    with caplog.at_level(logging.INFO, "mmzoo"), said_once():
        for _ in range(3):
            decode(spec, mmzoo.Records({"name": TEXTS}))
        with said_once():  # one job within another
            decode(spec, mmzoo.Records({"name": TEXTS}))
        assert len(caplog.records) == 1
        decode(
            mmzoo.Spec([mmzoo.Text("name", max_bytes=8)], "concat", [mmzoo.Binary("label")]),
            mmzoo.Records({"name": TEXTS}),
        )
    assert len(caplog.records) == 2, "another length is another matter"
    decode(spec, mmzoo.Records({"name": TEXTS}))
    assert len(caplog.records) == 3, "and so is another job"
