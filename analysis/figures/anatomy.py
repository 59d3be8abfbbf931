"""Features turn into prototypes: memories as pictures, and below them how many classes a memory
recognises and how many memories a test image needs."""
import numpy as np
from matplotlib.ticker import MaxNLocator

import canvas
from .classify import trainings
from .classify.memories import draw_row, sample_words, sheet, shown

DEFINITIONS = ("cutoff", "share")        # of what is counted, not of what was trained
SOURCES = ("source_row", "source_crc")   # which training it was
LINEAR_MIN, LINEAR_MAX = 6, 24  # contributing memories that have a bar each


def has_data(results):
    return np.asarray(results.arrays["recognition_connections"]).sum(axis=1) > 0


def features(results):
    pictured = trainings.with_memories(results) & has_data(results)
    cells = np.flatnonzero(pictured if pictured.any() else has_data(results))
    cells, said = shown(results, firsts(results, cells))
    figure, grid = sheet(len(cells), [1.15, 0.65, 0.65] if pictured.any() else [1, 1])
    if pictured.any():
        draw_row(grid[0], results, cells)
    draw_connections(grid[-2], results, cells)
    draw_contributions(grid[-1], results, cells)
    fixed = {name: value for name, value in trainings.fixed(results).items()
             if name not in (*SOURCES, *DEFINITIONS)}
    canvas.finish(figure, results, fixed, legend(results, cells),
                  [*(sample_words(results, cells) if pictured.any() else []), *said,
                   *notes(results, cells, pictured.any())], hollow=False)
    return figure


FIGURES = {"features": features}


def firsts(results, cells):
    """Of the cells that differ in their definitions alone, the first."""
    names = [name for name in results.parameters() if name not in (*DEFINITIONS, "seed")]
    _, first = np.unique(results.rows[cells][names], return_index=True)
    return [cells[index] for index in sorted(first)]


def alike(results, cell, name):
    """The cells that differ from this one in the parameter `name` alone, in its order."""
    names = [other for other in results.parameters() if other != name]
    same = np.flatnonzero((results.rows[names] == results.rows[names][cell])
                          & has_data(results))
    return same[np.argsort(results.rows[name][same], kind="stable")]


# ---- the two histograms, as shares ----

def draw_connections(panels, results, cells):
    for axes, cell in zip(panels, cells):
        counts = [results.arrays["recognition_connections"][other]
                  for other in alike(results, cell, "cutoff")]
        draw_shares(axes, [percent(of) for of in counts], np.arange(len(counts[0]) + 1) - 0.5)
        say_one(axes, counts, "exactly one")
        axes.set_xticks(range(0, len(counts[0]), 2))
        canvas.axis_label("class entries that are on", axes, "x")
    one_scale(panels)
    panels[0].set_ylabel("memories [%]")


def draw_contributions(panels, results, cells):
    array = results.arrays["contributing_memories"]
    top = max(most(array[other]) for cell in cells for other in alike(results, cell, "share"))
    edges, wide = bins(top), top > LINEAR_MAX
    for axes, cell in zip(panels, cells):
        counts = [array[other] for other in alike(results, cell, "share")]
        draw = draw_densities if wide else draw_shares
        draw(axes, [binned(percent(of), edges) for of in counts], edges)
        say_one(axes, counts, "one memory")
        if wide:
            ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000) if tick <= top]
            axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
            axes.tick_params(axis="x", which="minor", length=0)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        canvas.axis_label("contributing memories", axes, "x")
    one_scale(panels)
    panels[0].set_ylabel("test images\n[% per count]" if wide else "test images [%]")


def most(counts):
    """The highest count that occurs."""
    return int(np.flatnonzero(counts).max(initial=1))


def bins(top):
    """Edges of a bin for each count up to `top`, or of bins that widen by a quarter."""
    if top <= LINEAR_MAX:
        return np.arange(max(top, LINEAR_MIN) + 2) - 0.5
    edges = [0.5]
    while edges[-1] <= top:
        edges.append(np.floor(max(edges[-1] * 1.25, edges[-1] + 1)) + 0.5)
    return np.array(edges)


