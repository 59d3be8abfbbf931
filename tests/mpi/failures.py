#!/usr/bin/python3
"""failures.py DAM DAM_TEST DAM_TEST_NEXT: a task fails alone; the exit code and the file say so."""
import shutil
import signal

import h5py
import program

STUDY = "kind: fail\nspot: {from: 1, to: 8, step: 1}\nreplicas: 3\n"


class Failures(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)

    def run_it(self, *arguments, code, ranks=3, output="out.h5"):
        self.dam("run", "study.yaml", "-o", output, *arguments, code=code, ranks=ranks)

    def failures(self, output="out.h5"):
        with h5py.File(self.path(output), "r") as file:
            rows = file["failures"][()]
        return [(int(row["cell"]), int(row["replica"]), row["status"].decode(),
                 row["message"].decode()) for row in rows]

    def status(self, output="out.h5"):
        return self.table(output, "spot", "sum", "whole", "status")

    def expected(self, first_failed, failed):
        """Rows of a study whose cells from one spot on fail in these replicas."""
        whole = [r for r in range(3) if r not in failed]
        return [(spot, 3000 * spot + 3, 3, "complete") if spot < first_failed else
                (spot, sum(1000 * spot + r for r in whole), len(whole), "failed")
                for spot in range(1, 9)]

    def test_others_complete_and_the_file_tells(self):
        for ranks in 0, 1, 3:
            output = f"on{ranks}.h5"
            self.run_it("--set", "fail_from=6", "--set", "fail_replica=1", code=3, ranks=ranks,
                        output=output)
            self.assertEqual(self.status(output), self.expected(6, {1}))
            self.assertEqual(self.failures(output), [
                (spot - 1, 1, "an HDF5 call failed",
                 f"spot {spot}, replica 1: told to fail") for spot in (6, 7, 8)])
        self.assert_same("on0.h5", "on3.h5")
        out, _ = self.dam("verify", "on3.h5")
        self.assertNotEqual(out, "")

    def test_cells_of_which_nothing_succeeds(self):
        self.run_it("--set", "fail_from=0", code=3)
        self.assertEqual(self.status(), self.expected(0, {0, 1, 2}))
        self.assertEqual(len(self.failures()), 24)

    def test_a_failure_is_not_tried_again_unless_asked(self):
        self.run_it("--set", "fail_from=6", code=3)
        rows = program.rows_of(self.path("out.h5"))
        # Whatever made them fail is mended; they stay failed.
        self.run_it(code=3)
        self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.assertEqual(self.status(), self.expected(6, {0, 1, 2}))
        self.run_it("--retry-failed", code=0)
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), len(rows) + 9)
        self.assertEqual(self.failures(), [])
        self.run_it(code=0)
        self.run_it(code=0, output="fresh.h5")
        self.assert_same("out.h5", "fresh.h5")

    def test_a_retry_that_fails_again(self):
        self.run_it("--set", "fail_from=8", code=3)
        self.run_it("--set", "fail_from=8", "--retry-failed", code=3)
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 24 + 3)
        self.assertEqual(len(self.failures()), 3)
        self.assertEqual(self.status(), self.expected(8, {0, 1, 2}))

    def test_fail_fast_stops_early_and_can_go_on(self):
        many = ("--set", "spot={from: 1, to: 4000, step: 1}")
        self.run_it("--set", "fail_from=1", "--fail-fast", *many, code=3)
        done = program.rows_of(self.path("out.h5"))
        self.assertLess(len(done), 12000)
        self.assertGreater(len(self.failures()), 0)
        self.run_it("--retry-failed", *many, code=0)
        self.run_it(*many, code=0, output="fresh.h5")
        self.assert_same("out.h5", "fresh.h5")

    def test_a_damaged_row_within_a_chain_begins_it_anew(self):
        """The state it began with is gone; the rounds before give it again, to the same bytes."""
        self.study("kind: relay\nspot: [1, 2]\nreplicas: 3\n", "relay.yaml")
        self.dam("run", "relay.yaml", "-o", "whole.h5")
        for number, ranks in enumerate((0, 2, 3)):
            output = f"out{number}.h5"
            self.dam("run", "relay.yaml", "-o", output)
            journal, = program.journals(self.path(output))
            at = program.HEADER
            for row in program.rows_in(journal):
                if row.round == 1:
                    break
                at += program.FRAME + 8
            data = bytearray(journal.read_bytes())
            data[at + program.FRAME + 3] ^= 1
            journal.write_bytes(data)
            self.dam("run", "relay.yaml", "-o", output, ranks=ranks)
            self.assert_same(output, "whole.h5")
            self.dam("run", "relay.yaml", "-o", output, ranks=ranks)  # tidies up
            self.assert_last_states_alone(output, 2 * 3)

    def discard(self):
        self.path("out.h5").unlink(missing_ok=True)
        shutil.rmtree(self.path("out.h5.journal"))

    def stop_within_chains(self, count=2):
        """A run of two replicas that is killed once there are so many rows: the states that rounds
        to come need. Others may lie beside them: what a later one is about to replace, and what
        has no row yet."""
        self.study("kind: relay\nspot: 1\nreplicas: 2\nmilliseconds: 300\n", "relay.yaml")
        output = self.path("out.h5")
        while True:
            run = self.start("run", "relay.yaml", "-o", "out.h5")
            program.wait_until(lambda: len(program.rows_of(output)) >= count, "rows")
            run.kill()
            last = {row.replica: row.round for row in program.rows_of(output)}
            needed = tuple(f"-{number}-{replica}" for replica, number in last.items() if number < 2)
            if needed:
                return [output.with_name("out.h5.journal") / name
                        for name in program.states_of(output) if name.endswith(needed)]
            self.discard()  # it was over before it was killed

    def finish(self, *arguments, ranks=0, **options):
        return self.dam("run", "relay.yaml", "-o", "out.h5", "--set", "milliseconds=1", *arguments,
                        ranks=ranks, **options)

    def assert_as_undisturbed(self):
        self.dam("run", "relay.yaml", "-o", "fresh.h5", "--fresh", "--set", "milliseconds=1")
        self.assert_same("out.h5", "fresh.h5")

    def begins_anew(self, lost, ranks):
        """Only where this state was needed, once, and to the same bytes."""
        lost.unlink()
        self.assertIn("begin anew", self.finish("--dry-run")[1])
        self.assertIn("the states of 1 replicas are lost", self.finish(ranks=ranks)[1])
        rows = program.rows_of(self.path("out.h5"))
        rounds = int(lost.name.split("-")[2]) + 1  # that are done twice
        self.assertEqual(len([row for row in rows if row.end > 0]), 2 * 3 + rounds)
        self.assertEqual(self.finish(ranks=ranks)[1], "")
        self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.assert_as_undisturbed()

    def test_a_lost_state_begins_its_replica_anew(self):
        """Whether the other replica is behind, beside it or ahead."""
        for rows, ranks in (2, 0), (3, 3), (5, 0):
            states = self.stop_within_chains(rows)
            self.path("out.h5.journal").rename(self.path("kept"))
            for lost in states:
                shutil.copytree(self.path("kept"), self.path("out.h5.journal"))
                with self.subTest(rows=rows, lost=lost.name):
                    self.begins_anew(lost, ranks)
                self.discard()
            shutil.rmtree(self.path("kept"))

    def damage(self, file):
        kept = file.read_bytes()
        file.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))

    def test_damaged_states_begin_their_replicas_anew(self):
        """All of them at one start."""
        for rows, ranks in (2, 0), (3, 3):
            damaged = self.stop_within_chains(rows)
            for state in damaged:
                self.damage(state)
            _, err = self.finish(ranks=ranks)
            self.assertIn(f"the states of {len(damaged)} replicas are lost; these begin anew", err)
            self.assertEqual(self.finish(ranks=ranks)[1], "")
            self.assert_as_undisturbed()
            self.discard()

    def test_a_state_damaged_while_it_runs_is_not_its_tasks_fault(self):
        """The run ends with one line, and the next one begins the replica anew."""
        self.study("kind: relay\nspot: 1\nreplicas: 2\nmilliseconds: 300\n", "relay.yaml")
        while True:
            run = self.start("run", "relay.yaml", "-o", "out.h5")
            program.wait_until(lambda: len(program.rows_of(self.path("out.h5"))) >= 2, "two rows")
            run.send(signal.SIGSTOP)
            if len(program.rows_of(self.path("out.h5"))) == 2:
                break  # within the first replica's second round
            run.kill()
            self.discard()
        state, = self.path("out.h5.journal").glob("state-*-0-1")
        self.damage(state)
        run.send(signal.SIGCONT)
        code, _, err = run.wait()
        self.assertEqual(code, 1, err)
        self.assertIn(f"{state.name}: damaged; start again, and its replica begins anew", err)
        self.assertEqual({row.status for row in program.rows_of(self.path("out.h5"))}, {0})
        self.assertIn("the states of 1 replicas are lost", self.finish()[1])
        self.assert_as_undisturbed()

    def test_complete_chains_do_not_begin_anew(self):
        """Though the result lacks their last state; more rounds need it."""
        self.study("kind: relay\nspot: 1\nreplicas: 2\n", "relay.yaml")
        self.finish()
        lost, = (name for name in program.states_of(self.path("out.h5")) if name.endswith("-2-1"))
        (self.path("out.h5.journal") / lost).unlink()
        rows = program.rows_of(self.path("out.h5"))
        self.assertEqual(self.finish(code=3)[1], "")
        self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.assertIn("begin anew", self.finish("--set", "rounds=4", ranks=2)[1])
        self.dam("run", "relay.yaml", "-o", "fresh.h5", "--set", "milliseconds=1",
                 "--set", "rounds=4")
        self.assert_same("out.h5", "fresh.h5")


program.main()
