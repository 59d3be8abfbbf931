#!/usr/bin/python3
"""blas.py DAM DAM_TEST DAM_TEST_NEXT: results that pass through BLAS belong to one core type of it,
that all ranks and runs of an output share; the program chooses the best for the CPU."""
import pathlib
import platform
import signal
import struct
import unittest

import h5py
import program

STUDY = "kind: product\nspot: [1, 2, 3]\nreplicas: 2\n"
IDENTITY_AT, IDENTITY_SIZE = 24, 48  # in a journal's header: src/run/journal.h
VERSION_AT = IDENTITY_AT + 36
CAPACITY = "kind: capacity\nN: 20\nK: [5, 9]\nreplicas: 2\nstarts: 10\n"


def cores():
    """The core types that this CPU can run, the best first."""
    if platform.machine() != "x86_64":
        return []
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = set(next(line for line in lines if line.startswith("flags")).split())
    needs = {"SkylakeX": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
             "Haswell": {"avx2", "fma"},
             "Prescott": {"pni"}}
    return [core for core, needed in needs.items() if needed <= flags]


@unittest.skipIf(len(cores()) < 2, "no two core types to choose from")
class Blas(program.Case):
    def setUp(self):
        super().setUp()
        for name in "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS":
            self.settings.pop(name, None)
        self.study(STUDY)
        self.study(CAPACITY, "capacity.yaml")
        self.best, self.other = cores()[0], cores()[-1]

    def dam_on(self, core, *arguments, **options):
        """Run the program with this core type set by its user; None: by nobody."""
        if core is None:
            self.settings.pop("OPENBLAS_CORETYPE", None)
        else:
            self.settings["OPENBLAS_CORETYPE"] = core
        return self.dam(*arguments, **options)

    def read(self, output, path):
        with h5py.File(self.path(output), "r") as file:
            return file[path][()]

    def refused(self, err, *words):
        lines = [line for line in err.splitlines() if line.startswith("dam: ")]
        self.assertEqual(len(lines), 1, err)
        for word in words:
            self.assertIn(word, lines[0])

    def test_the_best_one_and_the_users(self):
        for core, expected in (None, self.best), ("", self.best), (self.other, self.other):
            self.dam_on(core, "run", "study.yaml", "-o", f"{core}.h5", ranks=2)
            self.assertEqual(self.read(f"{core}.h5", "provenance/blas_core"), expected.encode())
        # Else the refusals would protect nothing.
        self.assertNotEqual(self.read("None.h5", "product").tobytes(),
                            self.read(f"{self.other}.h5", "product").tobytes())

    def test_same_bytes(self):
        """On any number of ranks, whatever threads the environment asks for."""
        self.dam("run", "study.yaml", "-o", "alone.h5")
        self.settings.update(OPENBLAS_NUM_THREADS="4", OMP_NUM_THREADS="4")
        for ranks in 1, 2, 3:
            self.dam("run", "study.yaml", "-o", f"on{ranks}.h5", ranks=ranks)
            self.assert_same("alone.h5", f"on{ranks}.h5")
        run = self.start("run", "study.yaml", "-o", "slow.h5", "--set", "milliseconds=300")
        program.wait_until(lambda: run.ended() or program.rows_of(self.path("slow.h5")), "a row")
        environment = pathlib.Path(f"/proc/{run.process.pid}/environ").read_bytes().split(b"\0")
        self.assertLessEqual({b"OPENBLAS_NUM_THREADS=1", b"OMP_NUM_THREADS=1"}, set(environment))

    def start_mixed(self, study, *cores_of_ranks):
        """Ranks of different core types, as on nodes of different ages."""
        command = ["mpirun"]
        for number, core in enumerate(cores_of_ranks or (self.best, self.other)):
            command += [*([":"] if number else []), "-n", "1", "env", f"OPENBLAS_CORETYPE={core}",
                        self.dam_test_path, "run", study, "-o", "mixed.h5"]
        run = program.Run(command, self.folder, self.settings)
        self.running.append(run)
        return run.wait()

    def test_ranks_that_differ(self):
        before = self.snapshot()
        code, out, err = self.start_mixed("study.yaml")
        self.assertEqual((code, out), (2, ""), err)
        self.refused(err, self.best, self.other, f"set OPENBLAS_CORETYPE={self.other}")
        self.assertEqual(self.snapshot(), before)
        # What the older CPU can run, for certain: where one type is not ordered among the others.
        for order in (self.best, "Nehalem"), ("Nehalem", self.best):
            code, _, err = self.start_mixed("study.yaml", *order)
            self.assertEqual(code, 2, err)
            self.refused(err, self.best, "Nehalem", "set OPENBLAS_CORETYPE=Prescott for all")
        code, _, err = self.start_mixed("capacity.yaml")  # which does not depend on it
        self.assertEqual(code, 0, err)

    def test_an_output_keeps_its_own(self):
        self.dam_on(self.other, "run", "study.yaml", "-o", "whole.h5")
        slow = "--set", "milliseconds=300"
        run = self.start("run", "study.yaml", "-o", "out.h5", *slow)
        program.wait_until(lambda: run.ended() or program.rows_of(self.path("out.h5")), "a row")
        run.send(signal.SIGUSR1)
        self.assertEqual(run.wait()[0], 75)
        for ranks in 0, 2:
            before = self.snapshot()
            out, err = self.dam_on(self.best, "run", "study.yaml", "-o", "out.h5", ranks=ranks,
                                   code=2)
            self.refused(err, f"core type {self.other}", f"would use {self.best}",
                         f"set OPENBLAS_CORETYPE={self.other}", "--fresh")
            self.assertEqual((out, self.snapshot()), ("", before))
        self.dam_on(self.other, "run", "study.yaml", "-o", "out.h5", ranks=2)
        self.assert_same("whole.h5", "out.h5")
        # Extending is the same; beginning again is not.
        self.dam_on(self.best, "run", "study.yaml", "-o", "out.h5", "--set", "replicas=3", code=2)
        self.dam_on(self.best, "run", "study.yaml", "-o", "out.h5", "--fresh")
        self.assertEqual(self.read("out.h5", "provenance/blas_core"), self.best.encode())

    def test_files_of_one_core_type_merge(self):
        """And stay what they are, whatever the type of who merges them."""
        for core in self.best, self.other:
            for part in 1, 2:
                self.dam_on(core, "run", "study.yaml", "--slice", f"{part}/2", "-o",
                            f"{core}{part}.h5")
        before = self.snapshot()
        for mixed in (f"{self.best}1.h5", f"{self.other}2.h5"), (f"{self.other}1.h5",
                                                                 f"{self.best}1.h5"):
            out, err = self.dam("merge", *mixed, "-o", "mixed.h5", code=2)
            self.assertEqual((out, self.snapshot()), ("", before))
            self.refused(err, *mixed, self.best, self.other)
        for core, merging in (self.best, self.other), (self.other, self.best):
            self.dam_on(merging, "merge", f"{core}1.h5", f"{core}2.h5", "-o", f"{core}.h5")
            self.assertEqual(self.read(f"{core}.h5", "provenance/blas_core"), core.encode())
            self.dam("verify", f"{core}.h5")
        self.dam("merge", f"{self.best}.h5", f"{self.other}1.h5", "-o", "mixed.h5", code=2)

    def version(self):
        """Of OpenBLAS, as the journal's header has it."""
        path, = program.journals(self.path("out.h5"))
        return path, struct.unpack_from("<I", path.read_bytes(), VERSION_AT)[0]

    def test_an_output_keeps_its_version(self):
        """Which a library that is updated between two runs would not."""
        self.dam("run", "study.yaml", "-o", "out.h5")
        told = self.read("out.h5", "provenance/blas_version").decode()
        path, number = self.version()
        self.assertEqual(told, ".".join(str(number >> shift & 1023) for shift in (20, 10, 0)))
        self.assertNotEqual(number, 0)
        data = bytearray(path.read_bytes())
        for other, words in ((number + 1, ("OpenBLAS's version ", "go on with that version")),
                             (0, ("from before OpenBLAS's version was noted",))):
            struct.pack_into("<I", data, VERSION_AT, other)
            identity = data[IDENTITY_AT:IDENTITY_AT + IDENTITY_SIZE]
            struct.pack_into("<I", data, IDENTITY_AT - 4, program.checksum(identity))
            path.write_bytes(data)
            before = self.snapshot()
            out, err = self.dam("run", "study.yaml", "-o", "out.h5", "--set", "replicas=3", code=2)
            self.refused(err, *words, f"would use {told}", "--fresh")
            self.assertEqual("go on with" in err, other != 0, err)
            self.assertEqual((out, self.snapshot()), ("", before))

    def test_files_of_one_version_merge(self):
        for part in 1, 2:
            self.dam("run", "study.yaml", "--slice", f"{part}/2", "-o", f"{part}.h5")
        self.dam("merge", "1.h5", "2.h5", "-o", "merged.h5")
        told = self.read("1.h5", "provenance/blas_version")
        self.assertEqual(self.read("merged.h5", "provenance/blas_version"), told)
        self.without_version("2.h5")  # as older programs wrote it
        _, err = self.dam("merge", "1.h5", "2.h5", "-o", "mixed.h5", code=2)
        self.refused(err, f"1.h5 was computed with OpenBLAS's version {told.decode()}",
                     "2.h5 with unknown")
        self.without_version("1.h5")
        self.dam("merge", "1.h5", "2.h5", "-o", "older.h5")
        self.assertEqual(self.read("older.h5", "provenance/blas_version"), b"unknown")
        self.assert_same("merged.h5", "older.h5")

    def without_version(self, output):
        with h5py.File(self.path(output), "r+") as file:
            del file["provenance/blas_version"]

    def test_other_kinds_go_on_with_any(self):
        self.dam_on(self.other, "run", "capacity.yaml", "-o", "out.h5")
        self.dam_on(self.best, "run", "capacity.yaml", "-o", "out.h5", "--set", "replicas=3")
        self.dam("run", "capacity.yaml", "-o", "fresh.h5", "--set", "replicas=3")
        self.dam_on(self.other, "run", "capacity.yaml", "-o", "old.h5", "--set", "seed=2")
        self.dam_on(self.best, "merge", "fresh.h5", "old.h5", "-o", "merged.h5")
        self.assert_same("out.h5", "fresh.h5")


if __name__ == "__main__":
    program.main()
