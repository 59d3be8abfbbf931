#!/usr/bin/python3
"""rounds.py DAM DAM_TEST DAM_TEST_NEXT: what is said of a study whose results decide about further
rounds, before it runs and while it does: what is known, and no more; what the last round leaves
is there for the result; and rounds that are added later go on from it."""
import csv
import pathlib
import re
import shutil
import signal
import struct

import h5py
import numpy as np
import program

ROUNDS = 3
IDENTITY_AT, IDENTITY_SIZE = 24, 48  # in a journal's header: src/run/journal.h
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


def states(folder):
    """(round, replica) -> the blob in its file of 16 bytes more, of a study of one cell."""
    found = {}
    for name in program.states_of(folder):
        number, replica = map(int, name.split("-")[2:])
        file = pathlib.Path(f"{folder}.journal", name)
        found[number, replica] = np.frombuffer(file.read_bytes()[16:], np.uint8)
    return found


class LastStates(program.Case):
    def read(self, name, file="out.h5"):
        with h5py.File(self.path(file), "r") as read:
            return read[name][()], dict(read[name].attrs)

    def run_one(self, *arguments, **options):
        self.study("kind: relay\nspot: 4\nbytes: 13\nreplicas: 3\nmemories: yes\n")
        return self.dam("run", "study.yaml", "-o", "out.h5", *arguments, **options)

    def expected(self, entries):
        """The first bytes of the last states; they begin anew where a state is shorter."""
        blobs = states(self.path("out.h5"))
        bytes_ = np.stack([np.resize(blobs[ROUNDS - 1, replica], 2 * entries)
                           for replica in range(3)]).astype(np.float32)
        return np.where(bytes_ % 7 == 0, np.float32("nan"), bytes_ / 256).reshape(3, 2, entries)

    def test_the_result_has_what_they_hold(self):
        self.run_one(ranks=2)
        memories, notes = self.read("memories")
        self.assertEqual(notes["dimensions"], b"cell, replica, row, entry")
        self.assertEqual((memories.shape, memories.dtype), ((1, 3, 2, 5), "<f4"))
        np.testing.assert_array_equal(memories[0], self.expected(5))
        self.assertEqual(set(memories[np.isnan(memories)].view(np.uint32)), {0x7fc00000})
        self.assertNotIn("dimensions", self.read("digests")[1])
        self.assertEqual(self.read("last")[1]["dimensions"], b"cell, replica")
        self.dam("verify", "out.h5")

    def test_padding(self):
        """Cells of other sizes share a dataset; where no cell wants it, there is none."""
        self.study("kind: relay\nbytes: 13\ngrids:\n  - {spot: 4, memories: yes, replicas: 3}\n"
                   "  - {spot: 2, memories: yes, replicas: 2}\n  - {spot: 3, replicas: 4}\n")
        self.dam("run", "study.yaml", "-o", "mixed.h5", ranks=3)
        self.dam("verify", "mixed.h5")
        mixed, _ = self.read("memories", "mixed.h5")
        self.assertEqual(mixed.shape, (3, 3, 2, 5))
        self.run_one()
        np.testing.assert_array_equal(mixed[0], self.read("memories")[0][0])
        self.dam("run", "study.yaml", "-o", "two.h5", "--set", "spot=2", "--set", "replicas=2")
        self.assertTrue(np.isnan(mixed[1, 2]).all() and np.isnan(mixed[1, :, :, 3:]).all())
        self.assertFalse(np.isnan(mixed[1, :2, :, :3]).all())
        self.assertTrue(np.isnan(mixed[2]).all())
        self.assertEqual(set(mixed[np.isnan(mixed)].view(np.uint32)), {0x7fc00000})
        self.run_one("--fresh", "--set", "memories=no")
        self.dam("verify", "out.h5")
        with h5py.File(self.path("out.h5"), "r") as file:
            self.assertNotIn("memories", file)

    def assert_failed(self, words, *arguments, replicas=(1,)):
        """The cell is, for these replicas' states; all else is published as before."""
        whole = {name: self.read(name)[0] for name in ("memories", "last")}
        self.run_one(*arguments, code=3)
        self.assertEqual(self.table("out.h5", "status"), [("failed",)])
        failures, _ = self.read("failures")
        self.assertEqual(failures["replica"].tolist(), list(replicas))
        for message in failures["message"]:
            self.assertIn(words, message.decode())
            self.assertIn("--retry-failed", message.decode())
        memories, last = self.read("memories")[0], self.read("last")[0]
        for replica in range(3):
            lost = replica in replicas
            self.assertEqual(last[0, replica] == 0, lost)
            if not lost:
                self.assertEqual(memories[0, replica].tobytes(),
                                 whole["memories"][0, replica].tobytes())

    def test_damaged_and_missing_ones(self):
        self.run_one()
        whole = self.path("out.h5").read_bytes()
        name, = (name for name in program.states_of(self.path("out.h5")) if name.endswith("-2-1"))
        file = self.path("out.h5.journal") / name
        kept = file.read_bytes()
        file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        self.assert_failed(f"{name}: damaged")
        file.unlink()
        self.assert_failed(f"{name}: ")
        file.write_bytes(kept)
        self.path("before.h5").write_bytes(whole)
        self.run_one()
        self.assert_same("out.h5", "before.h5")

    def test_a_failed_one_is_retried_when_asked(self):
        """The replicas of lost and damaged states alone."""
        for ranks in 0, 3:
            self.run_one("--fresh")
            shutil.copy(self.path("out.h5"), self.path("before.h5"))
            rows = program.rows_of(self.path("out.h5"))
            lost, damaged = (self.path("out.h5.journal") / name
                             for name in program.states_of(self.path("out.h5"))[1:])
            lost.unlink()
            self.assert_failed(f"{lost.name}: ")
            damaged.write_bytes(b"")
            _, err = self.run_one("--retry-failed", ranks=ranks)
            self.assertIn("the states of 2 replicas are lost; these begin anew", err)
            self.assert_same("out.h5", "before.h5")
            done = program.rows_of(self.path("out.h5"))
            self.assertEqual(len([row for row in done if row.end > 0]), len(rows) + 2 * ROUNDS)
            self.assertEqual(self.run_one("--retry-failed", ranks=ranks)[1], "")
            self.assertEqual(program.rows_of(self.path("out.h5")), done)

    def test_of_a_lowered_budget(self):
        """The states of the rounds that are left are gone: refused before anything is done, and
        raised again it is as before."""
        self.run_one()
        before = self.snapshot()
        for dry in (), ("--dry-run",):
            for ranks in 0, 3:
                _, err = self.run_one("--set", "rounds=2", "--set", "spot=[3, 4]", *dry, code=2,
                                      ranks=ranks)
                self.assertIn("out.h5: cell relay/1;spot=4;bytes=13: replica 0 has gone on to "
                              "further rounds", err)
                self.assertIn("raise the budget that was lowered again, or publish without", err)
        self.assertEqual(self.snapshot(), before)
        self.run_one()

    def test_of_a_stopped_run(self):
        """Replicas in different rounds: each gives its own last one."""
        self.study("kind: relay\nspot: 4\nbytes: 13\nreplicas: 3\nmemories: yes\n"
                   "milliseconds: 400\n")
        run = self.start("run", "study.yaml", "-o", "out.h5")
        program.wait_until(lambda: run.ended() or len(program.rows_of(self.path("out.h5"))) == 4,
                           "the first row of the second round")
        run.send(signal.SIGUSR1)
        self.assertEqual(run.wait()[0], 75)
        blobs = {replica: blob for (_, replica), blob in
                 sorted(states(self.path("out.h5")).items())}
        rounds = {number for number, _ in states(self.path("out.h5"))}
        self.assertEqual(rounds, {0, 1})
        memories, _ = self.read("memories")
        for replica, blob in blobs.items():
            bytes_ = blob[:10].astype(np.float32)
            np.testing.assert_array_equal(
                memories[0, replica].ravel(),
                np.where(bytes_ % 7 == 0, np.float32("nan"), bytes_ / 256))
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        self.dam("run", "study.yaml", "-o", "fresh.h5", "--set", "milliseconds=0")
        self.assertEqual(self.read("memories")[0].tobytes(),
                         self.read("memories", "fresh.h5")[0].tobytes())


