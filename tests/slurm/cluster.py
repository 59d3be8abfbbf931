"""A real SLURM cluster of four nodes on this machine: munged, slurmctld and slurmd, in namespaces.

`enter` starts the calling script again in a network and process space of its own: the cluster can
use fixed ports, reaches nothing but its own loopback, and no process outlives the script, however
that ends. Each node has a host name, a process space and a /dev/shm to itself within it.
"""
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ADDRESS = "10.0.0.1"
NODES, CPUS = ("n1", "n2", "n3", "n4"), 4
LIMIT = 150  # seconds after which what does not happen is a failure

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "PREEMPTED", "NODE_FAIL")

SPACES = ["--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "mpirun", "unshare"]

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort=6817
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
TmpFS={folder}/tmp.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
MinJobAge=3600
KillWait=3
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=main Nodes=ALL Default=YES PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=60
"""


def enter():
    """Go on in new namespaces, or skip the test (77) where they or SLURM are not to be had."""
    if os.environ.pop("DAM_TEST_CLUSTER", None):
        bring_up_loopback()
        socket.sethostname("cluster")
        # The first process of a space does not die of it; this way folders are removed, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        return
    os.environ["PATH"] += os.pathsep + "/usr/sbin"  # where not every user looks for daemons
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        skip(f"no {', '.join(missing)} here (jobs/install-deps.sh --tests)")
    tried = subprocess.run(["unshare", *SPACES, "true"], stderr=subprocess.PIPE, text=True)
    if os.geteuid() != 0 or tried.returncode != 0:
        skip(f"needs root, and namespaces: {tried.stderr.strip()}")
    os.environ["DAM_TEST_CLUSTER"] = "entered"
    os.execvp("setpriv", ["setpriv", "--pdeathsig=KILL", "unshare", *SPACES, sys.executable,
                          *sys.argv])


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def bring_up_loopback():
    """By an address that does not look like one: without any other than 127.0.0.1 the C library
    takes the host to be offline and resolves no address, which is how SLURM reads its own
    configuration; and with two addresses Open MPI mixes them up."""
    set_address, set_flags, up_and_running = 0x8916, 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up_and_running))
        fcntl.ioctl(any_socket, set_address, struct.pack(
            "16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton(ADDRESS)))


def wait_until(condition, what, limit=LIMIT):
    """The first value of condition() that is true. It asks the controller, so not all the time.
    `what` is awaited: words, or a function that finds them where it was in vain."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what() if callable(what) else what}")
        time.sleep(0.05)


class Cluster:
    """Its state is in `folder`, whose name must be short: it holds sockets."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.daemons = {}
        self.configure()
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
        self.start_munge()
        self.start("slurmctld", "slurmctld", "-D", "-i")
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.idle() == len(NODES), "all nodes are idle")

    def configure(self):
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr={ADDRESS} "
            f"Port={6818 + number} CPUs={CPUS} RealMemory=4000"
            for number, node in enumerate(NODES))
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            folder=self.folder, host=socket.gethostname(), address=ADDRESS, nodes=nodes))
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")

    def start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.start("munged", "munged", "--foreground", "--force", "--num-threads=2",
                   f"--key-file={key}", f"--socket={self.folder}/munge.sock",
                   f"--pid-file={self.folder}/munged.pid",
                   f"--log-file={self.folder}/munged.log",
                   f"--seed-file={self.folder}/munged.seed")
        wait_until((self.folder / "munge.sock").exists, "munged answers")

    def start_node(self, node):
        for of_its_own in "spool", "tmp":
            (self.folder / f"{of_its_own}.{node}").mkdir(exist_ok=True)
        self.start(node, "unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child",
                   "--mount-proc", "sh", "-c",
                   f"hostname {node} && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && "
                   f"exec slurmd -D -N {node}")

    def start(self, name, *command):
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                                  stderr=out, start_new_session=True)

    def stop(self):
        for process in reversed(self.daemons.values()):
            process.kill()
            process.wait()

    # ---- what an administrator does ----

    def ask(self, *command):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def tell(self, *command):
        done = self.ask(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def idle(self):
        return sum(int(count) for count in
                   self.ask("sinfo", "-h", "-p", "main", "-t", "idle", "-o", "%D").stdout.split())

    def crash(self, node):
        """The node is gone from one moment to the next, and the controller is told at once."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        self.tell("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=crash")

    def repair(self, node):
        self.start_node(node)
        wait_until(lambda: "DOWN" not in self.node_state(node) or self.resume(node),
                   f"{node} is back")

    def resume(self, node):
        self.ask("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def node_state(self, node):
        return fields(self.tell("scontrol", "--oneliner", "show", "node", node))["State"]

    def job(self, job):
        """What the controller knows of a job: JobState, Restarts, ExitCode, NodeList, ..."""
        return fields(self.tell("scontrol", "--oneliner", "show", "job", job))

    def processes(self, job):
        """Ids and command lines of all that runs for a job, and of what watches over it."""
        found, mark = {}, f"SLURM_JOB_ID={job}".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                mine = mark in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine or command.startswith(f"slurmstepd: [{job}.".encode()):
                found[int(entry.name)] = command.split(b"\0")
        return found

    def start_soon(self, job):
        """Spare a job that is back in the queue the two minutes that SLURM has it wait. It must not
        begin within the second in which it was stopped, since nodes take a permit so old for
        revoked, nor while something of its last run is about."""
        wait_until(lambda: not self.processes(job), f"job {job} is gone from its nodes")
        self.tell("scontrol", "update", f"JobId={job}", "StartTime=now+2")


def fields(line):
    return dict(word.split("=", 1) for word in line.split() if "=" in word)
