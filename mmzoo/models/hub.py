"""Models of a hub, by the hub's own program: it asks for the login, and nothing of it is kept here."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmzoo.errors import MMZooError, require
from mmzoo.files import cache
from mmzoo.files.limits import MAX_JSON
from mmzoo.messages.words import one_line
from mmzoo.models import check_address
from mmzoo.weights.card import CARD, read_card

LOGIN = {"hf": "hf auth login", "kaggle": "python -c 'import kagglehub; kagglehub.login()'"}
"""The commands by which a hub's own program is told who asks."""
OFFLINE = ("ConnectError", "ConnectTimeout", "ConnectionError", "LocalEntryNotFoundError", "OfflineModeIsEnabled")
"""What the libraries of the hubs call it that there is no network."""


def download(address: str) -> Path:
    """A model of a hub in a folder of the cache: its card, then the files that this names, with the lengths it says.

    What is there already is not downloaded again.

    Raises:
        MMZooError: there is no network or no such model, the hub asks for a login, or it has no card of mmzoo's.
    """
    hub, name, revision = check_address(address)
    with told(address, "be had"):
        return from_hugging_face(name, revision) if hub == "hf" else from_kaggle(name)


def from_hugging_face(name: str, revision: str) -> Path:
    """The folder of a model of Hugging Face's hub."""
    import huggingface_hub as hub

    place = cache.folder()
    if place is None:
        raise MMZooError("it is kept in a cache and there is none; set MMZOO_CACHE to a folder, or unset it")
    cache.claim(place)
    folder = place / "models" / re.sub(r"[^\w.-]", "_", f"hf-{name.replace('/', '-')}-{revision}")
    cache.claim(folder, links=False)
    at, host = revision or None, endpoint()

    def get(file: str, most: int) -> None:
        try:
            size = hub.get_hf_file_metadata(hub.hf_hub_url(name, file, revision=at, endpoint=host)).size or 0
        except Exception as error:
            if type(error).__name__ not in OFFLINE or not (folder / file).exists():
                raise
            logging.getLogger("mmzoo").info(f"'hf://{name}' cannot be reached; what was downloaded before is taken.")
            return
        require(size <= most, f"its file {file} has {size} bytes, over the {most} that it may have")
        hub.hf_hub_download(name, file, local_dir=folder, revision=at, endpoint=host)

    get(CARD, MAX_JSON)
    for file, facts in read_card(folder)["files"].items():
        get(file, facts["bytes"])
    return folder


def endpoint() -> str | None:
    """The address of Hugging Face's hub, or of one that stands in for it; its own program asks once, when imported."""
    return os.environ.get("HF_ENDPOINT")


def from_kaggle(handle: str) -> Path:
    """The folder of a model of Kaggle's, in the cache of its own program."""
    import kagglehub

    folder = Path(kagglehub.model_download(handle, path=CARD)).parent
    for file in read_card(folder)["files"]:
        kagglehub.model_download(handle, path=file)
    return folder


@contextmanager
def told(address: str, what: str) -> Iterator[None]:
    """Inside, what the programs of the hubs raise becomes one sentence.

    Args:
        what: could not be done.
    """
    try:
        yield
    except MMZooError as error:
        raise MMZooError(f"'{address}' cannot {what}: {str(error).rstrip('.')}.") from error
    except Exception as error:  # each hub has errors of its own, of several libraries
        raise MMZooError(f"'{address}' cannot {what}: {reason(error, address)}.") from error


def reason(error: Exception, address: str) -> str:
    """Why a hub refused, and what to do."""
    login = LOGIN[address.partition("://")[0]]
    kind = type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    if kind in ("RemoteEntryNotFoundError", "EntryNotFoundError"):
        return "it has no model of mmzoo's (a file is missing there); name another"
    if status == 409:
        return "there is one of that name already; choose another name, or give --overwrite (overwrite=True)"
    if kind == "RepositoryNotFoundError" or status == 404:
        return f"there is none of that name, or it is private; check the name, or log in: {login}"
    if status in (401, 403) or kind in ("GatedRepoError", "LocalTokenNotFoundError", "UnauthenticatedError"):
        return f"the hub asks for a login that may do it: {login}"
    if kind in OFFLINE:
        return "the hub cannot be reached; connect to the network"
    return f"{kind}: {one_line(error)[:300]}".rstrip(".")


def upload(folder: Path, address: str, *, licence: str, private: bool, overwrite: bool) -> str:
    """All files of a folder to a hub.

    Args:
        overwrite: may there be a model of that name? It then has a new version.

    Raises:
        MMZooError: there is one already, nobody is logged in, or the hub cannot be reached.
    """
    hub, name, revision = check_address(address, kaggle_parts=(4,))
    require(not revision, f"'{address}' names a revision, which the hub gives; leave it out.")
    with told(address, "be published"):
        if hub == "hf":
            return to_hugging_face(folder, name, private, overwrite)
        return to_kaggle(folder, name, licence, overwrite)


def to_hugging_face(folder: Path, name: str, private: bool, overwrite: bool) -> str:
    """Into a repository of Hugging Face's hub."""
    import huggingface_hub as hub

    require(hub.get_token(), f"nobody is logged in; run {LOGIN['hf']}")
    api = hub.HfApi(endpoint())
    made = api.create_repo(name, private=private, exist_ok=overwrite)
    api.upload_folder(repo_id=name, folder_path=folder, commit_message="A model of mmzoo's")
    return str(made)


def to_kaggle(folder: Path, handle: str, licence: str, overwrite: bool) -> str:
    """Into a variation of a model of Kaggle's, as its next version."""
    import kagglehub
    from kagglehub.config import get_kaggle_credentials

    require(get_kaggle_credentials(), f"nobody is logged in; run {LOGIN['kaggle']}")
    require(
        overwrite or not is_on_kaggle(handle),
        "there is one of that name already; choose another name, or give --overwrite (overwrite=True)",
    )
    kagglehub.model_upload(handle, str(folder), license_name=licence or None, version_notes="A model of mmzoo's")
    return f"https://www.kaggle.com/models/{handle}"


def is_on_kaggle(handle: str) -> bool:
    """Is there a variation of that name? Asked for by a file of it, as there is no other way."""
    import kagglehub
    from kagglehub.exceptions import KaggleApiHTTPError

    try:
        kagglehub.model_download(handle, path=CARD)
    except KaggleApiHTTPError as error:
        if getattr(error.response, "status_code", None) in (403, 404):
            return False
        raise
    return True
