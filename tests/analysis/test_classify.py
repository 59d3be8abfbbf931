#!/usr/bin/python3
"""test_classify.py: figures and report of trainings and of their anatomy, from result files whose
truth is known."""
import contextlib
import io
import pathlib
import re
import sys
import tempfile
import unittest
import warnings
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "analysis")]

import h5py  # noqa: E402
import matplotlib.image  # noqa: E402
import matplotlib.pyplot  # noqa: E402
import numpy as np  # noqa: E402
from scipy import stats  # noqa: E402

import browser  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import figures  # noqa: E402
import sections  # noqa: E402
import trainings as made  # noqa: E402
from figures.classify import trainings  # noqa: E402
from results import Results  # noqa: E402

memories = figures.importlib.import_module("figures.classify.memories")
anatomy = figures.importlib.import_module("figures.anatomy")

FOLDER = pathlib.Path()
POWERS = (2, 3, 20, 30)
FLOORS = (1.5, 1.4, 1.6, 1.8)


def call(program, *arguments):
    """Exit code, stdout and stderr of a script's main, without a process of its own; a warning is
    an error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = program.main([str(argument) for argument in arguments])
    matplotlib.pyplot.close("all")
    return code, out.getvalue(), err.getvalue()


def draw(results, name=None):
    return figures.draw(results, name)


def lines_of(axes, group):
    return [line for line in axes.lines if line.get_gid() == group]


def words_of(svg):
    """All text of a picture, its line breaks forgotten."""
    elements = xml.etree.ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    words = " ".join(" ".join("".join(element.itertext()).split()) for element in elements)
    return words.replace("\N{NO-BREAK SPACE}", " ")


def page_of(*files):
    """The page of these files, its path and its words."""
    page = FOLDER / f"{files[0].stem}.html"
    assert call(report, *files, "-o", page) == (0, "", "")
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page.read_text(), flags=re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", text.replace("<wbr>", "")).split())
    return page, words.replace("\N{NO-BREAK SPACE}", " ")


def noise(shape, seed):
    return 1 + 0.02 * np.random.default_rng(seed).standard_normal(shape)


def window_points(points=3, replicas=2, epochs=60, **fixed):
    """Stage 2: for each n several points of the window, all images trained on."""
    draws = np.random.default_rng(3)
    cells, curves = [], {"train": [], "test": []}
    for n, floor in zip(POWERS, FLOORS):
        for _ in range(points):
            cells.append({"n": n, "m": 2 if n < 10 else 30, "validation": 0, **fixed,
                          "learning_rate": draws.uniform(0.01, 0.04),
                          "temperature_end": draws.uniform(30, 100)})
            for kind, runs in curves.items():
                low = floor if kind == "test" else floor / 4
                runs.append(made.curve(epochs, low, 60, 1, 1.5 if n < 10 else 2)
                            * noise((replicas, epochs), len(cells)))
    return cells, {kind: np.array(runs) for kind, runs in curves.items()}


def stage2(name="stage2", thresholds=(2.0, 5.0), **fixed):
    file = FOLDER / f"{name}.h5"
    return file if file.exists() else made.classify(file, *window_points(**fixed),
                                                    thresholds=thresholds)


def search(count, ns=(20,), missing=0, name="search"):
    """A random search; the lower the rate's distance from 0.02, the lower the error."""
    draws = np.random.default_rng(count)
    cells, curves = [], {"train": [], "validation": [], "test": []}
    for n in ns:
        for _ in range(count):
            rate = draws.uniform(0.01, 0.04)
            cells.append({"n": n, "learning_rate": rate, "momentum": draws.uniform(0.6, 0.95),
                          "temperature_start": draws.uniform(500, 700),
                          "decay": draws.uniform(0.99, 0.999)})
            error = 2 + 100 * abs(rate - 0.02) + draws.uniform(0, 0.1)
            for runs in curves.values():
                runs.append([made.curve(5, error, 60, 1, 2)])
    curves = {kind: np.array(runs) for kind, runs in curves.items()}
    for runs in curves.values():
        runs[:missing] = np.nan
    for cell in cells[:missing]:
        cell["status"] = "partial"
    return made.classify(FOLDER / f"{name}{count}.h5", cells, curves)


