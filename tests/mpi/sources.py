#!/usr/bin/python3
"""sources.py DAM DAM_TEST DAM_TEST_NEXT: a study that takes over another result's rows is the study
that is written out, and one that reads its data tells when they are others."""
import pathlib

import h5py
import numpy
import program

SOURCE = """\
kind: capacity
N: 20
n: [2, 3]
K: [2, 5, 10, 20, 40]
starts: 50
"""
TRAINING = """\
kind: classify
dataset: synthetic
n: [2, 3]
K: [12, 20]
minibatch: 100
temperature_start: 40
epochs: 15
memories: yes
replicas: 2
"""
ANATOMY = """\
kind: anatomy
from: nets.h5
by: test_error
cutoff: [-0.2, 0.5]
"""


class Rows(program.Case):
    """Rows as blocks of parameters: no kind of its own needed."""

    def setUp(self):
        super().setUp()
        self.study(SOURCE, "source.yaml")
        self.run_dam("run", "source.yaml")

    def run_dam(self, *arguments, **options):
        return self.dam(*arguments, program=self.dam_path, **options)

    def chosen(self, conditions):
        """(n, K, recovered) of the source's rows for which conditions(n, K, recovered) holds."""
        return [row for row in self.table("source.h5", "n", "K", "recovered") if conditions(*row)]

    def cells_of(self, text, *arguments, **options):
        self.study(text, "taken.yaml")
        self.run_dam("run", "taken.yaml", "--fresh", *arguments, **options)
        return self.table("taken.h5", "n", "K")

    def test_rows_are_the_studys_blocks(self):
        """In the file's order; with the study's own axes each."""
        cells = self.cells_of("kind: capacity\nfrom: source.h5\nwhere: [recovered > 0, n == 3, "
                              "K <= 20]\nstart: memory\nnoise: [0.1, 0.2]\n")
        wanted = self.chosen(lambda n, K, recovered: recovered > 0 and n == 3 and K <= 20)
        self.assertGreater(len(wanted), 2)
        self.assertEqual(cells, [(n, K) for n, K, _ in wanted for _ in (0.1, 0.2)])

    def test_the_best(self):
        cells = self.cells_of("kind: capacity\nfrom: source.h5\nby: recovered\nbest: 4\n")
        order = sorted(self.chosen(lambda *_: True), key=lambda row: row[2])
        self.assertEqual(cells, [(n, K) for n, K, _ in order[:4]])

    def test_the_best_of_each(self):
        cells = self.cells_of("kind: capacity\nfrom: source.h5\nby: recovered\nbest: 2\neach: n\n")
        order = sorted(self.chosen(lambda *_: True), key=lambda row: row[2])
        kept = [row for i, row in enumerate(order)
                if sum(other[0] == row[0] for other in order[:i]) < 2]
        self.assertNotEqual(kept, order[:len(kept)])
        self.assertEqual(cells, [(n, K) for n, K, _ in kept])

    def test_values_without_a_row_are_told(self):
        """By one line of a run on any ranks and of a dry run; where all have one, by none."""
        head = "kind: capacity\nfrom: source.h5\nby: recovered\nbest: 1\n"
        few = self.study(head + "where: [n == 3, K < 20]\neach: K\nstarts: 30\n", "few.yaml")
        for ranks, options in (0, []), (2, ["--fresh"]), (0, ["--dry-run"]):
            _, err = self.run_dam("run", few, *options, ranks=ranks)
            said = [line for line in err.splitlines() if line.startswith("dam: ")]
            self.assertEqual(said, ["dam: few.yaml:6:7: each: K: no row of source.h5 is left for "
                                    "20, 40; the study goes on without"])
        self.assertEqual(sorted(self.table("few.h5", "n", "K")), [(3, 2), (3, 5), (3, 10)])
        _, err = self.run_dam("run", few, "-o", "all.h5", "--set", "where=n == 3", "--dry-run")
        self.assertEqual(err, "")
        _, err = self.run_dam("run", few, "--dry-run", "--set", "each=n", "--set",
                              "where=recovered < 1e6")
        self.assertEqual(err, "")
        self.run_dam("run", "source.yaml", "-o", "mixed.h5", "--set", "start=[random, memory]")
        _, err = self.run_dam("run", few, "--dry-run", "--set", "from=mixed.h5", "--set",
                              "by=unstable_spins", "--set", "each=start", "--set", "where=n == 3")
        self.assertIn("each: start: no row of mixed.h5 is left for random; ", err)

    def test_rows_are_of_the_studys_kind(self):
        """Parameters of one name are others in another kind."""
        self.refused("kind: threshold\nfrom: source.h5\n",
                     "bad.yaml:2:7: from: source.h5 holds results of kind capacity; kind threshold "
                     "takes rows of its own kind alone")

    def test_written_out_it_is_the_same(self):
        """Every dataset but the study's own words; on one rank and on three."""
        taken = self.cells_of("kind: capacity\nfrom: source.h5\nwhere: recovered < 40\nseed: 5\n"
                              "starts: 40\n", ranks=3)
        blocks = "".join(f"  - {{n: {n}, K: {K}}}\n" for n, K in taken)
        self.study(f"kind: capacity\nN: 20\nseed: 5\nstarts: 40\ngrids:\n{blocks}", "written.yaml")
        self.run_dam("run", "written.yaml")
        with h5py.File(self.path("taken.h5")) as one, h5py.File(self.path("written.h5")) as other:
            self.assertEqual(one["results"][()].tobytes(), other["results"][()].tobytes())
            self.assertEqual(set(one), set(other))

    def test_only_whole_runs_need_the_source(self):
        """What is done shows, verifies and merges without it; the study itself says what is
        missing, or takes rows that it is given."""
        text = "kind: capacity\nfrom: source.h5\nwhere: recovered > 5\nstarts: 30\n"
        cells = self.cells_of(text)
        for slice_number in 1, 2:
            self.run_dam("run", "taken.yaml", "--slice", f"{slice_number}/2", "-o",
                         f"slice{slice_number}.h5")
        self.path("source.h5").rename(self.path("moved.h5"))
        self.run_dam("merge", "slice1.h5", "slice2.h5", "-o", "merged.h5")
        self.run_dam("verify", "merged.h5")
        self.run_dam("show", "merged.h5")
        with h5py.File(self.path("taken.h5")) as one, h5py.File(self.path("merged.h5")) as other:
            self.assertEqual(one["results"][()].tobytes(), other["results"][()].tobytes())
            last = one["study/text"][()].decode().splitlines()[-1]
        self.run_dam("run", "taken.yaml", "-o", "x.h5", code=2)
        self.run_dam("run", "taken.yaml", "--set", "from=moved.h5")
        self.assertTrue(last.startswith("# --set selected=["), last)
        self.run_dam("run", "taken.yaml", "-o", "x.h5", "--set", last.split("--set ")[1])
        self.assertEqual(self.table("x.h5", "n", "K"), cells)

    def test_incomplete_rows_are_left_out(self):
        with h5py.File(self.path("source.h5"), "r+") as file:
            rows = file["results"][()]
            rows["status"][3] = b"partial"
            file["results"][()] = rows
            file["results"].attrs.modify("crc32c",
                                         numpy.uint32(program.checksum(rows.tobytes())))
        cells = self.cells_of("kind: capacity\nfrom: source.h5\n")
        self.assertEqual(len(cells), 9)
        self.assertNotIn(self.table("source.h5", "n", "K")[3], cells)

    def test_rows_without_a_value_to_order_by_are_left_out(self):
        """Starts from random spins have no unstable spins."""
        self.run_dam("run", "source.yaml", "-o", "mixed.h5", "--set", "start=[random, memory]")
        text = "kind: capacity\nfrom: mixed.h5\nby: unstable_spins\n"
        rows = sorted(self.table("mixed.h5", "unstable_spins", "n", "K", "start"))
        known = [row for row in rows if row[3] == "memory"]
        self.assertEqual(len(known), 10)
        for best in "", "best: 15\n", "best: 6\neach: n\n":
            cells = self.cells_of(text + best)
            self.assertEqual(sorted(cells), sorted(row[1:3] for row in known))
        self.refused(text + "where: start == random\n",
                     "bad.yaml:3:5: by: unstable_spins is NaN in all rows")

    def refused(self, text, words, *arguments, code=2):
        """One line that holds these words, and nothing is written."""
        self.study(text, "bad.yaml")
        before = self.snapshot()
        for ranks in 0, 2:
            _, err = self.run_dam("run", "bad.yaml", *arguments, code=code, ranks=ranks)
            said = [line for line in err.splitlines() if line.startswith("dam: ")]
            self.assertEqual(len(said), 1, err)
            self.assertIn(words, said[0])
        self.assertEqual(self.snapshot(), before)

    def test_what_cannot_be_chosen_is_refused(self):
        head = "kind: capacity\nfrom: source.h5\n"
        self.refused("kind: capacity\nfrom: none.h5\n", "bad.yaml:2:7: from: none.h5: no such file")
        self.refused(head + "where: recoverd > 3\n",
                     'bad.yaml:3:8: where: recoverd: no such column in source.h5; did you mean '
                     '"recovered"?')
        self.refused(head + "by: speed\n", "bad.yaml:3:5: by: speed: no such column")
        self.refused(head + "by: energy\n", "holds names, which have no order")
        self.refused(head + "where: energy > power\n", "allowed: ==")
        self.refused(head + "where: n == two\n", "column n holds numbers, and two is none")
        self.refused(head + "where: recovered > 1000\n",
                     "no row is left of the 10 in source.h5, of which 10 are complete")
        self.refused(head + "load: 0.1\n", "bad.yaml:3:7: load: ")
        self.refused("kind: anatomy\nfrom: source.h5\n", "has no dataset /memories")
        self.refused("kind: anatomy\n", "from: missing; kind anatomy reads /memories")

    def test_the_output_is_another_file(self):
        """By whatever name; even where it may begin again."""
        self.path("link.h5").symlink_to("source.h5")
        self.path("folder").mkdir()
        text = "kind: capacity\nfrom: source.h5\nstarts: 40\n"
        for output in "source.h5", "link.h5", "folder/../source.h5":
            for options in [], ["--fresh"], ["--dry-run"]:
                self.refused(text, "source.h5 is the file that the study takes its rows from",
                             "-o", output, *options)

    def test_what_is_not_whole_is_refused(self):
        head = "kind: capacity\nfrom: source.h5\n"
        data = bytearray(self.path("source.h5").read_bytes())
        with h5py.File(self.path("source.h5")) as file:
            offset = file["results"].id.get_offset()
        data[offset + 9] ^= 1
        self.path("source.h5").write_bytes(data)
        self.refused(head, "bad.yaml:2:7: from: source.h5: /results: damaged", code=1)
        self.path("source.h5").write_bytes(data[:-100])
        self.refused(head, "bad.yaml:2:7: from: source.h5: ", code=1)
        self.path("source.h5").unlink()
        self.refused(head, "source.h5 is not published yet, or was moved away")
        self.refused("kind: capacity\nfrom: source.yaml\n", "is not an HDF5 file", code=1)
        self.refused("kind: capacity\nfrom: .\n", "is a directory", code=1)


