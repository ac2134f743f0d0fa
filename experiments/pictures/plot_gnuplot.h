/*
 * gnuplot as a child process: the scripts of plots/ are found, run, and what they complain of is
 * told in one sentence.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_GNUPLOT_H
#define EXPERIMENTS_PICTURES_PLOT_GNUPLOT_H

#include "sde/status.h"

/* The absolute path of a script, looked for as plot.h says; released with sde_free. NULL, and
 * SDE_FAILED, where it is nowhere. */
char *plot_find_script(const char *name, struct sde_status *status);

/* Run gnuplot, found on PATH, in `folder` with these arguments, which end with NULL; the first is
 * its name. SDE_FAILED, with the last of what gnuplot said, where it cannot be started or fails. */
bool plot_run_gnuplot(const char *folder, char *const arguments[], struct sde_status *status);

#endif
