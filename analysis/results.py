"""Reading a result file of dam.

    /results              one compound row per cell: parameters, result columns, `status`
                          (complete, partial or failed); attributes NAME.unit, NAME.doc and
                          NAME.role (parameter, result or status) describe each column, `doc`
                          the kind of experiment
    /NAME [cell][...]     an array-valued result of up to four dimensions, with attributes `unit`
                          and `doc`, and `dimensions` where they have names: "cell, replica"
    /NAME                 a table of the kind: compound rows that begin with `cell`, the row of
                          /results that they belong to, in its order; of a cell any number, or none
    /study                kind, seed, schema_version, the study's text, and the text with every
                          default filled in (resolved); of merged files several seeds may be
                          there, and then /results has a parameter column seed
    /failures             tasks that failed
    /provenance           version, commit, compiler, hosts ...

What a figure says about a column comes from these attributes: nothing is declared again in Python.
"""
import pathlib
import re

import h5py
import numpy as np


class ResultError(Exception):
    """What is wrong with a result file, in one line."""


class Stored:
    """An array that stays in its file; indexing it reads that part."""

    def __init__(self, path, item):
        self.path, self.name, self.shape = path, item.name, item.shape

    def __getitem__(self, part):
        try:
            with h5py.File(self.path, "r") as file:
                return file[self.name][part]
        except (OSError, KeyError, ValueError, TypeError, RuntimeError):
            raise ResultError(f"its {self.name} cannot be read; see dam verify") from None


class Results:
    """One result file, in memory.

    rows      structured array [cell], text columns as str
    columns   {name: {"unit": ..., "doc": ..., "role": ...}}, in the file's order
    arrays    {name: array [cell][...]}, each described by array_notes[name]; those of several
              extents, which may be large, are Stored
    tables    {name: structured array}: rows that begin with `cell`, an index into rows, ascending;
              table_notes[name] = {"unit": ..., "doc": ..., "columns": {column: {"unit": ...,
              "doc": ...}}}
    complete  bool [cell]: all of its replicas are in
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not self.path.is_file():
            raise ResultError(self._why_not_there())
        try:
            with h5py.File(self.path, "r") as file:
                self._read(file)
        except ResultError:
            raise
        except PermissionError:
            raise ResultError("no permission to read it") from None
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError):
            raise ResultError("not a result file of dam, or a damaged one") from None

    def _why_not_there(self):
        journal = self.path.with_name(self.path.name + ".journal")
        if self.path.is_dir():
            return "is a folder"
        if journal.is_dir():
            return (f"no result yet, only its journal; `touch {journal}/stop` lets a run that is "
                    "under way publish what it has, and the same command goes on")
        return "no such file"

    def _read(self, file):
        if "study/kind" not in file or "results" not in file:
            raise ResultError("an HDF5 file, but not a result file of dam: it has no /study/kind "
                              "and /results")
        self.kind = text(file["study/kind"][()])
        self.seeds = [int(seed) for seed in np.atleast_1d(file["study/seed"][()])]
        self.resolved = text(file["study/resolved"][()])
        self.version = text(file["provenance/version"][()])
        self.commit = text(file["provenance/commit"][()])
        table = file["results"]
        self.summary = text(table.attrs["doc"])
        self.rows = as_str(table[()])
        self.columns = {
            name: {key: text(table.attrs[f"{name}.{key}"]) for key in ("unit", "doc", "role")}
            for name in self.rows.dtype.names}
        self.arrays, self.array_notes = {}, {}
        self.tables, self.table_notes = {}, {}
        for name, item in file.items():
            if not isinstance(item, h5py.Dataset) or name in ("results", "failures"):
                continue
            notes = {key: text(item.attrs[key]) for key in ("unit", "doc")}
            if item.ndim >= 2 and len(item) == len(self.rows):
                self.arrays[name] = item[()] if item.ndim == 2 else Stored(self.path, item)
                self.array_notes[name] = notes
            elif item.ndim == 1 and item.dtype.names and item.dtype.names[0] == "cell":
                self._read_table(name, item, notes)
        self.complete = self.rows["status"] == "complete"

    def _read_table(self, name, item, notes):
        rows = item[()]
        if len(rows) and not (0 <= rows["cell"].min() and rows["cell"].max() < len(self.rows)):
            raise ValueError(f"/{name} names a cell that is not there")
        self.tables[name] = rows
        self.table_notes[name] = dict(notes, columns={
            column: {key: text(item.attrs[f"{column}.{key}"]) for key in ("unit", "doc")}
            for column in rows.dtype.names})

    def parameters(self):
        return [name for name, notes in self.columns.items() if notes["role"] == "parameter"]

    def varying(self):
        """The parameters that take more than one value."""
        return [name for name in self.parameters() if len(np.unique(self.rows[name])) > 1]

    def fixed(self):
        """{name: value} of the parameters that take one value."""
        return {name: self.rows[name][0] for name in self.parameters()
                if len(np.unique(self.rows[name])) == 1}

    def seed_words(self):
        """ "seed 1", "seeds 1, 2, 3" or "8 seeds, 1 to 8"."""
        if len(self.seeds) == 1:
            return f"seed {self.seeds[0]}"
        if len(self.seeds) <= 5:
            return f"seeds {', '.join(map(str, self.seeds))}"
        return f"{len(self.seeds)} seeds, {self.seeds[0]} to {self.seeds[-1]}"

    def groups(self, names):
        """Yield ({name: value}, mask of cells) for each combination of values that occurs."""
        keys = self.rows[list(names)] if names else np.zeros(len(self.rows), dtype=[("", int)])
        for key in np.unique(keys):
            yield dict(zip(names, key)), keys == key

    def meaning(self, name):
        """What the column is, in a few words: the head of its doc, with its unit."""
        notes = self.columns[name]
        head = re.sub(r"^\w+: \w+: ", "", notes["doc"])  # "start: memory: share of ..."
        head = re.split(r"; | \(", head)[0]
        unit = notes["unit"]
        return head if unit == "1" or unit in head else f"{head} [{unit}]"

    def label(self, name):
        """An axis label: the column's name and what it is."""
        meaning = self.meaning(name)
        return meaning if meaning.startswith(f"{name}:") else f"{name}: {meaning}"


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def as_str(rows):
    """The same table with its text columns as str."""
    types = [(name, f"U{rows.dtype[name].itemsize}" if rows.dtype[name].kind == "S"
              else rows.dtype[name]) for name in rows.dtype.names]
    return rows.astype(types)
