#!/usr/bin/python3
"""search.py DAM DAM_TEST DAM_TEST_NEXT: searches, whose steps decide about the next: how they were
run, stopped, resumed and extended does not show in what they found."""
import math
import struct

import h5py
import program

# Every criterion and outcome; searches of few and of many steps.
STUDY = """kind: threshold
seed: 7
max_trials: 2000
precision: 0.1
grids:
  - {n: 3, N: [30, 40]}
  - {n: 2, N: 20, start: memory, noise: 0.2}
  - {n: 3, N: 20, criterion: [retained, retained_all]}
  - {n: 3, N: 25, criterion: unstable_spins, max_trials: 300}
  - {n: 2, N: 20, mirrors: no, level: 0.9}
  - {n: 3, N: 50, max_K: 10}
"""
STATUS = 64  # place of a row's status in its frame
OUTCOMES = {"found", "budget", "below", "above"}
COARSE, FINE = "precision=0.2", "precision=0.04"
LONG = "kind: threshold\nn: 3\nN: [20, 50, 60]\nprecision: 0.025\nmax_trials: 100000000\n"


class Search(program.Case):
    def start(self, *arguments, **options):
        return super().start(*arguments, **{"program": self.dam_path, **options})

    def path_of(self, output):
        """/search_path of each cell: {step: [(K, sets, trials, successes), ...]}."""
        with h5py.File(self.path(output), "r") as file:
            rows, count = file["search_path"][()], len(file["results"])
        cells = [{} for _ in range(count)]
        for cell, step, *values in rows.tolist():
            cells[cell].setdefault(step, []).append(tuple(values))
        return cells

    def outcomes(self, output):
        return [outcome for outcome, in self.table(output, "outcome")]


class SameBytes(Search):
    def test_any_number_of_ranks(self):
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "alone.h5")
        self.dam("verify", "alone.h5")
        self.assertEqual(set(self.outcomes("alone.h5")), OUTCOMES)
        self.assertGreater(max(map(len, self.path_of("alone.h5"))), 5)
        for ranks in 1, 2, 3, 5:
            self.dam("run", "study.yaml", "-o", f"on{ranks}.h5", ranks=ranks)
            self.assert_same("alone.h5", f"on{ranks}.h5")
            self.assert_nothing_done_twice(f"on{ranks}.h5")

    def test_slices(self):
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "whole.h5")
        names = [f"{part}.h5" for part in (1, 2, 3)]
        for part, name in enumerate(names):
            self.dam("run", "study.yaml", "-o", name, "--slice", f"{part + 1}/3", ranks=part)
        for number, order in enumerate((names, names[::-1])):
            self.dam("merge", *order, "-o", f"merged{number}.h5")
            self.assert_same(f"merged{number}.h5", "whole.h5")


class Stopped(Search):
    def assert_stopped(self, run):
        """What is published is whole steps and the sets that there are of the last."""
        code, out, err = run.wait()
        self.assertEqual(code, 75, err)
        self.assertIn("stopped with work left", out)
        self.dam("verify", "out.h5")
        rows = self.table("out.h5", "status", "outcome", "k_threshold", "k_low", "k_high", "ratio")
        for status, outcome, *numbers in rows:
            self.assertIn((status, outcome), {("complete", "found"), ("partial", "unfinished")})
            self.assertEqual([math.isnan(number) for number in numbers],
                             [status == "partial"] * len(numbers))
        self.assertIn("partial", [row[0] for row in rows])

    def assert_goes_on(self):
        """What was published is part of what an undisturbed run publishes, and so is the end."""
        before, rows = self.path_of("out.h5"), set(program.rows_of(self.path("out.h5")))
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        self.dam("run", "study.yaml", "-o", "whole.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")
        self.assert_nothing_done_twice("out.h5")
        self.assertEqual(rows - set(program.rows_of(self.path("out.h5"))), set())
        for part, whole in zip(before, self.path_of("whole.h5")):
            for step, points in part.items():
                if step < max(part):
                    self.assertEqual(points, whole[step])
                for K, *counts in points:
                    self.assertTrue(any(K == row[0] and all(map(int.__le__, counts, row[1:]))
                                        for row in whole[step]), f"{points} of {whole[step]}")

    def test_a_stop_file(self):
        self.study(LONG)
        run = self.start("run", "study.yaml", "-o", "out.h5", ranks=2)
        program.wait_until(lambda: run.ended() or len(program.rows_of(self.path("out.h5"))) > 200,
                           "the first steps")
        (self.path("out.h5.journal") / "stop").touch()
        self.assert_stopped(run)
        self.assert_goes_on()

    def test_the_time_limit(self):
        """Gone on with, a coarser search finds what it would have found at once."""
        self.study(LONG)
        endless = "precision=0.0001"
        run = self.start("run", "study.yaml", "-o", "out.h5", "--set", endless, "--set",
                         "max_trials=1000000000", "--time-limit", "1s", ranks=2)
        self.assert_stopped(run)
        rows = set(program.rows_of(self.path("out.h5")))
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", COARSE, ranks=2)
        self.assertEqual(rows - set(program.rows_of(self.path("out.h5"))), set())
        self.dam("run", "study.yaml", "-o", "whole.h5", "--set", COARSE)
        self.assert_same("out.h5", "whole.h5")


