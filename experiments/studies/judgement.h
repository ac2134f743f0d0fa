/*
 * Judgement: what errors at several eta or rho, or a fitted slope, say of the power law that theory
 * predicts, and of a part of the error that does not go to zero. `compare` and `order` share it.
 */
#ifndef EXPERIMENTS_STUDIES_JUDGEMENT_H
#define EXPERIMENTS_STUDIES_JUDGEMENT_H

#include "analysis/error_line.h"
#include "experiments/results/results.h"

/* Whether a slope known to within `half` is the predicted one, a whole number, to within
 * `tolerance`: YES where the whole interval is nearer to it than to another whole number, NO where
 * the interval excludes it. */
enum holds judgement_slope(double slope, double half, double predicted, double tolerance);

/* Does the error fall like x^predicted? The theorems bound it from above, as x goes to zero: so
 * only an error that falls more slowly contradicts them, not one that falls faster or changes its
 * sign, and it is the smallest x that decide, not the extreme ones.
 *
 * Exact errors: the local slopes are extrapolated to x = 0; the extrapolation's uncertainty is its
 * distance from the local slope at the smallest x, and nothing is decided while that is more than a
 * tenth of the predicted slope. YES where the interval is nearer to the predicted slope than to
 * another whole number, NO where it lies below the prediction by more than a tenth of it.
 *
 * Simulated errors: YES where the interval of the fitted slope, or with fewer than three resolved
 * points that of the slope from the smallest x to the largest, is nearer to the predicted slope
 * than to another whole number. NO where, at three smallest x each at least twice the one before,
 * the error keeps its sign and both local slopes and the interval of the slope over all three are
 * below the prediction by more than one half: a sum a x^p + b x^(p+1) of the predicted order cannot
 * do that. Two x never deny: such a sum can pass through any two errors.
 *
 * `quantile` is how many standard errors an interval is wide to each side; `text` gets the
 * evidence, and `paths`, the number of paths behind the errors, serves to say how many would
 * decide. */
enum holds judgement_fall(const struct error_line *line, double predicted, double quantile,
                          double paths, size_t size, char *text);

/* Is most of the difference at the smallest x still there at x = 0? YES where more than half of it
 * is, NO where less than a quarter. YES also needs one sign throughout and local slopes below half
 * of `order`, the power with which the rest of the difference goes to zero. */
enum holds judgement_plateau(const struct error_line *line, double order, double quantile,
                             size_t size, char *text);

#endif
