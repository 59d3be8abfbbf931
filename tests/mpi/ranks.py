#!/usr/bin/python3
"""ranks.py DAM DAM_TEST DAM_TEST_NEXT: many more ranks than cores and tasks, nothing left to do,
several CPU kernels in one run: the bytes are the same."""
import kill
import program


class Ranks(program.Case):
    def test_many_more_than_cores_and_tasks(self):
        study = self.study("kind: spin\nspot: {from: 1, to: 20, step: 1}\nreplicas: 2\n")
        self.dam("run", study, "-o", "whole.h5")
        self.dam("run", study, "-o", "out.h5", ranks=64)
        self.assert_same("whole.h5", "out.h5")
        self.assert_nothing_done_twice("out.h5")

    def test_nothing_left_to_do(self):
        study = self.study("kind: spin\nspot: [1, 2, 3]\nreplicas: 3\n")
        self.dam("run", study, "-o", "whole.h5")
        self.dam("run", study, "-o", "out.h5", ranks=2)
        journals = {file: file.read_bytes() for file in program.journals(self.path("out.h5"))}
        for ranks in 3, 1, 0:
            self.dam("run", study, "-o", "out.h5", ranks=ranks)
            self.assert_same("whole.h5", "out.h5")
        self.assertEqual(journals, {file: file.read_bytes()
                                    for file in program.journals(self.path("out.h5"))})

    def test_kernels_of_two_cpus_in_one_run(self):
        out, _ = self.dam("--version", program=self.dam_path)
        kernels = out.split("this CPU runs ")[1].strip().split(", ")
        study = self.study(kill.CAPACITY)
        self.dam("run", study, "-o", "whole.h5", program=self.dam_path)
        part = [self.dam_path, "run", study, "-o", "out.h5"]
        self.dam(*part[1:], ":", "-n", "2", "-x", f"DAM_CPU={kernels[-1]}", *part, ranks=1,
                 program=self.with_kernel(kernels[0]))
        self.assert_same("whole.h5", "out.h5")

    def with_kernel(self, name):
        """A program that runs dam with this kernel."""
        script = self.path("dam-with-kernel")
        script.write_text(f'#!/bin/sh\nDAM_CPU={name} exec "{self.dam_path}" "$@"\n')
        script.chmod(0o755)
        return script


program.main()
