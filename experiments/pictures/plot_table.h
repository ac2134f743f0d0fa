/*
 * series.csv as pictures need it: its rows by picture, panel and curve, with bands around means.
 */
#ifndef EXPERIMENTS_PICTURES_PLOT_TABLE_H
#define EXPERIMENTS_PICTURES_PLOT_TABLE_H

#include "experiments/pictures/plot_names.h"
#include "sde/status.h"

struct plot_row {
  size_t picture, panel;        /* indices of the table's settings and observables */
  size_t process, variant;      /* 0 for the iterates, 1 + k for the SDE of index k; of variants */
  double time, low, mean, high; /* mean is NaN where there is none to draw */
  double diverged;
};

/* Starts as {0}. A setting is what all curves of a picture share (learning rate, radius, batch,
 * paths), a variant an optimizer with its micro-batch, both as people read them. */
struct plot_table {
  size_t count;
  struct plot_row *rows; /* by picture, panel, process, variant, time */
  struct plot_names settings, observables, variants;
  size_t processes; /* 1 + the greatest process */
  bool updates;     /* the table has columns of update rules */
};

/* Read the table of this path (columns as plot.h has them). SDE_INVALID, with file and line, for a
 * table that is missing, broken or without rows. */
bool plot_table_read(const char *path, struct plot_table *table, struct sde_status *status);

void plot_table_clear(struct plot_table *table);

#endif
