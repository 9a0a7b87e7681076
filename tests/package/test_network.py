"""Servers that run any graph are started only where nobody else can reach them, or where the user says so."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

import mmzoo.network as home
from mmzoo.cli import main
from mmzoo.data.shards.serving import start_server
from mmzoo.errors import MMZooError
from mmzoo.network import is_reachable, leave
from mmzoo.training.distribution import strategy
from mmzoo.training.distribution.workers import start_workers
from tests.conftest import privately


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "is_reachable", lambda: True)


@pytest.mark.usefixtures("reachable")
def test_nothing_listens_unless_the_user_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever way a server would be started; nothing is started, no file is written."""
    monkeypatch.setenv("TF_CONFIG", config("127.0.0.1:1234", "localhost:1235"))
    for begin in (
        lambda: start_server("dispatcher"),
        lambda: start_server("worker", dispatcher="localhost:1", host="127.0.0.1"),
        lambda: start_workers(["false"], 2, tmp_path / "run"),
        lambda: strategy.strategy_of("workers"),
        strategy.strategy_of,
        lambda: strategy.strategy_of("tpu", "10.1.2.3"),
    ):
        with pytest.raises(MMZooError, match=r"listens on all addresses .* can run any graph .* give --public"):
            begin()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("role", [["dispatcher"], ["worker", "--dispatcher", "localhost:1", "--host", "127.0.0.1"]])
def test_the_command_of_the_data_service(role: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "serve", *role]) == 2
    assert "give --public (public=True) only in a network that you trust" in capsys.readouterr().err


def config(*addresses: str) -> str:
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}})


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["10.0.0.1:1", "10.0.0.2:1"], True),
        (["127.0.0.1:1", "10.0.0.2:1"], True),
        (["machine-1:1", "machine-2:1"], True),
        (["127.0.0.1:1", "127.8.8.8:1"], False),
        (["[::1]:1", "localhost:1"], False),
    ],
)
def test_who_lists_other_machines_has_said_so(
    addresses: list[str], told: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("mmzoo"), "handlers", [])
    monkeypatch.setenv("TF_CONFIG", config(*addresses))
    monkeypatch.setattr(strategy, "keep_memory", lambda: None)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: "made")
    if not told:
        with pytest.raises(MMZooError, match="give --public"):
            strategy.strategy_of()
        assert strategy.strategy_of(public=True) == "made"
    else:
        assert strategy.strategy_of() == "made"
    assert [record.message for record in caplog.records] == [f"{home.MEANING}."]


def test_a_network_of_its_own_is_reached_by_nobody_else() -> None:
    """What listens there on all addresses is there for itself, and not for us."""
    program = (
        "import socket, sys; from mmzoo.network import is_reachable\n"
        "server = socket.create_server(('', 0)); port = server.getsockname()[1]\n"
        "socket.create_connection(('127.0.0.1', port)).close()\n"
        "print(is_reachable(), port, flush=True); sys.stdin.read()"
    )
    if not privately():
        pytest.skip("this system does not allow a private network")
    command = [*privately(), sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "nothing can be downloaded" in process.stdout.readline()
        found, port = process.stdout.readline().split()
        assert found == "False"
        for address in ("127.0.0.1", socket.gethostname()):
            with pytest.raises(OSError, match=r"refused|No address|not known|resolution"):
                socket.create_connection((address, int(port)), timeout=5)
        process.communicate("")
    assert process.returncode == 0


def test_workers_on_one_machine_leave_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command becomes itself in a network of its own, and starts workers only there, or with --public."""
    arguments = ["train", "emoji", "--out", str(tmp_path / "run"), "--workers", "2"]
    called: list[Any] = []

    class BecameError(BaseException):
        pass

    def become(program: str, command: list[str]) -> None:
        called.append(command)
        raise BecameError

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(home, "is_reachable", lambda: True)
    monkeypatch.setattr(sys, "argv", ["mmzoo", *arguments])
    with pytest.raises(BecameError):
        main(arguments)
    python = sys.executable
    assert called == [[python, "-m", "mmzoo.network", python, "-m", "mmzoo.cli", *arguments]]


def test_a_system_that_allows_no_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "is_reachable", lambda: True)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    with pytest.raises(MMZooError, match=r"does not allow a private network .* give --public"):
        leave()


def test_where_it_is_not_sure_others_may_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(home, "flags", nothing)
    assert is_reachable()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert is_reachable()
