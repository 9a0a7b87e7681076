"""Files with weights from a network: named with their digest, kept in the cache, and gone on with after a cut."""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, NamedTuple

from tqdm import tqdm

from mmzoo.errors import MMZooError, require
from mmzoo.files import is_plain
from mmzoo.files.cache import claim, folder
from mmzoo.files.folders import held
from mmzoo.network import is_loopback
from mmzoo.weights.installed import digest_of

REMOTE = ("hf://", "kaggle://", "https://", "http://")
LIMIT = 2**32  # bytes of a file
PIECE = 2**18  # bytes read at a time
SECONDS = 30  # without a byte
TRIES = 3  # in a row
WAIT = 1.0  # seconds between them
DIGEST = re.compile(r"[0-9a-f]{64}")
KAGGLE = "https://www.kaggle.com/api/v1/models"


class Address(NamedTuple):
    """Where a file is, what it must hold, and what it is called."""

    url: str
    digest: str
    name: str


def is_remote(weights: str) -> bool:
    """Does a tower's option `weights` name a file on a network?"""
    return weights.startswith(REMOTE)


def address_of(weights: str) -> Address:
    """What an address says.

    hf://USER/REPO/FILE@SHA256             a file of Hugging Face's hub, of the newest revision
    kaggle://OWNER/MODEL/FRAMEWORK/VARIATION/VERSION/FILE@SHA256
    https://HOST/FILE#sha256=SHA256

    Raises:
        MMZooError: it is of another form, or has no digest.
    """
    hub = weights.startswith(("hf://", "kaggle://"))
    place, _, digest = weights.rpartition("@" if hub else "#sha256=")
    digest = digest.lower()
    require(
        place and DIGEST.fullmatch(digest),
        f"The address '{weights}' does not say which file it means; put the SHA-256 of the file behind it: "
        f"{place or weights}{'@' if hub else '#sha256='}DIGEST (sha256sum FILE says it).",
    )
    scheme, _, rest = place.partition("://")
    parts = rest.split("/")
    least = {"hf": 3, "kaggle": 6}.get(scheme, 2)
    require(
        len(parts) >= least and all(part not in ("", ".", "..") for part in parts),
        f"The address '{weights}' is not of the form hf://USER/REPO/FILE@SHA256, "
        "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION/VERSION/FILE@SHA256 or https://HOST/FILE#sha256=SHA256.",
    )
    quoted = [urllib.parse.quote(part) for part in parts]
    if scheme == "hf":
        base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")  # as Hugging Face's own client
        url = "/".join([base, *quoted[:2], "resolve", "main", *quoted[2:]])
    elif scheme == "kaggle":
        url = "/".join([KAGGLE, *quoted[:5], "download", *quoted[5:]])
    else:
        url = place
    check_url(url)
    return Address(url, digest, parts[-1].partition("?")[0])


def fetch(weights: str) -> Path:
    """The file of an address: from the cache, or downloaded into it.

    Nothing else than the file of that digest is ever given back. What a cut has left is gone on with, here and at the
    next call. A bar shows how far it is.

    Raises:
        MMZooError: there is no network or no such file, the hub asks for a login, the file is another one, it is cut
            off again and again, or the disk is full.
    """
    address = address_of(weights)
    cache = folder()
    if cache is None:
        raise MMZooError(f"'{weights}' is kept in a cache and there is none; set MMZOO_CACHE to a folder, or unset it.")
    place = cache / "weights" / address.digest
    path = place / re.sub(r"[^\w.-]", "_", address.name)[-100:]
    try:
        claim(cache)
        claim(place, links=False)
        with held(place, "download", wait=True):
            if not (is_plain(path) and digest_of(path) == address.digest):
                download(address, place / "part")
                (place / "part").replace(path)
    except OSError as error:
        raise MMZooError(
            f"'{weights}' could not be kept in '{place}' ({error.strerror or error}); free some space, or set "
            "MMZOO_CACHE to another folder."
        ) from error
    return path


def download(address: Address, part: Path) -> None:
    """Make `part` the file of an address, beginning with what is there of it."""
    for left in reversed(range(TRIES)):
        try:
            receive(address, part)
            break
        except (ConnectionError, HTTPException, TimeoutError) as error:
            there = part.stat().st_size if is_plain(part) else 0
            require(
                left,
                f"The download of '{address.url}' was cut off after {there / 1e6:.1f} MB ({error or 'no answer'}); run "
                "the same again, and it goes on from there.",
            )
            time.sleep(WAIT)
    found = digest_of(part)
    if found != address.digest:
        part.unlink()
        raise MMZooError(
            f"'{address.url}' has the SHA-256 {found}, not {address.digest}; it was changed since, or the digest is "
            "that of another file."
        )


def receive(address: Address, part: Path) -> None:
    """The rest of a file from its server, at the end of `part`."""
    there = part.stat().st_size if is_plain(part) else 0
    request = urllib.request.Request(address.url, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        answer = opener().open(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing is left behind what is there
            return
        if error.code in (401, 403):
            reason = "asks for a login; download the file with the hub's own program"
        else:
            reason = f"answers {error.code} {error.reason}; check the address, or download the file elsewhere"
        raise MMZooError(f"'{address.url}' {reason}, and give weights='FILE'.") from error
    except urllib.error.URLError as error:
        raise MMZooError(
            f"'{address.url}' could not be reached ({error.reason}); connect to the network once, or download the file "
            "elsewhere and give weights='FILE'."
        ) from error
    with answer, open(part, "ab" if answer.status == 206 else "wb") as file:
        total = there * (answer.status == 206) + int(answer.headers.get("Content-Length") or 0)
        require(total <= LIMIT, f"'{address.url}' has {total} bytes, over the limit of {LIMIT // 2**30} GB.")
        with tqdm(
            total=total or None, initial=file.tell(), desc=address.name, unit="B", unit_scale=True, disable=None,
            leave=False, delay=1.0,
        ) as bar:  # fmt: skip
            while data := answer.read(PIECE):
                require(file.tell() + len(data) <= LIMIT, f"'{address.url}' is over the limit of {LIMIT // 2**30} GB.")
                file.write(data)
                bar.update(len(data))
        if file.tell() < total:
            raise ConnectionError(f"{file.tell()} of {total} bytes came")


class Followed(urllib.request.HTTPRedirectHandler):
    """Goes where a hub sends it to, if that is as safe."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
    """What opens addresses: by HTTP alone, no files."""
    return urllib.request.build_opener(Followed)


def check_url(url: str) -> None:
    """Raise unless it is an address of HTTPS, or of a server on this machine."""
    found = urllib.parse.urlsplit(url)
    require(
        found.hostname and (found.scheme == "https" or (found.scheme == "http" and is_loopback(found.hostname))),
        f"'{url}' is no address of https://, by which alone weights are downloaded.",
    )
