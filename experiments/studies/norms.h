/*
 * The norm table of a recipe, norms.csv: E|g_s| at its start, and the verdict whether it falls with
 * the size of the batch.
 */
#ifndef EXPERIMENTS_STUDIES_NORMS_H
#define EXPERIMENTS_STUDIES_NORMS_H

#include "analysis/norm_table.h"
#include "experiments/cases/cases.h"
#include "experiments/cases/estimate.h"
#include "experiments/results/results.h"

struct progress;

/* Proposition 3.9: does E|g_s| not increase with s, down to |g|? By the exact values of neighbours
 * where both are known, else by their fall, whose intervals hold together at the family-wise level;
 * undecided where one of these reaches to both sides of 0. */
enum holds norms_judge(const struct norm_table *table, double level);

/* Add what norms_report takes. */
void norms_estimate(const struct cases *cases, struct estimate *estimate);

/* Where a case's optimizer is normalised: the table of all micro-batch and batch sizes among the
 * cases, with as many draws as the greatest number of paths, to norms.csv and the summary, and the
 * verdict on it. */
void norms_report(const struct cases *cases, int threads, struct progress *progress,
                  struct results *results);

#endif
