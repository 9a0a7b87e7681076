"""The command line. Nothing heavy is imported before a command is known to need it."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import shlex
import sys
from collections.abc import Sequence

import mmzoo
from mmzoo.commands import COMMANDS, command
from mmzoo.errors import DataError, MMZooError
from mmzoo.messages.console import console
from mmzoo.messages.quiet import silenced
from mmzoo.messages.words import one_line

EXAMPLES = """examples:
  mmzoo train emoji --out runs/emoji              train a recipe, evaluate it, write report.html
  mmzoo train emoji --out runs/a --set fusion=concat --set training.epochs=10
  mmzoo train emoji --out runs/image --inputs image      the same with one modality
  mmzoo train photos.csv --label species --out runs/mine     a table of your own: paths, texts, numbers
  mmzoo tune emoji --out runs/search              try settings, chosen on the validation records
  mmzoo prune runs/emoji --out runs/small --channels      fewer channels, trained on
  mmzoo evaluate runs/emoji                       metrics of every subset of the modalities
  mmzoo compare runs/a runs/b                     a table, paired tests
  mmzoo export runs/emoji --format tflite         one file for a phone, proven equal to the model
  mmzoo predict emoji --image cat.png --text "grinning cat"      a model that comes with mmzoo; any subset of inputs
  mmzoo predict runs/emoji --image cat.png        a run of your own
  mmzoo publish runs/emoji hf://me/emoji          for others: on a hub, or in a folder
  mmzoo train events/ --label species --stream --out runs/live    learn from what comes, each record once
  tail -f new.jsonl | mmzoo predict runs/mine --stream    answer what comes, line for line
  mmzoo embed runs/emoji new.csv --out vectors.parquet --columns label      features for any other model
  mmzoo impute runs/mine patients.csv --out filled.csv    what records lack, filled in, and how sure that is
  mmzoo generate runs/pictures --text "a red car" --png grid.png      what a GAN or a VAE makes of a text
  mmzoo index runs/match photos.csv --out runs/index      of a run with a retrieval task: vectors to search
  mmzoo search runs/index --text "a dog in the snow"      by text, picture, sound, or several at once
  mmzoo explain runs/emoji --image cat.png --png why.png      what the answer comes from
  mmzoo transcribe talk.ogg                       English speech to text
  mmzoo demo runs/emoji                           a page to ask it on
  mmzoo label-next runs/mine new.csv --out next.csv        the records that are worth a label next
  mmzoo data check photos.csv#species             bad files, duplicates, leaks, labels
  mmzoo list towers                               what there is
  mmzoo summary emoji --png emoji.png             the graph as text and as a picture
"""


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    root = argparse.ArgumentParser(
        prog="mmzoo",
        description="Models that see, read and hear: train, evaluate, export and ask them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"mmzoo {mmzoo.__version__}")
    root.add_argument("--debug", action="store_true", help="show the traceback of an error")
    homes: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {
        "": root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    }
    for name in COMMANDS:
        home, _, last = name.rpartition(" ")
        if home not in homes:
            group = homes[""].add_parser(home, help=f"commands for {home}: {home} COMMAND --help")
            homes[home] = group.add_subparsers(required=True, metavar="COMMAND")
        module = command(name)
        epilog = f"example: {module.EXAMPLE}"
        sub = homes[home].add_parser(last, help=module.__doc__, description=module.__doc__, epilog=epilog)
        sub.set_defaults(run_command=module.run)
        module.add(sub)
    return root


def import_quietly() -> None:
    """Import Keras without the lines that its C++ parts write about devices that are not there.

    They go to the file descriptor before any setting of the log is read. The million objects that the first import
    makes stay to the end; that the garbage collector looked at them again and again took 7 % of a short training.
    """
    first = "keras" not in sys.modules
    if first:
        gc.disable()
    try:
        with silenced():
            import keras

            if "TF_CONFIG" not in os.environ:  # workers can only be joined before the first operation
                keras.ops.zeros(1)  # it looks for devices, and says so
    finally:
        if first:
            gc.freeze()
            gc.enable()


SPEC_SETTINGS = ("fusion", "dim", "task_weights")
SKIPPING = "--on-error skip leaves such records out; mmzoo data check names all of them."


class Note(logging.Formatter):
    """A note is one line, whatever it quotes."""

    def format(self, record: logging.LogRecord) -> str:
        return f"note: {one_line(record.getMessage(), 1000)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns 0, or 2 after any error, also where the output could not be written; 130 after Ctrl-C, 42 where SIGTERM
    stopped a training.
    """
    with console() as (out, err):
        try:
            code = run(argv)
        except SystemExit as ended:  # of --help and of what argparse refuses
            code = ended.code if isinstance(ended.code, int) else 2 if ended.code else 0
        out.flush()
        if out.lost:
            err.write(f"mmzoo: what there was to say could not be written ({out.lost}); give it another place to go.\n")
            code = code or 2
    return code


