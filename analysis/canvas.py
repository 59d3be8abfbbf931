"""The sheet every figure is drawn on: panels under a title, then legend, notes and footer."""
import textwrap

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito's palette: told apart with any colour vision.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
SMALL = 8        # points: legend and footer
LINE = 0.155       # inches: a line of small text
CHARACTER = 0.068  # inches: its mean width
TITLE_LINE = 0.18  # inches

matplotlib.rcParams.update({
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 160,
    "svg.fonttype": "none",  # text stays text: it can be searched and edited
    "svg.hashsalt": "dam",   # the same file gives the same bytes
})


def styles(count):
    """Colour and marker of each of `count` series; many series are shaded in order."""
    if count <= len(PALETTE):
        return list(zip(PALETTE, MARKERS))[:count]
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, count))
    return [(tuple(shade), MARKERS[0]) for shade in shades]


def panels(count, columns=None, width=None, height=3.1):
    """A figure with `count` axes, row by row, and the list of the axes."""
    columns = min(count, columns or 4)
    rows = -(-count // columns)
    width = width or {1: 7.0, 2: 4.6}.get(columns, 3.5)
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows),
                                squeeze=False, constrained_layout=True)
    for spare in axes.flat[count:]:
        spare.remove()
    return figure, list(axes.flat[:count])


def wrapped(words, inches):
    return textwrap.fill(words, max(20, int(inches / CHARACTER)), break_long_words=False)


def axis_label(words, axes, axis):
    """Label an axis, in lines that fit the panel."""
    grid = axes.get_subplotspec().get_gridspec()
    figure = axes.figure
    inches = (figure.get_figwidth() / grid.ncols if axis == "x"
              else figure.get_figheight() / grid.nrows)
    getattr(axes, f"set_{axis}label")(textwrap.fill(words, int((inches - 0.5) / 0.075)))


def settings(values):
    # Without line breaks around the equals sign.
    return ", ".join(f"{name}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
                     + (f"{value:g}" if isinstance(value, np.floating) else str(value))
                     for name, value in values.items())


def mark(color, marker="", line="-", label="", hollow=False):
    """An entry of the legend."""
    return Line2D([], [], color=color, marker=marker, linestyle=line, label=label,
                  markerfacecolor="white" if hollow else color)


def points(axes, x, y, complete, color, marker, errors=None):
    """Draw measured values, NaN where there is none yet; those of unfinished cells hollow."""
    known = np.isfinite(y)
    for mask, face in ((complete & known, color), (~complete & known, "white")):
        if mask.any():
            axes.errorbar(x[mask], y[mask], yerr=None if errors is None else errors[:, mask],
                          linestyle="none", color=color, marker=marker, markerfacecolor=face,
                          elinewidth=1, capsize=2, zorder=3)


def cover_x(axes, x):
    """Show the whole range of the study, though some of its cells may have no result yet."""
    axes.plot(x, np.zeros(len(x)), linestyle="none")


def use_log_x(axes, x):
    """A logarithmic axis where the values are spread evenly on one."""
    x = np.unique(x)
    if len(x) < 3 or x[0] <= 0 or x[-1] < 5 * x[0]:
        return
    middle = np.log(np.median(x))
    if abs(middle - np.log(x[0] * x[-1]) / 2) < abs(middle - np.log((x[0] + x[-1]) / 2)):
        axes.set_xscale("log")
        label_log(axes.xaxis)


def label_log(axis):
    """Label 1, 2 and 5 of each decade where powers of ten alone would be too few."""
    low, high = axis.get_view_interval()
    if high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())


def finish(figure, results, fixed, legend=(), notes=(), hollow=True):
    """Add title, legend and footer around the panels of a result file's figure.

    fixed   {parameter: value} that hold for the whole figure
    legend  entries, as `mark` makes them
    notes   sentences a reader of the figure has to know
    hollow  the marks of unfinished cells are
    """
    notes = list(notes)
    if not results.complete.all():
        if hollow:
            legend = [*legend, mark("0.3", "o", "", "unfinished cell", hollow=True)]
        notes.insert(0, f"partial result: {results.complete.sum()} of {len(results.rows)} cells "
                        "complete")
    notes.append(f"kind {results.kind}, {results.seed_words()}, dam {results.version} "
                 f"({results.commit}); {results.path.name}")
    frame(figure, results.summary[:1].upper() + results.summary[1:], fixed, legend, notes)


def frame(figure, headline, fixed, legend, notes):
    """Add title, legend and footer around the panels, in room of their own."""
    width, height = figure.get_size_inches()
    title = [headline, *textwrap.wrap(settings(fixed), int(width / 0.08))]
    figure.suptitle("\n".join(title), x=0.08 / width, ha="left", fontsize=10)
    footer = "\n".join(wrapped(note, width - 0.2) for note in notes)

    columns = legend_columns(legend, width)
    legend_lines = -(-len(legend) // columns)
    bottom = LINE * (footer.count("\n") + 1) + 0.1
    top = bottom + (LINE * legend_lines + 0.05 if legend else 0)
    total = height + TITLE_LINE * len(title) + top
    figure.set_size_inches(width, total)
    figure.text(0.08 / width, 0.06 / total, footer, fontsize=SMALL, color="0.3", va="bottom",
                linespacing=1.3)
    if legend:
        figure.legend(handles=list(legend), loc="lower left", ncol=columns, frameon=False,
                      bbox_to_anchor=(0.08 / width, bottom / total), fontsize=SMALL,
                      borderaxespad=0, labelspacing=0.3)
    figure.get_layout_engine().set(rect=(0, top / total, 1, 1 - top / total),
                                   w_pad=0.06, h_pad=0.06)


def legend_columns(legend, width):
    """As many columns as fit side by side; the entries go down them."""
    for columns in range(len(legend), 1, -1):
        lines = -(-len(legend) // columns)
        longest = [max(len(entry.get_label()) for entry in legend[first:first + lines])
                   for first in range(0, len(legend), lines)]
        if sum(length * CHARACTER + 0.55 for length in longest) < width - 0.2:
            return len(longest)
    return 1
