#!/usr/bin/python3
"""processes.py DAM DAM_TEST DAM_TEST_NEXT: one rank killed, or mpirun itself, at any moment:
nothing is lost, nothing lingers, and the next start works at once.

DAM_KILLS and DAM_SEED are those of kill.py, which kills all ranks together.
"""
import errno
import os
import shutil
import signal

import kill
import preload
import program

KILLS = max(kill.KILLS // 2, 2)
STUDY = "kind: spin\nspot: {from: 1, to: 30, step: 1}\nreplicas: 6\nmilliseconds: 2\n"
QUICK = "kind: spin\nspot: {from: 1, to: 20, step: 1}\nreplicas: 3\nmilliseconds: 0.1\n"


class Kill(kill.Kill):
    """kill.Kill's ways, one process killed instead of all."""
    test_while_it_works = test_between_rounds = test_while_it_publishes = None

    def choose(self, run, launcher):
        """mpirun, or one of its ranks."""
        members = program.family(run.process.pid)
        return members, members[0] if launcher else self.random.choice(members[1:])

    def kill_one(self, launcher):
        """As the run works or resumes, at a random number of rows; started again at once."""
        study, killed = self.study(STUDY), 0
        whole = self.undisturbed(study, self.dam_test_path)
        for k in range(KILLS):
            output = f"killed{k}.h5"
            moment = self.grown_to(output, self.random.uniform(0.02, 0.9) * whole)
            run = self.start("run", study, "-o", output, ranks=self.ranks())
            program.wait_until(lambda: moment() or run.ended(), "the moment to kill")
            if run.ended():
                continue
            members, victim = self.choose(run, launcher)
            os.kill(victim, signal.SIGKILL)
            rows = program.rows_of(self.path(output))
            killed += 1
            program.wait_until(lambda: all(map(program.is_gone, members)), "all have ended")
            # mpirun ends the others and says so.
            self.assertNotIn(run.wait()[0], (0, 75))
            self.finish(study, output, self.dam_test_path)
            self.assertEqual(set(rows) - set(program.rows_of(self.path(output))), set())
        self.assertGreater(killed, KILLS // 2)

    def test_one_rank(self):
        self.kill_one(launcher=False)

    def test_mpirun(self):
        self.kill_one(launcher=True)


class AtACall(preload.Case):
    """A rank that dies right before this call: what is half-written, nobody takes for whole."""

    def test_kills(self):
        study = self.study(STUDY)
        fewer = ("--set", "replicas=5")
        self.dam("run", study, "-o", "whole.h5")
        self.dam("run", study, "-o", "old.h5", *fewer, ranks=2)
        old = self.path("old.h5").read_bytes()
        self.settings["OMPI_MCA_io_ompio_num_aggregators"] = "3"  # all ranks write
        writes = "pwrite,pwritev,write:publish.h5"
        for call, ranks, rank in (("open:rows-:1", 2, 0), ("pwrite:rows-:1", 2, 1),
                                  ("pwrite:rows-:3", 3, 2), (f"{writes}:2", 3, 0),
                                  (f"{writes}:1", 3, 2), (f"{writes}:6", 2, 0),
                                  ("fsync:publish.h5:1", 3, 1), ("rename:out.h5$:1", 2, 0)):
            with self.subTest(call=call):
                shutil.copy(self.path("old.h5"), self.path("out.h5"))
                shutil.copytree(self.path("old.h5.journal"), self.path("out.h5.journal"))
                run = self.start("run", study, "-o", "out.h5", ranks=ranks,
                                 fault=f"{call}:kill:{rank}")
                self.assertNotIn(run.wait()[0], (0, 1, 75))
                self.assertEqual(self.path("out.h5").read_bytes(), old)
                self.dam("run", study, "-o", "out.h5", ranks=ranks - 1)
                self.assert_same("whole.h5", "out.h5")
                self.assert_nothing_done_twice("out.h5")
                shutil.rmtree(self.path("out.h5.journal"))


class Lock(preload.Case):
    def setUp(self):
        super().setUp()
        self.study(QUICK)

    def test_a_killed_holder_leaves_it_free(self):
        long = self.study("kind: spin\nreplicas: 100000\nmilliseconds: 10\n", "long.yaml")
        run = self.start("run", long, "-o", "out.h5")
        program.wait_until(lambda: program.rows_of(self.path("out.h5")), "the first row")
        _, err = self.dam("run", long, "-o", "out.h5", code=2)
        self.assert_one_line(err, f"another run is writing it (host {os.uname().nodename}, pid ")
        run.kill()
        (self.path("out.h5.journal") / "stop").touch()  # is of the last run's time
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", "spot=1", ranks=2)
        self.assertGreater(self.table("out.h5", "trials")[0][0], 2)

    def test_a_file_system_without_locks(self):
        """A warning, and the run goes on: that nothing else writes is then the user's matter."""
        self.dam("run", "study.yaml", "-o", "whole.h5")
        for number in errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK:
            _, err = self.dam("run", "study.yaml", "-o", f"out{number}.h5", ranks=2,
                              fault=f"fcntl:journal/:1:{number}")
            self.assert_one_line(err, f"out{number}.h5: cannot be locked here")
            self.assert_same("whole.h5", f"out{number}.h5")
        self.dam("run", "study.yaml", "-o", "out.h5", code=1, fault=f"fcntl:lock:1:{errno.EIO}")


program.main()
