#!/usr/bin/python3
"""recovery.py DAM DAM_TEST DAM_TEST_NEXT: the whole program reproduces what theory and earlier,
independent runs of the models of Krotov & Hopfield 2016 say, within sampling error.

Seeds are fixed, so a test passes always or never.
"""
import math
import statistics

import program

RECOVERY = """
kind: capacity
seed: 11
replicas: 60
starts: 50
grids:
  - {n: 3, N: 50, K: 125}
  - {n: 3, N: 100, K: 385}
  - {n: 3, N: 100, K: 530, energy: rectified}
  - {n: 3, N: 200, K: 1270, replicas: 30, starts: 30}
  - {n: [4, 5, 6], N: 100, K: 2000, energy: [power, rectified], replicas: 20}
"""

# Energy, n, N, K: the share of starts that recover a memory exactly and its standard error, and the
# share that recover a memory or its negative; from runs of 20 sets and 50 starts of another
# program. The starts of a set are correlated.
MEASURED = {
    ("power", 3, 50, 125): (0.480, 0.023, None),
    ("power", 3, 100, 385): (0.455, 0.020, None),
    ("rectified", 3, 100, 530): (0.470, 0.020, None),
    ("power", 3, 200, 1270): (0.421, 0.023, None),
    ("power", 4, 100, 2000): (0.446, 0.014, 0.833),
    ("rectified", 4, 100, 2000): (0.976, 0.006, None),
    ("power", 5, 100, 2000): (1.000, 0.001, None),
    ("rectified", 5, 100, 2000): (0.997, 0.002, None),
    ("power", 6, 100, 2000): (0.509, 0.016, 1.000),
}

# Many cells of one physics: max_sweeps changes nothing but the random numbers, since no start is
# followed further than it takes to test the memory it begins with.
STABILITY = """
kind: capacity
seed: 12
replicas: 20
starts: 20
start: memory
order: sequential
max_sweeps: {from: 1, to: 20, step: 1}
grids:
  - {n: 2, N: 100, K: 14}
  - {n: 2, N: 61, K: 20, energy: rectified}
  - {n: 3, N: 100, K: 2000}
  - {n: 3, N: 100, K: 2000, energy: rectified}
  - {n: 3, N: 31, K: 65}
  - {n: 4, N: 50, K: 1250}
  - {n: 5, N: 21, K: 3000}
  - {n: 7, N: 11, K: 2000, energy: rectified}
"""

# The lattice's exact P_error, as printed in the notes on the paper.
PRINTED = {
    ("power", 2, 100, 14): "0.00265",
    ("power", 3, 100, 2000): "0.09996",
    ("rectified", 3, 100, 2000): "0.03499",
    ("power", 4, 50, 1250): "0.00558",
}


class Recovery(program.Case):
    def published(self, study, *columns):
        """Rows of the study's result, by cell."""
        self.dam("run", self.study(study), "-o", "out.h5", ranks=2, program=self.dam_path)
        rows = self.table("out.h5", "energy", "n", "N", "K", *columns)
        return [(row[:4], row[4:]) for row in rows]

    def test_recovered_shares(self):
        columns = "trials", "recovered", "recovered_mirror", "recovered_low", "recovered_high"
        rows = dict(self.published(RECOVERY, *columns))
        for cell, (share, error, with_mirrors) in MEASURED.items():
            trials, recovered, mirrored, low, high = rows[cell]
            own_error = (high - low) / 2 / 1.96
            with self.subTest(cell=cell, got=recovered / trials):
                self.assertLess(abs(recovered / trials - share), 3 * math.hypot(error, own_error))
            if with_mirrors is not None:
                with self.subTest(cell=cell, got=(recovered + mirrored) / trials):
                    self.assertLess(abs((recovered + mirrored) / trials - with_mirrors),
                                    3 * math.hypot(0.014, 0.014))

    def test_unstable_spins(self):
        by_cell = {}
        for cell, values in self.published(STABILITY, "unstable_spins", "theory_p_error_exact"):
            by_cell.setdefault(cell, []).append(values)
        self.assertEqual(len(by_cell), 8)
        for cell, values in by_cell.items():
            shares = [share for share, _ in values]
            theory = values[0][1]
            error = statistics.stdev(shares) / math.sqrt(len(shares))
            with self.subTest(cell=cell, theory=theory, mean=statistics.mean(shares), error=error):
                self.assertEqual(len(shares), 20)
                self.assertLess(error, 0.1 * theory)
                self.assertLess(abs(statistics.mean(shares) - theory), 5 * error)
            if cell in PRINTED:
                digits = len(PRINTED[cell].split(".")[1])
                self.assertEqual(f"{theory:.{digits}f}", PRINTED[cell])


if __name__ == "__main__":
    program.main()
