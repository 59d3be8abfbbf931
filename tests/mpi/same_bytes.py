#!/usr/bin/python3
"""same_bytes.py DAM DAM_TEST DAM_TEST_NEXT: a result does not show how many ranks made it."""
import shutil

import compare
import h5py
import program

CAPACITY = """
kind: capacity
seed: 7
replicas: 3
starts: 2000
grids:
  - {N: 50, K: 200, starts: 7000, replicas: 1}
  - {N: 300, K: 2000, starts: 700, replicas: 1}
  - {N: [20, 33], K: [5, 40], n: [2, 3]}
  - {N: 17, K: 9, start: memory, noise: 0.2, energy: [power, rectified]}
"""


class SameBytes(program.Case):
    def assert_same_on_all(self, study, path):
        self.dam("run", study, "-o", "alone.h5", program=path)
        self.dam("verify", "alone.h5", program=path)
        for ranks in 1, 2, 3, 5:
            self.dam("run", study, "-o", f"on{ranks}.h5", ranks=ranks, program=path)
            self.assert_same("alone.h5", f"on{ranks}.h5")
            self.assert_nothing_done_twice(f"on{ranks}.h5")

    def test_capacity(self):
        self.assert_same_on_all(self.study(CAPACITY), self.dam_path)
        # Several blocks of starts in some replicas: the work was divided within them.
        self.assertGreater(max(row.begin for row in program.rows_of(self.path("on5.h5"))), 0)

    def test_xor(self):
        study = self.study("kind: xor\nn: [1, 2, 3, 30]\nenergy: [power, rectified]\n")
        self.assert_same_on_all(study, self.dam_path)

    def test_relay(self):
        study = self.study("kind: relay\nspot: [1, 2, 3, 4]\nreplicas: 3\nmemories: yes\n")
        self.assert_same_on_all(study, self.dam_test_path)
        with h5py.File(self.path("on5.h5"), "r") as file:
            self.assertEqual((file["memories"].shape, file["memories"].dtype), ((4, 3, 2, 5), "<f4"))
        for name in "alone", "on1", "on2", "on3", "on5":
            self.assert_last_states_alone(f"{name}.h5", 4 * 3)

    def test_more_ranks_than_tasks_and_cells(self):
        study = self.study("kind: spin\nreplicas: 2\n")
        self.dam("run", study, "-o", "alone.h5")
        self.dam("run", study, "-o", "many.h5", ranks=5)
        self.assert_same("alone.h5", "many.h5")

    def test_a_file_does_not_depend_on_what_was_there_before(self):
        study = self.study("kind: spin\nspot: [1, 2]\n")
        self.dam("run", study, "-o", "one.h5")
        self.dam("run", study, "-o", "one.h5", ranks=2)
        self.dam("run", study, "-o", "other.h5")
        self.assert_same("one.h5", "other.h5")


class Comparer(program.Case):
    """The comparer itself sees what differs."""

    def setUp(self):
        super().setUp()
        self.dam("run", self.study("kind: spin\nspot: [1, 2]\n"), "-o", "one.h5")
        shutil.copy(self.path("one.h5"), self.path("other.h5"))

    def assert_differs(self, place):
        lines = compare.differences(self.path("one.h5"), self.path("other.h5"))
        self.assertEqual([line.split(":")[0] for line in lines], [place])

    def test_values(self):
        with h5py.File(self.path("other.h5"), "r+") as file:
            rows = file["results"][()]
            rows["total"][1] ^= 1
            file["results"][...] = rows
        self.assert_differs("results")

    def test_attributes(self):
        with h5py.File(self.path("other.h5"), "r+") as file:
            file["results"].attrs["unit"] = "2"
        self.assert_differs("results")

    def test_missing_datasets(self):
        with h5py.File(self.path("other.h5"), "r+") as file:
            del file["study/seed"]
        self.assert_differs("study/seed")

    def test_provenance_and_failures_may_differ(self):
        with h5py.File(self.path("other.h5"), "r+") as file:
            del file["provenance"], file["failures"]
        self.assert_same("one.h5", "other.h5")


if __name__ == "__main__":
    program.main()