def numbered(K, pixels, seed=0):
    """Memories [1][K][pixels + 10] of random entries; class entries beyond the pixels' range."""
    found = np.random.default_rng(seed).uniform(-1, 1, (1, K, pixels + 10))
    found[..., -10:] = 5
    return found.astype(np.float32)


def with_pictures(name, K=40, pixels=784, dataset="mnist", ns=(2, 30)):
    cells = [{"n": n, "K": K, "dataset": dataset, "memories": "yes"} for n in ns]
    runs = np.array([[made.curve(3, 5)]] * len(ns))
    return made.classify(FOLDER / f"{name}.h5", cells, {"train": runs, "test": runs},
                         np.array([numbered(K, pixels, n) for n in ns]))


CONNECTIONS = {2: [0, 10, 20, 30, 25, 10, 5, 0, 0, 0, 0], 30: [10, 60, 20, 10, 0, 0, 0, 0, 0, 0, 0]}


def contributions(n, K=200):
    counts = np.zeros(K + 1, dtype=int)
    far = min(K, 60) if n == 2 else 3
    counts[1], counts[2], counts[far] = (50, 50, 900) if n == 2 else (850, 100, 50)
    return counts


def dissected(name="anatomy", cutoffs=(0.9,), ns=(2, 30), K=200, far=None, **fixed):
    """far: images by contributing memories of every cell, instead of counts with one in few."""
    cells, on, used, stored = [], [], [], []
    for row, n in enumerate(ns):
        for shift, cutoff in enumerate(cutoffs):
            cells.append({"n": n, "K": K, "cutoff": cutoff, "source_row": row,
                          "temperature": 60.0, "test_error": 2.0, **fixed})
            on.append(np.roll(CONNECTIONS[n], -shift))
            used.append(contributions(n, K) if far is None else far.astype(int))
            stored.append(numbered(K, 784, n)[0])
    return made.anatomy(FOLDER / f"{name}.h5", cells, np.array(on), np.array(used),
                        np.array(stored))


