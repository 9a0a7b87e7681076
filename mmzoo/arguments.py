"""What the command line takes."""

from __future__ import annotations

import argparse
from pathlib import Path

import mmzoo
from mmzoo.listing import LISTS

EXAMPLES = """examples:
  mmzoo train emoji --out runs/emoji              train a recipe, evaluate it, write report.html
  mmzoo train emoji --out runs/a --set fusion=concat --set training.epochs=10
  mmzoo train emoji --out runs/image --inputs image      the same with one modality
  mmzoo train photos.csv --label species --out runs/mine     a table of your own: paths, texts, numbers
  mmzoo evaluate runs/emoji                       metrics of every subset of the modalities
  mmzoo compare runs/a runs/b                     a table, paired tests
  mmzoo export runs/emoji --format tflite         one file for a phone, proven equal to the model
  mmzoo predict runs/emoji --image cat.png --text "grinning cat"      any subset of the inputs
  mmzoo explain runs/emoji --image cat.png --png why.png      what the answer comes from
  mmzoo list towers                               what there is
  mmzoo summary emoji --png emoji.png             the graph as text and as a picture
"""


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="mmzoo",
        description="Models that see, read and hear: train, evaluate, export and ask them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"mmzoo {mmzoo.__version__}")
    root.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str, example: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help, epilog=f"example: {example}")

    def changes(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("recipe", help="a recipe's name (mmzoo list recipes), its file, or a table with --label")
        sub.add_argument("--label", metavar="COLUMN", help="of a table: the column to predict")
        sub.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change a setting: fusion=concat, image.size=96",
        )
        sub.add_argument("--inputs", metavar="A,B", help="only these inputs of the recipe")

    sub = command("train", "train a recipe into a run folder", "mmzoo train emoji --out runs/emoji --epochs 5")
    changes(sub)
    sub.add_argument(
        "--out", type=Path, required=True, help="the run's folder; an unfinished run in it is gone on with"
    )
    sub.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (default 0)")
    sub.add_argument("--epochs", type=int, help="short for --set training.epochs=N")
    sub.add_argument("--limit", type=int, metavar="N", help="use only the first N records of each split, for a try")

    sub = command("evaluate", "evaluate a run with every subset of its modalities", "mmzoo evaluate runs/emoji")
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test")
    sub.add_argument("--noise", action="store_true", help="measure each modality under noise too")

    sub = command("compare", "compare runs on the same records", "mmzoo compare runs/a runs/b --png compared.png")
    sub.add_argument("runs", type=Path, nargs="+", metavar="run", help="runs' folders; the others against the first")
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--png", type=Path, help="write a picture")

    sub = command("export", "export a run and prove it equal to the model", "mmzoo export runs/emoji --format tflite")
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--format", choices=["saved_model", "tflite"], default="tflite")
    sub.add_argument("--variants", metavar="A,B", help="of a .tflite: fp32, fp16, dynamic, int8; or all (default fp32)")
    sub.add_argument("--allow-loss", action="store_true", help="keep variants that lose more than the limits allow")
    sub.add_argument("--fit", metavar="SIZE", help="write the best variant under a size, 5MB or 800kB, as best.tflite")

    def record(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("run", type=Path, help="a run's folder")
        sub.add_argument("--image", metavar="FILE", help="JPEG, PNG, GIF or BMP")
        sub.add_argument("--text", metavar="TEXT")
        sub.add_argument("--audio", metavar="FILE", help="WAV, FLAC, Ogg, MP3")
        sub.add_argument("--video", metavar="FILE", help="MP4, WebM, GIF")
        sub.add_argument("--sensor", metavar="FILE", help="CSV or .npy of numbers")
        sub.add_argument(
            "--input", action="append", default=[], metavar="NAME=VALUE", help="an input by its name in the spec"
        )

    sub = command("predict", "answer one record", 'mmzoo predict runs/emoji --image cat.png --text "grinning cat"')
    record(sub)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--explain", action="store_true", help="print JSON with what each modality and its parts counted")

    sub = command("explain", "say why a record is answered so", "mmzoo explain runs/emoji --image a.png --png why.png")
    record(sub)
    sub.add_argument("--task", help="which task (default: the first)")
    sub.add_argument("--label", help="which answer (default: the likeliest)")
    sub.add_argument("--png", type=Path, help="write the explanation as a picture")

    sub = command("list", "list what there is", "mmzoo list towers")
    sub.add_argument("what", choices=LISTS)
    sub.add_argument("--markdown", action="store_true", help="as a table in Markdown")

    sub = command("summary", "show the model of a recipe", "mmzoo summary emoji --png emoji.png")
    changes(sub)
    sub.add_argument("--png", type=Path, help="write the graph as a picture")
    return root
