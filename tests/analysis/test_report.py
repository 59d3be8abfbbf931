#!/usr/bin/python3
"""test_report.py DAM DAM_TEST: the page of result files, read as text and in headless Chromium."""
import contextlib
import html.parser
import io
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import h5py
import matplotlib.image
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = ROOT / "analysis" / "report.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPORT.parent))

import browser  # noqa: E402
import papers  # noqa: E402
import report  # noqa: E402
import rounding  # noqa: E402
import sections  # noqa: E402
from results import Results  # noqa: E402

DAM, DAM_TEST, FOLDER = pathlib.Path(), pathlib.Path(), pathlib.Path()

STUDIES = {
    "recovery": "kind: capacity\nn: [3, 4]\nN: 20\nK: {from: 10, to: 90, step: 10}\nreplicas: 20\n"
                "starts: 20\n",
    "scaling": "kind: capacity\nN: [40, 50, 60]\nK: {from: 40, to: 320, step: 40}\nreplicas: 20\n"
               "starts: 10\n",
    "overlaps": "kind: capacity\nenergy: [power, rectified]\nn: [2, 5]\nN: 100\nK: 2000\n"
                "starts: 1000\n",
    "stability": "kind: capacity\nstart: memory\nn: [2, 3]\nN: 20\nload: [0.2, 0.4, 0.8]\n"
                 "replicas: 50\n",
    "threshold": "kind: threshold\nN: [30, 40, 50]\n",
    "xor": "kind: xor\nseed: 77\nn: {from: 1, to: 8, step: 1}\nenergy: [power, rectified]\n",
}
FIGURES = {"scaling": 2, "threshold": 3}  # the others have one
LONG = "kind: capacity\nN: 200\nK: {from: 1000, to: 2000, step: 200}\nstarts: 20\n"
FAILING = "kind: fail\nspot: {from: 1, to: 8, step: 1}\nreplicas: 3\nfail_from: 6\n"


def run(name, study, program=None, options=(), code=0):
    """The result file of this study, made once."""
    file = FOLDER / f"{name}.h5"
    return file if file.exists() else execute(file, study, program, options, code)


def execute(file, study, program=None, options=(), code=0):
    file.with_suffix(".yaml").write_text(study)
    ended = subprocess.run([program or DAM, "run", file.with_suffix(".yaml"), "-o", file, *options],
                           capture_output=True, text=True, check=False)
    if ended.returncode != code:
        raise AssertionError(ended)
    return file


def of(name):
    return run(name, STUDIES[name])


def partial():
    """A study that was enlarged beyond the time it was given: of each cell something is done."""
    file = FOLDER / "partial.h5"
    if file.exists():
        return file
    execute(file, LONG)
    return execute(file, LONG, options=["--set", "replicas=20000", "--time-limit", "1s"], code=75)


def failing():
    return run("failing", FAILING, DAM_TEST, code=3)


def all_files():
    return [*map(of, STUDIES), partial(), failing()]


def edited(file, name, edit):
    """A copy of a result file, changed by edit(h5py file)."""
    copy = FOLDER / name
    shutil.copy(file, copy)
    with h5py.File(copy, "r+") as handle:
        edit(handle)
    return copy


def figures_of_all():
    """How many figures all_files() have; the failing kind has none."""
    return sum(FIGURES.get(name, 1) for name in STUDIES) + 1


def make(*files, name="page"):
    """The page of these files: its path."""
    page = FOLDER / f"{name}.html"
    code, out, err = call(*files, "-o", page)
    if (code, out, err) != (0, "", ""):
        raise AssertionError((code, out, err))
    return page


def all_on_one():
    """The page of all files, made once."""
    page = FOLDER / "all.html"
    return page if page.exists() else make(*all_files(), name="all")


