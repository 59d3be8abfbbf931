#!/usr/bin/python3
"""Fit how the thresholds of a result file grow with N: K = A N^b, and the theory's law.

Prints a row for each group of searches that differ in N alone and what it comes to in words, and
draws thresholds, residuals and the data collapse, as PNG and SVG.
"""
import argparse
import csv
import pathlib
import sys
import textwrap

sys.dont_write_bytecode = True  # nothing is written but the pictures

import plot  # noqa: E402  the first, as it chooses how matplotlib draws
from figures.threshold.fits import fits, numbers, table  # noqa: E402
from figures.threshold.scaling import scaling as figure  # noqa: E402
from figures.threshold.scaling import sheet  # noqa: E402
from results import ResultError, Results  # noqa: E402

__all__ = ["figure", "fits", "table"]


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        description="Fit how the thresholds of a result file grow with N, and draw it.",
        epilog="The picture is FILE-scaling.png where no other name is given.")
    parser.add_argument("file", metavar="FILE.h5", type=pathlib.Path)
    plot.add_output_arguments(parser)
    parser.add_argument("--csv", metavar="FILE.csv", type=pathlib.Path,
                        help="write the fits there too, in full precision")
    arguments = parser.parse_args(words)
    if arguments.output is None:
        arguments.output = arguments.file.with_name(f"{arguments.file.stem}-scaling.png")
    return arguments


def report(fitted):
    """The table, aligned, and the sentences of each group."""
    header, rows = table(fitted)
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in (header, *rows)]
    for fit in fitted:
        lines += ["", f"{fit.name or 'all cells'}:"]
        for sentence in fit.sentences:
            lines += textwrap.wrap(sentence, 98, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def write_csv(fitted, path):
    try:
        with open(path, "w", newline="") as file:
            rows = [numbers(fit) for fit in fitted]
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise ResultError(f"{path}: cannot write it: {error.strerror}") from None


def main(words):
    arguments = parse_arguments(words)
    try:
        paths = plot.output_paths(arguments)
        try:
            results = Results(arguments.file)
            fitted = fits(results)
            drawing = sheet(results, fitted)
        except ResultError as error:
            raise ResultError(f"{arguments.file}: {error}") from None
        plot.save(drawing, paths)
        if arguments.csv is not None:
            write_csv(fitted, arguments.csv)
    except ResultError as error:
        print(f"scaling.py: {error}", file=sys.stderr)
        return 1
    print(report(fitted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
