#!/usr/bin/python3
"""tables.py DAM DAM_TEST DAM_TEST_NEXT: tables of a kind, with other numbers of rows in every cell,
none included, are as whole and as much the same bytes as all else in a result file."""
import pathlib
import shutil
import sys

import compare
import h5py
import numpy as np
import program

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "analysis"))
from results import Results  # noqa: E402

# Of the kind relay a cell has a row of /batons for each of 3 rounds of its first spot % 3 replicas.
ROUNDS = 3
SPOTS = [5, 3, 1, 4, 6, 2, 8]
STUDY = f"kind: relay\nspot: {SPOTS}\nreplicas: 2\n"
EMPTY = "kind: relay\nspot: [3, 9, 6]\nreplicas: 2\n"
NAN = 0x7ff8000000000000


def expected_rows(spots):
    return [(cell, number, replica) for cell, spot in enumerate(spots)
            for number in range(ROUNDS) for replica in range(spot % 3)]


class Tables(program.Case):
    def run_study(self, study, output, *arguments, **options):
        self.study(study)
        return self.dam("run", "study.yaml", "-o", output, *arguments, **options)

    def batons(self, output):
        with h5py.File(self.path(output), "r") as file:
            return file["batons"][()]

    def rows(self, output):
        return [(row["cell"], row["round"], row["replica"]) for row in self.batons(output)]


class Bytes(Tables):
    def test_rows_are_those_of_each_cell_in_order(self):
        self.run_study(STUDY, "out.h5")
        self.assertEqual(self.rows("out.h5"), expected_rows(SPOTS))

    def test_values(self):
        """The first replica's digests are in another dataset too; all NaNs are one."""
        self.run_study(STUDY, "out.h5")
        batons, digests = self.batons("out.h5"), []
        with h5py.File(self.path("out.h5"), "r") as file:
            digests = file["digests"][()]
        bits = batons["share"].copy().view(np.uint64)
        nans = 0
        for row, stored in zip(batons, bits):
            if row["replica"] > 0:
                continue
            digest = int(digests[row["cell"], row["round"]])  # without its highest bit
            if digest >> 40 & 1:
                self.assertEqual(stored, NAN)
                nans += 1
            else:
                self.assertIn(row["share"], ((digest + high) / 2**64 for high in (0, 2**63)))
        self.assertTrue(0 < nans < len(batons) / 2, nans)

    def test_any_number_of_ranks(self):
        for study in STUDY, EMPTY:
            self.run_study(study, "alone.h5", "--fresh")
            for ranks in 1, 2, 3, 5:
                self.run_study(study, f"on{ranks}.h5", "--fresh", ranks=ranks)
                self.assert_same("alone.h5", f"on{ranks}.h5")
                self.dam("verify", f"on{ranks}.h5")

    def test_tables_without_rows(self):
        self.run_study(EMPTY, "out.h5", ranks=2)
        self.assertEqual(self.batons("out.h5").shape, (0,))
        self.dam("verify", "out.h5")
        self.assertEqual(self.dam("show", "out.h5", "--table", "batons", "--csv")[0],
                         "cell,round,replica,share\n")
        self.assertEqual(len(Results(self.path("out.h5")).tables["batons"]), 0)

    def test_stopped_and_resumed(self):
        """A stopped run publishes the rows of what is whole; the next start adds the others."""
        slow = "--set", "milliseconds=50"
        self.study(STUDY)
        run = self.start("run", "study.yaml", "-o", "out.h5", *slow, ranks=2)
        program.wait_until(lambda: run.ended() or len(program.rows_of(self.path("out.h5"))) >= 12,
                           "the first rows")
        (self.path("out.h5.journal") / "stop").touch()
        self.assertEqual(run.wait()[0], 75)
        self.dam("verify", "out.h5")
        rows, all_rows = self.rows("out.h5"), expected_rows(SPOTS)
        self.assertTrue(0 < len(rows) < len(all_rows), rows)
        self.assertEqual([row for row in all_rows if row in rows], rows)
        self.run_study(STUDY, "out.h5", ranks=3)
        self.run_study(STUDY, "whole.h5")
        self.assert_same("out.h5", "whole.h5")


