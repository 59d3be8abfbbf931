#!/usr/bin/python3
"""extend.py DAM DAM_TEST DAM_TEST_NEXT: a study that grows redoes nothing, and its result is that
of a fresh run; so is that of one that shrinks."""
import program

BLOCK = 10  # starts, predicted to take 10 ms each, that make a block of the kind spin


class Extend(program.Case):
    def setUp(self):
        super().setUp()
        self.study("kind: spin\nmilliseconds: 10\nhaste: 100\nspot: [3, 5]\nreplicas: 2\nstarts: 15\n")
        self.dam("run", "study.yaml", "-o", "grown.h5", ranks=2)

    def change(self, *arguments, study="study.yaml", ranks=3):
        """Run the changed study on top of what is there: the rows that this adds. Compare with a
        fresh run of it."""
        before = set(program.rows_of(self.path("grown.h5")))
        self.dam("run", study, "-o", "grown.h5", *arguments, ranks=ranks)
        rows = program.rows_of(self.path("grown.h5"))
        self.assertEqual(before - set(rows), set(), "rows were lost")
        self.dam("run", study, "-o", "fresh.h5", "--fresh", *arguments)
        self.assert_same("grown.h5", "fresh.h5")
        return [row for row in rows if row not in before]

    def trials(self):
        return self.table("grown.h5", "spot", "trials")

    def test_the_same_again_does_nothing(self):
        self.assertEqual(self.change(), [])
        self.assertEqual(self.trials(), [(3, 30), (5, 30)])

    def test_more_replicas(self):
        added = self.change("--set", "replicas=4")
        self.assertEqual({row.replica for row in added}, {2, 3})
        self.assertEqual(len(added), 2 * 2 * 2)
        self.assert_nothing_done_twice("grown.h5")
        self.assertEqual(self.trials(), [(3, 60), (5, 60)])

    def test_more_starts(self):
        """A truncated block is topped up."""
        added = self.change("--set", "starts=37")
        ranges = sorted((row.begin, row.end) for row in added)
        self.assertEqual(ranges, sorted(4 * [(15, 20), (20, 30), (30, 37)]))
        self.assert_nothing_done_twice("grown.h5")
        self.assertEqual(self.trials(), [(3, 74), (5, 74)])

    def test_more_of_both(self):
        self.change("--set", "starts=20", "--set", "replicas=3")
        self.assert_nothing_done_twice("grown.h5")
        self.assertEqual(self.trials(), [(3, 60), (5, 60)])

    def test_more_values_of_an_axis(self):
        """Before, between and after those there are."""
        added = self.change("--set", "spot=[1, 3, 4, 5, 9]")
        self.assertEqual(len(added), 3 * 2 * 2)
        self.assert_nothing_done_twice("grown.h5")
        self.assertEqual([spot for spot, _ in self.trials()], [1, 3, 4, 5, 9])

    def test_another_axis(self):
        """The cells that were there are those with the default of the new one."""
        self.study("kind: spin\nspot: [3, 5]\nreplicas: 2\nstarts: 2\n", "default.yaml")
        self.dam("run", "default.yaml", "-o", "grown.h5")
        added = self.change("--set", "milliseconds=[1, 2]", study="default.yaml")
        self.assertEqual(len(added), 2 * 2)

    def test_fewer_replicas(self):
        self.assertEqual(self.change("--set", "replicas=1"), [])
        self.assertEqual(self.trials(), [(3, 15), (5, 15)])

    def test_fewer_starts(self):
        """Whole blocks stay; what a cut block held is done again up to the cut."""
        self.assertEqual(self.change("--set", f"starts={BLOCK}"), [])
        added = self.change("--set", "starts=12")
        self.assertEqual({(row.begin, row.end) for row in added}, {(BLOCK, 12)})
        self.assertEqual(self.trials(), [(3, 24), (5, 24)])
        # And back: all of it is still there.
        self.assertEqual(self.change("--set", "starts=15"), [])

    def test_fewer_values_of_an_axis(self):
        self.assertEqual(self.change("--set", "spot=5"), [])
        self.assertEqual(self.trials(), [(5, 30)])
        self.assertEqual(self.change("--set", "spot=[5, 3]"), [])
        self.assertEqual(self.trials(), [(5, 30), (3, 30)])

    def test_rounds(self):
        """Replicas that are added run through their own rounds; the others' stay."""
        self.study("kind: relay\nspot: [1, 2]\nreplicas: 2\n", "relay.yaml")
        self.dam("run", "relay.yaml", "-o", "relayed.h5", ranks=2)
        before = set(program.rows_of(self.path("relayed.h5")))
        more = ("--set", "replicas=4", "--set", "spot=[1, 2, 3]")
        self.dam("run", "relay.yaml", "-o", "relayed.h5", *more, ranks=3)
        added = [row for row in program.rows_of(self.path("relayed.h5")) if row not in before]
        self.assertEqual(len(added), 2 * 2 * 3 + 4 * 3)
        self.dam("run", "relay.yaml", "-o", "fresh.h5", *more)
        self.assert_same("relayed.h5", "fresh.h5")
        self.assert_last_states_alone("relayed.h5", 3 * 4)


program.main()
