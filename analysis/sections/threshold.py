"""The number of memories at which a criterion crosses its level."""
import functools
import math

import numpy as np

import figures.threshold
import rounding
from figures.threshold.search import known, missing as without_threshold
import scaling
from . import Column, Interval, Measured, Quantity, Table

fits = functools.lru_cache(maxsize=1)(scaling.fits)  # asked for by several parts of a page

FITS_MAX = 4  # of which the outcome speaks one by one


def pictures(results):
    """The figure that suits the file, the search behind it, and the fits across sizes."""
    if not figures.threshold.has_data(results).any():
        return [None]
    names = [figures.threshold.choose(results), "path"]
    if any(fit.power is not None for fit in fits(results)):
        names.append("scaling")
    return list(dict.fromkeys(names))


# ---- what came out ----

def outcome(results):
    rows = results.rows[known(results)]
    yield f"{len(rows)} of {len(results.rows)} cells have a threshold with its interval."
    if len(rows) == 0:
        return
    ratio = rows["ratio"][np.isfinite(rows["ratio"])]
    if len(ratio) > 0:
        yield f"k_threshold / theory_k is {spread(ratio, '.3g')} ({len(ratio)} cells)."
    half = (rows["k_high"] - rows["k_low"]) / 2 / rows["k_threshold"]
    yield f"Half of the 95 % interval is {spread(100 * half, '.2g')} % of the threshold."
    fitted = [fit for fit in fits(results) if fit.power is not None]
    if len(fitted) <= FITS_MAX:
        for fit in fitted:
            yield f"{fit.name}: {fit.sentences[0]}" if fit.name else fit.sentences[0]


def spread(values, digits):
    low, high = (format(value, digits) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def missing(results):
    return without_threshold(results, known(results))


# ---- tables ----

def intervals(results):
    rows, notes = results.rows, results.columns["k_threshold"]
    names = ("k_threshold", "k_low", "k_high")
    return [Interval("k_threshold", notes["unit"], f"{notes['doc']}, with its 95 % interval",
                     *(rows[name] for name in names), names)]


def tables(results):
    """Those of the fits: as numbers, and what they come to."""
    fitted = [fit for fit in fits(results) if fit.power is not None]
    if not fitted:
        return []
    header, rows = scaling.table(fitted)
    columns = [Column(name.replace(" - ", "\N{NO-BREAK SPACE}\N{MINUS SIGN}\N{NO-BREAK SPACE}"),
                      [cell if cell != "-" else rounding.NONE for cell in cells],
                      doc=FIT_COLUMNS.get(name, ""), numeric=False)
               for name, cells in zip(header, zip(*rows))]
    words = [f"{fit.name}: {' '.join(fit.sentences)}" if fit.name else " ".join(fit.sentences)
             for fit in fitted]
    return [Table("Fits across sizes", columns, notes=words, cards=True)]


FIT_COLUMNS = {
    "group": "cells that differ in N alone",
    "sizes": "different N with a threshold",
    "b": "exponent of K = A N^b, with its 95 % interval",
    "n - 1": "the theory's exponent, but for ln N",
    "theory b": "the theory's own slope over these sizes",
    "A": "coefficient of K = A N^b",
    "law": "K = alpha times this",
    "alpha": "its coefficient, with its 95 % interval",
    "theory alpha": "the theory's, for large N",
    "w": "exponent of the data collapse, against (ln K - ln K_c) N^w",
}


# ---- known values ----

def threshold(results, cells):
    row = results.rows[cells][0]
    if not math.isfinite(row["k_threshold"]):
        return None
    return Measured(*(float(row[name]) for name in ("k_threshold", "k_low", "k_high")))


# These follow from the quantity, or make no difference to it.
SETTLED = ("criterion", "level", "start", "noise", "mirrors")
QUANTITIES = {"K_1/2": Quantity(threshold, SETTLED), "K_max": Quantity(threshold, SETTLED)}
