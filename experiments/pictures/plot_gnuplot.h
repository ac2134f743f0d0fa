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
 * its name. SDE_FAILED, with the last of what gnuplot said, where it cannot be started, fails or
 * takes longer than plot.h says. It ends with the process that runs it, whatever ends that, and its
 * own child processes end with it. What the user has set for an interactive gnuplot, GNUTERM, does
 * not count. */
bool plot_run_gnuplot(const char *folder, char *const arguments[], struct sde_status *status);

#endif
