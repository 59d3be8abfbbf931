"""Programs whose system calls fail as on a bad disk: tests/faults/faults.c says how to ask."""
import pathlib
import unittest

import program


def library():
    """Where the build put it; sanitizer builds have none."""
    build = pathlib.Path(program.Case.dam_path).parents[1]
    return build / "tests" / "faults" / "libdam_faults.so"


class Case(program.Case):
    def setUp(self):
        if not library().exists():
            raise unittest.SkipTest("faults are injected in release builds alone")
        super().setUp()

    def start(self, *arguments, fault=None, clock=None, **options):
        """program.Case.start, with a DAM_FAULT or a DAM_CLOCK; so dam() takes them too."""
        before = self.settings
        if fault is not None:
            self.settings = dict(self.settings, LD_PRELOAD=str(library()), DAM_FAULT=fault)
        if clock is not None:
            self.settings = dict(self.settings, LD_PRELOAD=str(library()), DAM_CLOCK=clock)
        try:
            return super().start(*arguments, **options)
        finally:
            self.settings = before

    def assert_one_line(self, err, *texts):
        """The program says one thing, which holds these texts; Open MPI may say more."""
        lines = [line for line in err.splitlines() if line.startswith("dam: ")]
        self.assertEqual(len(lines), 1, err)
        for text in texts:
            self.assertIn(text, lines[0])
