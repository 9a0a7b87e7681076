"""In which languages texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmzoo.aliases import Raw
from mmzoo.modalities.tabular.cells import is_missing

LEAST_BYTES = 30  # of the letters of a text whose language can be told, in UTF-8: one of Chinese has three
LEAST_SHARE = 0.03  # of the texts; what is rarer is as often a mistake
READ = 1000  # characters of a text
SHORT, OTHER = "(too short to tell)", "(others)"


def languages(texts: Sequence[Raw]) -> list[str]:
    """The language of each text, as ISO 639-1 has it ("en"), by py3langid; those that few texts have are "(others)".

    Lui & Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool".
    """
    found = [language(text) for text in texts]
    counts = Counter(found)
    return [each if counts[each] >= LEAST_SHARE * len(found) else OTHER for each in found]


def language(text: Raw) -> str:
    """The language of one text; "(missing)" where there is none."""
    if is_missing(text):
        return "(missing)"
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    if len("".join(filter(str.isalpha, said[:READ])).encode()) < LEAST_BYTES:
        return SHORT
    import py3langid  # its model takes a moment

    return str(py3langid.classify(said[:READ])[0])
