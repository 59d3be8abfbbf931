#!/usr/bin/python3
"""test_plot.py DAM: the figures of result files, made by this program, show what is in them."""
import contextlib
import csv
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import h5py
import matplotlib.image
import matplotlib.pyplot
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLOT = ROOT / "analysis" / "plot.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(PLOT.parent))

import figures  # noqa: E402
import plot  # noqa: E402
from figures.capacity.scaling import half_capacity  # noqa: E402
from results import Results  # noqa: E402

DAM = pathlib.Path()
FOLDER = pathlib.Path()

STUDIES = {
    "recovery": "n: [2, 3]\nN: 20\nK: [1, 2, 4, 8, 16]\nreplicas: 5\nstarts: 10\n",
    "overlaps": "n: [3, 4]\nN: 20\nK: 30\nstarts: 1000\n",
    "stability": "start: memory\nn: [2, 3]\nN: 20\nload: [0.2, 0.4, 0.8]\nreplicas: 5\n",
    "scaling": "N: [20, 25, 30]\nK: {from: 10, to: 90, step: 10}\nreplicas: 20\nstarts: 10\n",
}


def dam(*arguments):
    return subprocess.run([DAM, *arguments], check=True, capture_output=True, text=True).stdout


def run_study(name, study):
    """The result file of this study, made once."""
    file = FOLDER / f"{name}.h5"
    if not file.exists():
        file.with_suffix(".yaml").write_text(study)
        dam("run", file.with_suffix(".yaml"), "-o", file)
    return file


def capacity(name):
    return run_study(name, f"kind: capacity\n{STUDIES[name]}")


def edited(file, name, edit):
    """A copy of a result file, changed by edit(h5py file)."""
    copy = FOLDER / f"{name}.h5"
    shutil.copy(file, copy)
    with h5py.File(copy, "r+") as handle:
        edit(handle)
    return copy


