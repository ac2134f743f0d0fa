/*
 * Tables of the study `converge`: the points and fits as a table, in the summary and for people,
 * and the table of schemes and classes of noise for the documentation.
 */
#ifndef EXPERIMENTS_STUDIES_CONVERGENCE_TABLE_H
#define EXPERIMENTS_STUDIES_CONVERGENCE_TABLE_H

#include "experiments/studies/convergence_trials.h"

/* A line of a trial that was measured: its rows of converge.csv, a line for people under the
 * headings, and an object for the summary, which is returned. */
void convergence_print_headings(struct results *results);
json_t *convergence_report(struct results *results, const struct convergence_trial *trial,
                           const struct convergence *line);

/* schemes.md: a row a scheme, class of noise and equation, with declared and measured orders and
 * the cost of a step. */
void convergence_write_schemes(const struct convergence_trials *trials);

#endif
