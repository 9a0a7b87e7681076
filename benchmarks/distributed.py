"""What do two workers on one core each give over one worker on one core, and what does adding up gradients cost?

    python benchmarks/distributed.py             # all, or some: recipe, large

Two processes find each other by TF_CONFIG on this machine (`MultiWorkerMirroredStrategy`), in a network of their own
that nobody else reaches, each held to one core; the one that they are compared with has the first of these cores.
`recipe` is what trains of the main recipe, `large` a net of 24 million parameters, 91 MiB of gradients. One and two
workers take their turns, some steps each, in one run; printed are all samples, examples a second, the median of the
ratios with its quartiles, and the share of a step that the adding up takes: that of the same number of bytes by itself,
over the step.

On 2 quiet cores, times the examples a second of one worker, quartiles, and the share of adding up; `recipe` twice:

    recipe (1.7 MiB)
    batch 32 a worker         1.67 (1.60 to 1.71)   4 %   1.56 (1.51 to 1.65)  3 %
    the same, 16-bit          1.89 (1.81 to 1.98)   3 %   1.63 (1.56 to 1.71)  2 %
    batch 64 a worker         1.81 (1.79 to 1.87)   1 %   1.83 (1.70 to 1.88)  2 %
    large (90.9 MiB)
    batch 16 a worker         1.38 (1.36 to 1.43)  15 %
    16-bit gradients          1.51 (1.44 to 1.53)   6 %
    64 in 4 parts             1.49 (1.44 to 1.51)   4 %
    the same, 16-bit          1.50 (1.48 to 1.54)   2 %

The rest is mostly batch normalization, which meets the other worker twice a layer: a meeting takes 1.5 to 2.5 ms where
nothing else is done, about 5 in a step. Memory matters too: before TensorFlow and malloc were told to keep it
(`keep_memory` of `mmzoo.training.distribution.strategy`) each step took 35,000 to 45,000 page faults, and two workers
were no faster than one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from asking import answer, ask, begin, heard

from mmzoo.network import is_reachable, run_privately
from mmzoo.training.distribution.workers import places

ROUNDS = {"recipe": 12, "large": 6}  # a step of the latter takes seconds


@dataclass(frozen=True)
class Way:
    """A run: the batch of all workers together, and the settings that are tried on it."""

    name: str
    batch: int
    steps: int  # a call
    settings: dict[str, Any]


WAYS = {
    "recipe": [
        Way("batch 32 a worker", 32, 8, {}),
        Way("the same, 16-bit gradients", 32, 8, {"allreduce_dtype": "bfloat16"}),
        Way("batch 64 a worker", 64, 4, {}),
    ],
    "large": [
        Way("batch 16 a worker", 16, 2, {}),
        Way("16-bit gradients", 16, 2, {"allreduce_dtype": "bfloat16"}),
        Way("batch 64 a worker in 4 parts", 64, 1, {"grad_accum_steps": 4}),
        Way("the same, 16-bit gradients", 64, 1, {"grad_accum_steps": 4, "allreduce_dtype": "bfloat16"}),
    ],
}


def child(case: str, batch: int, steps: int, settings: dict[str, Any]) -> None:
    """One worker: answers each line with the seconds of a step, at the end of the lines with what adding up takes."""
    import tensorflow as tf

    import mmzoo
    from mmzoo.training.distribution.strategy import strategy_of
    from mmzoo.training.trainer import Trainer

    tf.config.threading.set_intra_op_parallelism_threads(1)
    strategy = strategy_of()
    workers = strategy.num_replicas_in_sync
    with strategy.scope():
        spec, model, feed = recipe(batch * workers) if case == "recipe" else large(batch * workers)
        training = mmzoo.Training(batch_size=batch * workers, ema_decay=0.0, **settings)
        trainer = Trainer(spec, model, training, 10**6)
        batches = trainer.batches(feed, range(10**6))
        for _ in range(2):
            trainer.run(batches, steps)
        answer(sum(int(np.prod(v.shape)) for v in trainer.variables))
        for _ in sys.stdin:
            began = time.perf_counter()
            trainer.run(batches, steps)
            answer((time.perf_counter() - began) / steps)
        answer(adding(strategy, trainer.variables, settings) if workers > 1 else [0.0])


def recipe(batch: int) -> Any:
    """What trains of the main recipe, and a feed of examples that are ready."""
    import mmzoo
    from mmzoo import datasets
    from mmzoo.data.records import decode
    from mmzoo.graph.cut import split
    from mmzoo.labels import encode_labels
    from mmzoo.recipe import load_recipe
    from mmzoo.training.features.compute import compute_features
    from mmzoo.training.feeds.batches import Varied
    from mmzoo.training.feeds.feed import Stream

    records = datasets.load("emoji")[0].take(256)
    spec = load_recipe("emoji").spec.fit(records)
    part = split(mmzoo.build(spec))
    features = compute_features(part, spec, decode(spec, records))
    return spec, part.rest, Stream(features, encode_labels(spec.tasks, records), Varied(0.2), batch_size=batch, seed=0)


def large(batch: int) -> Any:
    """A ResNet50 on pictures of 64 px: about as many numbers to add up as it has parameters."""
    import mmzoo
    from mmzoo.training.feeds.batches import Varied
    from mmzoo.training.feeds.feed import Stream

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

    kind = settings.get("allreduce_dtype", "float32")
    values = [tf.zeros(v.shape, kind) for v in variables]

    @tf.function
    def add() -> Any:
        def inside() -> Any:
            context = tf.distribute.get_replica_context()
            return tf.add_n([tf.reduce_sum(x) for x in context.all_reduce(tf.distribute.ReduceOp.SUM, values)])

        return strategy.experimental_local_results(strategy.run(inside))[0]

    float(add())
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        float(add())
        seconds.append(time.perf_counter() - began)
    return seconds


class Run:
    """Some workers that wait to be told to take steps."""

    def __init__(self, case: str, way: Way, workers: int) -> None:
        settings = {name: value for name, value in way.settings.items() if workers > 1 or name != "allreduce_dtype"}
        task = [case, str(way.batch), str(way.steps), json.dumps(settings)]
        self.running = []
        for index, place in enumerate(places(workers)):
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
            if workers > 1:
                environment["TF_CONFIG"] = place
            command = ["taskset", "-c", str(index), sys.executable, "-W", "ignore", __file__, "--child", *task]
            self.running.append(begin(command, environment))

    def heard(self) -> Any:
        """What the first worker says; all have said something then."""
        found = [heard(process) for process in self.running]
        return found[0]

    def step(self) -> float:
        """Seconds of a step."""
        for process in self.running:
            ask(process)
        return float(self.heard())

    def close(self) -> list[float]:
        """Seconds that adding up takes by itself."""
        for process in self.running:
            process.stdin.close()
        return list(self.heard())


def main() -> None:
    if is_reachable():
        run_privately([sys.executable, *sys.argv])
    for case in sys.argv[1:] or WAYS:
        for way in WAYS[case]:
            runs = [Run(case, way, workers) for workers in (1, 2)]
            size = [run.heard() * 4 / 2**20 for run in runs][1]
            times = np.array([[run.step() for run in runs] for _ in range(ROUNDS[case])])
            added = [run.close() for run in runs][1]
            one, two = np.median(times, axis=0)
            low, middle, high = np.percentile(2 * times[:, 0] / times[:, 1], [25, 50, 75])
            print(
                f"{case} ({size:.1f} MiB of gradients), {way.name}: {way.batch / one:.0f} and "
                f"{2 * way.batch / two:.0f} examples/s, {middle:.2f} times ({low:.2f} to {high:.2f}); "
                f"adding up {np.median(added) / two:.0%} of a step"
            )
            for name, each in (("one", times[:, 0]), ("two", times[:, 1])):
                print(f"  {name}, s a step: " + " ".join(f"{x:.3f}" for x in each))
            print("  adding up alone, s: " + " ".join(f"{x:.3f}" for x in added), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), json.loads(sys.argv[5]))
    else:
        main()
