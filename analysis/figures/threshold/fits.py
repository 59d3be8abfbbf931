"""How the threshold grows with N: K = A N^b, and the theory's law with its coefficient free.

The theory's law is alpha N^(n-1) / ln N, where errors are to vanish, and alpha N^(n-1) for a share
of unstable spins. Fits are of ln K, weighted by the intervals of the thresholds.
"""
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

import canvas
from results import ResultError
from . import laws
from .collapse import Collapse, collapse
from .laws import Estimate, Law
from .search import NORMAL, counts_spins, dimensions, known, missing

CURVED_SIZES = 3  # fewest sizes that show whether the exponent drifts


@dataclass(frozen=True)
class Sizes:
    """Thresholds of one group in order of N: one a size, seeds averaged by their weights.

    N, K, low, high  [size] threshold and its 95 % interval
    theory           [size] theory_k, NaN where there is none
    """
    N: np.ndarray
    K: np.ndarray
    low: np.ndarray
    high: np.ndarray
    theory: np.ndarray

    def error(self):
        """Standard errors of ln K."""
        return np.log(self.high / self.low) / (2 * NORMAL)


@dataclass(frozen=True)
class Fit:
    """What one group, cells that differ in N alone, tells.

    group     {parameter: value}, all but N and seed; `name` those that vary, in words
    sizes     Sizes
    power     Law of K = A N^b (coefficients ln A and b); None below two sizes, as what follows
    law       Law of K = alpha g(N) (coefficient ln alpha), law_words says "N^2 / ln N"
    curvature Estimate of the exponent's change for each factor e in N; None below three sizes
    local     [(N, next N, Estimate)] exponents between neighbouring sizes
    theory    {"alpha": its coefficient, "b": its own slope over these sizes}; NaN where none
    collapse  Collapse or None
    sentences what it comes to
    """
    group: dict
    name: str
    sizes: Sizes
    power: Law | None
    law: Law | None
    law_words: str
    curvature: Estimate | None
    local: list
    theory: dict
    collapse: Collapse | None
    sentences: list

    def exponent(self):
        return self.power.coefficients[1]

    def amplitude(self):
        return self.power.coefficients[0].exp()

    def alpha(self):
        return self.law.coefficients[0].exp()

    def log_law(self, N):
        return log_law(self.group, N)


def fits(results):
    """A Fit of each group of cells that differ in N alone, seeds together."""
    if results.kind != "threshold":
        raise ResultError(f"kind {results.kind} searches no thresholds: fits across sizes take "
                          "kind threshold")
    keys = [name for name in results.parameters() if name not in ("N", "seed")]
    varying = dimensions(results, "N", "seed")
    used = known(results)
    return [fit_group(results, group, canvas.settings({name: group[name] for name in varying}),
                      cells, used) for group, cells in results.groups(keys)]


def fit_group(results, group, name, cells, used):
    sizes = sizes_of(results.rows[cells & used])
    words = {1: "1", 2: "N"}.get(group["n"], f"N^{group['n'] - 1}")
    words += " / ln N" if errors_vanish(group) else ""
    parts = dict(group=group, name=name, sizes=sizes, power=None, law=None, law_words=words,
                 curvature=None, local=[], theory={"alpha": np.nan, "b": np.nan}, collapse=None)
    if len(sizes.N) >= 2:
        x, y, error = np.log(sizes.N), np.log(sizes.K), sizes.error()
        law_of_N = log_law(group, sizes.N)
        ones = np.ones_like(x)
        line = np.column_stack([ones, x])
        parts["power"] = laws.fit(line, y, error)
        law = laws.fit(ones[:, None], y - law_of_N, error)
        parts["law"] = Law(law.coefficients, law.fitted + law_of_N, law.chi2, law.freedom,
                           law.bootstrap)
        parts["local"] = local_exponents(x, y, error, sizes.N)
        if len(sizes.N) >= CURVED_SIZES:
            centred = x - np.average(x)
            # Whether the thresholds bend is asked of their own errors, not of the parabola's fit.
            bent = laws.fit(np.column_stack([line, centred ** 2]), y, error, trust=True)
            bent = bent.coefficients[2]
            parts["curvature"] = Estimate(2 * bent.value, 2 * bent.low, 2 * bent.high)
        if np.all(np.isfinite(sizes.theory)):
            parts["theory"] = {"alpha": coefficient(group),
                               "b": laws.fit(line, np.log(sizes.theory), error)
                               .coefficients[1].value}
        parts["collapse"] = collapse(results, cells & used)
    return Fit(**parts, sentences=sentences(**parts) + missing_in(results, cells, used))


