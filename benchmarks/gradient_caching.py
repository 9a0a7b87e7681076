"""A step of a retrieval over a large batch, part by part, beside the same examples in small batches and in one piece.

    python benchmarks/gradient_caching.py --batch 4096 --part 256

Pictures through a small convolutional network that trains, and texts. Prints seconds for as many examples as the large
batch has, and the most memory that the process has held until then; each way runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

ROUNDS = 3


def measure(batch: int, accumulated: int, examples: int) -> dict[str, float]:
    """Seconds for so many examples, the least of a few rounds, and the memory of the process in MB."""
    import keras
    import tensorflow as tf

    import mmzoo
    from mmzoo.training.trainer import Trainer

    keras.utils.set_random_seed(0)
    inputs = [
        mmzoo.Image("picture", size=32, tower=mmzoo.Tower("small_cnn", filters=[16, 32, 64]), augmentations=[]),
        mmzoo.Text("words", max_bytes=32, tokens=8, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=512)),
    ]
    spec = mmzoo.Spec(inputs, "concat", [mmzoo.Retrieval("match", 128)])
    random = np.random.default_rng(0)
    given = {
        "picture": random.integers(0, 255, (batch, 32, 32, 3)).astype(np.uint8),
        "words": random.integers(97, 122, (batch, 32)).astype(np.uint8),
        "present": np.ones((batch, 2), bool),
    }
    labels = {"match": np.tile(np.arange(batch, dtype=np.int32)[:, None], (1, 2))}
    training = mmzoo.Training(batch_size=batch, grad_accum_steps=accumulated, precision="float32")
    trainer = Trainer(spec, mmzoo.build(spec), training, 1000)
    learn = tf.function(trainer.learn, autograph=False)
    whole = keras.tree.map_structure(tf.constant, (given, labels))
    learn(*whole)
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(examples // batch):
            learn(*whole)[0].numpy()
        seconds.append(time.perf_counter() - began)
    return {"seconds": min(seconds), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--part", type=int, default=256)
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*args.one, args.batch)))
        return
    ways = {
        f"batches of {args.part}": (args.part, 1),
        f"{args.batch} in parts of {args.part}": (args.batch, args.batch // args.part),
        f"{args.batch} in one piece": (args.batch, 1),
    }
    found = {}
    for name, (batch, accumulated) in ways.items():
        command = [sys.executable, __file__, "--batch", str(args.batch), "--one", str(batch), str(accumulated)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        ratio = found[name]["seconds"] / next(iter(found.values()))["seconds"]
        print(f"{name:28} {found[name]['seconds']:7.2f} s  x{ratio:.2f}  {found[name]['memory']:7.0f} MB", flush=True)


if __name__ == "__main__":
    main()
