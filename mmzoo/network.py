"""Who can reach the servers that TensorFlow starts, and a network in which nobody else can.

A worker of `MultiWorkerMirroredStrategy` and the servers of the tf.data service listen on all addresses of the machine,
whatever address they are given, ask for no password, and run any graph that they are sent. There is no setting for it,
so they are started only where no other machine can reach them, or where the user says that it may: "public".
"""

from __future__ import annotations

import ctypes
import ipaddress
import logging
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import NoReturn

from mmzoo.errors import MMZooError, require

# What linux/sched.h and linux/sockios.h call these.
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP, IFF_LOOPBACK = 0x1, 0x8

MEANING = (
    "TensorFlow listens on all addresses of this machine, and everyone who reaches its port can run any graph here, "
    "which reads and writes files with your rights"
)


def check_public(public: bool) -> None:
    """Raise unless nobody else can reach this process, or the user says that they may; they are told what it means.

    Raises:
        MMZooError: TensorFlow would listen where others can reach it.
    """
    if not is_reachable():
        return
    require(public, f"{MEANING}; give --public (public=True) only in a network that you trust, behind a firewall.")
    logging.getLogger("mmzoo").warning("%s.", MEANING)


LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""The names that a browser of this machine has for it."""


def is_loopback(host: str) -> bool:
    """Is it an address that no other machine reaches?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str, public: bool) -> tuple[str, ...]:
    """The names by which a server of ours that listens on `host` may be asked; ("*",) for any.

    Raises:
        MMZooError: other machines reach it, and nobody said that they may.
    """
    if is_loopback(host):
        return *LOCAL, host
    require(
        public,
        f"On '{host}' everyone who reaches this machine can ask the model, without a password; give --public only in a "
        "network that you trust, or behind a proxy (in Python: public=True).",
    )
    return ("*",)


def is_reachable() -> bool:
    """May another machine reach what this process listens on? True wherever that is not sure."""
    if sys.platform != "linux":
        return True
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            kinds = [flags(any_socket, name) for _, name in socket.if_nameindex()]
    except OSError:
        return True
    return any(kind & IFF_UP and not kind & IFF_LOOPBACK for kind in kinds)


def flags(any_socket: socket.socket, name: str, wanted: int | None = None) -> int:
    """The flags of a network interface; set to `wanted` first, if given."""
    import fcntl  # there is none on Windows

    request = struct.pack("16sH14x", name.encode(), wanted or 0)
    answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS if wanted is None else SIOCSIFFLAGS, request)
    return int(struct.unpack("16sH14x", answer)[1])


def run_privately(command: list[str]) -> NoReturn:
    """Become `command`, in a network of its own that has the loopback and nothing else.

    Where the system does not allow that, it ends with exit code 2 and a sentence.
    """
    # By way of a program of its own: only one without threads may leave its network.
    os.execv(sys.executable, [sys.executable, "-m", __name__, *command])


def leave() -> None:
    """Put this process, which must have no other threads, into a network of its own with the loopback alone.

    Raises:
        MMZooError: the system does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    # Who may, leaves the network alone: in a name space of users, root has no rights over the files of others.
    if unshare is not None and unshare(CLONE_NEWNET) and not unshare(CLONE_NEWUSER | CLONE_NEWNET):
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with suppress(OSError), open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        if not is_reachable():
            flags(any_socket, "lo", IFF_UP)
            return
    raise MMZooError(
        f"{MEANING}; this system does not allow a private network (unprivileged user namespaces), so give --public, "
        "but only in a network that you trust, behind a firewall."
    )


def main(command: list[str]) -> int:
    """What the program of its own does."""
    try:
        leave()
    except MMZooError as error:
        print(f"mmzoo: {error}", file=sys.stderr)
        return 2
    print("mmzoo: in a network of its own, in which nothing can be downloaded; see --public.", flush=True)
    return os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
