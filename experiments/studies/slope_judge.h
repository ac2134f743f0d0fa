/*
 * What a fitted slope, or a line of errors, says of the slope that theory predicts, or of a part of
 * the error that does not go to zero.
 */
#ifndef EXPERIMENTS_STUDIES_SLOPE_JUDGE_H
#define EXPERIMENTS_STUDIES_SLOPE_JUDGE_H

#include "analysis/error_line.h"
#include "experiments/results/results.h"

/* Whether a slope known to within `half` is the predicted one, a whole number, to within
 * `tolerance`: NO where its interval surely misses that; YES where all of the interval is nearer to
 * the predicted slope than to any other whole one, so that no slope has two of them. */
enum holds slope_judge(double slope, double half, double predicted, double tolerance);

/* Is the slope of a line the predicted one? Of simulated errors the fitted slope is judged, of
 * exact ones, which have no sampling error, the local slopes extrapolated to x = 0. The
 * extrapolation's own uncertainty is its distance from the local slope at the smallest x: while
 * that is more than a tenth of the predicted slope, or the error changes its sign, nothing is
 * decided; nor where it falls faster than predicted, for the theorems bound it from above: at a
 * time by which the start is forgotten, the error in the loss can lose its first order. `quantile`
 * is how many standard errors an interval is wide to each side; `text` gets the evidence. */
enum holds slope_judge_line(const struct error_line *line, double predicted, double quantile,
                            size_t size, char *text);

/* Is most of the difference at the smallest x still there at x = 0? YES where more than half of it
 * is, NO where less than a quarter. YES also needs one sign throughout and local slopes below half
 * of `order`, the power with which the rest of the difference goes to zero. */
enum holds slope_judge_plateau(const struct error_line *line, double order, double quantile,
                               size_t size, char *text);

#endif
