"""The order of labels that are levels: "low", "medium", "high"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmzoo.modalities.tabular.cells import number_of

SCALES = (
    "none|no, negligible|minimal|very low, low|mild|minor|light, medium|moderate|mid|middle|average|normal, "
    "high|major|strong|heavy, very high|severe|serious, extreme|critical",
    "tiny|extra small|xs, small|s, medium|m, large|big|l, extra large|huge|xl, xxl, xxxl",
    "very bad|very poor|terrible|awful, bad|poor, fair|ok|okay|acceptable|average|neutral|satisfactory, good, "
    "very good, excellent|great|outstanding",
    "strongly disagree, disagree, neutral|undecided|neither agree nor disagree, agree, strongly agree",
    "very dissatisfied|very unsatisfied, dissatisfied|unsatisfied, neutral, satisfied, very satisfied",
    "very negative, negative, neutral|mixed, positive, very positive",
    "never, rarely|seldom, sometimes|occasionally, often|frequently|usually, always",
    "very unlikely, unlikely, neutral|possible, likely, very likely",
    "very easy, easy, medium|moderate|normal, hard|difficult, very hard|very difficult",
    "slow, medium|average|normal, fast",
    "freezing, cold, cool, mild|warm, hot",
    "beginner|novice, intermediate, advanced, expert",
    "sehr niedrig, niedrig|gering, mittel, hoch, sehr hoch",
    "sehr schlecht, schlecht, mittel, gut, sehr gut",
    "nie, selten, manchmal, oft|häufig, immer",
)
"""Words for levels, lowest first; those with "|" between them are one level."""

RANKS = tuple(
    {word.strip(): rank for rank, level in enumerate(scale.split(",")) for word in level.split("|")} for scale in SCALES
)


def levels_of(labels: Sequence[str], said: Sequence[str] = ()) -> list[str]:
    """Labels as levels, lowest first; none where no order can be seen.

    Args:
        said: all levels in their order, where the table itself says it.
    """
    if said and set(labels) <= set(said):
        return [each for each in said if each in set(labels)]
    numbers = {text: number_of(text.split()[0]) for text in labels}
    if all(number is not None for number in numbers.values()):
        return sorted(labels, key=lambda text: numbers[text] or 0.0)
    words = {text: " ".join(re.split(r"[\s_-]+", text.casefold().strip())) for text in labels}
    for ranks in RANKS:
        found = {text: ranks[word] for text, word in words.items() if word in ranks}
        if len(found) == len(labels) == len(set(found.values())):
            return sorted(labels, key=found.__getitem__)
    return []
