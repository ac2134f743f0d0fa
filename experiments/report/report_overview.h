/*
 * The head of a page of several runs: what became of each, and how they differ.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_OVERVIEW_H
#define EXPERIMENTS_REPORT_REPORT_OVERVIEW_H

#include "experiments/report/report_run.h"

/* One run on the page: its ids begin with `prefix`, its title is a heading of `level`. */
struct place {
  const struct report_run *run;
  char *prefix;
  int level;
};

/* "Comparison of golden and valley"; released with sde_free. */
char *overview_title(size_t runs, const struct report_run *run);

/* Append it, of the runs at these places; they stand one behind the other in memory. */
void overview_add(struct text *page, const char *title, size_t runs, const struct place *place);

#endif