def call(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = report.main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


class Reader(html.parser.HTMLParser):
    """The page's words, headings, tags and attributes."""

    VOID = {"meta", "wbr", "img", "link", "br"}

    def __init__(self, page):
        super().__init__()
        self.open, self.pieces, self.headings, self.tags = [], [], [], []
        self.feed(pathlib.Path(page).read_text())
        self.words = " ".join("".join(self.pieces).split()).replace("\N{NO-BREAK SPACE}", " ")
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])
        self.pieces.append("" if tag == "wbr" else " ")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
        self.pieces.append(" ")

    def handle_data(self, data):
        if "style" not in self.open:
            self.pieces.append(data)
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings[-1][1] += data

    def count(self, tag, **attributes):
        return sum(name == tag and attributes.items() <= having.items()
                   for name, having in self.tags)


class Content(unittest.TestCase):
    def test_every_file_has_its_section(self):
        page = Reader(all_on_one())
        titles = [text for level, text in page.headings if level == 2]
        self.assertEqual(len(titles), len(all_files()))
        for title, file in zip(titles, all_files()):
            self.assertTrue(title.startswith(f"{Results(file).kind}: "), title)
        for heading in ("What came out", "Beside the papers", "Results", "Failed or missing",
                        "What was run"):
            self.assertEqual([text for _, text in page.headings].count(heading), len(titles))
        self.assertEqual(page.count("svg"), figures_of_all())
        self.assertIn("no figure for kind fail", page.words)

    def test_headings_are_in_order_and_contents_lead_to_the_sections(self):
        page = Reader(all_on_one())
        levels = [level for level, _ in page.headings]
        self.assertEqual(levels.count(1), 1)
        self.assertTrue(all(after <= before + 1 for before, after in zip(levels, levels[1:])))
        ids = [having["id"] for _, having in page.tags if "id" in having]
        self.assertEqual(len(ids), len(set(ids)))
        links = [having["href"] for tag, having in page.tags if tag == "a"]
        self.assertGreaterEqual(len(links), len(all_files()))
        for target in links:
            self.assertIn(target.removeprefix("#"), ids)

    def test_tables_say_what_their_headers_are_for(self):
        page = Reader(all_on_one())
        self.assertEqual(page.count("html", lang="en"), 1)
        self.assertGreater(page.count("th"), 100)
        self.assertEqual(page.count("th"), page.count("th", scope="col") +
                         page.count("th", scope="row"))

    def test_what_a_figure_refers_to_is_its_own(self):
        text = all_on_one().read_text()
        for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
            ids = set(re.findall(r' id="([^"]+)"', svg))
            used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
            self.assertTrue(used)
            self.assertEqual(ids, used)
            self.assertNotIn("<style", svg)

    def test_the_run_is_told(self):
        page = Reader(make(of("xor")))
        with h5py.File(of("xor")) as file:
            for name, item in file["provenance"].items():
                if item.shape == () and item[()]:
                    self.assertIn(" ".join(item[()].decode().split()), page.words, name)
            seconds = file["provenance/timing"]["seconds"].sum()
            for name in ("text", "resolved"):
                words = " ".join(file[f"study/{name}"][()].decode().split())
                self.assertIn(words, page.words)
        self.assertIn("seed 77", page.words)
        self.assertIn(report.duration(seconds), page.words)

    def test_units_and_docs_are_tooltips_and_a_legend(self):
        results, page = Results(of("recovery")), Reader(make(of("recovery")))
        for name in ("mean_sweeps", "recovered_mirror", "theory_k_max"):
            notes = results.columns[name]
            self.assertGreaterEqual(page.count("th", title=notes["doc"]), 1, name)
            self.assertIn(f"{name} [{notes['unit']}] {notes['doc']}", page.words)

    def test_tables_are_the_files(self):
        results = Results(of("xor"))
        page = Reader(make(of("xor")))
        for row in results.rows:
            line = " ".join(rounding.number(row[name]) for name in
                            ("energy", "n", "solved", "correct", "ties", "coefficient", "constant"))
            self.assertIn(line, page.words)

    def test_a_long_table_is_cut_and_says_so(self):
        page = Reader(make(run("many", "kind: xor\nn: {from: 1, to: 60, step: 1}\n"
                               "energy: [power, rectified]\n")))
        self.assertIn("Every cell: 120 rows", page.words)
        with unittest.mock.patch.object(sections, "ROWS_MAX", 50):
            page = Reader(make(run("many", "")))
        self.assertIn("The first 50 of 120 rows.", page.words)
        self.assertNotIn("rectified 60 ", page.words)

    def test_a_merged_file_names_its_sources(self):
        parts = [run(f"seed{seed}", f"kind: xor\nseed: {seed}\n") for seed in (2, 4)]
        merged = FOLDER / "merged.h5"
        if not merged.exists():
            subprocess.run([DAM, "merge", *parts, "-o", merged], check=True, capture_output=True)
        page = Reader(make(merged))
        self.assertIn("seeds 2, 4", page.words)
        for part in parts:
            self.assertIn(part.name, page.words)

    def test_the_same_files_give_the_same_bytes(self):
        pages = []
        for number, zone in enumerate(("UTC", "Asia/Tokyo")):
            pages.append(FOLDER / f"same{number}.html")
            subprocess.run([REPORT, of("scaling"), of("xor"), "-o", pages[-1]], check=True,
                           env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(number)})
        self.assertEqual(pages[0].read_bytes(), pages[1].read_bytes())


