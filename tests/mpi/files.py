#!/usr/bin/python3
"""files.py DAM DAM_TEST DAM_TEST_NEXT: calls that fail or do half cost no row that was written and
no result; the program says in one line what failed where, and the next start goes on."""
import errno
import os
import random
import struct

import h5py
import preload
import program

STUDY = "kind: spin\nspot: {from: 1, to: 20, step: 1}\nreplicas: 3\nmilliseconds: 1\n"
ROWS = 60


class Failing(preload.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "whole.h5")

    def finish(self, output, rows, ranks=2):
        """The next start keeps the rows, does what is missing, and publishes."""
        self.dam("run", "study.yaml", "-o", output, ranks=ranks)
        self.assert_same("whole.h5", output)
        self.assert_nothing_done_twice(output)
        left = set(program.rows_of(self.path(output)))
        self.assertEqual(set(rows) - left, set())
        self.assertEqual(len(left), ROWS)

    def test_journalling(self):
        """Whichever rank it hits: the call, the file, the number of the first call that fails."""
        cases = [("pwrite:rows-:9", errno.EIO, 1), ("pwrite:rows-:1", errno.EDQUOT, 0),
                 ("pwrite:rows-:8", errno.ENOSPC, 2), ("fdatasync:rows-:1", errno.EIO, 0),
                 ("open:rows-:1", errno.EMFILE, 1), ("open:rows-:1", errno.EROFS, 2)]
        for number, (call, code, rank) in enumerate(cases):
            output = f"out{number}.h5"
            with self.subTest(call=call, code=errno.errorcode[code]):
                _, err = self.dam("run", "study.yaml", "-o", output, ranks=3, code=1,
                                  fault=f"{call}:{code}:{rank}")
                self.assert_one_line(err, f"{output}.journal/rows-", os.strerror(code))
                self.assertFalse(self.path(output).exists())
                self.finish(output, program.rows_of(self.path(output)))

    def test_short_writes(self):
        """What a call left undone is done by the next; where Open MPI forgets it, while publishing,
        reading back tells."""
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2, fault="pwrite,write:rows-:1:short")
        self.assert_same("whole.h5", "out.h5")
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), ROWS)
        _, err = self.dam("run", "study.yaml", "-o", "new.h5", ranks=2, code=1,
                          fault="pwrite,pwritev,write:publish.h5:1:short")
        self.assert_one_line(err, "is not on disk as it was written")
        self.assertFalse(self.path("new.h5").exists())
        self.finish("new.h5", program.rows_of(self.path("new.h5")))

    def test_a_status_file_that_cannot_be_written(self):
        """The run goes on without it."""
        _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=2,
                          fault=f"rename:journal/status:1:{errno.EROFS}")
        self.assertIn("`dam status` will not know", err)
        self.assert_same("whole.h5", "out.h5")
        self.finish("out.h5", program.rows_of(self.path("out.h5")))

    def test_publishing(self):
        """Nothing of the old result is lost, and no rank waits for another."""
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", "replicas=2")
        old = self.path("out.h5").read_bytes()
        self.settings["OMPI_MCA_io_ompio_num_aggregators"] = "3"  # all ranks write
        writes = "pwrite,pwritev,write:publish.h5"
        cases = [(f"{writes}:{k}:{errno.EIO}:0", "publish.h5") for k in (1, 4)]
        cases += [(f"{writes}:1:{code}:{rank}", "publish.h5")
                  for code, rank in ((errno.EIO, 1), (errno.ENOSPC, 2), (errno.EDQUOT, 2))]
        cases += [(f"open:publish.h5:1:{errno.EMFILE}:1", os.strerror(errno.EMFILE))]
        cases += [(f"fsync:publish.h5:1:{errno.EIO}:1", "cannot bring it to disk"),
                  (f"posix_fallocate:publish.h5:1:{errno.EIO}:0", os.strerror(errno.EIO))]
        cases.append((f"rename:out.h5$:1:{errno.EIO}:0", os.strerror(errno.EIO)))
        rows = None
        for fault, text in cases:
            with self.subTest(fault=fault):
                _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=3, code=1, fault=fault)
                self.assert_one_line(err, text)
                self.assertEqual(self.path("out.h5").read_bytes(), old)
                rows = rows or program.rows_of(self.path("out.h5"))
                self.assertEqual(program.rows_of(self.path("out.h5")), rows)
        self.finish("out.h5", rows)
        self.assertFalse((self.path("out.h5.journal") / "publish.h5").exists())


