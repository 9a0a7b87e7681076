"""Do time and memory stay in proportion, from a thousand records to a million?

    python benchmarks/growth.py                          # 10^3 to 10^5 records
    python benchmarks/growth.py --most 6 --seconds 600   # to 10^6, where a part takes at most that long
    python benchmarks/growth.py predict index --plot growth.png

The records are made: two numbers, a category and some words that tell a label. Each part is a command in a process of
its own: `data shard`, `train --stream`, `evaluate` and `predict` with a small model of all columns, and `index` with a
retrieval model. Printed are, for each count, processor seconds and the most memory that the process had, and from one
count to the next the processor time of a record more and the bytes of a record more: in proportion, the one stays as it
is; of flat memory, the other is near zero. A part ends where ten times its time would be over `--seconds`.

On cores shared with other work (the most records, processor seconds, MiB; ms and bytes a record more at last):

    shard      1,000,000   151     875   0.149      253
    predict      100,000   140   1,004   1.27         2
    train         10,000   125   1,324   9.7        460
    evaluate      10,000    41   1,144   1.9      4,529
    index        100,000   184   1,494   1.7      5,387

Before its table was read in pieces, `shard` took 2.1 kB a record. `evaluate` and `index` were measured while both still
held the table, and all of them with a text tower that takes a millisecond a record.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

COLOURS, ANIMALS = ("red", "green", "blue"), ("cat", "dog", "bird", "fish")
WORDS = ("small", "large", "quick", "old", "young", "wild", "tame", "fat", "thin", "loud", "shy", "proud")
Command = Callable[[Path, Path], list[str]]
PARTS: dict[str, Command] = {
    "shard": lambda home, table: ["data", "shard", f"{table}#animal", str(home / "shards")],
    "train": lambda home, table: [
        *("train", str(table), "--label", "animal", "--stream"),
        *("--out", str(home / "stream"), "--every", "100000"),
    ],
    "evaluate": lambda home, table: ["evaluate", str(home / "run"), str(table), "--out", str(home / "evaluated")],
    "predict": lambda home, table: ["predict", str(home / "run"), str(table), "--out", str(home / "answers.csv")],
    "index": lambda home, table: ["index", str(home / "matched"), str(table), "--out", str(home / "index")],
}


def write_table(path: Path, count: int) -> None:
    """Records whose numbers, colour and words all tell the animal, with some chance."""
    draw = random.Random(0)
    with open(path, "w", encoding="utf-8") as file:
        file.write("weight,age,colour,note,animal\n")
        for _ in range(count):
            kind = draw.randrange(4)
            words = " ".join(draw.choice(WORDS[3 * kind : 3 * kind + 6] or WORDS) for _ in range(4))
            colour = COLOURS[(kind + (draw.random() < 0.2)) % 3]
            file.write(f"{kind + draw.gauss(0, 1):.3f},{draw.gauss(kind, 2):.2f},{colour},{words},{ANIMALS[kind]}\n")


def measured(command: list[str]) -> tuple[float, float]:
    """Processor seconds and the most MiB of a command of mmzoo."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "mmzoo", *command], stdout=said, stderr=said, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"mmzoo {' '.join(command)} ended with {process.returncode}:\n{said.read()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


TRAINED = """
import sys, mmzoo
from dataclasses import replace
from mmzoo.data.guess import load_table
for name, task in (("run", "#animal?"), ("matched", "?task=retrieval&")):
    table = f"{sys.argv[1]}/learned.csv{task}kind.note=text&kind.colour=category&kind.animal=category"
    spec, splits = load_table(table)
    small = [replace(item, tower="embedding_bag") if item.is_text else item for item in spec.inputs]
    spec = replace(spec, inputs=small)
    mmzoo.train(spec, *splits[:2], training=mmzoo.Training(epochs=1), out=f"{sys.argv[1]}/{name}", data=table)
"""


def models(home: Path) -> None:
    """A run that answers and one that finds, both small and hardly trained, if they are not there."""
    if (home / "matched").exists():
        return
    home.mkdir(exist_ok=True)
    write_table(home / "learned.csv", 1000)
    subprocess.run([sys.executable, "-W", "ignore", "-c", TRAINED, str(home)], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--most", type=int, default=5, metavar="N", help="the largest table has 10^N records")
    parser.add_argument("--seconds", type=float, default=120.0, help="of processor time that a command may take")
    parser.add_argument("--models", type=Path, help="a folder where the two models are kept for the next time")
    parser.add_argument("--json", type=Path, help="write the figures there, beside those of other parts")
    parser.add_argument("--plot", type=Path, help="write a picture of them there")
    args = parser.parse_args()
    found: dict[str, list[tuple[int, float, float]]] = {}
    if args.json and args.json.exists():
        found = {part: rows for part, rows in json.loads(args.json.read_text()).items() if part not in args.parts}
    with tempfile.TemporaryDirectory() as folder:
        kept = (args.models or Path(folder) / "models").absolute()
        models(kept)
        print("| part | records | processor time, s | memory, MiB | ms a record more | bytes a record more |")
        print("|---|--:|--:|--:|--:|--:|")
        for part in args.parts or [part for part in PARTS if part not in found]:
            for power in range(3, args.most + 1):
                before = found.setdefault(part, [])
                if before and 10 * before[-1][1] > args.seconds + 9 * before[0][1]:
                    break
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    home = Path(place)
                    for name in ("run", "matched"):
                        (home / name).symlink_to(kept / name)
                    write_table(home / "made.csv", 10**power)
                    before.append((10**power, *measured(PARTS[part](home, home / "made.csv"))))
                print(row(part, before), flush=True)
                if args.json:
                    args.json.write_text(json.dumps(found))
    if args.plot:
        plot(found, args.plot)


def row(part: str, found: list[tuple[int, float, float]]) -> str:
    """The last count of a part as a line of the table."""
    count, seconds, memory = found[-1]
    more = " | | |"
    if len(found) > 1:
        before = found[-2]
        each = (seconds - before[1]) / (count - before[0]) * 1e3
        more = f" {each:.3f} | {(memory - before[2]) * 2**20 / (count - before[0]):,.0f} |"
    return f"| {part} | {count:,} | {seconds:.1f} | {memory:,.0f} |{more}"


def plot(found: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    """Both against the records, all axes in powers of ten."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (times, memories) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for part, rows in found.items():
        counts = [count for count, _, _ in rows]
        times.loglog(counts, [seconds for _, seconds, _ in rows], marker=".", label=part)
        memories.loglog(counts, [memory for _, _, memory in rows], marker=".", label=part)
    times.set(xlabel="records", ylabel="processor time, s")
    memories.set(xlabel="records", ylabel="most memory, MiB", ylim=(100, 10_000))
    times.legend(frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
