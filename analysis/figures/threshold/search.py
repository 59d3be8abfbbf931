"""What a threshold search found: its cells, the shares along its path, and words for both."""
import re
import textwrap

import numpy as np
from scipy import special, stats

import canvas
from results import ResultError

CONFIDENCE = 0.95
NORMAL = stats.norm.ppf((1 + CONFIDENCE) / 2)  # half the interval in standard errors
NARROWEST = 1e-9  # over its low end: no search leaves a narrower interval
POOL = 0.5  # change of the logit, half an e-fold of the odds
FOLLOWING = ("level", "start", "mirrors")  # often settled by another parameter


def known(results):
    """bool [cell]: a threshold with an interval, of a complete search."""
    return results.complete & shown(results)


def shown(results):
    """bool [cell]: a threshold with an interval, that of a search under way among them."""
    rows = results.rows
    with np.errstate(invalid="ignore"):
        return ((0 < rows["k_low"]) & (rows["k_low"] * (1 + NARROWEST) < rows["k_high"])
                & np.isfinite(rows["k_threshold"]) & np.isfinite(rows["k_high"]))


def dimensions(results, *drawn):
    """The parameters that tell cells apart, besides those drawn. A level that goes with its
    criterion, or mirrors that go with n, tell nothing more."""
    names = results.varying()
    for name in FOLLOWING:
        rest = [other for other in names if other != name]
        if name in names and rest and count(results, rest) == count(results, names):
            names = rest
    return [name for name in names if name not in drawn]


def count(results, names):
    return len(np.unique(results.rows[names]))


def of_group(results, key):
    """bool [cell]: the cells with these values, {parameter: value}."""
    mask = np.ones(len(results.rows), dtype=bool)
    for name, value in key.items():
        mask &= results.rows[name] == value
    return mask


def title(results, *drawn):
    """{name: value} of the parameters that hold for the whole figure."""
    return {name: value for name, value in results.fixed().items() if name not in drawn}


def head_panel(axes, values):
    """Title a panel by its {parameter: value}, in lines that fit it."""
    figure, grid = axes.figure, axes.get_subplotspec().get_gridspec()
    inches = figure.get_figwidth() / grid.ncols - 0.4
    axes.set_title(textwrap.fill(canvas.settings(values), int(inches / 0.085)))


def counts_spins(row):
    return row["criterion"] == "unstable_spins"


def path_of(results, cells):
    """The rows of /search_path of these cells, merged by cell and K: arrays cell, K, successes,
    and trials (spins where the criterion counts spins)."""
    if "search_path" not in results.tables:
        raise ResultError("it has no /search_path, which this needs")
    rows = results.tables["search_path"]
    rows = rows[cells[rows["cell"]] & (rows["trials"] > 0)]
    keys, place = np.unique(rows[["cell", "K"]], return_inverse=True)
    trials, successes = (np.bincount(place, weights=rows[name], minlength=len(keys))
                         for name in ("trials", "successes"))
    owner = results.rows[keys["cell"]]
    counted = np.where(counts_spins(owner), owner["N"] * trials, trials)
    if np.any((keys["K"] < 1) | (successes < 0) | (successes > counted)):
        raise ResultError("its /search_path holds what no search leaves; see dam verify")
    return keys["cell"], keys["K"].astype(float), successes, counted


def pooled(results, steps):
    """The same arrays for drawing, with neighbouring K of a cell in one, at their mean: a search
    tries many, with few trials each. Across a pool the logit of the share changes by POOL."""
    cell, K, successes, trials = steps
    slope = results.rows["slope"][cell]
    width = POOL / np.where(slope > POOL, slope, 1)
    keys = np.stack([cell, np.floor(np.log(K) / width)], axis=1)
    places, place = np.unique(keys, axis=0, return_inverse=True)
    sums = [np.bincount(place, weights=values)
            for values in (successes, trials, trials * np.log(K))]
    return places[:, 0].astype(int), np.exp(sums[2] / sums[1]), sums[0], sums[1]


def share_label(rows):
    spins = counts_spins(rows)
    return "successes / (N trials)" if np.all(spins) else "successes / trials" + (
        ", of unstable_spins / (N trials)" if np.any(spins) else "")


def path_label(results, name):
    """An axis label for a column of /search_path."""
    notes = results.table_notes["search_path"]["columns"][name]
    head = re.split(r"; | \(", notes["doc"])[0]
    unit = "" if notes["unit"] == "1" or notes["unit"] in head else f" [{notes['unit']}]"
    return f"{name}: {head}{unit}"


def effective(rows):
    """What a trial counts for, as trials that share a pattern set tell less than their number."""
    effect = rows["design_effect"]
    return 1 / np.where(np.isfinite(effect), np.maximum(effect, 1), 1)


def share_interval(successes, trials):
    """Low and high ends of Jeffreys' interval; counts need not be whole."""
    tail = (1 - CONFIDENCE) / 2
    low = stats.beta.ppf(tail, successes + 0.5, trials - successes + 0.5)
    high = stats.beta.ppf(1 - tail, successes + 0.5, trials - successes + 0.5)
    return np.where(successes <= 0, 0, low), np.where(successes >= trials, 1, high)


def direction(row):
    """The sign of the share's slope in ln K."""
    return np.where(counts_spins(row), 1, -1)


def curve(row, K):
    """The share at K, by the logistic curve that the search fitted."""
    steepness = direction(row) * row["slope"]
    return special.expit(special.logit(row["level"]) + steepness * np.log(K / row["k_threshold"]))


def missing(results, used):
    """A sentence on the cells without a threshold to use, or none."""
    names = dimensions(results) or ["n", "N"]
    reasons = {}
    for row, complete in zip(results.rows[~used], results.complete[~used]):
        if not complete:
            reason = row["status"]
        elif row["outcome"] == "found":
            reason = "without an interval"
        else:
            reason = {"below": "below the smallest K", "above": "above max_K",
                      "budget": "budget spent"}.get(row["outcome"], row["outcome"])
        reasons.setdefault(reason, []).append(
            ", ".join(f"{name} = {row[name]:g}" if row[name].dtype.kind == "f"
                      else f"{name} = {row[name]}" for name in names))
    parts = [f"{shortened(cells)} ({reason})" for reason, cells in sorted(reasons.items())]
    return [f"No threshold to use for {'; '.join(parts)}."] if parts else []


def shortened(cells, at_most=4):
    more = len(cells) - at_most
    return "; ".join(cells[:at_most]) + (f" and {more} more cells" if more > 0 else "")