def errors_vanish(group):
    """With N, at the criterion: then its law has a logarithm."""
    return not counts_spins(group)


def log_law(group, N):
    """ln of the theory's law with coefficient 1."""
    x = np.log(N)
    return (group["n"] - 1) * x - (np.log(x) if errors_vanish(group) else 0)


def sizes_of(rows):
    """Thresholds, averaged at each N by their weights in ln K."""
    N = np.unique(rows["N"])
    log_K, error = np.log(rows["k_threshold"]), np.log(rows["k_high"] / rows["k_low"]) / 2 / NORMAL
    means, errors, theory = [], [], []
    for size in N:
        here = rows["N"] == size
        weights = error[here] ** -2
        means.append(np.average(log_K[here], weights=weights))
        errors.append(weights.sum() ** -0.5)
        theory.append(rows["theory_k"][here][0])
    means, errors = np.array(means), NORMAL * np.array(errors)
    return Sizes(N.astype(float), np.exp(means), np.exp(means - errors), np.exp(means + errors),
                 np.array(theory))


def local_exponents(x, y, error, N):
    slope = np.diff(y) / np.diff(x)
    half = NORMAL * np.hypot(error[1:], error[:-1]) / np.diff(x)
    return [(int(one), int(other), Estimate(*map(float, (b, b - h, b + h))))
            for one, other, b, h in zip(N, N[1:], slope, half)]


def coefficient(group):
    """alpha of the theory for large N: c / (2 (2n-3)!!), a part in n of that where all K memories
    are to be stable, and c / ((2n-3)!! z^2) where spins may be unstable with a Gaussian tail of
    `level` beyond z."""
    n = group["n"]
    spread = math.prod(range(1, 2 * n - 2, 2)) / (2 if group["energy"] == "rectified" else 1)
    if group["criterion"] == "unstable_spins":
        return 1 / (spread * stats.norm.isf(group["level"]) ** 2)
    return 1 / (2 * spread * (n if group["criterion"] == "retained_all" else 1))


def missing_in(results, cells, used):
    """The sentence on this group's cells without a threshold."""
    return missing(results, used | ~cells)


def sentences(group, name, sizes, power, law, law_words, curvature, local, theory, collapse):
    if power is None:
        found = (f"A threshold at one size alone, N = {sizes.N[0]:g}" if len(sizes.N)
                 else "A threshold at no size")
        return [f"{found}: a fit takes two."]
    return [*exponent_words(group, sizes, power, theory), law_sentence(law, law_words, theory),
            *drift_words(sizes, law, law_words, curvature, local), *collapse_words(collapse)]


def exponent_words(group, sizes, power, theory):
    b = power.coefficients[1]
    place = f"b = {b} {b.place_of(group['n'] - 1)} n - 1 = {group['n'] - 1}"
    if np.isfinite(theory["b"]):
        place += (f"; it {b.place_of(theory['b'])} {theory['b']:.4g}, the theory's own slope over "
                  "these sizes")
    return [f"K ~ N^b over N = {sizes.N[0]:g} to {sizes.N[-1]:g} ({len(sizes.N)} sizes): {place}; "
            f"{quality(power)}."]


def law_sentence(law, law_words, theory):
    alpha = law.coefficients[0].exp()
    words = f"K = alpha {law_words}: alpha = {alpha}"
    if np.isfinite(theory["alpha"]):
        # A law that does not hold has no coefficient that could agree.
        place = "against" if law.bootstrap == "scatter" else alpha.place_of(theory["alpha"])
        words += (f" {place} the theory's {theory['alpha']:.4g} (ratio "
                  f"{alpha.value / theory['alpha']:.3g})")
    return f"{words}; {quality(law)}."


