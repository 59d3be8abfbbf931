/* The only file that knows the world: all others are handed a communicator. */
#include "cli/program.h"
#include "run/blas.h"
#include "run/environment.h"
#include "run/stop.h"
#include <limits.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

static enum dam_status with_world(dam_parallel_body *body, void *context, struct dam_error *error) {
    enum dam_status status = dam_environment_prepare(error);
    if (status != DAM_OK)
        return status;
    int provided;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return dam_fail(error, DAM_PARALLEL, "MPI could not be started");
    if (provided < MPI_THREAD_FUNNELED)
        status = dam_fail(error, DAM_PARALLEL, "this MPI does not support threads (FUNNELED)");
    else
        status = body(MPI_COMM_WORLD, context, error);
    dam_stop_ignore();
    /* All is said before MPI ends: a launcher kills the other ranks as soon as one of them has
     * exited with a code that is not 0. dam_main sees the state of stdout. */
    bool spoke = status != DAM_OK && error->text[0] != '\0';
    if (spoke)
        dam_program_complain(error);
    error->text[0] = '\0';
    fflush(stdout);
    /* The ranks may no longer agree, and MPI_Finalize would wait for those that are lost. */
    if (status == DAM_PARALLEL) {
        if (!spoke) /* let those speak who have something to say */
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        MPI_Abort(MPI_COMM_WORLD, dam_exit_code(status));
    }
    if (MPI_Finalize() != MPI_SUCCESS && status == DAM_OK)
        status = dam_fail(error, DAM_PARALLEL, "MPI could not be ended cleanly");
    return status;
}

/* OpenBLAS has been loaded by now, and reads its settings only then: begin again with those that it
 * should have. Where that fails, they are what they were: runs that depend on them compare. */
static void load_with_settings(char **argv) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0 || !dam_blas_prepare())
        return;
    path[length] = '\0'; /* by its own name, which ps and top show */
    execv(path, argv);
}

int main(int argc, char **argv) {
    load_with_settings(argv);
    return dam_main(argc, argv, &dam_kinds, with_world);
}
