/*
 * What changes with time in a run: the schedules of its recipe, and what they do to the equations.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_SCHEDULE_H
#define EXPERIMENTS_REPORT_REPORT_SCHEDULE_H

#include "experiments/report/report_run.h"

/* A paragraph for each schedule of the recipe, and one on the SDE; nothing where it has none. */
void report_schedules(struct text *page, const struct report_run *run);

#endif
