/*
 * The difference between iterates and SDE of one variant and observable as a line against eta.
 */
#ifndef EXPERIMENTS_STUDIES_COMPARISON_LINE_H
#define EXPERIMENTS_STUDIES_COMPARISON_LINE_H

#include "analysis/error_line.h"
#include "experiments/studies/comparison_family.h"

/* The rows that differ from `like` in eta alone. Where the exact means of all of them are known,
 * the line is of exact differences, and goes on to smaller eta (exact_line.h); else of the measured
 * ones, whose standard errors are widened by Student's law. line->point is to be released with
 * sde_free. */
void comparison_line_make(const struct comparison_table *table, const struct comparison *like,
                          struct error_line *line);

/* Has the difference of any of these rows no standard error, for the tails of the noise? Exact
 * differences need none. */
bool comparison_line_is_heavy(const struct comparison_table *table, const struct comparison *like,
                              const struct error_line *line);

#endif
