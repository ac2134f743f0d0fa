/*
 * Error lines: a weak error against eta or rho, the power law through it, and what is left of the
 * slope and of the error itself as eta or rho goes to zero.
 */
#ifndef ANALYSIS_ERROR_LINE_H
#define ANALYSIS_ERROR_LINE_H

#include "analysis/fit.h"

#include <stdbool.h>
#include <stddef.h>

/* One error: the difference of two means, in which se holds own_se and what it shares with the
 * line's other points. Below `rounding` an error is not known even where it is exact. */
struct error_line_point {
  double x; /* eta or rho */
  double difference, se, own_se, scheme_error, rounding;
  double floor, floor_se; /* what was subtracted, from all points of the line alike */
  bool exact;
  /* By error_line_fit: the size of the difference; the slope from the next smaller point, NAN where
   * one of the two is not resolved; and whether it is: large enough, and to be expected so, for the
   * fit. */
  double error, local_slope;
  bool resolved;
};

/* The errors of one observable against eta or rho; axis, count and points are filled in by the
 * caller, the rest by error_line_fit. */
struct error_line {
  const char *axis; /* what x is called */
  size_t count, resolved;
  struct error_line_point *point; /* ascending in x after error_line_fit */
  bool exact;                     /* all points are */
  double x_low, x_high;           /* what was fitted; NAN where nothing was */
  struct fit fit;
};

/* Sort the points, choose those to fit (see fit_choose; of exact ones, all that are no rounding),
 * and fit. */
void error_line_fit(struct error_line *line);

/* Do the fitted points have differences of both signs? */
bool error_line_changes_sign(const struct error_line *line);

/* The local slopes of the smallest fitted points, extrapolated to x = 0, and half of an interval
 * about the limit that surely holds it where points have no sampling error. NAN and INFINITY where
 * fewer than three are fitted. */
double error_line_slope_limit(const struct error_line *line, double *half);

/* What is left of the difference at x = 0: it is extrapolated as d + C x^order from the three
 * smallest x, by two neighbours at a time. Half of its interval is `quantile` standard errors, what
 * the schemes and rounding may add, and what the two extrapolations differ by. At least three
 * points. */
double error_line_rest(const struct error_line *line, double order, double quantile, double *half);

/* Is the difference one of the sign of `rest` at the three smallest x, with local slopes below half
 * of `order`? */
bool error_line_is_flat(const struct error_line *line, double rest, double order);

#endif
