"""Tables with bytes changed at random are read, or refused in one sentence, as each of their records is."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pandas as pd
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from tests.mutations import mutations

ROWS = [
    {"photo": f"img/{k}.png", "text": f'word {k}, "quoted" \u2028 here', "price": k * 1.5, "label": "ab"[k % 2]}
    for k in range(24)
]


def tables() -> dict[str, bytes]:
    frame = pd.DataFrame(ROWS)
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    return {
        ".csv": frame.to_csv(index=False).encode(),
        ".tsv": frame.to_csv(index=False, sep="\t").encode(),
        ".jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode(),
        ".parquet": parquet.getvalue(),
    }


TABLES = tables()


def tried(ending: str, count: int, folder: Path) -> tuple[int, int, float]:
    """How many of so many damaged tables were read and how many refused, and the seconds that the slowest took."""
    path, read, slowest = folder / f"table{ending}", 0, 0.0
    for seed, data in enumerate(mutations(TABLES[ending], count, 0)):
        path.write_bytes(data)
        began = time.process_time()
        try:
            spec, records = mmzoo.table_spec(mmzoo.read_table(path), "label")
            read += 1
            for record in records:
                for item in spec.inputs:
                    value = record[item.name]
                    if item.kind in ("text", "tabular") and value is not None and not isinstance(value, Exception):
                        item.check(value)
        except MMZooError as error:
            assert "\n" not in str(error), seed
        slowest = max(slowest, time.process_time() - began)
    return read, count - read, slowest


@pytest.mark.parametrize("ending", TABLES)
def test_damaged_tables_are_read_or_refused(ending: str, tmp_path: Path) -> None:
    read, refused, _ = tried(ending, 50, tmp_path)
    assert refused
    assert read or ending == ".parquet"


@pytest.mark.long
@pytest.mark.parametrize("ending", TABLES)
def test_many_damaged_tables(ending: str, tmp_path: Path) -> None:
    _, refused, slowest = tried(ending, 2000, tmp_path)
    assert refused
    assert slowest < 5