class Troubles(unittest.TestCase):
    def test_a_stopped_run_says_so_on_top_and_in_its_section(self):
        results, page = Results(partial()), Reader(make(of("xor"), partial()))
        complete = int(results.complete.sum())
        self.assertLess(complete, len(results.rows))
        said = f"{complete} of {len(results.rows)} cells are complete"
        first, second = (at.start() for at in re.finditer(re.escape(said), page.words))
        self.assertLess(first, page.words.index("xor: the XOR"))
        self.assertLess(page.words.index("capacity: share"), second)
        self.assertIn("cells are partial", page.words)

    def test_a_slice_says_so(self):
        file = run("slice", STUDIES["xor"], options=["--slice", "1/2"])
        self.assertIn("Partial result: slice.h5 : slice 1/2 of the study's cells",
                      Reader(make(file)).words)

    def test_a_whole_result_says_nothing_is_missing(self):
        words = Reader(make(of("xor"))).words
        self.assertNotIn("Partial result", words)
        self.assertIn("Nothing: all cells are complete, no task failed.", words)

    def test_failures_of_a_kind_without_section_are_told(self):
        page = Reader(make(failing()))
        self.assertIn("Failures: failing.h5 : 3 of 8 cells failed", page.words)
        with h5py.File(failing()) as file:
            messages = [row["message"].decode() for row in file["failures"]]
        self.assertEqual(len(messages), 9)
        for message in messages:
            self.assertIn(message, page.words)
        self.assertIn("5 of 8 cells complete.", page.words)

    def test_of_many_failures_the_first_are_shown(self):
        words = Reader(make(run("broken", FAILING.replace("to: 8", "to: 80"), DAM_TEST,
                                code=3))).words
        self.assertIn("The first 50 of 225 rows.", words)
        self.assertIn("spot 6, replica 0: told to fail", words)
        self.assertNotIn("spot 80, replica", words)

    def test_a_run_without_any_replica(self):
        def empty(handle):
            rows = handle["results"][()]
            for name in rows.dtype.names[rows.dtype.names.index("recovered"):-1]:
                if not name.startswith("theory") and rows.dtype[name].kind != "S":
                    rows[name] = np.nan if rows.dtype[name].kind == "f" else 0
            rows["status"] = b"partial"
            handle["results"][()] = rows

        for name in ("recovery", "overlaps", "stability", "scaling"):
            page = Reader(make(edited(of(name), f"empty-{name}.h5", empty)))
            self.assertIn("Partial result", page.words)
            self.assertIn("nothing to draw yet", page.words)


