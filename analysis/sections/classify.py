"""Training of classifiers: errors, the best cells, and the epochs that get below a level."""
import math

import numpy as np
from scipy import stats

import canvas
import figures.classify
import rounding
from figures.classify import trainings
from figures.classify.curves import crossing_words, split
from . import Column, Measured, Quantity, Table

GROUPS_MAX = 8  # of which the outcome speaks one by one
BEST_MAX = 5    # cells of a group in the table of the best
CHANCE = 0.95   # of the intervals


def pictures(results):
    """The figure that suits the file; of a search the curves too, and the memories if there."""
    if not trainings.has_data(results).any():
        return [None]
    names = [figures.classify.choose(results), "curves"]
    if trainings.with_memories(results).any():
        names.append("memories")
    return list(dict.fromkeys(names))


def groups(results):
    """[(what tells them from the others, bool [cell])] of the cells that are one curve."""
    panel_by, series_by, _ = split(results)
    names = [*panel_by, *series_by]
    ordered = [name for name in results.parameters() if name in names]
    there = trainings.has_data(results)
    return [(key, cells & there) for key, cells in results.groups(ordered) if (cells & there).any()]


idle = trainings.idle


# ---- what came out ----

def outcome(results):
    if not trainings.has_data(results).any():
        return
    found = groups(results)
    level = trainings.level(results)
    if len(found) > GROUPS_MAX:
        yield sentence(results, {}, trainings.has_data(results), level)
        return
    for key, cells in found:
        yield sentence(results, key, cells, level)


def sentence(results, key, cells, level):
    """ "n = 2: test error 1.48 to 1.6 %, median 1.52 %, after 3000 epochs (16 trainings); ..." """
    test = last(results, "test_errors", cells)
    text = f"test error {spread(test)} after {epochs(results, cells)} ({counted(len(test))})"
    held_out = results.rows["validation_error"][cells]
    if np.isfinite(held_out).any() and cells.sum() > 1:
        best = np.flatnonzero(cells)[np.nanargmin(held_out)]
        text += (f"; the lowest validation error is {per_cent(np.nanmin(held_out))}, and that "
                 f"cell's test error {per_cent(results.rows['test_error'][best])}")
    crossing = crossing_words(results, cells, level)
    text += f"; {crossing}" if crossing else ""
    name = canvas.settings(key)
    return f"{name}: {text}." if name else f"{text[:1].upper()}{text[1:]}."


def last(results, name, cells):
    """The last errors of these cells' trainings, those that there are."""
    errors = trainings.last(results, name)[cells].ravel()
    return errors[np.isfinite(errors)]


def spread(errors):
    if len(errors) == 0:
        return "not known"
    if len(errors) == 1 or errors.min() == errors.max():
        return per_cent(errors[0])
    return (f"{rounding.number(errors.min())} to {per_cent(errors.max())}, median "
            f"{per_cent(np.median(errors))},")


def per_cent(value):
    return f"{rounding.number(value)} %" if math.isfinite(value) else rounding.NONE


def counted(count):
    return "1 training" if count == 1 else f"{count} trainings"


def epochs(results, cells):
    """ "60 epochs", "20 to 60 epochs": how long these trainings are by now."""
    lengths = np.isfinite(results.arrays["train_errors"][()][cells]).sum(axis=-1)
    low, high = lengths[lengths > 0].min(initial=lengths.max()), lengths.max()
    if high == 1:
        return "1 epoch"
    return f"{high} epochs" if low == high else f"{low} to {high} epochs"


def first_words(first):
    """ "179 to 312" of the first epochs of these trainings; those that never do are left out."""
    first = first[np.isfinite(first) & (first > 0)]
    if len(first) == 0:
        return rounding.NONE
    low, high = first.min(), first.max()
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


# ---- tables ----

def tables(results):
    if not trainings.has_data(results).any():
        return []
    made = first_tables(results)
    if len(results.rows) > 1:
        made.insert(0, best_table(results))
    return made


