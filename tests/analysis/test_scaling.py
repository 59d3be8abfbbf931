#!/usr/bin/python3
"""test_scaling.py DAM: fits across sizes and the figures of kind threshold find what is known of
result files that were made to measure; and take what this program writes."""
import contextlib
import csv
import io
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "analysis")]

import h5py  # noqa: E402
import numpy as np  # noqa: E402
from scipy import optimize, special, stats  # noqa: E402

import scaling  # noqa: E402
import plot  # noqa: E402
import matplotlib.pyplot  # noqa: E402
import figures  # noqa: E402
import synthetic  # noqa: E402
from figures.threshold.laws import Estimate  # noqa: E402
from results import Results  # noqa: E402

DAM = pathlib.Path()
FOLDER = pathlib.Path()
SIZES = (30, 50, 80, 120, 200)
# Standard errors of ln K, as unequal as searches of small and large networks may leave them.
ERROR = dict(zip(SIZES, (0.01, 0.06, 0.02, 0.08, 0.03)))


def written(name, cells, path=(), **more):
    return synthetic.write(FOLDER / f"{name}.h5", cells, path, **more)


def law(coefficient, exponent, sizes=SIZES):
    return {N: coefficient * N ** exponent for N in sizes}


def draw_of(seed):
    return np.random.default_rng(seed)


