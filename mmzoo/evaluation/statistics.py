"""How sure a difference is: bootstrap intervals and paired tests."""

from __future__ import annotations

import numpy as np

DRAWS = 2000
FLIPS = 10_000
AT_ONCE = 4_000_000  # numbers drawn at a time


def interval(values: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean (Efron 1979): percentiles over resampled examples, seeded."""
    from scipy.stats import bootstrap

    if len(values) < 2 or values.min() == values.max():  # resampled it is the same again
        return float(values.mean()), float(values.mean())
    batch = max(AT_ONCE // len(values), 1)
    found = bootstrap((values,), np.mean, n_resamples=draws, batch=batch, method="percentile", rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def paired_test(differences: np.ndarray) -> tuple[str, float]:
    """Could differences (N,) between two models on the same examples be chance? The test's name and its two-sided p.

    Where they are -1, 0 and 1, the exact test of McNemar (1947); else the sign-flip permutation
    test of the mean (Fisher 1935), over all flips of the signs, or `FLIPS` seeded draws where those are more.
    """
    from scipy.stats import binomtest, permutation_test

    if np.isin(differences, (-1, 0, 1)).all():
        better, worse = int((differences > 0).sum()), int((differences < 0).sum())
        return "mcnemar", float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    batch = max(AT_ONCE // len(differences), 1)
    found = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=FLIPS, batch=batch, rng=0)
    return "sign_flip", float(found.pvalue)