class Curves(unittest.TestCase):
    def test_of_the_points_of_a_window_median_and_band_are_drawn_for_each_n(self):
        results = Results(stage2())
        test = draw(results).axes[0]
        self.assertEqual(test.get_yscale(), "log")
        runs = results.arrays["test_errors"][()].reshape(4, -1, 60)
        medians = lines_of(test, "median")
        bands = [part for part in test.collections if part.get_gid() == "band"]
        self.assertEqual((len(medians), len(bands)), (4, 4))
        for of_n, line, band in zip(runs, medians, bands):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 61))
            np.testing.assert_allclose(line.get_ydata(), np.median(of_n, axis=0))
            corners = band.get_paths()[0].vertices
            for epoch in (1, 30, 60):
                heights = corners[corners[:, 0] == epoch, 1]
                self.assertAlmostEqual(heights.min(), of_n[:, epoch - 1].min())
                self.assertAlmostEqual(heights.max(), of_n[:, epoch - 1].max())

    def test_first_epochs_are_marked_where_a_search_by_hand_and_the_table_find_them(self):
        results = Results(stage2())
        rows = results.tables["first_epochs"]
        table = {(row["cell"], row["replica"]): row["test_epoch"] for row in rows
                 if row["threshold"] == 2}
        for place, first in np.ndenumerate(trainings.first_below(results, 2)):
            self.assertEqual(first, table[place])
        for n, line in zip(POWERS, lines_of(draw(results).axes[0], "first")):
            by_hand, listed = [], []
            for cell in np.flatnonzero(results.rows["n"] == n):
                for replica, run in enumerate(results.arrays["test_errors"][cell]):
                    epochs = [epoch for epoch, error in enumerate(run, 1) if error < 2]
                    by_hand += epochs[:1]
                    listed.append(table[cell, replica])
            self.assertEqual(sorted(line.get_xdata()), sorted(by_hand))
            self.assertEqual(sorted(by_hand), sorted(filter(None, listed)))
            self.assertEqual(set(line.get_ydata()), {2})

    def test_the_legend_says_from_when_to_when(self):
        file = stage2()
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        results = Results(file)
        first = trainings.first_below(results, 2)[results.rows["n"] == 30]
        self.assertIn(f"n = 30: test error first under 2 % at epoch {first.min():.0f} to "
                      f"{first.max():.0f} (6 of 6 trainings)",
                      words_of(file.with_suffix(".svg")))

    def test_an_error_that_rises_again_is_said_to_be_below_at_first_alone(self):
        runs = np.array([[[9.0, 1.9, 2.5, 1.8, 2.2]]])
        file = made.classify(FOLDER / "again.h5", [{}], {"train": runs, "test": runs})
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        for words in (words_of(file.with_suffix(".svg")), page_of(file)[1]):
            self.assertIn("test error first under 2 % at epoch 2", words)
            self.assertNotRegex(words, r"under 2 % (from|at) epoch \d+ on")

    def test_where_none_gets_below_two_per_cent_the_files_own_levels_count(self):
        cells = [{"dataset": "fashion-mnist", "n": n} for n in (2, 20)]
        runs = np.array([[made.curve(40, floor, 60, 4, 1.5)] for floor in (9, 11)])
        file = made.classify(FOLDER / "levels.h5", cells, {"train": runs, "test": runs},
                             thresholds=(10.0, 12.0, 15.0))
        self.assertEqual(trainings.level(Results(file)), 12)
        made.classify(file, cells, {"train": runs, "test": runs}, thresholds=(1.0,))
        self.assertTrue(np.isnan(trainings.level(Results(file))))
        self.assertEqual(lines_of(draw(Results(file)).axes[0], "first"), [])

    def test_few_settings_have_a_curve_each_and_a_training_without_errors_none(self):
        cells = [{"n": n, "learning_rate": rate} for n in (2, 3) for rate in (0.01, 0.02)]
        runs = np.array([[made.curve(9, 2 + cell, 50), made.curve(9, 1 + cell, 50)]
                         for cell in range(4)])
        runs[3] = np.nan
        runs[2, 1, 4:] = np.nan
        file = made.classify(FOLDER / "few.h5", cells, {"train": runs, "test": runs})
        test = draw(Results(file)).axes[0]
        medians = lines_of(test, "median")
        self.assertEqual(len(medians), 3)
        np.testing.assert_allclose(medians[0].get_ydata(), runs[0].mean(axis=0))
        np.testing.assert_allclose(medians[2].get_ydata()[4:], runs[2, 0, 4:])

    def test_each_curve_with_its_own_settings_is_told_by_n(self):
        file = made.classify(FOLDER / "own.h5", *window_points(points=1, replicas=1))
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        words = words_of(file.with_suffix(".svg"))
        self.assertIn("Each curve has its own m, learning_rate, temperature_end.", words)
        self.assertNotIn("go together", words)
        self.assertIn("n = 2: ", words)

    def test_an_error_of_nothing_leaves_the_others_their_axis(self):
        runs = np.array([[[50.0, 4.0, 0.0, 0.0]]])
        file = made.classify(FOLDER / "zero.h5", [{}], {"train": runs, "test": runs})
        self.assertEqual(call(plot, file, "--png"), (0, "", ""))
        for axes in draw(Results(file)).axes:
            low, high = axes.get_ylim()
            self.assertTrue(3 < low < 4 and 50 < high < 60, (low, high))

    def test_of_a_crowd_the_band_leaves_out_both_ends(self):
        results = Results(search(100))
        runs = results.arrays["test_errors"][:, 0, -1]
        (band,) = [part for part in draw(results, "curves").axes[0].collections
                   if part.get_gid() == "band"]
        corners = band.get_paths()[0].vertices
        ends = np.unique(corners[corners[:, 0] == 5, 1])
        np.testing.assert_allclose(ends[[0, -1]], np.quantile(runs, [0.1, 0.9]))


