#!/usr/bin/python3
"""links.py DAM DAM_TEST DAM_TEST_NEXT: in a folder that others can write to, nothing they plant is
followed or filled; and what a run leaves has the modes that the user's umask says."""
import os
import pathlib
import stat
import subprocess
import unittest

import program

SPIN = "kind: spin\nspot: [1, 2, 3]\nreplicas: 4\nmilliseconds: 1\n"
RELAY = "kind: relay\nspot: [1, 2]\nreplicas: 2\n"
PRECIOUS = b"not to be touched\n"


class Modes(program.Case):
    def assert_umask(self, mask):
        relay = self.study(RELAY)
        self.dam("-c", f'umask {mask:o}; exec "$@"', "sh", self.dam_test_path, "run", relay,
                 "-o", "out.h5", ranks=2, program="sh")
        folder = self.path("out.h5.journal")
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o777 & ~mask)
        files = [self.path("out.h5"), *folder.iterdir()]
        kinds = {file.name.split("-")[0] for file in files}
        self.assertEqual(kinds, {"out.h5", "rows", "state", "status", "lock"})
        for file in files:
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o666 & ~mask, file.name)

    def test_private(self):
        self.assert_umask(0o077)

    def test_shared_with_the_group(self):
        self.assert_umask(0o002)


class Planted(program.Case):
    def setUp(self):
        super().setUp()
        self.study(SPIN)
        self.dam("run", "study.yaml", "-o", "whole.h5")
        self.path("precious").write_bytes(PRECIOUS)
        self.journal = self.path("out.h5.journal")
        self.journal.mkdir()

    def assert_untouched(self):
        self.assertEqual(self.path("precious").read_bytes(), PRECIOUS)
        self.assertFalse(self.path("missing").exists())

    def plant(self, name, target):
        (self.journal / name).symlink_to(target)

    def test_links_within_the_folder_are_replaced(self):
        """Whether they lead to a file or to none."""
        for target in "../precious", "../missing":
            for name in ("status", "status.new", "publish.h5", "publish.h5.locktest.0",
                         "publish.h5.locktest.1", "stop"):
                self.plant(name, target)
            self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
            self.assert_untouched()
            self.assert_same("whole.h5", "out.h5")
            self.assertFalse((self.journal / "status").is_symlink())
            self.dam("run", "study.yaml", "-o", "out.h5", "--fresh")
            for left in self.journal.iterdir():
                if left.name != "lock":
                    left.unlink()
            self.path("out.h5").unlink()

    def test_the_lock(self):
        for target in "../precious", "../missing":
            self.plant("lock", target)
            _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=2, code=2)
            self.assertIn("dam: out.h5.journal/lock: cannot open", err)
            self.assert_untouched()
            (self.journal / "lock").unlink()

    def test_the_folder(self):
        self.journal.rmdir()
        self.path("elsewhere").mkdir()
        for target in "elsewhere", "missing":
            self.journal.symlink_to(target)
            _, err = self.dam("run", "study.yaml", "-o", "out.h5", ranks=2, code=2)
            self.assertIn("dam: out.h5.journal: cannot make the journal folder", err)
            self.assertEqual(list(self.path("elsewhere").iterdir()), [])
            self.assert_untouched()
            self.journal.unlink()

    def test_a_pipe_keeps_nobody_waiting(self):
        os.mkfifo(self.journal / "status")
        self.dam("status", "out.h5", code=1)
        self.dam("run", "study.yaml", "-o", "out.h5", ranks=2)
        self.assert_same("whole.h5", "out.h5")


@unittest.skipUnless(os.geteuid() == 0, "only root can be two users")
class Others(program.Case):
    """A user, and another's links, in a folder that both can write to."""
    ME, OTHER = 4001, 4002

    def setUp(self):
        super().setUp()
        self.study(SPIN)
        self.folder.chmod(0o1777)
        self.path("mine").mkdir()
        os.chown(self.path("mine"), self.ME, self.ME)

    def run_as_me(self, *arguments):
        # Where the program itself lies, only root may be able to look.
        copy = self.path("dam_test")
        if not copy.exists():
            copy.write_bytes(pathlib.Path(self.dam_test_path).read_bytes())
            copy.chmod(0o755)
        return subprocess.run([copy, *arguments], cwd=self.folder, user=self.ME, group=self.ME,
                              extra_groups=[], env=self.settings, capture_output=True, text=True,
                              timeout=program.LIMIT, check=False)

    def test_whose_link_it_is(self):
        link = self.path("link.h5")
        self.run_as_me("run", "study.yaml", "-o", "mine/out.h5")
        before = self.path("mine/out.h5").read_bytes()
        for owner, code in (self.OTHER, 2), (self.ME, 0), (0, 0):
            link.symlink_to("mine/out.h5")
            os.chown(link, owner, owner, follow_symlinks=False)
            done = self.run_as_me("run", "study.yaml", "-o", "link.h5")
            self.assertEqual(done.returncode, code, done.stderr)
            if code != 0:
                self.assertIn("dam: link.h5: is a link of another user (id 4002)", done.stderr)
                self.assertEqual(self.path("mine/out.h5").read_bytes(), before)
            self.assertTrue(link.is_symlink())
            link.unlink()


program.main()
