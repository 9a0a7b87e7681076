"""Trains over a stream in processes that are killed, and started again until one comes to the end.

    python tests/streaming/stream_kills.py SOURCE HOME MOMENTS [MOMENTS ...]

Of "2,19,12", into a folder of HOME that is called so: SIGKILL at the second call of what writes (`fsync`, `rename`) or
takes a step, in the next process at the 19th, then at the twelfth; 0 is never. The processes are forks of one that has
imported everything and computed nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import keras  # noqa: F401
import tensorflow  # noqa: F401

import mmzoo
from mmzoo.training.streaming import loop
from mmzoo.training.trainer import Trainer


def kill_at(moment: int) -> None:
    """From now on, end this process at so manieth a call; never at 0."""
    left = moment

    def counted(call: Any) -> Any:
        def counting(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counting

    os.fsync, os.rename, Trainer.take = counted(os.fsync), counted(os.rename), counted(Trainer.take)  # type: ignore[method-assign]


def train(source: str, out: Path) -> None:
    loop.SAVE_SECONDS = 0.0
    settings = ["training.batch_size=16", "dim=8"]
    options = {"warm_up": 40, "replay": 40, "every": 48, "settings": settings, "on_error": "skip", "budget": 0.1}
    mmzoo.stream(source, "kind", out=out, seed=3, **options)  # type: ignore[arg-type]


def main() -> None:
    source, home, *chains = sys.argv[1:]
    for text in chains:
        for moment in [*map(int, text.split(",")), 0]:
            sys.stdout.flush()
            child = os.fork()
            if not child:
                kill_at(moment)
                train(source, Path(home) / text)
                sys.stdout.flush()
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            assert killed if moment else status == 0, (text, moment, status)
            if text == "0":
                break
        print(f"killed at {text}", flush=True)


if __name__ == "__main__":
    main()