def quality(law):
    if law.freedom == 0:
        return "as many sizes as coefficients, so that nothing tests the law"
    ratio = f"chi^2 / {law.freedom} = {number(law.chi2_per_degree())}"
    if law.bootstrap == "scatter":
        return (f"{ratio}, more than the thresholds' intervals explain: the law does not hold as "
                "it stands, and its interval comes from the scatter about it")
    return f"{ratio}, no more than the thresholds' intervals explain"


def drift_words(sizes, law, law_words, curvature, local):
    """What finite size does: drift of the exponent, and of the law's coefficient."""
    if curvature is None:
        return []
    listed = ", ".join(f"{b.value:.2f}" for _, _, b in local)
    half = max((b.high - b.low) / 2 for _, _, b in local)
    span = (f"between neighbouring sizes, from N = {sizes.N[0]:g} up: {listed} (95 %: +- "
            f"{half:.2g} at most)")
    trend = ("without a trend" if curvature.holds(0)
             else f"on the whole {'rising' if curvature.value > 0 else 'falling'} with N")
    over_law = sizes.K / np.exp(law.fitted - law.coefficients[0].value)
    law_words = f"({law_words})" if "/" in law_words else law_words
    return [f"Exponents {span}, {trend}. K / {law_words} is {over_law[0]:.4g} at N = "
            f"{sizes.N[0]:g} and {over_law[-1]:.4g} at N = {sizes.N[-1]:g}."]


def collapse_words(collapse):
    if collapse is None:
        return []
    if collapse.w.holds(0):
        return [f"Against K / K_c the curves of all sizes are equally steep within the errors: "
                f"w = {collapse.w}."]
    sense = "steeper" if collapse.w.value > 0 else "flatter"
    return [f"The curves grow {sense} with N: they collapse against (ln K - ln K_c) N^w with w = "
            f"{collapse.w}; deviance for each degree of freedom {collapse.before:.3g} before, "
            f"{collapse.after:.3g} after."]


def table(fitted):
    """Header and rows of text, a row for each Fit."""
    header = ["group", "sizes", "N", "b", "n - 1", "theory b", "A", "its chi2/dof", "law",
              "alpha", "theory alpha", "its chi2/dof", "w"]
    return header, [table_row(fit) for fit in fitted]


def table_row(fit):
    N = fit.sizes.N
    row = [fit.name or "all cells", str(len(N)),
           f"{N[0]:g} to {N[-1]:g}" if len(N) > 1 else "".join(f"{size:g}" for size in N) or "-"]
    if fit.power is None:
        return row + ["-"] * 10
    return row + [str(fit.exponent()), str(fit.group["n"] - 1), number(fit.theory["b"]),
                  str(fit.amplitude()), number(fit.power.chi2_per_degree()), fit.law_words,
                  str(fit.alpha()), number(fit.theory["alpha"]),
                  number(fit.law.chi2_per_degree()), str(fit.collapse.w) if fit.collapse else "-"]


def number(value):
    if not np.isfinite(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def numbers(fit):
    """{column: value} of one Fit, in full precision, NaN where there is none."""
    none = Estimate(np.nan, np.nan, np.nan)
    some = fit.power is not None
    estimates = {"b": fit.exponent() if some else none, "A": fit.amplitude() if some else none,
                 "alpha": fit.alpha() if some else none,
                 "curvature": fit.curvature or none,
                 "w": fit.collapse.w if fit.collapse else none}
    row = {**fit.group, "sizes": len(fit.sizes.N),
           "smallest_N": min(fit.sizes.N, default=np.nan),
           "largest_N": max(fit.sizes.N, default=np.nan)}
    for name, estimate in estimates.items():
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    for name, law in (("power", fit.power), ("law", fit.law)):
        row |= {f"{name}_chi2": law.chi2 if law else np.nan,
                f"{name}_freedom": law.freedom if law else 0,
                f"{name}_bootstrap": law.bootstrap if law else "none"}
    return row | {"law": fit.law_words, "theory_b": fit.theory["b"],
                  "theory_alpha": fit.theory["alpha"],
                  "deviance_before": fit.collapse.before if fit.collapse else np.nan,
                  "deviance_after": fit.collapse.after if fit.collapse else np.nan}
