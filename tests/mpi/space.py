#!/usr/bin/python3
"""space.py DAM DAM_TEST DAM_TEST_NEXT: a disk that fills up costs nothing that was finished, and no
rank waits for ever. Needs a small file system of its own, so root."""
import os
import subprocess
import unittest

import program

# 20 cells of 10 records of about 4 kB: 840 kB of journal, 180 kB of result.
STUDY = "kind: capacity\nK: 5\nN: {from: 1000, to: 1019, step: 1}\nstarts: 1\nmax_sweeps: 1\n"


@unittest.skipUnless(os.geteuid() == 0, "only root can make a small file system")
class Space(program.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY + "replicas: 10\n")
        self.dam("run", "study.yaml", "-o", "whole.h5", ranks=2)
        self.path("small").mkdir()

    def mount(self, size):
        """The test is skipped where even root may not mount."""
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs",
                               self.path("small")], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(made.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.path("small")], check=True)

    def grow(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.path("small")], check=True)

    def assert_survives(self, size, text):
        self.mount(size)
        for ranks in 3, 2:
            _, err = self.dam("run", "study.yaml", "-o", "small/out.h5", ranks=ranks, code=1)
            self.assertIn("dam: small/out.h5.journal/", err)
            self.assertIn(text, err)
            self.assertFalse(self.path("small/out.h5").exists())
        done = len(program.rows_of(self.path("small/out.h5")))
        self.assertGreater(done, 0)
        self.grow("4m")
        self.dam("run", "study.yaml", "-o", "small/out.h5", ranks=2)
        self.assert_same("small/out.h5", "whole.h5")
        self.assertEqual(len(program.rows_of(self.path("small/out.h5"))), 200)

    def test_full_while_publishing(self):
        self.assert_survives("1000k", "no room for a result file")

    def test_full_while_journalling(self):
        self.assert_survives("600k", "No space left on device")


program.main()