def split(journal, into):
    """A journal for each of its rows: later names, the same header. A frame knows its place."""
    data, at, made = journal.read_bytes(), program.HEADER, 0
    seed = program.checksum(struct.pack("<Q", program.HEADER), struct.unpack_from("<I", data, 20)[0])
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 4)
        end = at + program.FRAME + size
        moved = program.checksum(data[at + 4:at + 8] + data[at + 16:end], seed)
        frame = data[at:at + 8] + struct.pack("<I", moved) + data[at + 12:end]
        (into / f"rows-{made + 1:020}-000000").write_bytes(data[:program.HEADER] + frame)
        at, made = end, made + 1
    journal.unlink()
    return made


class Journals(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "whole.h5")
        self.dam("run", "study.yaml", "-o", "out.h5")
        self.journal, = program.journals(self.path("out.h5"))

    def test_more_journals_than_files_may_be_open(self):
        self.dam("run", "study.yaml", "-o", "whole.h5", "--set", "replicas=30")
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", "replicas=30", "--fresh")
        folder = self.path("out.h5.journal")
        journal, = program.journals(self.path("out.h5"))
        self.assertEqual(split(journal, folder), 600)
        for ranks, limit in (0, 40), (2, 64):
            self.path("out.h5").unlink()
            self.dam("-c", f'ulimit -n {limit}; exec "$@"', "sh", self.dam_test_path, "run",
                     "study.yaml", "-o", "out.h5", "--set", "replicas=30", ranks=ranks,
                     program="sh")
            self.assert_same("whole.h5", "out.h5")
        self.assertEqual(len(program.rows_of(self.path("out.h5"))), 600)

    def assert_costs_one_row(self, data):
        """A journal with these bytes is noticed, its row done again, the rest kept."""
        for journal in program.journals(self.path("out.h5")):
            journal.unlink()
        self.journal.write_bytes(data)
        _, err = self.dam("run", "study.yaml", "-o", "out.h5")
        self.assertIn("belong to no whole row; what they held is done again", err)
        self.assert_same("whole.h5", "out.h5")
        again = [journal for journal in program.journals(self.path("out.h5"))
                 if journal != self.journal]
        self.assertEqual([len(program.rows_in(journal)) for journal in again], [1])

    def test_torn_or_flipped_anywhere(self):
        """Every byte and bit is the unit tests' matter: here the whole program, at some of them."""
        data = self.journal.read_bytes()
        size = program.FRAME + 16  # of each row
        pick = random.Random(7)
        for cut in sorted(pick.sample(range(1, size), 4)):
            with self.subTest(cut=cut):
                self.assert_costs_one_row(data[:-cut])
        for at in sorted(pick.sample(range(program.HEADER, len(data)), 4)):
            with self.subTest(flipped=at):
                flipped = bytes([data[at] ^ 1 << at % 8])
                self.assert_costs_one_row(data[:at] + flipped + data[at + 1:])


class Results(program.Case):
    def test_verify_finds_damage_in_every_dataset(self):
        self.study("kind: fail\nspot: [1, 2, 3]\nreplicas: 2\nfail_from: 3\n")
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2, code=3)
        self.dam("verify", "out.h5")
        whole = self.path("out.h5").read_bytes()
        places = {}
        with h5py.File(self.path("out.h5"), "r") as file:
            file.visititems(lambda path, thing: places.__setitem__(path, (
                thing.id.get_offset(), thing.id.get_storage_size()))
                if isinstance(thing, h5py.Dataset) and thing.id.get_storage_size() > 0 else None)
        self.assertGreater(len(places), 10)
        for path, (offset, size) in places.items():
            for at in offset, offset + size - 1:
                data = bytearray(whole)
                data[at] ^= 4
                self.path("out.h5").write_bytes(data)
                out, err = self.dam("verify", "out.h5", code=1)
                self.assertIn(path, out + err)


program.main()
