/* Settings of the libraries below, which they read from the environment as MPI starts. */
#ifndef DAM_RUN_ENVIRONMENT_H
#define DAM_RUN_ENVIRONMENT_H

#include <dam/error.h>

/* To be called before MPI starts. What the user has set stays. */
enum dam_status dam_environment_prepare(struct dam_error *error) DAM_CHECKED;

#endif