class Data(program.Case):
    """A kind that reads the source's own data."""

    def setUp(self):
        super().setUp()
        self.study(TRAINING, "nets.yaml")
        self.study(ANATOMY, "parts.yaml")
        self.run_dam("run", "nets.yaml", ranks=2)

    def run_dam(self, *arguments, **options):
        return self.dam(*arguments, program=self.dam_path, **options)

    def test_anatomy_is_of_the_nets(self):
        """Answers are those of the training's last epoch, connections those of its memories."""
        self.run_dam("run", "parts.yaml", ranks=3)
        self.run_dam("run", "parts.yaml", "-o", "alone.h5")
        self.assert_same("parts.h5", "alone.h5")
        with h5py.File(self.path("nets.h5")) as file:
            nets, memories = file["results"][()], file["memories"][()]
        with h5py.File(self.path("parts.h5")) as file:
            parts = file["results"][()]
            connections, contributing = (file["recognition_connections"][()],
                                         file["contributing_memories"][()])
            drawn = file["memories"][()]
        order = sorted(range(4), key=lambda row: nets["test_error"][row])
        self.assertEqual(list(parts["source_row"]), [row for row in order for _ in range(2)])
        for cell, part in enumerate(parts):
            row, net = part["source_row"], nets[part["source_row"]]
            classes = memories[row, :, :net["K"], -10:]
            on = (classes > numpy.float64(part["cutoff"])).sum(axis=2)
            self.assertEqual(list(connections[cell]),
                             [numpy.count_nonzero(on == count) for count in range(11)])
            self.assertAlmostEqual(part["mean_connections"], on.mean())
            self.assertAlmostEqual(part["single_connection"], (on == 1).mean())
            self.assertAlmostEqual(part["test_error"], net["test_error"])
            self.assertEqual((part["n"], part["K"]), (net["n"], net["K"]))
            self.assertEqual(drawn[cell, :net["K"]].tobytes(),
                             memories[row, 0, :net["K"]].tobytes())
            self.assertTrue(numpy.isnan(drawn[cell, net["K"]:]).all())
            self.assertEqual(contributing[cell].sum(), 2 * 500)
            self.assertAlmostEqual(part["single_memory"], contributing[cell][1] / 1000)
            images = numpy.repeat(numpy.arange(contributing.shape[1]), contributing[cell])
            self.assertEqual(part["median_memories"], numpy.median(images))
        self.assertGreater(len(set(parts["mean_connections"])), 4)

    def test_answers_have_the_temperature_that_training_stopped_at(self):
        """Which, before the end of the ramp, is not the last one."""
        self.run_dam("run", "nets.yaml", "-o", "hot.h5", "--set", "form=dual", "--set",
                     "activation=tanh", "--set", "n=[2]", "--set", "temperature_start=60",
                     "--set", "temperature_end=10", "--set", "ramp=20")
        self.run_dam("run", "parts.yaml", "--set", "from=hot.h5", "--set", "cutoff=0.5")
        nets = self.table("hot.h5", "K", "test_error", "temperature")
        parts = self.table("parts.h5", "K", "test_error", "temperature")
        self.assertEqual(sorted(parts), sorted(nets))
        self.assertEqual({temperature for *_, temperature in parts}, {60 - 50 * 14 / 20})

    def refused(self, words, *arguments):
        """One line that holds these words, and nothing is written."""
        before = self.snapshot()
        _, err = self.run_dam("run", "parts.yaml", "-o", "bad.h5", *arguments, code=2)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn(words, err)
        self.assertEqual(self.snapshot(), before)

    def test_the_source_says_what_was_trained(self):
        """A smaller K would leave memories out, another n would answer otherwise."""
        for given in "K=5", "n=30", "dataset=synthetic", "form=dual", "temperature=60":
            self.refused(f"from: nets.h5 says what {given.split('=')[0]} is", "--set", given)
        self.refused("temperature: missing", "--set", "selected=[{dataset: synthetic, form: dual, "
                     "activation: tanh, K: 12, source_row: 0, source_crc: 1}]")

    def test_replicas_are_at_most_the_sources(self):
        self.refused("replicas: 3, and row 0 of nets.h5 has 2 in /memories", "--set", "replicas=3",
                     "--set", "where=[n == 2, K == 12]")
        self.run_dam("run", "parts.yaml", "--set", "replicas=1", "--set", "cutoff=0.5")
        with h5py.File(self.path("parts.h5")) as file:
            self.assertEqual(file["contributing_memories"][()].sum(axis=1).tolist(), [500] * 4)

    def test_each_row_has_its_own_replicas(self):
        self.study(TRAINING.replace("K: [12, 20]", "K: 12").replace("replicas: 2", "") +
                   "grids: [{n: 2, replicas: 3}, {n: 3, replicas: 1}]\n", "uneven.yaml")
        self.run_dam("run", "uneven.yaml")
        out, _ = self.run_dam("run", "parts.yaml", "--set", "from=uneven.h5", "--set",
                              "cutoff=0.5", "--dry-run")
        self.assertIn("2 cells, 4 tasks", out)

    def test_a_source_of_the_kind_itself_has_no_replicas(self):
        self.run_dam("run", "parts.yaml", "--set", "cutoff=0.5")
        self.refused("/memories of parts.h5 has 2 dimensions behind the cell", "--set",
                     "from=parts.h5")

    def test_memory_does_not_grow_with_the_source(self):
        """One row, 1.2 GB of zeros, which take no disk, read with 0.9 GB of address space."""
        dam = pathlib.Path(self.dam_path)
        if b"__asan_init" in dam.read_bytes():
            self.skipTest("sanitizers need an address space of terabytes")
        self.run_dam("run", "nets.yaml", "--fresh", "--set", "K=12", "--set", "n=2")
        with h5py.File(self.path("nets.h5"), "r+") as file:
            about = dict(file["memories"].attrs)
            del file["memories"]
            create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            create.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple((1, 2, 2 * 10**6, 74))
            made = h5py.h5d.create(file.id, b"memories", h5py.h5t.IEEE_F32LE, space, create)
            h5py.Dataset(made).attrs.update(about, crc32c=numpy.uint32(0x22572922))
        small = self.path("small")
        small.write_text(f'#!/bin/sh\nulimit -v 900000\nexec "{dam}" "$@"\n')
        small.chmod(0o755)
        self.dam("verify", "nets.h5", program=small)
        out, _ = self.dam("run", "parts.yaml", "--dry-run", program=small)
        self.assertIn("2 cells, 4 tasks", out)

    def test_another_source_makes_other_cells(self):
        """Where it has not changed, nothing is done again."""
        self.run_dam("run", "parts.yaml")
        first = program.rows_of(self.path("parts.h5"))
        self.run_dam("run", "nets.yaml", "--set", "K=[12, 16, 20]")  # row 1 is now another
        self.run_dam("run", "parts.yaml", "--set", "where=n == 2")
        added = program.rows_of(self.path("parts.h5"))[len(first):]
        self.assertEqual(len(added), 2 * 2 * 2)  # K = 16, and 20, which is in another row
        self.run_dam("run", "parts.yaml", "--set", "where=n == 2", "-o", "fresh.h5")
        self.assert_same("parts.h5", "fresh.h5")

    def test_a_task_reads_what_was_chosen_or_fails(self):
        def failures(row, crc, replicas):
            rows = f"selected=[{{dataset: synthetic, K: 12, n: 2, source_row: {row}, " \
                   f"source_crc: {crc}, replicas: {replicas}}}]"
            self.run_dam("run", "parts.yaml", "--fresh", "--set", rows, "--set", "cutoff=0.5",
                         code=3 if replicas != 2 or crc == 1 or row > 3 else 0)
            with h5py.File(self.path("parts.h5")) as file:
                return [failure["message"].decode() for failure in file["failures"][()]]

        with h5py.File(self.path("nets.h5")) as file:
            crc = program.checksum(file["memories"][0].tobytes())
        self.assertEqual(failures(0, crc, 2), [])
        message, _ = failures(0, 1, 2)
        self.assertIn("row 0 is not what it was", message)
        message, = failures(0, crc, 3)
        self.assertIn("has no replica 2", message)
        message, _ = failures(4, crc, 2)
        self.assertIn("row 4: has fewer rows", message)


if __name__ == "__main__":
    program.main()
