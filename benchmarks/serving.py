"""What does `mmzoo serve` cost beside the same model asked by Keras in a loop?

    python benchmarks/serving.py runs/emoji

Prints the records a second of `mmzoo serve` (over the loopback, one record a request, asked by 1 and by 16 clients at
the same time) and of `model.predict` in a process of its own, one record and 64 at a time, files decoded before; all
of them taken in turns, the median of some rounds. The clients take processor time from the server.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmzoo.data.records import decode
from mmzoo.run import Run

RECORDS, ROUNDS = 64, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run = Run(parser.parse_args().run)
    records = run.records("test")
    records = records.select([k % len(records) for k in range(RECORDS)])
    inputs = decode(run.spec, records)
    bodies = [body_of(run, record) for record in records]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mmzoo", "serve", str(run.folder), "--port", str(port)], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    server.stdout.readline()  # it is about to listen
    try:
        listening(port)
        ways = {
            "serve, 1 client": lambda: asked(port, bodies, 1),
            "serve, 16 clients": lambda: asked(port, bodies, 16),
            "predict, 1 record": lambda: predicted(run.model, inputs, 1),
            "predict, 64 records": lambda: predicted(run.model, inputs, RECORDS),
        }
        found = in_turns(ways)
    finally:
        server.terminate()
        server.wait()
    for name, speeds in found.items():
        print(f"{name:20}  {statistics.median(speeds):8.1f} records/s  ({min(speeds):.1f} to {max(speeds):.1f})")


def listening(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("The server did not start; run mmzoo serve by itself.")


def in_turns(ways: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Records a second of each way, round by round; the first round, which traces graphs, does not count."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                found[name].append(RECORDS / (time.perf_counter() - start))
    return found


def body_of(run: Run, record: dict[str, Any]) -> bytes:
    """A request for a record."""
    values: dict[str, Any] = {}
    for item in run.spec.inputs:
        value = record[item.name]
        if value is None:
            continue
        if not item.in_column:
            values[item.name] = value
        elif item.is_text:
            values[item.name] = item.to_stored(value).decode()
        else:
            values[item.name] = base64.b64encode(item.to_file(item.decode(value))).decode()
    return json.dumps({"records": [values]}).encode()


def asked(port: int, bodies: list[bytes], clients: int) -> None:
    """All requests, by some clients that each keep their connection."""

    def ask(own: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in own:
            connection.request("POST", "/predict", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        connection.close()

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, [bodies[k::clients] for k in range(clients)]))


def predicted(model: Any, inputs: dict[str, Any], batch: int) -> None:
    """All records by Keras, some at a time."""
    for start in range(0, RECORDS, batch):
        model.predict({name: values[start : start + batch] for name, values in inputs.items()}, verbose=0)


if __name__ == "__main__":
    main()
