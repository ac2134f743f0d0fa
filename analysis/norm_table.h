/*
 * The norm table: E|g_s|, the mean length of the gradient of a batch of s, against s at one point.
 * It is the regulariser of the normalised optimizers. arXiv 2509.18001, theorems 3.6 to 3.8 and
 * proposition 3.9; theory.md sections 3 and 4.
 */
#ifndef ANALYSIS_NORM_TABLE_H
#define ANALYSIS_NORM_TABLE_H

#include "models/objective.h"
#include "sde/ensemble.h"

/* What is known of E|g_s| for one size. */
struct norm_table_row {
  size_t size; /* s */
  struct sde_moments sampled;
  struct sde_moments fall; /* |g_s| - |g_s'| draw by draw, s' the next size; |g_s| - |g| at last */
  double exact;    /* over all batches, or the integral for Gaussian noise; NAN if too many */
  double gaussian; /* E|Z|, Z ~ N(g, c(s) V): the Gaussian closure */
};

/* A table, with what holds for all of its rows. */
struct norm_table {
  size_t count;
  struct norm_table_row *row;
  double full;                  /* |g|, what E|g_s| falls to */
  double rounding;              /* a fall smaller than it is rounding error */
  uint64_t not_finite;          /* draws left out, the most of any size */
  uint64_t own_paths, own_work; /* as in struct sde_ensemble_result */
};

/* The sizes must ascend, and the objective accept batches of each. All sizes draw from the one
 * stream, so that a larger batch holds the smaller one and their difference is known better than
 * either mean. The same bits for any number of threads (0 for OpenMP's choice). `progress` may be
 * NULL. */
struct norm_table norm_table_new(const struct objective *objective, const double *x, size_t count,
                                 const size_t *sizes, struct sde_stream stream, uint64_t draws,
                                 int threads, void (*progress)(void *context, uint64_t paths_done),
                                 void *progress_context, const struct sde_keeper *keeper);
void norm_table_free(struct norm_table *table);

/* The fall from row k on where it is known exactly: to the next size, or to |g| from the last; else
 * NAN. */
double norm_table_exact_fall(const struct norm_table *table, size_t k);

/* What the table draws for one size, as a process whose one step puts the gradient of a batch in
 * the place of the point. The objective must outlive it; released with norm_table_process_free. */
struct sde_process *norm_table_process_new(const struct objective *objective, size_t size,
                                           struct sde_stream stream);
void norm_table_process_free(struct sde_process *process);

#endif