def best_table(results):
    """Of each group the cells with the lowest validation error, or test error where none is."""
    by = ("validation_error" if np.isfinite(results.rows["validation_error"]).any()
          else "test_error")
    chosen = []
    for _, cells in groups(results):
        at = np.flatnonzero(cells & np.isfinite(results.rows[by]))
        chosen += list(at[np.argsort(results.rows[by][at], kind="stable")][:BEST_MAX])
    rows, level = results.rows[chosen], trainings.level(results)
    names = [name for name in results.varying() if name not in ("epochs", "memories")]
    columns = [Column(name, [rounding.number(value) for value in rows[name]],
                      results.columns[name]["unit"], results.columns[name]["doc"],
                      rows.dtype[name].kind in "if") for name in names]
    for name in ("validation_error", "test_error", "test_error_sd", "train_error"):
        if np.isfinite(rows[name]).any():
            columns.append(Column(name, [rounding.number(value) for value in rows[name]],
                                  results.columns[name]["unit"], results.columns[name]["doc"]))
    if not math.isnan(level):
        first = trainings.first_below(results, level)
        columns.append(Column(f"first epoch under {level:g} %",
                              [first_words(first[cell]) for cell in chosen], "1",
                              "first epoch, counted from 1, whose test error is below it"))
    notes = [f"Lowest {by} first, at most {BEST_MAX} cells for each setting of what is not tuned."]
    if by == "test_error":
        notes.append("No images were held out: who chooses by these test errors chooses on the "
                     "test images.")
    return Table("Best cells", columns, notes=notes)


def first_tables(results):
    """For each group and level that any training reaches the first epochs below it: a table, or
    none where no level is reached."""
    levels = np.array([trainings.PAPER_LEVEL])
    if "first_epochs" in results.tables:
        levels = np.union1d(levels, results.tables["first_epochs"]["threshold"])
    first = {level: [trainings.first_below(results, level, f"{kind}_errors")
                     for kind in ("validation", "test")] for level in levels}
    reached = [level for level in levels if any((of > 0).any() for of in first[level])]
    if not reached:
        return []
    found = [(canvas.settings(key) or "all cells", level, *(of[cells] for of in first[level]))
             for key, cells in groups(results) for level in reached]
    where, level, validation, test = zip(*found)
    never = max((level for level in levels if level not in reached), default=None)
    columns = [
        Column("where", list(where), numeric=False),
        Column("level", [f"{value:g}" for value in level], "%", "error to get below"),
        Column("test error", [first_words(first) for first in test], "epochs",
               "first epoch, counted from 1, whose test error is below the level: that of the "
               "earliest training to that of the latest"),
        Column("reached", [f"{(first > 0).sum()} of {np.isfinite(first).sum()}" for first in test],
               "1", "trainings whose test error ever is")]
    if any(np.isfinite(first).any() for first in validation):
        columns.append(Column("validation error", [first_words(first) for first in validation],
                              "epochs", "the same of the images held out"))
    return [Table("First epochs below a level", columns,
                  notes=[f"No training gets below {never:g} %."] if never else [])]


# ---- known values ----

def test_error(results, cells):
    """The mean of the trainings, with its 95 % interval where there are several."""
    errors = last(results, "test_errors", cells & results.complete)
    if len(errors) == 0:
        return None
    note = f"{counted(len(errors))} of {epochs(results, cells & results.complete)}"
    if len(errors) == 1:
        return Measured(float(errors[0]), note=note)
    half = stats.t.ppf((1 + CHANCE) / 2, len(errors) - 1) * stats.sem(errors)
    return Measured(float(errors.mean()), float(errors.mean() - half), float(errors.mean() + half),
                    f"mean of {note}, {rounding.number(errors.min())} to "
                    f"{rounding.number(errors.max())}")


def first_epoch(results, cells):
    first = trainings.first_below(results, trainings.PAPER_LEVEL)[cells]
    first = first[np.isfinite(first)]
    if len(first) == 0:
        return None
    words = first_words(first) if (first > 0).any() else "none"
    return Measured(words, note=f"{(first > 0).sum()} of {counted(len(first))}")


OVER = (*trainings.TUNING, *trainings.SILENT)
QUANTITIES = {"test error [%]": Quantity(test_error, OVER),
              "first epoch with a test error under 2 %": Quantity(first_epoch, OVER)}
