"""Fits across sizes: the threshold against N, its residuals, and the data collapse."""
import matplotlib
import numpy as np
from scipy import special

import canvas
from results import ResultError
from .fits import fits
from .search import (counts_spins, dimensions, direction, effective, head_panel, known, missing,
                     of_group, path_of, pooled, share_label, title)

COLUMN = ("criterion", "n")  # what is the same in a column of panels
ROWS = 4     # of panels: thresholds, residuals, shares before and after the collapse
TRIALS_OF_AREA, AREAS = 10, (2, 40)  # a point's area in square points grows with its trials
ROOM = 0.2   # that a fit's entry takes of the panel of thresholds
WIDTH = 2.5  # shares are shown where K is within this factor of K_c
REACH = 5.0  # collapsed shares are shown where |logit share - logit level| is below this


def scaling(results):
    return sheet(results, fits(results))


def sheet(results, fitted):
    """The figure of these fits: a block of panels for each criterion, in it a column for each n."""
    drawn = [fit for fit in fitted if fit.power is not None]
    if not drawn:
        words = " ".join(dict.fromkeys(word for fit in fitted for word in fit.sentences))
        raise ResultError(f"fits across sizes need thresholds at two sizes or more. {words}")
    varying = dimensions(results, "N", "seed")
    shades = shades_of(drawn)
    figure, columns = layout(drawn)
    for panels, fits_here in columns:
        top, under, *shares = panels
        for fit, style in zip(fits_here, canvas.styles(len(fits_here))):
            name = canvas.settings({key: fit.group[key] for key in varying if key not in COLUMN})
            name += ": " if name else ""
            draw_thresholds(top, fit, name, *style)
            draw_residuals(under, fit, *style)
            draw_shares(shares, results, fit, name, style[1], shades)
        label_column(top, under, shares, results, fits_here)
        for axes in panels:
            head_panel(axes, {key: fits_here[0].group[key] for key in COLUMN if key in varying})
    canvas.finish(figure, results, title(results, "N"),
                  [*line_entries(drawn), *shade_entries(shades)], notes(results))
    return figure


def layout(drawn):
    """The figure and [(its four panels, fits)] of each column."""
    powers = sorted({fit.group["n"] for fit in drawn})
    criteria = list(dict.fromkeys(fit.group["criterion"] for fit in drawn))
    if len(powers) == len(criteria) == 1:
        # Thresholds over residuals; beside them shares before and after the collapse.
        figure, (top, before, under, after) = canvas.panels(ROWS, 2, height=3.3)
        return figure, [((top, under, before, after), drawn)]
    width = max(2, len(powers))
    figure, panels = canvas.panels(ROWS * width * len(criteria), width, width=3.9, height=2.9)
    columns = []
    for block, criterion in enumerate(criteria):
        for column in range(width):
            mine = [panels[(block * ROWS + row) * width + column] for row in range(ROWS)]
            here = [fit for fit in drawn if column < len(powers)
                    and (fit.group["n"], fit.group["criterion"]) == (powers[column], criterion)]
            if here:
                columns.append((mine, here))
            for axes in mine if not here else ():
                axes.remove()
    return figure, columns


def shades_of(drawn):
    """{N: colour} of the collapse, darker for smaller sizes."""
    sizes = sorted({N for fit in drawn for N in fit.sizes.N})
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(sizes)))
    return dict(zip(sizes, map(tuple, shades)))


def draw_thresholds(axes, fit, name, color, marker):
    sizes = fit.sizes
    axes.plot([], [], color=color, marker=marker,
              label=f"{name}b = {fit.exponent()}\nalpha = {fit.alpha()}")
    axes.plot(sizes.N, np.exp(fit.power.fitted), "-", color=color, linewidth=1)
    axes.plot(*curve_of_law(fit), "--", color=color, linewidth=1)
    axes.plot(sizes.N, sizes.theory, ":", color=color, gid="theory")
    canvas.points(axes, sizes.N, sizes.K, np.ones(len(sizes.N), dtype=bool), color, marker,
                  np.array([sizes.K - sizes.low, sizes.high - sizes.K]))


def curve_of_law(fit):
    """N and K of the theory's law, between the sizes too, as it is no straight line."""
    N = np.geomspace(fit.sizes.N[0], fit.sizes.N[-1], 60)
    return N, np.exp(np.log(fit.alpha().value) + fit.log_law(N))


