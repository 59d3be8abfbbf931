/* An open result file as the HDF5 library knows it, for those who read from it. */
#ifndef DAM_RUN_RESULT_HANDLE_H
#define DAM_RUN_RESULT_HANDLE_H

#include <hdf5.h>

struct dam_result_handle {
    hid_t file;
    H5E_auto2_t report; /* how errors were reported before the file was opened */
    void *report_context;
};

#endif
