"""The window of hyperparameters: a line for each cell across an axis for each parameter that
varies, the lower its error the darker and the more on top."""
import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

import canvas
from results import ResultError
from . import trainings

PANELS_MAX = 6
AXES_MAX = 12
WORDS_MAX = 6       # values of an axis that are named one by one
WIDE = 4            # times the lowest error: above, all errors have one colour
BEST = 5            # cells of a panel that are drawn stronger
COLORS = matplotlib.colormaps["viridis"]


def window(results):
    column = error_column(results)
    panel_by = panels_of(results)
    names = [name for name in results.varying()
             if name not in (*panel_by, *trainings.SILENT)]
    if not names:
        raise ResultError("no parameter varies, so there is no window to draw; try --figure curves")
    if len(names) > AXES_MAX:
        raise ResultError(f"{len(names)} parameters vary; the figure has room for {AXES_MAX}")
    error = np.where(results.rows[column] > 0, results.rows[column], np.nan)
    sheets = [sheet for sheet in results.groups(panel_by) if np.isfinite(error[sheet[1]]).any()]
    lowest = np.nanmin(error)
    norm = LogNorm(lowest, max(min(np.nanmax(error), WIDE * lowest), 1.05 * lowest))
    figure, panels = canvas.panels(len(sheets), 1, width=max(7.0, 1.25 * (len(names) + 1)),
                                   height=3.1)
    last = Axis(results, column, np.minimum(error, norm.vmax), log=True)
    for axes, (panel, cells) in zip(panels, sheets):
        own = [name for name in names if len(np.unique(results.rows[name][cells])) > 1]
        cells = np.flatnonzero(cells & np.isfinite(error))
        axes_of = [*(Axis(results, name, results.rows[name], cells) for name in own), last]
        draw_cells(axes, axes_of, error, cells, norm)
        draw_axes(axes, axes_of)
        alone = {name: results.rows[name][cells[0]] for name in names if name not in own}
        axes.set_title(title({**panel, **alone}, error[cells]), loc="left")
    bar = figure.colorbar(ScalarMappable(norm, COLORS), ax=panels, aspect=25 * len(panels),
                          pad=0.01, fraction=0.06,
                          extend="max" if np.nanmax(error) > norm.vmax else "neither")
    bar.set_label(f"{column} [{results.columns[column]['unit']}]")
    ticks = canvas.LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8)).tick_values(norm.vmin, norm.vmax)
    bar.set_ticks([tick for tick in ticks if norm.vmin <= tick <= norm.vmax],
                  labels=[f"{tick:g}" for tick in ticks if norm.vmin <= tick <= norm.vmax])
    bar.minorticks_off()
    canvas.finish(figure, results, trainings.fixed(results),
                  notes=notes(column, error, norm, len(panels)), hollow=False)
    return figure


def error_column(results):
    """The error that chooses: of the images held out, or else of the test images."""
    for column in ("validation_error", "test_error"):
        if np.isfinite(results.rows[column]).any():
            return column
    raise ResultError("no cell has a validation or test error yet")


def panels_of(results):
    """A panel for each n and data set, while they are few."""
    for names in (["dataset", "n"], ["n"], ["dataset"]):
        names = [name for name in names if name in results.varying()]
        if names and len(np.unique(results.rows[names])) <= PANELS_MAX:
            return names
    return []


def title(values, error):
    counted = "1 cell" if len(error) == 1 else f"{len(error)} cells"
    return ": ".join(filter(None, [canvas.settings(values),
                                   f"{counted}, lowest error {error.min():.3g} %"]))


