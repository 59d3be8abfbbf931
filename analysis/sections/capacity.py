"""Recovery from random starts, and the stability of stored memories."""
import math

import numpy as np

import figures.capacity
import rounding
from figures.capacity.scaling import half_capacity, successes
from figures.capacity.stability import different_spins
from figures.capacity.sweep import has_mirrors, other_parameters, share
from . import Column, Interval, Measured, NORMAL, Quantity, Table, settings

SERIES_MAX = 8   # of which the outcome speaks one by one
CURVE = ("K", "load")


def pictures(results):
    """The figure that suits the file, and the curves below the points of a scaling."""
    if not figures.capacity.has_data(results).any():
        return [None]
    name = figures.capacity.choose(results)
    return [name, "recovery"] if name == "scaling" else [name]


def outcome(results):
    if not figures.capacity.has_data(results).any():
        return []
    told = {"stability": stable, "overlaps": ended}.get(figures.capacity.choose(results), crossed)
    return told(results)


# ---- recovery against K ----

def curves(results):
    """The cells of each curve against K, and what tells it from the others."""
    started = results.rows["trials"] > 0
    for _, cells in results.groups(other_parameters(results, "K")):
        if (cells & started).any():
            yield settings(results, cells, CURVE), cells & started


def half(results, cells):
    """K_1/2 of one curve, as Measured, or None where it does not cross one half."""
    rows = results.rows[cells & (results.rows["trials"] > 0)]
    if len(rows) == 0 or (rows["start"] != "random").any():
        return None
    found = half_capacity(rows["K"], successes(rows), rows["trials"])
    if found is None:
        return None
    notes = []
    if has_mirrors(rows).any():
        notes.append("mirror images counted")
    if (rows["interval_covers"] == "starts").any():
        notes.append("one pattern set a cell")
    if not results.complete[cells].all():
        notes.append("from unfinished cells")
    return Measured(*map(float, found), "; ".join(notes))


def crossed(results):
    found = [(words, results.rows[cells], half(results, cells))
             for words, cells in curves(results)]
    if len(found) > SERIES_MAX:
        ratios = [crossing.value / rows["theory_k_max"][0] for _, rows, crossing in found
                  if crossing is not None]
        text = f"{len(ratios)} of {len(found)} curves cross one half inside the swept K"
        yield text + (f"; K_1/2 / K_max is {min(ratios):.2g} to {max(ratios):.2g}." if ratios
                      else ".")
        return
    for words, rows, crossing in found:
        shares = [f"{value:.2g}" for value in share(successes(rows), rows["trials"])]
        mirrors = " (mirror images counted)" if has_mirrors(rows).any() else ""
        low, high = np.argmin(rows["K"]), np.argmax(rows["K"])
        K = [rounding.number(value) for value in rows["K"]]
        text = f"{words}: the" if words else "The"
        text += f" recovered share{mirrors} "
        text += (f"goes from {shares[low]} at K = {K[low]} to {shares[high]} at K = {K[high]}"
                 if len(rows) > 1 else f"is {shares[0]} at K = {K[0]}")
        if crossing is not None:
            text += f"; K_1/2 = {rounding.interval(crossing.value, crossing.low, crossing.high)}"
        yield text + k_max_words(rows) + "."


def k_max_words(rows):
    k_max = rows["theory_k_max"][0]
    return f", K_max = {rounding.number(k_max)}" if math.isfinite(k_max) else ""


def ended(results):
    """Of many starts in few cells: where they ended."""
    for _, cells in list(results.groups(results.varying()))[:SERIES_MAX]:
        rows = results.rows[cells & (results.rows["trials"] > 0)]
        if len(rows) == 0:
            continue
        words = settings(results, cells, ("load",))
        text = f"{words}: " if words else ""
        text += f"{100 * rows['recovered'].sum() / rows['trials'].sum():.4g} % recovered"
        if has_mirrors(rows).any():
            both = (rows["recovered"] + rows["recovered_mirror"]).sum()
            text += f", {100 * both / rows['trials'].sum():.4g} % with mirror images"
        yield text + "."


# ---- stability ----

