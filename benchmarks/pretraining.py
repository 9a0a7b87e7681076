"""What the unlabelled rest is worth where few records have a label: towers from scratch on the embedded sample.

    python benchmarks/pretraining.py --labels 1 5 10 20 0 --seeds 0 1 2
    python benchmarks/pretraining.py --prompts /usr/share/asterisk/sounds/{en,es,fr}* --inputs speech

Of each class of the training records so many keep their label (0: all), drawn by the seed. The towers of pictures,
names and speech, which begin at random, learn of these alone ("from scratch"); or of all training records without any
label, and then stay as they are: scikit-learn's LogisticRegression, as it comes, learns of the sum of a record's
vectors (`run.embed`). They are pretrained once for all seeds, by:

retrieval  pictures, names, speech and what is said in it ("happy, teeth") find each other; the last is a text that is
           there in the pretraining only
simclr     two variants of a picture find each other among those of others, and so do two of a name and of a sound
masked     patches of pictures and of spectrograms and words of names are hidden, and told from what is left

With `--tuned` the pretrained towers go on from there with the labels (LP-FT; Kumar et al. 2022), too. Beside all stands
a logistic regression on what mmzoo's baselines read of the same labelled records ("raw features"), as strong as is best
for the 164 validation records, which nothing else looks at. All are tested on the same 328 records. Gains have the
bootstrap interval of the paired difference over the test records, the mean of the seeds of each.

With `--prompts` the records are the spoken prompts of Debian's asterisk-core-sounds-en-wav, -es-wav and -fr-wav
(CC-BY-SA 3.0), whose file names are what is said, in English: is one of the mailbox, of a conference, a number, a
letter or a word that spells one? What a validation or a test record says is said in no training record, in whatever
language; prompts of no such kind are pretrained on, too.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from sklearn.linear_model import LogisticRegression

import mmzoo
from mmzoo.baselines.base import Clock
from mmzoo.baselines.features import Features
from mmzoo.data.records import Records, decode
from mmzoo.datasets import load
from mmzoo.datasets.emoji import RATE
from mmzoo.evaluation.statistics import interval
from mmzoo.inference.running import run_model

GROUP = "group"
BY = ("retrieval", "simclr", "masked")
LEAST_EPOCHS = 8
STRENGTHS = (1.0, 0.1, 10.0, 100.0)
"""By how little a regression is regularised; the first is scikit-learn's own."""

KINDS = {"vm-": "mailbox", "conf": "conference", "digits/": "number", "letters/": "letter", "phonetic/": "spelling"}
"""By how a prompt's file is called, what kind it is of."""
UNSAID = re.compile(r"(h|day|mon)-.*|ascii\d+|._p")
"""File names that are not what is said."""


def sample(names: Sequence[str]) -> tuple[Records, list[Records]]:
    """What is pretrained on, and the three parts of the embedded sample, without what was said."""
    parts = load("emoji")
    kept = (*names, GROUP)  # what was said is no input of what tells the classes
    return parts[0], [Records({name: part.column(name) for name in kept}, part.ids) for part in parts]


def prompts(folders: Sequence[Path]) -> tuple[Records, list[Records]]:
    """The same of the spoken prompts, of which no words stand in two parts."""
    rows: list[list[dict[str, object]]] = [[], [], []]
    for path in (path for folder in folders for path in sorted(folder.glob("**/*.wav"))):
        (home,) = {*folders} & {*path.parents}
        name = path.relative_to(home).with_suffix("").as_posix()
        start = next((start for start in KINDS if name.startswith(start)), "")
        said = re.sub(r"^(vm-|conf(bridge)?-|\w+/)", "", name)
        words = None if UNSAID.fullmatch(said) else said.replace("-", " ")
        wave, rate = soundfile.read(path, dtype="float32")
        if name.startswith("silence/") or rate != RATE:
            continue
        drawn = int(hashlib.sha256((words or name).encode()).hexdigest(), 16) % 100
        place = 0 if not start or drawn < 60 else 1 if drawn < 75 else 2
        rows[place].append({"id": f"{home.name}/{name}", "speech": wave, "says": words, GROUP: KINDS.get(start)})
    held_out = {row["says"] for row in [*rows[1], *rows[2]]}
    rows[0] = [row for row in rows[0] if row[GROUP] or row["says"] not in held_out]
    names = ("speech", "says", GROUP)
    parts = [
        Records({key: [row[key] for row in part] for key in names}, [str(row["id"]) for row in part]) for part in rows
    ]
    known = [k for k, row in enumerate(rows[0]) if row[GROUP]]
    kept = [parts[0].select(known), *parts[1:]]
    return parts[0], [Records({name: part.column(name) for name in ("speech", GROUP)}, part.ids) for part in kept]


