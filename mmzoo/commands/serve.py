"""Answer records over HTTP: JSON and files in, JSON out."""

from __future__ import annotations

import argparse

from mmzoo.commands import runs
from mmzoo.errors import MMZooError, require
from mmzoo.network import allowed_hosts

EXAMPLE = "mmzoo serve runs/mine --port 8000"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    sub.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine alone)")
    sub.add_argument("--port", type=int, default=8000, help="where to listen (default 8000)")
    sub.add_argument(
        "--public", action="store_true", help="listen where others reach it; put a proxy with TLS and passwords before"
    )
    sub.add_argument("--max-megabytes", type=float, default=16.0, metavar="N", help="of a request (default 16)")
    sub.add_argument("--max-records", type=int, default=256, metavar="N", help="in a request (default 256)")
    sub.add_argument("--max-seconds", type=float, default=30.0, metavar="S", help="until an answer (default 30)")
    sub.add_argument("--explain", action="store_true", help="say what each input added to an answer too")


def run(args: argparse.Namespace) -> None:
    hosts = allowed_hosts(args.host, args.public)
    require(0 < args.port < 2**16, f"A port is a number from 1 to 65535, not {args.port}.")
    try:
        import uvicorn

        from mmzoo.serving.app import Limits, create_app
    except ImportError as error:
        raise MMZooError("Serving needs FastAPI and uvicorn; install them: pip install 'mmzoo[serve]'.") from error
    from mmzoo.answers.rows.answered import Answerer
    from mmzoo.run import Run

    run = Run(args.run)
    answerer = Answerer(run.model, run.thresholds, args.explain, "skip")
    app = create_app(
        answerer,
        model=run.seal,
        limits=Limits(args.max_megabytes, args.max_records, args.max_seconds),
        hosts=hosts,
    )
    print(f"http://{args.host}:{args.port}/docs says what can be asked; Ctrl-C ends it.", flush=True)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning", limit_concurrency=512, timeout_keep_alive=5)
