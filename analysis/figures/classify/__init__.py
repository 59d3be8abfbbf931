"""Figures of trained classifiers (Krotov & Hopfield 2016, section on MNIST), one a module."""
from . import trainings
from .curves import curves
from .memories import memories
from .trainings import has_data
from .window import window

MANY_CELLS = 12  # of a search: more tell of a window than their curves do


def choose(results):
    """Many points that images held out are to choose among are a window; other files are curves."""
    held_out = trainings.any_finite(results, "validation_errors").sum() >= MANY_CELLS
    return "window" if held_out and trainings.points(results) else "curves"


FIGURES = {
    "curves": curves,
    "window": window,
    "memories": memories,
}
