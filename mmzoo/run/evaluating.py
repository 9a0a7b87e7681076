"""The evaluation of a run: what is computed, and what of it is kept in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmzoo.answers.rows.conformal import FILE as CONFORMAL
from mmzoo.answers.rows.conformal import Thresholds
from mmzoo.answers.written.evaluated import write_evaluated
from mmzoo.baselines import Baseline, fit_baselines
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.evaluation.analyses.base import Reason
from mmzoo.evaluation.analyses.baselines import BesideBaselines, against_baselines
from mmzoo.evaluation.analyses.failure_detection import Told, failure_detection, ood_records
from mmzoo.evaluation.analyses.unimodal import train_unimodal
from mmzoo.evaluation.compare import shared_tasks
from mmzoo.evaluation.evaluate import Evaluation, evaluate
from mmzoo.files import write_file
from mmzoo.files.folders import check_no_link, held
from mmzoo.messages.words import json_bytes
from mmzoo.reports.report import write_report
from mmzoo.training.settings import Training

if TYPE_CHECKING:
    from mmzoo.run import Run

BASELINE_SECONDS = 600


def evaluated(
    run: Run,
    records: Records | None,
    split: str,
    *,
    on_error: str | None,
    budget: float | None,
    validation: Records | None,
    noise: bool,
    unimodal: bool,
    mc_dropout: int,
    ensemble: Sequence[Run],
    ood: Records | str | None,
    baselines: bool | Sequence[Baseline],
) -> dict[str, Any]:
    """What `Run.evaluate` says of its arguments and its answer."""
    check_no_link(run.results / "pictures")
    records = records if records is not None else run.records(split)
    if validation is None and run.has_data and split != "validation":
        validation = run.records("validation")
    records = run.usable(records, split, on_error, budget)
    validation = run.usable(validation, "validation") if validation is not None else None
    result = evaluate(run.model, records, split, validation=validation, noise=noise)
    if unimodal and len(run.spec.inputs) > 1:
        result = result.with_found("unimodal", alone(run, records, result))
    if mc_dropout or ensemble or ood is not None:
        result = result.with_found("uncertainty", uncertainty(run, records, mc_dropout, ensemble, ood))
    floor = {} if baselines is False else beside_baselines(run, result, validation, baselines)
    result = result.with_found("baselines", floor)
    data = result.to_json()
    held_out = next(iter(result.tasks.values())).validation
    thresholds = Thresholds.fit(run.spec, held_out, run.seal) if held_out is not None else run.thresholds
    with held(run.results, "process", wait=True):
        write_file(run.results / "metrics.json", json_bytes(data))
        if floor:
            write_file(run.results / "baselines.json", json_bytes(floor))
        if held_out is not None and thresholds is not None:
            write_file(run.results / CONFORMAL, json_bytes(thresholds.to_json()))
        write_evaluated(run.results, run.model, result, records.ids, thresholds)
        write_report(run, records, result)
    return data


def alone(run: Run, records: Records, result: Evaluation) -> dict[str, dict[str, object]]:
    """What models of one modality each are worth, by task; they are trained with the run's settings."""
    scores = {each.name: each.scores[each.everything] for each in result.tasks.values() if not each.reason}
    return train_unimodal(
        run.spec,
        run.records("train"),
        run.records("validation"),
        records,
        scores,
        folder=run.results,
        training=Training.from_json(run.settings["training"]),
        data=run.data,
        seed=run.settings["seed"],
        on_error=run.settings["on_error"],
        budget=run.settings["budget"],
    )


def beside_baselines(
    run: Run, result: Evaluation, validation: Records | None, fitted: bool | Sequence[Baseline]
) -> dict[str, BesideBaselines | Reason]:
    """What the model is worth beside baselines, by task.

    Args:
        fitted: those that are fitted already; else they are fitted to the run's training records.

    Raises:
        MMZooError: there are no validation records.
    """
    if isinstance(fitted, bool):
        if validation is None and run.has_data:  # these are what is evaluated
            validation = run.usable(run.records("validation"), "validation")
        if validation is None or not len(validation):
            raise MMZooError(f"The run '{run.folder}' has no validation records, by which baselines are chosen.")
        train = run.usable(run.records("train"), "train")
        fitted = fit_baselines(run.spec, train, validation, seconds=BASELINE_SECONDS, seed=run.settings["seed"])
    return {each.name: against_baselines(each, fitted) for each in result.tasks.values() if not each.reason}


def uncertainty(
    run: Run, records: Records, mc_dropout: int, ensemble: Sequence[Run], ood: Records | str | None
) -> dict[str, Told]:
    """How well mistakes and strange records are told by what draws under dropout, or several runs, disagree on."""
    check_number("The number of draws under dropout", mc_dropout, 0, 1000, whole=True)
    for other in ensemble:
        require(
            len(shared_tasks([run.spec, other.spec])) == len(run.spec.tasks),
            f"The run '{other.folder}' has other tasks than '{run.folder}'; an ensemble needs the same.",
        )
    ood = ood_records(run.spec, ood) if isinstance(ood, str) else ood
    training = run.records("train") if ood is not None and run.has_data else None
    others = [other.model for other in ensemble]
    return failure_detection(run.model, records, draws=mc_dropout, others=others, ood=ood, training=training)
