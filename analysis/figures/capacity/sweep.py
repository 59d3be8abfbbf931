"""What a sweep varies, and which starts count."""
import numpy as np


def other_parameters(results, x):
    """The parameters that vary, besides the x axis. K and load name the same thing."""
    same = ("K", "load") if x in ("K", "load") else ("load",)
    return [name for name in results.varying() if name != x and name not in same]


def fixed_parameters(results, *drawn):
    """The parameters of the figure's title: one value, and not drawn otherwise."""
    fixed = results.fixed()
    if "K" in fixed and "K" not in drawn:
        drawn = (*drawn, "load")
    elif "load" in fixed and "load" not in drawn:
        drawn = (*drawn, "K")
    return {name: value for name, value in fixed.items() if name not in drawn}


def has_mirrors(rows):
    """Even powers have minima at the negatives of the memories too."""
    return (rows["energy"] == "power") & (rows["n"] % 2 == 0)


def share(counts, trials):
    """NaN where there are no trials yet."""
    return np.divide(counts, trials, out=np.full(len(trials), np.nan), where=trials > 0)
