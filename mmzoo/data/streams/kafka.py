"""A topic of Kafka as a stream of records: JSON objects, whose offsets the run keeps and not the broker."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping

from mmzoo.aliases import Untyped
from mmzoo.data.streams import arriving, lines
from mmzoo.data.streams.arriving import Arrived, Cursor
from mmzoo.errors import MMZooError, require
from mmzoo.messages.words import one_line

PREFIX = "kafka://"
SECONDS = 20.0
"""That a broker may take to answer at first."""


class Kafka:
    """The messages of a topic, `kafka://HOST:PORT[,HOST:PORT]/TOPIC`, from its first on.

    Where every message of a partition was read is in the cursor, so nothing is committed to the broker and no group is
    joined. Messages of one partition come in its order; those of several as the broker sends them, so that two runs
    over several partitions take the same records, each once, in another order.

    Args:
        name: where the topic is.
        wait: the stream is at its end when all is read and nothing has come for so many seconds.
        settings: more of librdkafka's, such as "security.protocol".
        make: makes a consumer of settings, in place of `confluent_kafka.Consumer`.

    Raises:
        MMZooError: the name is none, or `confluent_kafka` is not installed.
    """

    from_first = False

    def __init__(
        self,
        name: str,
        wait: float = 0.0,
        *,
        settings: Mapping[str, object] | None = None,
        make: Callable[[dict[str, object]], Untyped] | None = None,
    ) -> None:
        found = re.fullmatch(r"kafka://([^/\s]+)/([A-Za-z0-9._-]{1,249})", name)
        if found is None:
            raise MMZooError(f"A topic of Kafka is written kafka://HOST:PORT/TOPIC, not '{name}'.")
        self.servers, self.topic, self.wait = found[1], found[2], wait
        usual = {"bootstrap.servers": self.servers, "group.id": "mmzoo", "auto.offset.reset": "error"}
        ours = {"enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0}
        self.settings = {**usual, **(settings or {}), **ours}
        self.make = make or consumer()

    def records(self, cursor: Cursor) -> Iterator[Arrived | None]:
        """See `mmzoo.data.streams.arriving.Source`."""
        from confluent_kafka import OFFSET_BEGINNING, TopicPartition

        faults: list[Untyped] = []  # that a broker is away, the client says to nobody but this
        consumer = self.make({**self.settings, "error_cb": faults.append})
        try:
            begun = cursor.get("offsets", {})
            offsets = {str(number): OFFSET_BEGINNING for number in self._partitions(consumer)} | begun
            consumer.assign([TopicPartition(self.topic, int(key), at) for key, at in offsets.items()])
            yield from self._polled(consumer, faults, dict(begun), {*offsets})
        finally:
            consumer.close()

    def _partitions(self, consumer: Untyped) -> list[int]:
        from confluent_kafka import KafkaException

        try:
            found = consumer.list_topics(self.topic, timeout=SECONDS).topics[self.topic]
        except KafkaException as error:
            raise MMZooError(f"No broker of Kafka answers at {self.servers} ({one_line(error)}); start it.") from error
        said = f"There is no topic '{self.topic}' at {self.servers}; make it, or name another."
        require(found.error is None and found.partitions, said)
        return sorted(found.partitions)

    def _polled(
        self, consumer: Untyped, faults: list[Untyped], offsets: dict[str, int], partitions: set[str]
    ) -> Iterator[Arrived | None]:
        """What comes; `faults` is what the client finds meanwhile."""
        last, away = time.monotonic(), False
        ends: dict[str, int] = {}
        while True:
            message = consumer.poll(arriving.POLL)
            while faults:
                away = self._tell(faults.pop(0), away)
            if message is None:
                done = partitions <= ends.keys() and time.monotonic() - last >= self.wait
                if done and not (away and self._has_more(consumer, ends)):
                    return
                yield None
            elif (error := message.error()) is not None:
                if at_end(error):
                    ends[str(message.partition())] = message.offset()
                else:
                    away = self._tell(error, away)
                    yield None
            else:
                last, away = time.monotonic(), False
                key, offset = str(message.partition()), message.offset()
                offsets = {**offsets, key: offset + 1}
                what, data = f"Partition {key} of '{self.topic}'", message.value() or b""
                row = lines.too_long(what, offset) if len(data) > lines.LONGEST else lines.parsed(what, offset, data)
                yield Arrived(f"partition {key} line {offset}", row, {"offsets": offsets})

    def _has_more(self, consumer: Untyped, ends: Mapping[str, int]) -> bool:
        """Is there something behind the ends that were seen, or can nobody say so, as the broker is still away?"""
        from confluent_kafka import KafkaException, TopicPartition

        try:
            for key, end in ends.items():
                _, found = consumer.get_watermark_offsets(TopicPartition(self.topic, int(key)), timeout=SECONDS / 20)
                if found > end:
                    return True
        except KafkaException:
            return True
        return False

    def _tell(self, error: Untyped, away: bool) -> bool:
        """Say once that the broker is away, which librdkafka goes on to look for; raise what does not pass."""
        from confluent_kafka import KafkaError

        gone = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
        require(
            error.code() not in gone,
            f"What comes next of '{self.topic}' is not kept by the broker any more; train into a new folder, and keep "
            "messages longer.",
        )
        why = one_line(error.str())
        require(not error.fatal(), f"Kafka cannot go on ({why}); mend that and give the same command again.")
        if not away:
            said = "The broker at %s is away (%s); this waits until it is back."
            logging.getLogger("mmzoo").warning(said, self.servers, why)
        return True


def at_end(error: Untyped) -> bool:
    """Is it no fault but the end of what a partition has so far?"""
    from confluent_kafka import KafkaError

    return bool(error.code() == KafkaError._PARTITION_EOF)


def consumer() -> Callable[[dict[str, object]], Untyped]:
    """The client of Kafka.

    Raises:
        MMZooError: it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MMZooError("Kafka needs confluent-kafka; install it: pip install 'mmzoo[kafka]'.") from error
    return confluent_kafka.Consumer  # type: ignore[no-any-return,unused-ignore]
