"""Histograms of the final state's largest overlap, one panel a cell (appendix of the paper). Seeds
are pooled: their counts add up."""
import numpy as np

import canvas
from results import ResultError
from .sweep import fixed_parameters, has_mirrors

PANELS_MAX = 24


def overlaps(results):
    varying = [name for name in results.varying() if name not in ("load", "seed")]
    counted = results.rows["trials"] > 0
    cells = [(key, mask & counted) for key, mask in results.groups(varying)
             if (mask & counted).any()]
    if not 0 < len(cells) <= PANELS_MAX:
        raise ResultError(f"a panel for each of {len(cells)} cells is too many or too few; the "
                          f"figure takes 1 to {PANELS_MAX}" if cells else "no trials in it yet")
    columns = len(np.unique(results.rows["n"]))
    full = len(cells) % columns == 0 and columns <= 6
    figure, panels = canvas.panels(len(cells), columns if full and columns > 1 else 4, height=2.5)
    for axes, (key, cell) in zip(panels, cells):
        draw_cell(axes, results, cell)
        axes.set_title(canvas.settings(key))
    share_axes(panels)
    label_edges(panels, results)
    notes = [f"overlap_histogram: {results.array_notes['overlap_histogram']['doc']}. Numbers: the "
             "share of the trials in the bin at N, that ended exactly in a stored memory."]
    if len(results.seeds) > 1:
        notes.append("Seeds are pooled.")
    if has_mirrors(results.rows).any():
        notes.append("Even powers have minima at the mirror images of the memories too; those "
                     "starts count at their overlap with the nearest memory.")
    canvas.finish(figure, results, fixed_parameters(results), notes=notes)
    return figure


def draw_cell(axes, results, cell):
    rows = results.rows[cell]
    N, trials, recovered, mirrored = rows["N"][0], *(
        rows[name].sum() for name in ("trials", "recovered", "recovered_mirror"))
    counts = results.arrays["overlap_histogram"][cell].sum(axis=0)[:N + 1]
    overlap = 2 * np.arange(N + 1) - N
    seen = counts > 0
    peak = overlap == N
    complete = results.complete[cell].all()
    for mask, color in ((seen & ~peak, canvas.PALETTE[0]), (seen & peak, canvas.PALETTE[1])):
        axes.bar(overlap[mask], counts[mask], width=2 if N > 20 else 1.6,
                 color=color if complete else "white", edgecolor=color,
                 linewidth=0.4 if complete else 1)
    words = f"{100 * recovered / trials:.4g} %"
    if has_mirrors(rows[0]):
        words += f"\nwith mirrors {100 * (recovered + mirrored) / trials:.4g} %"
    axes.annotate(words, (N, max(counts[-1], 4)), xytext=(-6, 0),
                  textcoords="offset points", ha="right", va="top" if counts[-1] > 30 else "bottom",
                  fontsize=9, color=canvas.PALETTE[1])
    axes.set_yscale("log")


def share_axes(panels):
    """One range for all, so that panels compare."""
    left = min(axes.get_xlim()[0] for axes in panels)
    right = max(axes.get_xlim()[1] for axes in panels)
    top = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(left, right)
        axes.set_ylim(0.7, top * 1.3)


def label_edges(panels, results):
    """x below the lowest row, y left of the first column."""
    notes = results.array_notes["overlap_histogram"]
    # "...: bin b counts max_mu h_mu = 2b - N"
    quantity = notes["doc"].rpartition("counts ")[2]
    for axes in panels:
        place = axes.get_subplotspec()
        if place.is_last_row():
            canvas.axis_label(quantity, axes, "x")
        if place.is_first_col():
            axes.set_ylabel(notes["unit"])
