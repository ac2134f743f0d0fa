/*
 * Error lines: see error_line.h.
 */
#include "analysis/error_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Share of the predicted slope by which a slope may miss it beyond its interval: finite eta and
 * rho bend the power law. */
static const double bend = 0.1;

/* A simulated point is fitted where so many standard errors are to be expected of it. */
static const double expected_errors = 4;

static double point_error(const struct error_point *point)
{
  return fabs(point->difference);
}

/* ---- fitting ---- */

static int compare_points(const void *left, const void *right)
{
  const struct error_point *a = left, *b = right;
  return (a->x > b->x) - (a->x < b->x);
}

static double slope_between(const struct error_point *fine, const struct error_point *coarse)
{
  return log(point_error(coarse) / point_error(fine)) / log(coarse->x / fine->x);
}

/* Numbers of a line side by side, as fits want them. */
struct columns {
  double *x, *error, *se, *least;
  bool *chosen;
};

static struct columns columns_new(const struct error_line *line)
{
  double *x = sde_alloc(4 * line->count, sizeof *x);
  struct columns columns = {x, x + line->count, x + 2 * line->count, x + 3 * line->count,
                            sde_alloc(line->count, sizeof(bool))};
  for (size_t i = 0; i < line->count; i++) {
    const struct error_point *point = &line->point[i];
    columns.x[i] = point->x;
    columns.error[i] = point_error(point);
    columns.se[i] = point->se;
    columns.least[i] =
        fmax(fmax(point->scheme_error, point->rounding), expected_errors * point->se);
    columns.chosen[i] = columns.error[i] > columns.least[i];
  }
  return columns;
}

void error_line_fit(struct error_line *line)
{
  qsort(line->point, line->count, sizeof *line->point, compare_points);
  struct columns columns = columns_new(line);
  double common = 0;
  line->resolved = 0;
  line->exact = true;
  for (size_t i = 0; i < line->count; i++)
    line->exact &= line->point[i].exact;
  if (!line->exact)
    fit_choose(line->count, columns.x, columns.error, columns.se, columns.least, columns.chosen);
  for (size_t i = 0; i < line->count; i++) {
    struct error_point *point = &line->point[i], *finer = i > 0 ? point - 1 : NULL;
    point->error = point_error(point);
    point->local_slope = NAN;
    point->resolved = columns.chosen[i];
    if (!point->resolved)
      continue;
    if (finer != NULL && finer->resolved && point->x > finer->x)
      point->local_slope = slope_between(finer, point);
    columns.x[line->resolved] = point->x;
    columns.error[line->resolved] = point->error;
    columns.se[line->resolved++] = point->own_se;
    common = point->floor_se;
  }
  line->fit = fit_power(line->resolved, columns.x, columns.error, columns.se, common);
  line->x_low = isnan(line->fit.slope) ? NAN : columns.x[0];
  line->x_high = isnan(line->fit.slope) ? NAN : columns.x[line->resolved - 1];
  sde_free(columns.x);
  sde_free(columns.chosen);
}

/* ---- the slope ---- */

/* The smallest fitted points, from the smallest on, up to four; returns how many. */
enum { SMALLEST = 4 };
static size_t smallest_points(const struct error_line *line,
                              const struct error_point *point[SMALLEST])
{
  size_t found = 0;
  for (size_t i = 0; i < line->count && found < SMALLEST; i++)
    if (line->point[i].resolved)
      point[found++] = &line->point[i];
  return found;
}

static bool changes_sign(const struct error_line *line)
{
  const struct error_point *first = NULL;
  for (size_t i = 0; i < line->count; i++) {
    const struct error_point *point = &line->point[i];
    if (!point->resolved)
      continue;
    if (first != NULL && first->difference * point->difference < 0)
      return true;
    first = point;
  }
  return false;
}

/* A local slope differs from its limit at x = 0 by a multiple of x to leading order, so two of them
 * give the limit by Richardson's rule. */
static double slope_limit(const struct error_point *const point[3])
{
  double fine = slope_between(point[0], point[1]), coarse = slope_between(point[1], point[2]);
  double ratio = sqrt(point[2]->x / point[0]->x);
  return fine + (fine - coarse) / (ratio - 1);
}

