"""The share against K along the path of each search, with the fitted logistic and its crossing."""
import numpy as np

import canvas
from results import ResultError
from .search import (curve, dimensions, effective, head_panel, known, missing, of_group,
                     path_label, path_of, pooled, share_interval, share_label, shown, title)

PANELS_MAX = 40


def path(results):
    steps = pooled(results, path_of(results, np.ones(len(results.rows), dtype=bool)))
    tried = np.isin(np.arange(len(results.rows)), steps[0])
    if not tried.any():
        raise ResultError("no search has tried any K yet")
    panel_by, series_by = split(results)
    sheets = [sheet for sheet in results.groups(panel_by) if (sheet[1] & tried).any()]
    if len(sheets) > PANELS_MAX:
        raise ResultError(f"the search paths would take {len(sheets)} panels; the figure has room "
                          f"for {PANELS_MAX}")
    series = [key for key, cells in results.groups(series_by) if (cells & tried).any()]
    styles = canvas.styles(len(series))
    figure, panels = canvas.panels(len(sheets), height=4 if len(sheets) == 1 else 3.1)
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            for index in np.flatnonzero(cells & tried & of_group(results, key)):
                draw_shares(axes, results, index, steps, color, marker)
        label_panel(axes, results, panel, cells)
    canvas.axis_label(share_label(results.rows), panels[0], "y")
    canvas.finish(figure, results, title(results), legend(results, series, styles),
                  ["Points: trials at neighbouring K pooled. Bars: Jeffreys' 95 % intervals, a "
                   f"trial counting for 1 / design_effect. {path_label(results, 'successes')}.",
                   *missing(results, known(results))])
    return figure


def split(results):
    """The parameter with most values gives the curves of a panel, N before others."""
    names = dimensions(results)
    if not names:
        return [], []
    along = max(names, key=lambda name: (len(np.unique(results.rows[name])), name == "N"))
    return [name for name in names if name != along], [along]


def draw_shares(axes, results, index, steps, color, marker):
    """The shares of one cell, and the curve through its crossing where there is one."""
    cell, K, successes, trials = steps
    K, successes, trials = (values[cell == index] for values in (K, successes, trials))
    row, share = results.rows[index], successes / trials
    weight = effective(row)
    low, high = share_interval(successes * weight, trials * weight)
    canvas.points(axes, K, share, np.full(len(K), results.complete[index]), color, marker,
                  np.clip([share - low, high - share], 0, None))
    if not shown(results)[index] or not np.isfinite(row["slope"]):
        return
    line = np.geomspace(min(K.min(), row["k_low"]), max(K.max(), row["k_high"]), 200)
    axes.plot(line, curve(row, line), color=color, linewidth=1)
    axes.plot([row["k_low"], row["k_high"]], [row["level"]] * 2, color=color, linewidth=3,
              solid_capstyle="butt", zorder=4)
    axes.plot([row["k_threshold"]], [row["level"]], marker="|", color=color, markersize=13,
              markeredgewidth=1.6, zorder=4)


def label_panel(axes, results, panel, cells):
    rows = results.rows[cells]
    head_panel(axes, panel)
    axes.set_xscale("log")
    canvas.label_log(axes.xaxis)
    for level in np.unique(rows["level"]):
        axes.axhline(level, color="0.5", linestyle=":", linewidth=1, zorder=1)
    if np.all(rows["criterion"] == "unstable_spins"):
        axes.set_yscale("log")
    else:
        axes.set_ylim(-0.03, 1.03)
    canvas.axis_label(path_label(results, "K"), axes, "x")


def legend(results, series, styles):
    entries = [canvas.mark(color, marker, "", canvas.settings(key) or "share found")
               for key, (color, marker) in zip(series, styles)]
    if shown(results).any():
        entries += [canvas.mark("0.3", label="fitted logistic in ln K"),
                    canvas.mark("0.3", "|", label="k_threshold, with its 95 % interval")]
    return entries + [canvas.mark("0.5", line=":", label="level")]