class Window(unittest.TestCase):
    def test_a_search_is_drawn_as_its_window_and_others_as_curves(self):
        self.assertEqual(figures.classify.choose(Results(search(30))), "window")
        self.assertEqual(figures.classify.choose(Results(stage2())), "curves")

    def test_each_cell_is_a_line_at_its_values_the_lower_the_later(self):
        results = Results(search(30, missing=3))
        axes = draw(results).axes[0]
        drawn = {int(line.get_gid().partition("-")[2]): line for line in axes.lines
                 if (line.get_gid() or "").startswith("cell-")}
        self.assertEqual(set(drawn), set(range(3, 30)))
        rows = results.rows[3:]
        names = [text.get_text().replace("\n", "") for text in axes.get_xticklabels()]
        for place, name in enumerate(["learning_rate", "decay", "momentum", "temperature_start"]):
            self.assertEqual(names[place], name)
            values = rows[name]
            expected = (values - values.min()) / (values.max() - values.min())
            np.testing.assert_allclose([drawn[cell].get_ydata()[place] for cell in range(3, 30)],
                                       expected, atol=1e-12)
        errors = rows["validation_error"]
        by_depth = sorted(drawn, key=lambda cell: -drawn[cell].get_zorder())
        self.assertEqual(by_depth, list(3 + np.argsort(errors)))
        strong = [cell for cell in drawn if drawn[cell].get_linewidth() > 1]
        self.assertEqual(set(strong), set(3 + np.argsort(errors)[:5]))
        light = [np.dot(drawn[cell].get_color()[:3], [0.2126, 0.7152, 0.0722])
                 for cell in by_depth]
        self.assertTrue(np.all(np.diff(light) >= 0), light)

    def test_each_n_has_its_panel(self):
        results = Results(search(15, ns=(2, 20), name="two"))
        panels = [axes for axes in draw(results).axes if axes.lines]
        titles = [axes.get_title(loc="left").replace("\N{NO-BREAK SPACE}", " ") for axes in panels]
        self.assertEqual([title.split(":")[0] for title in titles], ["n = 2", "n = 20"])

    def test_a_thousand_cells(self):
        file = search(1000)
        self.assertEqual(call(plot, file), (0, "", ""))
        self.assertLess(file.with_suffix(".svg").stat().st_size, 2e6)


class Memories(unittest.TestCase):
    def test_the_sample_is_spread_evenly(self):
        np.testing.assert_array_equal(memories.sample(9), range(9))
        np.testing.assert_array_equal(memories.sample(25), range(25))
        np.testing.assert_array_equal(memories.sample(2000), range(40, 2000, 80))
        for count in (26, 100, 2003):
            chosen = memories.sample(count)
            steps = np.diff(chosen)
            self.assertEqual(len(chosen), 25)
            self.assertLessEqual(steps.max() - steps.min(), 1)
            self.assertLessEqual(abs(chosen[0] - (count - 1 - chosen[-1])), steps.max())

    def check_gray(self, pixels, side):
        found = numbered(40, pixels)[0]
        whole, colored = memories.pictures(found)
        self.assertFalse(colored)
        times = whole.shape[0] // (5 * side + 4 * memories.GAP)
        for index, memory in enumerate(memories.sample(40)):
            row, column = divmod(index, 5)
            for pixel in (0, 1, side, pixels - 1):
                y = row * (side + memories.GAP) + pixel // side
                x = column * (side + memories.GAP) + pixel % side
                self.assertEqual(whole[y * times, x * times], found[memory, pixel])
                self.assertEqual(whole[(y + 1) * times - 1, (x + 1) * times - 1],
                                 found[memory, pixel])
        self.assertEqual(np.isfinite(whole).sum(), times ** 2 * 25 * pixels)

    def test_pictures_hold_every_pixel_at_its_place_and_no_class_entry(self):
        self.check_gray(784, 28)
        self.check_gray(64, 8)

    def test_pictures_of_three_planes_are_colored(self):
        found = numbered(25, 3072)[0]
        whole, colored = memories.pictures(found)
        self.assertTrue(colored)
        times = whole.shape[0] // (5 * 32 + 4 * memories.GAP)
        y, x = 1 * (32 + memories.GAP) + 3, 2 * (32 + memories.GAP) + 4  # of the memory 7
        for plane in range(3):
            self.assertAlmostEqual(whole[y * times, x * times, plane],
                                   (found[7, 1024 * plane + 3 * 32 + 4] + 1) / 2, places=6)

    def test_pictures_of_no_square_are_filled_line_by_line(self):
        self.assertEqual(memories.shape_of(10), (3, 4, 1))
        whole, _ = memories.pictures(numbered(3, 10)[0])
        times = whole.shape[0] // 3
        self.assertEqual(np.isfinite(whole).sum(), times ** 2 * 30)

    def test_what_is_padded_is_left_out(self):
        stored = np.full((1, 1, 6, 84), np.nan, dtype=np.float32)
        stored[0, 0, :4, :74] = numbered(4, 64)
        runs = np.array([[[9.0]]])
        file = made.classify(FOLDER / "padded.h5", [{"K": 4, "memories": "yes"}],
                             {"train": runs, "test": runs}, stored)
        self.assertEqual(memories.of_cell(Results(file), 0).shape, (4, 74))

    def test_a_file_with_memories_gets_them_from_minus_one_to_one_side_by_side(self):
        figure = draw(Results(with_pictures("pictures")), "memories")
        images = [axes.images[0] for axes in figure.axes if axes.images]
        self.assertEqual(len(images), 2)
        for image in images:
            self.assertEqual(image.get_clim(), (-1, 1))
            red, blue = image.cmap(1.0), image.cmap(0.0)
            self.assertTrue(red[0] > 2 * red[2] and blue[2] > 2 * blue[0])

    def test_without_memories_it_says_which_study_has_them(self):
        code, _, err = call(plot, stage2(), "--figure", "memories")
        self.assertEqual(code, 1)
        self.assertIn("memories: yes", err)

    def test_large_arrays_stay_in_the_file_until_asked_for(self):
        file = with_pictures("stored")
        stored = Results(file).arrays["memories"]
        with h5py.File(file) as handle:
            np.testing.assert_array_equal(stored[1, 0, 3:5], handle["memories"][1, 0, 3:5])
            self.assertEqual(stored.shape, handle["memories"].shape)
        self.assertNotIsInstance(stored, np.ndarray)


