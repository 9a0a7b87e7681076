"""A topic of Kafka as a stream, read from the broker that librdkafka has for tests: its protocol over a real socket."""

from __future__ import annotations

import ctypes
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmzoo.data.streams import kafka
from mmzoo.data.streams.arriving import Arrived
from mmzoo.data.streams.kafka import Kafka
from mmzoo.errors import DataError, MMZooError

confluent_kafka = pytest.importorskip("confluent_kafka")


@pytest.fixture(scope="module")
def producer() -> Any:
    """Who writes, and holds the broker."""
    return confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})


@pytest.fixture(scope="module")
def broker(producer: Any) -> str:
    (found,) = producer.list_topics(timeout=20).brokers.values()
    return f"{found.host}:{found.port}"


def written(producer: Any, topic: str, values: list[bytes], partition: int = 0) -> None:
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(20) == 0


def records(found: Iterator[Arrived | None]) -> list[Arrived]:
    return [each for each in found if each is not None]


def test_every_message_comes_once_behind_a_cursor(producer: Any, broker: str) -> None:
    written(producer, "events", [b'{"x": 0}', b'{"x"', b'{"x": 2}'])
    written(producer, "events", [b'{"x": 3}'], partition=1)
    source = Kafka(f"kafka://{broker}/events")
    found = records(source.records({}))
    assert sorted(each.row["x"] for each in found if isinstance(each.row, dict)) == [0, 2, 3]
    (bad,) = [each for each in found if isinstance(each.row, DataError)]
    assert bad.place == "partition 0 line 1"
    assert found[-1].cursor == {"offsets": {"0": 3, "1": 1}}
    for place, each in enumerate(found):  # from anywhere, the rest and nothing else
        rest = records(source.records(json.loads(json.dumps(each.cursor))))
        assert sorted(other.place for other in rest) == sorted(other.place for other in found[place + 1 :])
    written(producer, "events", [b'{"x": 4}'], partition=1)
    assert [each.row for each in records(source.records(found[-1].cursor))] == [{"x": 4}]


def test_what_is_not_there(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MMZooError, match="no topic 'nothing'"):
        next(Kafka(f"kafka://{broker}/nothing").records({}))
    with pytest.raises(MMZooError, match="is written kafka://"):
        Kafka("kafka://host")
    monkeypatch.setattr(kafka, "SECONDS", 0.2)
    with pytest.raises(MMZooError, match="No broker of Kafka answers"):
        next(Kafka("kafka://127.0.0.1:1/events").records({}))
    with pytest.raises(MMZooError, match="not kept by the broker"):
        records(Kafka(f"kafka://{broker}/events").records({"offsets": {"0": 100}}))


class Cluster:
    """A broker that goes away and comes back: librdkafka's own for tests, as its functions in C have it."""

    def __init__(self) -> None:
        found = [*(Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*")]
        if not found:
            pytest.skip("librdkafka is not beside the client here")
        self.library = ctypes.CDLL(str(found[0]))
        for name in ("conf_new", "new", "mock_cluster_new"):
            getattr(self.library, f"rd_kafka_{name}").restype = ctypes.c_void_p
        self.library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        said, size = ctypes.create_string_buffer(200), ctypes.c_size_t(200)
        settings = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        self.library.rd_kafka_conf_set(settings, b"log_level", b"0", said, size)
        self.client = ctypes.c_void_p(self.library.rd_kafka_new(0, settings, said, size))
        self.cluster = ctypes.c_void_p(self.library.rd_kafka_mock_cluster_new(self.client, 1))
        self.servers = self.library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.library.rd_kafka_mock_cluster_destroy(self.cluster)
        self.library.rd_kafka_destroy(self.client)

    def away(self, away: bool) -> None:
        """Let go of who is connected and refuse everybody; or let them come again."""
        change = "down" if away else "up"
        assert getattr(self.library, f"rd_kafka_mock_broker_set_{change}")(self.cluster, ctypes.c_int32(1)) == 0


def test_a_broker_that_goes_away_and_comes_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that is, and though no message is waited for: those that come behind it are taken, each once."""
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    with Cluster() as cluster:
        producer = confluent_kafka.Producer({"bootstrap.servers": cluster.servers, "log_level": 0})
        written(producer, "events", [b'{"x": 0}', b'{"x": 1}'])
        found = Kafka(f"kafka://{cluster.servers}/events", wait=2.0).records({})
        there = (each for each in found if each)  # on a busy machine they may be a while in coming
        assert [next(there).row, next(there).row] == [{"x": 0}, {"x": 1}]
        cluster.away(True)
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            assert next(found) is None
        cluster.away(False)
        written(producer, "events", [b'{"x": 2}', b'{"x": 3}'])
        assert [each.row for each in records(found)] == [{"x": 2}, {"x": 3}]
        said = [record.getMessage() for record in dict.fromkeys(caplog.records)]  # one may pass two loggers
        (away,) = [line for line in said if "is away" in line]  # why, librdkafka says now in one way, now in another
        assert away.startswith(f"The broker at {cluster.servers} is away (") and away.endswith("until it is back.")
        # Away again after all was read, and back with nothing new: that is the end.
        rest = Kafka(f"kafka://{cluster.servers}/events", wait=2.0).records({"offsets": {"0": 3}})
        assert next(each for each in rest if each).row == {"x": 3}
        cluster.away(True)
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            assert next(rest) is None
        cluster.away(False)
        assert records(rest) == []


def test_what_no_waiting_mends() -> None:
    """A recorded exchange, since the broker for tests has no such fault."""

    class Fault:
        code = staticmethod(lambda: confluent_kafka.KafkaError._FATAL)
        fatal = staticmethod(lambda: True)
        str = staticmethod(lambda: "an error")

    class Consumer:
        def __init__(self, settings: dict[str, Any]) -> None:
            assert settings["enable.auto.commit"] is False
            self.tell = settings["error_cb"]

        def list_topics(self, topic: str, timeout: float) -> Any:
            one = type("Topic", (), {"error": None, "partitions": {0: None}})
            return type("Topics", (), {"topics": {topic: one}})

        def assign(self, partitions: Any) -> None:
            pass

        def poll(self, timeout: float) -> Any:
            self.tell(Fault)

        def close(self) -> None:
            pass

    with pytest.raises(MMZooError, match=r"Kafka cannot go on \(an error\)"):
        records(Kafka("kafka://host:1/events", make=Consumer).records({}))
