#!/usr/bin/python3
"""kernels.py DAM DAM_TEST DAM_TEST_NEXT: a result does not show which retrieval kernel made it."""
import re

import h5py
import kill
import program
import recovery
import same_bytes

# Both energies, starts and orders; N odd and even, K below and above a whole number of words; large
# powers, whose sums are not exact in floating point.
MORE = """
kind: capacity
seed: 11
replicas: 2
starts: 40
energy: [power, rectified]
grids:
  - {N: [1, 7, 64], K: [1, 63, 130], n: [2, 3, 31, 60], order: [random, sequential]}
  - {N: [49, 50], K: 300, n: [3, 4], start: memory, noise: [0, 0.1]}
"""


def fewer(text):
    """The study with few pattern sets and starts."""
    return re.sub("starts: [0-9]+", "starts: 20", re.sub("replicas: [0-9]+", "replicas: 2", text))


class Kernels(program.Case):
    def setUp(self):
        super().setUp()
        out, _ = self.dam("--version", program=self.dam_path)
        self.kernels = out.split("this CPU runs ")[1].strip().split(", ")
        self.assertEqual(self.kernels[0], "generic")

    def run_with(self, kernel, study, **options):
        """Run with this kernel, which the result must name: the result's path."""
        name = f"{kernel}.h5"
        self.settings["DAM_CPU"] = kernel
        self.dam("run", study, "-o", name, program=self.dam_path, **options)
        self.assertEqual(self.kernel_of(name), kernel)
        return name

    def kernel_of(self, name):
        with h5py.File(self.path(name), "r") as file:
            return file["provenance/kernel"][()].decode()

    def assert_same_with_all(self, text):
        study = self.study(text)
        expected = self.run_with("generic", study)
        for kernel in self.kernels[1:]:
            self.assert_same(expected, self.run_with(kernel, study, ranks=2))

    def test_same_bytes(self):
        self.assert_same_with_all(same_bytes.CAPACITY)

    def test_more(self):
        self.assert_same_with_all(MORE)

    def test_kill(self):
        self.assert_same_with_all(kill.CAPACITY)

    def test_stability(self):
        self.assert_same_with_all(fewer(recovery.STABILITY))

    def test_recovery(self):
        self.assert_same_with_all(fewer(recovery.RECOVERY))

    def test_the_fastest_runs_by_default(self):
        self.settings.pop("DAM_CPU", None)
        self.dam("run", self.study("kind: capacity\nN: 9\nK: 3\n"), "-o", "any.h5",
                 program=self.dam_path)
        self.assertEqual(self.kernel_of("any.h5"), self.kernels[-1])

    def test_kernels_of_all_ranks_are_named(self):
        if len(self.kernels) == 1:
            self.skipTest("this CPU runs one kernel")
        study = self.study("kind: capacity\nN: 9\nK: 3\n")
        by_rank = self.path("by-rank.sh")
        by_rank.write_text('case $OMPI_COMM_WORLD_RANK in 0) DAM_CPU=$1 ;; *) DAM_CPU=$2 ;; esac\n'
                           'export DAM_CPU; shift 2; exec "$@"\n')
        self.dam(by_rank, self.kernels[0], self.kernels[1], self.dam_path, "run", study,
                 "-o", "both.h5", ranks=3, program="bash")
        self.assertEqual(self.kernel_of("both.h5"), ", ".join(self.kernels[:2]))


if __name__ == "__main__":
    program.main()