def deviations(results):
    """Cells with starts from memories: their shares of unstable spins, and the distance from the
    exact P_error in standard errors, the different spins tested taken as independent."""
    rows, exact = results.rows, results.rows["theory_p_error_exact"]
    cells = (rows["start"] == "memory") & (rows["trials"] > 0) & (exact > 0) & (exact < 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # of the other cells
        error = np.sqrt(exact * (1 - exact) / different_spins(results))
        return cells, (rows["unstable_spins"] - exact) / error


def stable(results):
    cells, distance = deviations(results)
    if not cells.any():
        return
    near = np.abs(distance[cells]) <= NORMAL
    yield (f"The share of unstable spins is within 1.96 standard errors of the exact P_error in "
           f"{near.sum()} of {cells.sum()} cells; 95 % would be, were the spins tested "
           f"independent. The largest distance is {np.abs(distance[cells]).max():.1f}.")


# ---- tables ----

def intervals(results):
    rows = results.rows
    value = share(rows["recovered"], rows["trials"])
    doc = "recovered / trials, with its 95 % interval: between pattern sets, or of one set's starts"
    return [Interval("recovered share", "1", doc, value, rows["recovered_low"],
                     rows["recovered_high"], ("recovered_low", "recovered_high"))]


def tables(results):
    made = []
    if (results.rows["start"] == "memory").any():
        made += stability_table(results)
    if (results.rows["start"] == "random").any():
        made += half_table(results)
    return made


def half_table(results):
    found = [(words, half(results, cells), results.rows["theory_k_max"][cells][0])
             for words, cells in curves(results)]
    found = [one for one in found if one[1] is not None]
    if not found:
        return []
    words, halves, k_max = zip(*found)
    notes = ["K_1/2: logistic fit in ln K near the crossing; its interval is from the scatter "
             "about the fit."]
    return [Table("Half capacity", [
        Column("where", [text or "all cells" for text in words], numeric=False),
        Column("K_1/2", [rounding.interval(one.value, one.low, one.high) for one in halves],
               "memories", "memories at which half of the starts are recovered, with its 95 % "
               "interval"),
        Column("theory_k_max", [rounding.number(value) for value in k_max],
               *(results.columns["theory_k_max"][key] for key in ("unit", "doc"))),
        Column("K_1/2 / K_max", [rounding.interval(*np.array([one.value, one.low, one.high])
                                                   / value) for one, value in zip(halves, k_max)],
               "1", "the ratio of the two"),
        Column("remark", [one.note or rounding.NONE for one in halves], numeric=False)],
        notes=notes)]


def stability_table(results):
    cells, distance = deviations(results)
    if not cells.any():
        return []
    rows, at = results.rows, np.flatnonzero(cells)
    notes = ["Standard errors take the different spins tested as independent."]
    note = {key: results.columns[f"theory_p_error_{key}"] for key in ("exact", "gaussian")}
    return [Table("Unstable spins beside theory", [
        Column("where", [settings(results, np.arange(len(rows)) == cell, ("load",))
                         for cell in at], numeric=False),
        Column("unstable_spins", [rounding.number(rows["unstable_spins"][cell]) for cell in at],
               "1", results.columns["unstable_spins"]["doc"]),
        Column("exact", [rounding.number(rows["theory_p_error_exact"][cell]) for cell in at], "1",
               note["exact"]["doc"]),
        Column("standard errors", [rounding.signed(distance[cell]) for cell in at], "1",
               "(counted - exact) in standard errors of the exact value"),
        Column("Gaussian", [rounding.number(rows["theory_p_error_gaussian"][cell]) for cell in at],
               "1", note["gaussian"]["doc"])], notes=notes)]


# ---- known values ----

def recovered_share(results, cells):
    return pooled(results, cells, lambda row: row["recovered"], bounded=True)


def share_with_mirrors(results, cells):
    return pooled(results, cells, lambda row: row["recovered"] + row["recovered_mirror"])


def pooled(results, cells, count, bounded=False):
    rows = results.rows[cells & (results.rows["trials"] > 0)]
    if len(rows) == 0:
        return None
    row = rows[0]
    note = "one pattern set" if row["interval_covers"] == "starts" else ""
    ends = (row["recovered_low"], row["recovered_high"]) if bounded else (math.nan, math.nan)
    return Measured(float(count(row) / row["trials"]), *map(float, ends), note)


def k_max(results, cells):
    value = results.rows["theory_k_max"][cells][0]
    return Measured(float(value), note="theory") if math.isfinite(value) else None


QUANTITIES = {
    "K_max": Quantity(k_max, tuple("K load start noise order max_sweeps seed".split())),
    "K_1/2": Quantity(half, CURVE),
    "recovered share": Quantity(recovered_share, ("load",)),
    "recovered share, mirrors counted": Quantity(share_with_mirrors, ("load",)),
}
