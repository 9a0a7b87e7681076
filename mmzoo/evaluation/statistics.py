"""How sure a difference is: bootstrap intervals and paired tests."""

from __future__ import annotations

import numpy as np

DRAWS = 2000
FLIPS = 10_000
AT_ONCE = 4_000_000  # numbers drawn at a time


def interval(values: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean (Efron 1979): percentiles over resampled examples, seeded."""
    random = np.random.default_rng(0)
    means: list[np.ndarray] = []
    rows = max(AT_ONCE // len(values), 1)
    for start in range(0, draws, rows):
        chosen = random.integers(0, len(values), (min(rows, draws - start), len(values)))
        means.append(values[chosen].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def paired_test(differences: np.ndarray) -> tuple[str, float]:
    """Could differences (N,) between two models on the same examples be chance? The test's name and its two-sided p.

    Where they are -1, 0 and 1, the exact test of McNemar (1947); else the sign-flip permutation
    test of the mean (Fisher 1935), over `FLIPS` seeded draws of the signs.
    """
    if np.isin(differences, (-1, 0, 1)).all():
        from scipy.stats import binomtest

        better, worse = int((differences > 0).sum()), int((differences < 0).sum())
        return "mcnemar", float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    random = np.random.default_rng(0)
    observed = abs(differences.mean()) * (1 - 1e-9)  # a draw that is equal but for rounding counts
    as_far, rows = 1, max(AT_ONCE // len(differences), 1)
    for start in range(0, FLIPS, rows):
        signs = random.integers(0, 2, (min(rows, FLIPS - start), len(differences))) * 2 - 1
        as_far += int((np.abs((signs * differences).mean(axis=1)) >= observed).sum())
    return "sign_flip", as_far / (FLIPS + 1)