class Merged(Tables):
    def merge(self, *files, code=0):
        self.path("merged.h5").unlink(missing_ok=True)
        return self.dam("merge", *files, "-o", "merged.h5", code=code)

    def test_slices(self):
        """In any order, to the bytes of the undivided run; slices whose tables are empty too."""
        for study in STUDY, EMPTY:
            self.run_study(study, "whole.h5", "--fresh")
            for part in 1, 2, 3:
                self.run_study(study, f"{part}.h5", "--fresh", "--slice", f"{part}/3",
                               ranks=part - 1)
            for names in ("1.h5", "2.h5", "3.h5"), ("3.h5", "1.h5", "2.h5"):
                self.merge(*names)
                self.assert_same("merged.h5", "whole.h5")
                self.dam("verify", "merged.h5")

    def test_seeds(self):
        for seed in 2, 1:
            self.run_study(STUDY, f"{seed}.h5", "--set", f"seed={seed}")
        self.merge("2.h5", "1.h5")
        self.dam("verify", "merged.h5")
        self.assertEqual(self.rows("merged.h5"), expected_rows(SPOTS + SPOTS))
        merged, half = self.batons("merged.h5"), len(self.batons("1.h5"))
        for name in "round", "replica", "share":
            self.assertEqual(merged[name][:half].tobytes(), self.batons("2.h5")[name].tobytes())
            self.assertEqual(merged[name][half:].tobytes(), self.batons("1.h5")[name].tobytes())

    def test_an_extension_with_the_cells_elsewhere(self):
        """Of a cell that both have, the rows are kept once, under its new number."""
        self.run_study(STUDY, "one.h5")
        more = [7, 2, 3, 1]
        self.run_study(f"kind: relay\nspot: {more}\nreplicas: 2\n", "more.h5")
        self.merge("one.h5", "more.h5")
        self.assertEqual(self.rows("merged.h5"), expected_rows(SPOTS + [7]))
        self.merge("more.h5", "one.h5")
        self.dam("verify", "merged.h5")
        self.assertEqual(self.rows("merged.h5"),
                         expected_rows(more + [spot for spot in SPOTS if spot not in more]))

    def test_rows_that_contradict(self):
        """Other values of a row, or a row less, where all else is the same."""
        self.run_study(STUDY, "one.h5")
        shutil.copy(self.path("one.h5"), self.path("other.h5"))
        self.merge("one.h5", "other.h5")
        self.assert_same("merged.h5", "one.h5")
        rows = self.batons("one.h5")
        changed = rows.copy()
        changed["replica"][-1] = 7
        for damaged in changed, rows[:-1], rows[1:]:
            replace(self.path("other.h5"), damaged)
            self.dam("verify", "other.h5")
            for names in ("one.h5", "other.h5"), ("other.h5", "one.h5"):
                _, err = self.merge(*names, code=2)
                self.assertIn("contradict each other: the cell relay/1;spot=", err)


def replace(path, rows, **more):
    """Another table /batons in the file, with the notes of the one there and a right checksum."""
    with h5py.File(path, "r+") as file:
        notes = dict(file["batons"].attrs, crc32c=np.uint32(program.checksum(rows.tobytes())))
        del file["batons"]
        notes.update({f"{name}.{key}": np.bytes_(b"1") for name in rows.dtype.names or ()
                      for key in ("unit", "doc") if f"{name}.{key}" not in notes})
        file.create_dataset("batons", data=rows, **more).attrs.update(notes)


