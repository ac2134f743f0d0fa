/*
 * The tables of a picture, placed where gnuplot works: a link to each table of the run, or, where
 * its rows name an update rule, a copy whose optimizers carry that rule in their names. A script
 * thus finds each column at the same place in every run.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_TABLES_H
#define EXPERIMENTS_PICTURES_PLOT_TABLES_H

#include "sde/status.h"

#include <stdbool.h>

/* Place the tables `names`, parted by spaces, of the run in `directory` into `folder`, which is one
 * of its own; those that the run has not are left out. SDE_FAILED where one cannot be placed. */
bool plot_tables_place(const char *directory, const char *folder, const char *names,
                       struct sde_status *status);

/* Remove them. */
void plot_tables_remove(const char *folder, const char *names);

#endif
