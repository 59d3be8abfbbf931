#!/usr/bin/python3
"""aggregators.py AGGREGATORS: 200 files written by 4 ranks, every one of which also gathers what others
write, are as they should be. Open MPI's OMPIO before 4.1.7 damages such files unless told to lock."""
import os
import pathlib
import subprocess
import sys
import tempfile

import program

FILES = 200

with tempfile.TemporaryDirectory(prefix="dam-mpi-") as folder:
    settings = program.environment(folder)
    settings["OMPI_MCA_io_ompio_num_aggregators"] = "4"
    command = ["mpirun", "-n", "4", os.path.abspath(sys.argv[1]), "file.h5", str(FILES)]
    done = subprocess.run(command, cwd=folder, env=settings, timeout=program.LIMIT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    left = sorted(path.name for path in pathlib.Path(folder).glob("file*"))
if done.returncode != 0 or done.stdout != f"{FILES} files\n" or left != ["file.h5"]:
    sys.exit(f"exit code {done.returncode}, {left}\n{done.stdout}{done.stderr}")