def draw_residuals(axes, fit, color, marker):
    """Thresholds and laws over the fitted power law."""
    sizes, power = fit.sizes, np.exp(fit.power.fitted)
    axes.axhline(1, color="0.5", linewidth=1, zorder=1)
    N, law = curve_of_law(fit)
    axes.plot(N, law / (fit.amplitude().value * N ** fit.exponent().value), "--", color=color,
              linewidth=1)
    ratio = sizes.K / power
    canvas.points(axes, sizes.N, ratio, np.ones(len(ratio), dtype=bool), color, marker,
                  np.array([ratio - sizes.low / power, sizes.high / power - ratio]))


def draw_shares(panels, results, fit, name, marker, shades):
    """The share near the crossing, before and after the collapse."""
    steps = path_of(results, known(results) & of_group(results, fit.group))
    cell, K, successes, trials = pooled(results, steps)
    x = np.log(K / results.rows["k_threshold"][cell])
    sizes = np.clip(trials * effective(results.rows)[cell] / TRIALS_OF_AREA, *AREAS)
    before, after = panels
    for N, shade in shades.items():
        here = (np.abs(x) < np.log(WIDTH)) & (results.rows["N"][cell] == N)
        if not here.any():
            continue
        style = dict(s=sizes[here], color=shade, marker=marker, linewidths=0)
        before.scatter(np.exp(x[here]), successes[here] / trials[here], **style)
        if fit.collapse is not None:
            scaled = fit.collapse.steepness * N ** fit.collapse.w.value * x[here]
            after.scatter(scaled, successes[here] / trials[here], **style)
    if fit.collapse is not None:
        x = np.linspace(-REACH, REACH, 200)
        logit = special.logit(fit.group["level"]) + direction(fit.group) * x
        after.plot([], [], color="0.3", marker=marker,
                   label=f"{name}w = {fit.collapse.w}")
        after.plot(x, special.expit(logit), color="0.3", linewidth=0.9, zorder=1)


def label_column(top, under, shares, results, of_n):
    N = np.unique(np.concatenate([fit.sizes.N for fit in of_n]))
    ticks = N if len(N) <= 6 else N[:: -(-len(N) // 6)]
    for axes in (top, under):
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
        canvas.axis_label(results.label("N"), axes, "x")
    top.set_yscale("log")
    canvas.label_log(top.yaxis)
    canvas.axis_label(results.label("k_threshold"), top, "y")
    low, high = top.get_ylim()
    top.set_ylim(low, high * (high / low) ** (ROOM * len(of_n)))
    top.legend(fontsize=canvas.SMALL, frameon=False, loc="upper left")
    canvas.axis_label("k_threshold / fitted A N^b", under, "y")
    before, after = shares
    before.set_xscale("log")
    before.set_xticks((0.4, 0.6, 1, 1.5, 2.5), ("0.4", "0.6", "1", "1.5", "2.5"))
    before.minorticks_off()
    canvas.axis_label("K / K_c: K over k_threshold of its size", before, "x")
    canvas.axis_label("s (ln K - ln K_c) N^w", after, "x")
    rows = results.rows[np.any([of_group(results, fit.group) for fit in of_n], axis=0)]
    for axes in shares:
        canvas.axis_label(share_label(rows), axes, "y")
        if np.all(counts_spins(rows)):
            axes.set_yscale("log")
        else:
            axes.set_ylim(-0.03, 1.03)
    if after.collections:
        reach = min(REACH, 1.1 * max(np.abs(points.get_offsets()[:, 0]).max()
                                     for points in after.collections))
        after.set_xlim(-reach, reach)
        rising = np.all(counts_spins(rows))
        after.legend(fontsize=canvas.SMALL, framealpha=0.7, edgecolor="none", handlelength=1,
                     loc="lower right" if rising else "lower left")
    else:
        after.annotate("fewer than two sizes with\nenough K near their crossing", (0.5, 0.5),
                       xycoords="axes fraction", ha="center", va="center", color="0.3")


def line_entries(drawn):
    entries = [canvas.mark("0.3", label="fit K = A N^b"),
               canvas.mark("0.3", line="--", label="fit K = alpha N^(n-1) / ln N" if
                           any("ln" in fit.law_words for fit in drawn)
                           else "fit K = alpha N^(n-1)")]
    if any(np.isfinite(fit.sizes.theory).any() for fit in drawn):
        entries.append(canvas.mark("0.3", line=":", label="theory_k"))
    return entries


def shade_entries(shades):
    """A few of the sizes, as the colours are in order."""
    N = list(shades)
    few = N if len(N) <= 8 else [N[place] for place in
                                 np.linspace(0, len(N) - 1, 6).round().astype(int)]
    return [canvas.mark(shades[size], "o", "", f"N = {size:g}") for size in few]


def notes(results):
    return ["Bars and brackets: 95 % intervals, those of fits by bootstrap. s and w: the most "
            "likely common logistic. Shares: trials at neighbouring K pooled, small where few.",
            *missing(results, known(results))]
