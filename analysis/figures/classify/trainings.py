"""The trainings of a result file: their errors, which of them belong together, and when each got
below a level. A training is one replica of a cell."""
import numpy as np

# What is searched for, rather than asked about: where many of these vary at once, the cells are
# points of a window, and go together.
TUNING = ("m", "learning_rate", "decay", "momentum", "temperature_start", "temperature_end",
          "temperature", "ramp", "initial_mean", "initial_sd", "minibatch")
SILENT = ("seed", "epochs", "memories")  # tell no trainings apart
PAPER_LEVEL = 2.0  # per cent; KH16 gives the first epochs below it


def has_data(results):
    return any_finite(results, "test_errors") | any_finite(results, "train_errors")


def any_finite(results, name):
    """bool [cell]: a value of this array is there."""
    if name not in results.arrays:
        return np.zeros(len(results.rows), dtype=bool)
    values = np.isfinite(results.arrays[name][()])
    return values.any(axis=tuple(range(1, values.ndim)))


def errors(results, name, cells):
    """The error curves [training][epoch] of these cells, bool [cell]; NaN where none is yet."""
    curves = results.arrays[name][()][cells]
    curves = curves.reshape(-1, curves.shape[-1])
    return curves[np.isfinite(curves).any(axis=1)]


def last(results, name):
    """[cell][replica]: the error after the last epoch there is, NaN before the first."""
    curves = results.arrays[name][()]
    known = np.isfinite(curves)
    end = curves.shape[-1] - 1 - known[..., ::-1].argmax(axis=-1)
    return np.take_along_axis(curves, end[..., None], axis=-1)[..., 0]


def first_below(results, level, name="test_errors"):
    """[cell][replica]: the first epoch, counted from 1, whose error is below the level; 0 where
    none is, NaN where there is no training yet."""
    curves = results.arrays[name][()]
    below = curves < level
    first = np.where(below.any(axis=-1), below.argmax(axis=-1) + 1.0, 0.0)
    return np.where(np.isfinite(curves).any(axis=-1), first, np.nan)


def level(results):
    """The error in per cent whose crossing is of interest: the paper's where a training gets below
    it, or else the lowest of the file's list that one does; NaN for none."""
    levels = [PAPER_LEVEL]
    if "first_epochs" in results.tables:
        levels += list(np.unique(results.tables["first_epochs"]["threshold"]))
    lowest = np.nanmin(results.arrays["test_errors"][()]) if any_finite(
        results, "test_errors").any() else np.nan
    return next((float(value) for value in levels if lowest < value), np.nan)


def dimensions(results, cells=None):
    """The parameters that tell these cells apart, without those that go with others."""
    rows = results.rows if cells is None else results.rows[cells]
    names = [name for name in results.parameters()
             if name not in SILENT and len(np.unique(rows[name])) > 1]
    for name in sorted(names, key=lambda name: name not in TUNING):
        rest = [other for other in names if other != name]
        if rest and name != "n" and len(np.unique(rows[rest])) == len(np.unique(rows[names])):
            names = rest
    return names


def points(results):
    """The tuning parameters, where the cells are points of a window in them, and no grid."""
    names = [name for name in results.varying() if name in TUNING]
    grid = np.prod([float(len(np.unique(results.rows[name]))) for name in names])
    return names if len(names) > 1 and len(np.unique(results.rows[names])) < grid else []


def with_memories(results):
    """bool [cell]: its trained memories are in the file."""
    stored = results.arrays.get("memories")
    if stored is None or 0 in stored.shape:
        return np.zeros(len(results.rows), dtype=bool)
    return np.isfinite(stored[(slice(None), *[0] * (len(stored.shape) - 1))])


def fixed(results):
    """{name: value} of the parameters that hold for all cells and say something of them."""
    without = idle(results)
    return {name: value for name, value in results.fixed().items()
            if name not in SILENT and not (name in without and without[name].all())}


def idle(results):
    """{name: bool [cell]}: where a parameter has no effect, and stands at its default."""
    rows = results.rows
    rectified = rows["activation"] == "rectified"
    found = {"activation": rows["form"] == "memory",  # the dual form's
             "n": ~rectified}
    if "temperature_start" not in rows.dtype.names:  # the kind anatomy
        return {**found, "temperature": rectified}   # it scales all answers alike
    return {**found, "ramp": rows["temperature_start"] == rows["temperature_end"],
            "training": rows["training"] == 0}  # all images: no limit
