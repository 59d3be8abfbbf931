"""The threshold against N, noise or n, with its interval and the theory's line."""
import numpy as np

import canvas
from results import ResultError
from .search import dimensions, head_panel, missing, of_group, shown, title

DECADE = 10  # thresholds that differ by more are drawn on a logarithmic axis


def versus(x):
    """The figure that has this parameter as its axis."""
    return lambda results: draw(results, x)


def draw(results, x):
    there = shown(results)
    if not there.any():
        raise ResultError("no threshold found yet, so there is none to draw; try --figure path")
    panel_by, series_by = split(results, dimensions(results, x))
    sheets = list(results.groups(panel_by))
    series = [key for key, cells in results.groups(series_by) if (cells & there).any()]
    styles = canvas.styles(len(series))
    figure, panels = canvas.panels(len(sheets), height=4 if len(sheets) == 1 else 3.1)
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            draw_series(axes, results, cells & of_group(results, key), there, x, color, marker)
        head_panel(axes, panel)
        label_panel(axes, results, cells, x)
    canvas.axis_label(results.label("k_threshold"), panels[0], "y")
    canvas.finish(figure, results, title(results, x), legend(results, series, styles),
                  ["Bars: 95 % intervals.", *missing(results, there)])
    return figure


def split(results, others):
    """Panels and series: criteria mean different things, and now and then there are more curves
    than colours."""
    panel_by = [name for name in others if name == "criterion"]
    series_by = [name for name in others if name not in panel_by]
    series_by.sort(key=lambda name: len(np.unique(results.rows[name])))
    while len(series_by) > 1 and len(list(results.groups(series_by))) > len(canvas.PALETTE):
        panel_by.append(series_by.pop(0))
    return panel_by, [name for name in others if name in series_by]


def draw_series(axes, results, mask, there, x, color, marker):
    order = np.flatnonzero(mask)[np.argsort(results.rows[x][mask], kind="stable")]
    rows, found, complete = results.rows[order], there[order], results.complete[order]
    theory = np.isfinite(rows["theory_k"])
    axes.plot(rows[x][theory], rows["theory_k"][theory], ":", color=color, gid="theory",
              marker="_" if theory.sum() == 1 else "", markersize=14)
    axes.plot(rows[x][found], rows["k_threshold"][found], color=color, linewidth=1)
    K = np.where(found, rows["k_threshold"], np.nan)
    canvas.points(axes, rows[x], K, complete, color, marker,
                  np.array([K - rows["k_low"], rows["k_high"] - K]))


def label_panel(axes, results, cells, x):
    values = np.unique(results.rows[x][cells])
    if x == "N" and len(values) > 1:
        axes.set_xscale("log")
    if x in ("N", "n"):
        ticks = values if len(values) <= 8 else values[:: -(-len(values) // 8)]
        axes.set_xticks(ticks, [str(value) for value in ticks])
        axes.minorticks_off()
    low, high = axes.dataLim.intervaly
    if x == "N" or high > DECADE * low > 0:
        axes.set_yscale("log")
        canvas.label_log(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    canvas.axis_label(results.label(x), axes, "x")


def legend(results, series, styles):
    color, marker = styles[0]
    entries = [canvas.mark(color, marker, label=results.meaning("k_threshold"))]
    if len(series) > 1:
        entries = [canvas.mark(color, marker, label=canvas.settings(key))
                   for key, (color, marker) in zip(series, styles)]
    if np.isfinite(results.rows["theory_k"]).any():
        entries.append(canvas.mark(color if len(series) == 1 else "0.3", line=":",
                                   label=f"theory_k: {results.meaning('theory_k')}"))
    return entries
