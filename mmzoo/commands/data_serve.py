"""Decode shards on other machines: one dispatcher, and a worker on each machine that helps."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = (
    "mmzoo data serve dispatcher --port 5050 --public; elsewhere: "
    "mmzoo data serve worker --dispatcher HOST:5050 --public"
)


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("role", choices=["dispatcher", "worker"])
    sub.add_argument("--port", type=int, default=0, help="where to listen (default: one that is free)")
    sub.add_argument("--work-dir", type=Path, help="of a dispatcher: where it keeps its state, to go on after a crash")
    sub.add_argument("--dispatcher", metavar="HOST:PORT", help="of a worker: where the dispatcher listens")
    sub.add_argument(
        "--host", default="localhost", help="of a worker: the name by which others reach this machine (localhost)"
    )
    sub.add_argument(
        "--public",
        action="store_true",
        help="listen where others can reach it: they can run any graph, and so read and write files with your rights",
    )


def run(args: argparse.Namespace) -> None:
    from mmzoo.data.shards.serving import start_server

    server, address = start_server(
        args.role,
        port=args.port,
        work_dir=args.work_dir,
        dispatcher=args.dispatcher,
        host=args.host,
        public=args.public,
    )
    print(f"{args.role} at {address}; Ctrl-C ends it", flush=True)
    server.join()
