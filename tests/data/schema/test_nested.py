"""Of lists and objects in cells it is said what can be done, by both commands, and it can be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.guess import explained_spec
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(40, 7)).round(3).tolist()
WORDS = [[f"w{k}", f"x{k}"] for k in range(40)]


@pytest.mark.parametrize(
    ("cells", "remedy", "kind"),
    [
        ([{"size": row[0], "colour": "red"} for row in NUMBERS], "a column of its own (such as 'size')", "ignore"),
        (NUMBERS, "write their 7 numbers as columns of their own, or --kind 'my column'=sensor takes", "sensor"),
        ([row[: 3 + k % 4] for k, row in enumerate(NUMBERS)], "; --kind 'my column'=sensor takes them", "sensor"),
        ([[k, [k]] for k in range(40)], "", "ignore"),
        (WORDS, "--kind 'my column'=multi_category takes them for several categories", "multi_category"),
    ],
)
def test_what_is_told_can_be_done(
    cells: list[Any], remedy: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"my column": cell, "size": k * 37 % 11, "kind": "ab"[k % 2]} for k, cell in enumerate(cells)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(MMZooError, match="Column 'my column' has values that no input reads") as error:
        explained_spec(mmzoo.read_table(path), "kind")
    assert remedy in str(error.value)
    assert main(["data", "check", f"{path}#kind"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  my column:")]
    assert "mmzoo train refuses it: values that no input reads" in line and remedy in line
    table = mmzoo.read_table(path, kinds={"my column": kind})
    spec, records, _ = explained_spec(table, "kind")
    spec = spec.fit(records)
    for item in spec.inputs:
        for value in records.column(item.name):
            item.decode(value)
    read = {item.kind for item in spec.inputs} | set(table.kinds.values())
    assert kind in read
