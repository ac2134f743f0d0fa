/*
 * Judging slopes and plateaus: see slope_judge.h.
 */
#include "experiments/studies/slope_judge.h"

#include "experiments/results/interval_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Nearer than this to a whole slope, a slope is nearer to it than to any other. */
static const double half_way = 0.5;

/* Share of the predicted slope by which a slope may miss it beyond its interval: finite eta and
 * rho bend the power law. */
static const double bend = 0.1;

enum holds slope_judge(double slope, double half, double predicted, double tolerance)
{
  double away = fabs(slope - predicted);
  if (away - half > tolerance)
    return HOLDS_NO;
  return away + half < half_way ? HOLDS_YES : HOLDS_UNDECIDED;
}

enum holds slope_judge_line(const struct error_line *line, double predicted, double quantile,
                            size_t size, char *text)
{
  if (isnan(line->fit.slope)) {
    snprintf(text, size, "not fitted, %zu of %zu points resolved", line->resolved, line->count);
    return HOLDS_UNDECIDED;
  }
  double slope = line->fit.slope, half = fit_half(line->fit, quantile);
  double tolerance = bend * predicted;
  if (line->exact)
    slope = error_line_slope_limit(line, &half);
  enum holds holds = slope_judge(slope, half, predicted, tolerance);
  const char *but = error_line_changes_sign(line)            ? "the error changes its sign"
                    : line->exact && !(half <= tolerance)    ? "local slopes still move"
                    : holds == HOLDS_NO && slope > predicted ? "it may fall faster"
                                                             : NULL;
  if (line->exact)
    snprintf(text, size, "%.3f fitted, %.3f to within %.2g at %s -> 0", line->fit.slope, slope,
             half, line->axis);
  else
    snprintf(text, size, "%s", interval_words(slope, half).text);
  size_t used = strlen(text);
  if (but != NULL)
    snprintf(text + used, size - used, " (undecided: %s)", but);
  return but == NULL ? holds : HOLDS_UNDECIDED;
}

enum holds slope_judge_plateau(const struct error_line *line, double order, double quantile,
                               size_t size, char *text)
{
  if (line->count < 3) {
    snprintf(text, size, "%zu points, three are needed", line->count);
    return HOLDS_UNDECIDED;
  }
  const struct error_line_point *smallest = &line->point[0];
  double half, rest = error_line_rest(line, order, quantile, &half);
  snprintf(text, size, "%s at %s -> 0, %.3g at %g", interval_words(rest, half).text, line->axis,
           smallest->difference, smallest->x);
  double now = fabs(smallest->difference);
  if (fabs(rest) - half > now / 2 && error_line_is_flat(line, rest, order))
    return HOLDS_YES;
  return fabs(rest) + half < now / 4 ? HOLDS_NO : HOLDS_UNDECIDED;
}
