"""Result files whose truth is known, as no run could give them; here those of kind threshold."""
import h5py
import numpy as np
from scipy import special, stats

NORMAL = stats.norm.ppf(0.975)
TEXT = "S16"
COLUMNS = {  # name: (type, unit, doc, role, default)
    "energy": (TEXT, "1", "energy function F", "parameter", "power"),
    "n": ("i8", "1", "interaction vertex power", "parameter", 3),
    "N": ("i8", "neurons", "neurons", "parameter", 100),
    "criterion": (TEXT, "1", "what is to fail or hold", "parameter", "recovered"),
    "level": ("f8", "1", "the criterion's level at the threshold", "parameter", 0.5),
    "start": (TEXT, "1", "initial states", "parameter", "random"),
    "noise": ("f8", "1", "share of flipped spins", "parameter", 0.0),
    "mirrors": (TEXT, "1", "mirror images count", "parameter", "no"),
    "k_threshold": ("f8", "memories", "memories at which the criterion crosses its level",
                    "result", np.nan),
    "k_low": ("f8", "memories", "low end of the 95 % interval", "result", np.nan),
    "k_high": ("f8", "memories", "high end of the 95 % interval", "result", np.nan),
    "slope": ("f8", "1", "logistic slope in ln K", "result", np.nan),
    "design_effect": ("f8", "1", "design effect of the pattern sets", "result", np.nan),
    "trials": ("i8", "trials", "trials of the search", "result", 1000),
    "theory_k": ("f8", "memories", "K where theory has the criterion fail", "result", np.nan),
    "outcome": (TEXT, "1", "found, below, above or budget", "result", "found"),
    "status": (TEXT, "1", "complete, partial or failed", "status", "complete"),
}
PATH = {  # name: (unit, doc), all of them integers
    "cell": ("1", "row of /results"),
    "step": ("1", "step of the search"),
    "K": ("memories", "memories tried"),
    "sets": ("sets", "pattern sets"),
    "trials": ("trials", "trials in them"),
    "successes": ("1", "trials that met the criterion; spins for unstable_spins"),
}


def write(file, cells, path=(), kind="threshold", seeds=1):
    """A result file of these cells, {column: value} each, and rows of /search_path."""
    names = [*(["seed"] if np.ndim(seeds) else []), *COLUMNS]
    columns = {"seed": ("i8", "1", "seed of the row", "parameter", 0), **COLUMNS}
    rows = np.array([tuple(cell.get(name, columns[name][4]) for name in names) for cell in cells],
                    dtype=[(name, columns[name][0]) for name in names])
    write_file(file, kind, "search for the threshold", rows, columns, seeds,
               tables={"search_path": ("steps of the searches", PATH, np.array(
                   list(path), dtype=[(name, "i8") for name in PATH]))})
    return file


def write_file(file, kind, doc, rows, columns, seeds=1, arrays=None, tables=None):
    """A result file with the record of a run.

    rows     structured array [cell]; columns {name: (type, unit, doc, role, default)}
    arrays   {name: (unit, doc, array)}
    tables   {name: (doc, {column: (unit, doc)}, rows)}
    """
    with h5py.File(file, "w") as handle:
        table = handle.create_dataset("results", data=rows)
        table.attrs["doc"] = np.bytes_(doc)
        describe(table, {name: columns[name][1:4] for name in rows.dtype.names},
                 ("unit", "doc", "role"))
        for name, (unit, words, array) in (arrays or {}).items():
            stored = handle.create_dataset(name, data=array)
            stored.attrs["unit"], stored.attrs["doc"] = np.bytes_(unit), np.bytes_(words)
        for name, (words, notes, of_table) in (tables or {}).items():
            stored = handle.create_dataset(name, data=of_table)
            stored.attrs["unit"], stored.attrs["doc"] = np.bytes_("1"), np.bytes_(words)
            describe(stored, notes, ("unit", "doc"))
        handle["study/kind"], handle["study/resolved"] = np.bytes_(kind), np.bytes_("")
        handle["study/seed"], handle["study/text"] = seeds, np.bytes_(f"kind: {kind}\n")
        handle["provenance/version"] = handle["provenance/commit"] = np.bytes_("0")
        for name in ("version", "commit"):
            handle[f"provenance/{name}"].attrs["doc"] = np.bytes_(f"{name} of the program")
        handle["provenance/timing"] = np.zeros(len(rows), dtype=[("seconds", "f8")])
        handle.create_dataset("failures", (0,), [("message", "S16")])
        describe(handle["failures"], {"message": ("1", "what went wrong")}, ("unit", "doc"))


def describe(table, notes, keys):
    for name, words in notes.items():
        for key, word in zip(keys, words):
            table.attrs[f"{name}.{key}"] = np.bytes_(word)


def theory(cell):
    """c N^(n-1) / (2 (2n-3)!! ln N), as the program's column has it."""
    spread = {2: 1, 3: 3, 4: 15, 5: 105}[cell["n"]]
    c = 2 if cell["energy"] == "rectified" else 1
    return c * cell["N"] ** (cell["n"] - 1) / (2 * spread * np.log(cell["N"]))


def thresholds(truth, error, draw, **fixed):
    """Cells with k_threshold drawn about truth {N: K}, standard error `error` {N: in ln K}."""
    cells = []
    for N, K in truth.items():
        cell = {"energy": "power", "n": 3, "N": N, **fixed}
        found = np.exp(np.log(K) + error[N] * draw.standard_normal())
        reach = np.exp(NORMAL * error[N])
        cells.append({"theory_k": theory(cell), "slope": 5.0, "design_effect": 1.0, **cell,
                      "k_threshold": found, "k_low": found / reach, "k_high": found * reach})
    return cells


def walk(cells, truth, slope, draw, trials=200, effect=1, points=9):
    """Rows of a search path about each cell's true crossing of one half, with slope(N) in ln K:
    two steps over the same K.

    effect > 1: the trials of a row go together, as those of few pattern sets do.
    """
    rows = []
    for index, cell in enumerate(cells):
        crossing = truth[cell["N"]]
        for step in range(2):
            for K in np.geomspace(crossing / 2, 2 * crossing, points).round():
                share = special.expit(-slope(cell["N"]) * np.log(K / crossing))
                if effect > 1:
                    pairs = (trials - 1) / (effect - 1) - 1  # a + b of the beta distribution
                    share = draw.beta(max(share * pairs, 1e-9), max((1 - share) * pairs, 1e-9))
                rows.append((index, step, K, 8, trials, draw.binomial(trials, share)))
    return rows