class Anatomy(unittest.TestCase):
    def test_bars_are_the_shares_of_the_counts(self):
        counts = np.bincount([1, 2, 6], (50, 150, 800), 201)
        results = Results(dissected("few-memories", far=counts))
        panels = draw(results).axes
        for column, n in enumerate((2, 30)):
            bars = [bar.get_height() for bar in panels[2 + column].patches]
            np.testing.assert_allclose(bars, CONNECTIONS[n])
            bars = [bar.get_height() for bar in panels[4 + column].patches]
            np.testing.assert_allclose(bars, counts[:7] / 10)
        for row in (panels[2:4], panels[4:6]):
            self.assertEqual(len({axes.get_ylim() for axes in row}), 1)

    def test_bins_that_widen_hold_every_image(self):
        for top in (1, 24, 25, 61, 2000):
            edges = anatomy.bins(top)
            counts = np.arange(2001)
            counts[0] = counts[top + 1:] = 0
            self.assertEqual(anatomy.binned(counts, edges).sum(), counts.sum())
            self.assertTrue(np.all(edges % 1 == 0.5) or top <= 24)

    def test_bins_that_widen_show_no_hump_that_the_counts_have_not(self):
        falling = 0.9 ** np.arange(201)
        falling[0] = 0
        results = Results(dissected("falling", ns=(2, 30), far=np.round(1e6 * falling)))
        figure = draw(results)
        for axes in figure.axes[4:6]:
            self.assertEqual((axes.get_xscale(), axes.get_yscale()), ("log", "log"))
            (steps,) = [part.get_data() for part in axes.patches]
            self.assertTrue(np.all(np.diff(steps.values) < 0), steps.values)
            self.assertAlmostEqual((steps.values * np.diff(steps.edges)).sum(), 100)
            for low, high, value in zip(steps.edges, steps.edges[1:], steps.values):
                counts = np.arange(int(low + 0.5), int(high + 0.5))
                self.assertAlmostEqual(value, 100 * np.mean(falling[counts]) / falling.sum(),
                                       delta=1e-3)
            (marks,) = axes.lines
            self.assertTrue(np.all((steps.edges[:-1] < marks.get_xdata())
                                   & (marks.get_xdata() < steps.edges[1:])))
        self.assertIn("per count", figure.axes[4].get_ylabel())

    def test_images_without_a_memory_are_of_the_whole(self):
        counts = contributions(2)
        counts[0], counts[60] = counts[60], 100
        results = Results(dissected("without", ns=(30,), far=counts))
        axes = draw(results).axes[2]
        (steps,) = [part.get_data() for part in axes.patches]
        self.assertAlmostEqual(steps.values[0], 100 * 50 / counts.sum())
        self.assertIn(f"one memory: {100 * 50 / counts.sum():.3g} %", axes.texts[0].get_text())

    def test_cutoffs_are_lines_over_each_other_and_the_pictures_once(self):
        file = dissected("cutoffs", cutoffs=(0.8, 0.9, 0.95))
        figure = draw(Results(file))
        self.assertEqual(sum(len(axes.images) for axes in figure.axes), 2)
        shares = [part.get_data().values for part in figure.axes[2].patches]
        for shift, share in enumerate(shares):
            np.testing.assert_allclose(share, np.roll(CONNECTIONS[2], -shift))
        self.assertEqual(len(shares), 3)
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        self.assertIn("cutoff = 0.95", words_of(file.with_suffix(".svg")))

    def test_a_parameter_without_effect_is_not_told(self):
        file = dissected("idle", form="dual")
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        for words in (words_of(file.with_suffix(".svg")), page_of(file)[1]):
            self.assertNotIn("temperature", words)
            self.assertIn("activation = rectified", words)
        file = dissected("effect", form="dual", activation="tanh", ns=(2,))
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        self.assertIn("temperature = 60", words_of(file.with_suffix(".svg")))
        self.assertNotIn("n = 2", words_of(file.with_suffix(".svg")))

    def test_all_images_and_a_temperature_that_stays_are_not_told_by_numbers(self):
        runs = np.array([[[9.0, 4.0]]])
        for fixed, said in (({}, False), ({"training": 500, "temperature_end": 60.0}, True)):
            file = made.classify(FOLDER / "idle-training.h5", [{"ramp": 77, **fixed}],
                                 {"train": runs, "test": runs})
            self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
            words = words_of(file.with_suffix(".svg"))
            for setting in ("ramp = 77", "training = "):
                self.assertEqual(setting in words, said, setting)
            names = [column.name for column in sections.cells(Results(file)).columns]
            for name in ("ramp", "training"):
                self.assertEqual(name in names, said, name)

    def test_pictures_of_one_replica_and_counts_of_all_are_told_apart(self):
        for K, said in ((100, False), (50, True)):  # the counts are of 100 memories
            file = dissected(f"replicas{K}", K=K, ns=(2,))
            self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
            self.assertEqual("Pictures: the first replica's memories" in
                             words_of(file.with_suffix(".svg")), said)

    def test_one_without_effect_in_some_cells_has_no_value_there(self):
        cells = [{"form": "dual", "activation": name, "n": 3, "K": 30, "temperature": 60.0}
                 for name in ("rectified", "tanh")]
        file = made.anatomy(FOLDER / "some.h5", cells, np.array([CONNECTIONS[2]] * 2),
                            np.array([contributions(30, 30)] * 2),
                            np.array([numbered(30, 64)[0]] * 2))
        columns = {column.name: column.values for column in sections.cells(Results(file)).columns}
        self.assertEqual(columns["temperature"], [sections.rounding.NONE, "60"])
        self.assertEqual(columns["n"], ["3", sections.rounding.NONE])

    def test_of_many_cells_the_first_of_each_n(self):
        cells = [{"n": n, "K": 30, "source_row": row}
                 for row, n in enumerate((2, 2, 2, 2, 3, 3, 5))]
        stored = np.array([numbered(30, 64, row)[0] for row in range(7)])
        file = made.anatomy(FOLDER / "many.h5", cells, np.array([CONNECTIONS[2]] * 7),
                            np.array([contributions(30, 30)] * 7), stored)
        figure = draw(Results(file))
        self.assertEqual(sum(len(axes.images) for axes in figure.axes), 3)
        self.assertEqual(call(plot, file, "--svg"), (0, "", ""))
        self.assertIn("Of 7 cells with memories, the first cell of each n.",
                      words_of(file.with_suffix(".svg")))

    def test_the_page_tells_the_shares_beside_the_papers(self):
        _, words = page_of(dissected("told", K=2000))
        self.assertIn("n = 30: 60 % of the memories have exactly one class on", words)
        self.assertIn("85 % of the test images have a single contributing memory", words)
        found = sections.comparisons(Results(FOLDER / "told.h5"))
        self.assertEqual([(one.quantity.split()[0], one.ours.value) for one in found],
                         [("classes", 3.2), ("share", 0.6), ("share", 0.85)])
        self.assertIn("more than 8000 of 10,000", words)
        for number, other in enumerate(({"dataset": "fashion-mnist"}, {"form": "dual"},
                                        {"form": "dual", "activation": "logistic"})):
            file = dissected(f"told-other{number}", **{"K": 2000, **other})
            self.assertEqual(sections.comparisons(Results(file)), [], other)


