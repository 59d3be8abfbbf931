"""What the tests of the running program share: a folder each, starting and killing runs, waiting
for a condition, and reading journals.

A test script is given the programs' paths: dam, dam_test, dam_test_next; more arguments are
unittest's own.
"""
import collections
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import compare
import h5py

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 240  # seconds after which a run that does not end is a failure


def environment(folder):
    """jobs/mpi-env.sh's settings, and Open MPI's scratch files in the test's folder."""
    shell = subprocess.run(["bash", "-c", ". jobs/mpi-env.sh && env -0"], cwd=ROOT, check=True,
                           stdout=subprocess.PIPE)
    settings = dict(entry.split("=", 1) for entry in os.fsdecode(shell.stdout).split("\0") if entry)
    settings.update(TMPDIR=folder, OMPI_MCA_btl_vader_backing_directory=folder)
    # Meson asks malloc to fill what it gives: the 32 MB that Open MPI takes for each write of a
    # dataset would be most of a test's time.
    settings.pop("MALLOC_PERTURB_", None)
    # LeakSanitizer's tracer crashes now and then on the threads that Open MPI leaves at exit; leaks
    # are the unit suite's matter.
    settings["ASAN_OPTIONS"] = ":".join(filter(None, [settings.get("ASAN_OPTIONS"),
                                                      "detect_leaks=0"]))
    return settings


# ---- processes ----

def parents():
    """Process id -> (parent's id, state) of all processes."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        found[int(entry)] = int(parent), state
    return found


def family(root):
    """A process and all that descend from it."""
    table = parents()
    members = [root]
    for member in members:
        members += [pid for pid, (parent, _) in table.items() if parent == member]
    return members


def is_gone(pid):
    return parents().get(pid, (0, "Z"))[1] in "ZX"


class Run:
    """A started program: mpirun and its ranks, or the program alone."""

    def __init__(self, command, folder, settings):
        self.process = subprocess.Popen(command, cwd=folder, env=settings, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)

    def send(self, number):
        self.process.send_signal(number)

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        """SIGKILL to mpirun and every rank at one moment, as a power switch would: who is stopped
        first does not see the others die."""
        members = family(self.process.pid)
        for number in signal.SIGSTOP, signal.SIGKILL:
            for pid in reversed(members):  # who is orphaned is sent SIGHUP, and goes on
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        self.wait()
        wait_until(lambda: all(is_gone(pid) for pid in members), "killed processes are gone")

    def wait(self):
        """(exit code, stdout, stderr)"""
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err


def wait_until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.001)


# ---- journals ----

Row = collections.namedtuple("Row", "cell round replica begin end plan status")
MARK, HEADER, FRAME, MARKER = 72, 208, 80, b"dRow"


def rows_in(file):
    """Whole rows of a journal file, as its first lines (src/run/journal.h) say it is written."""
    data = file.read_bytes()
    at, rows = HEADER, []
    while at + FRAME <= len(data) and data[at:at + 4] == MARKER:
        size, = struct.unpack_from("<I", data, at + 4)
        low, high, number, replica, begin, end, plan, status = struct.unpack_from(
            "<QQIIQQQI", data, at + 16)
        at += FRAME + size
        if at <= len(data):
            rows.append(Row((high, low), number, replica, begin, end, plan, status))
    return rows


def journals(output):
    return sorted(pathlib.Path(f"{output}.journal").glob("rows-*"))


def rows_of(output):
    return [row for file in journals(output) for row in rows_in(file)]


def journal_size(output):
    return sum(file.stat().st_size for file in journals(output))


def states_of(output):
    """Names of the state blobs: state-CELL-ROUND-REPLICA."""
    return sorted(file.name for file in pathlib.Path(f"{output}.journal").glob("state-*"))


def checksum(data, before=0):
    """CRC-32C of data that follows bytes whose checksum is `before`."""
    crc = before ^ 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


# ---- a test ----

class Case(unittest.TestCase):
    dam_path = dam_test_path = dam_test_next_path = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="dam-mpi-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.settings = environment(scratch.name)
        self.running = []
        self.addCleanup(self.stop_all)

    def stop_all(self):
        for run in self.running:
            if not run.ended():
                run.kill()

    def path(self, name):
        return self.folder / name

    def study(self, text, name="study.yaml"):
        """Write a study file; the program takes its name."""
        self.path(name).write_text(text)
        return name

    def start(self, *arguments, ranks=0, program=None):
        """Start the program, by itself (ranks = 0) or by mpirun."""
        launcher = ["mpirun", "-n", str(ranks)] if ranks else []
        run = Run([*launcher, program or self.dam_test_path, *map(str, arguments)], self.folder,
                  self.settings)
        self.running.append(run)
        return run

    def dam(self, *arguments, ranks=0, code=0, **options):
        """Run the program to its end, which must come with this exit code: (stdout, stderr)."""
        got, out, err = self.start(*arguments, ranks=ranks, **options).wait()
        self.assertEqual(got, code, f"{arguments} on {ranks} ranks\n{out}\n{err}")
        return out, err

    def assert_same(self, one, other):
        self.assertEqual(compare.differences(self.path(one), self.path(other)), [])

    def assert_nothing_done_twice(self, output):
        """No two rows hold the same start of the same replica and round of a cell."""
        seen = {}
        for row in rows_of(self.path(output)):
            seen.setdefault((row.cell, row.round, row.replica), []).append((row.begin, row.end))
        for task, ranges in seen.items():
            ranges.sort()
            for before, after in zip(ranges, ranges[1:]):
                self.assertLessEqual(before[1], after[0], f"{task}: {ranges}")

    def assert_last_states_alone(self, output, chains):
        """Of each chain of the kind relay, the state of the last of its three rounds is kept."""
        names = states_of(self.path(output))
        self.assertEqual(len(names), chains)
        self.assertEqual({name.split("-")[2] for name in names}, {"2"}, names)

    def table(self, output, *columns):
        """Columns of /results, as a list of tuples; choices as text."""
        with h5py.File(self.path(output), "r") as file:
            rows = file["results"][()]
        return [tuple(row[c].decode() if isinstance(row[c], bytes) else row[c].item()
                      for c in columns) for row in rows]

    def snapshot(self):
        """Everything in the folder but locks, which name the last who asked: path -> content."""
        return {str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
                for path in sorted(self.folder.rglob("*"))
                if path.name != "lock" and not path.relative_to(self.folder).parts[0].startswith(
                    ("ompi.", "pmix", "vader_segment"))}


def main():
    Case.dam_path, Case.dam_test_path, Case.dam_test_next_path = map(os.path.abspath, sys.argv[1:4])
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