class KnownValues(unittest.TestCase):
    def test_digits_are_what_the_interval_supports(self):
        for numbers, text in (((375.23, 362.1, 388.4), "375 (362 to 388)"),
                              ((1155.3, 1004, 1307), "1160 (1000 to 1310)"),
                              ((0.45512, 0.4354, 0.4748), "0.455 (0.435 to 0.475)"),
                              ((12345.6, 12101, 12590), "12,350 (12,100 to 12,590)"),
                              ((0.5, math.nan, math.nan), "0.5"),
                              ((math.nan, math.nan, math.nan), rounding.NONE)):
            self.assertEqual(rounding.interval(*numbers), text)
        for value, text in ((361.91, "361.9"), (1e-9, "1e-09"), (103403.4, "103,400"),
                            (-0.25, "\N{MINUS SIGN}0.25"), (7, "7"), (1000, "1000"), (10000,
                                                                                     "10,000")):
            self.assertEqual(rounding.number(value), text)

    def comparison(self, ours, value, error=math.nan):
        known = papers.Known("capacity", "K_1/2", {}, value, papers.KH16, papers.ROUNDED, "", error)
        return sections.Comparison("K_1/2", "", sections.Measured(*ours), known, value)

    def test_the_difference_is_in_per_cent_and_standard_errors_of_the_near_side(self):
        # Half intervals of 1.96 standard errors: 10 below, 20 above.
        ours = (100, 100 - 19.6, 100 + 39.2)
        above, below = self.comparison(ours, 130), self.comparison(ours, 80)
        self.assertEqual((above.per_cent(), above.standard_errors(), above.verdict()),
                         ("\N{MINUS SIGN}23.1 %", "\N{MINUS SIGN}1.5", "contained"))
        self.assertEqual((below.per_cent(), below.standard_errors(), below.verdict()),
                         ("+25.0 %", "+2.0", "outside"))
        self.assertEqual(self.comparison((100, 80.4, 119.6), 125, error=7.5).standard_errors(),
                         "\N{MINUS SIGN}2.0")  # of 12.5, joined
        exact = self.comparison((361.9, math.nan, math.nan), 360)
        self.assertEqual((exact.standard_errors(), exact.verdict()), (rounding.NONE,) * 2)

    def test_values_stand_beside_the_cells_they_are_known_for(self):
        found = sections.comparisons(Results(of("overlaps")))
        shares = [one for one in found if one.quantity == "recovered share"
                  and one.known.source == papers.KH16]
        self.assertEqual({one.where.replace("\N{NO-BREAK SPACE}", " ") for one in shares},
                         {f"energy = {energy}, n = {n}" for energy in ("power", "rectified")
                          for n in (2, 5)})
        rows = Results(of("overlaps")).rows
        for one in shares:
            if one.value == 1:
                cells = (rows["n"] == 5) & (rows["energy"] == one.known.where["energy"])
                (row,) = rows[cells]
                self.assertEqual(one.ours.value, row["recovered"] / row["trials"])
                self.assertEqual((one.ours.low, one.ours.high),
                                 (row["recovered_low"], row["recovered_high"]))
        self.assertEqual(sections.comparisons(Results(of("recovery"))), [])  # of N = 20

    def test_half_capacity_stands_beside_the_papers_formula(self):
        found = sections.comparisons(Results(of("scaling")))
        self.assertEqual([round(one.value, 2) for one in found if one.known.source == papers.KH16],
                         [round(N ** 2 / 6 / math.log(N), 2) for N in (50, 60)])
        (ours,) = [one for one in found if one.known.source == papers.EARLIER]
        self.assertEqual(ours.value, 124)
        self.assertLess(abs(ours.ours.value - 124), 25)

    def test_xor_agrees_with_the_paper(self):
        found = sections.comparisons(Results(of("xor")))
        self.assertEqual(len(found), 15)  # nothing is said of n = 1, rectified
        self.assertEqual({one.verdict() for one in found}, {"the same"})

        def unsolve(handle):
            rows = handle["results"][()]
            rows["solved"] = b"no"
            handle["results"][()] = rows

        words = Reader(make(edited(of("xor"), "unsolved.h5", unsolve))).words
        self.assertEqual(words.count("differs"), 10)

    def test_every_known_value_is_measured_by_its_kind(self):
        for known in papers.KNOWN:
            module = sections.module_of(known.kind)
            self.assertIn(known.quantity, module.QUANTITIES)
            self.assertIn(known.source, papers.CITATIONS)