class Damage(Tables):
    def setUp(self):
        super().setUp()
        self.run_study(STUDY, "out.h5", ranks=2)
        self.table = self.batons("out.h5")

    def assert_noticed(self, text):
        for command in ("verify", "out.h5"), ("merge", "out.h5", "-o", "merged.h5"):
            out, err = self.dam(*command, code=1)
            self.assertIn(text, out + err)
        self.assertFalse(self.path("merged.h5").exists())

    def test_any_byte(self):
        whole = self.path("out.h5").read_bytes()
        with h5py.File(self.path("out.h5"), "r") as file:
            offset, size = (file["batons"].id.get_offset(), file["batons"].id.get_storage_size())
        self.assertEqual(size, len(self.table) * 32)
        for at in offset, offset + size // 2, offset + size - 1:
            data = bytearray(whole)
            data[at] ^= 4
            self.path("out.h5").write_bytes(data)
            self.assert_noticed("/batons: damaged: its bytes have CRC-32C")

    def test_cells(self):
        """They ascend, and each is there."""
        for row, cell in ((0, -1), (len(self.table) - 1, len(SPOTS)), (3, 6), (9, 0)):
            rows = self.table.copy()
            rows["cell"][row] = cell
            replace(self.path("out.h5"), rows)
            self.assert_noticed("/batons: the cell of row")
        replace(self.path("out.h5"), self.table)
        self.dam("verify", "out.h5")

    def test_schema(self):
        """Columns that are not those of the kind, or no table at all."""
        names = list(self.table.dtype.names)
        types = {name: self.table.dtype[name] for name in names}
        real = dict(types, replica=np.dtype("<f8"))
        for columns, text in (
                ([(name, types[name]) for name in names[:-1]], "column share is missing"),
                ([(name, types[name]) for name in names[1:]],
                 "column 1 is round and should be cell"),
                ([(name, types[name]) for name in names] + [("more", "<i8")],
                 "column more is not the kind's"),
                ([(name, real[name]) for name in names], "column replica has another type")):
            rows = np.zeros(len(self.table), columns)
            replace(self.path("out.h5"), rows)
            self.assert_noticed(f"/batons: {text}")
        replace(self.path("out.h5"), np.zeros(4, "<i8"))
        self.assert_noticed("/batons: is not a table")
        with h5py.File(self.path("out.h5"), "r+") as file:
            del file["batons"]
        self.assert_noticed("/batons: no such dataset")


class Shown(Tables):
    def setUp(self):
        super().setUp()
        self.run_study(STUDY, "out.h5")

    def test_show(self):
        out, _ = self.dam("show", "out.h5", "--table", "batons", "--csv")
        lines = out.splitlines()
        self.assertEqual(lines[0], "cell,round,replica,share")
        self.assertEqual([tuple(map(int, line.split(",")[:3])) for line in lines[1:]],
                         expected_rows(SPOTS))
        for line, row in zip(lines[1:], self.batons("out.h5")):
            self.assertEqual(np.float64(line.split(",")[3]).tobytes(), row["share"].tobytes())
        self.assertEqual(self.dam("show", "out.h5", "--table", "/batons", "--csv")[0], out)
        timing, _ = self.dam("show", "out.h5", "--table", "provenance/timing", "--csv")
        self.assertEqual(len(timing.splitlines()), 1 + len(SPOTS))
        for name, text in (("baton", "no table 'baton'; did you mean batons"),
                           ("digests", "/digests is not a table"), ("", "no table ''")):
            self.assertIn(text, self.dam("show", "out.h5", "--table", name, code=2)[1])

    def test_describe(self):
        lines = self.dam("describe", "relay")[0].splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("table /batons: rounds of"))
        self.assertEqual([line.split()[0] for line in lines[at + 1:]],
                         ["column", "cell", "round", "replica", "share"])

    def test_results_in_python(self):
        results = Results(self.path("out.h5"))
        self.assertEqual(list(results.tables), ["batons"])
        self.assertEqual(results.tables["batons"].tobytes(), self.batons("out.h5").tobytes())
        notes = results.table_notes["batons"]
        self.assertEqual(notes["unit"], "1")
        self.assertTrue(notes["doc"].startswith("rounds of the first replicas"))
        self.assertEqual(list(notes["columns"]), ["cell", "round", "replica", "share"])
        self.assertEqual(notes["columns"]["cell"], {"unit": "1", "doc": "row of /results"})

    def test_the_comparer_sees_tables(self):
        shutil.copy(self.path("out.h5"), self.path("other.h5"))
        replace(self.path("other.h5"), self.batons("out.h5")[::-1])
        self.assertIn("batons: bytes differ",
                      compare.differences(self.path("out.h5"), self.path("other.h5")))


if __name__ == "__main__":
    program.main()
