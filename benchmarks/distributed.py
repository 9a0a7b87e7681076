"""What do two workers on one core each give over one worker on one core, and what does adding up gradients cost?

    python benchmarks/distributed.py             # all, or some: recipe, large

Two processes find each other by TF_CONFIG on this machine (`MultiWorkerMirroredStrategy`), each held to one core; the
one that they are compared with has the first of these cores. `recipe` is what trains of the main recipe, `large` a net
of 24 million parameters, 95 MiB of gradients. Each way is a run of its own: a few steps to warm up, then a sample for
every call; printed are all of them, examples a second, and the share of a step that the adding up takes: that of the
same number of bytes by itself, over the step.

On 2 quiet cores of a slow day (a step of `recipe` took one worker 0.25 s): `recipe` (1.7 MiB) 1.55 times the examples
a second of one worker, 1.59 with 16-bit gradients, where adding up takes 3 and 7 % of a step; `large` (91 MiB) 1.20 and
1.33 times, 15 and 6 %; its other ways took too long to measure. Before TensorFlow was told to keep the memory of its
tensors (`mmzoo.training.strategy.keep_memory`) two workers were no faster than one that day: each step took 35,000 to
45,000 page faults, against 100 of one worker alone. Two processes that have nothing to do with each other (`--child`
twice, no TF_CONFIG) are as fast as one by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.training.workers import free_ports

CALLS = 6


@dataclass(frozen=True)
class Way:
    """A run: the batch of all workers together, and the settings that are tried on it."""

    name: str
    batch: int
    steps: int  # a call
    settings: dict[str, Any]


WAYS = {
    "recipe": [Way("batch 32 a worker", 32, 8, {}), Way("16-bit gradients", 32, 8, {"exchange": "bfloat16"})],
    "large": [
        Way("batch 16 a worker", 16, 2, {}),
        Way("16-bit gradients", 16, 2, {"exchange": "bfloat16"}),
        Way("batch 64 a worker in 4 parts", 64, 1, {"accumulate": 4}),
        Way("the same, 16-bit gradients", 64, 1, {"accumulate": 4, "exchange": "bfloat16"}),
    ],
}


def child(case: str, batch: int, steps: int, settings: dict[str, Any]) -> None:
    """One worker: what it measured as JSON on the last line."""
    import tensorflow as tf

    import mmzoo
    from mmzoo.training.strategy import strategy_of
    from mmzoo.training.trainer import Trainer

    tf.config.threading.set_intra_op_parallelism_threads(1)
    strategy = strategy_of()
    workers = strategy.num_replicas_in_sync
    with strategy.scope():
        spec, model, feed = recipe(batch * workers) if case == "recipe" else large(batch * workers)
        training = mmzoo.Training(batch_size=batch * workers, average=0.0, **settings)
        trainer = Trainer(spec, model, training, 10**6)
        batches = trainer.batches(feed, range(10**6))
        trainer.run(batches, steps)
        seconds = []
        for _ in range(CALLS):
            began = time.perf_counter()
            trainer.run(batches, steps)
            seconds.append((time.perf_counter() - began) / steps)
        size = sum(int(np.prod(v.shape)) for v in trainer.variables)
        added = adding(strategy, trainer.variables, settings) if workers > 1 else [0.0]
    print(json.dumps({"seconds": seconds, "added": added, "numbers": size}), flush=True)


def recipe(batch: int) -> Any:
    """What trains of the main recipe, and a feed of examples that are ready."""
    import mmzoo
    from mmzoo import datasets
    from mmzoo.data.records import decode, encode_labels
    from mmzoo.recipe import load_recipe
    from mmzoo.training.batches import Varied
    from mmzoo.training.features import compute_features, split
    from mmzoo.training.feed import Stream

    records = datasets.load("emoji")[0].take(256)
    spec = load_recipe("emoji").spec.fit(records)
    part = split(mmzoo.build(spec))
    features = compute_features(part, spec, decode(spec, records))
    return spec, part.rest, Stream(features, encode_labels(spec, records), Varied(0.2), batch_size=batch, seed=0)


def large(batch: int) -> Any:
    """A ResNet50 on pictures of 64 px: about as many numbers to add up as it has parameters."""
    import mmzoo
    from mmzoo.training.batches import Varied
    from mmzoo.training.feed import Stream

    inputs = [mmzoo.Image("image", size=64, tower="resnet50")]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Classification("label", labels=tuple("abcdefgh"))])
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (256, 1, 64, 64, 3)).astype(np.uint8)
    features = {"image": pictures, "present": np.ones((256, 1), bool)}
    labels = {"label": rng.integers(0, 8, 256).astype(np.int32)}
    return spec, mmzoo.build(spec), Stream(features, labels, Varied(), batch_size=batch, seed=0)


def adding(strategy: Any, variables: list[Any], settings: dict[str, Any]) -> list[float]:
    """Seconds that it takes to add up as many numbers as the gradients are, and nothing else."""
    import tensorflow as tf

    kind = settings.get("exchange", "float32")
    values = [tf.zeros(v.shape, kind) for v in variables]

    @tf.function
    def add() -> Any:
        def inside() -> Any:
            context = tf.distribute.get_replica_context()
            return tf.add_n([tf.reduce_sum(x) for x in context.all_reduce(tf.distribute.ReduceOp.SUM, values)])

        return strategy.experimental_local_results(strategy.run(inside))[0]

    float(add())
    seconds = []
    for _ in range(CALLS):
        began = time.perf_counter()
        float(add())
        seconds.append(time.perf_counter() - began)
    return seconds


def measured(case: str, way: Way, workers: int) -> dict[str, Any]:
    """What the first of some workers found."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    settings = {name: value for name, value in way.settings.items() if workers > 1 or name != "exchange"}
    running = []
    for index in range(workers):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        if workers > 1:
            environment["TF_CONFIG"] = json.dumps(place)
        task = [case, str(way.batch), str(way.steps), json.dumps(settings)]
        command = ["taskset", "-c", str(index), sys.executable, "-W", "ignore", __file__, "--child", *task]
        out = subprocess.PIPE if index == 0 else subprocess.DEVNULL
        running.append(subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True))
    words = running[0].communicate()[0]
    if any(process.wait() for process in running):
        raise SystemExit(f"A worker failed; the first one said: {words[-500:]}")
    return dict(json.loads(words.splitlines()[-1]))


def main() -> None:
    for case in sys.argv[1:] or WAYS:
        for way in WAYS[case]:
            one, two = (measured(case, way, workers) for workers in (1, 2))
            speeds = [way.batch * n / np.median(each["seconds"]) for n, each in ((1, one), (2, two))]
            share = np.median(two["added"]) / np.median(two["seconds"])
            print(
                f"{case} ({two['numbers'] * 4 / 2**20:.1f} MiB of gradients), {way.name}: {speeds[0]:.0f} and "
                f"{speeds[1]:.0f} examples/s, {speeds[1] / speeds[0]:.2f} times; adding up {share:.0%} of a step"
            )
            for name, each in (("one", one), ("two", two)):
                print(f"  {name}, s a step: " + " ".join(f"{x:.3f}" for x in each["seconds"]))
            print("  adding up alone, s: " + " ".join(f"{x:.3f}" for x in two["added"]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), json.loads(sys.argv[5]))
    else:
        main()
