#!/usr/bin/python3
"""stop.py DAM DAM_TEST DAM_TEST_NEXT: requests to stop are obeyed cleanly, and what is left is
done by the next start."""
import signal

import program

# Three blocks of ten starts a replica, of 0.1 s each.
STUDY = "kind: spin\nmilliseconds: 10\nspot: [1, 2]\nreplicas: 4\nstarts: 30\n"
LONG = "kind: spin\nmilliseconds: 10\nspot: [1, 2]\nreplicas: 400\nstarts: 30\n"
STARTS = 30


class Stop(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.study(LONG, "long.yaml")

    def start_and_wait(self, study="study.yaml", rows=5, ranks=2):
        run = self.start("run", study, "-o", "out.h5", ranks=ranks)
        program.wait_until(lambda: run.ended() or len(program.rows_of(self.path("out.h5"))) >= rows,
                           "the first rows")
        self.assertFalse(run.ended())
        return run

    def assert_drained(self, run, study="study.yaml"):
        """It exits with 75 and has published whole replicas only, and says so."""
        code, out, err = run.wait()
        self.assertEqual(code, 75, err)
        self.assertIn("stopped with work left", out)
        self.dam("verify", "out.h5")
        replicas = 4 if study == "study.yaml" else 400
        for trials, status in self.table("out.h5", "trials", "status"):
            self.assertEqual(trials % STARTS, 0)
            whole = trials == replicas * STARTS
            self.assertEqual(status, "complete" if whole else "partial")
        self.assertIn("partial", [status for status, in self.table("out.h5", "status")])
        self.assertIn(": stopped on", self.dam("status", "out.h5")[0])

    def assert_goes_on(self):
        """The same command ends it, redoing nothing, with the bytes of an undisturbed run."""
        rows = program.rows_of(self.path("out.h5"))
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        self.assertEqual(set(rows) - set(program.rows_of(self.path("out.h5"))), set())
        self.assert_nothing_done_twice("out.h5")
        self.dam("run", "study.yaml", "-o", "whole.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")
        self.assertIn(": finished on", self.dam("status", "out.h5")[0])

    def test_sigusr1_to_mpirun_drains(self):
        run = self.start_and_wait()
        run.send(signal.SIGUSR1)
        self.assert_drained(run)
        self.assert_goes_on()

    def test_sigusr1_drains_without_mpirun(self):
        run = self.start_and_wait(ranks=0)
        run.send(signal.SIGUSR1)
        self.assert_drained(run)

    def test_sigusr1_to_any_rank_drains_all(self):
        run = self.start_and_wait(ranks=3)
        ranks = [pid for pid in program.family(run.process.pid)[1:]]
        program.os.kill(ranks[-1], signal.SIGUSR1)
        self.assert_drained(run)

    def test_a_stop_file_drains(self):
        run = self.start_and_wait()
        (self.path("out.h5.journal") / "stop").touch()
        self.assert_drained(run)
        self.assert_goes_on()
        self.assertFalse((self.path("out.h5.journal") / "stop").exists())

    def test_the_time_limit_drains(self):
        run = self.start("run", "long.yaml", "-o", "out.h5", "--time-limit", "1s", ranks=2)
        self.assert_drained(run, "long.yaml")

    def test_sigterm_leaves_at_once(self):
        run = self.start_and_wait(ranks=0)
        rows = program.rows_of(self.path("out.h5"))
        run.send(signal.SIGTERM)
        code, _, _ = run.wait()
        self.assertEqual(code, 75)
        self.assertFalse(self.path("out.h5").exists())
        self.assertEqual(set(rows) - set(program.rows_of(self.path("out.h5"))), set())
        self.assertIn(": interrupted on", self.dam("status", "out.h5")[0])
        self.assert_goes_on()

    def test_sigterm_to_mpirun_keeps_the_journal(self):
        """mpirun passes it on, then ends the ranks: the code is its own."""
        run = self.start_and_wait()
        members = program.family(run.process.pid)
        rows = program.rows_of(self.path("out.h5"))
        run.send(signal.SIGTERM)
        self.assertNotEqual(run.wait()[0], 0)
        program.wait_until(lambda: all(map(program.is_gone, members)), "the ranks are gone")
        self.assertEqual(set(rows) - set(program.rows_of(self.path("out.h5"))), set())
        self.assert_goes_on()

    def test_status_while_it_runs_and_after_a_kill(self):
        run = self.start_and_wait("long.yaml", rows=1)
        status = self.path("out.h5.journal") / "status"
        program.wait_until(lambda: status.exists() and "rate 0\n" not in status.read_text(),
                           "a status with a rate")
        out, _ = self.dam("status", "out.h5")
        self.assertIn("out.h5: running on 2 ranks", out)
        for line in "of 2400 tasks", "2 cells", "failed 0", "tasks/s", "left ":
            self.assertIn(line, out)
        self.assertFalse(run.ended())
        run.kill()
        out, _ = self.dam("status", "out.h5")
        self.assertIn("out.h5: interrupted on 2 ranks", out)

    def test_the_same_stops_twice(self):
        """Drained, gone on, drained again: a partial result replaces a partial one."""
        for rows in 3, 9:
            run = self.start_and_wait(rows=rows)
            run.send(signal.SIGUSR1)
            self.assert_drained(run)
        self.assert_goes_on()


program.main()
