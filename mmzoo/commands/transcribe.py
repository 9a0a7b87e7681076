"""Write down the English speech in sound files, or in a column of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmzoo.commands import tables
from mmzoo.errors import require
from mmzoo.words import one_line

EXAMPLE = "mmzoo transcribe a.wav b.ogg; mmzoo transcribe calls.csv --column recording --out written.csv"

WRITTEN = ("transcript", "log_prob", "seconds", "error")
"""The columns that come to those of a table."""


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("files", nargs="+", metavar="FILE", help="sounds, or videos with sound; with --column one table")
    sub.add_argument("--column", default="", help="of a table: which has the sounds")
    sub.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where it goes: .csv, .jsonl or .parquet, with all columns of a table beside it",
    )
    tables.add_overwrite(sub)
    sub.add_argument(
        "--weights",
        default="tiny.en",
        metavar="NAME",
        help="tiny.en (default), or a preset of KerasHub's: its folder, or a name such as whisper_base_en",
    )
    sub.add_argument("--beams", type=int, default=1, metavar="N", help="hypotheses of a beam search (default 1: none)")
    sub.add_argument(
        "--rate", type=int, default=16000, metavar="HZ", help="of a column's waveforms without one (default 16000)"
    )
    sub.add_argument("--root", default="", metavar="DIR", help="the folder of a table's files (default: its own)")
    sub.add_argument("--allow-outside", action="store_true", help="they may lie, or links lead, outside of that")


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from mmzoo.answers.formats import check_ending, check_free, write_rows
    from mmzoo.transcription.transcribe import transcripts

    if args.out is not None:
        check_ending(args.out)
        check_free(args.out, overwrite=args.overwrite)
    sounds, rows = table_of(args) if args.column else ([*args.files], [{"file": name} for name in args.files])
    bad = 0
    found = transcripts(sounds, weights=args.weights, beams=args.beams)
    with tqdm(total=len(sounds), unit="sound", disable=None, leave=False) as bar:
        for row, each in zip(rows, found, strict=True):
            told = each.text, round(each.log_prob, 4), round(each.seconds, 2), each.error
            row |= zip(WRITTEN, told, strict=True)
            bad += bool(each.error)
            if args.out is None or each.error:
                name = row.get("file") or row.get(args.column) or row.get("id") or "?"
                sure = "" if each.error else f"  ({each.log_prob:.2f} a token, {each.seconds:.1f} s)"
                bar.write(f"{one_line(name)}: {one_line(each.error or each.text)}{sure}")
            bar.update()
    if args.out is not None:
        write_rows(args.out, list(dict.fromkeys(name for row in rows for name in row)), lambda: iter([rows]))
        print(f"{args.out}: {len(rows) - bad:,} sounds")
    require(
        not bad, f"{bad} of {len(rows)} sounds could not be read, and the others were; mend them or leave them out."
    )


def table_of(args: argparse.Namespace) -> tuple[list[Any], list[dict[str, Any]]]:
    """The sounds of a table's column, and its rows."""
    from mmzoo.transcription.tables import sounds_of

    require(len(args.files) == 1, "With --column give one table; or sounds, and no --column.")
    sounds, rows = sounds_of(
        args.files[0], args.column, root=args.root, allow_outside=args.allow_outside, rate=args.rate
    )
    both = [name for name in WRITTEN if rows and name in rows[0]]
    require(not both, f"The table has a column '{', '.join(both)}' already, which is to be written; rename it.")
    return sounds, rows
