"""What a result file says of the run that made it: the study, /provenance and /failures."""
import re

import h5py
import numpy as np

from results import ResultError

# What would break a page or hide in it: control characters, and those that turn text around.
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


ROWS_MAX = 50  # of a table that are read; a page is no place for more


class Record:
    """The record of one result file, in memory.

    study        the text of the study file
    provenance   {name: (text, what it is)} in the order of the names
    timing       {column: array [cell]}: tasks, seconds, predicted ...
    sources      Rows: the files it was merged from, none of a run's own file
    failures     Rows: the tasks that failed
    """

    def __init__(self, path):
        try:
            with h5py.File(path, "r") as file:
                self.study = plain(file["study/text"][()])
                group = file["provenance"]
                self.provenance = {name: (plain(item[()]), plain(item.attrs["doc"]))
                                   for name, item in group.items() if item.shape == ()}
                self.timing = {name: group["timing"][name] for name in group["timing"].dtype.names}
                self.sources = Rows(group.get("sources"))
                self.failures = Rows(file["failures"])
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError):
            raise ResultError("not a result file of dam, or a damaged one") from None

    def text(self, name):
        return self.provenance.get(name, ("", ""))[0]

    def core_seconds(self):
        return float(np.sum(self.timing["seconds"]))

    def part(self):
        """ "2/8" where the file holds one slice of its study's cells, or nothing."""
        return "" if self.text("slice") in ("", "1/1") else self.text("slice")


class Rows:
    """A table of the file: `count` rows, the first of them as dictionaries, and
    {column: (unit, doc)}."""

    def __init__(self, table):
        self.count, self.rows, self.columns = 0, [], {}
        if table is None:
            return
        self.count = len(table)
        self.columns = {name: tuple(plain(table.attrs[f"{name}.{key}"]) for key in ("unit", "doc"))
                        for name in table.dtype.names}
        self.rows = [{name: plain(row[name]) if isinstance(row[name], bytes) else row[name].item()
                      for name in self.columns} for row in table[:ROWS_MAX]]


def plain(value):
    """Text that is safe to show, whatever bytes it was read from."""
    data = value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", data.decode(errors="replace"))
