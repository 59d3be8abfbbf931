#!/usr/bin/python3
"""Make one self-contained page of result files: what was run, what came out, what is known of it.

The page needs no network and holds no script. The file's kind of experiment chooses the module in
sections/ that adds to what every kind has; papers.py holds the known values. The same files give
the same bytes.
"""
import argparse
import datetime
import os
import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
sys.dont_write_bytecode = True  # nothing is written but the page

import jinja2  # noqa: E402  the two settings come first
import markupsafe  # noqa: E402
import inline  # noqa: E402
import record  # noqa: E402
import rounding  # noqa: E402
import sections  # noqa: E402
from results import ResultError, Results  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parent / "page"

# Of /provenance, what a reader looks for first; the rest is folded away.
FIRST = ["version", "commit", "cpu", "kernel", "hosts", "ranks", "slurm", "started", "published"]


class Section:
    """One file's part of the page, as the template reads it."""

    def __init__(self, path, number):
        self.number = number
        self.results = Results(path)
        self.record = record.Record(path)
        self.name = self.results.path.name
        self.kind = self.results.kind
        self.summary = self.results.summary
        self.seeds = self.results.seed_words()
        self.resolved = self.results.resolved
        self.states = {name: int((self.results.rows["status"] == name).sum())
                       for name in ("complete", "partial", "failed")}
        self.cells = len(self.results.rows)
        self.outcome = list(sections.outcome(self.results)) or [
            f"{self.states['complete']:,} of {cells(self.cells)} complete."]
        self.missing = list(sections.missing(self.results))
        self.pictures = [self.inline(*pair) for pair in
                         enumerate(sections.pictures(self.results), 1)]
        found = sections.comparisons(self.results)
        self.comparisons = sections.comparison_table(found) if found else None
        self.tables = sections.tables(self.results)
        self.arrays = {name: (extents(self.results.arrays[name]), notes)
                       for name, notes in self.results.array_notes.items()}
        self.failures = table_of("Failed tasks", self.record.failures)
        self.sources = table_of("Merged from", self.record.sources)

    def inline(self, number, picture):
        what = f" ({picture.name})" if picture.name else ""
        words = f"Figure {number} of {self.name}: {self.summary}{what}"
        if picture.figure is None:
            return {"words": words, "trouble": picture.trouble}
        width, height = picture.figure.get_size_inches()
        try:
            svg = inline.svg(picture.figure, f"f{self.number}-{number}-", words)
        except ValueError:
            return {"words": words, "trouble": "a text of the file cannot be drawn in it"}
        return {"words": words, "svg": svg, "panes": round(width / 3.5),
                "tall": height > 1.2 * width}

    def notices(self):
        """[(what, text)]: why this file is not all of its study."""
        found = []
        if self.states["partial"]:
            found.append(("Partial result", f"{self.states['complete']:,} of {self.cells:,} cells "
                          "are complete; the same run, started again, goes on"))
        if self.record.part():
            found.append(("Partial result", f"slice {self.record.part()} of the "
                          "study's cells; dam merge joins the slices"))
        if self.states["failed"]:
            found.append(("Failures", f"{self.states['failed']:,} of {self.cells:,} cells failed; "
                          "dam run --retry-failed tries them again"))
        return found

    def first_provenance(self):
        """[(what, value)]: what a reader looks for first."""
        shown = [(self.record.provenance[name][1], self.record.text(name)) for name in FIRST
                 if self.record.text(name)]
        return shown + [("wall time of the run that published this file", self.wall_time()),
                        ("core time: wall times of the tasks in this file, added up",
                         duration(self.record.core_seconds()))]

    def other_provenance(self):
        return [(what, text) for name, (text, what) in self.record.provenance.items()
                if name not in FIRST and text]

    def wall_time(self):
        try:
            started, published = (datetime.datetime.strptime(self.record.text(name),
                                                             "%Y-%m-%dT%H:%M:%SZ")
                                  for name in ("started", "published"))
        except ValueError:
            return rounding.NONE
        return duration((published - started).total_seconds())


def table_of(title, rows):
    """A table of the file as it stands there, or nothing where it is empty."""
    if rows.count == 0:
        return None
    return sections.Table(title, [
        sections.Column(name, [rounding.number(row[name]) for row in rows.rows], unit, doc,
                        not isinstance(rows.rows[0][name], str))
        for name, (unit, doc) in rows.columns.items()], rows.count, cards=True)


def extents(array):
    """ "101", "4 \N{MULTIPLICATION SIGN} 300": of what a cell has in it."""
    return " \N{MULTIPLICATION SIGN} ".join(map(str, array.shape[1:]))


def duration(seconds):
    """ "1 h 05 min", "2 min 03 s", "3.1 s", "12 ms" """
    if seconds < 60:
        unit, count = ("s", seconds) if seconds >= 0.1 or seconds == 0 else ("ms", 1000 * seconds)
        return f"{rounding.number(float(f'{count:.2g}'))} {unit}"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def render(parts):
    loader = jinja2.FileSystemLoader(PAGE)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(breakable=breakable, together=together, cells=cells)
    environment.globals["nothing"] = rounding.NONE
    style = (PAGE / "report.css").read_text()
    page = environment.get_template("report.html").render(sections=parts, style=style)
    return record.plain(page)


def breakable(words):
    """Names of columns may break after an underscore, and endless words where they must."""
    text = re.sub(r"_(?=\w)|\S{24}(?=\S)", "\\g<0>\0", str(words))
    return markupsafe.Markup("<wbr>").join(text.split("\0"))


def together(words):
    """Without line breaks around the equals sign."""
    return str(words).replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def cells(count):
    return "1 cell" if count == 1 else f"{count:,} cells"


def publish(text, path):
    """Under another name first: a reader sees the old page or the new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(unfinished, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ResultError(f"{path}: cannot write it: {error.strerror.lower()}") from None


def parse_arguments(words):
    parser = argparse.ArgumentParser(
        description="Make one self-contained page of result files of dam.")
    parser.add_argument("files", metavar="FILE.h5", type=pathlib.Path, nargs="+")
    parser.add_argument("-o", "--output", metavar="FILE.html", type=pathlib.Path, required=True,
                        help="the page, .html")
    return parser.parse_args(words)


def main(words):
    arguments = parse_arguments(words)
    try:
        if arguments.output.suffix != ".html":
            raise ResultError(f"{arguments.output}: the output must end in .html")
        parts = []
        for number, path in enumerate(arguments.files, 1):
            try:
                parts.append(Section(path, number))
            except ResultError as error:
                raise ResultError(f"{path}: {error}") from None
        publish(render(parts), arguments.output)
    except ResultError as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
