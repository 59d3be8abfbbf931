#!/usr/bin/python3
"""jobs.py DAM DAM_TEST DAM_TEST_NEXT: jobs that jobs/ submits to a real SLURM survive what clusters
do to them, and end with the bytes of an undisturbed run."""
import datetime
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import cluster

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mpi"))
import program

JOBS = program.ROOT / "jobs"

# 100 tasks of 0.1 s: on four ranks long enough to be disturbed.
STUDY = "kind: spin\nspot: [1, 2]\nreplicas: 50\nmilliseconds: 100\n"
TASKS = 100
SIZE = ("-N", "2", "-n", "4")


class Case(program.Case):
    """Submits from a folder of its own, which holds the study and whole.h5, an undisturbed run's.
    What job 7 prints goes to OUT-7."""
    machine = whole = None

    def setUp(self):
        super().setUp()
        self.settings.update(DAM=self.dam_test_path, SBATCH_OUTPUT="OUT-%j")
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
        job = self.shell("sbatch", "--parsable", "--time=5", *options,
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
        output = self.path(f"OUT-{job}")
        return output.read_text() if output.exists() else ""

    def in_vain(self, job, what):
        """What there is to know of a job that does not come to this."""
        return lambda: "\n".join([f"job {job} {what}", str(self.machine.job(job)),
                                  self.machine.tell("squeue", "--long"), self.machine.tell("sinfo"),
                                  str(self.machine.processes(job)), self.said(job)])

    def wait_for(self, job, *states, restarts=None):
        """Until the job is in one of these states, and was restarted this often."""
        def there():
            seen = self.machine.job(job)
            return seen["JobState"] in states and restarts in (None, int(seen["Restarts"])) and seen
        return cluster.wait_until(there, self.in_vain(job, f"is {states}"))

    def wait_for_rows(self, output, count=8):
        program.wait_until(lambda: len(program.rows_of(self.path(output))) >= count, "rows")
        self.assertLess(len(program.rows_of(self.path(output))), TASKS - 20)

    def see_to_its_end(self, job):
        """Wait until a job has ended for good, without its waits in the queue."""
        def ended():
            seen = self.machine.job(job)
            if seen["JobState"] == "PENDING" and seen["Reason"] == "BeginTime":
                start = datetime.datetime.fromisoformat(seen["EligibleTime"])
                if start > datetime.datetime.now() + datetime.timedelta(seconds=10):
                    self.machine.start_soon(job)
            return seen["JobState"] in cluster.ENDED and seen
        return cluster.wait_until(ended, self.in_vain(job, "has ended"))

    def assert_ends(self, job, code=0):
        """It ends by itself, with this exit code."""
        seen = self.see_to_its_end(job)
        self.assertEqual(seen["ExitCode"], f"{code}:0", self.said(job))
        self.assertEqual(seen["JobState"], "FAILED" if code else "COMPLETED", self.said(job))

    def assert_whole(self, output):
        self.dam("verify", output)
        self.assertEqual(program.compare.differences(self.path(output), self.whole), [])
        self.assert_nothing_done_twice(output)

    def assert_kept(self, rows, output):
        self.assertEqual(set(rows) - set(program.rows_of(self.path(output))), set())

    def ranks(self, job):
        """Process ids of a job's ranks."""
        program_name = os.fsencode(self.dam_test_path)
        return [pid for pid, command in self.machine.processes(job).items()
                if command[0] == program_name]


class Disturbed(Case):
    """A job is begun, disturbed, and begins again by itself."""

    def disturbed(self, disturb, launcher="srun"):
        job = self.submit("-o", "out.h5", DAM_LAUNCHER=launcher)
        self.wait_for_rows("out.h5")
        rows = program.rows_of(self.path("out.h5"))
        disturb(job)
        self.wait_for(job, "PENDING", restarts=1)
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
            nodes = self.machine.job(job)["NodeList"]
            urgent = self.shell("sbatch", "--parsable", "--partition=urgent", f"--nodelist={nodes}",
                                "--exclusive", "--wrap=true").strip()
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

    def test_a_stop_file(self):
        job = self.submit("-o", "out.h5")
        self.wait_for_rows("out.h5")
        self.path("out.h5.journal/stop").touch()
        self.assert_ends(job, 75)
        self.assertEqual(self.machine.job(job)["Restarts"], "0")
        self.assertIn("asked to stop", self.said(job))

    def test_no_progress(self):
        """Ranks that are ended before any of their tasks, as tasks longer than the job are."""
        self.study(STUDY.replace("100", "60000"))
        job = self.submit("-o", "out.h5")
        cluster.wait_until(lambda: program.journals(self.path("out.h5")), "tasks in hand")
        for rank in self.ranks(job):
            os.kill(rank, signal.SIGTERM)
        self.assert_ends(job, 75)
        self.assertIn("no task ended", self.said(job))

    def test_final_codes(self):
        bad = self.submit(study=self.study("kind: spin\nspott: 1\n", "bad.yaml"))
        failing = self.submit(
            study=self.study("kind: fail\nspot: [1, 2, 3]\nfail_from: 3\n", "failing.yaml"),
            DAM_LAUNCHER="mpirun")
        self.assert_ends(bad, 2)
        self.assert_ends(failing, 3)


class OneOutput(Case):
    """Two jobs on one output: the second is refused, on any node, and changes nothing."""

    def test_the_second_is_refused(self):
        self.study(STUDY.replace("50", "100000"))
        first = self.submit("-o", "out.h5", options=("--nodelist=n1", "-n", "2"))
        self.wait_for_rows("out.h5")
        for launcher, node in ("srun", "n1"), ("srun", "n2"), ("mpirun", "n3"):
            second = self.submit("-o", "out.h5", options=(f"--nodelist={node}", "-n", "2"),
                                 DAM_LAUNCHER=launcher)
            self.assert_ends(second, 2)
            self.assertIn("another run is writing it (host n1, pid", self.said(second))
        self.assertEqual(self.machine.job(first)["JobState"], "RUNNING")
        self.path("out.h5.journal/stop").touch()
        self.assert_ends(first, 75)
        self.dam("verify", "out.h5")


class Options(Case):
    """What the job does with the options of dam run."""

    def test_fresh_discards_once(self):
        """A restart with --fresh would discard what the job itself has done."""
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", "seed=2", ranks=4)
        old = set(program.journals(self.path("out.h5")))
        job = self.submit("-oout.h5", "--fresh")
        cluster.wait_until(lambda: not old & set(program.journals(self.path("out.h5"))),
                           "it has discarded seed 2")
        self.wait_for_rows("out.h5")
        journals = [file for file in program.journals(self.path("out.h5")) if program.rows_in(file)]
        self.machine.tell("scontrol", "requeue", job)
        self.assert_ends(job)
        self.assertEqual(set(journals) - set(program.journals(self.path("out.h5"))), set())
        self.assert_whole("out.h5")

    def test_the_default_output_in_a_folder(self):
        """Only where the job finds the right journal does it see that it got on."""
        self.path("studies").mkdir()
        job = self.submit(study=self.study(STUDY, "studies/deep.v2.yaml"))
        self.wait_for_rows("deep.v2.h5")
        self.machine.tell("scancel", "--signal=USR1", "--batch", job)
        self.assert_ends(job)
        self.assertEqual(self.machine.job(job)["Restarts"], "1")
        self.assert_whole("deep.v2.h5")


class Array(Case):
    def elements(self, **settings):
        """Their job numbers, which they get as they begin."""
        array = self.submit(script="dam-array.sbatch", options=("--array=1-3", "-n", "2"),
                            **settings)

        def number(index):
            seen = self.machine.job(f"{array}_{index}")
            return seen["JobState"] != "PENDING" and seen["JobId"]
        elements = [cluster.wait_until(lambda index=index: number(index),
                                       f"element {index} of job {array} has begun")
                    for index in (1, 2, 3)]
        self.assertEqual(len(set(elements)), 3)
        self.jobs += elements
        return elements

    def test_seeds(self):
        self.study(STUDY.replace("100", "10"))
        for job in self.elements():
            self.assert_ends(job)
        for seed in 1, 2, 3:
            self.dam("run", "study.yaml", "--set", f"seed={seed}", "-o", "alone.h5", "--fresh")
            self.assert_same("alone.h5", f"study-seed{seed}.h5")

    def test_slices(self):
        for job in self.elements(DAM_ARRAY="slices"):
            self.assert_ends(job)
        self.dam("merge", *(f"study-slice{i}of3.h5" for i in (1, 2, 3)), "-o", "out.h5")
        self.assertEqual(program.compare.differences(self.path("out.h5"), self.whole), [])


class Submit(Case):
    """jobs/submit.sh on four nodes of four CPUs."""

    def test_it_shows_and_submits(self):
        submit = JOBS / "submit.sh"
        shown = self.shell(submit, "--dry-run", "study.yaml", "-o", "out.h5")
        self.assertNotIn(self.folder.name, self.machine.tell("squeue", "-h", "-o", "%Z"))
        # 100 tasks on 16 ranks are 7 turns, on 12 ranks 9: 0.89 and 0.93 of the ranks' time.
        self.assertIn("proposed: 12 ranks on 3 nodes", shown)
        self.assertIn("'--nodes=3' '--ntasks=12'", shown)
        everything = self.shell(submit, "--dry-run", "--efficiency=0.5", "study.yaml")
        self.assertIn("proposed: 16 ranks on 4 nodes", everything)
        one_node = self.shell(submit, "--dry-run", "--efficiency", "1", "--ranks-per-node", "2",
                              "study.yaml", "--set", "replicas=1")
        self.assertIn("proposed: 2 ranks on 1 nodes", one_node)
        capped = self.shell(submit, "--dry-run", "--partition=urgent", "study.yaml", "--set",
                            "milliseconds=100000", "--set=replicas=500")
        self.assertIn("'--partition=urgent' '--nodes=4' '--ntasks=16' '--time=60'", capped)
        self.assertIn("60 min may not do", capped)
        told = self.shell(submit, "--dry-run", "--time-limit=1-2:03:00", "study.yaml")
        self.assertIn("'--time=1563'", told)
        said = self.shell(submit, "study.yaml", "-o", "out.h5")
        job = said.split()[-1]
        self.jobs.append(job)
        self.assertEqual(self.machine.job(job)["NumTasks"], "12")
        self.assert_ends(job)
        self.assert_whole("out.h5")

    def test_it_refuses(self):
        for arguments in ([], ["--dry-run"], ["--efficiency=2", "study.yaml"], ["--bogus", "x"],
                          ["missing.yaml"], ["--ranks-per-node=5", "study.yaml"],
                          ["--partition=nowhere", "study.yaml"]):
            self.shell(JOBS / "submit.sh", *arguments, code=2)


class Time(Case):
    """The end of a job's time. SLURM knows none shorter than a minute, so these begin before all
    other tests, fill a node of their own, and are looked at last."""

    STUDY = "kind: spin\nmilliseconds: 500\nreplicas: 130\n"
    LONG = ("kind: spin\nreplicas: 20\n"
            "grids: [{spot: 1, milliseconds: 100}, {spot: 2, milliseconds: 100000, replicas: 1}]\n")
    UNTOLD = "--signal=B:URG@1"  # which nobody heeds

    @classmethod
    def begin(cls):
        cls.early = Case()
        cls.early.setUp()
        unittest.addModuleCleanup(cls.early.doCleanups)
        cls.early.study(cls.STUDY)
        cls.early.study(cls.LONG, "long.yaml")
        submit, own = cls.early.submit, ("--time=1", "--nodelist=n4")
        cls.by_itself = submit("-o", "itself.h5", options=(*own, "-n", "1", cls.UNTOLD))
        cls.told = submit("-o", "told.h5", options=(*own, "-n", "1", "--signal=B:USR1@30"))
        cls.killed = {launcher: submit("-o", f"{launcher}.h5", study="long.yaml",
                                       options=("--time=1", f"--nodelist={node}", "-n", "2",
                                                cls.UNTOLD), DAM_LAUNCHER=launcher)
                      for launcher, node in (("srun", "n4"), ("mpirun", "n3"))}
        cls.undisturbed = submit("-o", "whole.h5", options=("--nodelist=n3", "-n", "2"))

    def setUp(self):
        self.folder, self.settings, self.jobs, self.running = (
            self.early.folder, self.early.settings, [], [])

    def assert_stopped_and_ended(self, job, output):
        self.assert_ends(self.undisturbed)
        self.assert_ends(job)
        self.assertIn("stopped with work left", self.said(job))
        self.assertGreater(int(self.machine.job(job)["Restarts"]), 0)
        self.assert_same(output, "whole.h5")
        self.assert_nothing_done_twice(output)

    def test_dam_knows_the_end(self):
        """Told by nobody, dam drains before its time is over."""
        self.assert_stopped_and_ended(self.by_itself, "itself.h5")
        self.assertNotIn("SIGUSR1", self.said(self.by_itself))

    def test_slurm_tells(self):
        self.assert_stopped_and_ended(self.told, "told.h5")
        self.assertIn("SIGUSR1", self.said(self.told))

    def test_killed_at_the_end(self):
        """A task is longer than the job: what else was finished is kept, and the job begins again,
        because it got on."""
        self.dam("run", "long.yaml", "-o", "other.h5", "--set", "haste=1000", ranks=2)
        for launcher, job in self.killed.items():
            cluster.wait_until(lambda: int(self.machine.job(job)["Restarts"]), "it is requeued")
            self.machine.tell("scancel", job)
            self.see_to_its_end(job)
            self.assertIn("back into the queue", self.said(job))
            output = f"{launcher}.h5"
            rows = program.rows_of(self.path(output))
            self.assertEqual(len(rows), 20)
            self.dam("run", "long.yaml", "-o", output, "--set", "haste=1000", ranks=2)
            self.assert_kept(rows, output)
            self.assert_same(output, "other.h5")


def setUpModule():
    scratch = tempfile.TemporaryDirectory(prefix="dam-", ignore_cleanup_errors=True)
    unittest.addModuleCleanup(scratch.cleanup)
    Case.machine = cluster.Cluster(scratch.name)
    unittest.addModuleCleanup(Case.machine.stop)
    # Open MPI looks for a network that is not loopback, unless told.
    os.environ.update(OMPI_MCA_oob_tcp_if_include="lo", OMPI_MCA_btl_tcp_if_include="lo")
    undisturbed = Case()
    undisturbed.setUp()
    unittest.addModuleCleanup(undisturbed.doCleanups)
    undisturbed.dam("run", "study.yaml", "-o", "whole.h5", ranks=4)
    Case.whole = undisturbed.path("whole.h5")
    Time.begin()


if __name__ == "__main__":
    cluster.enter()
    program.main()
