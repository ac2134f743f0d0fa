/*
 * Reports: one self-contained HTML page about one run or several, made from the files that runs
 * leave, with nothing loaded from elsewhere.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_H
#define EXPERIMENTS_REPORT_REPORT_H

#include "sde/status.h"

#include <stddef.h>

/* Write FOLDER/NAME about the runs in these directories, whole or not at all. SDE_INVALID where one
 * holds no run, or broken files; SDE_FAILED where the page cannot be written. A picture that is
 * missing or is not gnuplot's is said in the page. */
bool report_write(size_t runs, const char *const *directory, const char *folder, const char *name,
                  struct sde_status *status);

#endif