class Thresholds(unittest.TestCase):
    def test_the_threshold_stands_beside_theory_known_values_and_fits(self):
        rows, page = Results(of("threshold")).rows, Reader(make(of("threshold")))
        self.assertEqual(list(rows["outcome"]), ["found"] * 3)
        self.assertIn("3 of 3 cells have a threshold with its interval.", page.words)
        for row in rows:
            threshold = rounding.interval(*(row[name] for name in
                                            ("k_threshold", "k_low", "k_high")))
            self.assertRegex(page.words, rf"{row['N']} {re.escape(threshold)} .* "
                             rf"{rounding.number(row['theory_k'])} {rounding.number(row['ratio'])}")
        known = {one.known.source: one.value for one in
                 sections.comparisons(Results(of("threshold")))}
        self.assertEqual(known, {papers.KH16: 2500 / 6 / math.log(50), papers.EARLIER: 124})
        self.assertIn("Fits across sizes", page.words)
        self.assertIn("K ~ N^b over N = 30 to 50 (3 sizes): b = ", page.words)
        self.assertEqual(page.count("svg"), 3)

    def test_searches_without_a_threshold_are_named_with_the_reason(self):
        page = Reader(make(run("above", "kind: threshold\nN: [20, 80]\nmax_K: 60\n")))
        self.assertIn("1 of 2 cells have a threshold with its interval.", page.words)
        self.assertRegex(page.words, r"No threshold to use for N = 80 \(above max_K\)")
        self.assertNotIn("Nothing: all cells are complete", page.words)

    def test_searches_under_way_say_so(self):
        page = Reader(make(edited(of("threshold"), "searching.h5", self.stop)))
        self.assertIn("Partial result: searching.h5 : 1 of 3 cells are complete", page.words)
        self.assertIn("1 of 3 cells have a threshold with its interval.", page.words)
        self.assertNotIn("nan", page.words)

    def test_searches_before_their_first_step_say_so(self):
        def begin(handle):
            self.stop(handle, begin=0)
            rows = handle["results"][()]
            rows["trials"] = rows["pattern_sets"] = 0
            handle["results"][()] = rows
            steps = handle["search_path"]
            notes = dict(steps.attrs)
            del handle["search_path"]
            handle.create_dataset("search_path", (0,), steps.dtype).attrs.update(notes)

        page = Reader(make(edited(of("threshold"), "begun.h5", begin)))
        self.assertIn("Partial result: begun.h5 : 0 of 3 cells are complete", page.words)
        self.assertIn("nothing to draw yet", page.words)

    @staticmethod
    def stop(handle, begin=1):
        rows = handle["results"][()]
        for name in ("k_threshold", "k_low", "k_high", "slope", "design_effect", "ratio"):
            rows[name][begin:] = np.nan
        rows["status"][begin:], rows["outcome"][begin:] = b"partial", b"unfinished"
        handle["results"][()] = rows


HOSTILE = '</pre><script>alert(1)</script><img src="http://example.org/x" onerror="alert(2)">'

ENDLESS = 120 * "w"  # a word that no screen is wide enough for


