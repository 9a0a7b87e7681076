"""Several workers on one machine, for a try of what several machines would do."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from mmzoo.errors import check_number
from mmzoo.network import check_public

PATIENCE = 45  # seconds that the others have to notice that one is gone


def start_workers(command: list[str], count: int, folder: Path, *, public: bool = False) -> int:
    """Run `command` in `count` processes that find each other by TF_CONFIG; the exit code of all.

    The first one writes to the terminal; the others' words are in `FOLDER.worker-1.log` and so on. Ctrl-C
    and SIGTERM are handed on to all. Where one fails, the others end too: by themselves, or after 45 s.

    Args:
        public: other machines may reach the workers, and so run any graph here.

    Raises:
        MMZooError: others could reach them and `public` was not given; `mmzoo.network.run_privately` is a way out.
    """
    check_number("--workers", count, 2, 64, whole=True)
    check_public(public)
    folder.parent.mkdir(parents=True, exist_ok=True)
    workers = []
    for index, place in enumerate(places(count)):
        environment = {**os.environ, "TF_CONFIG": place}
        # In sessions of their own: else a Ctrl-C would reach them twice.
        if index == 0:
            workers.append(subprocess.Popen(command, env=environment, start_new_session=True))
            continue
        with open(f"{folder}.worker-{index}.log", "wb", opener=no_link) as log:
            workers.append(
                subprocess.Popen(command, env=environment, start_new_session=True, stdout=log, stderr=subprocess.STDOUT)
            )

    def hand_on(number: int, frame: object) -> None:
        for worker in workers:
            worker.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return wait(workers)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def no_link(path: str, flags: int) -> int:
    """How `open` opens a log: not through a link that somebody has put there."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def wait(workers: list[subprocess.Popen[bytes]]) -> int:
    """Wait for all; the first exit code that is not 0. After it the others are given some time, then ended."""
    code, deadline = 0, float("inf")
    while any(worker.poll() is None for worker in workers):
        if code == 0 and (failed := [index for index, worker in enumerate(workers) if worker.poll()]):
            code = int(workers[failed[0]].returncode)
            deadline = time.monotonic() + PATIENCE
            if code < 0:
                print(f"mmzoo: worker {failed[0]} was ended by signal {-code}.", file=sys.stderr)
        if time.monotonic() > deadline:
            for worker in workers:
                worker.kill()
        time.sleep(0.1)
    codes = [worker.returncode for worker in workers if worker.returncode]
    # A worker that was killed has no words of its own: what the others found is said instead.
    return next((each for each in codes if each > 0), 2 if codes else 0)


def places(count: int) -> list[str]:
    """What TF_CONFIG is for each of `count` workers on this machine."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(count)]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
