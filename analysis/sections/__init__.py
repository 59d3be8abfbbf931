"""What a report says of a result file. One module here for each kind of experiment that has more to
say than every kind has, of the kind's name, found by that name. All it may have:

    outcome(results)     sentences: what came out
    pictures(results)    names of the kind's figures (figures/) that belong in a report; without it
                         the one that suits the file
    intervals(results)   Interval of each value that comes with one
    tables(results)      tables that stand before that of the cells
    missing(results)     sentences: cells without an outcome, and why
    idle(results)        {parameter: bool [cell]}: where it has no effect
    QUANTITIES           {name: Quantity}, of which papers.py knows values
"""
import dataclasses
import importlib
import math
import pkgutil
import typing

import numpy as np

import canvas
import figures
import papers
import rounding
from results import ResultError

ROWS_MAX = 300   # of a table; a page is no place for more
ROWS_OPEN = 30   # a longer table is folded
NORMAL = 1.959964  # half a 95 % interval, in standard errors


@dataclasses.dataclass
class Column:
    name: str
    values: list        # texts
    unit: str = "1"
    doc: str = ""
    numeric: bool = True


@dataclasses.dataclass
class Table:
    title: str
    columns: list
    count: int = 0       # rows that there are; the columns may hold fewer
    notes: list = dataclasses.field(default_factory=list)
    cards: bool = False  # on a narrow screen each row is a card

    def __post_init__(self):
        self.count = self.count or len(self.columns[0].values)
        if self.shown() < self.count:
            self.notes.append(f"The first {self.shown()} of {self.count} rows.")

    def shown(self):
        return len(self.columns[0].values)

    def rows(self):
        return zip(*(column.values for column in self.columns))

    def folded(self):
        return self.shown() > ROWS_OPEN

    def legend(self):
        return [column for column in self.columns if column.doc]


@dataclasses.dataclass
class Picture:
    figure: typing.Any   # of matplotlib, or None where it cannot be drawn
    trouble: str = ""    # and then why
    name: str = ""       # of the kind's figures, where it was asked for by name


@dataclasses.dataclass
class Interval:
    """A value with its 95 % interval, arrays [cell]; it stands for columns of the file."""
    name: str
    unit: str
    doc: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    replaces: tuple


@dataclasses.dataclass
class Quantity:
    """How to find a value that papers.py knows: measure(results, bool [cell]) -> Measured, or None
    where these cells do not tell. The cells differ in the parameters `over` alone."""
    measure: typing.Callable
    over: tuple = ()


@dataclasses.dataclass
class Measured:
    value: typing.Any     # number or word
    low: float = math.nan
    high: float = math.nan
    note: str = ""


def module_of(kind):
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return importlib.import_module(f"{__name__}.{kind}") if kind in names else None


def ask(results, question, otherwise):
    """What the kind's module answers, or `otherwise`."""
    function = getattr(module_of(results.kind), question, None)
    return otherwise if function is None else function(results)


def outcome(results):
    return ask(results, "outcome", [])


def missing(results):
    return ask(results, "missing", [])


# ---- figures ----

def pictures(results):
    return [picture(results, name) for name in ask(results, "pictures", [None])]


def picture(results, name):
    try:
        return Picture(figures.draw(results, name), name=name or "")
    except ResultError as error:
        return Picture(None, str(error), name=name or "")


# ---- tables ----

def tables(results):
    return [*ask(results, "tables", []), cells(results)]


def cells(results):
    """Every cell, without the columns that are the same in all of them, or of no effect."""
    intervals, idle = ask(results, "intervals", []), ask(results, "idle", {})
    replaced = {name for interval in intervals for name in interval.replaces}
    rows = results.rows[:ROWS_MAX]
    settings, values, same = [], [], []
    for name, notes in results.columns.items():
        without = idle.get(name, np.zeros(len(results.rows), dtype=bool))
        if name in replaced or without.all():
            continue
        if len(results.rows) > 1 and not without.any() and is_same(results.rows[name]):
            same.append(describe_same(name, notes, results.rows[name][0]))
            continue
        of = settings if notes["role"] == "parameter" else values
        texts = [rounding.NONE if idle_here else rounding.number(value)
                 for idle_here, value in zip(without, rows[name])]
        of.append(Column(name, texts, notes["unit"], notes["doc"], rows.dtype[name].kind in "if"))
    merged = [Column(one.name, [rounding.interval(*cell) for cell in
                                zip(one.value[:ROWS_MAX], one.low, one.high)], one.unit, one.doc)
              for one in intervals if np.isfinite(one.value).any()]
    notes = [f"The same in every row: {', '.join(same)}."] if same else []
    table = Table("Every cell", settings + merged + values or [Column("cells", ["0"])],
                  len(results.rows), notes)
    return table