def hostile_file():
    def spoil(handle):
        def replace(name, text):
            notes = dict(handle[name].attrs)
            del handle[name]
            handle[name] = np.bytes_(text)
            for key, value in notes.items():
                handle[name].attrs[key] = value

        replace("study/text", HOSTILE.encode() + b"\n\x1b[31m \xff\xfe \xe2\x80\xaereversed")
        replace("study/resolved", HOSTILE)
        for name in ("hosts", "slurm", "version", "kernel"):
            replace(f"provenance/{name}", HOSTILE + name + ENDLESS)
        handle["provenance/cpu"].attrs["doc"] = np.bytes_(HOSTILE)
        notes = handle["results"].attrs
        notes["doc"] = np.bytes_(f"striped {HOSTILE}" + ENDLESS)
        notes["spot.doc"] = np.bytes_(f'" onmouseover="alert(3)"{HOSTILE}{ENDLESS}')
        notes["spot.unit"] = np.bytes_("<b>herds</b>")
        notes["sum.doc"] = np.bytes_("\x1b[1m\u202eknurd".encode())
        rows = handle["failures"][()]
        rows["message"] = HOSTILE.encode() + b"\xff\x07" + ENDLESS.encode()
        handle["failures"][()] = rows

    return edited(failing(), "a&lt;<b>'\"$x_$.h5", spoil)


class Hostile(unittest.TestCase):
    def check(self, page):
        for tag in ("script", "img", "b"):
            self.assertEqual(page.count(tag), 0, tag)
        self.assertFalse([having for _, having in page.tags
                          if any(name.startswith("on") for name in having)])

    def test_text_of_a_file_stays_text(self):
        path = make(hostile_file())
        page = Reader(path)
        self.check(page)
        self.assertGreater(page.words.count('<script>alert(1)</script>'), 10)
        self.assertIn("a&lt;<b>'\"$x_$.h5", page.words)
        self.assertIn("<b>herds</b>", page.words)
        self.assertNotRegex(path.read_text(), "[\x00-\x08\x0b-\x1f\x7f\u202e]")
        self.assertIn("Content-Security-Policy", path.read_text())

    def test_a_name_that_is_no_text(self):
        file = FOLDER / os.fsdecode(b"na\xffme.h5")
        shutil.copy(of("xor"), file)
        self.assertIn("Report of na\N{REPLACEMENT CHARACTER}me.h5", Reader(make(file)).words)

    def test_text_that_cannot_be_drawn_costs_its_figure_alone(self):
        def spoil(handle):
            handle["results"].attrs["doc"] = np.bytes_(rf"{HOSTILE} $\frac$")
            handle["results"].attrs["K.doc"] = np.bytes_(HOSTILE)

        page = Reader(make(edited(of("recovery"), "formula.h5", spoil)))
        self.check(page)
        self.assertIn("No figure: a text of the file cannot be drawn in it", page.words)
        self.assertEqual(page.count("svg"), 0)

        def disguise(handle):
            handle["results"].attrs["K.doc"] = np.bytes_(HOSTILE)

        page = Reader(make(edited(of("recovery"), "disguise.h5", disguise)))
        self.check(page)
        self.assertEqual(page.count("svg"), 1)


