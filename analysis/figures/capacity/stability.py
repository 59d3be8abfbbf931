"""The share of a stored memory's spins that the update would flip, against theory."""
import re

import numpy as np

import canvas
from results import ResultError
from .sweep import fixed_parameters, other_parameters

THEORIES = {"theory_p_error_exact": "-", "theory_p_error_gaussian": "--"}


def stability(results):
    stored = results.rows["start"] == "memory"
    if not (stored & (results.rows["trials"] > 0)).any():
        raise ResultError("no finished cell with start = memory, which this figure needs")
    # Starts from noisy memories are tested intact too: noise makes no difference here.
    x = "load" if len(np.unique(results.rows["N"])) > 1 else "K"
    others = [name for name in other_parameters(results, x) if name not in ("start", "noise")]
    panel_by = [name for name in ("n",) if name in others]
    series_by = [name for name in others if name not in panel_by]
    sheets = list(results.groups(panel_by))
    series = [key for key, _ in results.groups(series_by)]
    styles = canvas.styles(len(series))
    spins = different_spins(results)
    figure, panels = canvas.panels(len(sheets))
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            mask = stored & cells
            for name, value in key.items():
                mask &= results.rows[name] == value
            draw_series(axes, results.rows[mask], results.complete[mask], spins[mask], x, color,
                        marker)
        axes.set_title(canvas.settings(panel))
        axes.set_yscale("log")
        axes.set_ylim(limits(results.rows[stored & cells], spins[stored & cells]))
        canvas.use_log_x(axes, results.rows[x][stored & cells])
        canvas.axis_label(results.label(x), axes, "x")
    canvas.axis_label(results.label("unstable_spins"), panels[0], "y")
    canvas.finish(figure, results, fixed_parameters(results, x),
                  legend(results, series, styles), notes(results))
    return figure


def different_spins(results):
    """How many different spins were tested in each cell: several starts of a set may have drawn
    the same memory, and then tell the same. Where blocks of the study differ in `starts`, the
    largest bounds it from below."""
    rows = results.rows
    starts = max(int(value) for value in re.findall(r"\bstarts: (\d+)", results.resolved))
    memories = rows["K"] * (1 - (1 - 1 / rows["K"]) ** starts)
    return rows["trials"] / starts * np.minimum(memories, starts) * rows["N"]


def limits(rows, spins):
    """From below what could be counted, though theory goes on, to above all shares."""
    shares = np.fmax(rows["unstable_spins"], rows["theory_p_error_gaussian"])
    resolved = np.fmax(rows["unstable_spins"], 1 / np.maximum(spins, 1))[rows["trials"] > 0]
    return 0.1 * np.min(resolved, initial=0.1), min(1, 2 * np.max(shares))


def draw_series(axes, rows, complete, spins, x, color, marker):
    order = np.argsort(rows[x])
    rows, complete, spins = rows[order], complete[order], spins[order]
    for column, line in THEORIES.items():
        known = rows[column] > 0  # not NaN, and on a logarithmic axis
        axes.plot(rows[x][known], rows[column][known], line, color=color, linewidth=1.1)
    measured = rows["unstable_spins"]
    seen, unseen = measured > 0, measured == 0  # neither: NaN, no trials yet
    # Two standard errors, the spins taken as independent.
    errors = 2 * np.sqrt(measured * (1 - measured) / spins)
    errors = np.array([np.minimum(errors, 0.9 * measured), errors])
    canvas.points(axes, rows[x][seen], measured[seen], complete[seen], color, marker,
                  errors[:, seen])
    # None seen: the rule of three bounds the share.
    axes.plot(rows[x][unseen], 3 / spins[unseen], linestyle="none", marker=r"$\downarrow$",
              markersize=9, color=color, zorder=4)


def legend(results, series, styles):
    entries = [canvas.mark(color, marker, "", canvas.settings(key) or "measured")
               for key, (color, marker) in zip(series, styles)]
    entries += [canvas.mark("0.3", line=line, label=results.meaning(column))
                for column, line in THEORIES.items()]
    return entries


def notes(results):
    lines = ["Bars: two standard errors, the different spins tested taken as independent."]
    if (results.rows["unstable_spins"] == 0).any():
        lines.append("Arrows: no unstable spin was seen; 95 % of the probability lies below.")
    return lines
