"""The blocks of a page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRIBUTING = ".github/CONTRIBUTING.md"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, those of a page within a list too."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