def is_same(values):
    return (values == values[0]).all() or (values.dtype.kind == "f" and np.isnan(values).all())


def describe_same(name, notes, value):
    unit = "" if notes["unit"] == "1" else f" {notes['unit']}"
    return f"{name} = {rounding.number(value)}{unit}"


def settings(results, cells, over=()):
    """ "n = 3, N = 100" : what tells these cells from the others."""
    names = [name for name in results.varying() if name not in over]
    return canvas.settings({name: results.rows[name][cells][0] for name in names})


# ---- known values ----

@dataclasses.dataclass
class Comparison:
    quantity: str
    where: str
    ours: Measured
    known: papers.Known
    value: typing.Any

    def numeric(self):
        return not isinstance(self.value, str) and not math.isnan(self.value)

    def ours_text(self):
        if isinstance(self.ours.value, str):
            return self.ours.value
        return rounding.interval(self.ours.value, self.ours.low, self.ours.high)

    def value_text(self):
        if isinstance(self.value, str):
            return self.value
        if math.isnan(self.value):
            return rounding.NONE
        error = self.known.error
        return rounding.number(self.value) + (
            "" if math.isnan(error) else f" \N{PLUS-MINUS SIGN} {rounding.number(error)}")

    def per_cent(self):
        if not self.numeric() or self.value == 0:
            return rounding.NONE
        return f"{rounding.signed(100 * (self.ours.value / self.value - 1))} %"

    def standard_errors(self):
        """The difference, in standard errors of the side that faces the known value, and its
        own."""
        if not self.numeric() or math.isnan(self.ours.low):
            return rounding.NONE
        difference = self.ours.value - self.value
        end = self.ours.low if difference > 0 else self.ours.high
        known = 0 if math.isnan(self.known.error) else self.known.error
        error = math.hypot((self.ours.value - end) / NORMAL, known)
        if error == 0:
            return "0" if difference == 0 else rounding.NONE
        return rounding.signed(difference / error)

    def verdict(self):
        if isinstance(self.value, str):
            return "the same" if self.ours.value == self.value else "differs"
        if not self.numeric() or math.isnan(self.ours.low):
            return rounding.NONE
        return "contained" if self.ours.low <= self.value <= self.ours.high else "outside"

    def source_text(self):
        ours = f"ours: {self.ours.note}" if self.ours.note else ""
        says = ", ".join(filter(None, [self.known.sure, self.known.says]))
        return "; ".join(filter(None, [f"{self.known.source}, {says}", ours]))


def comparisons(results):
    """What papers.py knows of this file's cells, in its order."""
    quantities = getattr(module_of(results.kind), "QUANTITIES", {})
    found = []
    for entry in papers.known(results.kind):
        quantity = quantities[entry.quantity]
        mask = entry.cells(results.rows)
        for cells in alike(results, mask, quantity.over):
            ours = quantity.measure(results, cells)
            if ours is not None:
                cell = results.rows[cells][0]
                found.append(Comparison(entry.quantity, settings(results, cells, quantity.over),
                                        ours, entry, entry.of({name: cell[name] for name in
                                                               cell.dtype.names})))
    return found


def alike(results, mask, over):
    """Those of the cells, bool [cell], that differ in the parameters `over` alone, set by set."""
    names = [name for name in results.varying() if name not in over]
    at = np.flatnonzero(mask)
    keys = results.rows[at][names] if names else np.zeros(len(at))
    for key in np.unique(keys):
        cells = np.zeros(len(mask), dtype=bool)
        cells[at[keys == key]] = True
        yield cells


def comparison_table(found):
    def column(name, texts, doc="", numeric=False):
        return Column(name, list(texts), "1", doc, numeric)

    shown = found[:ROWS_MAX]
    sources = {one.known.source: papers.CITATIONS[one.known.source] for one in shown}
    return Table("Known values and ours", [
        column("quantity", (one.quantity for one in shown)),
        column("where", (one.where or "all cells" for one in shown)),
        column("ours", (one.ours_text() for one in shown),
               "this file's value, with its 95 % interval where it has one", True),
        column("known", (one.value_text() for one in shown),
               "the source's value, \N{PLUS-MINUS SIGN} its standard error where it gives one",
               True),
        column("difference", (one.per_cent() for one in shown), "ours / known - 1", True),
        column("in errors", (one.standard_errors() for one in shown),
               "ours - known, in standard errors: those of our interval's side that faces the "
               "known value, joined with the known value's own", True),
        column("interval", (one.verdict() for one in shown),
               "whether our 95 % interval contains the known value"),
        column("source", (one.source_text() for one in shown),
               "who says so, how sure the value is, and what else to know"),
    ], len(found), [f"{name}: {words}." for name, words in sources.items()], cards=True)
