/*
 * Effective losses: f + rho R, what an optimizer of the family descends on average to first order
 * in rho, at single points. R is that of the table in theory.md section 3: arXiv 2509.18001,
 * theorems 3.3 to 3.8.
 */
#ifndef ANALYSIS_EFFECTIVE_LOSS_H
#define ANALYSIS_EFFECTIVE_LOSS_H

#include "models/optimizer.h"

#include <stdbool.h>

/* Where E|g_I| comes from, if R is made of it. */
enum effective_loss_norm {
  EFFECTIVE_LOSS_NO_NORM,
  EFFECTIVE_LOSS_FULL,       /* |g| */
  EFFECTIVE_LOSS_ENUMERATED, /* all micro-batches */
  EFFECTIVE_LOSS_INTEGRAL,   /* the Gaussian integral, exact for Gaussian noise */
  EFFECTIVE_LOSS_CLOSURE     /* the same, as if g_I were normal */
};

struct effective_loss;

/* The effective loss of an optimizer, which must outlive it; NULL where its gradient rule has no R
 * in closed form, or one with a variance term of noise that has none, and where its update rule is
 * not affine: E U is then not 0 where E w is. Serves one thread. */
struct effective_loss *effective_loss_new(const struct optimizer *optimizer);
void effective_loss_free(struct effective_loss *effective);

/* Where its E|g_I| comes from. */
enum effective_loss_norm effective_loss_norm(const struct effective_loss *effective);

/* f[p] and (f + rho R)[p] at the points x[p*dim + i], i below dim; either may be NULL. */
void effective_loss_at(struct effective_loss *effective, size_t points, const double *x, double *f,
                       double *value);

/* f alone, or f + rho R, as a function of one point for minima_find; the context is one of these.
 */
struct effective_loss_function {
  struct effective_loss *effective;
  bool plain; /* f alone */
};
/* Its value at x. */
double effective_loss_function_at(void *function, const double *x);

#endif
