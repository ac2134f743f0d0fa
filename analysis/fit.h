/*
 * Fits: the power law error = C x^slope through measured errors, by least squares in logarithms,
 * with the standard error of the slope.
 */
#ifndef ANALYSIS_FIT_H
#define ANALYSIS_FIT_H

#include <stdbool.h>
#include <stddef.h>

/* slope and se are NAN where fewer than three points were given, or all at one x. Where se comes
 * from the misfit of the points, its degrees of freedom; else 0. */
struct fit {
  double slope, se;
  size_t freedom;
};

/* Fit error[i] > 0 at x[i] > 0, i < count. se[i] is the standard error of error[i] alone, `common`
 * that of one number that was subtracted from all of them. Points are weighted by their variances
 * at the fitted law, and se is widened where they miss it by more than their errors; where one has
 * no error (it is exact), no point is weighted and se is the misfit's. */
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

/* A point within so many standard errors of zero has no logarithm to speak of. */
static const double fit_within_zero = 2;

/* Which of the points, x ascending, to fit; returns how many. To drop those that came out small is
 * to keep those that came out large, which biases the slope. So only the three largest are taken
 * for being beyond least[i] themselves; a smaller one where the power law through those taken
 * before predicts more than least[i] there, unless it is within 2 se of zero all the same. An exact
 * point, without se, is taken by its own size. least[i] is some multiple of se[i], 4 say, or
 * another bound below which nothing is known. */
size_t fit_choose(size_t count, const double *x, const double *error, const double *se,
                  const double *least, bool *chosen);

#endif
