"""The command line on terminals of few letters, full disks, closed pipes, and nothing at all."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmzoo import cli
from mmzoo.cli import main
from mmzoo.messages.console import Shown

ROOT = Path(__file__).parents[2]
NO_ROOM = "mmzoo: what there was to say could not be written"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `mmzoo` is the command; with the exit code of the command, not of what reads from it."""
    program = f'set -o pipefail; mmzoo() {{ "{sys.executable}" -m mmzoo "$@"; }}; {line}'
    variables = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment}
    command = ["bash", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", env=variables, check=False)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("mmzoo list recipes > /dev/full", 2, "No space left on device"),
        ("mmzoo --help > /dev/full", 2, "No space left on device"),
        ("mmzoo --version > /dev/full", 2, "No space left on device"),
        ("mmzoo list recipes >&-", 2, "Bad file descriptor"),
        ("mmzoo list recipes > /dev/full 2>&1", 2, ""),
        ("mmzoo list recipes >&- 2>&-", 2, ""),
        ("mmzoo list recipes <&- 2>&- > /dev/null", 0, ""),
        ("mmzoo list recipes 2> /dev/full > /dev/null", 0, ""),
        ("mmzoo evaluate nowhere/at/all 2>&-", 2, ""),
        ("mmzoo list nothing 2>&-", 2, ""),
        ("mmzoo list recipes | true", 2, "Broken pipe"),
    ],
)
def test_where_nothing_can_be_said(line: str, code: int, words: str) -> None:
    done = shell(line)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.startswith(NO_ROOM) == bool(words)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == bool(words)


class Full(io.TextIOBase):
    """A disk that is full, or a pipe that nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16", "utf-8"])
def test_letters_that_a_terminal_has_not_are_replaced(encoding: str) -> None:
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding, newline="")
    shown = Shown(stream)
    assert shown.write("█ é 家 \ud800 \x1b[31m\n") == len("█ é 家 \ud800 \x1b[31m\n")
    shown.flush()
    text = file.getvalue().decode(encoding)
    assert text.endswith("[31m\n")
    assert "\x1b" not in text
    assert ("é" in text) == (encoding != "ascii")


@pytest.mark.parametrize("stream", [None, Full(), "closed"])
def test_a_stream_never_raises(stream: Any) -> None:
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    shown = Shown(stream)
    for _ in range(2):
        assert shown.write("words") == 5
        shown.flush()
    assert shown.lost
    assert not shown.isatty()


def test_bars_write_over_themselves_and_output_does_not() -> None:
    for bars, wanted in ((True, "a\rb"), (False, "a\ufffdb")):
        file = io.StringIO()
        Shown(file, bars).write("a\rb")
        assert file.getvalue() == wanted


def fails(error: BaseException) -> Callable[..., Any]:
    def command(args: Any) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("unhashable\ntype: \x1b[2J"), "This is a fault of mmzoo itself: TypeError: unhashable type: "),
        (RecursionError("maximum recursion depth"), "This is a fault of mmzoo itself: RecursionError"),
        (KeyError("x"), "This is a fault of mmzoo itself: KeyError: 'x'"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), ".*a fault of mmzoo itself: UnicodeEncodeError"),
        (AssertionError(), ".*AssertionError: without words"),
        (MemoryError(), "There is not enough memory"),
        (PermissionError(13, "Permission denied", "/a/b"), "The system refused a file .*Permission denied: '/a/b'"),
        (OSError(28, "No space left on device"), "The system refused a file .*No space left"),
    ],
)
def test_every_error_is_one_sentence(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmzoo.commands import list as command

    monkeypatch.setattr(command, "run", fails(error))
    assert main(["list", "recipes"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert re.match(f"mmzoo: {words}", said)
    assert "\x1b" not in said
    with pytest.raises(type(error)):
        main(["--debug", "list", "recipes"])


def test_what_a_command_does_is_not_lost_with_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output breaks half way: it goes on to its end, and the exit code tells."""
    from mmzoo.commands import list as command

    done = []

    def run(args: Any) -> None:
        for number in range(3):
            print(number, flush=True)
            done.append(number)

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["list", "recipes"]) == 2
    assert done == [0, 1, 2]


@pytest.mark.parametrize("stream", [None, Full()])
def test_without_errors_to_write_to(stream: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from tqdm import tqdm

    from mmzoo.commands import list as command

    def run(args: Any) -> None:
        cli.import_quietly()
        list(tqdm(range(3), disable=False))
        print("said")

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(sys, "stderr", stream)
    assert main(["list", "recipes"]) == 0
    assert capsys.readouterr().out == "said\n"
