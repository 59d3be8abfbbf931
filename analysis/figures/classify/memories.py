"""Trained memories as pictures: a fair sample of each cell's, blue at -1 and red at 1."""
import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

import canvas
from results import ResultError
from . import trainings

CLASSES = 10        # entries after the pixels
SIDE = 5            # pictures a row and column
COLUMNS_MAX = 6     # cells side by side
GAP = 2             # pixels between pictures
MAGNIFIED = 300     # pixels of a sheet's side, at least: no viewer blurs them then
COLORS = matplotlib.colormaps["RdBu_r"].copy()
COLORS.set_bad("white")


def memories(results):
    if "memories" not in results.arrays:
        raise ResultError("it holds no memories: a study with `memories: yes` publishes them")
    cells, said = shown(results, np.flatnonzero(trainings.with_memories(results)))
    rows = max(-(-len(sample(results.rows["K"][cell])) // SIDE) for cell in cells)
    figure, grid = sheet(len(cells), [rows / SIDE])
    draw_row(grid[0], results, cells)
    canvas.finish(figure, results, trainings.fixed(results), notes=[*sample_words(results, cells),
                                                                    *said], hollow=False)
    return figure


def of_cell(results, cell):
    """Memories [memory][entry] of a cell, of its first replica, without padding."""
    stored = results.arrays["memories"]
    found = stored[cell] if len(stored.shape) == 3 else stored[cell, 0]
    found = found[:results.rows["K"][cell]]
    return found[:, np.isfinite(found).any(axis=0)]


def shown(results, cells):
    """At most so many of these cells as have room, and a sentence where that is not all."""
    if len(cells) == 0:
        raise ResultError("no cell has its memories yet")
    if len(cells) <= COLUMNS_MAX:
        return cells, []
    total = len(cells)
    _, first = np.unique(results.rows["n"][cells], return_index=True)
    cells = [cells[index] for index in first]
    words = "the first cell of each n"
    if len(cells) > COLUMNS_MAX:
        cells = [cells[index] for index in
                 np.linspace(0, len(cells) - 1, COLUMNS_MAX).round().astype(int)]
        words = "the first cell of some n, evenly spaced"
    return cells, [f"Of {total} cells with memories, {words}."]


def sheet(columns, heights):
    """A figure with a column for each cell, and rows of such heights, the pictures' being 1."""
    width = {1: 3.6, 2: 3.2, 3: 2.8}.get(columns, 2.4)
    figure, grid = plt.subplots(len(heights), columns, squeeze=False, constrained_layout=True,
                                figsize=(max(width * columns + 0.8, 5.0),
                                         width * sum(heights) + 0.3),
                                gridspec_kw={"height_ratios": heights})
    return figure, grid


def draw_row(panels, results, cells):
    """The pictures of each cell, and the bar of colours where they are not of three colours."""
    colored = True
    for axes, cell, words in zip(panels, cells, titles(results, cells)):
        mosaic, colors = pictures(of_cell(results, cell))
        colored &= colors
        axes.imshow(mosaic, cmap=COLORS, vmin=-1, vmax=1, interpolation="none", gid="memories")
        axes.set_title(words, fontsize=9)
        axes.set_axis_off()
    if not colored:
        bar = panels[0].figure.colorbar(ScalarMappable(Normalize(-1, 1), COLORS), ax=list(panels),
                                        fraction=0.03, pad=0.01, aspect=18, ticks=[-1, 0, 1])
        bar.ax.set_yticklabels(["\N{MINUS SIGN}1", "0", "1"])


def titles(results, cells):
    """What tells each of these cells from the others; n says enough where it does."""
    names = trainings.dimensions(results, cells)
    if "n" in results.varying() and len(np.unique(results.rows["n"][cells])) == len(cells):
        names = ["n"]
    settings = [canvas.settings({name: results.rows[cell][name] for name in names}).split(", ")
                for cell in cells]
    return ["\n".join(words) for words in settings]


# ---- pictures ----

def sample(count):
    """Which of so many memories are drawn: all, or a square of them, evenly spaced."""
    if count <= SIDE * SIDE:
        return np.arange(count)
    return np.floor((np.arange(SIDE * SIDE) + 0.5) * count / (SIDE * SIDE)).astype(int)


def shape_of(pixels):
    """(height, width, colours) of a picture of so many entries; one that is no square gets lines
    that leave the last unfilled."""
    side = math.isqrt(pixels)
    if side * side == pixels:
        return side, side, 1
    if pixels % 3 == 0 and math.isqrt(pixels // 3) ** 2 == pixels // 3:
        return math.isqrt(pixels // 3), math.isqrt(pixels // 3), 3
    return -(-pixels // (side + 1)), side + 1, 1


def pictures(found):
    """The sampled memories [memory][entry] as one picture, a row of them below the other, and
    whether it has colours of its own: red, green, blue, from 0 to 1, as the data has them, a plane
    each."""
    height, width, planes = shape_of(found.shape[1] - CLASSES)
    chosen = found[sample(len(found)), :-CLASSES].astype(float)
    filled = np.full((len(chosen), planes * height * width), np.nan)
    filled[:, :chosen.shape[1]] = chosen
    images = filled.reshape(-1, planes, height, width).transpose(0, 2, 3, 1)
    across = min(SIDE, len(images))
    down = -(-len(images) // across)
    whole = np.full((down * (height + GAP) - GAP, across * (width + GAP) - GAP, planes), np.nan)
    for index, image in enumerate(images):
        top, left = (height + GAP) * (index // across), (width + GAP) * (index % across)
        whole[top:top + height, left:left + width] = image
    times = -(-MAGNIFIED // max(whole.shape[:2]))
    whole = whole.repeat(times, axis=0).repeat(times, axis=1)
    if planes == 1:
        return whole[..., 0], False
    return np.where(np.isnan(whole), 1, np.clip((whole + 1) / 2, 0, 1)), True


def sample_words(results, cells):
    counts = sorted({int(results.rows["K"][cell]) for cell in cells})
    lines = []
    if counts[-1] > SIDE * SIDE:
        lines.append(f"{SIDE * SIDE} of {' or '.join(map(str, counts))} memories each, evenly "
                     "spaced in the file's order: none is picked by eye. The class entries are not "
                     "drawn.")
    else:
        lines.append("All memories, without their class entries.")
    stored = results.arrays["memories"]
    if len(stored.shape) == 4 and stored.shape[1] > 1:
        lines.append("Those of the first replica.")
    return lines
