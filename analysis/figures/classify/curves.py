"""Errors against epochs: a curve for each setting, with the band of its trainings, and the epochs
at which they get below a level."""
import warnings

import numpy as np
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

import canvas
from results import ResultError
from . import trainings

KINDS = {"test_errors": "test", "validation_errors": "validation", "train_errors": "train"}
PANELS_MAX = 6    # rows of panels
LEGEND_MAX = 14   # entries; of more curves every other is named, or fewer
FEW = 12          # epochs: with so few each has its mark
MANY = 200        # epochs: so many are on a logarithmic axis
ROOM = 1.15       # factor between the curves and the edges
CROWD = 40        # trainings of a curve: of more the band leaves out the ends
TAIL = 0.1        # and this share at each
STEP = 5          # points between the bars of one series and the next


def curves(results):
    kinds = [name for name in KINDS if trainings.any_finite(results, name).any()]
    panel_by, series_by, pooled = split(results)
    sheets = list(results.groups(panel_by))
    series = [key for key, _ in results.groups(series_by)]
    styles = canvas.styles(len(series))
    level = trainings.level(results)
    figure, panels = canvas.panels(len(sheets) * len(kinds), len(kinds),
                                   width=4.6 if len(kinds) < 3 else None,
                                   height=3.8 if len(sheets) == 1 else 3.0)
    grid = np.array(panels).reshape(len(sheets), len(kinds))
    for row, (panel, cells) in zip(grid, sheets):
        for axes, name in zip(row, kinds):
            for place, (key, style) in enumerate(zip(series, styles)):
                runs = trainings.errors(results, name, cells & of(results, key))
                if len(runs) > 0:
                    draw_series(axes, runs, *style)
                    if name != "train_errors":
                        mark_first(axes, runs, level, style[0], place, len(series))
            axes.set_title(", ".join(filter(None, [f"{KINDS[name]} error",
                                                   canvas.settings(panel)])))
    train = np.array([name == "train_errors" for name in kinds])
    for columns in (train, ~train):
        if columns.any():
            scale(grid[:, columns].ravel())
    if np.isfinite(level):
        for axes in grid[:, ~train].ravel():
            draw_level(axes, level)
    for axes in grid[-1]:
        canvas.axis_label("epoch", axes, "x")
    for axes in grid[:, 0]:
        canvas.axis_label(f"error [{results.array_notes[kinds[0]]['unit']}]", axes, "y")
    canvas.finish(figure, results, trainings.fixed(results),
                  legend(results, series, styles, level),
                  notes(results, [*panel_by, *series_by], pooled, level), hollow=False)
    return figure


def split(results):
    """Parameters of the panels, of the series in a panel, and those over which cells are pooled.

    The points of a window are pooled. Of what else varies, n has panels of its own where there are
    more curves than colours; if that does not do, what has most values is pooled.
    """
    pooled = trainings.points(results)
    names = [name for name in trainings.dimensions(results) if name not in pooled]
    if pooled and "n" in results.varying() and "n" not in names:
        names.append("n")
    panel_by = [name for name in names if name == "dataset"]
    series_by = [name for name in names if name not in panel_by]
    while len(series_by) > 1 and count(results, series_by) > len(canvas.PALETTE):
        rest = [name for name in series_by if name != "n"]
        if ("n" in series_by and count(results, rest) <= len(canvas.PALETTE)
                and count(results, [*panel_by, "n"]) <= PANELS_MAX):
            panel_by.append("n")
            series_by = rest
        else:
            most = max(rest, key=lambda name: count(results, [name]))
            series_by.remove(most)
            pooled = [*pooled, most]
    if count(results, panel_by) > PANELS_MAX:
        raise ResultError(f"the error curves would take {count(results, panel_by)} rows of panels; "
                          f"the figure has room for {PANELS_MAX}")
    return panel_by, series_by, pooled


def count(results, names):
    return len(np.unique(results.rows[list(names)])) if names else 1


def of(results, key):
    """bool [cell]: the cells with these values, {parameter: value}."""
    mask = np.ones(len(results.rows), dtype=bool)
    for name, value in key.items():
        mask &= results.rows[name] == value
    return mask


