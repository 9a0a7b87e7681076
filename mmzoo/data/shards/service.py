"""Shards decoded on other machines: the tf.data service (Audibert et al. 2023, "tf.data service").

A dispatcher hands shards to workers as they ask for them ("dynamic sharding"), and whoever trains takes what they have
decoded. TensorFlow promises of this mode that no record comes twice, and that those of a worker that dies may never
come; it then waits for that worker for ever. So each record carries its number, and what did not come is decoded here:

**Every record comes exactly once an epoch**, as long as the shards themselves can be read, whatever workers die, and
whichever files TensorFlow's graph cannot read (WebP, MP3, a WAV at another rate; see `Modality.from_file`). The order
is that in which workers finish: unlike that of any other source, it is not the same in two runs.
"""

from __future__ import annotations

import logging
import math
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mmzoo.aliases import Raw, Tensor, Tree, Untyped
from mmzoo.data.lazy.columns import Column, given
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import Records
from mmzoo.data.schema.names import input_names
from mmzoo.data.shards.folder import open_shards
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality

SENT = 32  # records that a worker sends at once
SHUFFLED = 1024  # records, encoded, of which a worker draws the next


class ServiceBatches:
    """Batches `(inputs, labels)`, one epoch an iteration, whose files a tf.data service decodes.

        batches = ServiceBatches(spec, records, "shards", service="grpc://host:5050")
        model.fit(batches.repeated(), steps_per_epoch=len(batches), epochs=10, shuffle=False)

    Args:
        spec: of the model, fitted.
        records: those of `shards` that are wanted, under the names of the spec, as `mmzoo.datasets.load` gives them.
        shards: the folder; every worker must see it under the same path.
        service: where the dispatcher is, "grpc://host:5050" (`mmzoo data serve dispatcher --public`).
        batch_size: records of a batch; the last of an epoch has what is left.
        seed: of the order in which shards are handed out.
        patience: seconds in which nothing comes, after which what is missing is decoded here.

    Raises:
        MMZooError: there is no dispatcher, or the records are not of these shards.
    """

    def __init__(
        self,
        spec: Spec,
        records: Records,
        shards: str | Path,
        *,
        service: str,
        batch_size: int = 32,
        seed: int = 0,
        patience: float = 30.0,
    ) -> None:
        check_number("The batch_size", batch_size, 1, 65536, whole=True)
        check_number("The patience in seconds", patience, 0.1, 86400)
        self.spec, self.records, self.batch_size = spec, records, batch_size
        self.service, self.seed, self.patience, self.epoch = service, seed, patience, 0
        self.columns = {item.name: records.column(item.name) for item in spec.inputs}
        self.present = np.stack([given(self.columns[item.name]) for item in spec.inputs], axis=1)
        self.labels = encode_labels(spec.tasks, records)
        kinds, self.shards = open_shards(shards)
        self.features = {name: column for column, name in input_names(kinds).items()}
        self.stored = [item for item in spec.inputs if isinstance(self.columns[item.name], Column)]
        require(self.stored, "None of the inputs is in the shards; batches of such records need no service.")
        numbers = cast(Column[Raw], self.columns[self.stored[0].name]).rows
        total = sum(len(shard.ids) for shard in self.shards)
        require(len(numbers) == 0 or numbers.max() < total, f"The records are not those of the shards in '{shards}'.")
        self.position = np.full(total, -1, np.int64)  # of each record of the shards, among those wanted
        self.position[numbers] = np.arange(len(numbers))
        require(len(np.unique(numbers)) == len(numbers), "A record is given twice; give each of them once.")
        check_service(service)
        for shard in self.shards:
            shard.check_lengths()

    def __len__(self) -> int:
        return math.ceil(len(self.records) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """One epoch."""
        for whole in rebatched(self.parts(), self.batch_size, rest=True):
            yield self._batch(whole)
        self.epoch += 1

    def repeated(self) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """Epoch after epoch, as `model.fit` takes batches from a generator."""
        while True:
            yield from self

    def _batch(self, whole: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        chosen = whole.pop("position")
        inputs = {**whole, "present": self.present[chosen]}
        return inputs, {name: labels[chosen] for name, labels in self.labels.items()}

    def parts(self) -> Iterator[dict[str, np.ndarray]]:
        """Decoded inputs of some records at a time with their `position`; first what comes, then what did not."""
        seen = np.zeros(len(self.records), bool)
        for numbers, values in self._received(seen):
            positions = self.position[numbers]
            fresh = np.flatnonzero(~seen[positions])
            seen[positions] = True
            if len(fresh):
                yield self._decoded(positions[fresh], {name: each[fresh] for name, each in values.items()})
        missing = np.flatnonzero(~seen)
        if len(missing):
            logging.getLogger("mmzoo").warning(
                "%d of %d records did not come from the data service at %s; they are decoded here.",
                len(missing),
                len(seen),
                self.service,
            )
        for start in range(0, len(missing), SENT):
            yield self._decoded(missing[start : start + SENT], {})

    def _decoded(self, positions: np.ndarray, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All inputs of the records at `positions`, of which workers sent `values`: tensors, or bytes as stored."""
        ids = [self.records.ids[k] for k in positions]
        made: dict[str, Tree] = {"position": positions}
        for item in self.spec.inputs:
            column = self.columns[item.name]
            if item.name not in values:
                made[item.name] = Examples(item, column, self.records.ids)[positions]
            elif item.decoded_in_graph:
                made[item.name] = values[item.name]
            else:
                stored = [value or None for value in values[item.name]]
                made[item.name] = Examples(item, stored, ids)[:]
        return made

    def _received(self, seen: np.ndarray) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """What workers send, until everything was seen, they are done, or nothing came for a while.

        Who reads waits in a thread of its own: TensorFlow waits for a dead worker without end, and cannot be asked to
        stop.
        """
        arrived: queue.Queue[tuple[np.ndarray, dict[str, np.ndarray]] | Exception | None] = queue.Queue(maxsize=16)
        done = threading.Event()

        def read() -> None:
            try:
                for element in self._dataset().as_numpy_iterator():
                    while not done.is_set():
                        try:
                            arrived.put(element, timeout=0.2)
                            break
                        except queue.Full:
                            continue
                    if done.is_set():
                        return
                arrived.put(None)
            except Exception as error:  # raised again where it can be seen
                arrived.put(error)

        threading.Thread(target=read, name="data service", daemon=True).start()
        try:
            while not seen.all():
                element = arrived.get(timeout=self.patience)
                if isinstance(element, Exception):
                    logging.getLogger("mmzoo").warning("The data service failed: %s", str(element).splitlines()[0])
                    return
                if element is None:
                    return
                yield element
        except queue.Empty:
            return
        finally:
            done.set()

    def _dataset(self) -> Untyped:
        """On the workers: shards to `(numbers (B,), inputs)`, without those records that the graph cannot decode."""
        import tensorflow as tf

        service = tf.data.experimental.service
        sizes = np.array([len(shard.ids) for shard in self.shards])
        starts = np.cumsum(sizes) - sizes
        used = [k for k, start in enumerate(starts) if (self.position[start : start + sizes[k]] >= 0).any()]
        order = np.random.default_rng((self.seed, self.epoch)).permutation(used)
        files = tf.constant([str(self.shards[k].path.parent.resolve() / self.shards[k].path.name) for k in order])
        wanted = tf.constant(self.position >= 0)

        def decoded(number: Tensor, data: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            parts = {self.features[item.name]: tf.io.FixedLenFeature([], tf.string, "") for item in self.stored}
            found = tf.io.parse_single_example(data, parts)
            return number, {item.name: self._in_graph(item, found[self.features[item.name]]) for item in self.stored}

        return (
            tf.data.Dataset.from_tensor_slices((files, tf.constant(starts[order])))
            .flat_map(lambda file, start: tf.data.TFRecordDataset(file).enumerate(start))
            .filter(lambda number, data: tf.gather(wanted, number))
            .shuffle(SHUFFLED, seed=self.seed)
            .map(decoded, num_parallel_calls=tf.data.AUTOTUNE)
            .ignore_errors(log_warning=False)
            .batch(SENT)
            .prefetch(tf.data.AUTOTUNE)
            .apply(service.distribute(processing_mode=service.ShardingPolicy.DYNAMIC, service=self.service))
        )

    @staticmethod
    def _in_graph(item: Modality, data: Tensor) -> Tensor:
        """A stored value as its tensor where the graph decodes it, zeros where it is missing; else as it is."""
        import tensorflow as tf

        if not item.decoded_in_graph:  # it travels as it is stored
            return data
        zeros = tf.zeros(item.shape, item.dtype)
        return tf.cond(
            tf.strings.length(data) > 0, lambda: tf.ensure_shape(item.from_file(data), item.shape), lambda: zeros
        )


def rebatched(parts: Iterator[dict[str, np.ndarray]], size: int, rest: bool = False) -> Iterator[dict[str, np.ndarray]]:
    """Arrays by name, of any number of rows, as ones of `size` rows; at the end what is left, if `rest`."""
    waiting: list[dict[str, np.ndarray]] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part["position"])
        if count < size:
            continue
        whole = {name: np.concatenate([each[name] for each in waiting]) for name in part}
        for start in range(0, count - size + 1, size):
            yield {name: values[start : start + size] for name, values in whole.items()}
        waiting = [{name: values[count - count % size :] for name, values in whole.items()}]
        count %= size
    if count and rest:
        yield {name: np.concatenate([each[name] for each in waiting]) for name in waiting[0]}


def check_service(service: str) -> None:
    """Raise unless something listens at "grpc://host:port"."""
    host, _, port = service.removeprefix("grpc://").rpartition(":")
    require(
        service.startswith("grpc://") and host and port.isdigit(),
        f"A data service is given as grpc://host:port, not '{service}'.",
    )
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise MMZooError(
            f"There is no data service at '{service}' ({error.strerror or error}); start one with: "
            f"mmzoo data serve dispatcher --port {port} --public"
        ) from None