def inputs(
    train: Records, names: Sequence[str], by: str = "", weights: str = ""
) -> list[mmzoo.Image | mmzoo.Text | mmzoo.Audio]:
    """Inputs with towers that begin at random or as a run's; what words there are is known of all records."""
    options = {"weights": f"run:{weights}"} if weights else {}
    found: list[mmzoo.Image | mmzoo.Text | mmzoo.Audio] = []
    for name in names:
        if name == "image":
            tower = mmzoo.Tower("small_cnn", filters=[16, 32, 64], **options)
            found.append(mmzoo.Image(name, size=32, augmentations=["flip", "affine", "color_jitter"], tower=tower))
        elif name == "speech":
            tower = mmzoo.Tower("spectrogram_cnn", filters=[8, 16, 32, 64], dropout=0.0, **options)
            found.append(mmzoo.Audio(name, sample_rate=RATE, seconds=2.0, tower=tower))
        else:
            if by == "masked":  # n-grams are no words that could be hidden
                item = mmzoo.Text(
                    name, tokens=10, tokenizer="words", tower=mmzoo.Tower("embedding_attention", **options)
                )
            else:
                item = mmzoo.Text(name, tokenizer="ngrams", tower=mmzoo.Tower("embedding_bag", **options))
            item = replace(item, augmentations=["word_dropout"])
            found.append(item.fit([each for each in train.column(name) if each is not None]))
    return found


def few(records: Records, count: int, seed: int) -> Records:
    """So many records of each class."""
    groups = np.array(records.column(GROUP))
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(groups == each))[:count] for each in sorted({*groups})]
    return records.select(np.concatenate(rows).tolist())


def pretrained(by: str, train: Records, args: argparse.Namespace, out: Path) -> mmzoo.Run:
    """Towers that have seen all training records, and no label."""
    names = [*args.inputs, "says"] if by == "retrieval" else args.inputs
    tasks: dict[str, list[mmzoo.Reconstruction | mmzoo.Retrieval]] = {
        "retrieval": [mmzoo.Retrieval("match", 64)],
        "simclr": [mmzoo.Reconstruction(names[0], weight=0.0)],
        "masked": [mmzoo.Reconstruction(name, masked=0.3 if name == "name" else 0.6) for name in names],
    }
    spec = mmzoo.Spec(inputs(train, names, by), "concat", tasks[by], dim=128)
    training = mmzoo.Training(
        epochs=args.epochs // 2 if by == "simclr" else args.epochs,  # in which every record comes twice
        batch_size=128,
        learning_rate=2e-3,
        modality_dropout=0.0,
        methods=["simclr"] if by == "simclr" else [],
    )
    return mmzoo.train(spec, train, None, training=training, seed=args.pretraining_seed, out=out)