/* The limit of the local slopes, and half the interval that surely holds it: the last step of the
 * extrapolation, or what the one from larger points differs by, and rounding. */
static double limit_slope(const struct error_line *line, double *half)
{
  const struct error_point *point[SMALLEST];
  size_t found = smallest_points(line, point);
  if (found < 3) {
    *half = INFINITY;
    return NAN;
  }
  double limit = slope_limit(point);
  *half = fabs(limit - slope_between(point[0], point[1]));
  if (found == SMALLEST)
    *half = fmax(*half, fabs(limit - slope_limit(point + 1)));
  *half +=
      (point[0]->rounding / point_error(point[0]) + point[1]->rounding / point_error(point[1])) /
      log(point[1]->x / point[0]->x);
  return limit;
}

enum holds error_line_judge_slope(const struct error_line *line, double predicted, double quantile,
                                  size_t size, char *text)
{
  if (isnan(line->fit.slope)) {
    snprintf(text, size, "not fitted, %zu of %zu points resolved", line->resolved, line->count);
    return HOLDS_UNDECIDED;
  }
  double slope = line->fit.slope, half = fit_half(line->fit, quantile);
  double tolerance = bend * predicted;
  if (line->exact)
    slope = limit_slope(line, &half);
  enum holds holds = fit_judge(slope, half, predicted, tolerance);
  const char *but = changes_sign(line)                       ? "the error changes its sign"
                    : line->exact && !(half <= tolerance)    ? "local slopes still move"
                    : holds == HOLDS_NO && slope > predicted ? "it may fall faster"
                                                             : NULL;
  if (line->exact)
    snprintf(text, size, "%.3f fitted, %.3f +- %.2g at %s -> 0", line->fit.slope, slope, half,
             line->axis);
  else
    snprintf(text, size, "%.3f +- %.2g", slope, half);
  size_t used = strlen(text);
  if (but != NULL)
    snprintf(text + used, size - used, " (open: %s)", but);
  return but == NULL ? holds : HOLDS_UNDECIDED;
}

/* ---- the plateau ---- */

/* The difference at x = 0 from two points, with its interval. */
static double difference_limit(const struct error_point *fine, const struct error_point *coarse,
                               double order, double quantile, double *half)
{
  double a = pow(fine->x, order), b = pow(coarse->x, order);
  *half =
      quantile * hypot(b * fine->se, a * coarse->se) / (b - a) +
      (b * (fine->scheme_error + fine->rounding) + a * (coarse->scheme_error + coarse->rounding)) /
          (b - a);
  return (b * fine->difference - a * coarse->difference) / (b - a);
}

/* One sign at x = 0 and at the three smallest points, and hardly a slope between these. */
static bool is_flat(const struct error_point *point, double rest, double order)
{
  bool flat = true;
  for (size_t i = 0; i < 3; i++)
    flat &= point[i].difference * rest > 0;
  for (size_t i = 0; i < 2; i++)
    flat &= fabs(slope_between(&point[i], &point[i + 1])) < order / 2;
  return flat;
}

enum holds error_line_judge_plateau(const struct error_line *line, double order, double quantile,
                                    size_t size, char *text)
{
  const struct error_point *point = line->point;
  if (line->count < 3) {
    snprintf(text, size, "%zu points, three are needed", line->count);
    return HOLDS_UNDECIDED;
  }
  double half, coarse_half;
  double rest = difference_limit(&point[0], &point[1], order, quantile, &half);
  double coarse_rest = difference_limit(&point[1], &point[2], order, quantile, &coarse_half);
  half += fabs(rest - coarse_rest);
  snprintf(text, size, "%.3g +- %.1g at %s -> 0, %.3g at %g", rest, half, line->axis,
           point->difference, point->x);
  if (fabs(rest) - half > point_error(point) / 2 && is_flat(point, rest, order))
    return HOLDS_YES;
  return fabs(rest) + half < point_error(point) / 4 ? HOLDS_NO : HOLDS_UNDECIDED;
}
