/*
 * Fits: the power law error = C x^slope through measured errors, by least squares in logarithms,
 * with the standard error of the slope, and what it says of a predicted slope.
 */
#ifndef EXPERIMENTS_FIT_H
#define EXPERIMENTS_FIT_H

#include "experiments/results.h"

#include <stddef.h>

/* slope and se are NAN where fewer than three points were given, or all at one x. Where se comes
 * from the misfit of the points, its degrees of freedom; else 0. */
struct fit {
  double slope, se;
  size_t freedom;
};

/* Fit error[i] > 0 at x[i] > 0, i < count. se[i] is the standard error of error[i] alone, `common`
 * that of one number that was subtracted from all of them. Points are weighted by their variances,
 * and se is widened where they miss the power law by more than their errors; where one has no
 * error (it is exact), no point is weighted and se is the misfit's. */
struct fit fit_power(size_t count, const double *x, const double *error, const double *se,
                     double common);

/* The same where points are so accurate that their misfit is no chance but the law's bend at finite
 * x. No point counts as more accurate than the share `bend` of itself, or the most accurate, at the
 * end that is the least asymptotic, would decide alone; and se is what the points' own errors make
 * of this slope, bent or not. */
struct fit fit_bent_power(size_t count, const double *x, const double *error, const double *se,
                          double bend);

/* Half the confidence interval of the slope, at the level of this many normal standard errors; by
 * Student's law where se comes from the misfit. */
double fit_half(struct fit fit, double quantile);

/* Whether a slope known to within `half` is the predicted one to within `tolerance`; undecided
 * where half is so wide, or the slope so unknown, that the next whole slope could not be told
 * from it. */
enum holds fit_judge(double slope, double half, double predicted, double tolerance);

#endif