class Report(unittest.TestCase):
    def test_test_errors_stand_beside_the_talks_with_the_mean_of_the_trainings(self):
        results = Results(stage2())
        found = [one for one in sections.comparisons(results) if one.numeric()]
        self.assertEqual([one.value for one in found], [1.51, 1.44, 1.61, 1.8])
        for n, one in zip(POWERS, found):
            last = results.arrays["test_errors"][results.rows["n"] == n][..., -1].ravel()
            low, high = stats.t.interval(0.95, 5, last.mean(), stats.sem(last))
            np.testing.assert_allclose((one.ours.value, one.ours.low, one.ours.high),
                                       (last.mean(), low, high))
            self.assertIn("not certain", one.known.says)

    def test_they_do_not_where_the_training_was_another(self):
        for number, other in enumerate(({"dataset": "fashion-mnist"}, {"validation": 10000},
                                        {"K": 100}, {"training": 5000}, {"form": "dual"},
                                        {"form": "dual", "activation": "tanh"})):
            results = Results(stage2(f"other{number}", **other))
            self.assertEqual(sections.comparisons(results), [], other)

    def test_first_epochs_stand_beside_the_papers(self):
        results = Results(stage2())
        _, words = page_of(stage2())
        for n, known in ((2, "179 to 312"), (3, "158 to 262")):
            (one,) = [one for one in sections.comparisons(results) if "first" in one.quantity
                      and one.where.endswith(f"{n}") and one.known.says == known]
            first = trainings.first_below(results, 2)[results.rows["n"] == n]
            reached = first[first > 0]
            words_of_ours = (f"{reached.min():.0f} to {reached.max():.0f}" if len(reached) else
                             "none")
            self.assertEqual(one.ours.value, words_of_ours)
            self.assertIn(f"KH16, said in words, {known}", words)
            self.assertRegex(words, rf"n = {n} 2 .* {(first > 0).sum()} of 6")

    def test_levels_that_no_training_reaches_have_no_rows(self):
        runs = np.array([[[9.0, 4.0, 6.0]], [[9.0, 7.0, 7.0]]])
        cells = [{"n": 2}, {"n": 3}]
        for name, curves, levels, said in (
                ("test", {"test": runs}, ["5", "8"] * 2, "No training gets below 3 %."),
                ("validation", {"validation": runs - 3, "test": runs},
                 ["2", "3", "5", "8"] * 2, "No training gets below 1 %.")):
            file = made.classify(FOLDER / f"reached-{name}.h5", cells, {"train": runs, **curves},
                                 thresholds=(1.0, 3.0, 5.0, 8.0))
            (table,) = [table for table in sections.tables(Results(file))
                        if table.title.startswith("First epochs")]
            self.assertEqual(table.columns[1].values, levels)
            self.assertEqual(table.notes, [said])
            self.assertEqual(table.columns[-1].name == "validation error", name == "validation")
        file = made.classify(FOLDER / "unreached.h5", cells, {"train": runs, "test": runs},
                             thresholds=(1.0,))
        self.assertNotIn("First epochs below", page_of(file)[1])

    def test_the_best_cells_are_those_of_the_lowest_validation_error(self):
        file = search(30)
        _, words = page_of(file)
        rows = Results(file).rows
        best = np.sort(rows["validation_error"])[:5]
        table = words[words.index("Best cells"):words.index("First epochs below")]
        places = [table.index(f" {sections.rounding.number(value)} ") for value in best]
        self.assertEqual(places, sorted(places))
        self.assertIn("Lowest validation_error first", table)
        lowest = sections.rounding.number(best[0])
        self.assertIn(f"the lowest validation error is {lowest} %", words)
        self.assertNotIn("chooses on the test images", words)
        self.assertIn("chooses on the test images", page_of(stage2())[1])

    def test_a_page_with_pictures_shows_them_and_asks_for_nothing(self):
        files = [with_pictures("shown"), dissected("shown-anatomy"), stage2(), search(30)]
        page, _ = page_of(*files)
        with browser.Browser() as window:
            for width in (360, 1200):
                window.show(page, width)
                self.assertEqual(window.complaints(), [])
                self.assertEqual(window.requests(), [page.as_uri()])
                self.assertLessEqual(window.ask("return document.documentElement.scrollWidth"),
                                     width)
            count = window.ask("return document.querySelectorAll('svg image').length")
            self.assertGreaterEqual(count, 4)
            window.screenshot(FOLDER / "shown.png")
            left, top, right, bottom = window.ask(
                "const b = document.querySelector('svg image').getBoundingClientRect();"
                "return [b.left, b.top, b.right, b.bottom].map(Math.round)")
            pixels = matplotlib.image.imread(FOLDER / "shown.png")[top:bottom, left:right, :3]
            red, blue = pixels[..., 0] - pixels[..., 2] > 0.3, pixels[..., 2] - pixels[..., 0] > 0.3
            self.assertTrue(0.2 < red.mean() < 0.6 and 0.2 < blue.mean() < 0.6,
                            (red.mean(), blue.mean()))
            printed = window.pdf()
            self.assertLess(len(re.findall(rb"/Type\s*/Page\b", printed)), 40)


