"""Result files of kinds classify and anatomy whose truth is known."""
import numpy as np

import synthetic

TEXT = "S16"
CLASSIFY = {  # name: (type, unit, doc, role, default)
    "dataset": (TEXT, "1", "images to learn", "parameter", "mnist"),
    "form": (TEXT, "1", "associative memory or its dual network", "parameter", "memory"),
    "activation": (TEXT, "1", "of the dual form", "parameter", "rectified"),
    "n": ("i8", "1", "interaction vertex power", "parameter", 20),
    "m": ("i8", "1", "loss exponent 2m", "parameter", 30),
    "K": ("i8", "memories", "memories", "parameter", 2000),
    "learning_rate": ("f8", "1", "rate at the first epoch", "parameter", 0.02),
    "decay": ("f8", "1", "factor of the rate, an epoch", "parameter", 0.998),
    "momentum": ("f8", "1", "momentum of the updates", "parameter", 0.8),
    "temperature_start": ("f8", "1", "temperature at the first epoch", "parameter", 540.0),
    "temperature_end": ("f8", "1", "temperature after the ramp", "parameter", 540.0),
    "ramp": ("i8", "epochs", "epochs of the temperature's ramp", "parameter", 200),
    "initial_mean": ("f8", "1", "mean of the first memories", "parameter", -0.3),
    "initial_sd": ("f8", "1", "their standard deviation", "parameter", 0.3),
    "minibatch": ("i8", "images", "images an update", "parameter", 1000),
    "order": (TEXT, "1", "how minibatches are drawn", "parameter", "balanced"),
    "training": ("i8", "images", "images trained on; 0: all", "parameter", 0),
    "validation": ("i8", "images", "images held out; 0: none", "parameter", 10000),
    "epochs": ("i8", "epochs", "epochs to train", "parameter", 100),
    "memories": (TEXT, "1", "whether the memories are published", "parameter", "no"),
    "temperature": ("f8", "1", "temperature of the last epoch", "result", 540.0),
    "train_error": ("f8", "%", "error of the minibatches as met (last epoch)", "result", np.nan),
    "validation_error": ("f8", "%", "error of the images held out (last epoch)", "result", np.nan),
    "test_error": ("f8", "%", "error of the test images (last epoch)", "result", np.nan),
    "test_error_sd": ("f8", "%", "its standard deviation over replicas", "result", np.nan),
    "status": (TEXT, "1", "complete, partial or failed", "status", "complete"),
}
ANATOMY = {**{name: CLASSIFY[name] for name in ("dataset", "form", "activation", "n", "K")},
           "temperature": ("f8", "1", "temperature of the last epoch", "parameter", 540.0),
           "cutoff": ("f8", "1", "a class entry above it is on", "parameter", 0.9),
           "share": ("f8", "1", "of the largest contribution", "parameter", 0.9),
           "source_row": ("i8", "1", "row of the trained result", "parameter", 0),
           "source_crc": ("i8", "1", "checksum of the trained memories", "parameter", 7),
           "test_error": ("f8", "%", "error of the test images", "result", np.nan),
           "single_connection": ("f8", "1", "share of memories with one class on", "result",
                                 np.nan),
           "mean_connections": ("f8", "1", "classes that are on, mean", "result", np.nan),
           "single_memory": ("f8", "1", "share of images with one contributing memory", "result",
                             np.nan),
           "median_memories": ("f8", "memories", "contributing memories, median", "result",
                               np.nan),
           "status": CLASSIFY["status"]}
FIRST = {"cell": ("1", "row of /results"), "replica": ("1", "replica"),
         "threshold": ("%", "error to get below"),
         "validation_epoch": ("epochs", "first epoch below it; 0: never"),
         "test_epoch": ("epochs", "first epoch below it; 0: never")}
KINDS = ("train", "validation", "test")


def rows_of(columns, cells):
    return np.array([tuple(cell.get(name, columns[name][4]) for name in columns)
                     for cell in cells], dtype=[(name, columns[name][0]) for name in columns])


def curve(epochs, floor, start=30.0, scale=20.0, power=1.0):
    """An error that falls from `start` to `floor`, in per cent."""
    return floor + (start - floor) / (1 + np.arange(epochs) / scale) ** power


def classify(file, cells, curves, memories=None, thresholds=(2.0, 5.0), seeds=1):
    """A file of these cells, {column: value} each; results follow from the curves.

    curves    {"test": array [cell][replica][epoch], ...}; of train and validation what is missing
              is NaN
    memories  float32 array [cell][replica][K][pixels + 10], or None
    """
    shape = next(iter(curves.values())).shape
    curves = {kind: curves.get(kind, np.full(shape, np.nan)) for kind in KINDS}
    cells = [dict(cell) for cell in cells]
    for index, cell in enumerate(cells):
        for kind in KINDS:
            ends = [run[np.isfinite(run)][-1] for run in curves[kind][index]
                    if np.isfinite(run).any()]
            cell.setdefault(f"{kind}_error", np.mean(ends) if ends else np.nan)
            if kind == "test" and len(ends) > 1:
                cell.setdefault("test_error_sd", np.std(ends, ddof=1))
        cell.setdefault("epochs", shape[2])
    arrays = {f"{kind}_errors": ("%", f"{kind} error of each epoch", curves[kind])
              for kind in KINDS}
    if memories is not None:
        arrays["memories"] = ("1", "trained memories: pixels, then classes", memories)
    found = [(cell, replica, level, *(first(curves[kind][cell, replica], level)
                                      for kind in ("validation", "test")))
             for cell in range(shape[0]) for replica in range(shape[1]) for level in thresholds
             if np.isfinite(curves["train"][cell, replica]).any()]
    types = [(name, "f8" if name == "threshold" else "i8") for name in FIRST]
    columns = {name: column for name, column in CLASSIFY.items()}
    if np.ndim(seeds):
        columns = {"seed": ("i8", "1", "seed of the row", "parameter", 0), **columns}
    synthetic.write_file(file, "classify", "training of a classifier", rows_of(columns, cells),
                         columns, seeds, arrays,
                         {"first_epochs": ("first epochs below", FIRST, np.array(found, types))})
    return file


def first(run, level):
    below = np.flatnonzero(run < level)
    return below[0] + 1 if len(below) else 0


def anatomy(file, cells, connections, contributions, memories):
    """A file of these cells with their two histograms [cell][count]; scalars follow from them."""
    cells = [dict(cell) for cell in cells]
    for cell, on, used in zip(cells, connections, contributions):
        cell.setdefault("single_connection", on[1] / on.sum())
        cell.setdefault("mean_connections", np.arange(len(on)) @ on / on.sum())
        cell.setdefault("single_memory", used[1] / used.sum())
        cell.setdefault("median_memories", np.searchsorted(used.cumsum(), used.sum() / 2))
    synthetic.write_file(
        file, "anatomy", "features and prototypes", rows_of(ANATOMY, cells), ANATOMY, 1,
        {"recognition_connections": ("memories", "memories with b classes on", connections),
         "contributing_memories": ("images", "images with b contributing memories", contributions),
         "memories": ("1", "trained memories: pixels, then classes", memories)})
    return file