def supervised(
    labelled: Records,
    every: Records,
    test: Records,
    args: argparse.Namespace,
    seed: int,
    out: Path,
    by: str = "",
    weights: str = "",
) -> np.ndarray:
    """Is each test record's class right? By towers that begin at random, or as pretrained ones."""
    labels = tuple(sorted({*labelled.column(GROUP)}))
    task = mmzoo.Classification(GROUP, labels=labels, auxiliary=1.0)
    spec = mmzoo.Spec(inputs(every, args.inputs, by, weights), "concat", [task], dim=128)
    size = min(16, len(labelled))
    epochs = max(round(args.steps * size / len(labelled)), LEAST_EPOCHS)
    # What a tower has learned must not be lost while the new heads are still random.
    late = {"tune": mmzoo.Tune("gradual", blocks=1, epochs=epochs // 4), "tune_inputs": args.inputs}
    training = mmzoo.Training(epochs=epochs, batch_size=size, **(late if weights else {}))
    run = mmzoo.train(spec, labelled, None, training=training, seed=seed, out=out)
    said = run_model(run.model, decode(run.spec, test))[GROUP].argmax(axis=1)
    return np.array([labels[k] for k in said]) == np.array(test.column(GROUP))


def linear(matrices: Sequence[np.ndarray], right: Sequence[np.ndarray], strengths: Sequence[float]) -> np.ndarray:
    """The same of a logistic regression, as strong as is best for the validation records where there is a choice.

    Args:
        matrices, right: of the labelled records, the validation and the test records.
    """
    made = [LogisticRegression(C=c, max_iter=1000).fit(matrices[0], right[0]) for c in strengths]
    best = max(made, key=lambda each: (each.predict(matrices[1]) == right[1]).mean())
    return np.asarray(best.predict(matrices[2]) == right[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="+", default=[10], help="of each class; 0: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--scratch", type=int, nargs="*", help="with so many labels too; with all of --labels, if not given"
    )
    parser.add_argument("--pretraining-seed", type=int, default=0)
    parser.add_argument("--by", nargs="+", default=["retrieval"], choices=BY)
    parser.add_argument("--inputs", nargs="+", default=["image", "name", "speech"], help="that the classes are told by")
    parser.add_argument("--prompts", type=Path, nargs="+", help="the folders of the spoken prompts")
    parser.add_argument("--epochs", type=int, default=40, help="of the pretraining")
    parser.add_argument("--steps", type=int, default=200, help="with labels")
    parser.add_argument("--out", type=Path, help="a folder that keeps the runs, with which the same command goes on")
    parser.add_argument("--tuned", action="store_true", help="go on with the pretrained towers, too")
    args = parser.parse_args()
    unlabelled, splits = prompts(args.prompts) if args.prompts else sample(args.inputs)
    train, _, test = splits
    right = [np.array(part.column(GROUP)) for part in splits]
    spec = mmzoo.Spec(inputs(train, args.inputs), "concat", [mmzoo.Classification(GROUP, labels=sorted({*right[0]}))])
    raw = Features(spec, train, Clock())
    matrices = {"raw features": [raw.scaled(part, args.inputs) for part in splits]}
    found: dict[int, dict[str, list[np.ndarray]]] = {count: {} for count in args.labels}
    with nullcontext(args.out) if args.out else tempfile.TemporaryDirectory() as home:
        runs = {}
        for by in args.by:
            began = time.process_time()
            runs[by] = pretrained(by, unlabelled, args, Path(home) / f"{by}-{args.pretraining_seed}")
            print(f"Pretraining by {by}: {time.process_time() - began:.0f} s of processor time.", flush=True)
            matrices[by] = [sum(runs[by].embed(part, inputs=args.inputs).values()) for part in splits]
        for seed in args.seeds:
            for count in args.labels:
                labelled = few(train, count or len(train), seed)
                chosen = [train.ids.index(each) for each in labelled.ids]
                rows, out = found[count], Path(home) / f"{seed}-{count}"
                for name, (given, *others) in matrices.items():
                    strengths = STRENGTHS if name == "raw features" else STRENGTHS[:1]
                    told = linear([given[chosen], *others], [right[0][chosen], *right[1:]], strengths)
                    rows.setdefault(name, []).append(told)
                if count in (args.labels if args.scratch is None else args.scratch):
                    told = supervised(labelled, train, test, args, seed, out / "scratch")
                    rows.setdefault("from scratch", []).append(told)
                for by, run in runs.items() if args.tuned else ():
                    told = supervised(labelled, train, test, args, seed, out / by, by, str(run.folder))
                    rows.setdefault(f"{by}, tuned", []).append(told)
                said = ", ".join(f"{name} {each[-1].mean():.3f}" for name, each in rows.items())
                print(f"seed {seed}, {count or 'all'} labels a class: {said}", flush=True)
    names = [*dict.fromkeys(name for rows in found.values() for name in rows)]
    pairs = [
        (by, over)
        for over in ("from scratch", "raw features")
        for by in names
        if over in names and by.partition(",")[0] in args.by
    ]
    print(f"| labels a class | {' | '.join(names)} | {' | '.join(f'{by} over {over}, 95 %' for by, over in pairs)} |")
    print(f"|{'---|' * (1 + len(names) + len(pairs))}")
    for count, rows in found.items():
        mean = {name: np.mean(each, axis=0) for name, each in rows.items()}  # by record, over the seeds
        cells = [f"{mean[name].mean():.3f}" if name in mean else "" for name in names]
        for by, over in pairs:
            gain = 100 * (mean[by] - mean[over]) if over in mean else np.zeros(0)
            low, high = interval(gain) if len(gain) else (0.0, 0.0)
            cells.append(f"{gain.mean():+.1f} points ({low:+.1f} to {high:+.1f})" if len(gain) else "")
        print(f"| {count or 'all'} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
