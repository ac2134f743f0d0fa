/*
 * The norm table: E|g_s|, the mean length of the gradient of a batch of s, against s at one point.
 * It is the regulariser of the normalised optimizers. arXiv 2509.18001, theorems 3.6 to 3.8 and
 * proposition 3.9; theory.md sections 3 and 4.
 */
#ifndef EXPERIMENTS_STUDIES_NORM_TABLE_H
#define EXPERIMENTS_STUDIES_NORM_TABLE_H

#include "experiments/cases/cases.h"
#include "experiments/cases/estimate.h"
#include "experiments/results/results.h"

struct progress;

struct norm_row {
  size_t size; /* s */
  struct sde_moments sampled;
  struct sde_moments fall; /* |g_s| - |g_s'| draw by draw, s' the next size; |g_s| - |g| at last */
  double exact;    /* over all batches, or the integral for Gaussian noise; NAN if too many */
  double gaussian; /* E|Z|, Z ~ N(g, c(s) V): the Gaussian closure */
};

struct norm_table {
  size_t count;
  struct norm_row *row;
  double full;         /* |g|, what E|g_s| falls to */
  double rounding;     /* a fall smaller than it is rounding error */
  uint64_t not_finite; /* draws left out, the most of any size */
};

/* The sizes must ascend, and the objective accept batches of each. All sizes draw from the one
 * stream, so that a larger batch holds the smaller one and their difference is known better than
 * either mean. The same bits for any number of threads (0 for OpenMP's choice). `progress` may be
 * NULL. */
struct norm_table norm_table_new(const struct objective *objective, const double *x, size_t count,
                                 const size_t *sizes, struct sde_stream stream, uint64_t draws,
                                 int threads, struct progress *progress);
void norm_table_free(struct norm_table *table);

/* Proposition 3.9: does E|g_s| not increase with s, down to |g|? By the exact values of neighbours
 * where both are known, else by their fall, whose intervals hold together at the family-wise level;
 * undecided where one of these reaches to both sides of 0. */
enum holds norm_table_judge(const struct norm_table *table, double level);

/* Add what norm_table_report takes.
 * Where a case's optimizer is normalised: the table of all micro-batch and batch sizes among the
 * cases, with as many draws as the greatest number of paths, to norms.csv and the summary, and the
 * verdict on it. */
void norm_table_estimate(const struct cases *cases, struct estimate *estimate);
void norm_table_report(const struct cases *cases, int threads, struct progress *progress,
                       struct results *results);

#endif
