"""Write down the English speech in sound files, or in a column of a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.commands import tables
from mmzoo.errors import require
from mmzoo.messages.words import one_line

EXAMPLE = "mmzoo transcribe a.wav b.ogg; mmzoo transcribe calls.csv --column recording --out written.csv"

WRITTEN = ("transcript", "log_prob", "no_speech", "seconds", "error")
"""The columns that come to those of a table."""

SILENT = 0.6
"""With a higher probability that nothing is said Whisper's makers (Radford et al. 2022) look twice."""


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

    from mmzoo.answers.written.formats import check_ending, check_free, write_rows
    from mmzoo.transcription.transcribe import NOTHING, transcripts

    if args.out is not None:
        check_ending(args.out)
        check_free(args.out, overwrite=args.overwrite)
    check_no_table(args)
    sounds, rows = table_of(args) if args.column else ([*args.files], [{"file": name} for name in args.files])
    bad, silent, none, first = 0, 0, 0, ""
    found = transcripts(sounds, weights=args.weights, beams=args.beams)
    with tqdm(total=len(sounds), unit="sound", disable=None, leave=False) as bar:
        for row, each in zip(rows, found, strict=True):
            told = each.text, round(each.log_prob, 4), round(each.no_speech, 4), round(each.seconds, 2), each.error
            empty = each == NOTHING
            row |= zip(WRITTEN, [None] * len(WRITTEN) if empty else told, strict=True)
            bad, none, first = bad + bool(each.error), none + empty, first or each.error
            silent += (quiet := each.no_speech > SILENT)
            if args.out is None and not empty and not (args.column and each.error):
                name = row.get("file") or row.get(args.column) or row.get("id") or "?"
                sure = f"  ({each.log_prob:.2f} a token, {each.seconds:.1f} s{', perhaps no speech' if quiet else ''})"
                bar.write(f"{one_line(name)}: {one_line(each.error or each.text)}{'' if each.error else sure}")
            bar.update()
    require(bad < len(rows) - none or not bad, f"No sound could be read; the first: {first}")
    if args.out is not None:
        write_rows(args.out, list(dict.fromkeys(name for row in rows for name in row)), lambda: iter([rows]))
        print(f"{args.out}: {len(rows) - bad - none:,} sounds")
    if silent:
        print(f"note: in {silent:,} of them there is perhaps no speech (no_speech over {SILENT}).")
    if none:
        print(f"note: {none:,} of {len(rows):,} records have no sound.")
    require(
        not bad,
        f"{bad:,} of {len(rows):,} sounds could not be read, and the others were; mend them or leave them out. The "
        f"first: {first}",
    )


def check_no_table(args: argparse.Namespace) -> None:
    """Raise where a table is named as if it were a sound."""
    from mmzoo.data.readers import readers

    endings = tuple(ending for name in readers.names() for ending in readers[name].endings)
    for name in args.files if not args.column else ():
        require(
            not name.lower().removesuffix(".gz").endswith(endings),
            f"'{name}' is a table; say which of its columns has the sounds: --column.",
        )


def table_of(args: argparse.Namespace) -> tuple[list[Raw], list[dict[str, Raw]]]:
    """The sounds of a table's column, and its rows."""
    from mmzoo.transcription.tables import sounds_of

    require(len(args.files) == 1, "With --column give one table; or sounds, and no --column.")
    sounds, rows = sounds_of(
        args.files[0], args.column, root=args.root, allow_outside=args.allow_outside, rate=args.rate
    )
    both = [name for name in WRITTEN if rows and name in rows[0]]
    require(not both, f"The table has a column '{', '.join(both)}' already, which is to be written; rename it.")
    return sounds, rows
