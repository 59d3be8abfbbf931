#!/usr/bin/python3
"""jobs.py DAM DAM_TEST DAM_TEST_NEXT: jobs that jobs/ submits to a real SLURM survive what clusters
do to them, and end with the bytes of an undisturbed run."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import cluster

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mpi"))
import program

JOBS = program.ROOT / "jobs"

# 160 tasks of 0.1 s: on four ranks long enough to be disturbed.
STUDY = "kind: spin\nspot: [1, 2]\nreplicas: 80\nmilliseconds: 100\n"
TASKS = 160
SIZE = ("-N", "2", "-n", "4")


class Case(program.Case):
    """Submits from a folder of its own, which holds the study and whole.h5, an undisturbed run's.
    What job 7 prints goes to OUT-7."""
    machine = whole = None

    def setUp(self):
        super().setUp()
        self.settings.update(DAM=self.dam_test_path)
        self.study(STUDY)
        self.jobs = []
        self.addCleanup(self.cancel_all)

    def cancel_all(self):
        for job in self.jobs:
            self.machine.ask("scancel", job)
        for job in self.jobs:
            self.wait_for(job, *cluster.ENDED)

    def submit(self, *arguments, study="study.yaml", options=SIZE, script="dam.sbatch", **settings):
        """Submit a job for a study with these arguments; its number."""
        job = self.shell("sbatch", "--parsable", "--output=OUT-%j", "--time=5", *options,
                         JOBS / script, study, *arguments, **settings).strip()
        self.jobs.append(job)
        return job

    def shell(self, *command, code=0, **settings):
        done = subprocess.run(list(map(str, command)), cwd=self.folder, text=True,
                              env={**self.settings, **settings}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def said(self, job):
        return self.path(f"OUT-{job}").read_text()

    def wait_for(self, job, *states, restarts=None):
        """Until the job is in one of these states, and was restarted this often."""
        def there():
            seen = self.machine.job(job)
            return seen["JobState"] in states and restarts in (None, int(seen["Restarts"])) and seen
        return cluster.wait_until(there, f"job {job} is {states}")

    def wait_for_rows(self, output, count=8):
        program.wait_until(lambda: len(program.rows_of(self.path(output))) >= count, "rows")
        self.assertLess(len(program.rows_of(self.path(output))), TASKS - 20)

    def begin_again(self, job, restarts=1):
        """Let a job that is back in the queue start now, not in two minutes; but not within the
        second in which it was stopped, since a node takes a permit so old for revoked."""
        self.wait_for(job, "PENDING", restarts=restarts)
        cluster.wait_until(lambda: self.machine.is_gone(job), f"job {job} is gone from its nodes")
        self.machine.tell("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    def assert_ends(self, job, code=0):
        """It ends by itself, with this exit code."""
        seen = self.wait_for(job, *cluster.ENDED)
        self.assertEqual(seen["ExitCode"], f"{code}:0", self.said(job))
        self.assertEqual(seen["JobState"], "FAILED" if code else "COMPLETED", self.said(job))

    def assert_whole(self, output):
        self.dam("verify", output)
        self.assertEqual(program.compare.differences(self.path(output), self.whole), [])
        self.assert_nothing_done_twice(output)

    def assert_kept(self, rows, output):
        self.assertEqual(set(rows) - set(program.rows_of(self.path(output))), set())

    def ranks(self, job, node=None):
        """Process ids of a job's ranks."""
        found = []
        for pid in program.parents():
            try:
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if command[0] == os.fsencode(self.dam_test_path) and \
                    f"SLURM_JOB_ID={job}".encode() in environment:
                found.append(pid)
        return found


