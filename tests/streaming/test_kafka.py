"""A topic of Kafka as a stream, read from the broker that librdkafka has for tests: its protocol over a real socket."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
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


class Error:
    """An error as the client gives it."""

    def __init__(self, code: int, fatal: bool = False) -> None:
        self.code, self.fatal = (lambda: code), (lambda: fatal)

    def __str__(self) -> str:
        return "an error"


class Message:
    """A message, or an error in its place."""

    def __init__(self, value: bytes = b"", offset: int = 0, error: Error | None = None) -> None:
        self.value, self.offset, self.error = (lambda: value), (lambda: offset), (lambda: error)
        self.partition = lambda: 0


def test_a_broker_that_goes_away_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """A recorded exchange: the client says that the broker is away, twice, and then has what comes."""
    away = Message(error=Error(confluent_kafka.KafkaError._ALL_BROKERS_DOWN))
    end = Message(error=Error(confluent_kafka.KafkaError._PARTITION_EOF))

    class Consumer:
        def __init__(self, settings: dict[str, Any]) -> None:
            assert settings["enable.auto.commit"] is False
            self.left = [Message(b'{"x": 0}'), away, away, None, Message(b'{"x": 1}', 1), end, None]

        def list_topics(self, topic: str, timeout: float) -> Any:
            one = type("Topic", (), {"error": None, "partitions": {0: None}})
            return type("Topics", (), {"topics": {topic: one}})

        def assign(self, partitions: Any) -> None:
            pass

        def poll(self, timeout: float) -> Any:
            return self.left.pop(0)

        def close(self) -> None:
            self.left = []

    logging.getLogger("mmzoo").propagate = True
    found = records(Kafka("kafka://host:1/events", make=Consumer).records({}))
    assert [each.row for each in found] == [{"x": 0}, {"x": 1}]
    said = [record.getMessage() for record in dict.fromkeys(caplog.records)]  # one may pass two loggers
    assert [line for line in said if "is away" in line] == [
        "The broker at host:1 is away (an error); this waits until it is back."
    ]
    fatal = Message(error=Error(confluent_kafka.KafkaError._FATAL, True))

    class Broken(Consumer):
        def __init__(self, settings: dict[str, Any]) -> None:
            self.left = [fatal]

    with pytest.raises(MMZooError, match="cannot go on"):
        records(Kafka("kafka://host:1/events", make=Broken).records({}))