class Refusals(unittest.TestCase):
    def refuses(self, complaint, *arguments):
        code, out, err = call(*arguments)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\Areport\.py: [^\n]+\n\Z")
        self.assertIn(complaint, err)

    def test_files_that_are_no_results_leave_the_old_page(self):
        page = make(of("xor"), name="kept")
        before = page.read_bytes(), set(FOLDER.iterdir())
        foreign = FOLDER / "foreign.yaml"
        foreign.write_text("kind: xor\n")
        self.refuses(f"{foreign}: not a result file", of("xor"), foreign, "-o", page)
        self.refuses("no such file", FOLDER / "missing.h5", "-o", page)
        self.refuses("is a folder", FOLDER, "-o", page)
        foreign.unlink()
        self.assertEqual((page.read_bytes(), set(FOLDER.iterdir())), before)

    def test_a_file_without_its_record(self):
        def strip(handle):
            del handle["provenance/timing"]

        self.refuses("not a result file of dam, or a damaged one",
                     edited(of("xor"), "bare.h5", strip), "-o", FOLDER / "bare.html")

    def test_an_output_that_cannot_be_written(self):
        self.refuses("must end in .html", of("xor"), "-o", of("xor"))
        self.refuses("cannot write it: no such file", of("xor"), "-o", FOLDER / "nowhere/a.html")
        folder = FOLDER / "folder.html"
        folder.mkdir()
        before = set(FOLDER.iterdir())
        self.refuses("cannot write it: is a directory", of("xor"), "-o", folder)
        self.assertEqual(set(FOLDER.iterdir()), before)

    def test_a_full_disk_leaves_the_old_page(self):
        page = make(of("xor"), name="full")
        before = page.read_bytes(), set(FOLDER.iterdir())
        limited = ["bash", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@"', "-", REPORT, of("xor"),
                   "-o", page]
        ended = subprocess.run(limited, capture_output=True, text=True, check=False)
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, r"\Areport\.py: .*cannot write it: file too large\n\Z")
        self.assertEqual((page.read_bytes(), set(FOLDER.iterdir())), before)


# Of every text outside figures: the ratio of its luminance and its ground's, where it is too low.
FAINT = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1])
                         + 0.0722 * channel(rgb[2]);
