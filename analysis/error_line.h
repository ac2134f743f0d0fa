/*
 * Error lines: a weak error against eta or rho, the power law through it, and what it says of a
 * predicted slope, or of a part that does not go to zero.
 */
#ifndef ANALYSIS_ERROR_LINE_H
#define ANALYSIS_ERROR_LINE_H

#include "analysis/fit.h"

#include <stdbool.h>
#include <stddef.h>

/* One error: the difference of two means, in which se holds own_se and what it shares with the
 * line's other points. Below `rounding` an error is not known even where it is exact. */
struct error_point {
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

struct error_line {
  const char *axis; /* what x is called */
  size_t count, resolved;
  struct error_point *point; /* ascending in x after error_line_fit */
  bool exact;                /* all points are */
  double x_low, x_high;      /* what was fitted; NAN where nothing was */
  struct fit fit;
};

/* Sort the points, choose those to fit (see fit_choose; of exact ones, all that are no rounding),
 * and fit. */
void error_line_fit(struct error_line *line);

/* Is the slope the predicted one? Of simulated errors the fitted slope is judged, of exact ones,
 * which have no sampling error, the local slopes extrapolated to x = 0. The extrapolation's own
 * uncertainty is its distance from the local slope at the smallest x: while that is more than a
 * tenth of the predicted slope, or the error changes its sign, nothing is decided; nor where it
 * falls faster than predicted, for the theorems bound it from above: at a time by which the start
 * is forgotten, the error in the loss can lose its first order. `quantile` is how many standard
 * errors an interval is wide to each side; `text` gets the evidence. */
enum holds error_line_judge_slope(const struct error_line *line, double predicted, double quantile,
                                  size_t size, char *text);

/* Is most of the difference at the smallest x still there at x = 0? YES where more than half of it
 * is, NO where less than a quarter. It is extrapolated as d + C x^order from the three smallest x,
 * by two neighbours at a time, and what the two extrapolations differ by widens the interval. YES
 * also needs one sign throughout and local slopes below half of `order`. */
enum holds error_line_judge_plateau(const struct error_line *line, double order, double quantile,
                                    size_t size, char *text);

#endif
