#include "run/environment.h"
#include <stdlib.h>

enum dam_status dam_environment_prepare(struct dam_error *error) {
    static const char *const settings[][2] = {
        /* OMPIO before Open MPI 4.1.7 silently corrupts interleaved collective writes unless it
         * locks whole files. */
        {"OMPI_MCA_fs_ufs_lock_algorithm", "3"},
        /* For shared file pointers, that nobody uses, Open MPI would take a semaphore by the file's
         * last name, which a rank that is killed leaves taken: the next run on the machine would
         * wait for it for ever. Or it would try locks on FILE.locktest.RANK, following what link
         * there may be. */
        {"OMPI_MCA_sharedfp", "individual"},
    };
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++)
        if (setenv(settings[s][0], settings[s][1], 0) != 0)
            return dam_fail(error, DAM_MEMORY, "cannot set %s", settings[s][0]);
    return DAM_OK;
}
