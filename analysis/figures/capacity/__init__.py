"""Figures of the capacity simulations (Krotov & Hopfield 2016), one a module."""
import numpy as np

from .overlaps import overlaps
from .recovery import recovery
from .scaling import scaling
from .stability import stability

MANY_STARTS = 1000  # of one cell: enough for a histogram


def has_data(results):
    return results.rows["trials"] > 0


def choose(results):
    """What varies tells what is asked."""
    rows = results.rows
    if ((rows["start"] == "memory") & (rows["noise"] == 0)).all():
        return "stability"
    others = [name for name in results.varying() if name not in ("K", "load")]
    curves = [mask for _, mask in results.groups(others)]
    loads = np.median([mask.sum() for mask in curves])
    if loads <= 2 and np.median(rows["trials"][rows["trials"] > 0]) >= MANY_STARTS:
        return "overlaps"
    if loads >= 4 and len(np.unique(rows["N"])) >= 3 and (rows["start"] == "random").all():
        return "scaling"
    return "recovery"


FIGURES = {
    "recovery": recovery,
    "overlaps": overlaps,
    "stability": stability,
    "scaling": scaling,
}
