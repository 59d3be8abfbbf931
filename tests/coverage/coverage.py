#!/usr/bin/python3
"""coverage.py DAM [--searches 200]: do the 95 % intervals of threshold searches cover?

Small cells are searched again and again, each time with another seed, and once at length with a
seed of its own, which tells the threshold. Of each cell are printed the share of intervals that
hold it, and what the median search spent beside twice what trials at the threshold would need:
2 D / (p (1 - p)) (1.96 / (precision slope))^2, p the level. Fails where fewer than 90 % or more
than 99 % hold it, or the median search spends more: but for retained_all, whose curve is so steep
that the first steps and the least number of sets are much of its hundred trials.
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

STUDY = """kind: threshold
grids:
  - {n: 3, N: 30}
  - {n: 3, N: 50}
  - {n: 2, N: 20}
  - {n: 2, N: 100}
  - {n: 4, N: 20, energy: rectified}
  - {n: 3, N: 50, start: memory, noise: 0.3}
  - {n: 3, N: 30, criterion: retained}
  - {n: 3, N: 40, criterion: retained_all}
  - {n: 3, N: 30, criterion: unstable_spins}
"""
NAMES = ("energy", "n", "N", "criterion", "noise")


def search(dam, folder, seed, precision):
    """The rows of /results."""
    output = folder / f"{seed}.h5"
    settings = {"seed": seed, "precision": precision, "max_trials": 10 ** 8}
    subprocess.run([dam, "run", folder / "study.yaml", "-o", output,
                    *(f"--set={name}={value}" for name, value in settings.items())], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with h5py.File(output) as file:
        return file["results"][()]


def report(truth, rows, precision):
    """Print a line for one cell; is all well?"""
    found = rows[rows["outcome"] == truth["outcome"]]
    held = (found["k_low"] <= truth["k_threshold"]) & (truth["k_threshold"] <= found["k_high"])
    slope, design_effect = np.median(found["slope"]), np.median(found["design_effect"])
    size = truth["N"] if truth["criterion"] == b"unstable_spins" else 1
    weight = size * truth["level"] * (1 - truth["level"]) / design_effect
    needed = (1.96 / (precision * slope)) ** 2 / weight
    spent, share = np.median(found["trials"]), held.sum() / len(rows)
    settings = " ".join(f"{v.decode() if isinstance(v, bytes) else v}"
                        for v in (truth[name] for name in NAMES))
    half = (truth["k_high"] - truth["k_low"]) / 2
    print(f"{settings:36} K* = {truth['k_threshold']:.2f} +- {half:.2f}: {held.sum()} of "
          f"{len(rows)} intervals hold it; median {spent:g} trials of {2 * needed:.0f}; mean of "
          f"ln K {np.mean(np.log(found['k_threshold'] / truth['k_threshold'])):+.4f}", flush=True)
    return 0.9 <= share <= 0.99 and (spent <= 2 * needed
                                     or truth["criterion"] == b"retained_all")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dam")
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--precision", type=float, default=0.05)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "study.yaml").write_text(STUDY)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            long = pool.submit(search, given.dam, folder, 10 ** 6, given.precision / 15)
            seeds = range(1, given.searches + 1)
            many = list(pool.map(lambda seed: search(given.dam, folder, seed, given.precision),
                                 seeds))
            truths = long.result()
    well = [report(truth, np.array([rows[cell] for rows in many]), given.precision)
            for cell, truth in enumerate(truths)]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
