"""C_n against n: where it is positive, z = Sign[-xy], and the XOR is solved."""
import numpy as np

import canvas


def has_data(results):
    return results.complete


def coefficients(results):
    rows = results.rows[has_data(results)]
    figure, (axes,) = canvas.panels(1)
    energies = np.unique(rows["energy"])
    legend = []
    for energy, (color, _) in zip(energies, canvas.styles(len(energies))):
        of = np.sort(rows[rows["energy"] == energy], order="n")
        axes.plot(of["n"], of["coefficient"], color=color, linewidth=0.8)
        for answer, marker in (("yes", "o"), ("no", "x")):
            here = of[of["solved"] == answer]
            axes.plot(here["n"], here["coefficient"], marker, color=color, markersize=7,
                      markeredgewidth=1.6)
        legend.append(canvas.mark(color, label=f"energy = {energy}"))
    legend += [canvas.mark("0.3", "o", "", f"solved: {results.meaning('solved')}"),
               canvas.mark("0.3", "x", "", "not solved")]
    axes.set_yscale("symlog", linthresh=1)
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_xticks(np.unique(rows["n"]) if len(np.unique(rows["n"])) <= 20 else axes.get_xticks())
    canvas.axis_label(results.label("n"), axes, "x")
    canvas.axis_label(results.label("coefficient"), axes, "y")
    canvas.finish(figure, results, results.fixed(), legend)
    return figure


FIGURES = {"coefficients": coefficients}