def draw(*arguments):
    """Exit code, stdout and stderr of plot.py, without a process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = plot.main([str(argument) for argument in arguments])
    matplotlib.pyplot.close("all")
    return code, out.getvalue(), err.getvalue()


def words_of(svg):
    """All text of a picture, its line breaks forgotten."""
    elements = xml.etree.ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join(" ".join("".join(element.itertext()).split()) for element in elements)


def measured_points(axes):
    """The points with error bars: x, y, low, high, in order of x."""
    points = []
    for container in axes.containers:
        x, y = container.lines[0].get_data()
        bars = np.array(container.lines[2][0].get_segments())
        points += list(zip(x, y, bars[:, 0, 1], bars[:, 1, 1]))
    return np.array(sorted(points))


class Pictures(unittest.TestCase):
    def test_every_study_gives_both_formats_beside_the_file(self):
        for name in STUDIES:
            with self.subTest(name):
                file = capacity(name)
                self.assertEqual(draw(file), (0, "", ""))
                self.check_picture(file.with_suffix(".png"))
                self.assertGreater(len(words_of(file.with_suffix(".svg"))), 100)

    def check_picture(self, png):
        pixels = matplotlib.image.imread(png)
        height, width = pixels.shape[:2]
        self.assertTrue(600 <= width <= 4000 and 400 <= height <= 4000, (width, height))
        ink = (pixels[..., :3] < 0.9).any(axis=2)
        self.assertTrue(0.01 < ink.mean() < 0.5, ink.mean())
        # Nothing is cut off at the edges.
        self.assertFalse(ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())

    def test_output_and_formats_are_as_asked(self):
        file = capacity("recovery")
        for options, suffixes in (([], {".png", ".svg"}), (["--svg"], {".svg"}),
                                  (["--png"], {".png"})):
            folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
            self.assertEqual(draw(file, "-o", folder / "a.png", *options), (0, "", ""))
            self.assertEqual({path.name for path in folder.iterdir()},
                             {f"a{suffix}" for suffix in suffixes})

    def test_the_same_file_gives_the_same_bytes(self):
        file = capacity("recovery")
        for name in ("once", "again"):
            subprocess.run([PLOT, file, "-o", FOLDER / f"{name}.png"], check=True)
        for suffix in ("png", "svg"):
            self.assertEqual((FOLDER / f"once.{suffix}").read_bytes(),
                             (FOLDER / f"again.{suffix}").read_bytes())

    def test_labels_come_from_the_files_attributes(self):
        def rename(handle):
            notes = handle["results"].attrs
            self.assertEqual(notes["K.doc"].decode(), "stored memories; give K or load")
            notes["K.doc"] = np.bytes_("striped zebras; give K or load")
            notes["K.unit"] = np.bytes_("herds")
            notes["theory_k_max.doc"] = np.bytes_("the largest herd")

        file = capacity("recovery")
        draw(file, "--svg")
        self.assertIn("K: stored memories", words_of(file.with_suffix(".svg")))
        copy = edited(file, "zebras", rename)
        draw(copy, "--svg")
        words = words_of(copy.with_suffix(".svg"))
        self.assertIn("K: striped zebras [herds]", words)
        self.assertIn("the largest herd", words)

    def test_footer_names_kind_seed_and_version(self):
        file = run_study("seeded", "kind: xor\nseed: 77\nn: [1, 2, 3]\n")
        draw(file, "--svg")
        self.assertIn("kind xor, seed 77, dam 0.", words_of(file.with_suffix(".svg")))

    def test_unfinished_cells_are_hollow_and_counted(self):
        def unfinish(handle):
            rows = handle["results"][()]
            rows["status"][:3] = b"partial"
            rows["trials"][0] = rows["recovered"][0] = rows["recovered_mirror"][0] = 0
            handle["results"][()] = rows

        study = f"kind: capacity\n{STUDIES['recovery']}".replace("[2, 3]", "3")
        copy = edited(run_study("one_n", study), "unfinished", unfinish)
        draw(copy, "--svg")
        self.assertIn("partial result: 2 of 5 cells complete", words_of(copy.with_suffix(".svg")))
        axes = figures.draw(Results(copy)).axes[0]
        fills = {container.lines[0].get_markerfacecolor(): len(container.lines[0].get_xdata())
                 for container in axes.containers}
        self.assertEqual(fills.pop("white"), 2)  # the third unfinished cell has no trials
        self.assertEqual(list(fills.values()), [2])


class Data(unittest.TestCase):
    def test_recovery_shows_the_tables_shares_and_intervals(self):
        file = capacity("recovery")
        table = list(csv.DictReader(io.StringIO(dam("show", file, "--csv"))))
        panels = [axes for axes in figures.draw(Results(file)).axes if axes.containers]
        drawn = np.concatenate([measured_points(axes) for axes in panels])
        expected = [(float(row["K"]), int(row["recovered"]) / 50, float(row["recovered_low"]),
                     float(row["recovered_high"])) for row in table]
        if len(panels) == 1:
            drawn, expected = np.array(sorted(map(tuple, drawn))), sorted(expected)
        np.testing.assert_allclose(drawn, expected, atol=1e-12)

    def test_even_powers_show_mirror_images_too(self):
        file = run_study("mirror", "kind: capacity\nn: [2, 3]\nN: 30\nK: [1, 2, 3]\n")
        (axes,) = [axes for axes in figures.draw(Results(file)).axes if axes.containers]
        dashed = [line for line in axes.lines if line.get_linestyle() == "--"
                  and len(line.get_xdata()) > 0]
        self.assertEqual(len(dashed), 1)
        # A lone memory and its negative are the only minima of n = 2.
        self.assertEqual(dashed[0].get_ydata()[0], 1)

    def test_k_max_stands_where_the_formula_says(self):
        file = run_study("k_max", "kind: capacity\nn: [2, 3]\nN: 100\nK: [5, 400]\nstarts: 2\n")
        drawn = sorted({line.get_xdata()[0] for axes in figures.draw(Results(file)).axes
                        for line in axes.lines if line.get_linestyle() == ":"})
        np.testing.assert_allclose(drawn, [10.86, 361.9], rtol=1e-3)  # the paper's 11 and 360

    def test_histograms_hold_every_start(self):
        file = capacity("overlaps")
        results = Results(file)
        for axes, row in zip(figures.draw(results).axes, results.rows):
            bars = [bar for container in axes.containers for bar in container]
            self.assertEqual(sum(bar.get_height() for bar in bars), 1000)
            peak = [bar.get_height() for bar in bars
                    if round(bar.get_x() + bar.get_width() / 2) == 20]
            self.assertEqual(sum(peak), row["recovered"])

    def test_stability_compares_with_the_theory_columns(self):
        file = capacity("stability")
        results = Results(file)
        for axes, n in zip(figures.draw(results).axes, (2, 3)):
            rows = results.rows[results.rows["n"] == n]
            curves = {line.get_linestyle(): line.get_ydata() for line in axes.lines
                      if line.get_linestyle() in ("-", "--")}
            np.testing.assert_array_equal(curves["-"], rows["theory_p_error_exact"])
            np.testing.assert_array_equal(curves["--"], rows["theory_p_error_gaussian"])

    def test_half_capacity_finds_the_crossing_of_a_known_curve(self):
        K = np.arange(50, 1500, 50)
        trials = np.full(len(K), 1000)
        exact = 1000 / (1 + (K / 375) ** 5)
        self.assertAlmostEqual(half_capacity(K, exact, trials)[0], 375, places=3)

    def test_half_capacity_interval_covers_19_times_in_20_though_sets_differ(self):
        draw = np.random.default_rng(1)
        K = np.arange(50, 1500, 50)
        share = 1 / (1 + (K / 375) ** 5)
        covered = 0
        for _ in range(400):
            # Shares of single sets scatter about the mean: a design effect near 20.
            of_set = draw.beta(50 * share, 50 * (1 - share))
            _, low, high = half_capacity(K, draw.binomial(1000, of_set), np.full(len(K), 1000))
            covered += low < 375 < high
        # 380 expected, standard deviation 4.4.
        self.assertTrue(360 <= covered <= 398, covered)

    def test_half_capacity_is_unknown_without_a_crossing(self):
        K, trials = np.array([50, 100, 150, 200]), np.full(4, 100)
        self.assertIsNone(half_capacity(K, np.array([99, 95, 90, 80]), trials))
        self.assertIsNone(half_capacity(K, np.array([40, 30, 20, 10]), trials))
        # Two points near the crossing make a curve, but tell nothing of its error.
        self.assertIsNone(half_capacity(K, np.array([100, 90, 10, 0]), trials))

    def test_xor_is_solved_where_the_paper_says(self):
        file = run_study("xor", "kind: xor\nn: {from: 1, to: 8, step: 1}\n"
                                "energy: [power, rectified]\n")
        axes = figures.draw(Results(file)).axes[0]
        solved = sorted(x for line in axes.lines if line.get_marker() == "o"
                        for x in line.get_xdata())
        self.assertEqual(solved, sorted([3, 5, 7] + [2, 3, 4, 5, 6, 7, 8]))


class Seeds(unittest.TestCase):
    """Files that dam merge made of several seeds."""

    def merged(self, name):
        study = f"kind: capacity\n{STUDIES[name]}"
        parts = [run_study(f"{name}{seed}", f"{study}seed: {seed}\n") for seed in (2, 4)]
        file = FOLDER / f"{name}-merged.h5"
        if not file.exists():
            dam("merge", *parts, "-o", file)
        return file, [Results(part) for part in parts]

    def test_every_figure_is_that_of_one_seed(self):
        module = figures.importlib.import_module("figures.capacity")
        for name in STUDIES:
            file, _ = self.merged(name)
            self.assertEqual(module.choose(Results(file)), name)
            self.assertEqual(draw(file), (0, "", ""))
            self.assertIn("kind capacity, seeds 2, 4, dam", words_of(file.with_suffix(".svg")))

    def test_a_curve_for_each_seed(self):
        file, parts = self.merged("recovery")
        drawn = np.concatenate([measured_points(axes) for axes in figures.draw(Results(file)).axes
                                if axes.containers])
        expected = [(row["K"], row["recovered"] / row["trials"]) for part in parts
                    for row in part.rows]
        np.testing.assert_allclose(sorted(map(tuple, drawn[:, :2])), sorted(expected))
        draw(file, "--svg")
        self.assertIn("seed = 4, n = 3", words_of(file.with_suffix(".svg")))

    def test_histograms_are_pooled(self):
        file, parts = self.merged("overlaps")
        panels = figures.draw(Results(file)).axes
        self.assertEqual(len(panels), 2)
        for axes, one, other in zip(panels, *(part.rows for part in parts)):
            bars = [bar for container in axes.containers for bar in container]
            self.assertEqual(sum(bar.get_height() for bar in bars), 2000)
            peak = [bar.get_height() for bar in bars
                    if round(bar.get_x() + bar.get_width() / 2) == 20]
            self.assertEqual(sum(peak), one["recovered"] + other["recovered"])


class Choice(unittest.TestCase):
    def test_the_figure_follows_from_what_varies(self):
        module = figures.importlib.import_module("figures.capacity")
        for name in STUDIES:
            self.assertEqual(module.choose(Results(capacity(name))), name)

    def test_every_kind_has_figures(self):
        listed = [line.split()[0] for line in dam("kinds").splitlines() if re.match(r"\w", line)]
        self.assertIn("capacity", listed)
        for kind in listed:
            self.assertIn(kind, figures.kinds())
            module = figures.importlib.import_module(f"figures.{kind}")
            self.assertTrue(module.FIGURES)


class Refusals(unittest.TestCase):
    def refuses(self, complaint, *arguments):
        before = set(FOLDER.iterdir())
        code, out, err = draw(*arguments)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\Aplot\.py: [^\n]+\n\Z")
        self.assertIn(complaint, err)
        self.assertEqual(set(FOLDER.iterdir()), before)

    def test_what_is_no_result_file(self):
        good = capacity("recovery").read_bytes()
        for name, content, complaint in (("text", b"kind: capacity\n", "not a result file"),
                                         ("empty", b"", "not a result file"),
                                         ("short", good[:len(good) // 2], "not a result file")):
            (FOLDER / f"{name}.h5").write_bytes(content)
            self.refuses(complaint, FOLDER / f"{name}.h5")
        self.refuses("no such file", FOLDER / "missing.h5")
        self.refuses("is a folder", FOLDER)

    def test_what_is_anothers_hdf5_file(self):
        with h5py.File(FOLDER / "foreign.h5", "w") as handle:
            handle["temperature"] = [1.0, 2.0]
        self.refuses("not a result file of dam", FOLDER / "foreign.h5")

        def strip(handle):
            for name in list(handle["results"].attrs):
                del handle["results"].attrs[name]

        self.refuses("not a result file of dam", edited(capacity("recovery"), "bare", strip))

    def test_an_unknown_kind_names_the_known_ones(self):
        def rename(handle):
            del handle["study/kind"]
            handle["study/kind"] = np.bytes_("../plot")

        self.refuses("no figure for kind ../plot; there are figures for anatomy, capacity",
                     edited(capacity("recovery"), "unknown", rename))

    def test_a_run_without_any_replica(self):
        def empty(handle):
            rows = handle["results"][()]
            rows["trials"], rows["status"] = 0, b"partial"
            handle["results"][()] = rows

        copy = edited(capacity("recovery"), "started", empty)
        for figure in (None, "recovery", "overlaps", "stability", "scaling"):
            self.refuses("0 of 10 cells complete", copy, *(["--figure", figure] if figure else []))

    def test_a_figure_the_file_cannot_give(self):
        file = capacity("recovery")
        self.refuses("it has recovery, overlaps, stability, scaling", file, "--figure", "pie")
        self.refuses("start = memory", file, "--figure", "stability")

    def test_an_output_that_cannot_be_written(self):
        file = capacity("recovery")
        self.refuses("must end in .png or .svg", file, "-o", FOLDER / "a.h5")
        self.refuses("cannot write it", file, "-o", FOLDER / "nowhere" / "a.png")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_plot.py DAM [TEST...]")
    DAM = pathlib.Path(sys.argv.pop(1)).resolve()
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        unittest.main(verbosity=1)
