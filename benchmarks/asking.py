"""Processes that measure when they are asked to: a line to one of them, and its answer, for those that take turns."""

from __future__ import annotations

import json
import subprocess
from typing import Any


def begin(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that can be asked; it is to say something when it is ready."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def ask(process: subprocess.Popen[str]) -> None:
    """Ask for one more answer."""
    print(file=process.stdin, flush=True)


def heard(process: subprocess.Popen[str]) -> Any:
    """The next answer; what libraries print besides is passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("answer "):
            return json.loads(line.removeprefix("answer "))
    raise SystemExit(f"A process ended with code {process.wait()}; run it by itself: {process.args}")


def answer(what: Any) -> None:
    """In the process itself: what it found."""
    print("answer " + json.dumps(what), flush=True)
