"""Weighted fits of ln K, linear in their coefficients, with bootstrap intervals.

Two bootstraps, both parametric and seeded. `intervals`: new ln K are drawn about the fit with the
standard errors that the points' intervals tell. Where chi^2 says that the points scatter more than
that, `scatter`: the errors' common scale is drawn too, from what the residuals tell of it, so that
few residuals give the wide intervals of Student's t. Drawing among the residuals themselves would
not: of three to six sizes there are too few.
"""
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .search import CONFIDENCE

DRAWS = 4999
SEED = 1
SCATTER_LEVEL = 0.05  # chi^2 less probable than this is more than the intervals say


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval."""
    value: float
    low: float
    high: float

    def __str__(self):
        # As many digits as the interval gives a meaning, two of its half width; where it spans
        # a decade or more, two of each end.
        half = (self.high - self.low) / 2
        if not 0 < half < np.inf:
            return f"{self.value:.4g}"
        digits = 1 - int(np.floor(np.log10(half)))
        if 0 < 10 * self.low < self.high:
            shown = [f"{end:.2g}" for end in (self.value, self.low, self.high)]
        elif 0 <= digits <= 9:
            shown = [f"{end:.{digits}f}" for end in (self.value, self.low, self.high)]
        else:
            shown = [f"{end:.4g}" for end in (self.value, self.low, self.high)]
        return f"{shown[0]} [{shown[1]}, {shown[2]}]"

    def holds(self, value):
        return self.low <= value <= self.high

    def place_of(self, value):
        """Where the interval lies, seen from `value`."""
        return "agrees with" if self.holds(value) else "lies " + (
            "below" if self.high < value else "above")

    def exp(self):
        with np.errstate(over="ignore"):
            return Estimate(*(float(np.exp(end)) for end in (self.value, self.low, self.high)))


@dataclass(frozen=True)
class Law:
    """A fit of ln K.

    coefficients  an Estimate for each column of the design
    fitted        ln K of the fit at each point
    chi2, freedom weighted squares of the residuals, and points minus coefficients
    bootstrap     "intervals" or "scatter"
    """
    coefficients: tuple
    fitted: np.ndarray
    chi2: float
    freedom: int
    bootstrap: str

    def chi2_per_degree(self):
        return self.chi2 / self.freedom if self.freedom > 0 else np.nan


def fit(design, log_k, error, trust=False):
    """The Law of ln K = design @ coefficients; error [point] are the standard errors of ln K.

    trust: keep to these errors, however the points scatter.
    """
    solve = np.linalg.pinv(design / error[:, None])
    best = solve @ (log_k / error)
    fitted = design @ best
    chi2 = float(np.sum(((log_k - fitted) / error) ** 2))
    freedom = len(log_k) - design.shape[1]
    scattered = not trust and freedom > 0 and stats.chi2.sf(chi2, freedom) < SCATTER_LEVEL
    draw = np.random.default_rng(SEED)
    noise = draw.standard_normal((len(log_k), DRAWS))
    if scattered:
        noise *= np.sqrt(chi2 / draw.chisquare(freedom, DRAWS))
    drawn = best[:, None] + solve @ noise
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), axis=1)
    return Law(tuple(Estimate(*map(float, ends)) for ends in zip(best, low, high)), fitted, chi2,
               freedom, "scatter" if scattered else "intervals")
