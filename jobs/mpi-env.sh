# shellcheck shell=bash
# Sourced: settings of Open MPI for a laptop, a container or CI, where ranks may outnumber
# the cores. On a cluster the launcher places the ranks; source nothing there.

# mpirun refuses to run as root, the usual user of a container, unless told twice.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Allow more ranks than cores, and bind none of them: two bound ranks would share one core.
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none

# A rank that waits gives its core away; spinning made oversubscribed ranks ten times slower.
export OMPI_MCA_mpi_yield_when_idle=1
