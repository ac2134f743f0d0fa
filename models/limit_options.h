/*
 * What may be asked of a limit: to which orders F and Sigma are taken, and how they are evaluated.
 */
#ifndef MODELS_LIMIT_OPTIONS_H
#define MODELS_LIMIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* How far F and Sigma are expanded in rho: not at all in rho, to first order, or exact. */
enum limit_rho_order { LIMIT_RHO_ORDER_0, LIMIT_RHO_ORDER_1, LIMIT_RHO_ORDER_EXACT };

/* How Sigma^(1/2) dW is formed: one column and one Wiener process a component, or a d x d
 * covariance and its semidefinite Cholesky factor with d of them. AUTO is whichever is cheaper,
 * REPEATED the same for schemes that evaluate the system once for each Wiener process, and FEWEST
 * whichever has fewer Wiener processes. NONE leaves the diffusion out: the drift alone, as Monzio
 * Compagnoni et al. compare it. */
enum limit_factor {
  LIMIT_FACTOR_AUTO,
  LIMIT_FACTOR_COLUMNS,
  LIMIT_FACTOR_CHOLESKY,
  LIMIT_FACTOR_REPEATED,
  LIMIT_FACTOR_FEWEST,
  LIMIT_FACTOR_NONE
};

/* How E|g_I| and its gradient are computed, for the normalised optimizers to order 1 in rho: by all
 * micro-batches, by the Gaussian integral of gaussian_norm.h with covariance c(m) V, or from fresh
 * micro-batches per step. */
enum limit_norm_source {
  LIMIT_NORM_AUTO,
  LIMIT_NORM_ENUMERATE,
  LIMIT_NORM_GAUSSIAN,
  LIMIT_NORM_SAMPLE
};

/* The noise of the normalised optimizers to first order in rho, where not all micro-batches are
 * enumerated: the covariance of g_I + rho H g_I/|g_I| where it has a closed form, or its leading
 * part c(b) V alone. The latter is right only where |g| is large beside (tr c(m) V)^(1/2): near a
 * minimum g_I/|g_I| is a random unit vector, whose part rho^2 H Cov(g_I/|g_I|) H may be most of the
 * noise. */
enum limit_covariance {
  LIMIT_COVARIANCE_AUTO, /* normalized where it is known, else leading */
  LIMIT_COVARIANCE_NORMALIZED,
  LIMIT_COVARIANCE_LEADING
};

/* Which SDE of an optimizer, and how it is evaluated. */
struct limit_options {
  int eta_order;
  enum limit_rho_order rho_order;
  /* Keep (rho/2) c(m) grad tr V, or for the normalised optimizers E|g_I| instead of |g|. False
   * is refused with rho_order exact where random gradients perturb. */
  bool variance_term;
  enum limit_factor factor;
  enum limit_norm_source norm;
  /* Fresh directions per step, or micro-batches for E|g_I|; 0 enumerates all micro-batches where
   * they are few, and else draws a default. */
  size_t directions;
  enum limit_covariance covariance;
};

#endif
