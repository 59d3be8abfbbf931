#!/usr/bin/python3
"""rounds.py DAM DAM_TEST DAM_TEST_NEXT: what is said of a study whose results decide about further
rounds, before it runs and while it does: what is known, and no more."""
import csv
import re
import signal

import h5py
import program

ROUNDS = 3
STUDY = "kind: relay\nspot: [1, 2, 3, 4, 5]\nreplicas: 3\n"


class Plan(program.Case):
    def tasks(self, *arguments):
        out, _ = self.dam("plan", "study.yaml", "--ranks", "1", *arguments)
        return int(re.search(r"^tasks +(\d+), ", out, re.MULTILINE)[1])

    def test_tasks_of_all_rounds(self):
        self.study(STUDY)
        self.assertEqual(self.tasks(), ROUNDS * 5 * 3)
        self.assertIn(f"{ROUNDS * 5 * 3} tasks", self.dam("run", "study.yaml", "-o", "out.h5")[0])
        out, _ = self.dam("plan", "study.yaml", "--ranks", "1")
        self.assertIn("as many as typical ones ask for", out)
        self.assertIn("measured on this machine's core", out)  # with the kind's own first plan

    def test_rounds_follow_each_other(self):
        """However many ranks there are, a chain is as long as its links together."""
        self.study("kind: relay\nspot: 1\nreplicas: 2\nmilliseconds: 50\n")
        out, _ = self.dam("plan", "study.yaml", "--csv", "--ranks", "1,2,1000")
        one, two, many = ({name: float(value) for name, value in row.items()}
                          for row in csv.DictReader(out.splitlines()))
        longest = many["longest_task_seconds"]
        self.assertGreaterEqual(many["seconds"], ROUNDS * longest)
        self.assertGreaterEqual(two["seconds"], ROUNDS * longest)
        self.assertGreaterEqual(one["seconds"], 2 * ROUNDS * longest)
        self.assertAlmostEqual(two["efficiency"], 1)
        self.assertAlmostEqual(many["efficiency"], 2 / 1000)


class Told(program.Case):
    def test_while_it_runs_and_after(self):
        """The tasks that are known grow: no end is promised until all rounds have begun."""
        self.study("kind: relay\nspot: [1, 2, 3]\nreplicas: 2\nmilliseconds: 300\n")
        out, _ = self.dam("run", "study.yaml", "-o", "out.h5", "--dry-run")
        self.assertIn(f"{3 * 2} tasks known so far; ", out)
        run = self.start("run", "study.yaml", "-o", "out.h5")
        status = self.path("out.h5.journal/status")
        program.wait_until(lambda: run.ended() or (
            status.exists() and re.search(r"^cells_done [12]$", status.read_text(), re.MULTILINE)),
            "a cell that is done")
        run.send(signal.SIGSTOP)
        self.assertFalse(run.ended())
        out, _ = self.dam("status", "out.h5")
        run.send(signal.SIGCONT)
        self.assertRegex(out, r"(?m)^done +[12] of 3 cells, \d+ of \d+ tasks so far; results "
                              r"decide how many follow$")
        self.assertRegex(out, r"(?m)^left +at least ")
        code, out, err = run.wait()
        self.assertEqual(code, 0, err)
        self.assertRegex(self.dam("status", "out.h5")[0],
                         r"(?m)^done +18 of 18 tasks \(100.0 %\), 3 cells$")

    def test_the_time_predicted_for_a_cell_is_that_of_its_rounds(self):
        self.study("kind: relay\nspot: [1, 2]\nreplicas: 4\nmilliseconds: 2\n")
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
        with h5py.File(self.path("out.h5"), "r") as file:
            timing = file["provenance/timing"][()]
        self.assertEqual(timing["tasks"].tolist(), [ROUNDS * 4] * 2)
        for predicted in timing["predicted"]:
            self.assertAlmostEqual(predicted, ROUNDS * 4 * (0.002 + 1e-6))


if __name__ == "__main__":
    program.main()
