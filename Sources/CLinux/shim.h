#ifndef DAYBOOK_CLINUX_SHIM_H
#define DAYBOOK_CLINUX_SHIM_H

#include <sys/prctl.h>

// prctl takes a variable number of arguments, which Swift cannot pass.
static inline int clinux_set_dumpable(int is_dumpable) {
    return prctl(PR_SET_DUMPABLE, is_dumpable, 0, 0, 0);
}

#endif