def draw_series(axes, runs, color, marker):
    """The median of the trainings [training][epoch], and their band."""
    epochs = np.arange(1, runs.shape[1] + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # epochs that none has reached
        tail = TAIL if len(runs) > CROWD else 0
        low, middle, high = np.nanquantile(runs, [tail, 0.5, 1 - tail], axis=0)
    there = np.isfinite(middle)
    if len(runs) > 1:
        axes.fill_between(epochs[there], low[there], high[there], color=color, alpha=0.2,
                          linewidth=0, gid="band")
    axes.plot(epochs[there], middle[there], color=color, linewidth=1.2, gid="median",
              marker=marker if len(epochs) <= FEW else "")


def mark_first(axes, runs, level, color, place, count):
    """A bar where each training gets below the level; those of the series stand one below the
    other."""
    below = runs < level
    first = below.argmax(axis=1)[below.any(axis=1)] + 1
    if len(first) == 0:
        return
    points = STEP * ((count - 1) / 2 - place) if count <= len(canvas.PALETTE) else 0
    moved = axes.transData + ScaledTranslation(0, points / 72, axes.figure.dpi_scale_trans)
    axes.plot(first, np.full(len(first), level), "|", color=color, markersize=STEP,
              markeredgewidth=1, zorder=4, gid="first", transform=moved)


def scale(panels):
    """Logarithmic axes over one range, that of the panels' errors; an error of 0 is below it."""
    drawn = [part for axes in panels for part in (*axes.lines, *axes.collections)
             if part.get_gid() in ("median", "band")]
    values = np.concatenate([part.get_ydata() if part.get_gid() == "median"
                             else part.get_paths()[0].vertices[:, 1] for part in drawn] or [[]])
    positive = values[values > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (1, 100)
    for axes in panels:
        if axes.dataLim.x1 >= MANY:
            axes.set_xscale("log")
            axes.set_xlim(1, axes.dataLim.x1)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        else:
            axes.set_xlim(min(axes.get_xlim()[0], 0.5), max(axes.get_xlim()[1], 1.5))
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_yscale("log")
        axes.set_ylim(low / ROOM, high * ROOM)
        label_per_cent(axes.yaxis)


def draw_level(axes, level):
    axes.axhline(level, color="0.4", linestyle=":", linewidth=1, zorder=1)
    axes.annotate(f"{level:g} %", (0, level), xycoords=("axes fraction", "data"), xytext=(3, 1.5),
                  textcoords="offset points", ha="left", va="bottom", fontsize=7, color="0.3")


def label_per_cent(axis):
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    subs = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if decades < 0.8 else
            (1, 1.5, 2, 3, 5, 7) if decades < 1.3 else (1, 2, 5) if decades < 3 else (1,))
    axis.set_major_locator(canvas.LogLocator(subs=subs))
    axis.set_major_formatter(lambda value, _: f"{value:.4g}")
    axis.set_minor_formatter(canvas.NullFormatter())


# ---- words ----

def legend(results, series, styles, level):
    step = -(-len(series) // LEGEND_MAX)
    entries = []
    for key, (color, marker) in list(zip(series, styles))[::step]:
        words = crossing_words(results, of(results, key), level)
        label = ": ".join(filter(None, [canvas.settings(key), words]))
        if label:
            entries.append(canvas.mark(color, label=label))
    return entries


def crossing_words(results, cells, level):
    """ "test error first under 2 % at epoch 179 to 312": later ones may be above it again"""
    first = trainings.first_below(results, level)[cells]
    first = first[np.isfinite(first)]
    if len(first) == 0:
        return "no training yet"
    if not np.isfinite(level):
        return ""
    if not (first > 0).any():
        return f"none under {level:g} %"
    reached = first[first > 0]
    ends = [f"{value:.0f}" for value in (reached.min(), reached.max())]
    span = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    counted = f" ({len(reached)} of {len(first)} trainings)" if len(first) > 1 else ""
    return f"test error first under {level:g} % at epoch {span}{counted}"


def notes(results, told, pooled, level):
    lines = []
    cells = [mask for _, mask in results.groups(told)]
    most = max(len(trainings.errors(results, "train_errors", mask)) for mask in cells)
    if most > 1:
        lines.append("Lines: medians over the trainings; bands: from the lowest error of any to "
                     "the highest" + (f", or of more than {CROWD} trainings those between the "
                                      f"lowest and the highest {100 * TAIL:g} %."
                                      if most > CROWD else "."))
    if pooled and max(mask.sum() for mask in cells) > 1:
        lines.append(f"Cells that differ in {', '.join(pooled)} go together.")
    elif pooled:
        lines.append(f"Each curve has its own {', '.join(pooled)}.")
    if np.isfinite(level):
        lines.append(f"Bars by the dotted line: each training's first epoch under {level:g} %.")
    return lines
