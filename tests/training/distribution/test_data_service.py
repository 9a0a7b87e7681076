"""The tf.data service: a dispatcher and two workers as processes of their own, one of them killed."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.guess import load_table
from mmzoo.data.records import Records, decode
from mmzoo.data.shards import service as home
from mmzoo.data.shards.folder import write_shards
from mmzoo.data.shards.service import ServiceBatches
from mmzoo.data.shards.serving import start_server
from mmzoo.datasets import open_source
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import Split
from mmzoo.labels import encode_labels
from mmzoo.training.features.compute import compute_features
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.feeds.remote import Remote

COUNT = 300


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, sounds, texts and numbers; some are missing, and some sounds only Python can read."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    lines = ["photo,noise,note,weight,colour"]
    for k in range(COUNT):
        Pillow.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(folder / f"{k}.png")
        ending = "flac" if k % 50 == 49 else "wav"
        soundfile.write(folder / f"{k}.{ending}", rng.normal(size=3000) * 0.1, 16000)
        photo = f"{k}.png" if k % 7 else ""
        lines.append(f"{photo},{k}.{ending},{f'note {k}' if k % 5 else ''},{k / 7},{'ab'[k % 2]}")
    (folder / "things.csv").write_text("\n".join(lines))
    write_shards(open_source(str(folder / "things.csv")), folder / "shards", records=10)
    return folder / "shards"


@pytest.fixture(scope="module")
def wanted(shards: Path) -> Any:
    """A fitted spec, the training records, and what they are when they are decoded here."""
    _, (records, _, _) = load_table(shards, "colour")
    spec = mmzoo.Spec(
        [
            mmzoo.Image("photo", size=32, tower=mmzoo.Tower("small_cnn", filters=[4])),
            mmzoo.Audio("noise", sample_rate=16000, seconds=0.2),
            mmzoo.Text("note", max_bytes=16, tokens=4),
            mmzoo.Tabular("row", numbers=["weight"]),
        ],
        "concat",
        [mmzoo.Binary("colour", labels=["a", "b"])],
        dim=8,
    ).fit(records)
    return spec, records, {**decode(spec, records), **encode_labels(spec.tasks, records)}


class Machines:
    """A dispatcher and workers, each a process that `mmzoo data serve` started."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self.address = self.begin("dispatcher")
        self.workers = [self.launch("worker", "--dispatcher", self.address) for _ in range(2)]
        for worker in self.workers:
            self.said(worker)

    def launch(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mmzoo.cli", "data", "serve", *arguments, "--public"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        return process

    def said(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout
        line = process.stdout.readline()
        assert " at " in line, line
        return line.split(" at ")[1].split(";")[0]

    def begin(self, *arguments: str) -> str:
        return self.said(self.launch(*arguments))

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    started = Machines()
    yield started
    started.end()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is under way at any moment, and it takes workers a while, so that one that dies dies in the middle."""
    real = ServiceBatches._in_graph

    def slowly(item: Any, data: Any) -> Any:
        work = tf.random.normal((400, 400))
        for _ in range(4):
            work = work @ work / 400.0
        with tf.control_dependencies([work]):
            return tf.identity(real(item, data))

    monkeypatch.setattr(ServiceBatches, "_in_graph", staticmethod(slowly))
    monkeypatch.setattr(home, "SENT", 1)
    monkeypatch.setattr(home, "SHUFFLED", 2)


def collected(batches: Any) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for inputs, labels in batches:
        for name, values in {**inputs, **labels}.items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def check_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """The same records, each once, whatever their order: the number in each row tells which is which."""
    assert found.keys() == wanted.keys()
    here, there = (np.argsort(arrays["row"][:, 0]) for arrays in (found, wanted))
    for name, array in wanted.items():
        one, other = found[name][here].astype(np.float64), array[there].astype(np.float64)
        # Pictures that a graph reads may be a level of 255 away from those of the host.
        np.testing.assert_allclose(one, other, rtol=0, atol=1 if array.dtype == np.uint8 else 0, err_msg=name)


def check_near(one: Any, other: Any) -> None:
    """The same, drawn from pictures that are a level of 255 apart where the service was late and the host read them."""
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=3 if one.dtype == tf.uint8 else 1e-5)


@pytest.mark.long
def test_a_model_trains_from_it(machines: Machines, shards: Path, wanted: Any) -> None:
    spec, records, _ = wanted
    model = mmzoo.build(spec)
    model.compile("adam", {"colour": "binary_crossentropy"})
    batches = ServiceBatches(spec, records, shards, service=machines.address)
    history = model.fit(batches.repeated(), steps_per_epoch=len(batches), epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert len(history.history["loss"]) == 2


@pytest.mark.long
def test_training_takes_its_batches(machines: Machines, shards: Path, wanted: Any, tmp_path: Path) -> None:
    """Full batches over epochs, each record once in each, and of a record the same is drawn as without a service."""
    spec, records, _ = wanted
    source = ServiceBatches(spec, records, shards, service=machines.address, patience=5)
    feed = Remote(source, source.labels, Varied(0.3), batch_size=16, seed=3)
    steps = range(2 * feed.count // 16)
    batches = list(feed.batches(steps))
    order = [(row, place // feed.count) for place, row in enumerate(row for k in steps for row in feed.examples(k))]
    for epoch in (0, 1):
        seen = [row for row, there in order if there == epoch]
        assert len(set(seen)) == len(seen) >= feed.count - 16 * epoch

    features = compute_features(Split({}, mmzoo.build(spec)), spec, decode(spec, records, memory=0))
    local = Stream(features, encode_labels(spec.tasks, records), Varied(0.3), batch_size=16, seed=3)
    places = [(row, step * 16 + k) for step in steps for k, row in enumerate(local.examples(step))]
    here = {(row, place // feed.count): divmod(place, 16) for row, place in places}
    others = list(local.batches(steps))
    compared = 0
    for place, key in enumerate(order):
        if key in here:
            (step, k), (other_step, other_k) = divmod(place, 16), here[key]
            one = tf.nest.map_structure(lambda part, k=k: part[k], batches[step])
            two = tf.nest.map_structure(lambda part, k=other_k: part[k], others[other_step])
            tf.nest.map_structure(check_near, one, two)
            compared += 1
    assert compared >= feed.count

    run = mmzoo.train(
        spec,
        records,
        records.take(32),
        training=mmzoo.Training(epochs=2, batch_size=16, num_variants=2, methods=["mixup"]),
        data=f"{shards}#colour",
        out=tmp_path / "run",
        service=machines.address,
    )
    lines = (run.folder / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    with pytest.raises(MMZooError, match="'data' names the folder of shards"):
        mmzoo.train(spec, records, out=tmp_path / "other", service=machines.address)


@pytest.mark.long
@pytest.mark.usefixtures("slow")
def test_every_record_comes_once_and_a_killed_worker_takes_none_with_it(
    machines: Machines, shards: Path, wanted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spec, records, tensors = wanted
    caplog.set_level(logging.WARNING, "mmzoo")
    batches = ServiceBatches(spec, records, shards, service=machines.address, batch_size=16, patience=10)
    assert len(batches) == -(-len(records) // 16)

    # 1. Nothing happens to anyone: only the sounds that the graph cannot read are decoded here.
    epoch = list(batches)
    assert [len(labels["colour"]) for _, labels in epoch[:-1]] == [16] * (len(batches) - 1)
    check_same(collected(epoch), tensors)
    flacs = sum(name.endswith(("49", "99")) for name in positions_of(records))
    assert flacs
    lost = [int(record.args[0]) for record in caplog.records if record.args]
    assert lost == [flacs]

    # 2. A worker is killed when it has sent little.
    caplog.clear()
    iterator = iter(batches)
    first = next(iterator)
    machines.workers[0].send_signal(signal.SIGKILL)
    machines.workers[0].wait()
    check_same(collected([first, *iterator]), tensors)
    (lost_now,) = (int(record.args[0]) for record in caplog.records if record.args)
    assert lost_now > flacs, "it had records that never came"
    assert lost_now < len(records) - 16, "the other went on"

    # 3. The next epoch goes on with the other.
    caplog.clear()
    check_same(collected(batches), tensors)
    assert [int(record.args[0]) for record in caplog.records if record.args] == [flacs]


def positions_of(records: Records) -> list[str]:
    """The number of each record in the table, from its name: "line 2" is the first."""
    return [str(int(name.split()[-1]) - 2) for name in records.ids]


def test_what_is_wrong_is_said(shards: Path, wanted: Any, tmp_path: Path) -> None:
    spec, records, _ = wanted
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(MMZooError, match=f"There is no data service at 'grpc://127.0.0.1:{port}' .*dispatcher"):
            ServiceBatches(spec, records, shards, service=f"grpc://127.0.0.1:{port}")
        with pytest.raises(MMZooError, match=f"Port {port} cannot be used"):
            start_server("dispatcher", port=port)
    with pytest.raises(MMZooError, match="given as grpc://host:port, not 'localhost'"):
        ServiceBatches(spec, records, shards, service="localhost")
    with pytest.raises(MMZooError, match="needs to know its dispatcher"):
        start_server("worker")
    with pytest.raises(MMZooError, match="--dispatcher is for a worker"):
        start_server("dispatcher", dispatcher="localhost:1")
    with pytest.raises(MMZooError, match="needs the same port"):
        start_server("dispatcher", work_dir=tmp_path)
    twice = records.select([0, 0])
    with pytest.raises(MMZooError, match="A record is given twice"):
        ServiceBatches(spec, twice, shards, service="grpc://localhost:1")
    table = Records({name: list(records.column(name)) for name in records.columns}, records.ids)
    with pytest.raises(MMZooError, match="None of the inputs is in the shards"):
        ServiceBatches(spec, table, shards, service="grpc://localhost:1")
