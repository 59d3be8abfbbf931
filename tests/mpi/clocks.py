#!/usr/bin/python3
"""clocks.py DAM DAM_TEST DAM_TEST_NEXT: calendar time that jumps, or is earlier at the next start,
shows in no result and costs no row."""
import preload
import program

STUDY = "kind: spin\nspot: {from: 1, to: 20, step: 1}\nreplicas: 3\nmilliseconds: 2\n"
DAY = 86400


class Clocks(preload.Case):
    def setUp(self):
        super().setUp()
        self.study(STUDY)
        self.dam("run", "study.yaml", "-o", "whole.h5")

    def resume(self, replicas, **options):
        """Do some more: what was there stays, in journals of its own."""
        before = {file: file.read_bytes() for file in program.journals(self.path("out.h5"))}
        self.dam("run", "study.yaml", "-o", "out.h5", "--set", f"replicas={replicas}", **options)
        after = program.journals(self.path("out.h5"))
        for file, data in before.items():
            self.assertEqual(file.read_bytes(), data)
        self.assertGreater(len(after), len(before))

    def assert_whole(self):
        self.dam("run", "study.yaml", "-o", "out.h5")  # the same text, and nothing to do
        self.assert_same("whole.h5", "out.h5")
        self.assert_nothing_done_twice("out.h5")
        self.dam("verify", "out.h5")
        self.dam("status", "out.h5")

    def test_jumps_back_and_forth_by_days(self):
        for replicas, offset, swing in (1, 0, 3 * DAY), (2, 0, -3 * DAY), (3, -DAY, 2 * DAY):
            self.resume(replicas, ranks=2, clock=f"{offset}:{swing}")
        self.assert_whole()

    def test_an_earlier_clock_at_each_start(self):
        for replicas in 1, 2, 3:
            self.resume(replicas, ranks=3, clock=f"{-400 * DAY * replicas}:0")
        self.assert_whole()

    def test_a_time_limit_is_not_calendar_time(self):
        self.dam("run", "study.yaml", "-o", "out.h5", "--time-limit", "1d", ranks=2,
                 clock=f"0:{30 * DAY}")
        self.assert_whole()


program.main()
