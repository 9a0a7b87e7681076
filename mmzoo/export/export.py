"""Export and its proof: what was written gives the model's answers on raw records."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.export.fit import Fit
from mmzoo.export.formats import formats, usable, with_choice
from mmzoo.export.formats.base import ClientFacts, Format, Job
from mmzoo.export.proof import Proof, excess
from mmzoo.export.report import known_rows, write_report
from mmzoo.export.rows import Row
from mmzoo.files import is_folder, read_file, subfolder, write_file
from mmzoo.files.folders import discard, held
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.run import Run


def export(
    run: Run,
    format: str,
    records: Records,
    *,
    variants: Sequence[str],
    training: Records | None = None,
    allow_loss: bool = False,
    fit: str | None = None,
    index: Path | None = None,
) -> list[Row]:
    """Write `run`'s export/ in a format and measure it on records; returns the rows of report.json.

    Args:
        format: one of `mmzoo list formats`.
        variants: of the format, as `wanted_variants` gives them; with "all" among them those that cannot be converted
            or lose too much are left out, and it is said why.
        training: what a variant such as "int8" learns its ranges from.
        allow_loss: keep variants that differ more than the limits allow.
        fit: "5MB", "10ms" or "5MB,10ms": what the best variant may take.
        index: the folder of an index of the run, which is written as one file beside the encoders of its inputs.

    Of several variants the fastest that loses no more than its limit allows is the best one: its row has `best`, it is
    written as best.tflite too, and it is what a page runs.

    Raises:
        MMZooError: a package is not installed, an answer of a variant differs from the model's by more than it may, or
            it loses more than a point of the task's metric; none fits.
    """
    form = usable(format)
    require(len(records), "The proof of an export needs records; give at least one.")
    limits = Fit.of(fit) if fit else Fit()
    folder = subfolder(run.results, "export")
    require(form.choice or index is None, f"An index goes with the formats {', '.join(with_choice())}; leave it out.")
    job = Job(run.model, folder, describe(run.spec), training, run.seal, records, index, allow_loss)
    with held(folder, "export", wait=True):
        rows, failed = measured(form, job, records, variants, allow_loss)
        write_report(folder, rows)
        require(
            not failed or allow_loss,
            f"The export {'; '.join(failed)}; it is not in '{folder}': choose another variant, or allow the loss with "
            "--allow-loss (allow_loss=True).",
        )
        if form.choice:
            kept = [row for row in rows if "reason" not in row and (allow_loss or "over" not in row)]
            chosen = limits.best(kept)
            if fit or len(kept) > 1:
                for row in rows:
                    row.pop("best", None)  # what was it before
                chosen["best"] = True
                write_file(folder / f"best{form.suffix}", read_file(folder / chosen["file"], links=False))
                write_report(folder, rows)
            form.complete(job, chosen)
            write_report(folder, rows)
    return rows


def wanted_variants(
    folder: Path, format: str, variants: Sequence[str] | None = None, fit: str | None = None
) -> tuple[str, ...]:
    """The variants of an export, "all" among them if all are tried: those named, else those usual for the format.

    Args:
        folder: that of the export, whose report may name the variant that was the best.
        fit: with it there must be some to choose from.

    Raises:
        MMZooError: the format is not there, or it has no such variants or none to choose from.
    """
    form = formats[format]()
    if not form.choice:
        told = f"--variants and --fit are for formats with variants to choose from: {', '.join(with_choice())}."
        require(not fit and not set(variants or ()) - set(form.variants), told)
    for variant in variants or ():
        if variant not in (*form.variants, "all"):
            raise unknown(f"variant of {format} called", variant, [*form.variants, "all"])
    if variants or fit:
        return tuple(variants or ("all",))
    best = [row["variant"] for row in known_rows(folder) if row.get("best")]
    return form.usual([variant for variant in best if variant in form.variants])


def is_calibrated(format: str, variants: Sequence[str]) -> bool:
    """Does one of the variants have to see training records?"""
    known = formats[format].variants
    return any(known[name].calibrated for name in (known if "all" in variants else variants))


def measured(
    form: Format, job: Job, records: Records, variants: Sequence[str], allow_loss: bool
) -> tuple[list[Row], list[str]]:
    """Write variants and measure them: their rows, and what is wrong with which.

    One that is beyond its limit is not left behind, but for `allow_loss`. Who asks for all of them wants those that are
    good, and the exact one at any rate.
    """
    wanted = list(form.variants) if "all" in variants else list(variants)
    exact = next(iter(form.variants))
    proof = Proof(job.model, records, form)
    rows: list[Row] = []
    failed: list[str] = []
    unwanted: set[Path] = set()
    written: list[tuple[Row, Path]] = []
    try:
        for variant, path in form.write(job, wanted):
            must = "all" not in variants or variant == exact
            try:
                if isinstance(path, MMZooError):
                    raise path
                row = proof.row(variant, path)
            except MMZooError as error:
                if isinstance(path, Path):
                    unwanted.add(path)
                if must:
                    raise
                rows.append({"variant": variant, "reason": str(error)})
                continue
            rows.append(row)
            written.append((row, path))
            if over := excess(row, form.variants[variant]):
                row["over"] = over
                if not allow_loss:
                    unwanted.add(path)
                if must:
                    failed.append(f"'{variant}' {over}")
        if len(written) > 1:
            for (row, _), figures in zip(
                written, form.in_turns([path for _, path in written], proof.inputs), strict=True
            ):
                cast(dict[str, object], row).update(figures)
    finally:
        for path in unwanted:
            if is_folder(path):
                shutil.rmtree(path)
            else:
                discard(path)
    if form.choice:
        first = next((row["bytes"] for row in rows if row["variant"] == exact), None)
        for row in rows:
            row["ratio"] = round(row["bytes"] / first, 4) if first and "bytes" in row else None
    return rows, failed


def describe(spec: Spec) -> ClientFacts:
    """What a client of a .tflite must know: inputs with types, units and vocabularies, outputs with labels."""
    inputs: list[dict[str, object]] = [
        {**item.to_json(), **item.described, "dtype": item.dtype, "shape": [1, *item.shape], "unit": item.unit}
        for item in spec.inputs
    ]
    inputs.append({"name": "present", "dtype": "uint8", "shape": [1, len(spec.inputs)], "order": spec.input_names})
    outputs = [task.describe() for task in spec.tasks]
    evidential = [task for task in spec.tasks if task.tags.evidential]
    outputs += [{"name": task.uncertainty_name, "kind": "uncertainty", "labels": []} for task in evidential]
    plain = json.dumps(spec.to_json(), sort_keys=True).encode()
    return {
        "mmzoo": mmzoo.__version__,
        "spec": hashlib.sha256(plain).hexdigest(),
        "inputs": inputs,
        "outputs": outputs,
    }
