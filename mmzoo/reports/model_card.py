"""The model card (Mitchell et al. 2019, arXiv:1810.03993): what a model is, learned from, is worth and is not."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

import mmzoo
from mmzoo.choice import Fusion, Tower
from mmzoo.data.lazy.columns import Column
from mmzoo.data.records import Records
from mmzoo.evaluation.cost import flops
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.machine import machine
from mmzoo.messages.words import code_block, decimal, markdown, printable

if TYPE_CHECKING:
    from mmzoo.run import Run
    from mmzoo.spec import Spec
    from mmzoo.training.run_folder.notes import Row

Section = tuple[str, list[tuple[str, str]]]


def model_card(run: Run, records: Records, result: Evaluation, history: list[Row]) -> list[Section]:
    """The sections of the card: each a title and (what, how much) pairs."""
    spec, model = result.spec, run.model
    training = run.settings["training"]
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    seconds = sum(row["seconds"] or 0.0 for row in history)
    make = [(item.name, f"{item.kind}, {Tower.of(item.tower).name}") for item in spec.inputs]
    make += [("fusion", Fusion.of(spec.fusion).name)]
    make += [(task.name, task.summary) for task in spec.tasks]
    make += [("parameters", f"{model.count_params():,}, of which {trainable:,} train")]
    make += [("operations", f"{flops(model) / 1e6:,.1f} million FLOPs an answer")]
    learned = [
        ("epochs", f"{len(history)} of batches of {training['batch_size']}, seed {run.settings['seed']}"),
        ("training time", f"{seconds:.0f} s for the epochs"),
        ("trained on", run.machine),
        ("evaluated on", machine()),
        ("versions", ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "numpy"))),
        ("made with", f"mmzoo {mmzoo.__version__}, Python {platform.python_version()}"),
    ]
    return [
        ("Model", make),
        ("Data", data_of(run, records, result.split)),
        ("Training", learned),
        ("Results", results(result)),
        ("Limits", limits(result)),
    ]


def data_of(run: Run, records: Records, split: str) -> list[tuple[str, str]]:
    """The data set, and each split's size and hash."""
    if not run.has_data:
        return [(split, f"{len(records)} records, {fingerprint(records)}")]
    from mmzoo.data.schema.options import TableName
    from mmzoo.datasets import datasets

    table = TableName.parse(run.data)
    facts = datasets.facts(run.data) if run.data and not table.is_table else {}
    if table.is_table:
        told = f"the table {table.path}, {f'label {table.label}' if table.label else 'no label'}"
    else:
        told = f"{run.data}: {facts['summary']}" if run.data else "a table in memory"
    found = [
        ("data set", told),
        ("licence of the data", str(facts.get("licence", "not known to mmzoo; see its source"))),
    ]
    for part in ("train", "validation", "test"):
        theirs = run.records(part)
        found.append((part, f"{len(theirs)} records, {fingerprint(theirs)}"))
    return found


def fingerprint(records: Records) -> str:
    """The first 12 digits of a SHA-256 over all values of all columns; a path counts as its name."""
    digest = hashlib.sha256()
    for name in sorted(records.columns):
        digest.update(name.encode())
        if isinstance(records.column(name), Column):
            digest.update(repr(records.ids).encode())  # to hash files in shards would be to read them all
            continue
        for value in records.column(name):
            array = isinstance(value, np.ndarray)
            digest.update(np.ascontiguousarray(value).tobytes() if array else repr(value).encode())
    return f"sha256 {digest.hexdigest()[:12]}"


def results(result: Evaluation) -> list[tuple[str, str]]:
    """The headline figures; what is of one task is called so where there are several."""
    metrics = result.subsets[result.everything]
    found = [(f"{result.split} records", str(len(result.subset_predictions.present)))]
    found += [(whose(result, each, "verdict"), each.verdict) for each in labelled(result)]
    found += [(metric.replace("_", " "), decimal(value)) for metric, value in metrics.items()]
    for each in labelled(result):
        name, trust = each.primary, result.found[each.name]
        for single in each.spec.input_names:
            if name in each.subsets[single]:
                found.append((whose(result, each, f"{single} alone"), f"{decimal(each.subsets[single][name])} {name}"))
        if "ece" in trust.get("calibration", {}):
            found.append((whose(result, each, "calibration error"), f"{trust['calibration']['ece']:.3f}"))
        if "coverage" in trust.get("conformal", {}):
            asked, got = trust["conformal"]["nominal_coverage"], trust["conformal"]["coverage"]
            found.append((whose(result, each, "conformal coverage"), f"{got:.1%} where {asked:.0%} was asked"))
    return found


def limits(result: Evaluation) -> list[tuple[str, str]]:
    """What the figures do not say, and where the model is weakest."""
    found = [("scope", "Measured on records drawn as those above; nothing is known of others.")]
    absent = [name for name, count in result.counts.items() if not count]
    if absent:
        found.append(("not tried", f"No record has {', '.join(absent)}."))
    found += [(each.name, each.reason) for each in result.tasks.values() if each.reason]
    for each in labelled(result):
        analyzed = result.found[each.name]
        worst = [row for row in analyzed.get("by_class", []) if row["f1"] is not None][:2]
        if worst:
            said = ", ".join(f"{row['label']} (F1 {row['f1']:.2f})" for row in worst)
            found.append((whose(result, each, "weakest labels"), said))
        if analyzed["slices"] and each.task.score_is_share:
            row = analyzed["slices"][0]
            said = f"{row['column']} = {row['value']}: {row['score']:.2f} of {row['count']} records"
            found.append((whose(result, each, "weakest slice"), said))
    return found


def labelled(result: Evaluation) -> list[TaskEvaluation]:
    """The tasks that some record has a label of."""
    return [each for each in result.tasks.values() if not each.reason]


def whose(result: Evaluation, task: TaskEvaluation, what: str) -> str:
    """A heading, with the task's name where there are several."""
    return f"{task.name}: {what}" if len(result.tasks) > 1 else what


def card_text(name: str, sections: list[Section], spec: Spec) -> str:
    """The card as Markdown, with the whole spec at its end. Nothing of the data's is markup in it."""
    lines = [f"# {markdown(name)}", ""]
    for title, pairs in sections:
        lines += [f"## {title}", "", *(f"- **{markdown(what)}**: {markdown(how)}" for what, how in pairs), ""]
    plain = printable(json.dumps(spec.to_json(), indent=1, ensure_ascii=False))
    return "\n".join([*lines, "## Spec", "", code_block(plain, "json"), ""])
