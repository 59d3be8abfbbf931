#!/usr/bin/python3
"""training.py DAM DAM_TEST DAM_TEST_NEXT: trainings, which are chains of rounds: how they were run,
stopped, resumed and extended does not show in their errors."""
import os
import pathlib
import re
import shutil

import h5py
import numpy as np
import program

# Rounds of a hundred epochs, the most there is, of a few milliseconds an epoch.
STUDY = """kind: classify
dataset: synthetic
seed: 3
training: 300
validation: 100
minibatch: 50
K: 12
temperature_start: 20
replicas: 2
epochs: 230
grids:
  - {n: [2, 20], momentum: 0.9}
  - {form: dual, activation: logistic, order: shuffled, validation: 0}
"""
CURVES = "train_errors", "validation_errors", "test_errors"


class Training(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)

    def run_study(self, output, *settings, ranks=0, **options):
        arguments = [word for setting in settings
                     for word in ((setting,) if setting[0] == "-" else ("--set", setting))]
        return self.dam("run", "study.yaml", "-o", output, *arguments, ranks=ranks,
                        program=self.dam_path, **options)

    def curves(self, output):
        """[curve][cell][replica][epoch]"""
        with h5py.File(self.path(output), "r") as file:
            return np.stack([file[name][()] for name in CURVES])

    def test_any_number_of_ranks(self):
        self.run_study("alone.h5", "memories=yes")
        self.dam("verify", "alone.h5", program=self.dam_path)
        for ranks in 2, 3, 5:
            self.run_study(f"on{ranks}.h5", "memories=yes", ranks=ranks)
            self.assert_same("alone.h5", f"on{ranks}.h5")
            self.assert_nothing_done_twice(f"on{ranks}.h5")

    def test_curves(self):
        """As long as the training, NaN where no images are held out; the last of them in the
        table. Seeds and replicas differ."""
        self.run_study("out.h5", ranks=2)
        curves = self.curves("out.h5")
        self.assertEqual(curves.shape, (3, 3, 2, 230))
        nan = np.isnan(curves)
        self.assertTrue(nan[1, 2].all())
        self.assertEqual(nan.sum(), nan[1, 2].size)
        for curve, column in enumerate(("train_error", "validation_error", "test_error")):
            np.testing.assert_allclose([row for row, in self.table("out.h5", column)],
                                       curves[curve, :, :, -1].mean(axis=1), rtol=1e-14)
        self.assertFalse((curves[2, :, 0] == curves[2, :, 1]).all(axis=1).any())
        self.assertLess(curves[2, :, :, -1].mean(), curves[2, :, :, 0].mean())

    def test_more_epochs_and_replicas(self):
        """At once: the old go on from within a round, the new catch up with them."""
        self.run_study("grown.h5", "epochs=130", ranks=2)
        before = self.curves("grown.h5")
        rows = set(program.rows_of(self.path("grown.h5")))
        self.run_study("grown.h5", "epochs=270", "replicas=4", "memories=yes", ranks=3)
        self.assertEqual(rows - set(program.rows_of(self.path("grown.h5"))), set())
        self.assert_nothing_done_twice("grown.h5")
        self.run_study("fresh.h5", "epochs=270", "replicas=4", "memories=yes", ranks=2)
        self.assert_same("grown.h5", "fresh.h5")
        np.testing.assert_array_equal(self.curves("grown.h5")[:, :, :2, :130], before)
        added = set(program.rows_of(self.path("grown.h5")))
        self.run_study("grown.h5", "epochs=130")  # and back: nothing is done
        self.assertEqual(set(program.rows_of(self.path("grown.h5"))), added)
        np.testing.assert_array_equal(self.curves("grown.h5"), before)
        _, err = self.run_study("grown.h5", "epochs=260", "memories=yes", "replicas=6", code=2)
        self.assertIn("cell classify/1;dataset=synthetic;n=2;K=12;", err)
        self.assertIn("replica 0 has gone on to epoch 270", err)
        np.testing.assert_array_equal(self.curves("grown.h5"), before)
        self.assertEqual(set(program.rows_of(self.path("grown.h5"))), added)

    def test_lost_states_and_budgets(self):
        """A chain that begins anew under another budget makes rounds of other lengths: its old rows
        count no longer, whoever reads them and however often."""
        self.study("kind: classify\ndataset: synthetic\nreplicas: 2\nepochs: 2\nK: 5\n"
                   "memories: yes\n")
        for ranks in 0, 3:
            self.run_study("out.h5", "epochs=2", "--fresh", ranks=ranks)
            lost = self.path("out.h5.journal") / program.states_of(self.path("out.h5"))[0]
            lost.write_bytes(b"")
            for epochs in 4, 8, 11:
                _, err = self.run_study("out.h5", f"epochs={epochs}", ranks=ranks)
                self.assertEqual("the states of 1 replicas are lost" in err, epochs == 4, err)
                self.run_study("fresh.h5", "--fresh", f"epochs={epochs}")
                self.assert_same("out.h5", "fresh.h5")

    def memories(self, output):
        with h5py.File(self.path(output), "r") as file:
            return file["memories"][()]

    def lose_states(self, replica):
        for name in program.states_of(self.path("out.h5")):
            if name.endswith(f"-{replica}"):
                (self.path("out.h5.journal") / name).unlink()

    def test_lost_last_states_are_published_still(self):
        """What was published is taken over, for the replicas that were there, in a study that grew
        as well as in the same; nothing is trained again, and --retry-failed finds nothing to do."""
        self.study("kind: classify\ndataset: synthetic\nreplicas: 2\nepochs: 2\nn: [2, 3]\nK: 5\n"
                   "memories: yes\n")
        self.run_study("fresh.h5", "replicas=3", "K=[4, 5, 7]")
        self.run_study("out.h5")
        self.run_study("before.h5")
        for replica, arguments, ranks in (0, (), 0), (1, (), 3), (1, ("--retry-failed",), 2):
            self.lose_states(replica)
            rows = program.rows_of(self.path("out.h5"))
            self.run_study("out.h5", *arguments, ranks=ranks)
            self.assert_same("out.h5", "before.h5")
            self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.run_study("out.h5", "replicas=3", "K=[4, 5, 7]", ranks=2)
        self.assert_same("out.h5", "fresh.h5")
        self.run_study("out.h5")  # and back
        self.assert_same("out.h5", "before.h5")

    def test_nothing_else_is_taken_for_lost_states(self):
        """Memories of other epochs, of a damaged dataset or of none: the cell fails, with its
        replica in /failures, until it is trained again."""
        self.study("kind: classify\ndataset: synthetic\nreplicas: 2\nepochs: 2\nn: [2, 3]\nK: 5\n"
                   "memories: yes\n")
        self.run_study("fresh.h5")

        def of_other_epochs():
            self.run_study("out.h5", "epochs=1")
            shutil.copy(self.path("out.h5"), self.path("old.h5"))
            self.run_study("out.h5")
            shutil.move(self.path("old.h5"), self.path("out.h5"))

        def damaged():
            self.run_study("out.h5")
            with h5py.File(self.path("out.h5"), "r+") as file:
                file["memories"][0, 0, 0, 0] += 1

        def without():
            self.run_study("out.h5", "memories=no")
            self.lose_states(0)  # which no one needs
            rows = program.rows_of(self.path("out.h5"))
            self.assertEqual(self.run_study("out.h5", "memories=no", "--retry-failed")[1], "")
            self.assertEqual(program.rows_of(self.path("out.h5")), rows)

        for prepare in of_other_epochs, damaged, without:
            with self.subTest(prepare.__name__):
                for remains in self.folder.glob("out.h5*"):
                    shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
                prepare()
                self.lose_states(0)
                self.run_study("out.h5", ranks=2, code=3)
                self.assertEqual(self.table("out.h5", "status"), [("failed",)] * 2)
                self.assertTrue(np.isnan(self.memories("out.h5")[:, 0]).all())
                np.testing.assert_array_equal(self.memories("out.h5")[:, 1],
                                              self.memories("fresh.h5")[:, 1])
                with h5py.File(self.path("out.h5")) as file:
                    self.assertEqual(file["failures"]["replica"].tolist(), [0, 0])
                self.run_study("out.h5", code=3)
                _, err = self.run_study("out.h5", "--retry-failed", ranks=2)
                self.assertIn("the states of 2 replicas are lost; these begin anew", err)
                self.assert_same("out.h5", "fresh.h5")

    def test_a_result_that_cannot_be_read_now_is_not_replaced(self):
        """It is all that is left of the lost states: one line, until it can be read or is removed.
        Where no state is lost it is published anew."""
        self.study("kind: classify\ndataset: synthetic\nreplicas: 2\nepochs: 2\nn: [2, 3]\nK: 5\n"
                   "memories: yes\n")
        self.run_study("out.h5")
        self.run_study("before.h5")
        whole = self.path("out.h5").read_bytes()

        def assert_refused():
            content = self.path("out.h5").read_bytes()
            rows = program.rows_of(self.path("out.h5"))
            for arguments, ranks in ((), 0), ((), 2), (("--retry-failed",), 0):
                _, err = self.run_study("out.h5", *arguments, ranks=ranks, code=1)
                self.assertIn("out.h5: cannot be read, but may hold what is lost with states", err)
                self.assertEqual(self.path("out.h5").read_bytes(), content)
                self.assertEqual(program.rows_of(self.path("out.h5")), rows)

        def crashing():
            shutil.copy(program.ROOT / "tests/fuzz/seeds/result/crashes-libhdf5.h5",
                        self.path("out.h5"))

        crashing()
        self.run_study("out.h5")
        self.assert_same("out.h5", "before.h5")
        self.lose_states(0)
        with h5py.File(self.path("out.h5"), "r+"):  # which locks it
            assert_refused()
        crashing()
        assert_refused()
        self.path("out.h5").write_bytes(whole)
        self.run_study("out.h5")
        self.assert_same("out.h5", "before.h5")
        self.path("out.h5").unlink()
        self.run_study("out.h5", code=3)

    def test_the_published_result_is_read_once(self):
        """However many replicas are lost: by the child that tries it, at the start and at the end;
        and what was written is read back."""
        self.study("kind: classify\ndataset: synthetic\ntraining: 50\nminibatch: 50\nreplicas: 12\n"
                   "epochs: 1\nK: 4000\nmemories: yes\n")
        self.run_study("out.h5")
        size = self.memories("out.h5").nbytes
        with h5py.File(self.path("out.h5"), "r+") as file:
            file["memories"][0, 0, 0, 0] += 1
        for replica in range(12):
            self.lose_states(replica)
        run = self.start("run", "study.yaml", "-o", "out.h5", program=self.dam_path)
        os.waitid(os.P_PID, run.process.pid, os.WEXITED | os.WNOWAIT)
        counts = pathlib.Path(f"/proc/{run.process.pid}/io").read_text()  # with its children's
        self.assertEqual(run.wait()[0], 3)
        self.assertLess(int(re.search(r"rchar: (\d+)", counts)[1]), 6 * size)

    def test_what_has_one_round_is_retried_too(self):
        """Whose memories are another result's: they are read again."""
        self.study("kind: classify\ndataset: synthetic\nepochs: 1\nn: [2, 3]\nK: 5\n"
                   "memories: yes\n")
        self.run_study("source.h5")
        self.study("kind: anatomy\nfrom: source.h5\n")
        self.run_study("out.h5")
        self.run_study("before.h5")
        self.lose_states(0)
        self.run_study("out.h5", ranks=2, code=3)
        self.run_study("out.h5", "--retry-failed", ranks=2)
        self.assert_same("out.h5", "before.h5")

    def assert_goes_on(self, limit):
        """What was published is the beginning of what an undisturbed run publishes, and the run
        goes on from there to the same end."""
        self.dam("verify", "out.h5", program=self.dam_path)
        self.assertIn(("partial",), self.table("out.h5", "status"))
        before = self.curves("out.h5")
        rows = set(program.rows_of(self.path("out.h5")))
        self.run_study("out.h5", limit, ranks=3)
        self.run_study("whole.h5", limit, ranks=2)
        self.assert_same("out.h5", "whole.h5")
        self.assert_nothing_done_twice("out.h5")
        self.assertEqual(rows - set(program.rows_of(self.path("out.h5"))), set())
        whole = self.curves("whole.h5")
        part = before[..., :whole.shape[-1]]
        self.assertTrue((np.isnan(part) | (part == whole)).all())
        self.assertFalse(np.isnan(part[2]).all())

    def test_the_time_limit(self):
        """Stopped a long way before its end, with fewer epochs asked for later."""
        arguments = "run", "study.yaml", "-o", "out.h5", "--set", "epochs=20000"
        out, _ = self.dam(*arguments, "--time-limit", "1s", ranks=2, code=75, program=self.dam_path)
        self.assertIn("stopped with work left", out)
        self.assert_goes_on("epochs=400")

    def test_a_stop_file(self):
        run = self.start("run", "study.yaml", "-o", "out.h5", "--set", "epochs=20000", ranks=2,
                         program=self.dam_path)
        program.wait_until(lambda: run.ended() or len(program.rows_of(self.path("out.h5"))) > 10,
                           "the second rounds")
        (self.path("out.h5.journal") / "stop").touch()
        self.assertEqual(run.wait()[0], 75)
        self.assert_goes_on("epochs=430")


