"""Tables whose fields have blanks between them: read as they are meant, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from mmzoo.data.readers import reader_of
from mmzoo.data.readers.delimited import read
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)
FRAME = pandas.DataFrame(
    {
        "height": RANDOM.normal(170, 10, 30).round(1),
        "name": [f"person{k % 7}" for k in range(30)],
        "count": RANDOM.integers(0, 9, 30),
    }
)
WIDE = pandas.DataFrame(RANDOM.normal(size=(30, 3000)), columns=[f"m{k}" for k in range(3000)]).round(3)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (FRAME.to_csv(sep=" ", index=False), FRAME),
        (FRAME.to_string(index=False), FRAME),
        (FRAME.to_csv(sep=" ", index=False).replace("\n", "  \n"), FRAME),
        (FRAME.to_csv(sep=" ").removeprefix('""').lstrip(), FRAME),  # as R writes it, with the numbers of the rows
        (FRAME.to_csv(sep=" ", index=False, quoting=2), FRAME),
        (WIDE.to_csv(sep=" ", index=False), WIDE),
        (
            FRAME.to_csv(sep=" ", index=False, decimal=","),
            FRAME.assign(height=FRAME.height.map(lambda x: f"{x}".replace(".", ","))),
        ),
    ],
    ids=["one blank", "columns", "blanks at the end", "R", "quotes", "many columns", "decimal comma"],
)
def test_blanks_between_fields(text: str, frame: pandas.DataFrame, tmp_path: Path) -> None:
    """Also in pieces."""
    path = tmp_path / "a.dat"
    path.write_text(text)
    wanted = {column: [str(value) for value in frame[column]] for column in frame}
    cells = read("The table", text, ".txt")
    assert cells.columns == wanted
    assert "its fields are separated by blanks" in cells.note
    pieces = [piece.columns for piece in reader_of(str(path)).pieces(str(path), 10)]
    assert {column: [value for piece in pieces for value in piece[column]] for column in wanted} == wanted


@pytest.mark.parametrize(
    "text",
    [
        "full name\nJohn Smith\nAda King\n",
        "text\nsome words\nothers\n",
        "a review\nof it\nall of 3 words\n",
        "word\n1\n2\n",
        "text\na; b; c\nd; e\n",
    ],
)
def test_words_are_one_column(text: str) -> None:
    names, *rows = text.splitlines()
    assert read("The table", text, ".csv").columns == {names: rows}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "city      temp    wind\nNew York  3       4\nRome              5\n",
            "columns of one width each.*save it as CSV",
        ),
        ("14.23 1.71 2.43\n13.2 1.78 2.14\n", "has numbers in its first line"),
        ("Study of 1995\na,b,c\n1,2,3\n4,5,6\n", "1 field in its first line and 3 in others; remove what is above"),
        ("Study, 1995\na,b,c\n1,2,3\n4,5,6\n", "2 fields in its first line and 3 in others"),
        ("Study\n\nof 1995\na;b;c\n1;2;3\n4;5;6\n", "1 field in its first line and 3 in others"),
        (
            "14.23,1.71,2.43,a\n13.2,1.78,2.14,b\n",
            r"numbers in its first line \(14.23, 1.71, 2.43 ...\), where the names",
        ),
    ],
)
def test_what_is_no_such_table(text: str, words: str) -> None:
    with pytest.raises(MMZooError, match=words) as error:
        read("The table 'a'", text, ".txt")
    assert "\n" not in str(error.value)


def test_separators_at_the_end_of_lines() -> None:
    assert read("The table", "a,b,,\n1,2,,\n3,4, ,\n", ".csv").columns == {"a": ["1", "3"], "b": ["2", "4"]}
    with pytest.raises(MMZooError, match="no name for column 3"):
        read("The table", "a,b,\n1,2,\n3,4,5\n", ".csv")


def test_numbers_may_be_names() -> None:
    for names in ("2019,2020,name", "400.5,401.5,402.5", "9.5,8.5,7.5"):
        assert [*read("The table", f"{names}\n1,2,3\n", ".csv").columns] == names.split(",")
