#!/usr/bin/python3
"""refuse.py DAM DAM_TEST DAM_TEST_NEXT: what an output holds is never mixed with another study's,
nor written by two runs; damage and loss of the journal cost work, never a result."""
import os
import shutil

import h5py
import program

STUDY = "kind: spin\nspot: [1, 2, 3]\nreplicas: 4\n"


class Refuse(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)

    def assert_refused(self, text, *arguments, study="study.yaml", ranks=2, program_path=None):
        """Exit code 2, one line that says why, and nothing changed."""
        before = self.snapshot()
        _, err = self.dam("run", study, "-o", "out.h5", *arguments, ranks=ranks, code=2,
                          program=program_path)
        lines = [line for line in err.splitlines() if line.startswith("dam: ")]
        self.assertEqual(len(lines), 1, err)
        self.assertIn(text, lines[0])
        self.assertEqual(self.snapshot(), before)

    def refuse_others(self):
        other = self.study("kind: fail\n", "other.yaml")
        self.assert_refused("kind spin, schema 1, seed 1; this study is kind fail", study=other)
        self.assert_refused("this study is kind spin, schema 1, seed 2", "--set", "seed=2")
        self.assert_refused("this study is kind spin, schema 2, seed 1",
                            program_path=self.dam_test_next_path)
        self.assert_refused("seed 2", "--set", "seed=2", ranks=0)

    def test_another_kind_seed_or_schema(self):
        self.refuse_others()

    def test_another_with_the_journal_removed(self):
        shutil.rmtree(self.path("out.h5.journal"))
        (self.path("out.h5.journal")).mkdir()
        self.refuse_others()

    def test_another_with_the_result_removed(self):
        self.path("out.h5").unlink()
        self.refuse_others()

    def test_fresh_discards_what_is_there(self):
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", "seed=2", "--fresh", ranks=2)
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 12)
        self.dam("run", "study.yaml", "-o", "other.h5", "--set", "seed=2")
        self.assert_same("out.h5", "other.h5")

    def test_two_runs_at_once(self):
        self.study("kind: spin\nreplicas: 100000\nmilliseconds: 10\n", "long.yaml")
        run = self.start("run", "long.yaml", "-o", "busy.h5", ranks=2)
        program.wait_until(lambda: program.rows_of(self.path("busy.h5")), "the first row")
        for ranks in 0, 2:
            _, err = self.dam("run", "long.yaml", "-o", "busy.h5", "--fresh", ranks=ranks, code=2)
            self.assertIn("another run is writing it (host ", err)
        # The first has lost nothing by it, and ends as it is told.
        self.assertFalse(run.ended())
        (self.path("busy.h5.journal") / "stop").touch()
        self.assertEqual(run.wait()[0], 75)
        self.dam("verify", "busy.h5")
        (trials,), = self.table("busy.h5", "trials")
        self.assertEqual(trials, len(program.rows_of(self.path("busy.h5"))))
        self.assert_nothing_done_twice("busy.h5")

    def test_outputs_that_cannot_be(self):
        self.path("folder").mkdir()
        shutil.copy(self.path("out.h5"), self.path("kept.h5"))
        self.path("kept.h5").chmod(0o444)
        self.path("text.h5").write_text("not a result\n")
        before = self.snapshot()
        for output, text in (("folder", "is a directory"), ("kept.h5", "is read-only"),
                             ("missing/out.h5", "cannot write in the folder missing"),
                             ("text.h5", "is not an HDF5 file")):
            for ranks in 0, 2:
                _, err = self.dam("run", "study.yaml", "-o", output, ranks=ranks, code=2)
                self.assertIn(f"dam: {output}", err)
                self.assertIn(text, err)
        self.assertEqual(self.snapshot(), before)
        self.dam("run", "study.yaml", "-o", "missing/out.h5", "--dry-run", code=2)
        self.dam("run", "study.yaml", "-o", "text.h5", "--fresh", code=2)
        self.dam("run", "study.yaml", "-o", "", code=2)
        self.assertEqual(self.snapshot(), before)

    def test_a_link_stays_one(self):
        self.path("link.h5").symlink_to("out.h5")
        self.dam("run", "study.yaml", "-o", "link.h5", "--set", "replicas=5", ranks=2)
        self.assertTrue(self.path("link.h5").is_symlink())
        self.assertFalse(self.path("link.h5.journal").exists())
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 15)


class Journal(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "whole.h5")
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)

    def test_a_flipped_byte_costs_its_row(self):
        journal = max(program.journals(self.path("out.h5")), key=lambda file: file.stat().st_size)
        data = bytearray(journal.read_bytes())
        data[program.HEADER + program.FRAME + 3] ^= 0x10  # in the payload of the first row
        journal.write_bytes(data)
        before = program.rows_of(self.path("out.h5"))
        self.path("out.h5").unlink()
        _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        size = program.FRAME + 16
        self.assertIn(f"dam: out.h5.journal: {size} bytes belong to no whole row", err)
        self.assert_same("out.h5", "whole.h5")
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), len(before) + 1)

    def test_a_torn_end_costs_its_row(self):
        journal = max(program.journals(self.path("out.h5")), key=lambda file: file.stat().st_size)
        os.truncate(journal, journal.stat().st_size - 5)
        _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=3)
        self.assertIn("belong to no whole row", err)
        self.assert_same("out.h5", "whole.h5")

    def test_without_it_the_result_stands(self):
        shutil.rmtree(self.path("out.h5.journal"))
        self.dam("verify", "out.h5")
        self.assertIn("spot", self.dam("show", "out.h5")[0])
        self.assertIn("complete 3 of 3 cells", self.dam("status", "out.h5")[0])
        self.assertFalse(self.path("out.h5.journal").exists())
        self.assert_same("out.h5", "whole.h5")
        # The work is gone: stopped half-way, the same command would replace much by little.
        _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=2, code=2)
        self.assertIn("its journal is gone", err)
        self.assert_same("out.h5", "whole.h5")
        self.dam("run", "study.yaml", "-o", "out.h5", "--fresh", ranks=2)
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 12)
        self.assert_same("out.h5", "whole.h5")

    def test_a_damaged_result_is_noticed_and_made_again(self):
        with h5py.File(self.path("out.h5"), "r") as file:
            offset = file["results"].id.get_offset()
        data = bytearray(self.path("out.h5").read_bytes())
        data[offset] ^= 1
        self.path("out.h5").write_bytes(data)
        self.dam("verify", "out.h5", code=1)
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 12)

    def test_a_result_that_crashes_libhdf5_is_made_again(self):
        crashing = program.ROOT / "tests/fuzz/seeds/result/crashes-libhdf5.h5"
        shutil.copy(crashing, self.path("out.h5"))
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")
        # Where no journal says whose it is, it is left alone.
        shutil.copy(crashing, self.path("alone.h5"))
        for ranks in 0, 2:
            _, err = self.dam("run", "study.yaml", "-o", "alone.h5", ranks=ranks, code=2)
            self.assertIn("dam: alone.h5: damaged: reading it crashed the HDF5 library", err)
        self.assertEqual(self.path("alone.h5").read_bytes(), crashing.read_bytes())

    def test_a_torn_result_is_made_again(self):
        os.truncate(self.path("out.h5"), self.path("out.h5").stat().st_size // 2)
        self.dam("verify", "out.h5", code=1)
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
        self.assert_same("out.h5", "whole.h5")
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 12)


program.main()
