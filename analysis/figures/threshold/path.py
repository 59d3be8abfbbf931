"""The share against K along the path of each search, with the fitted logistic and its crossing."""
import numpy as np

import canvas
from results import ResultError
from .search import (curve, dimensions, effective, known, missing, of_group, path_of,
                     share_interval, shown, title)

PANELS_MAX = 24


def path(results):
    cell, K, successes, trials = path_of(results, np.ones(len(results.rows), dtype=bool))
    if len(cell) == 0:
        raise ResultError("no search has tried any K yet")
    panel_by, series_by = split(results)
    sheets = list(results.groups(panel_by))
    if len(sheets) > PANELS_MAX:
        raise ResultError(f"the search paths take {len(sheets)} panels, more than {PANELS_MAX}")
    tried = np.isin(np.arange(len(results.rows)), cell)
    series = [key for key, cells in results.groups(series_by) if (cells & tried).any()]
    styles = canvas.styles(len(series))
    figure, panels = canvas.panels(len(sheets), height=4 if len(sheets) == 1 else 3.1)
    weight = effective(results.rows)[cell]
    low, high = share_interval(successes * weight, trials * weight)
    share = successes / trials
    errors = np.array([share - low, high - share]).clip(0)
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            for index in np.flatnonzero(cells & tried & of_group(results, key)):
                here = cell == index
                complete = np.full(here.sum(), results.complete[index])
                canvas.points(axes, K[here], share[here], complete, color, marker, errors[:, here])
                draw_curve(axes, results, index, K[here], color)
        label_panel(axes, results, panel, cells)
    canvas.axis_label("successes / trials", panels[0], "y")
    canvas.finish(figure, results, title(results), legend(series, styles), notes(results))
    return figure


def split(results):
    """The parameter with most values gives the curves of a panel, N before others."""
    names = dimensions(results)
    if not names:
        return [], []
    along = max(names, key=lambda name: (len(np.unique(results.rows[name])), name == "N"))
    return [name for name in names if name != along], [along]


def draw_curve(axes, results, index, K, color):
    row = results.rows[index]
    if not shown(results)[index] or not np.isfinite(row["slope"]):
        return
    line = np.geomspace(min(K.min(), row["k_low"]), max(K.max(), row["k_high"]), 200)
    axes.plot(line, curve(row, line), color=color, linewidth=1)
    # The crossing, and how well it is known.
    axes.plot([row["k_low"], row["k_high"]], [row["level"]] * 2, color="black", linewidth=2.2,
              solid_capstyle="butt", zorder=4)
    axes.plot([row["k_threshold"]], [row["level"]], marker="|", color="black", markersize=9,
              zorder=4)


def label_panel(axes, results, panel, cells):
    rows = results.rows[cells]
    axes.set_title(canvas.settings(panel))
    axes.set_xscale("log")
    canvas.label_log(axes.xaxis)
    for level in np.unique(rows["level"]):
        axes.axhline(level, color="0.5", linestyle=":", linewidth=1, zorder=1)
    if np.all(rows["criterion"] == "unstable_spins"):
        axes.set_yscale("log")
    else:
        axes.set_ylim(-0.03, 1.03)
    canvas.axis_label(f"K [{results.columns['k_threshold']['unit']}]", axes, "x")


def legend(series, styles):
    entries = [canvas.mark(color, marker, label=canvas.settings(key) or "share of the trials")
               for key, (color, marker) in zip(series, styles)]
    return entries + [canvas.mark("0.3", label="fitted logistic in ln K"),
                      canvas.mark("black", "|", label="k_threshold, with its 95 % interval"),
                      canvas.mark("0.5", line=":", label="level")]


def notes(results):
    return ["Bars: Jeffreys' 95 % intervals; a trial counts for 1 / design_effect.",
            *missing(results, known(results))]
