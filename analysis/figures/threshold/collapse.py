"""Finite-size data collapse: the curves of the share fall on one logistic in (ln K - ln K_c) N^w.

w is the most likely one, with a common steepness, and each size's K_c free to move: where the
curves of all sizes are alike but for their steepness, which goes as N^w, the deviance is what
chance leaves. Trials count for 1 / design_effect; what scatter is left beyond that widens the
interval of w.
"""
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from .laws import Estimate
from .search import CONFIDENCE, direction, effective, path_of

NEAR = 3.0         # K where the logit of the share is within this of the level's: curves of all
                   # sizes count over the same shares, as no curve is a logistic all along
ROWS_OF_SIZE = 3   # fewest K there that show how steep a curve is


@dataclass(frozen=True)
class Collapse:
    """w, the steepness s of the common curve, logit share = logit level -+ s (ln K - ln K_c) N^w,
    and the deviance for each degree of freedom of such a curve, before (w = 0) and after."""
    w: Estimate
    steepness: float
    before: float
    after: float


def collapse(results, cells):
    """The Collapse of these cells, bool [cell] with known thresholds; None where fewer than two
    sizes have enough of a path, or where no maximum is found."""
    cell, K, successes, trials = path_of(results, cells)
    x = np.log(K / results.rows["k_threshold"][cell])
    near = np.abs(x) * results.rows["slope"][cell] < NEAR
    curves, place, counts = np.unique(cell[near], return_inverse=True, return_counts=True)
    near[near] = counts[place] >= ROWS_OF_SIZE
    cell, x, successes, trials = (values[near] for values in (cell, x, successes, trials))
    rows = results.rows[cell]
    log_N = np.log(rows["N"])
    if len(np.unique(log_N)) < 2:
        return None
    weight = effective(rows)
    model = Model(np.unique(cell, return_inverse=True)[1], direction(rows) * x,
                  log_N, successes * weight, trials * weight,
                  special.logit(rows["level"]), np.log(np.median(rows["slope"])))
    return model.collapse()


class Model:
    """logit share = offset[curve] + exp(ln s + w ln N) x, fitted by maximum likelihood.

    curve [row] counts from 0; x is ln K / K_c with the sign of the share's slope.
    """

    def __init__(self, curve, x, log_N, successes, trials, level, log_slope):
        self.curve, self.x = curve, x
        self.mean_log_N = np.average(log_N)
        self.log_N = log_N - self.mean_log_N
        self.successes, self.trials = successes, trials
        self.curves = curve.max() + 1
        first = np.unique(curve, return_index=True)[1]
        self.start = np.concatenate([level[first], [log_slope, 0.0]])

    def logit(self, at):
        steepness = np.exp(at[-2] + at[-1] * self.log_N)
        return at[self.curve] + steepness * self.x, steepness

    def jacobian(self, steepness):
        slope = (steepness * self.x)[:, None]
        return np.hstack([np.eye(self.curves)[self.curve], slope, slope * self.log_N[:, None]])

    def deviance(self, at):
        """Twice the log likelihood's distance from that of the shares themselves."""
        logit, _ = self.logit(at)
        failures = self.trials - self.successes
        own = (special.xlogy(self.successes, self.successes / self.trials)
               + special.xlogy(failures, failures / self.trials))
        return 2 * np.sum(own - self.successes * special.log_expit(logit)
                          - failures * special.log_expit(-logit))

    def gradient(self, at):
        logit, steepness = self.logit(at)
        excess = self.trials * special.expit(logit) - self.successes
        return 2 * excess @ self.jacobian(steepness)

    def maximum(self, free):
        """The most likely values, those not in `free` held at their start."""
        def whole(part):
            at = self.start.copy()
            at[free] = part
            return at

        found = optimize.minimize(lambda part: self.deviance(whole(part)), self.start[free],
                                  jac=lambda part: self.gradient(whole(part))[free],
                                  method="BFGS", options={"gtol": 1e-6 * self.trials.sum()})
        return whole(found.x)

    def collapse(self):
        free = np.ones(len(self.start), dtype=bool)
        after = self.maximum(free)
        free[-1] = False
        before = self.maximum(free)
        freedom = len(self.x) - len(after)
        logit, steepness = self.logit(after)
        share = special.expit(logit)
        variance = self.trials * share * (1 - share)
        if freedom < 1 or not np.all(np.isfinite(after)) or np.any(variance == 0):
            return None
        pearson = np.sum((self.successes - self.trials * share) ** 2 / variance)
        jacobian = self.jacobian(steepness)
        information = jacobian.T @ (variance[:, None] * jacobian)
        if np.linalg.cond(information) > 1e12:
            return None
        covariance = max(1, pearson / freedom) * np.linalg.inv(information)
        half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(covariance[-1, -1])
        w = float(after[-1])
        return Collapse(Estimate(w, float(w - half), float(w + half)),
                        float(np.exp(after[-2] - w * self.mean_log_N)),
                        float(self.deviance(before) / (freedom + 1)),
                        float(self.deviance(after) / freedom))
