"""Figures of the threshold searches, one a module; fits across sizes are in fits.py."""
import numpy as np

from .path import path
from .scaling import scaling
from .search import shown
from .versus import versus


def has_data(results):
    return results.rows["trials"] > 0


def choose(results):
    """What varies tells what is asked: the size first, then the basins, then the power."""
    there = shown(results)
    for figure, x in (("sizes", "N"), ("noise", "noise"), ("powers", "n")):
        if len(np.unique(results.rows[x][there])) > 1:
            return figure
    return "path"


FIGURES = {
    "sizes": versus("N"),
    "noise": versus("noise"),
    "powers": versus("n"),
    "path": path,
    "scaling": scaling,
}