class Refused(program.Case):
    def fail_a_task(self, output, replica):
        """Write a row into the journal: the first round of this replica has failed."""
        path, = program.journals(self.path(output))
        before = program.rows_in(path)[0]
        data = path.read_bytes()
        high, low = before.cell
        library, message = 5, b"it failed"  # DAM_LIBRARY
        row = struct.pack("<QQIIQQQI", low, high, 0, replica, 0, 1, before.plan, library)
        row += bytes(program.FRAME - 16 - len(row))
        size = struct.pack("<I", len(message))
        seed = program.checksum(data[IDENTITY_AT:IDENTITY_AT + IDENTITY_SIZE])
        crc = program.checksum(struct.pack("<Q", len(data)) + size + row + message, seed)
        path.write_bytes(data + program.MARKER + size + struct.pack("<II", crc, 0) + row + message)

    def test_a_cell_that_a_failed_task_holds_up(self):
        """Its budget is lowered below what is done: no start of a run tells, since it cannot end.
        It fails alone, with its errors and without its memories; all else is published."""
        study = "kind: classify\ndataset: synthetic\nepochs: 5\nn: 2\nK: 5\nmemories: yes\n"
        grown = "--set", "replicas=2", "--set", "n=[2, 3]"
        self.study(study)
        run = "run", "study.yaml", "-o"
        self.dam(*run, "out.h5", "--set", "epochs=8", program=self.dam_path)
        self.dam(*run, "fresh.h5", *grown, program=self.dam_path)
        self.fail_a_task("out.h5", 1)
        for ranks in 2, 0:
            self.dam(*run, "out.h5", *grown, ranks=ranks, code=3, program=self.dam_path)
            self.dam("verify", "out.h5", program=self.dam_path)
            self.assertEqual(self.table("out.h5", "status"), [("failed",), ("complete",)])
            with h5py.File(self.path("out.h5")) as got, h5py.File(self.path("fresh.h5")) as fresh:
                failed, refused = got["failures"][()]
                self.assertEqual(failed["message"], b"it failed")
                self.assertIn(b"replica 0 has gone on to epoch 8", refused["message"])
                for name in "train_errors", "test_errors":
                    np.testing.assert_array_equal(got[name][0, 0], fresh[name][0, 0])
                self.assertTrue(np.isnan(got["memories"][0]).all())
                self.assertEqual(got["memories"][1].tobytes(), fresh["memories"][1].tobytes())
        self.dam(*run, "out.h5", *grown, "--set", "epochs=8", "--retry-failed", ranks=2,
                 program=self.dam_path)
        self.dam(*run, "fresh.h5", *grown, "--set", "epochs=8", program=self.dam_path)
        self.assert_same("out.h5", "fresh.h5")


