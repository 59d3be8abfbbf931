"""Which energies solve the XOR of two bits."""
import numpy as np

from . import Measured, Quantity


def outcome(results):
    rows = results.rows[results.complete]
    for energy in np.unique(rows["energy"]):
        of = np.sort(rows[rows["energy"] == energy], order="n")
        solved = of["n"][of["solved"] == "yes"]
        asked = f"of n = {', '.join(map(str, of['n']))}" if len(of) <= 12 else f"of {len(of)} n"
        yield (f"{energy}: solved for n = {', '.join(map(str, solved))}, {asked}." if len(solved)
               else f"{energy}: solved for none {asked}.")


def solved(results, cells):
    cells = cells & results.complete
    return Measured(str(results.rows["solved"][cells][0])) if cells.any() else None


QUANTITIES = {"solved": Quantity(solved)}
