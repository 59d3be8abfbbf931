"""K_1/2, at which half of the starts are recovered, against N."""
import numpy as np
from scipy import stats

import canvas
from results import ResultError
from .sweep import fixed_parameters, has_mirrors, other_parameters


def scaling(results):
    others = [name for name in other_parameters(results, "K") if name != "N"]
    panel_by = ["n"] if "n" in others else []
    series_by = [name for name in others if name not in panel_by]
    sheets = list(results.groups(panel_by))
    series = [key for key, _ in results.groups(series_by)]
    styles = canvas.styles(len(series))
    figure, panels = canvas.panels(len(sheets), height=4 if len(sheets) == 1 else 3.1)
    legend, missing = [], []
    for axes, (panel, cells) in zip(panels, sheets):
        for key, (color, marker) in zip(series, styles):
            mask = cells & (results.rows["trials"] > 0)
            for name, value in key.items():
                mask &= results.rows[name] == value
            fit = draw_series(axes, results, mask, color, marker, missing)
            name = canvas.settings({**panel, **key}) or "K_1/2"
            legend.append(canvas.mark(color, marker, label=f"{name}: {fit}"))
        label_panel(axes, results, panel)
    if not any(axes.lines for axes in panels):
        raise ResultError("the share of recovered starts crosses one half for no N, so there is no "
                          "K_1/2 to draw; try --figure recovery")
    axes = panels[0]
    canvas.axis_label(f"K_1/2: {results.meaning('K')} at which half of the starts are recovered",
                      axes, "y")
    legend.append(canvas.mark("0.3", line=":", label=results.columns["theory_k_max"]["doc"]))
    canvas.finish(figure, results, fixed_parameters(results, "K", "N"), legend,
                  notes(results, missing))
    return figure


def draw_series(axes, results, mask, color, marker, missing):
    """Draw K_1/2 of each N, K_max, and the fitted power law; what the legend says of it."""
    found = []
    for N in np.unique(results.rows["N"][mask]):
        cells = mask & (results.rows["N"] == N)
        rows = results.rows[cells]
        half = half_capacity(rows["K"], successes(rows), rows["trials"])
        if half is None:
            missing.append(canvas.settings({name: rows[name][0] for name in ("energy", "n", "N")}))
            continue
        found.append((N, *half, rows["theory_k_max"][0], results.complete[cells].all()))
    if not found:
        return "K_1/2 not reached"
    N, half, low, high, k_max, complete = np.array(found).T
    canvas.points(axes, N, half, complete == 1, color, marker, np.array([half - low, high - half]))
    axes.plot(N, k_max, ":", color=color)
    if len(N) < 3:
        return "K_1/2"
    fit = stats.linregress(np.log(N), np.log(half))
    axes.plot(N, np.exp(fit.intercept) * N ** fit.slope, "-", color=color, linewidth=0.9)
    error = stats.t.ppf(0.975, len(N) - 2) * fit.stderr
    theory = stats.linregress(np.log(N), np.log(k_max))
    return f"K_1/2 ~ N^({fit.slope:.2f} ± {error:.2f}), K_max ~ N^{theory.slope:.2f}"


def successes(rows):
    """Mirror images count where they are minima as well."""
    return rows["recovered"] + np.where(has_mirrors(rows), rows["recovered_mirror"], 0)


def half_capacity(K, successes, trials):
    """(K_1/2, low, high), or None where the share does not cross one half.

    Logistic regression on ln K around the crossing. Pattern sets differ by more than their
    starts do; the scatter about the curve sets the scale of the 95 % interval.
    """
    order = np.argsort(K)
    K, successes, trials = K[order], successes[order], trials[order]
    above = np.flatnonzero(2 * successes >= trials)
    if len(above) == 0 or above[-1] == len(K) - 1:
        return None
    crossing = np.sqrt(K[above[-1]] * K[above[-1] + 1])
    share = successes / trials
    near = (K > crossing / 2.5) & (K < crossing * 2.5) & (share > 0.02) & (share < 0.98)
    if near.sum() < 3:
        return None
    x = np.log(K[near] / crossing)
    design = np.column_stack([np.ones_like(x), x])
    beta, weights = logistic(design, share[near], trials[near])
    residuals = share[near] - 1 / (1 + np.exp(-design @ beta))
    freedom = near.sum() - 2
    dispersion = max(1, np.sum(trials[near] ** 2 * residuals ** 2 / weights) / freedom)
    covariance = dispersion * np.linalg.inv(design.T @ (design * weights[:, None]))
    centre = -beta[0] / beta[1]
    gradient = np.array([1, centre]) / beta[1]
    error = stats.t.ppf(0.975, freedom) * np.sqrt(gradient @ covariance @ gradient)
    return tuple(crossing * np.exp(centre + np.array([0, -error, error])))


def logistic(design, share, trials):
    """Coefficients and weights of the binomial fit, by Newton's method."""
    beta = np.array([0.0, -1.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        weights = trials * p * (1 - p)
        beta = beta + np.linalg.solve(design.T @ (design * weights[:, None]),
                                      design.T @ (trials * (share - p)))
    return beta, weights


def label_panel(axes, results, panel):
    axes.set_title(canvas.settings(panel))
    axes.set_xscale("log")
    axes.set_yscale("log")
    N = np.unique(results.rows["N"])
    ticks = N if len(N) <= 8 else N[:: -(-len(N) // 8)]
    axes.set_xticks(ticks, [str(value) for value in ticks])
    axes.minorticks_off()
    canvas.label_log(axes.yaxis)
    canvas.axis_label(results.label("N"), axes, "x")


def notes(results, missing):
    lines = ["K_1/2: logistic fit in ln K near the crossing. Bars and slopes: 95 % intervals, from "
             "the scatter about the fit."]
    if has_mirrors(results.rows).any():
        lines.append("Even powers: mirror images of the memories count as recovered.")
    if missing:
        lines.append(f"No crossing of one half inside the swept K: {'; '.join(missing)}.")
    return lines
