"""Loads each attacked folder in this process and writes down what happened: `python -m tests.attacks.runner FOLDER`."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import tests.conftest  # noqa: F401  (quiets TensorFlow before it is imported)

# isort: split
import keras_hub  # noqa: F401  (some towers import it when they are built)

import mmzoo
from tests.attacks.attacks import ATTACKS

sys.dont_write_bytecode = True
SAFE = tuple({str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, Path(mmzoo.__file__).parent)})
# What a program does to the world outside of its memory.
DEEDS = ("os.", "shutil.", "subprocess.", "socket.", "pickle.", "marshal.", "ctypes.", "tempfile.", "urllib.", "glob.")
WATCHED = ("open", "exec", "compile", "import")
IMPORTING = ("import", "exec", "compile", "marshal.", "os.listdir", "os.scandir", "ctypes.")
NAMED = ("card.json", "weights.safetensors", "golden.safetensors", "words_vocabulary.json", "x_bert.json", "x_vit.json")


class Watch:
    """Notes, while `folder` is set, every deed that loading a model does not need."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.folder is None or not event.startswith((*DEEDS, *WATCHED)):
            return
        if event == "open" and self.may_open(*args):
            return
        self.seen.append(f"{event} {str(args)[:200]}")

    def may_open(self, path: Any, mode: Any, flags: Any) -> bool:
        """Reading a file that the card names, or one of Python and its packages."""
        writing = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        path = os.path.normpath(path) if isinstance(path, (str, Path)) else ""
        return not writing and (path.startswith(SAFE) or path in [f"{self.folder}/{name}" for name in NAMED])


def peak() -> int:
    """The largest memory of this process since `forget_peak`, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> int:
    """Start to measure anew; the memory now."""
    gc.collect()
    with contextlib.suppress(OSError):  # then the peak is that of the whole process, and the measure less sharp
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def load(folder: Path, watch: Watch) -> dict[str, Any]:
    before = forget_peak()
    watch.folder, watch.seen = folder, []
    error: BaseException | None = None
    started = time.process_time()  # others may use this machine too
    try:
        mmzoo.load(folder)
    except BaseException as caught:
        error = caught
    seconds = time.process_time() - started
    watch.folder = None
    return {
        "error": type(error).__name__ if error else None,
        "message": str(error) if error else "",
        "seconds": seconds,
        "bytes": peak() - before,
        "seen": watch.seen,
    }


def good_folder(folder: Path) -> None:
    """A model that builds in a moment."""
    tower = mmzoo.Tower("embedding_attention", width=8, heads=2)
    words = mmzoo.Text(
        "words", max_bytes=8, tokens=4, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=16), tower=tower
    )
    task = mmzoo.Classification("animal", labels=["cat", "dog"])
    mmzoo.save(mmzoo.build(mmzoo.Spec([words], "concat", [task], dim=8)), folder)
    for decoy in ("conftest.py", "config.json", "__init__.py", "weights.h5", "weights.safetensors.new"):
        (folder / decoy).write_text("import os; os.abort()")


def trained_from_a_file(folder: Path) -> None:
    """A good model whose spec says that its tower began with the weights in a file: here a pipe, which would block."""
    os.mkfifo(folder.parent / "start.weights.h5")
    tower = mmzoo.Tower("efficientnet_lite0", weights=str(folder.parent / "start.weights.h5"))
    picture, task = mmzoo.Image("p", size=32, tower=tower), mmzoo.Classification("animal", labels=["cat", "dog"])
    mmzoo.save(mmzoo.build(mmzoo.Spec([picture], "concat", [task], dim=8), files={}), folder)


def main(scratch: Path) -> None:
    def too_long(number: int, frame: Any) -> None:
        raise TimeoutError("still loading after 30 seconds")

    signal.signal(signal.SIGALRM, too_long)
    good_folder(scratch / "good")
    watch = Watch()
    results = {"for_the_first_time": load(scratch / "good", watch)}
    # Then the last modules are imported, from where they belong; nothing else may happen.
    seen = results["for_the_first_time"]["seen"]
    seen[:] = [event for event in seen if not event.startswith(IMPORTING)]
    results["nothing"] = load(scratch / "good", watch)
    trained_from_a_file(scratch / "trained")
    signal.alarm(60)
    results["weights_from_a_file"] = load(scratch / "trained", watch)
    gc.freeze()  # what is imported by now stays, and need not be looked through before each measure
    for name, (attack, _) in ATTACKS.items():
        folder = scratch / name / "model"
        shutil.copytree(scratch / "good", folder)
        attack(folder)
        signal.alarm(30)
        results[name] = load(folder, watch)
        signal.alarm(0)
        shutil.rmtree(scratch / name)
    (scratch / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
