"""Features or prototypes: the classes that a memory recognises, the memories an image needs."""
import numpy as np

import canvas
import figures.anatomy
import rounding
from figures.classify import trainings
from . import Measured, Quantity

CELLS_MAX = 12  # of which the outcome speaks one by one
SAME = ("source_row", "source_crc")

idle = trainings.idle


def outcome(results):
    there = np.flatnonzero(figures.anatomy.has_data(results))
    for cell in there[:CELLS_MAX]:
        row = results.rows[cell]
        words = canvas.settings({name: row[name] for name in trainings.dimensions(results)})
        yield ((f"{words}: " if words else "")
               + f"{percent(row['single_connection'])} of the memories have exactly one class on, "
               f"the mean is {row['mean_connections']:.3g}; {percent(row['single_memory'])} of the "
               f"test images have a single contributing memory, the median is "
               f"{rounding.number(row['median_memories'])}.")
    if len(there) > CELLS_MAX:
        yield f"The first {CELLS_MAX} of {len(there)} cells; the table has all."


def percent(share):
    return f"{100 * share:.3g} %"


def of_column(name):
    def measure(results, cells):
        values = results.rows[name][cells & results.complete]
        values = values[np.isfinite(values)]
        if len(values) == 0:
            return None
        note = f"mean of {len(values)} trainings" if len(values) > 1 else ""
        return Measured(float(values.mean()), note=note)
    return Quantity(measure, (*SAME, "temperature"))


QUANTITIES = {"share of memories with one class on": of_column("single_connection"),
              "classes on, mean of the memories": of_column("mean_connections"),
              "share of images with a single contributing memory": of_column("single_memory")}