class DataSet(program.Case):
    """What tasks need besides the study is seen to on every rank before anything is done."""

    def setUp(self):
        super().setUp()
        self.path("none").mkdir()
        self.path("zeros/cifar10").mkdir(parents=True)  # as large as it must be, all black
        for name in *(f"data_batch_{part}" for part in range(1, 6)), "test_batch":
            with open(self.path(f"zeros/cifar10/{name}.bin"), "wb") as file:
                file.truncate(10000 * (1 + 32 * 32 * 3))

    def refused(self, words, run):
        """One line, and nothing touched."""
        before = self.snapshot()
        code, out, err = run().wait()
        self.assertEqual((code, out), (1, ""), err)
        # mpirun adds its own word on ranks that fail.
        said, = [line for line in err.splitlines() if line.startswith("dam: ")]
        self.assertIn(words, said)
        self.assertEqual(self.snapshot(), before)

    def test_one_that_is_missing(self):
        self.settings["DAM_DATA"] = "none"
        missing = "data set mnist: no train-images-idx3-ubyte (or .gz) in none/mnist"
        self.study("kind: classify\ndataset: mnist\nepochs: 1\nlearning_rate: [0.1, 0.2]\n")
        run = "run", "study.yaml", "-o", "out.h5"
        for arguments, ranks in ((run, 0), (run, 3), ((*run, "--dry-run"), 2),
                                 (("plan", "study.yaml"), 0)):
            self.refused(missing, lambda: self.start(*arguments, ranks=ranks,
                                                     program=self.dam_path))

    def test_one_that_a_single_rank_misses(self):
        self.study("kind: classify\ndataset: cifar10\nepochs: 1\nK: 1\n")
        run = self.dam_path, "run", "study.yaml", "-o", "out.h5"
        part = "-n", "1", "-x"

        def start(*arguments):
            command = ["mpirun", *part, "DAM_DATA=zeros", *run, *arguments, ":",
                       *part, "DAM_DATA=none", *run, *arguments]
            self.running.append(program.Run(command, self.folder, self.settings))
            return self.running[-1]

        for arguments in (), ("--dry-run",):
            self.refused("no data_batch_1.bin (or .gz) in none/cifar10", lambda: start(*arguments))
        self.settings["DAM_DATA"] = "zeros"
        self.dam("run", "study.yaml", "-o", "out.h5", "--dry-run", ranks=2, program=self.dam_path)


if __name__ == "__main__":
    program.main()
