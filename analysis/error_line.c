/*
 * Error lines: see error_line.h.
 */
#include "analysis/error_line.h"

#include "sde/status.h"

#include <math.h>
#include <stdlib.h>

/* A simulated point is fitted where so many standard errors are to be expected of it. */
static const double expected_errors = 4;

static double point_error(const struct error_line_point *point)
{
  return fabs(point->difference);
}

/* ---- fitting ---- */

static int compare_points(const void *left, const void *right)
{
  const struct error_line_point *a = left, *b = right;
  return (a->x > b->x) - (a->x < b->x);
}

static double slope_between(const struct error_line_point *fine,
                            const struct error_line_point *coarse)
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
    const struct error_line_point *point = &line->point[i];
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
    struct error_line_point *point = &line->point[i], *finer = i > 0 ? point - 1 : NULL;
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
                              const struct error_line_point *point[SMALLEST])
{
  size_t found = 0;
  for (size_t i = 0; i < line->count && found < SMALLEST; i++)
    if (line->point[i].resolved)
      point[found++] = &line->point[i];
  return found;
}

bool error_line_changes_sign(const struct error_line *line)
{
  const struct error_line_point *first = NULL;
  for (size_t i = 0; i < line->count; i++) {
    const struct error_line_point *point = &line->point[i];
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
static double slope_limit(const struct error_line_point *const point[3])
{
  double fine = slope_between(point[0], point[1]), coarse = slope_between(point[1], point[2]);
  double ratio = sqrt(point[2]->x / point[0]->x);
  return fine + (fine - coarse) / (ratio - 1);
}

/* Half the interval is the last step of the extrapolation, or what the one from larger points
 * differs by, and rounding. */
double error_line_slope_limit(const struct error_line *line, double *half)
{
  const struct error_line_point *point[SMALLEST];
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

/* ---- the plateau ---- */

/* The difference at x = 0 from two points, with its interval. */
static double difference_limit(const struct error_line_point *fine,
                               const struct error_line_point *coarse, double order, double quantile,
                               double *half)
{
  double a = pow(fine->x, order), b = pow(coarse->x, order);
  *half =
      quantile * hypot(b * fine->se, a * coarse->se) / (b - a) +
      (b * (fine->scheme_error + fine->rounding) + a * (coarse->scheme_error + coarse->rounding)) /
          (b - a);
  return (b * fine->difference - a * coarse->difference) / (b - a);
}

double error_line_rest(const struct error_line *line, double order, double quantile, double *half)
{
  const struct error_line_point *point = line->point;
  double coarse_half;
  double rest = difference_limit(&point[0], &point[1], order, quantile, half);
  *half += fabs(rest - difference_limit(&point[1], &point[2], order, quantile, &coarse_half));
  return rest;
}

bool error_line_is_flat(const struct error_line *line, double rest, double order)
{
  const struct error_line_point *point = line->point;
  bool flat = true;
  for (size_t i = 0; i < 3; i++)
    flat &= point[i].difference * rest > 0;
  for (size_t i = 0; i < 2; i++)
    flat &= fabs(slope_between(&point[i], &point[i + 1])) < order / 2;
  return flat;
}