class Raised(program.Case):
    """A budget that decides how many rounds there are."""

    def rounds_of(self, output):
        """(round, replica) of all rows."""
        return sorted((row.round, row.replica) for row in program.rows_of(self.path(output)))

    def check(self, study, first, then, ranks):
        """Run with `first`, raise to `then`: nothing that is done is done again, and the result is
        that of a run of `then` alone."""
        for name in "grown.h5", "fresh.h5":
            self.path(name).unlink(missing_ok=True)
            shutil.rmtree(self.path(f"{name}.journal"), ignore_errors=True)
        self.study(study)
        self.dam("run", "study.yaml", "-o", "grown.h5", *first, ranks=ranks[0])
        before = self.rounds_of("grown.h5")
        self.dam("run", "study.yaml", "-o", "grown.h5", *then, ranks=ranks[1])
        self.assert_nothing_done_twice("grown.h5")
        self.dam("run", "study.yaml", "-o", "fresh.h5", *then)
        self.assert_same("grown.h5", "fresh.h5")
        added = self.rounds_of("grown.h5")
        for task in before:
            added.remove(task)
        return added

    def test_more_rounds(self):
        study = "kind: relay\nspot: 4\nreplicas: 2\nmemories: yes\n"
        for ranks in (1, 3), (3, 1):
            added = self.check(study, (), ("--set", "rounds=5"), ranks)
            self.assertEqual(added, [(3, 0), (3, 1), (4, 0), (4, 1)])

    def test_more_rounds_and_replicas(self):
        study = "kind: relay\nspot: 4\nreplicas: 2\nmemories: yes\n"
        for ranks in (1, 3), (3, 1):
            added = self.check(study, (), ("--set", "rounds=5", "--set", "replicas=3"), ranks)
            self.assertEqual(added, [(0, 2), (1, 2), (2, 2)] +
                             [(number, replica) for number in (3, 4) for replica in range(3)])

    def test_a_replica_that_is_ahead_waits(self):
        """7 steps, 5 a round, end in the middle of one: raised to 15, the old replicas need one
        round more than the one that is added, which finds nothing to do in it."""
        study = "kind: march\nspot: [1, 2]\nreplicas: 2\n"
        for ranks in (1, 3), (3, 1):
            added = self.check(study, ("--set", "steps=7"),
                               ("--set", "steps=15", "--set", "replicas=3"), ranks)
            self.assertEqual(added, sorted(2 * ([(0, 2), (1, 2)] + [
                (number, replica) for number in (2, 3) for replica in range(3)])))
            self.assertEqual({name.split("-")[2] for name in
                              program.states_of(self.path("grown.h5"))}, {"3"})

    def test_raised_lowered_and_raised_again(self):
        self.study("kind: march\nreplicas: 2\n")
        for steps, replicas in (7, 2), (3, 3), (12, 1), (4, 4), (21, 4), (20, 3):
            budget = "--set", f"steps={steps}", "--set", f"replicas={replicas}"
            self.dam("run", "study.yaml", "-o", "grown.h5", *budget, ranks=replicas)
            self.dam("run", "study.yaml", "-o", "fresh.h5", "--fresh", *budget)
            self.assert_same("grown.h5", "fresh.h5")
            self.assert_nothing_done_twice("grown.h5")

    def test_killed_while_it_catches_up(self):
        """At a few moments of the way to more steps and replicas, on 1 and 3 ranks."""
        study = self.study("kind: march\nspot: [1, 2]\nreplicas: 2\n")
        more = "--set", "steps=23", "--set", "replicas=4", "--set", "milliseconds=40"
        self.dam("run", study, "-o", "fresh.h5", "--set", "steps=23", "--set", "replicas=4")
        for ranks in 1, 3:
            output = f"killed{ranks}.h5"
            self.dam("run", study, "-o", output, "--set", "steps=7", ranks=ranks)
            for rows in 10, 15, 21, 26:
                run = self.start("run", study, "-o", output, *more, ranks=ranks)
                program.wait_until(lambda: run.ended() or
                                   len(program.rows_of(self.path(output))) >= rows, f"{rows} rows")
                self.assertFalse(run.ended())
                run.kill()
            self.dam("run", study, "-o", output, *more, ranks=4 - ranks)
            self.assert_nothing_done_twice(output)
            with h5py.File(self.path(output)) as got, h5py.File(self.path("fresh.h5")) as file:
                for name in "results", "stands":
                    self.assertEqual(got[name][()].tobytes(), file[name][()].tobytes())


if __name__ == "__main__":
    program.main()