class Axis:
    """One vertical axis: where a value stands on it, 0 to 1, and what is written beside it."""

    def __init__(self, results, name, values, cells=..., log=False):
        self.name, self.unit = name, results.columns[name]["unit"]
        known = values[cells]
        distinct = np.unique(known[np.isfinite(known)] if known.dtype.kind == "f" else known)
        self.words = values.dtype.kind not in "if"
        if self.words:
            self.at = np.searchsorted(distinct, values).astype(float)
            self.ticks = [(place, str(value)) for place, value in enumerate(distinct)]
            self.low, self.high = 0.0, float(max(len(distinct) - 1, 1))
            return
        self.log = log or (distinct[0] > 0 and distinct[-1] >= 5 * distinct[0])
        self.at = self.scaled(values.astype(float))
        self.low, self.high = self.scaled(distinct[[0, -1]].astype(float))
        if self.low == self.high:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        shown = distinct if len(distinct) <= WORDS_MAX else self.round_values(distinct)
        self.ticks = [(self.scaled(float(value)), f"{value:.4g}") for value in shown]
        self.drop_crowded()

    def scaled(self, values):
        return np.log(values) if self.log else values

    def round_values(self, distinct):
        low, high = float(distinct[0]), float(distinct[-1])
        subs = ((1, 1.5, 2, 3, 4, 6, 8) if high < 8 * low else
                (1, 2, 5) if high < 200 * low else (1,))
        locator = (canvas.LogLocator(subs=subs) if self.log
                   else matplotlib.ticker.MaxNLocator(5, integer=distinct.dtype.kind == "i"))
        return [value for value in locator.tick_values(low, high) if low <= value <= high]

    def drop_crowded(self):
        kept = []
        for place, words in self.ticks:
            if not kept or place - kept[-1][0] > 0.07 * (self.high - self.low):
                kept.append((place, words))
        self.ticks = kept

    def height(self, at):
        return (at - self.low) / (self.high - self.low)


def draw_cells(axes, axes_of, error, cells, norm):
    """The lines, worst first."""
    order = cells[np.argsort(-error[cells], kind="stable")]
    heights = np.array([axis.height(axis.at[order]) for axis in axes_of])
    faint = np.clip(25 / len(order), 0.12, 0.7)
    for rank, cell in enumerate(order):
        best = rank >= len(order) - BEST
        axes.plot(np.arange(len(axes_of)), heights[:, rank], color=COLORS(norm(error[cell])),
                  linewidth=1.8 if best else 0.8, alpha=1 if best else faint,
                  zorder=2 + rank / len(order), solid_joinstyle="round", gid=f"cell-{cell}")


def draw_axes(axes, axes_of):
    axes.set_xlim(-0.35, len(axes_of) - 0.6)
    axes.set_ylim(-0.06, 1.06)
    axes.grid(False)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.set_xticks(range(len(axes_of)), [label(axis) for axis in axes_of], fontsize=8)
    for place, axis in enumerate(axes_of):
        side = -1 if axis is not axes_of[-1] else 1
        axes.plot([place, place], [0, 1], color="0.3", linewidth=1, zorder=4)
        for at, words in axis.ticks:
            height = axis.height(at)
            axes.plot([place, place + 0.03 * side], [height] * 2, color="0.3", linewidth=1,
                      zorder=4)
            axes.text(place + 0.045 * side, height, words, fontsize=7, va="center", zorder=5,
                      ha="right" if side < 0 else "left",
                      bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})


def label(axis):
    unit = "" if axis.unit == "1" else f"\n[{axis.unit}]"
    return axis.name.replace("_", "_\n" if len(axis.name) > 12 else "_") + unit


def notes(column, error, norm, panels):
    lines = [f"A line is a cell; the lower its {column}, the darker, and the more on top. The "
             f"{BEST} best {'of a panel ' if panels > 1 else ''}are drawn stronger."
             + (" Each panel has its own ranges." if panels > 1 else "")]
    above = int((error > norm.vmax).sum())
    if above:
        lines.append(f"{above} cells with more than {norm.vmax:.3g} % are drawn at the top of the "
                     "last axis.")
    missing = int((~np.isfinite(error)).sum())
    if missing:
        lines.append(f"{missing} cells have no {column} yet.")
    return lines
