"""The servers of a tf.data service; see `mmzoo.data.shards.service` for what they do.

TensorFlow cannot bind them to an address; see `mmzoo.network` for what that means.
"""

from __future__ import annotations

import socket
from pathlib import Path

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.network import check_public

HEARTBEAT = 1000  # milliseconds between two signs of life of a worker


def start_server(
    role: str,
    *,
    port: int = 0,
    work_dir: Path | None = None,
    dispatcher: str | None = None,
    host: str = "localhost",
    public: bool = False,
) -> tuple[Untyped, str]:
    """A running "dispatcher" or "worker" and its address; it runs until it is let go of.

    Args:
        port: where to listen; one that is free, if 0.
        work_dir: of a dispatcher: it keeps its state there and goes on after a crash.
        dispatcher: of a worker: "host:port" of its dispatcher.
        host: of a worker: the name by which whoever trains reaches it.
        public: other machines may reach the port, and so run any graph here.

    Raises:
        MMZooError: others could reach it and `public` was not given, the port is taken, or an argument is missing or
            belongs to the other role.
    """
    import tensorflow as tf

    service = tf.data.experimental.service
    check_number("The port", port, 0, 65535, whole=True)
    check_free(port)
    if role == "dispatcher":
        require(work_dir is None or port, "A dispatcher that goes on after a crash needs the same port: give --port.")
        require(dispatcher is None, "--dispatcher is for a worker; a dispatcher has none.")
        check_public(public)
        config = service.DispatcherConfig(
            port=port, work_dir=str(work_dir.resolve()) if work_dir else None, fault_tolerant_mode=work_dir is not None
        )
        server = service.DispatchServer(config)
        return server, server.target
    require(dispatcher, "A worker needs to know its dispatcher: --dispatcher HOST:PORT.")
    require(work_dir is None, "--work-dir is for a dispatcher; a worker keeps nothing.")
    check_public(public)
    address = f"{host}:{port or '%port%'}"
    config = service.WorkerConfig(
        dispatcher_address=str(dispatcher).removeprefix("grpc://"),
        worker_address=address,
        port=port,
        heartbeat_interval_ms=HEARTBEAT,
    )
    return service.WorkerServer(config), address.removesuffix(":%port%")


def check_free(port: int) -> None:
    """Raise if another program listens at `port`: TensorFlow would share it, and each get half of the calls."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise MMZooError(f"Port {port} cannot be used ({error.strerror}); give another --port.") from None
