"""Where a run computes: strategies of tf.distribute, and what their workers have to agree upon."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.network import check_public

# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h, in bytes
MALLOC = ((-3, 2**25), (-1, 2**31 - 1), (-2, 2**24))

NAMES = ("auto", "one", "mirrored", "workers", "tpu")


def strategy_of(name: str = "auto", tpu: str = "", *, public: bool = False) -> tf.distribute.Strategy:
    """A strategy by name. To be called before TensorFlow computes anything: workers could not be joined later.

    Args:
        name: "one" device; "mirrored", all GPUs of this machine; "workers", the machines that TF_CONFIG lists;
            "tpu"; or "auto": workers where TF_CONFIG lists some, else mirrored where there are several GPUs, else one.
        tpu: the name or address of the TPU; "local" on a TPU's own machine.
        public: other machines may reach what TensorFlow listens on for "workers" and for a TPU elsewhere, and so run
            any graph here. Who lists other machines in TF_CONFIG has said so.

    Raises:
        MMZooError: there is no strategy of that name, its devices cannot be reached, or others could reach this
            process and `public` was not given.
    """
    if name not in NAMES:
        raise unknown("strategy", name, NAMES)
    if name == "auto":
        several = len(tf.config.list_physical_devices("GPU")) > 1
        name = "workers" if worker_count() > 1 else "mirrored" if several else "one"
    require(not tpu or name == "tpu", "A TPU was named, but the strategy is another; give --strategy tpu too.")
    if name == "one":
        return tf.distribute.get_strategy()
    try:
        if name == "mirrored":
            return tf.distribute.MirroredStrategy()
        if name == "workers":
            require(worker_count(), 'The strategy "workers" needs TF_CONFIG; set it, or use --workers N for a try.')
            check_public(public or not all(map(is_loopback, worker_addresses())))
            keep_memory()
            return tf.distribute.MultiWorkerMirroredStrategy()
        if tpu != "local":
            check_public(public)
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        if isinstance(error, MMZooError):
            raise
        why = " ".join(str(error).split())[:300]
        raise MMZooError(f"The devices of strategy '{name}' cannot be reached ({why}); check them.") from error


def keep_memory() -> None:
    """Let TensorFlow keep the memory of its tensors on the CPU, all of the machine's if need be.

    Where collective operations hand on the work from thread to thread, malloc gives the memory of each tensor back to
    the system and gets it again page by page, which took 30 to 40 % of a step; what it still did with the buffers of
    matrix products took 4 %.
    """
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    if hasattr(os, "sysconf"):
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        os.environ.setdefault("TF_CPU_BFC_MEM_LIMIT_IN_MB", str(size // 2**20))
    with suppress(AttributeError, OSError, TypeError):  # not glibc's malloc: as it is
        for setting, number in MALLOC:
            ctypes.CDLL(None).mallopt(setting, number)


def worker_count() -> int:
    """How many workers TF_CONFIG lists; 0 where it is not set."""
    return len(worker_addresses())


def worker_addresses() -> list[str]:
    """The addresses "host:port" of the workers that TF_CONFIG lists; none where it is not set."""
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
        return [str(address) for job in ("chief", "worker") for address in cluster.get(job, [])]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise MMZooError(
            f"TF_CONFIG cannot be read ({error}); see the TensorFlow guide to multi-worker runs."
        ) from None


def is_loopback(address: str) -> bool:
    """Does "host:port" mean this machine, and is meant for it alone?"""
    host = address.rpartition(":")[0].strip("[]")
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def is_chief() -> bool:
    """Is this the process that writes files? True where there is only one."""
    return not has_workers() or bool(tf.distribute.get_strategy().extended.should_checkpoint)


def has_workers() -> bool:
    """Do several processes share this run?"""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def added_up(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The sum of what every worker gives here, float32; it waits until all are here."""
    if not has_workers():
        return np.asarray(values, np.float32)
    return np.asarray(_add_up(tf.constant(values, tf.float32)))


@tf.function
def _add_up(values: Tensor) -> Tensor:
    strategy = tf.distribute.get_strategy()

    def add() -> Tensor:
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values / len(strategy.extended.worker_devices))

    return strategy.experimental_local_results(strategy.run(add))[0]