def run(program, *arguments):
    """Exit code, stdout and stderr of a script's main, without a process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = program.main([str(argument) for argument in arguments])
    matplotlib.pyplot.close("all")
    return code, out.getvalue(), err.getvalue()


def words_of(svg):
    """All text of a picture, its line breaks forgotten."""
    elements = xml.etree.ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join(" ".join("".join(element.itertext()).split()) for element in elements)


def groups(count, truth, error, seed, told=None):
    """Cells of `count` independent groups, told apart by their noise; `told` are the standard
    errors in the intervals where these are wrong."""
    draw, cells = draw_of(seed), []
    for group in range(count):
        of_group = synthetic.thresholds(truth, error, draw, noise=group / 1000)
        for cell in of_group if told else ():
            reach = np.exp(synthetic.NORMAL * told[cell["N"]])
            cell |= {"k_low": cell["k_threshold"] / reach, "k_high": cell["k_threshold"] * reach}
        cells += of_group
    return cells


class Laws(unittest.TestCase):
    def test_exact_thresholds_give_their_exponent_and_the_theorys_coefficient(self):
        cells = []
        for n in (2, 3, 4, 5):
            for energy in ("power", "rectified"):
                truth = {N: synthetic.theory({"n": n, "N": N, "energy": energy}) for N in SIZES}
                cells += [{"n": n, "N": N, "energy": energy, "k_threshold": K, "k_low": K / 1.1,
                           "k_high": K * 1.1, "theory_k": K} for N, K in truth.items()]
        fitted = scaling.fits(Results(written("exact", cells)))
        self.assertEqual(len(fitted), 8)
        for fit in fitted:
            n = fit.group["n"]
            c = 2 if fit.group["energy"] == "rectified" else 1
            known = c / (2 * {2: 1, 3: 3, 4: 15, 5: 105}[n])
            self.assertAlmostEqual(fit.alpha().value, known, places=9)
            self.assertAlmostEqual(fit.theory["alpha"], known, places=12)
            self.assertAlmostEqual(fit.exponent().value, fit.theory["b"], places=9)
            self.assertLess(fit.exponent().high, n - 1)  # the logarithm
            self.assertLess(fit.law.chi2, 1e-9)

    def test_unstable_spins_grow_without_a_logarithm(self):
        cells = []
        for energy, c in (("power", 1), ("rectified", 2)):
            # K where the Gaussian tail beyond z = sqrt(c N^2 / (3 K)) is 0.005, by bisection.
            alpha = optimize.brentq(lambda a: stats.norm.sf((c / (3 * a)) ** 0.5) - 0.005, 1e-3, 9)
            cells += [{"N": N, "energy": energy, "criterion": "unstable_spins", "level": 0.005,
                       "k_threshold": K, "k_low": K / 1.1, "k_high": K * 1.1, "theory_k": K}
                      for N, K in law(alpha, 2).items()]
        for fit in scaling.fits(Results(written("unstable", cells))):
            self.assertEqual(fit.law_words, "N^2")
            self.assertAlmostEqual(fit.exponent().value, 2, places=9)
            self.assertAlmostEqual(fit.alpha().value / fit.theory["alpha"], 1, places=9)

    def test_all_memories_at_once_have_an_nth_of_the_coefficient(self):
        cells = synthetic.thresholds(law(1, 2), ERROR, draw_of(1), criterion="retained_all")
        (fit,) = scaling.fits(Results(written("all", cells)))
        self.assertAlmostEqual(fit.theory["alpha"], 1 / 6 / 3)

    def test_no_theory_is_no_number(self):
        cells = synthetic.thresholds(law(1, 2), ERROR, draw_of(1), theory_k=np.nan)
        (fit,) = scaling.fits(Results(written("bare", cells)))
        self.assertTrue(np.isnan(fit.theory["alpha"]) and np.isnan(fit.theory["b"]))
        self.assertNotIn("theory", " ".join(fit.sentences))

    def test_intervals_cover_19_times_in_20_and_weights_are_the_best(self):
        count, (A, b) = 400, (0.3, 1.8)
        fitted = scaling.fits(Results(written("cover", groups(count, law(A, b), ERROR, 2))))
        self.assertEqual(len(fitted), count)
        for truth, estimates in ((b, [fit.exponent() for fit in fitted]),
                                 (A, [fit.amplitude() for fit in fitted])):
            covered = sum(estimate.holds(truth) for estimate in estimates)
            # 380 expected, standard deviation 4.4.
            self.assertTrue(364 <= covered <= 395, covered)
        # The scatter of the best linear estimate, and that of one without weights.
        design = np.column_stack([np.ones(5), np.log(SIZES)])
        error = np.array(list(ERROR.values()))
        best = np.linalg.inv(design.T @ (design / error[:, None] ** 2))[1, 1] ** 0.5
        scatter = np.std([fit.exponent().value - b for fit in fitted])
        self.assertTrue(0.88 < scatter / best < 1.12, scatter / best)
        plain = np.linalg.norm(np.linalg.pinv(design)[1] * error)
        self.assertGreater(plain / best, 1.3)  # so that the lines above tell them apart

    def test_alpha_is_covered_19_times_in_20(self):
        truth = {N: 0.2 * N ** 2 / math.log(N) for N in SIZES}
        fitted = scaling.fits(Results(written("alpha", groups(400, truth, ERROR, 3))))
        covered = sum(fit.alpha().holds(0.2) for fit in fitted)
        self.assertTrue(364 <= covered <= 395, covered)

    def test_intervals_that_say_too_little_do_not_narrow_the_exponents(self):
        told = {N: error / 10 for N, error in ERROR.items()}
        fitted = scaling.fits(Results(written("told", groups(400, law(1, 2), ERROR, 4, told))))
        scattered = [fit for fit in fitted if fit.power.bootstrap == "scatter"]
        self.assertGreater(len(scattered), 390)
        covered = np.mean([fit.exponent().holds(2) for fit in scattered])
        self.assertTrue(0.92 < covered < 0.98, covered)  # Student's t of 3 degrees of freedom
        self.assertTrue(all("scatter" in fit.sentences[0] for fit in scattered))
        honest = scaling.fits(Results(written("honest", groups(400, law(1, 2), ERROR, 4))))
        share = np.mean([fit.power.bootstrap == "scatter" for fit in honest])
        self.assertTrue(0.02 < share < 0.09, share)  # the test's level, 0.05

    def test_finite_size_shows_in_the_local_exponents(self):
        small = {N: 0.01 for N in SIZES}
        bent = {N: 0.2 * N ** 2 * (1 - 15 / N) for N in SIZES}  # exponents 2 + 15 / (N - 15)
        # As of a network whose smallest size is out of line: no parabola either.
        broken = dict(zip(SIZES, np.exp(np.cumsum(
            np.array([0, 1.2, 1.6, 1.6, 1.6]) * np.diff(np.log(SIZES), prepend=0)))))
        words = []
        for name, truth in (("bent", bent), ("straight", law(0.2, 2)), ("broken", broken)):
            (fit,) = scaling.fits(Results(written(name, synthetic.thresholds(
                truth, small, draw_of(5)))))
            exact = np.diff(np.log(list(truth.values()))) / np.diff(np.log(SIZES))
            self.assertTrue(all(b.holds(value) for (_, _, b), value in zip(fit.local, exact)))
            words.append(" ".join(fit.sentences))
        self.assertIn("on the whole falling with N", words[0])
        self.assertIn("without a trend", words[1])
        self.assertIn("on the whole rising with N", words[2])

    def test_seeds_are_averaged_by_their_weights(self):
        low, high = {50: 100.0, 100: 400.0}, {50: 110.0, 100: 440.0}
        cells = []
        for seed, truth, error in ((1, low, 0.1), (2, high, 0.05)):
            reach = np.exp(synthetic.NORMAL * error)
            cells += [{**cell, "seed": seed, "k_low": cell["k_threshold"] / reach,
                       "k_high": cell["k_threshold"] * reach}
                      for cell in synthetic.thresholds(truth, dict.fromkeys(truth, 0), draw_of(1))]
        (fit,) = scaling.fits(Results(written("seeds", cells, seeds=[1, 2])))
        np.testing.assert_allclose(fit.sizes.K, [100 * 1.1 ** 0.8, 400 * 1.1 ** 0.8])
        np.testing.assert_allclose(fit.sizes.error(), (100 + 400) ** -0.5)

    def test_the_same_file_gives_the_same_intervals(self):
        file = written("twice", synthetic.thresholds(law(1, 2), ERROR, draw_of(6)))
        one, other = (scaling.fits(Results(file)) for _ in range(2))
        self.assertEqual([fit.power.coefficients for fit in one],
                         [fit.power.coefficients for fit in other])


class Collapsing(unittest.TestCase):
    def test_the_collapse_exponent_is_covered_though_sets_differ(self):
        truth, error = law(0.2, 2), dict.fromkeys(SIZES, 0.02)
        for w, effect, told in ((0.5, 4, 4), (0.0, 4, 4), (0.5, 1, 1), (0.5, 4, 1)):
            with self.subTest(w=w, effect=effect, told=told):
                cells = groups(150, truth, error, 7)
                for cell in cells:
                    cell |= {"design_effect": told, "slope": 4 * (cell["N"] / 80) ** w}
                steps = synthetic.walk(cells, truth, lambda N: 4 * (N / 80) ** w, draw_of(8),
                                       effect=effect)
                fitted = scaling.fits(Results(written("walk", cells, steps)))
                covered = np.mean([fit.collapse.w.holds(w) for fit in fitted])
                self.assertTrue(0.89 < covered < 0.99, covered)
                mean = np.mean([fit.collapse.w.value for fit in fitted])
                self.assertLess(abs(mean - w), 0.02)
                width = np.mean([fit.collapse.w.high - fit.collapse.w.low for fit in fitted])
                self.assertLess(width, 0.5)
                after = np.mean([fit.collapse.after for fit in fitted])
                self.assertTrue(0.8 < after / (effect / told) < 1.25, after)  # by chance
                before = np.mean([fit.collapse.before for fit in fitted])
                self.assertEqual(before > 1.5 * after, w > 0)
                steepness = np.median([fit.collapse.steepness for fit in fitted])
                self.assertTrue(0.8 < steepness / (4 * 80 ** -w) < 1.25, steepness)

    def test_spins_that_become_unstable_rise_with_K(self):
        truth = law(0.05, 2)
        cells = synthetic.thresholds(truth, dict.fromkeys(SIZES, 0.01), draw_of(9),
                                     criterion="unstable_spins", level=0.1)
        steps = []
        for index, cell in enumerate(cells):
            for K in np.geomspace(truth[cell["N"]] / 2, 2 * truth[cell["N"]], 9).round():
                slope = 3 * (cell["N"] / 80) ** 0.3
                share = special.expit(special.logit(0.1) + slope * np.log(K / truth[cell["N"]]))
                spins = draw_of((index, int(K))).binomial(500 * cell["N"], share)
                steps.append((index, 0, K, 8, 500, spins))
        (fit,) = scaling.fits(Results(written("spins", cells, steps)))
        self.assertTrue(fit.collapse.w.holds(0.3), fit.collapse.w)
        self.assertLess(fit.collapse.w.high - fit.collapse.w.low, 0.1)

    def test_a_path_too_short_for_it_is_no_collapse(self):
        truth = law(0.2, 2)
        cells = synthetic.thresholds(truth, ERROR, draw_of(10))
        for name, steps in (("pathless", []),
                            ("short", synthetic.walk(cells, truth, lambda N: 4, draw_of(1),
                                                     points=2)),
                            ("one", synthetic.walk(cells[:1], truth, lambda N: 4, draw_of(1)))):
            with self.subTest(name):
                file = written(name, cells, steps)
                self.assertIsNone(scaling.fits(Results(file))[0].collapse)
                self.assertEqual(run(scaling, file)[0::2], (0, ""))


class Choosing(unittest.TestCase):
    """Which cells a fit uses, and what it says of the others."""

    def test_what_was_not_found_is_left_out_and_named(self):
        cells = synthetic.thresholds(law(0.2, 2), ERROR, draw_of(11))
        spoiled = [{"N": 300, "outcome": "above"}, {"N": 10, "outcome": "below"},
                   {"N": 310, "outcome": "budget"}, {"N": 320, "status": "failed"},
                   {"N": 330, "status": "partial", "k_threshold": 9, "k_low": 8, "k_high": 10},
                   {"N": 340, "k_threshold": 9, "k_low": 9, "k_high": 9},
                   {"N": 350, "k_threshold": 9, "k_low": 0, "k_high": 10}]
        (pure,) = scaling.fits(Results(written("pure", cells)))
        (mixed,) = scaling.fits(Results(written("mixed", cells[:2] + spoiled + cells[2:])))
        self.assertEqual(pure.power.coefficients, mixed.power.coefficients)
        self.assertEqual(pure.law.coefficients, mixed.law.coefficients)
        for words in ("N = 300 (above max_K)", "N = 10 (below the smallest K)",
                      "N = 310 (budget spent)", "N = 320 (failed)", "N = 330 (partial)",
                      "N = 340; N = 350 (without an interval)"):
            self.assertIn(words, mixed.sentences[-1])

    def test_a_budget_spent_near_the_goal_still_counts(self):
        cells = synthetic.thresholds(law(0.2, 2), ERROR, draw_of(12))
        cells[0]["outcome"] = "budget"
        (fit,) = scaling.fits(Results(written("spent", cells)))
        self.assertEqual(len(fit.sizes.N), 5)

    def test_groups_too_small_say_so_beside_the_others(self):
        draw = draw_of(13)
        cells = (synthetic.thresholds(law(0.2, 2), ERROR, draw)
                 + synthetic.thresholds({50: 10}, ERROR, draw, n=2)
                 + [{"n": 4, "N": 50, "outcome": "above"}])
        file = written("single", cells)
        lone, whole, none = scaling.fits(Results(file))
        self.assertIn("one size alone, N = 50", lone.sentences[0])
        self.assertIn("at no size", none.sentences[0])
        self.assertIsNone(lone.power)
        header, rows = scaling.table([lone, whole, none])
        self.assertEqual({len(row) for row in rows}, {len(header)})
        code, out, err = run(scaling, file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("N = 50: a fit takes two", out)

    def test_two_sizes_give_an_exponent_and_no_test_of_the_law(self):
        cells = synthetic.thresholds(law(0.2, 2, (50, 100)), dict.fromkeys((50, 100), 0.01),
                                     draw_of(14))
        (fit,) = scaling.fits(Results(written("pair", cells)))
        self.assertTrue(fit.exponent().holds(2))
        half = synthetic.NORMAL * 0.01 * 2 ** 0.5 / math.log(2)
        self.assertAlmostEqual((fit.exponent().high - fit.exponent().low) / 2 / half, 1, 1)
        self.assertIn("nothing tests the law", fit.sentences[0])
        self.assertTrue(np.isnan(fit.power.chi2_per_degree()))


class Pictures(unittest.TestCase):
    def study(self, name):
        """Two powers of n and two energies with their paths."""
        draw, cells, steps = draw_of(15), [], []
        for n, energy in ((2, "power"), (3, "power"), (3, "rectified")):
            truth = {N: 1.1 * synthetic.theory({"n": n, "N": N, "energy": energy}) for N in SIZES}
            more = synthetic.thresholds(truth, ERROR, draw, n=n, energy=energy,
                                        mirrors="no" if n % 2 else "yes")
            steps += [(row[0] + len(cells), *row[1:])
                      for row in synthetic.walk(more, truth, lambda N: 5, draw)]
            cells += more
        return cells, steps, written(name, cells, steps)

    def test_every_figure_is_drawn_whole(self):
        _, _, file = self.study("figures")
        for figure in ("sizes", "powers", "path", "scaling"):
            with self.subTest(figure):
                output = FOLDER / f"{figure}.png"
                self.assertEqual(run(plot, file, "--figure", figure, "-o", output), (0, "", ""))
                self.check(output)
        self.assertEqual(run(scaling, file)[0::2], (0, ""))
        self.check(file.with_name("figures-scaling.png"))

    def check(self, png):
        pixels = matplotlib.image.imread(png)
        ink = (pixels[..., :3] < 0.9).any(axis=2)
        self.assertTrue(0.01 < ink.mean() < 0.5, ink.mean())
        self.assertFalse(ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())

    def test_the_figure_follows_from_what_varies(self):
        choose = figures.importlib.import_module("figures.threshold").choose
        draw = draw_of(16)
        one = synthetic.thresholds({100: 300}, {100: 0.1}, draw)
        basins = one + synthetic.thresholds({100: 200}, {100: 0.1}, draw, noise=0.2)
        powers = one + synthetic.thresholds({100: 10}, {100: 0.1}, draw, n=2)
        for cells, figure in ((self.study("chosen")[0], "sizes"), (basins, "noise"),
                              (powers, "powers"), (one, "path"), ([{"N": 50}], "path")):
            self.assertEqual(choose(Results(written("choice", cells))), figure)

    def test_points_and_theory_are_the_files(self):
        cells, _, file = self.study("points")
        (axes,) = figures.draw(Results(file), "sizes").axes
        drawn = []
        for container in axes.containers:
            x, y = container.lines[0].get_data()
            bars = np.array(container.lines[2][0].get_segments())
            drawn += list(zip(x, y, bars[:, 0, 1], bars[:, 1, 1]))
        expected = [tuple(cell[name] for name in ("N", "k_threshold", "k_low", "k_high"))
                    for cell in cells]
        np.testing.assert_allclose(sorted(drawn), sorted(expected))
        theory = sorted(y for line in axes.lines if line.get_gid() == "theory"
                        for y in line.get_ydata())
        np.testing.assert_allclose(theory, sorted(cell["theory_k"] for cell in cells))

    def test_labels_come_from_the_file(self):
        cells, _, file = self.study("labels")
        with h5py.File(file, "r+") as handle:
            notes = handle["results"].attrs
            notes["k_threshold.doc"] = np.bytes_("striped zebras that are too many")
            notes["k_threshold.unit"] = np.bytes_("herds")
            handle["search_path"].attrs["K.doc"] = np.bytes_("zebras in the herds tried")
        for figure in ("sizes", "powers", "path", "scaling"):
            run(plot, file, "--svg", "--figure", figure)
            self.assertIn("herds", words_of(file.with_suffix(".svg")))

    def test_path_shows_shares_and_the_curve_through_the_crossing(self):
        cells, steps, file = self.study("path")
        panels = figures.draw(Results(file), "path").axes
        self.assertEqual(len(panels), 3)
        drawn = sorted(point for axes in panels for container in axes.containers
                       for point in zip(*container.lines[0].get_data()))
        expected = {}
        for cell, _, K, _, trials, successes in steps:
            sums = expected.setdefault((cell, K), [0, 0])
            sums[0] += successes
            sums[1] += trials
        np.testing.assert_allclose(drawn, sorted((K, part / whole) for (_, K), (part, whole)
                                                 in expected.items()))
        curves = [line for axes in panels for line in axes.lines if len(line.get_xdata()) == 200]
        self.assertEqual(len(curves), len(cells))
        for cell in cells:
            at = [np.interp(np.log(cell["k_threshold"]), np.log(line.get_xdata()),
                            line.get_ydata()) for line in curves]
            self.assertLess(min(abs(np.array(at) - 0.5)), 1e-3)

    def test_neighbouring_K_of_a_search_are_one_point(self):
        cells = synthetic.thresholds({50: 100, 60: 100}, {50: 0.1, 60: 0.1}, draw_of(21))
        steps = [(0, 0, 100, 1, 10, 5), (0, 1, 101, 3, 30, 9), (0, 1, 200, 1, 10, 1),
                 (1, 0, 100, 1, 10, 10)]
        (axes,) = figures.draw(Results(written("pooled", cells, steps)), "path").axes
        drawn = sorted(point for container in axes.containers
                       for point in zip(*container.lines[0].get_data()))
        np.testing.assert_allclose(drawn, [(100, 1), (100 ** 0.25 * 101 ** 0.75, 14 / 40),
                                           (200, 0.1)])

    def test_unfinished_searches_are_hollow_and_counted(self):
        cells, steps, _ = self.study("under_way")
        cells[0]["status"] = cells[1]["status"] = "partial"
        for name in ("k_threshold", "k_low", "k_high"):
            cells[1][name] = np.nan
        results = Results(written("under_way", cells, steps))
        (axes,) = figures.draw(results, "sizes").axes
        hollow = [container for container in axes.containers
                  if container.lines[0].get_markerfacecolor() == "white"]
        self.assertEqual([len(container.lines[0].get_xdata()) for container in hollow], [1])
        self.assertEqual(figures.draw(results, "path").axes[0].containers[0].lines[0]
                         .get_markerfacecolor(), "white")
        self.assertEqual(run(scaling, results.path)[0::2], (0, ""))
        self.assertIn("partial result: 13 of 15 cells complete",
                      words_of(results.path.with_name("under_way-scaling.svg")))


class Real(unittest.TestCase):
    def test_files_made_to_measure_are_like_the_programs(self):
        study, file = FOLDER / "real.yaml", FOLDER / "real.h5"
        study.write_text("kind: threshold\nenergy: [power, rectified]\nN: [24, 32, 48]\n"
                         "precision: 0.1\n")
        subprocess.run([DAM, "run", study, "-o", file], check=True, capture_output=True)
        real, made = Results(file), Results(written("made", [{"N": 50}]))
        for name, notes in made.columns.items():
            self.assertEqual(notes["role"], real.columns[name]["role"], name)
            self.assertEqual(made.rows.dtype[name].kind, real.rows.dtype[name].kind, name)
        self.assertEqual(made.tables["search_path"].dtype.names,
                         real.tables["search_path"].dtype.names)
        code, out, err = run(scaling, file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("K = alpha N^2 / ln N", out)
        for fit in scaling.fits(real):
            # The theory's file column and the coefficient that stands beside ours are one law.
            theory = fit.theory["alpha"] * fit.sizes.N ** 2 / np.log(fit.sizes.N)
            np.testing.assert_allclose(fit.sizes.theory, theory, rtol=1e-9)
            self.assertTrue(1 < fit.exponent().value < 3)
            self.assertIsNotNone(fit.collapse)
        for figure in ("sizes", "path"):
            self.assertEqual(run(plot, file, "--figure", figure), (0, "", ""))


class Numbers(unittest.TestCase):
    def test_digits_are_those_that_the_interval_gives_a_meaning(self):
        for ends, words in (((1.62345, 1.6, 1.6469), "1.623 [1.600, 1.647]"),
                            ((0.4, -3.04, 4.2), "0.4 [-3.0, 4.2]"),
                            ((38.58, 0.00023, 1.788e6), "39 [0.00023, 1.8e+06]"),
                            ((1.0234e4, 1.0e4, 1.05e4), "1.023e+04 [1e+04, 1.05e+04]"),
                            ((2.5e-5, 2.35e-5, 2.65e-5), "0.0000250 [0.0000235, 0.0000265]"),
                            ((2, 2, 2), "2"), ((np.nan,) * 3, "nan")):
            self.assertEqual(str(Estimate(*ends)), words)


class Command(unittest.TestCase):
    def test_table_says_what_the_fits_do(self):
        cells = synthetic.thresholds(law(0.2, 2), dict.fromkeys(SIZES, 0.01), draw_of(17))
        file = written("table", cells)
        comma = FOLDER / "table.csv"
        code, out, err = run(scaling, file, "--csv", comma)
        self.assertEqual((code, err), (0, ""))
        (fit,) = scaling.fits(Results(file))
        self.assertIn(f"b = {fit.exponent()} {fit.exponent().place_of(2)} n - 1 = 2",
                      " ".join(out.split()))
        with open(comma) as lines:
            (row,) = csv.DictReader(lines)
        self.assertEqual(float(row["b"]), fit.exponent().value)
        self.assertEqual((float(row["alpha_low"]), float(row["alpha_high"])),
                         (fit.alpha().low, fit.alpha().high))
        self.assertEqual((row["energy"], row["n"], row["sizes"], row["law"]),
                         ("power", "3", "5", "N^2 / ln N"))

    def test_the_same_file_gives_the_same_picture(self):
        file = written("picture", synthetic.thresholds(law(0.2, 2), ERROR, draw_of(18)))
        outputs = [FOLDER / f"picture{copy}.png" for copy in (1, 2)]
        for output in outputs:
            subprocess.run([scaling.__file__, file, "-o", output], check=True,
                           stdout=subprocess.DEVNULL)
        for suffix in (".png", ".svg"):
            one, other = (output.with_suffix(suffix).read_bytes() for output in outputs)
            self.assertEqual(one, other)

    def refuses(self, complaint, *arguments, program=scaling):
        before = set(FOLDER.iterdir())
        code, out, err = run(program, *arguments)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\A(scaling|plot)\.py: [^\n]+\n\Z")
        self.assertIn(complaint, err)
        self.assertEqual(set(FOLDER.iterdir()), before)

    def test_what_cannot_be_fitted(self):
        draw = draw_of(19)
        lone = written("lone", synthetic.thresholds({50: 100}, {50: 0.1}, draw))
        self.refuses("thresholds at two sizes or more. A threshold at one size alone, N = 50", lone)
        empty = written("none", [{"N": 50, "outcome": "above"}, {"N": 90, "status": "partial"}])
        self.refuses("N = 50 (above max_K); N = 90 (partial)", empty)
        self.refuses("no threshold found yet", empty, "--figure", "sizes", program=plot)
        self.refuses("no search has tried any K yet", empty, "--figure", "path", program=plot)
        self.refuses("kind capacity searches no thresholds",
                     written("other", [{"N": 50}], kind="capacity"))

    def test_what_cannot_be_read_or_written(self):
        (FOLDER / "text.h5").write_text("kind: threshold\n")
        self.refuses("not a result file", FOLDER / "text.h5")
        self.refuses("no such file", FOLDER / "missing.h5")
        file = written("fine", synthetic.thresholds(law(0.2, 2), ERROR, draw_of(20)))
        self.refuses("must end in .png or .svg", file, "-o", FOLDER / "a.pdf")
        self.refuses("cannot write it", file, "-o", FOLDER / "nowhere" / "a.png")
        code, out, err = run(scaling, file, "--csv", FOLDER / "nowhere" / "a.csv")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\Ascaling\.py: [^\n]+a\.csv: cannot write it[^\n]+\n\Z")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_scaling.py DAM [TEST...]")
    DAM = pathlib.Path(sys.argv.pop(1)).resolve()
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        unittest.main(verbosity=1)
