#!/usr/bin/python3
"""merge.py DAM DAM_TEST DAM_TEST_NEXT: slices of a study merge to the bytes of the undivided run,
seeds and extensions to a file that has all of their rows, and what contradicts itself is refused."""
import os
import shutil

import h5py
import numpy as np
import program

# Histograms of several widths, of cells that are dealt to the slices in turn.
CAPACITY = """kind: capacity
seed: 7
replicas: 3
starts: 20
grids:
  - {N: [20, 33], K: [5, 40], n: [2, 3]}
  - {N: 17, K: 9, start: memory, noise: 0.2, energy: [power, rectified]}
"""
RELAY = "kind: relay\nspot: [5, 1, 3, 2, 4]\nreplicas: 2\nmemories: yes\n"
SPIN = "kind: spin\nspot: [4, 2, 3]\nreplicas: 2\n"
FAIL = "kind: fail\nspot: {from: 1, to: 7, step: 1}\nreplicas: 3\n"


class Merge(program.Case):
    def run_study(self, study, output, *arguments, ranks=0, code=0, path=None):
        self.study(study)
        self.dam("run", "study.yaml", "-o", output, *arguments, ranks=ranks, code=code,
                 program=path)

    def merge(self, *files, output="merged.h5", path=None, **options):
        """Merge files anew; the output must pass verify."""
        self.path(output).unlink(missing_ok=True)
        out, err = self.dam("merge", *files, "-o", output, program=path, **options)
        self.assertEqual(err, "")
        self.dam("verify", output, program=path)
        return out

    def assert_refused(self, *files, code=2, words=(), output="refused.h5", path=None, ranks=0):
        """One line that has all of these words, and nothing written."""
        before = self.snapshot()
        out, err = self.dam("merge", *files, "-o", output, code=code, program=path, ranks=ranks)
        lines = [line for line in err.splitlines() if line.startswith("dam: ")]
        self.assertEqual((out, len(lines)), ("", 1), err)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(self.snapshot(), before)

    def read(self, output, path):
        with h5py.File(self.path(output), "r") as file:
            return file[path][()]