def binned(shares, edges):
    return np.histogram(np.arange(len(shares)), edges, weights=shares)[0]


def percent(counts):
    return 100 * counts / max(counts.sum(), 1)


def draw_shares(axes, shares, edges):
    """Bars of one distribution; of several, a stepped line each."""
    if len(shares) == 1:
        axes.bar(edges[:-1], shares[0], width=np.diff(edges), align="edge",
                 color=canvas.PALETTE[0], edgecolor="white", linewidth=0.4)
        return
    draw_steps(axes, shares, edges, (edges[1:] + edges[:-1]) / 2)


def draw_densities(axes, shares, edges):
    """Shares of bins that widen, divided by the counts in each: a bin is not the higher for being
    wider. Both axes are logarithmic, where areas would say nothing: there are no bars."""
    middles = np.sqrt((edges[:-1] + 0.5) * (edges[1:] - 0.5))
    draw_steps(axes, [share / np.diff(edges) for share in shares], edges, middles, baseline=None)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def draw_steps(axes, heights, edges, middles, baseline=0):
    for of, (color, marker) in zip(heights, canvas.styles(len(heights))):
        axes.stairs(of, edges, color=color, linewidth=1, baseline=baseline)
        axes.plot(middles, of, linestyle="none", marker=marker, color=color, markersize=3)


def say_one(axes, counts, words):
    """The share at 1, in figures, above the bars."""
    shares = [f"{share:.3g}" for share in sorted({percent(of)[1] for of in counts})]
    ends = shares[0] if shares[0] == shares[-1] else f"{shares[0]} to {shares[-1]}"
    axes.annotate(f"{words}: {ends} %", (1, 1), xycoords="axes fraction", ha="right", va="top",
                  fontsize=8, color="0.2")


def one_scale(panels):
    """The same heights in all panels, with room for the words at the top."""
    top = max(axes.dataLim.y1 for axes in panels)
    if panels[0].get_yscale() == "linear":
        bottom, room = 0, 1.2
    else:
        bottom = min(axes.dataLim.minposy for axes in panels) / 2
        room = (top / bottom) ** 0.2
    for axes in panels:
        axes.set_ylim(bottom, room * top)


# ---- words ----

def legend(results, cells):
    entries = []
    for name in DEFINITIONS:
        values = results.rows[name][alike(results, cells[0], name)]
        if len(values) > 1:
            entries += [canvas.mark(color, marker, label=canvas.settings({name: value}))
                        for value, (color, marker) in zip(values, canvas.styles(len(values)))]
    return entries


def notes(results, cells, pictured):
    row = results.rows[cells[0]]
    cutoff, share = (one(results, row, name) for name in DEFINITIONS)
    lines = [f"Middle: memories by their class entries above the cutoff{cutoff}. Below: test "
             f"images by the memories that contribute more than the share{share} of the largest "
             "contribution to the winning class's energy gap."]
    several = [name for name in DEFINITIONS if len(alike(results, cells[0], name)) > 1]
    if several:
        lines.append(f"Shares in figures: the lowest and the highest over each {several[0]}"
                     + (f" and {several[1]}." if several[1:] else "."))
    found = results.arrays["recognition_connections"]
    if pictured and any(found[cell].sum() > results.rows["K"][cell] for cell in cells):
        lines.append("Pictures: the first replica's memories; the two histograms are of all "
                     "replicas.")
    array = results.arrays["contributing_memories"]
    if max(most(array[cell]) for cell in cells) > LINEAR_MAX:
        lines.append("Both axes are logarithmic below, and bins widen to the right: a height is "
                     "the share of the bin's images divided by the number of counts in the bin.")
        without = [f"{percent(array[cell])[0]:.2g} %" for cell in cells]
        if any(array[cell][0] for cell in cells):
            lines.append(f"No memory contributes for {', '.join(without)} of the images; they are "
                         "not drawn.")
    return lines


def one(results, row, name):
    return "" if name in results.varying() else f" ({name} = {row[name]:g})"
