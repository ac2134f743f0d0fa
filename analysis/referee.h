/*
 * The referee: does a claimed SDE belong to an algorithm? The mean F and the covariance Sigma of
 * one step, U = (y - y')/eta, from all batches, beside the claimed drift a and diffusion B at
 * points of the state; and which terms of a dictionary the drift lacks. theory.md section 13.
 */
#ifndef ANALYSIS_REFEREE_H
#define ANALYSIS_REFEREE_H

#include "models/limit.h"

/* a(y) of the system, and B B^T/eta, dim x dim by rows, at one point y of its dim numbers at this
 * time. A system that draws gives what it draws at the instant's address. */
void referee_claim(const struct sde_system *system, double eta, double time, const double *y,
                   double *drift, double *covariance);

/* The limit of an optimizer that has F and Sigma of its steps from all batches, to this order in
 * eta: the drift is -F, or -(F + (eta/2)(DF F - d_t F)). NULL, and the status says why, where there
 * are too many, or draws besides. */
struct limit *referee_truth(const struct optimizer *optimizer, int eta_order,
                            struct sde_status *status);

/* Terms that a drift may lack, as gradients of x, by the names of the summary. */
enum { REFEREE_TERMS = 8 };
extern const char *const referee_term_names[REFEREE_TERMS];

/* Each term at x, dim numbers of the loss each: term[k*dim + i]. A term that the objective has not
 * is zero: of the noise where it is constant, of rho where that is 0. */
void referee_terms(const struct optimizer *optimizer, const double *x, double *term);

/* A term that is lacking, with its coefficient. */
struct referee_missing {
  size_t term;
  double coefficient, se;
  double explained; /* of the sum of squares of the mismatch, by all that are named together */
};

/* Which of the terms, `rows` numbers each, term[k*rows + i], make up the mismatch, so that mismatch
 * = sum of coefficient times term: the fewest, at most `most`, that by least squares leave a tenth
 * of it, a hundredth of the sum of squares, unless one more leaves a tenth of that; or `most` where
 * none do. Returns how many. *collinear is another term that would do as well as the first, or
 * REFEREE_TERMS. Errors of coefficients are those of what is left unexplained. */
size_t referee_find(size_t rows, const double *mismatch, const double *term, size_t most,
                    struct referee_missing *missing, size_t *collinear);

#endif
