"""A run's model as others may have it: in a folder, or on a hub."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.licenses import canonicalize_license_expression

from mmzoo.artifact import save
from mmzoo.data.schema.options import TableName
from mmzoo.datasets import datasets
from mmzoo.errors import MMZooError, require
from mmzoo.files import is_plain, write_file
from mmzoo.files.folders import replacing
from mmzoo.models import is_address
from mmzoo.models.card import readme
from mmzoo.models.hub import upload
from mmzoo.run import Run
from mmzoo.training.run_folder.notes import read_object
from mmzoo.weights.card import read_card

if TYPE_CHECKING:
    pass

README = "README.md"
WRITTEN = re.compile(r"README\.md|(weights|golden)\.safetensors|[a-z0-9_.]+\.json")
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,60}")
"""One licence: hubs take no expressions of several."""
UNKNOWN_LIMITS = "Measured on records like those it was trained on; nothing is known of others."


def publish(
    run: Run | str | Path,
    where: str | Path,
    *,
    summary: str = "",
    licence: str = "",
    packages: bool = False,
    private: bool = False,
    overwrite: bool = False,
) -> str:
    """Give a run's model to others: its model folder with a README.md, which `mmzoo.load` takes, and nothing else.

    The table that it learned from is not named. It is uploaded by the hub's own program with the login that this has.

    Args:
        run: the run, or what `Run` takes.
        where: a new folder, "hf://USER/NAME" or "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION".
        summary: what the model is, in a sentence.
        licence: of the model, as SPDX calls it, or LicenseRef- and a name.
        packages: name frozen weights that come with a package in place of copying them: a smaller model, which needs
            the package.
        private: is it for nobody else to see? On Hugging Face's hub; on Kaggle a new model is private.
        overwrite: may it take the place of another model, or be its next version?

    Returns:
        Where it is.

    Raises:
        MMZooError: there is one already, the hub asks for a login or cannot be reached, or the model cannot be loaded.
    """
    run = run if isinstance(run, Run) else Run(run)
    licence = licence and spdx(licence)
    target = str(where)
    called = target if is_address(target) else Path(target).resolve().name
    if not is_address(target):
        free = overwrite or not os.path.lexists(target)
        require(free, f"'{target}' is there already; choose another folder, or give --overwrite (overwrite=True).")
    given = {"summary": summary, "licence": licence}
    about = {**about_of(run), **{key: value for key, value in given.items() if value}}
    with tempfile.TemporaryDirectory() as parent:
        stage = Path(parent) / "model"
        save(run.model, stage, metrics=metrics_of(run), about=about, packages=packages)
        write_file(stage / README, readme(called, stage, licence.lower()).encode("utf-8", "replace"))
        if is_address(target):
            return upload(stage, target, licence=licence, private=private, overwrite=overwrite)
        return copy(stage, Path(target))


def spdx(licence: str) -> str:
    """A licence as SPDX writes it: "apache-2.0" is Apache-2.0. One that it has not is LicenseRef- and a name.

    Raises:
        MMZooError: it has no such licence.
    """
    try:
        require(LICENCE.fullmatch(licence), "")
        return str(canonicalize_license_expression(licence))
    except ValueError:
        raise MMZooError(
            f"A licence is named as SPDX has it (Apache-2.0, CC-BY-4.0 ..., see spdx.org/licenses; LicenseRef-NAME for "
            f"one that it has not), not {licence!r:.80}."
        ) from None


def copy(stage: Path, target: Path) -> str:
    """Put what was made where it is wanted, whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{target}' cannot be made ({error.strerror}); choose another.") from error
    with replacing(target, WRITTEN.fullmatch) as place:
        shutil.copytree(stage, place)
    return str(target)


def about_of(run: Run) -> dict[str, str]:
    """What there is to say of a model that was trained: where its records are from, if that is a data set's name."""
    own = read_card(run.model_folder).get("about", {})
    named = TableName.parse(run.data)
    data = run.data if run.data and not named.is_table else ""
    facts = datasets.facts(data) if data else {}
    found: dict[str, str] = {
        "data": data or "a table of its maker's",
        "licence of the data": str(facts.get("licence", "not stated")),
        "limits": str(facts.get("limits", UNKNOWN_LIMITS)),
    }
    return {**found, **own}


def metrics_of(run: Run) -> dict[str, float]:
    """The figures of the run's last evaluation; else those that its model's card has."""
    path = run.folder / "metrics.json"
    found = read_object(path).get("metrics") if is_plain(path) else read_card(run.model_folder)["metrics"]
    metrics = found.items() if isinstance(found, dict) else ()
    return {str(key): value for key, value in metrics if type(value) in (int, float)}