class Disturbed(Case):
    """A job is begun, disturbed, and begins again by itself."""

    def disturbed(self, disturb, launcher="srun"):
        job = self.submit("-o", "out.h5", DAM_LAUNCHER=launcher)
        self.wait_for_rows("out.h5")
        rows = program.rows_of(self.path("out.h5"))
        disturb(job)
        self.begin_again(job)
        self.assert_kept(rows, "out.h5")
        self.assert_ends(job)
        self.assert_whole("out.h5")
        return self.said(job)

    def drain(self, job):
        self.machine.tell("scancel", "--signal=USR1", "--batch", job)

    def kill_a_rank(self, job):
        os.kill(self.ranks(job)[-1], signal.SIGKILL)

    def test_drains_under_srun(self):
        said = self.disturbed(self.drain)
        self.assertIn("stopped with work left", said)
        self.assertIn("dam.sbatch: run 2 of out.h5", said)

    def test_drains_under_mpirun(self):
        self.assertIn("stopped with work left", self.disturbed(self.drain, "mpirun"))

    def test_a_rank_is_killed_under_srun(self):
        self.disturbed(self.kill_a_rank)

    def test_a_rank_is_killed_under_mpirun(self):
        self.disturbed(self.kill_a_rank, "mpirun")

    def test_requeued_by_hand(self):
        self.disturbed(lambda job: self.machine.tell("scontrol", "requeue", job))

    def crash(self, which):
        """Crash the job's first node, with the script and rank 0 and its lock, or its last."""
        def crash_node(job):
            nodes = self.machine.tell("scontrol", "show", "hostnames",
                                      self.machine.job(job)["NodeList"]).split()
            self.addCleanup(self.machine.repair, nodes[which])
            self.machine.crash(nodes[which])
        return crash_node

    def test_the_first_node_crashes(self):
        self.disturbed(self.crash(0))

    def test_the_last_node_crashes(self):
        self.disturbed(self.crash(-1))

    def test_a_node_crashes_under_mpirun(self):
        self.disturbed(self.crash(-1), "mpirun")

    def test_preempted(self):
        def preempt(job):
            urgent = self.shell("sbatch", "--parsable", "--partition=urgent", "-N4", "--exclusive",
                                "--output=/dev/null", "--wrap=true").strip()
            self.jobs.append(urgent)
        self.disturbed(preempt)


class Ended(Case):
    """A job that must not begin again."""

    def test_cancelled(self):
        for launcher in "srun", "mpirun":
            job = self.submit("-o", f"{launcher}.h5", DAM_LAUNCHER=launcher)
            self.wait_for_rows(f"{launcher}.h5")
            rows = program.rows_of(self.path(f"{launcher}.h5"))
            self.machine.tell("scancel", job)
            self.wait_for(job, "CANCELLED", restarts=0)
            self.assert_kept(rows, f"{launcher}.h5")
            again = self.submit("-o", f"{launcher}.h5", DAM_LAUNCHER=launcher)
            self.assert_ends(again)
            self.assertEqual(self.machine.job(job)["JobState"], "CANCELLED")
            self.assert_whole(f"{launcher}.h5")

    def test_the_bound(self):
        job = self.submit("-o", "out.h5", DAM_REQUEUES="0")
        self.wait_for_rows("out.h5")
        self.machine.tell("scancel", "--signal=USR1", "--batch", job)
        self.assert_ends(job, 75)
        self.assertIn("DAM_REQUEUES", self.said(job))

    def test_no_progress(self):
        """Ranks that die before any task has ended would die again."""
        self.study(STUDY.replace("100", "60000"))
        job = self.submit("-o", "out.h5")
        cluster.wait_until(lambda: self.path("out.h5.journal/status").exists(), "it works")
        os.kill(self.ranks(job)[0], signal.SIGKILL)
        self.assert_ends(job, 137)
        self.assertIn("no task ended", self.said(job))

    def test_final_codes(self):
        bad = self.submit(study=self.study("kind: spin\nspott: 1\n", "bad.yaml"))
        failing = self.submit(
            study=self.study("kind: fail\nspot: [1, 2, 3]\nfail_from: 3\n", "failing.yaml"),
            DAM_LAUNCHER="mpirun")
        self.assert_ends(bad, 2)
        self.assert_ends(failing, 3)


def main():
    cluster.enter()
    with tempfile.TemporaryDirectory(prefix="dam-") as folder:
        Case.machine = cluster.Cluster(folder)
        study = pathlib.Path(folder, "study.yaml")
        study.write_text(STUDY)
        Case.whole = pathlib.Path(folder, "whole.h5")
        # Open MPI looks for a network that is not loopback, unless told.
        os.environ.update(OMPI_MCA_oob_tcp_if_include="lo", OMPI_MCA_btl_tcp_if_include="lo")
        subprocess.run(["mpirun", "-n", "4", os.path.abspath(sys.argv[2]), "run", study, "-o", Case.whole], check=True,
                       cwd=folder, env=program.environment(folder))
        try:
            program.main()
        finally:
            Case.machine.stop()


main()
