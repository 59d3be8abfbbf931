"""One module here for each kind of experiment, of the kind's name, found by that name.

A module has

    FIGURES             {name: function(results) -> matplotlib figure}, the usual one first
    has_data(results)   bool [cell]: there is something to draw; a figure is asked for if any
    choose(results)     optional: the name of the figure that suits what varies in this file

A function that cannot draw a file raises ResultError, which says why.
"""
import importlib
import pkgutil

from results import ResultError


def kinds():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def draw(results, name=None):
    """The figure of that name, or the one that suits the results."""
    if results.kind not in kinds():
        raise ResultError(f"no figure for kind {results.kind}; there are figures for "
                          f"{', '.join(kinds())}")
    module = importlib.import_module(f"{__name__}.{results.kind}")
    if not module.has_data(results).any():
        if results.complete.all():
            raise ResultError("nothing to draw: no cell has a value for it")
        raise ResultError(f"nothing to draw yet: {results.complete.sum()} of {len(results.rows)} "
                          "cells complete; start the same run again to go on")
    if name is None:
        name = module.choose(results) if hasattr(module, "choose") else next(iter(module.FIGURES))
    if name not in module.FIGURES:
        raise ResultError(f"kind {results.kind} has no figure {name}; it has "
                          f"{', '.join(module.FIGURES)}")
    return module.FIGURES[name](results)
