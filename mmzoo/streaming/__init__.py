"""A stream of records in, a trained run out: what `mmzoo train SOURCE --label L --stream` does, in Python too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.aliases import Raw
from mmzoo.data.faults import Faults
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options
from mmzoo.data.streams.arriving import Arrived, Folder, Given, Source, StandardInput
from mmzoo.data.streams.kafka import PREFIX, Kafka
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.files import subfolder, write_file
from mmzoo.files.folders import held
from mmzoo.messages.words import json_bytes
from mmzoo.run import Run
from mmzoo.spec import Spec
from mmzoo.streaming.warm_up import first_of, warmed_up
from mmzoo.training.run_folder.checkpoint import checkpoints
from mmzoo.training.run_folder.claim import claim, make_folder, next_free
from mmzoo.training.run_folder.notes import Settings, read_object, read_settings
from mmzoo.training.settings import Training
from mmzoo.training.stopping import Interrupted
from mmzoo.training.streaming.late import grow
from mmzoo.training.streaming.loop import StreamLoop
from mmzoo.training.streaming.state import Streaming, Taken, chained

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

WARM_UP = 500
NEW_CLASSES = ("ignore", "stop", "grow")


def stream(
    source: str | Path | Iterable[Raw] | Callable[[], Iterable[Raw]] | Source,
    label: str = "",
    *,
    spec: Spec | None = None,
    out: str | Path | None = None,
    warm_up: int = WARM_UP,
    steps: int = 0,
    replay: int = Streaming.replay,
    replay_share: float = Streaming.replay_share,
    every: int = Streaming.every,
    new_classes: str = "ignore",
    wait: float = 0.0,
    settings: Sequence[str] = (),
    options: Options | None = None,
    seed: int = 0,
    on_error: str = "error",
    budget: float = 0.01,
) -> Run:
    """Train on records that come one after another, each once: `mmzoo.stream("events/", "species", out="runs/s")`.

    A batch is first answered, for the history (`prequential_accuracy` ...), and then learnt from, beside records of the
    past that are kept on disk. Whatever ends the work, the same call goes on behind the last record that a checkpoint
    has, with the same bytes in the end as if it had not ended; where more has come since, also of a finished run.

    Args:
        source: a folder of files that grow (`mmzoo.data.streams.arriving.Folder`) or one such file; "-" for JSON lines
            on standard input; "kafka://HOST:PORT/TOPIC" (`mmzoo.data.streams.kafka`); or mappings of Python. Standard
            input and Python must give the same records from the first again when the call is made again.
        label: the column to be predicted, where no `spec` is given.
        spec: the model, whose inputs and tasks are called as the columns are; guessed from the warm-up if not given.
        out: the run's folder; the next free `runs/N` if not given.
        warm_up: so many of the first records say what the columns are, and which words, classes and sizes there are.
            They are then learnt as all others are.
        steps, replay, replay_share, every: see `mmzoo.training.streaming.state.Streaming`.
        new_classes: of a label that the warm-up does not have: "ignore", named once and not learnt; "stop"; or "grow",
            not learnt either, but `OUT/grown` is a run that has these classes too, by prototypes (`Run.prototypes`).
        wait: of a folder or a topic: seconds without anything new that are its end.
        settings: that change the model and its training, as `--set` has them.
        options: how cells are read.
        on_error, budget: see `mmzoo.data.faults.Faults`.

    Raises:
        MMZooError: there is no such source, nothing comes, or a record cannot be used.
        Interrupted: Ctrl-C or SIGTERM, after a checkpoint and the model were written.
    """
    options = options or Options()
    require(bool(label) != (spec is not None), "Give the label of a stream, or a spec that names it.")
    require(new_classes in NEW_CLASSES, f"new_classes is {', '.join(NEW_CLASSES)}, not '{new_classes}'.")
    fits = new_classes != "grow" or replay
    require(fits, "A head for new classes needs records of the old ones too, which are those of --replay; set it.")
    for what, value, low, high in (
        ("The records of the warm-up", warm_up, 1, 10**6),
        ("The steps of a stream", steps, 0, 10**12),
        ("The records of the past that are kept", replay, 0, 10**7),
        ("The records between two rows of the history", every, 1, 10**9),
        ("The seed", seed, 0, 2**32 - 1),
    ):
        check_number(what, value, low, high, whole=True)
    check_number("The share of a batch that is of the past", replay_share, 0, 0.95)
    check_number("The seconds to wait", wait, 0, 1e9)
    Faults(on_error, budget)
    reader = source_of(source, wait)
    rooted = options if options.root or not isinstance(reader, Folder) else replace(options, root=str(reader.home))
    streaming = Streaming(steps, replay, replay_share, every, new_classes)
    asked: dict[str, object] = {
        "label": label,
        "spec": spec.to_json() if spec else None,
        "warm_up": warm_up,
        "seed": seed,
        "settings": [*settings],
    }
    asked |= {**asdict(streaming), "options": options.pairs}
    folder = Path(out) if out is not None else next_free(Path("runs"))
    make_folder(folder)
    with held(folder, "training"):
        first: list[Arrived] = []
        if checkpoints(folder / "checkpoints"):
            spec, told = begun(folder, asked)
            layout, training = Layout.from_json(told["columns"], spec), Training.from_json(told["training"])
            claim(folder, spec, {key: value for key, value in told.items() if key != "made_in"}, None)
            arriving = None
        else:
            print(f"The first {warm_up:,} records say what there is.", flush=True)
            arriving = reader.records({})
            first = first_of(arriving, warm_up)
            require(first, "Nothing came, so nothing can be learnt; give a stream with records.")
            spec, layout, training = warmed_up(first, label, spec, rooted, steps, settings, on_error, budget)
            told = {"data": "", "training": training.to_json(), "seed": seed, "on_error": on_error, "budget": budget}
            told |= {"columns": layout.to_json(), "stream": asked}
            finished = claim(folder, spec, told, None)
            require(not finished, f"'{folder}' holds a model and no checkpoint; choose another --out.")
        loop = StreamLoop(
            built(spec, training, seed),
            training,
            streaming,
            folder,
            Reread(spec, layout, rooted, labels=True),
            seed=seed,
            on_error=on_error,
            budget=budget,
        )
        if arriving is None:
            print(f"Going on behind record {loop.taken.records:,}.")
            arriving = behind(reader, loop.taken)
        return trained(loop, folder, chain(first, arriving))


def behind(reader: Source, taken: Taken) -> Iterator[Arrived | None]:
    """What comes behind the records that were taken.

    Raises:
        MMZooError: these were to be given again, and others came.
    """
    if not reader.from_first:
        yield from reader.records(taken.cursor)
        return
    sha256, passed = "", 0
    remedy = "give the same records again from the first on, and the new ones behind them, or choose another --out"
    for each in reader.records({}):
        if each is None or passed >= taken.records:
            yield each
            continue
        sha256, passed = chained(sha256, each), passed + 1
        require(
            passed < taken.records or sha256 == taken.sha256,
            f"The first {passed:,} records are not those that were learnt before; {remedy}.",
        )
    require(
        passed >= taken.records,
        f"Only {passed:,} records came, and {taken.records:,} were learnt before; {remedy}.",
    )


def source_of(source: str | Path | Iterable[Raw] | Callable[[], Iterable[Raw]] | Source, wait: float) -> Source:
    """The source that is named, or given."""
    if isinstance(source, str) and source.startswith(PREFIX):
        return Kafka(source, wait)
    if isinstance(source, (str, Path)):
        return StandardInput() if str(source) == "-" else Folder(source, wait)
    return source if isinstance(source, Source) else Given(source)


def begun(folder: Path, asked: dict[str, object]) -> tuple[Spec, Settings]:
    """The spec and the settings of a run that has begun; raise where it is another one."""
    told = read_settings(folder)
    there = told.get("stream")
    if not isinstance(there, dict) or "columns" not in told:
        raise MMZooError(f"'{folder}' holds a run over no stream; choose another --out.")
    wanted = {key: replace_tuples(value) for key, value in asked.items()}
    other = sorted(key for key in wanted if there.get(key) != wanted[key])
    require(not other, f"'{folder}' holds a stream with another {' and '.join(other)}; choose another --out.")
    return Spec.from_json(read_object(folder / "spec.json")), told


def replace_tuples(value: object) -> object:
    """Plain data as JSON gives it back."""
    if isinstance(value, Mapping):
        return {key: replace_tuples(each) for key, each in value.items()}
    return [replace_tuples(each) for each in value] if isinstance(value, (list, tuple)) else value


def built(spec: Spec, training: Training, seed: int) -> Multimodal:
    """The model of a fitted spec, as it begins."""
    import keras

    from mmzoo.graph.build import build, computing_in
    from mmzoo.training.model.init_from import init_from

    keras.utils.set_random_seed(seed)
    with computing_in(training.precision):
        model = build(spec)
    fitted = [name for name, part in model.parts.inputs.items() if part.fitted]
    require(
        not fitted,
        f"The tower of input '{', '.join(fitted)}' is fitted to all records at once, which a stream does not have; "
        "choose another.",
    )
    if training.init_from:
        init_from(model, training.init_from)
    return model


def trained(loop: StreamLoop, folder: Path, arriving: Iterable[Arrived | None]) -> Run:
    """Train to the end of what arrives, or until somebody asks to stop; the run, whose model is written either way."""
    from mmzoo.artifact import save
    from mmzoo.training.fit import in_float32

    stopped: Interrupted | None = None
    try:
        loop.run(arriving)
    except Interrupted as error:
        stopped = error
    taken, model = loop.taken, loop.model
    require(taken.step or stopped, "No record of the stream could be learnt from; look at its labels.")
    with loop.trainer.averaged():
        save(model if loop.training.precision == "float32" else in_float32(model), subfolder(folder, "model"))
    facts = {"records": taken.records, "learnt": taken.learnt, "steps": taken.step, "bad": loop.tally.bad}
    write_file(folder / "stream.json", json_bytes({**facts, "sha256": taken.sha256, "cursor": taken.cursor}))
    if loop.tally.bad:
        print(loop.tally.table())
    print(f"{folder}: {taken.records:,} records taken, {taken.learnt:,} learnt{loop.shown()}.")
    run = Run(folder)
    if taken.late:
        grow(run, [line for lines in taken.late.values() for line in lines], loop.old, loop.reread)
    if stopped is not None:
        raise stopped
    return run
