#!/usr/bin/python3
"""kill.py DAM DAM_TEST DAM_TEST_NEXT: SIGKILL at random moments loses nothing that was finished,
and a resumed run ends with the bytes of an undisturbed one.

DAM_KILLS says how many runs are killed (10); DAM_SEED repeats the moments of an earlier test.
"""
import os
import random

import program

KILLS = int(os.environ.get("DAM_KILLS", 10))
SEED = os.environ.get("DAM_SEED") or os.urandom(8).hex()

CAPACITY = """
kind: capacity
seed: 3
starts: 2500
grids:
  - {N: 50, K: [60, 130, 200], starts: 5000, replicas: 4}
  - {N: [20, 21], K: 30, n: 4, replicas: 12}
"""
RELAY = "kind: relay\nspot: [1, 2, 3]\nreplicas: 4\nmilliseconds: 10\n"
SEARCH = """
kind: threshold
seed: 5
n: 3
N: [20, 50, 60]
precision: 0.03
max_trials: 100000000
"""
TRAINING = """
kind: classify
dataset: synthetic
seed: 3
training: 300
validation: 100
minibatch: 50
K: 12
temperature_start: 20
epochs: 250
replicas: 3
grids:
  - {n: [2, 20], momentum: 0.9}
  - {form: dual, activation: tanh, order: shuffled}
"""


class Kill(program.Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(f"{SEED} {self.id()}")
        print(f"DAM_SEED={SEED}", flush=True)

    def ranks(self):
        return self.random.choice([1, 2, 3, 4])

    def undisturbed(self, study, path):
        """Run to the end in whole.h5; returns its journal's size."""
        self.dam("run", study, "-o", "whole.h5", ranks=2, program=path)
        return program.journal_size(self.path("whole.h5"))

    def run_and_kill(self, study, output, path, moment):
        """Kill when `moment()` holds; True where the run had not ended before."""
        run = self.start("run", study, "-o", output, ranks=self.ranks(), program=path)
        program.wait_until(lambda: moment() or run.ended(), "the moment to kill")
        ended = run.ended()
        run.kill()
        return not ended

    def finish(self, study, output, path):
        """Resume to the end and compare with the undisturbed run."""
        self.dam("run", study, "-o", output, ranks=self.ranks(), program=path)
        self.assert_same("whole.h5", output)
        self.assert_nothing_done_twice(output)
        self.dam("verify", output, program=path)

    def grown_to(self, output, size):
        return lambda: program.journal_size(self.path(output)) >= size

    def kill_while_it_works(self, study, path, times):
        whole, killed = self.undisturbed(study, path), 0
        for k in range(times):
            output, done = f"killed{k}.h5", 0
            for _ in range(self.random.choice([1, 1, 2, 3])):
                rows = program.rows_of(self.path(output))
                done = self.random.uniform(done, 1)
                killed += self.run_and_kill(study, output, path,
                                            self.grown_to(output, done * whole))
                # Nothing that was there is lost.
                self.assertEqual(set(rows) - set(program.rows_of(self.path(output))), set())
            self.finish(study, output, path)
        self.assertGreater(killed, times // 2)

    def test_while_it_works(self):
        self.kill_while_it_works(self.study(CAPACITY), self.dam_path, KILLS)

    def test_between_rounds(self):
        study = self.study(RELAY)
        self.kill_while_it_works(study, self.dam_test_path, max(KILLS // 2, 2))
        for output in sorted(self.folder.glob("*.h5")):
            self.assert_last_states_alone(output.name, 3 * 4)

    def test_between_the_steps_of_a_search(self):
        """The next step is that which all rows of those before ask for, whoever made them."""
        self.kill_while_it_works(self.study(SEARCH), self.dam_path, max(KILLS // 2, 2))

    def test_within_trainings(self):
        """They go on from their last states to the same errors and memories, to the last bit."""
        self.kill_while_it_works(self.study(TRAINING), self.dam_path, max(KILLS // 2, 2))
        whole = self.last_states("whole.h5")
        for output in sorted(self.folder.glob("*.h5")):
            self.assert_last_states_alone(output.name, 3 * 3)
            self.assertEqual(self.last_states(output.name), whole)

    def last_states(self, output):
        folder = self.path(f"{output}.journal")
        return {name: (folder / name).read_bytes() for name in program.states_of(self.path(output))}

    def test_while_it_publishes(self):
        """Whoever reads the file finds the whole of the old result or of the new one."""
        study = self.study("kind: spin\nspot: {from: 1, to: 400, step: 1}\nmilliseconds: 0.01\n")
        more = ("--set", "replicas=2")
        self.dam("run", study, "-o", "whole.h5", *more)
        self.dam("run", study, "-o", "old.h5")
        killed = 0
        for k in range(KILLS):
            output = f"killed{k}.h5"
            self.dam("run", study, "-o", output)
            temporary = self.path(f"{output}.journal") / "publish.h5"
            looks = int(10 ** self.random.uniform(0, 3.5))  # a few microseconds each

            def publishing():
                nonlocal looks
                looks -= temporary.exists()
                return looks <= 0

            run = self.start("run", study, "-o", output, *more, ranks=self.ranks())
            while not publishing() and not run.ended():
                pass
            killed += not run.ended()
            run.kill()
            self.dam("verify", output)
            is_new = len(self.table(output, "trials")) and self.table(output, "trials")[0] == (2,)
            self.assert_same(output, "whole.h5" if is_new else "old.h5")
            self.dam("run", study, "-o", output, *more, ranks=self.ranks())
            self.assert_same(output, "whole.h5")
            self.assert_nothing_done_twice(output)
            self.assertFalse(temporary.exists())
        self.assertGreater(killed, 0)


if __name__ == "__main__":
    program.main()
