/*
 * Noise factors: Sigma^(1/2) dW for a covariance Sigma = sum_i p_i a_i a_i^T - mean mean^T that is
 * known by its N columns a_i. Either each column gets its own Wiener process, which needs no
 * root; or the D x D covariance is formed and its semidefinite Cholesky factor gets D of them.
 */
#ifndef MODELS_FACTOR_H
#define MODELS_FACTOR_H

#include "models/limit.h"

#include <stddef.h>

/* A normal costs about as much as this many multiply-adds: see the tasks normals and factor of
 * `make bench`. */
#define FACTOR_NORMAL_COST 25.0

/* A multiply-add of generalized_sums.h costs about this share of the others: against the columns of
 * SGD it breaks even between 13 and 14 dimensions; task factor of `make bench`. */
#define FACTOR_MATRIX_COST 0.4

/* How Sigma^(1/2) dW is formed. */
struct factor_plan {
  size_t dim;     /* D */
  size_t columns; /* N */
  bool cholesky;
  bool centred; /* subtract the mean; false where Sigma = sum_i p_i a_i a_i^T */
};

/* How many times as much as columns Cholesky may cost and still be taken: more than once where there
 * are so many columns that their increments take the memory. */
double factor_memory_worth(size_t columns);

/* Choose between columns and Cholesky by cost, unless `factor` has chosen. */
struct factor_plan factor_plan(size_t dim, size_t columns, bool centred, enum limit_factor factor);

/* The number of Wiener processes. */
size_t factor_noise_dim(const struct factor_plan *plan);

/* Sums of one thread, over the columns added so far. */
struct factor_workspace {
  double *sum;        /* [j*width + p]: sum_i sqrt(p_i) a_i dw_i; a floor under Cholesky */
  double *weight;     /* [p]: sum_i sqrt(p_i) dw_i */
  double *mean;       /* [j*width + p]: sum_i p_i a_i */
  double *covariance; /* [(j*(j+1)/2 + k)*width + p], k <= j: sum_i p_i a_ij a_ik */
};

/* Zeroed sums for blocks of this width; the covariance is empty without Cholesky. */
struct factor_workspace factor_workspace_new(const struct factor_plan *plan, size_t width);
void factor_workspace_free(struct factor_workspace *workspace);

/* Between begin and finish each column i is added once, in any order, with its probability: dw
 * holds factor_noise_dim * width increments. dw NULL accumulates the mean alone. */
void factor_begin(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width);
void factor_add(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width,
                size_t i, double probability, const double *column, const double *dw);

/* out[j*width + p] = scale * (Sigma^(1/2) dw)_j. Cholesky works in place of the covariance, which
 * may have been changed after the last column, and leaves its floor in `sum`: rounding is relative
 * to the second moment, from which the mean was subtracted. */
void factor_finish(const struct factor_plan *plan, struct factor_workspace *workspace, size_t width,
                   double scale, const double *dw, double *out);

/* In place of the lower triangle of a covariance, entry (j, k) at [(j*(j+1)/2 + k)*width + p]: its
 * factor L with L L^T. A pivot that vanishes to rounding, relative to its diagonal entry, leaves a
 * zero column. */
void factor_cholesky(size_t dim, size_t width, double *covariance);

/* The same of a covariance that knows its rounding: a pivot that is not above floor[j*width + p]
 * vanishes too. floor may be NULL. */
void factor_cholesky_above(size_t dim, size_t width, const double *floor, double *covariance);

/* out = scale * L dw. */
void factor_multiply(size_t dim, size_t width, double scale, const double *lower, const double *dw,
                     double *out);

#endif