class OddFiles(unittest.TestCase):
    """Figures and page come without a complaint, and nothing is cut off."""

    def check(self, file, *names):
        for name in (None, *names):
            options = ["--figure", name] if name else []
            self.assertEqual(call(plot, file, "--png", *options), (0, "", ""))
            pixels = matplotlib.image.imread(file.with_suffix(".png"))
            ink = (pixels[..., :3] < 0.9).any(axis=2)
            self.assertGreater(ink.mean(), 0.01)
            self.assertFalse(ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())
        _, words = page_of(file)
        self.assertNotIn("nan", words)
        self.assertNotIn("No figure", words)

    def test_one_cell_one_replica_one_epoch(self):
        self.check(made.classify(FOLDER / "one.h5", [{"K": 9, "memories": "yes"}],
                                 {kind: np.array([[[20.0]]]) for kind in made.KINDS},
                                 numbered(9, 784)[None]), "memories")

    def test_partial_cells_and_no_validation(self):
        cells = [{"n": n, "status": status, "validation": 0} for n, status in
                 ((2, "complete"), (3, "partial"), (20, "partial"))]
        runs = np.array([[made.curve(30, 2, 50)] * 3] * 3)
        runs[1, 1:], runs[1, 0, 12:], runs[2] = np.nan, np.nan, np.nan
        file = made.classify(FOLDER / "partial.h5", cells, {"train": runs, "test": runs})
        self.check(file)
        self.assertIn("after 12 epochs (1 training)", page_of(file)[1])

    def test_a_single_image_set_of_colors(self):
        self.check(with_pictures("cifar", K=30, pixels=3072, dataset="cifar10"), "memories")

    def test_sixty_powers_and_a_grid(self):
        for name, cells in (("sixty", [{"n": n} for n in range(2, 60)]),
                            ("grid", [{"n": n, "learning_rate": rate} for n in POWERS
                                      for rate in np.linspace(0.01, 0.04, 9)]),
                            ("sets", [{"dataset": name, "n": n} for n in (2, 3) for name in
                                      ("mnist", "fashion-mnist")])):
            runs = np.array([[made.curve(30, 2 + cell["n"] / 20, 50)] for cell in cells])
            self.check(made.classify(FOLDER / f"{name}.h5", cells, {"train": runs, "test": runs}))

    def test_seeds(self):
        cells, curves = window_points()
        for index, cell in enumerate(cells):
            cell["seed"] = 1 + index % 2
        self.check(made.classify(FOLDER / "seeds.h5", cells, curves, seeds=[1, 2]))

    def test_an_anatomy_of_one_cell(self):
        self.check(dissected("lone", ns=(30,)))

    def test_nothing_yet_is_said(self):
        runs = np.full((2, 1, 5), np.nan)
        file = made.classify(FOLDER / "none.h5", [{"n": n, "status": "partial"} for n in (2, 3)],
                             {"train": runs, "test": runs})
        for figure in ("curves", "window", "memories"):
            code, _, err = call(plot, file, "--figure", figure)
            self.assertEqual(code, 1)
            self.assertIn("0 of 2 cells complete", err)
        self.assertIn("nothing to draw yet", page_of(file)[1])

    def test_the_same_file_gives_the_same_bytes(self):
        file = dissected("same")
        pictures = []
        for name in ("once", "again"):
            self.assertEqual(call(plot, file, "-o", FOLDER / f"{name}.png"), (0, "", ""))
            pictures.append([(FOLDER / f"{name}.{suffix}").read_bytes()
                             for suffix in ("png", "svg")])
        self.assertEqual(*pictures)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        unittest.main(verbosity=1)
