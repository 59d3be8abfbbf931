#!/usr/bin/python3
"""Draw the figure of a result file, as PNG and SVG.

The file's kind of experiment chooses the module in figures/ that draws it, and its parameters
choose among that kind's figures. Labels and units come from the file itself.
"""
import argparse
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
sys.dont_write_bytecode = True  # nothing is written but the pictures

import figures  # noqa: E402  the two settings come first
from results import ResultError, Results  # noqa: E402


def add_output_arguments(parser):
    parser.add_argument("-o", "--output", metavar="FILE.png", type=pathlib.Path,
                        help="where to, .png or .svg; the other format goes beside it (FILE.png)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--png", action="store_true", help="write the PNG alone")
    only.add_argument("--svg", action="store_true", help="write the SVG alone")


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        description="Draw the figure of a result file of dam, as PNG and SVG.")
    parser.add_argument("file", metavar="FILE.h5", type=pathlib.Path)
    parser.add_argument("--figure", metavar="NAME",
                        help="draw this one of the kind's figures; an unknown name lists them")
    add_output_arguments(parser)
    return parser.parse_args(words)


def output_paths(arguments):
    output = arguments.output or arguments.file.with_suffix(".png")
    if output.suffix not in (".png", ".svg"):
        raise ResultError(f"{output}: the output must end in .png or .svg")
    formats = ["png"] * (not arguments.svg) + ["svg"] * (not arguments.png)
    return [output.with_suffix(f".{format}") for format in formats]


def save(figure, paths):
    for path in paths:
        # No date in it: the same result file gives the same picture.
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise ResultError(f"{path}: cannot write it: {error.strerror}") from None


def main(words):
    arguments = parse_arguments(words)
    try:
        paths = output_paths(arguments)
        try:
            figure = figures.draw(Results(arguments.file), arguments.figure)
        except ResultError as error:
            raise ResultError(f"{arguments.file}: {error}") from None
        save(figure, paths)
    except ResultError as error:
        print(f"plot.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
