"""The recovered share against K (or whatever is swept), with its interval and K_max."""
import re

import numpy as np

import canvas
from .sweep import fixed_parameters, has_mirrors, other_parameters, share


def recovery(results):
    x = swept(results)
    others = other_parameters(results, x)
    panel_by = paneled(results, x, others)
    series_by = [name for name in others if name not in panel_by]
    sheets = list(results.groups(panel_by))
    series = [key for key, _ in results.groups(series_by)]
    styles = canvas.styles(len(series))
    figure, panels = canvas.panels(len(sheets))
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            rows, complete = select(results, {**panel, **key}, x)
            if len(rows) > 0:
                draw_series(axes, rows, complete, x, color, marker)
                mark_k_max(axes, rows, x, color if len(series) > 1 else "0.3")
        canvas.cover_x(axes, results.rows[x][cells])
        axes.set_title(canvas.settings(panel))
        axes.set_ylim(-0.03, 1.03)
        canvas.use_log_x(axes, results.rows[x][cells])
        name_k_max(axes)
        canvas.axis_label(results.label(x), axes, "x")
    canvas.axis_label(f"recovered / trials: {results.meaning('recovered')}", panels[0], "y")
    canvas.finish(figure, results, fixed_parameters(results, x),
                  legend(results, panels, series, styles), notes(results))
    return figure


def swept(results):
    """The parameter with most values, K before others; load where that is what the study names."""
    numbers = [name for name in results.varying() if results.rows[name].dtype.kind in "if"
               and name not in ("load", "seed")]
    if "K" in numbers and re.search(r"^ *load:", results.resolved, re.MULTILINE):
        return "load"
    return max(numbers or ["K"], key=lambda name: (len(np.unique(results.rows[name])), name == "K"))


def paneled(results, x, others):
    """Parameters with panels of their own: n, where its K are of other sizes; and while there are
    more curves in a panel than colours, the one with fewest values."""
    names = ["n"] if "n" in others and ranges_differ(results, x) else []
    left = [name for name in others if name not in names]
    left.sort(key=lambda name: len(np.unique(results.rows[name])))
    while len(left) > 1 and len(list(results.groups(left))) > len(canvas.PALETTE):
        names.append(left.pop(0))
    return names


def ranges_differ(results, x):
    tops = [results.rows[x][cells].max() for _, cells in results.groups(["n"])]
    return max(tops) > 3 * min(tops)


def select(results, key, x):
    """The cells of one series, sorted along x, and which of them are complete."""
    mask = np.ones(len(results.rows), dtype=bool)
    for name, value in key.items():
        mask &= results.rows[name] == value
    order = np.argsort(results.rows[x][mask])
    return results.rows[mask][order], results.complete[mask][order]


def draw_series(axes, rows, complete, x, color, marker):
    y = share(rows["recovered"], rows["trials"])
    errors = np.clip([y - rows["recovered_low"], rows["recovered_high"] - y], 0, None)
    axes.plot(rows[x], y, color=color, linewidth=1)
    canvas.points(axes, rows[x], y, complete, color, marker, errors)
    mirrored = has_mirrors(rows)
    both = share(rows["recovered"] + rows["recovered_mirror"], rows["trials"])
    axes.plot(rows[x][mirrored], both[mirrored], "--", color=color, linewidth=1.2)


def mark_k_max(axes, rows, x, color):
    """A dotted line at K_max of this series, if within its range."""
    if x not in ("K", "load"):
        return
    k_max = rows["theory_k_max"][0] * rows[x][0] / rows["K"][0]
    if rows[x].min() <= k_max <= rows[x].max():
        axes.axvline(k_max, color=color, linestyle=":", linewidth=1.3, zorder=1, gid="k_max")


def k_max_lines(axes):
    return [line for line in axes.lines if line.get_gid() == "k_max"]


def name_k_max(axes):
    """Write the values of one or two of these lines on the upper edge."""
    values = np.unique([line.get_xdata()[0] for line in k_max_lines(axes)])
    low, high = axes.get_xlim()
    if len(values) == 0 or len(values) > 2 or np.any(np.diff(values) < 0.3 * (high - low)):
        return
    top = axes.secondary_xaxis("top")
    top.set_xticks(values, [f"$K_{{max}}$ = {shortest(value)}" for value in values], fontsize=8)
    top.minorticks_off()


def shortest(value):
    """Three digits, or all of a larger number's integer part: 10.9, 362, 7238."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def legend(results, panels, series, styles):
    entries = []
    if len(series) > 1:
        entries += [canvas.mark(color, marker, label=canvas.settings(key))
                    for key, (color, marker) in zip(series, styles)]
    color, marker = styles[0] if len(series) == 1 else ("0.3", "o")
    if len(series) == 1:
        entries.append(canvas.mark(color, marker, label="recovered, with its 95 % interval"))
    if has_mirrors(results.rows).any():
        entries.append(canvas.mark(color, line="--", label="recovered + recovered_mirror"))
    if any(k_max_lines(axes) for axes in panels):
        entries.append(canvas.mark("0.3", line=":", label=results.columns["theory_k_max"]["doc"]))
    return entries


def notes(results):
    lines = []
    if has_mirrors(results.rows).any():
        lines.append("Even powers have minima at the mirror images of the memories too: "
                     f"recovered_mirror, {results.meaning('recovered_mirror')}.")
    if (results.rows["interval_covers"] == "starts").any():
        lines.append("Intervals of cells with one pattern set cover its starts only.")
    return lines
