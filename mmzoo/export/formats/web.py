"""A folder with a page that runs the .tflite in a browser: nothing is sent anywhere, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from mmzoo.errors import MMZooError, require
from mmzoo.export.formats import formats
from mmzoo.export.formats.base import INDEX, Job
from mmzoo.export.formats.tflite import TFLite
from mmzoo.export.rows import Row
from mmzoo.files import cache, read_file, write_file
from mmzoo.files.folders import replacing

# LiteRT for browsers (Apache-2.0). npm's own checksums, so that what is packed is what was tried.
CORE, UTILS = "@litertjs/core@2.5.3", "@litertjs/wasm-utils@2.5.3"
PACKAGES = {
    CORE: "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
    UTILS: "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
}
# What the page needs of them: the package, the path in it, the name in the folder.
RUNTIME = (
    (CORE, "dist/index.js", "core.js"),
    (CORE, "wasm/litert_wasm_internal.js", "litert_wasm_internal.js"),
    (CORE, "wasm/litert_wasm_internal.wasm", "litert_wasm_internal.wasm"),
    (CORE, "wasm/litert_wasm_compat_internal.js", "litert_wasm_compat_internal.js"),
    (CORE, "wasm/litert_wasm_compat_internal.wasm", "litert_wasm_compat_internal.wasm"),
    (UTILS, "dist/index.js", "wasm-utils.js"),
)
OTHERS = ("litert", "model.tflite", "model.json", "encoders", INDEX)
MAX_PACKAGE = 2**28  # bytes
PAGE = ("index.html", "app.js", "search.js", "tensors.js", "texts.js", "pictures.js", "tokenizers.js", "style.css")


@formats.register("web")
class Web(TFLite):
    """A page that runs the .tflite in a browser, on any web server."""

    def usual(self, best: Sequence[str]) -> tuple[str, ...]:
        """The best of those that were compared before, if they were."""
        return tuple(best) or super().usual(best)

    def complete(self, job: Job, chosen: Row) -> None:
        super().complete(job, chosen)
        write_web(job, chosen)

    def hint(self, folder: Path) -> str:
        return f"Look at it: python -m http.server --directory {folder / 'web'}, then localhost:8000"


def write_web(job: Job, chosen: Row) -> Path:
    """Write web/ into an export's folder: the page, the model, what it must know, and the runtime; returns it.

    Where there is an index the page searches it: it has the encoders, and not the whole model.

    Args:
        chosen: the row of the variant that the page runs.

    Raises:
        MMZooError: the runtime is not in the cache and npm cannot be asked for it.
    """
    runtime = runtime_files()
    target = job.folder / "web"
    encoders = [each["file"] for each in chosen.get("encoders", {}).values()] if job.index is not None else []
    known = {*PAGE, *(f"litert/{name}" for *_, name in RUNTIME), *OTHERS}
    with replacing(target, lambda name: name in known or re.fullmatch(r"encoders/\w+\.tflite", name)) as made:
        (made / "litert").mkdir(parents=True)
        for name, data in runtime.items():
            (made / "litert" / name).write_bytes(data)
        for name in PAGE:
            (made / name).write_bytes(files("mmzoo.export").joinpath("page", name).read_bytes())
        about = job.about
        if job.index is not None:
            about = {**about, "search": [*chosen["encoders"]]}
            (made / "encoders").mkdir()
            for name in (*encoders, INDEX):
                (made / name).write_bytes(read_file(job.folder / name, links=False))
        else:
            (made / "model.tflite").write_bytes(read_file(job.folder / chosen["file"], links=False))
        (made / "model.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
    return target


def runtime_files() -> dict[str, bytes]:
    """The files of the runtime by name, out of npm's packages."""
    found = {}
    for package in PACKAGES:
        with tarfile.open(fileobj=io.BytesIO(npm_package(package)), mode="r:gz") as archive:
            for source, path, name in RUNTIME:
                if source == package and (member := archive.extractfile(f"package/{path}")):
                    found[name] = member.read()
    return found


def npm_package(package: str) -> bytes:
    """A package of npm, from the cache or from its registry; its checksum is right."""
    place = cache.folder()
    kept = place / "npm" / f"{package.replace('@', '').replace('/', '-')}.tgz" if place else None
    if kept is not None:
        with suppress(OSError):
            data = read_file(kept, links=False, limit=MAX_PACKAGE)
            if checksum(data) == PACKAGES[package]:
                return data
    npm = shutil.which("npm")
    remedy = "install Node.js (nodejs.org) and try again with a network"
    require(npm, f"The page needs the package {package} and there is no npm; {remedy}.")
    with tempfile.TemporaryDirectory() as name:
        command = [str(npm), "pack", package, "--pack-destination", name, "--silent"]
        environment = {**os.environ, "npm_config_fetch_retries": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        found = list(Path(name).glob("*.tgz"))
        if done.returncode or not found:
            why = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
            raise MMZooError(f"npm could not fetch {package} ({why}); {remedy}.")
        data = read_file(found[0], links=False, limit=MAX_PACKAGE)
    require(checksum(data) == PACKAGES[package], f"What npm gave for {package} has another checksum; do not use it.")
    if place is not None and kept is not None:
        try:
            cache.claim(place)
            cache.claim(kept.parent, links=False)
            write_file(kept, data)
        except MMZooError as error:
            print(f"{package}: not kept for later exports ({error})")
    return data


def checksum(data: bytes) -> str:
    """SHA-512 as npm writes it."""
    return base64.b64encode(hashlib.sha512(data).digest()).decode()
