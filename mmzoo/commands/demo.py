"""Show a page on which a person asks a model: pictures, texts, sounds and rows in, answers out."""

from __future__ import annotations

import argparse
import threading

from mmzoo.commands import runs

EXAMPLE = "mmzoo demo runs/mine"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    runs.add_data(sub)
    sub.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine alone)")
    sub.add_argument("--port", type=int, help="where to listen (default: the first free one from 7860 on)")
    sub.add_argument(
        "--public", action="store_true", help="listen where others reach it; put a proxy with TLS and passwords before"
    )
    sub.add_argument("--max-megabytes", type=float, default=16.0, metavar="N", help="of an upload (default 16)")
    sub.add_argument("--examples", type=int, default=6, metavar="N", help="test records that can be tried (default 6)")
    sub.add_argument("--explain", action="store_true", help="say what each input added to an answer from the beginning")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    page = Run(args.run, data=args.data).demo(
        examples=args.examples,
        explain=args.explain,
        host=args.host,
        port=args.port,
        public=args.public,
        megabytes=args.max_megabytes,
    )
    print(f"{page.address} asks the model; Ctrl-C ends it.", flush=True)
    try:
        threading.Event().wait()
    finally:
        page.close()
