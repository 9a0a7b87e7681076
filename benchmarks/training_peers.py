"""What does a training step cost in seconds of one core, beside Keras's `fit` and the same network in PyTorch?

    pip install -e ".[benchmark]"   # torch, for the peer; PEER_PYTHON may name another Python that has it
    python benchmarks/training_peers.py

The network is a convolutional tower on pictures of 64 px and a fused head, of as many parameters in both; batches of 32
that lie in memory, AdamW, gradients clipped, channels last. Each way runs in a process of its own on one thread and
takes its turns; a sample is the processor time of a step, the mean over 5 of them.

On a quiet machine, medians, of `fit` in float32: mmzoo 0.93, PyTorch 0.84; in bfloat16 mmzoo 0.76, PyTorch 0.55.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from asking import answer, ask, begin, heard

ROUNDS, STEPS, BATCH, SIDE, DIM = 7, 5, 32, 64, 32
FILTERS, LABELS = (32, 64, 128), tuple("abcdefgh")
WAYS = ("fit float32", "mmzoo float32", "mmzoo bfloat16", "torch float32", "torch bfloat16")


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (BATCH, SIDE, SIDE, 3)).astype(np.uint8)
    return pictures, rng.integers(0, len(LABELS), BATCH).astype(np.int32)


def keras_way(way: str, precision: str) -> tuple[Callable[[], Any], int]:
    """A call that takes some steps, and how many parameters train."""
    import keras
    import tensorflow as tf

    import mmzoo
    from mmzoo.training.feeds.batches import Varied
    from mmzoo.training.feeds.feed import Stream
    from mmzoo.training.fit import computing_in
    from mmzoo.training.trainer import Trainer

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    pictures, labels = batch()
    inputs = [mmzoo.Image("image", size=SIDE, tower=mmzoo.Tower("small_cnn", filters=FILTERS))]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Classification("label", labels=LABELS)], dim=DIM)
    with computing_in(precision):
        model = mmzoo.build(spec)
    features = {"image": pictures[:, None], "present": np.ones((BATCH, 1), bool)}
    feed = Stream(features, {"label": labels}, Varied(), batch_size=BATCH, seed=0)
    size = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    if way == "fit":
        optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
        loss = {"label": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
        model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
        data = feed.batches(range(10**6))
        return lambda: model.fit(data, steps_per_epoch=STEPS, epochs=1, verbose=0), size
    trainer = Trainer(spec, model, mmzoo.Training(batch_size=BATCH, ema_decay=0.0), 10**6)
    batches = trainer.batches(feed, range(10**6))
    return lambda: trainer.run(batches, STEPS), size


def torch_way(precision: str) -> tuple[Callable[[], Any], int]:
    """The same of PyTorch."""
    import torch

    torch.set_num_threads(1)

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            layers: list[Any] = []
            for before, width in zip((3, *FILTERS), FILTERS, strict=False):
                convolution = torch.nn.Conv2d(before, width, 3, padding=1, bias=False)
                layers += [convolution, torch.nn.BatchNorm2d(width), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
            self.tower = torch.nn.Sequential(*layers)
            self.dense, self.norm = torch.nn.Linear(FILTERS[-1], DIM), torch.nn.LayerNorm(DIM)
            self.missing = torch.nn.Parameter(torch.zeros(DIM))  # not used here, as where nothing is missing
            self.fusion, self.drop = torch.nn.Linear(2 * DIM, DIM), torch.nn.Dropout(0.3)
            self.head = torch.nn.Linear(DIM, len(LABELS))

        def forward(self, pictures: Any) -> Any:
            x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1  # a view: the memory stays channels last
            tokens = self.norm(self.dense(self.tower(x).flatten(2).transpose(1, 2)))
            pooled = torch.cat([tokens.mean(1), tokens.amax(1)], dim=1)
            return self.head(self.drop(torch.nn.functional.gelu(self.fusion(self.drop(pooled)))))

    model = Network().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    pictures, labels = (torch.from_numpy(x) for x in batch())

    def run() -> None:
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = model(pictures)
            loss = torch.nn.functional.cross_entropy(logits.float(), labels.long())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return run, sum(p.numel() for p in model.parameters())


def child(name: str) -> None:
    """Answer each line with the processor time of a step in milliseconds; first of all with the parameters."""
    way, precision = name.split()
    run, size = torch_way(precision) if way == "torch" else keras_way(way, precision)
    for _ in range(2):
        run()
    answer(size)
    for _ in sys.stdin:
        began = time.process_time()
        run()
        answer((time.process_time() - began) / STEPS * 1e3)


def main() -> None:
    peer = os.environ.get("PEER_PYTHON", sys.executable)
    there = peer != sys.executable or importlib.util.find_spec("torch")
    names = [name for name in WAYS if there or not name.startswith("torch")]
    single = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
    running = {}
    for name in names:
        command = [peer if name.startswith("torch") else sys.executable, __file__, name]
        running[name] = begin(command, single)
        print(f"{name}: {heard(running[name]):,.0f} parameters")
    samples: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(ROUNDS):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            ask(running[name])
            samples[name].append(heard(running[name]))
    base = np.array(samples[names[0]])
    for name in names:
        found = np.array(samples[name])
        print(f"{name:15} {np.median(found):6.1f} ms a step, {np.median(found / base):.2f} of {names[0]};", end=" ")
        print("all samples: " + " ".join(f"{x:.1f}" for x in found))
    for process in running.values():
        process.kill()


if __name__ == "__main__":
    child(sys.argv[1]) if len(sys.argv) > 1 else main()