class Extended(Search):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "grown.h5")

    def change(self, *settings, ranks=2):
        """Run the changed study on top of what is there: the rows that this adds. Its result is
        that of a fresh run, and of all rows of before none is lost or done again."""
        arguments = [word for setting in settings for word in ("--set", setting)]
        before = program.rows_of(self.path("grown.h5"))
        self.dam("run", "study.yaml", "-o", "grown.h5", *arguments, ranks=ranks)
        rows = program.rows_of(self.path("grown.h5"))
        self.assertEqual(set(before) - set(rows), set(), "rows were lost")
        self.assertEqual(len(set(rows)), len(rows), "rows were done twice")
        self.dam("run", "study.yaml", "-o", "fresh.h5", "--fresh", *arguments)
        self.assert_same("grown.h5", "fresh.h5")
        return set(rows) - set(before)

    def test_the_same_again(self):
        self.assertEqual(self.change(), set())

    def test_finer_and_coarser_again(self):
        """A search that goes on takes the steps that it would have taken."""
        before = self.path_of("grown.h5")
        self.assertGreater(len({row.cell for row in self.change(FINE)}), 2)
        after = self.path_of("grown.h5")
        for one, other in zip(before, after):
            self.assertEqual(one, {step: other[step] for step in one})
        self.assertEqual(self.change(), set())
        self.assertEqual(self.path_of("grown.h5"), before)
        self.assertEqual(self.change(COARSE), set())
        self.assertEqual(self.change(FINE), set())
        self.assertEqual(self.path_of("grown.h5"), after)

    def test_more_and_fewer_trials(self):
        self.assertIn("budget", self.outcomes("grown.h5"))
        self.study(STUDY.replace("300", "30000"))
        self.assertNotEqual(self.change(), set())
        self.assertNotIn("budget", self.outcomes("grown.h5"))
        self.study(STUDY.replace("2000", "50"))
        self.assertEqual(self.change(), set())
        self.assertEqual(self.outcomes("grown.h5").count("budget"), 6)

    def test_a_larger_range(self):
        """Where it was too small it did decide about the steps."""
        self.study(STUDY.replace("max_K: 10}", "max_K: 100000}"))
        self.assertNotEqual(self.change(), set())
        self.assertNotIn("above", self.outcomes("grown.h5"))

    def test_more_values_of_an_axis(self):
        self.study(STUDY.replace("[30, 40]", "[20, 30, 35, 40]"))
        before = {row.cell for row in program.rows_of(self.path("grown.h5"))}
        self.assertEqual(len({row.cell for row in self.change()} - before), 2)
        self.study(STUDY.replace("[30, 40]", "40"))
        self.assertEqual(self.change(), set())


class Failed(Search):
    def fail_one(self, output, number):
        """Let a task of this round have failed, as its journal would tell it: (cell, replica)."""
        journal, = program.journals(self.path(output))
        data, at = bytearray(journal.read_bytes()), program.HEADER
        for row in program.rows_in(journal):
            end = at + program.FRAME + struct.unpack_from("<I", data, at + 4)[0]
            if row.round == number:
                break
            at = end
        message = b"told to fail"
        struct.pack_into("<I", data, at + STATUS, 1)
        data[at + program.FRAME:end] = message.ljust(end - at - program.FRAME, b"\0")
        seed = program.checksum(struct.pack("<Q", at), struct.unpack_from("<I", data, 20)[0])
        struct.pack_into("<I", data, at + 8,
                         program.checksum(data[at + 4:at + 8] + data[at + 16:end], seed))
        journal.write_bytes(data)
        return row

    def test_a_task_that_fails_ends_its_search(self):
        """And no other; tried again, it goes on as if nothing had been."""
        self.study(STUDY)
        for output in "out.h5", "whole.h5":
            self.dam("run", "study.yaml", "-o", output)
        row = self.fail_one("out.h5", 2)
        for ranks in 0, 2:
            self.dam("run", "study.yaml", "-o", "out.h5", ranks=ranks, code=3)
            self.dam("verify", "out.h5")
            with h5py.File(self.path("out.h5"), "r") as file:
                failure, = file["failures"][()]
            self.assertEqual((failure["round"], failure["replica"]), (2, row.replica))
            self.assertIn(b"told to fail", failure["message"])
            columns = "outcome", "k_threshold", "status"
            got, whole = (self.table(name, *columns) for name in ("out.h5", "whole.h5"))
            outcome, threshold, status = got.pop(failure["cell"])
            self.assertEqual((outcome, status), ("unfinished", "failed"))
            self.assertTrue(math.isnan(threshold))
            self.assertEqual(max(self.path_of("out.h5")[failure["cell"]]), 2)
            del whole[failure["cell"]]
            self.assertEqual(str(got), str(whole))
        self.dam("run", "study.yaml", "-o", "out.h5", "--retry-failed", ranks=2)
        self.assert_same("out.h5", "whole.h5")


if __name__ == "__main__":
    program.main()
