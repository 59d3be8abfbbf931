#!/usr/bin/python3
"""blame.py DAM DAM_TEST DAM_TEST_NEXT: a task that takes its rank with it each time is found out, and
the sweep completes around it; nobody else is blamed, and no death without a word is held against a
task that was one of many."""
import collections
import struct

import h5py
import program

STUDY = "kind: crash\nspot: {from: 1, to: 10, step: 1}\nreplicas: 3\n"
OPEN, LEFT, CRASHED = range(3)  # src/run/mark.h
TRIES, IN_COMPANY = 3, 2  # src/run/suspect.h

Mark = collections.namedtuple("Mark", "replica alone ending signal host")


def marks_of(output):
    """The marks that journals end with."""
    marks = []
    for file in program.journals(output):
        data = file.read_bytes()[program.MARK:program.HEADER]
        if not any(data[:8]):  # not yet written
            continue
        replica, = struct.unpack_from("<I", data, 8 + 20)
        alone, ending, signal = struct.unpack_from("<III", data, 8 + 64)
        marks.append(Mark(replica, alone, ending, signal, data[8 + 80:].rstrip(b"\0").decode()))
    return marks


class Blame(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)

    def crash(self, *arguments, ranks, output="out.h5"):
        """Start until it no longer dies: how often it died, and the last exit code."""
        deaths = 0
        while True:
            run = self.start("run", "study.yaml", "-o", output, *arguments, ranks=ranks)
            code, _, err = run.wait()
            if code in (0, 1, 2, 3, 75):
                return deaths, code
            deaths += 1
            self.assertLess(deaths, 10, err)

    def failures(self, output="out.h5"):
        with h5py.File(self.path(output), "r") as file:
            return [(int(row["cell"]), int(row["replica"]), row["status"].decode(),
                     row["message"].decode()) for row in file["failures"][()]]

    def assert_given_up(self, text, output="out.h5"):
        """That task alone, and all others are there."""
        (cell, replica, status, message), = self.failures(output)
        self.assertEqual((cell, replica, status), (3, 2, "the task ended its rank"))
        self.assertIn(text, message)
        self.assertEqual(self.table(output, "spot", "sum", "status"),
                         [(s, 3000 * s + 3, "complete") if s != 4 else (4, 8001, "failed")
                          for s in range(1, 11)])

    def test_its_own_signal_counts(self):
        manners = [("segfault", 11, 3), ("abort", 6, 2), ("overflow", 11, 1)]
        for manner, number, ranks in manners:
            output = f"{manner}.h5"
            deaths, code = self.crash("--set", "crash_at=4", "--set", f"manner={manner}",
                                      ranks=ranks, output=output)
            self.assertEqual((deaths, code), (TRIES, 3))
            self.assert_given_up(f"crashed its rank {TRIES} times, the last by signal {number}",
                                 output)
            guilty = [mark for mark in marks_of(self.path(output)) if mark.ending == CRASHED]
            self.assertEqual([mark.signal for mark in guilty], [number] * TRIES)
            self.assertEqual({mark.replica for mark in guilty}, {2})
            self.assertEqual([mark.alone for mark in guilty], [0] + [1] * (TRIES - 1))
            # Given up is given up, until it is asked for again: with as many tries, or mended.
            self.dam("run", "study.yaml", "-o", output, ranks=2, code=3)
            if manner == "overflow":
                again = self.crash("--set", "crash_at=4", "--set", f"manner={manner}",
                                   "--retry-failed", ranks=ranks, output=output)
                self.assertEqual(again, (TRIES, 3))
            self.dam("run", "study.yaml", "-o", output, "--retry-failed", ranks=2)
            self.dam("run", "study.yaml", "-o", "whole.h5", ranks=2)
            self.assert_same(output, "whole.h5")

    def test_ranks_beside_a_crash_leave_in_order(self):
        _, code = self.crash("--set", "crash_at=4", "--set", "milliseconds=50", ranks=3)
        self.assertEqual(code, 3)
        endings = collections.Counter(mark.ending for mark in marks_of(self.path("out.h5")))
        self.assertEqual(endings[CRASHED], TRIES)
        self.assertEqual(endings[OPEN], 0, endings)

    def test_a_death_without_a_word_counts_only_alone(self):
        """As when the memory is not enough: nothing is known but what ran."""
        deaths, code = self.crash("--set", "crash_at=4", "--set", "manner=kill", ranks=3)
        self.assertEqual((deaths, code), (IN_COMPANY + TRIES, 3))
        self.assert_given_up(f"its rank died {TRIES} times without a word")
        lone = [mark for mark in marks_of(self.path("out.h5")) if mark.alone and
                mark.ending == OPEN]
        self.assertEqual(len(lone), TRIES)

    def test_all_others_are_done_before_a_suspect(self):
        """Its second try comes when nothing else is left to lose."""
        run = self.start("run", "study.yaml", "-o", "out.h5", "--set", "crash_at=4", ranks=2)
        run.wait()
        run = self.start("run", "study.yaml", "-o", "out.h5", "--set", "crash_at=4", ranks=2)
        _, _, err = run.wait()
        self.assertIn("dam: out.h5.journal: 1 tasks were running when earlier runs died", err)
        self.assertIn("dam: a task crashed with SIGSEGV in cell crash/1;spot=4", err)
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 29)

    def test_killed_from_outside_nobody_is_blamed(self):
        """A task of a second, in hand at two deaths: it runs alone, and succeeds."""
        self.study("kind: crash\nspot: [1, 2, 3]\nreplicas: 3\nmilliseconds: 300\n")
        for _ in range(IN_COMPANY):
            run = self.start("run", "study.yaml", "-o", "out.h5", ranks=2)
            before = len(program.journals(self.path("out.h5")))
            program.wait_until(lambda: len(marks_of(self.path("out.h5"))) >= before + 2 or
                               run.ended(), "tasks in hand")
            run.kill()
        self.assertEqual({mark.ending for mark in marks_of(self.path("out.h5"))}, {OPEN})
        _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        self.assertIn("wait until all else is done", err)
        self.assertEqual(self.failures(), [])
        self.dam("run", "study.yaml", "-o", "whole.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")


program.main()