def run(argv: Sequence[str] | None) -> int:
    """Run a command whose words go to a `console`."""
    args, extra = parser().parse_known_args(argv)
    if extra:
        print(f"mmzoo: {unrecognized(args, extra)}", file=sys.stderr)
        return 2
    notes = logging.StreamHandler()
    notes.setFormatter(Note())
    logger = logging.getLogger("mmzoo")
    logger.handlers, logger.propagate = [notes], False
    logger.setLevel(logging.INFO)
    try:
        if args.command != "list" or args.what not in ("recipes", "datasets", "formats", "models"):
            import_quietly()
            run_heavy(args)
        else:
            args.run_command(args)
    except KeyboardInterrupt as stop:
        print(f"mmzoo: {str(stop) or 'interrupted'}", file=sys.stderr)
        return int(getattr(stop, "code", 130))
    except Exception as error:
        if args.debug:
            raise
        one = args.command == "predict" and args.table is None  # of which nothing can be left out
        skip = isinstance(error, DataError) and getattr(args, "on_error", "") == "error" and not one
        more = f" {SKIPPING}" if skip and "--on-error" not in str(error) else ""
        print(f"mmzoo: {sentence(error)}{more}", file=sys.stderr)
        return 2
    return 0


def unrecognized(args: argparse.Namespace, extra: Sequence[str]) -> str:
    """What is said of words that no command takes: an input or a setting by its own name is what is tried most."""
    what = f"'{one_line(' '.join(extra), 80)}' is nothing that this command takes; --help says what it does."
    name, equals, value = extra[0].partition("=")
    setting = name.removeprefix("--").replace("-", "_")
    if hasattr(args, "set") and (setting in SPEC_SETTINGS or setting in mmzoo.Training.__dataclass_fields__):
        path = setting if setting in SPEC_SETTINGS else f"training.{setting}"
        return f"{what} A setting is changed by --set {path}=VALUE."
    if not hasattr(args, "input") or not name.startswith("--"):
        return what
    value = value if equals else extra[1] if len(extra) > 1 else "..."
    return f"{what} An input is given by its name with --input {shlex.quote(f'{name[2:]}={value}')}."


def run_heavy(args: argparse.Namespace) -> None:
    """Run a command that may decode records: what is cut of them is said once, however often it reads them."""
    from mmzoo.messages.truncation import said_once

    with said_once():
        args.run_command(args)


def sentence(error: Exception) -> str:
    """What is said of an error: what the user can do about it, or that it is a fault of mmzoo's own."""
    words = one_line(error)
    if isinstance(error, MMZooError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"There is not enough memory ({words[:200] or 'none is left'}); take fewer or smaller records at a time."
    if isinstance(error, OSError):
        return f"The system refused a file ({words}); check the path, its permissions and the room on its disk."
    return (
        f"This is a fault of mmzoo itself: {type(error).__name__}: {words or 'without words'}; run it again as "
        "'mmzoo --debug ...' and report what it shows."
    )


if __name__ == "__main__":
    sys.exit(main())
