#!/usr/bin/python3
"""failures.py DAM DAM_TEST DAM_TEST_NEXT: a task fails alone; the exit code and the file say so."""
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

    def test_a_round_that_fails_ends_its_cells_chain(self):
        """Round 1 finds no state where round 0's was lost."""
        self.study("kind: relay\nspot: [1, 2]\nreplicas: 2\nmilliseconds: 300\n", "relay.yaml")
        run = self.start("run", "relay.yaml", "-o", "relayed.h5")
        output = self.path("relayed.h5")
        program.wait_until(lambda: len(program.rows_of(output)) >= 2, "two rows")
        run.kill()
        states = [output.with_name("relayed.h5.journal") / name
                  for name in program.states_of(output)]
        self.assertGreater(len(states), 0)
        lost = states[0]
        kept = lost.read_bytes()
        lost.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        quick = ("--set", "milliseconds=1")
        self.dam("run", "relay.yaml", "-o", "relayed.h5", *quick, ranks=2, code=3)
        self.assertEqual(sorted(status for status, in self.table("relayed.h5", "status")),
                         ["complete", "failed"])
        with h5py.File(output, "r") as file:
            messages = [row["message"].decode() for row in file["failures"][()]]
        # What asked for it says so: the round, and the result, of which it is the last.
        self.assertEqual(len(messages), 2)
        self.assertTrue(all("damaged" in message for message in messages), messages)
        # With the state back in its place, a retry ends the chain as if nothing had been.
        lost.write_bytes(kept)
        self.dam("run", "relay.yaml", "-o", "relayed.h5", "--retry-failed", *quick, ranks=2)
        self.dam("run", "relay.yaml", "-o", "fresh.h5", *quick)
        self.assert_same("relayed.h5", "fresh.h5")


program.main()