class Slices(Merge):
    def make(self, study, count, path=None, code=0):
        """The undivided run whole.h5 and its slices, on 1 to 3 ranks in turn."""
        self.run_study(study, "whole.h5", path=path, code=code)
        names = []
        for index in range(1, count + 1):
            names.append(f"slice{index}.h5")
            self.run_study(study, names[-1], "--slice", f"{index}/{count}", ranks=index % 3 + 1,
                           path=path, code=code)
        return names

    def assert_whole(self, names, path=None):
        self.merge(*names, path=path)
        self.assert_same("merged.h5", "whole.h5")

    def assert_any_order(self, names, path=None):
        self.assert_whole(names, path)
        self.assert_whole(names[::-1], path)
        self.assert_whole(names[1:] + names[:1], path)

    def test_capacity(self):
        self.assert_any_order(self.make(CAPACITY, 3, self.dam_path), self.dam_path)

    def test_relay(self):
        self.assert_any_order(self.make(RELAY, 2))

    def test_one_slice_is_the_undivided_run(self):
        name, = self.make(SPIN, 1)
        self.assert_same(name, "whole.h5")
        self.assert_whole([name])

    def test_on_many_ranks(self):
        names = self.make(SPIN, 3)
        self.merge(*names, ranks=3)
        self.assert_same("merged.h5", "whole.h5")

    def test_each_slice_has_every_nth_cell(self):
        names = self.make(SPIN, 2)
        self.assertEqual([spot for spot, in self.table(names[0], "spot")], [4, 3])
        self.assertEqual([spot for spot, in self.table(names[1], "spot")], [2])
        self.assertEqual(self.read(names[1], "provenance/slice"), b"2/2")
        self.assertEqual(self.read("whole.h5", "provenance/slice"), b"1/1")
        for path in "study/text", "study/resolved":
            self.assertEqual(self.read(names[1], path), self.read("whole.h5", path))

    def test_merges_of_merges(self):
        """In any order, with a slice in both."""
        one, two, three = self.make(CAPACITY, 3, self.dam_path)
        self.merge(three, one, output="some.h5", path=self.dam_path)
        self.merge(two, three, output="others.h5", path=self.dam_path)
        self.assert_whole(["others.h5", "some.h5"], self.dam_path)
        self.assert_whole(["some.h5", "others.h5", two, "whole.h5"], self.dam_path)
        # Where the rows came from stays known.
        self.assert_whole(["some.h5", two], self.dam_path)
        sources = self.read("merged.h5", "provenance/sources")
        self.assertEqual([(row["file"], row["slice"], row["ranks"]) for row in sources],
                         [(b"slice3.h5", b"3/3", b"1"), (b"slice1.h5", b"1/3", b"2"),
                          (b"slice2.h5", b"2/3", b"3")])
        with h5py.File(self.path(two), "r") as file:
            self.assertEqual(sources["results_crc32c"][2], file["results"].attrs["crc32c"])

    def test_empty_slices(self):
        names = self.make(SPIN, 5)
        for name in names[3:]:
            self.assertEqual(self.table(name, "spot"), [])
            self.dam("verify", name)
            self.dam("show", name)
            self.assertIn("0 cells", self.dam("status", name)[0])
        self.assert_whole(names)
        self.assert_whole([names[4], *names[:4]])
        self.merge(*names[3:])
        self.assertEqual(self.table("merged.h5", "spot"), [])
        # With arrays too, which have no width of their own then.
        for ranks in 1, 3:
            self.run_study(RELAY, f"empty{ranks}.h5", "--slice", "7/1000000", ranks=ranks)
        self.assert_same("empty1.h5", "empty3.h5")
        self.run_study(RELAY, "relay.h5")
        self.merge("empty3.h5", "relay.h5")
        self.assert_same("merged.h5", "relay.h5")

    def test_failures_and_timing_name_the_new_rows(self):
        names = self.make(FAIL + "fail_from: 4\nfail_replica: 1\n", 3, code=3)
        self.assert_whole(names)
        expected, found = (self.read(name, "failures") for name in ("whole.h5", "merged.h5"))
        self.assertEqual(len(expected), 4)
        self.assertEqual(expected.tobytes(), found.tobytes())
        timing = self.read("merged.h5", "provenance/timing")
        self.assertEqual(timing["cell"].tolist(), list(range(7)))
        for row, spot in enumerate(range(1, 8)):
            index = (spot - 1) % 3
            own = self.read(names[index], "provenance/timing")[(spot - 1) // 3]
            self.assertEqual(timing[row]["seconds"], own["seconds"])

    def test_slices_on_one_output(self):
        """Each publishes its own rows; nothing is lost, mixed or done twice."""
        self.make(RELAY, 2)
        for index in 2, 1, 2:
            self.run_study(RELAY, "out.h5", "--slice", f"{index}/2", ranks=2)
            self.assert_same("out.h5", f"slice{index}.h5")
        rows = program.rows_of(self.path("out.h5"))
        self.run_study(RELAY, "out.h5", ranks=3)
        self.assert_same("out.h5", "whole.h5")
        self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.assert_nothing_done_twice("out.h5")
        self.assert_last_states_alone("out.h5", 5 * 2)


class Seeds(Merge):
    def setUp(self):
        super().setUp()
        for seed in 3, 1, 2:
            self.run_study(CAPACITY, f"seed{seed}.h5", "--set", f"seed={seed}", path=self.dam_path)

    def test_rows_of_all_seeds(self):
        out = self.merge("seed3.h5", "seed1.h5", "seed2.h5", path=self.dam_path)
        self.assertIn("30 cells of 3 files, 3 seeds", out)
        rows = self.read("merged.h5", "results")
        self.assertEqual(rows.dtype.names[0], "seed")
        self.assertEqual(rows["seed"].tolist(), 10 * [3] + 10 * [1] + 10 * [2])
        self.assertEqual(self.read("merged.h5", "study/seed").tolist(), [1, 2, 3])
        for place, seed in enumerate((3, 1, 2)):
            own = self.read(f"seed{seed}.h5", "results")
            here = slice(10 * place, 10 * place + 10)
            for name in own.dtype.names:
                self.assertEqual(rows[name][here].tobytes(), own[name].tobytes(), name)
            self.assertEqual(self.read("merged.h5", "overlap_histogram")[here].tobytes(),
                             self.read(f"seed{seed}.h5", "overlap_histogram").tobytes())
        with h5py.File(self.path("merged.h5"), "r") as file:
            self.assertEqual([file["results"].attrs[f"seed.{note}"] for note in ("role", "unit")],
                             [b"parameter", b"1"])
        for path in "study/text", "study/resolved":
            pieces = [b"# study of seed%d.h5\n%s" % (seed, self.read(f"seed{seed}.h5", path))
                      for seed in (3, 1, 2)]
            self.assertEqual(self.read("merged.h5", path), b"".join(pieces))
        self.assertIn("complete 30 of 30", self.dam("status", "merged.h5")[0])
        self.assertEqual(self.dam("show", "merged.h5", "--csv")[0].split(",")[0], "seed")

    def test_merges_of_merges(self):
        self.merge("seed3.h5", "seed1.h5", "seed2.h5", output="all.h5", path=self.dam_path)
        self.merge("seed1.h5", "seed2.h5", output="two.h5", path=self.dam_path)
        out = self.merge("seed3.h5", "two.h5", path=self.dam_path)
        self.assertNotIn("left out", out)
        self.assert_same("merged.h5", "all.h5")
        out = self.merge("all.h5", "seed2.h5", "two.h5", path=self.dam_path)
        self.assertIn("30 rows for cells that others hold left out", out)
        self.assertEqual(self.read("merged.h5", "results").tobytes(),
                         self.read("all.h5", "results").tobytes())
        self.merge("all.h5", "all.h5", path=self.dam_path)
        self.assert_same("merged.h5", "all.h5")

    def test_slices_of_seeds(self):
        names = []
        for seed in 3, 1:
            for part in "1/2", "2/2":
                names.append(f"{seed}-{part[0]}.h5")
                self.run_study(CAPACITY, names[-1], "--set", f"seed={seed}", "--slice", part,
                               path=self.dam_path)
        self.merge("seed3.h5", "seed1.h5", output="all.h5", path=self.dam_path)
        self.merge(names[1], names[2], names[3], names[0], path=self.dam_path)
        for path in "results", "overlap_histogram":
            self.assertEqual(self.read("merged.h5", path).tobytes(),
                             self.read("all.h5", path).tobytes())

    def test_nothing_can_be_added_to_it(self):
        self.merge("seed3.h5", "seed1.h5", path=self.dam_path)
        self.study(CAPACITY)
        for seed in 1, 7:
            before = self.snapshot()
            _, err = self.dam("run", "study.yaml", "-o", "merged.h5", "--set", f"seed={seed}",
                              code=2, program=self.dam_path)
            self.assertIn("merged.h5 holds results of 2 seeds, merged: nothing can be added", err)
            self.assertEqual(self.snapshot(), before)


class Extensions(Merge):
    """Different studies of one seed."""

    def test_rows_of_both(self):
        self.run_study(CAPACITY, "one.h5", path=self.dam_path)
        self.run_study("kind: capacity\nseed: 7\nreplicas: 3\nstarts: 20\nN: [50, 33]\nK: [5, 7]\n",
                       "other.h5", path=self.dam_path)
        out = self.merge("one.h5", "other.h5", path=self.dam_path)
        self.assertIn("13 cells of 2 files, 1 rows for cells", out)
        cells = ("N", "K", "n", "recovered")
        one, other = self.table("one.h5", *cells), self.table("other.h5", *cells)
        self.assertEqual(self.table("merged.h5", *cells),
                         one + [row for row in other if row not in one])
        # The narrower histograms are padded with zeros, here and in what came before.
        merged, own = (self.read(name, "overlap_histogram") for name in ("merged.h5", "one.h5"))
        self.assertEqual(merged.shape[1], 51)
        self.assertTrue(np.array_equal(merged[:10, :34], own))
        self.assertFalse(merged[:10, 34:].any())
        self.assertEqual(self.read("merged.h5", "study/seed").shape, ())
        # The same cell, in files whose arrays have other widths, is no contradiction.
        self.merge("merged.h5", "other.h5", "one.h5", output="again.h5", path=self.dam_path)
        self.assertEqual(self.read("again.h5", "results").tobytes(),
                         self.read("merged.h5", "results").tobytes())

    def test_arrays_of_several_dimensions(self):
        """Files of other replicas and steps, or without an optional array, in any order."""
        march = "kind: march\nspot: {}\nreplicas: {}\nsteps: {}\n"
        self.run_study(march.format(1, 2, 7), "few.h5")
        self.run_study(march.format("[2, 3]", 3, 4), "many.h5")
        few, many = (self.read(name, "stands") for name in ("few.h5", "many.h5"))
        for names in ("few.h5", "many.h5"), ("many.h5", "few.h5"):
            self.merge(*names)
            merged = self.read("merged.h5", "stands")
            order = [spot for spot, in self.table("merged.h5", "spot")]
            expected = np.full((3, 3, 7), np.nan)
            expected[order.index(1), :2] = few[0]
            for cell, spot in enumerate((2, 3)):
                expected[order.index(spot), :, :4] = many[cell]
            self.assertEqual(merged.tobytes(), expected.tobytes())
        self.run_study(RELAY, "with.h5")
        for name, spots in ("without.h5", "[6, 7]"), ("neither.h5", "8"):
            self.run_study(RELAY.replace("yes", "no"), name, "--set", f"spot={spots}")
        self.merge("without.h5", "with.h5")
        merged, own = self.read("merged.h5", "memories"), self.read("with.h5", "memories")
        self.assertEqual(merged[2:].tobytes(), own.tobytes())
        self.assertTrue(np.isnan(merged[:2]).all())
        self.merge("without.h5", "neither.h5")
        with h5py.File(self.path("merged.h5"), "r") as file:
            self.assertNotIn("memories", file)

    def test_a_merged_file_is_finished(self):
        self.run_study(SPIN, "one.h5")
        self.merge("one.h5")
        self.assert_same("merged.h5", "one.h5")
        _, err = self.dam("run", "study.yaml", "-o", "merged.h5", code=2)
        self.assertIn("nothing can be added to it", err)


class Contradictions(Merge):
    def test_other_results_of_a_cell(self):
        self.run_study(SPIN, "few.h5")
        self.run_study(SPIN, "more.h5", "--set", "replicas=3")
        words = "few.h5", "more.h5", "spin/1;spot=4, seed 1", "(and 2 cells more)", "replicas"
        self.assert_refused("few.h5", "more.h5", words=words)
        self.assert_refused("more.h5", "few.h5", words=words[:2], ranks=2)

    def test_other_arrays_of_a_cell(self):
        self.run_study(RELAY, "one.h5")
        shutil.copy(self.path("one.h5"), self.path("other.h5"))
        with h5py.File(self.path("other.h5"), "r+") as file:
            digests = file["digests"][()]
            digests[3, 2] ^= 1
            file["digests"][...] = digests
            file["digests"].attrs.modify("crc32c", np.uint32(program.checksum(digests.tobytes())))
        self.dam("verify", "other.h5")
        self.assert_refused("one.h5", "other.h5", words=("relay/1;spot=2",))

    def test_other_elements_within_the_padding(self):
        """An element that another file of a wider array has, and one has not, tells them apart."""
        study = "kind: march\nspot: {}\nreplicas: {}\n"
        self.run_study(study.format(1, 2), "one.h5")
        self.run_study(study.format(2, 3), "other.h5", "--set", "steps=12")
        self.merge("one.h5", "other.h5", output="both.h5")
        self.merge("both.h5", "one.h5")
        self.assertEqual(self.read("merged.h5", "stands").shape, (2, 3, 12))
        with h5py.File(self.path("both.h5"), "r+") as file:
            stands = file["stands"][()]
            self.assertTrue(np.isnan(stands[0, 2, 11]))
            stands[0, 2, 11] = 1
            file["stands"][...] = stands
            file["stands"].attrs.modify("crc32c", np.uint32(program.checksum(stands.tobytes())))
        self.dam("verify", "both.h5")
        for names in ("both.h5", "one.h5"), ("one.h5", "both.h5"):
            self.assert_refused(*names, words=("contradict each other", "march/1;spot=1"))

    def test_complete_rows_stand_for_others(self):
        """In any order; what failed differently is a contradiction unless it is complete too."""
        self.run_study(FAIL, "complete.h5")
        for replica in 0, 1:
            self.run_study(FAIL, f"failed{replica}.h5", "--set", "fail_from=6", "--set",
                           f"fail_replica={replica}", code=3)
        self.assert_refused("failed0.h5", "failed1.h5",
                            words=("failed0.h5", "failed1.h5", "fail/1;spot=", "unfinished"))
        for names in (("failed0.h5", "failed1.h5", "complete.h5"),
                      ("complete.h5", "failed1.h5"), ("failed1.h5", "complete.h5", "failed0.h5")):
            self.merge(*names)
            self.assertEqual(self.read("merged.h5", "results").tobytes(),
                             self.read("complete.h5", "results").tobytes())
            self.assertEqual(len(self.read("merged.h5", "failures")), 0)
        shutil.copy(self.path("failed1.h5"), self.path("copy.h5"))
        out = self.merge("failed1.h5", "copy.h5")
        self.assertIn("2 cells failed", out)
        self.assert_same("merged.h5", "failed1.h5")
        self.assertEqual(len(self.read("merged.h5", "failures")), 2)

    def test_other_kinds_and_schemas(self):
        self.run_study(SPIN, "spin.h5")
        self.run_study(FAIL, "fail.h5")
        self.run_study(SPIN, "next.h5", path=self.dam_test_next_path)
        self.run_study("kind: xor\nn: 2\n", "xor.h5", path=self.dam_path)
        self.assert_refused("spin.h5", "fail.h5",
                            words=("spin.h5", "kind spin, schema 1", "fail.h5", "kind fail"))
        self.assert_refused("spin.h5", "next.h5",
                            words=("spin.h5", "kind spin, schema 1", "next.h5", "schema 2"))
        self.assert_refused("next.h5", words=("next.h5", "schema 2", "none of this program's"))
        self.assert_refused("xor.h5", words=("xor.h5", "kind xor", "none of this program's"))


class Files(Merge):
    def setUp(self):
        super().setUp()
        self.run_study(SPIN, "one.h5", "--slice", "1/2")
        self.run_study(SPIN, "two.h5", "--slice", "2/2")

    def test_damaged_input(self):
        with h5py.File(self.path("one.h5"), "r") as file:
            offset = file["results"].id.get_offset()
        data = bytearray(self.path("one.h5").read_bytes())
        data[offset] ^= 1
        self.path("flipped.h5").write_bytes(data)
        self.path("torn.h5").write_bytes(data[:len(data) // 2])
        self.path("text.h5").write_text("no result\n")
        for name, text in (("flipped.h5", "flipped.h5: /results: damaged"),
                           ("torn.h5", "torn.h5: "), ("text.h5", "text.h5: is not an HDF5 file"),
                           ("missing.h5", "missing.h5: No such file")):
            self.assert_refused("two.h5", name, code=1, words=(text,))
            self.assert_refused(name, "two.h5", code=1, words=(text,), ranks=2)

    def test_outputs_that_cannot_be(self):
        self.merge("one.h5", "two.h5", output="there.h5")
        self.path("link.h5").symlink_to("nowhere.h5")
        self.path("old.h5.journal").mkdir()
        self.path("folder").mkdir()
        for output, text in (("there.h5", "exists"), ("one.h5", "exists"), ("link.h5", "exists"),
                             ("folder", "exists"), ("missing/out.h5", "cannot write in the folder"),
                             ("old.h5", "old.h5.journal"), ("", "no name")):
            self.assert_refused("one.h5", "two.h5", output=output, words=(text,))

    def test_files_have_the_mode_of_the_umask(self):
        for mask in 0o022, 0o027, 0:
            before = os.umask(mask)
            try:
                self.run_study(SPIN, "run.h5", ranks=2)
                self.merge("one.h5", "two.h5")
            finally:
                os.umask(before)
            for name in "run.h5", "merged.h5":
                self.assertEqual(self.path(name).stat().st_mode & 0o777, 0o666 & ~mask, name)

    def test_nothing_else_is_left(self):
        before = set(self.snapshot())
        self.merge("one.h5", "two.h5")
        self.assertEqual(set(self.snapshot()) - before, {"merged.h5"})

    def test_a_planted_link_is_not_followed(self):
        self.path("precious").write_text("kept\n")
        self.path("run.h5.journal").mkdir()
        (self.path("run.h5.journal") / "publish.h5").symlink_to("../precious")
        self.run_study(SPIN, "run.h5", ranks=2)
        self.assertEqual(self.path("precious").read_text(), "kept\n")
        self.dam("verify", "run.h5")


program.main()