const parse = text => text.match(/[\\d.]+/g).map(Number);
function ground(element) {
    for (; element; element = element.parentElement) {
        const rgb = parse(getComputedStyle(element).backgroundColor);
        if (rgb.length < 4 || rgb[3] > 0) return rgb;
    }
    return null;
}
const faint = [];
for (const element of document.body.querySelectorAll(":not(svg, svg *)")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own) continue;
    const below = ground(element);
    const pair = below && [parse(getComputedStyle(element).color), below].map(luminance).sort();
    const ratio = pair ? (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05) : 0;
    if (ratio < 4.5) faint.push([element.tagName, element.textContent.slice(0, 40), ratio]);
}
return faint;
"""

# Elements that reach beyond the page's right edge, though no ancestor of theirs scrolls.
BEYOND = """
const wide = arguments[0] || document.documentElement.clientWidth;
return [...document.body.querySelectorAll(":not(svg *)")].filter(element => {
    const right = element.getBoundingClientRect().right;
    if (!element.checkVisibility() || right <= wide + 1) return false;
    for (let above = element.parentElement; above; above = above.parentElement)
        if (getComputedStyle(above).overflowX !== "visible") return false;
    return true;
}).map(element => [element.tagName, element.className, element.textContent.slice(0, 40)]);
"""


class InBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(browser.Browser())
        cls.page = make(*all_files(), hostile_file(), name="browser")

    def test_no_complaint_and_nothing_asked_of_a_network(self):
        for width, scheme in ((360, "light"), (1200, "dark")):
            self.browser.show(self.page, width, scheme)
            self.assertEqual(self.browser.complaints(), [])
            self.assertEqual(self.browser.requests(), [self.page.as_uri()])
        self.assertEqual(self.browser.ask("return document.scripts.length"), 0)

    def test_a_foreign_picture_and_a_script_would_be_noticed_and_blocked(self):
        """That the test above can fail, and that the page's policy holds."""
        bad = FOLDER / "bad.html"
        bad.write_text(self.page.read_text().replace("<main>", "<main><img src='x.png'>"
                                                     "<script>document.title = 'run'</script>"))
        self.browser.show(bad, 1200)
        self.assertEqual(len([text for text in self.browser.complaints()
                              if "Content Security Policy" in text]), 2)
        self.assertNotEqual(self.browser.ask("return document.title"), "run")
        self.browser.requests()

    def test_nothing_is_wider_than_the_screen(self):
        for width in (360, 800, 1200):
            self.browser.show(self.page, width)
            self.browser.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
            self.assertLessEqual(self.browser.ask("return document.documentElement.scrollWidth"),
                                 width)
            self.assertEqual(self.browser.ask(BEYOND), [], width)
        self.browser.show(self.page, 360)
        self.assertEqual(self.browser.ask(
            "return [...document.querySelectorAll('.cards')].map(e => e.parentElement)"
            ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent.slice(0, 80))"), [])
        # A cell of a card is a grid: bare text would be torn apart where it may break.
        self.assertEqual(self.browser.ask(
            "return document.querySelectorAll('.cards td > wbr, .cards th[scope=row] > wbr').length"
        ), 0)

    def test_sections_and_figures_are_there_to_be_seen(self):
        self.browser.show(self.page, 360)
        seen = self.browser.ask("return [...document.querySelectorAll('section, svg')].map(e => "
                                "[e.tagName, e.getBoundingClientRect().width, "
                                "e.getBoundingClientRect().height])")
        self.assertEqual([tag for tag, _, _ in seen].count("SECTION"), len(all_files()) + 1)
        self.assertEqual([tag for tag, _, _ in seen].count("svg"), figures_of_all())
        for tag, width, height in seen:
            self.assertGreater(min(width, height), 150, tag)
        names = self.browser.ask("return [...document.querySelectorAll('svg')].map(e => "
                                 "e.getAttribute('role') + e.getAttribute('aria-label'))")
        self.assertTrue(all(re.match("imgFigure [123] of ", name) for name in names), names)

    def test_words_stand_out_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.browser.show(self.page, 1200, scheme)
            self.browser.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
            self.assertEqual(self.browser.ask(FAINT), [], scheme)

    def test_screenshots_have_ink_and_the_dark_one_is_dark_but_for_figures(self):
        bright = {}
        for scheme in ("light", "dark"):
            self.browser.show(make(of("recovery"), name="shot"), 1200, scheme)
            self.browser.screenshot(FOLDER / "shot.png")
            pixels = matplotlib.image.imread(FOLDER / "shot.png")[..., :3]
            bright[scheme] = pixels.mean(axis=2)
            left, top, right, bottom = self.browser.ask(
                "const b = document.querySelector('svg').getBoundingClientRect();"
                "return [b.left, b.top, b.right, b.bottom].map(Math.round)")
            figure = bright[scheme][top:bottom, left:right]
            self.assertGreater(np.median(figure), 0.85)
            self.assertGreater((figure < 0.5).mean(), 0.005)
        self.assertGreater(np.median(bright["light"]), 0.95)
        self.assertLess(np.median(bright["dark"]), 0.15)

    def test_paper_shows_what_the_screen_folds_and_cuts_nothing(self):
        self.browser.show(self.page, 680, media="print")  # A4 less its margins
        self.assertEqual(self.browser.ask(
            "return [...document.querySelectorAll('details > :not(summary)')]"
            ".filter(e => !e.checkVisibility() || !e.getBoundingClientRect().height).length"), 0)
        self.assertEqual(self.browser.ask(
            "return [...document.querySelectorAll('.table:not(.wide) table, figure svg, pre, dl')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.textContent.slice(0, 80))"), [])
        self.browser.show(self.page, 1009, media="print")  # and turned round, for wide tables
        self.assertEqual(self.browser.ask(BEYOND), [])
        printed = self.browser.pdf()
        self.assertTrue(printed.startswith(b"%PDF-"))
        pages = len(re.findall(rb"/Type\s*/Page\b", printed))
        self.assertTrue(len(all_files()) < pages < 100, pages)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: test_report.py DAM DAM_TEST [TEST...]")
    DAM, DAM_TEST = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        unittest.main(verbosity=1)
