/*
 * Minima: see minima.h.
 */
#include "analysis/minima.h"

#include "sde/status.h"

#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>

/* Steps of one simplex, simplices from one start. */
enum { STEPS_MAX = 1000, RESTARTS_MAX = 20 };

/* In cells of the grid: the first simplex, the last one, and the step of the Hessian's
 * differences; and the largest ratio of curvatures that counts as none. */
static const double first_size = 0.5, last_size = 1e-8, difference = 1e-2, flatness = 1e-6;
static const double greatest = 1e300;

struct function {
  double (*evaluate)(void *context, const double *x);
  void *context;
  size_t dim;
};

static double evaluate_vector(const gsl_vector *x, void *parameters)
{
  const struct function *function = parameters;
  double point[MINIMA_DIM] = {0};
  for (size_t k = 0; k < function->dim; k++)
    point[k] = gsl_vector_get(x, k);
  double value = function->evaluate(function->context, point);
  return isfinite(value) ? value : greatest; /* GSL ends the program for an infinite one */
}

size_t minima_points(const struct minima_box *box)
{
  return box->dim == 1 ? box->resolution : box->resolution * box->resolution;
}

static double cell(const struct minima_box *box, size_t k)
{
  return (box->high[k] - box->low[k]) / (double)(box->resolution - 1);
}

void minima_point(const struct minima_box *box, size_t i, double *x)
{
  size_t index[MINIMA_DIM] = {i, 0};
  if (box->dim == 2) {
    index[0] = i / box->resolution;
    index[1] = i % box->resolution;
  }
  for (size_t k = 0; k < box->dim; k++)
    x[k] = box->low[k] + cell(box, k) * (double)index[k];
}

/* Is point i inside the grid, below all its neighbours or, among equals, the first? */
static bool is_low(const struct minima_box *box, const double *values, size_t i)
{
  size_t n = box->resolution, row = box->dim == 2 ? i / n : 1, column = i % n;
  if (column == 0 || column == n - 1 || (box->dim == 2 && (row == 0 || row == n - 1)))
    return false;
  int rows = box->dim == 2;
  for (int a = -rows; a <= rows; a++)
    for (int b = -1; b <= 1; b++) {
      size_t j = (size_t)((ptrdiff_t)i + a * (ptrdiff_t)n + b);
      if (j != i && !(j < i ? values[i] < values[j] : values[i] <= values[j]))
        return false;
    }
  return true;
}

/* One run of the simplex method from x, to where it ends; returns the value there. */
static double descend(gsl_multimin_fminimizer *minimizer, gsl_multimin_function *function,
                      gsl_vector *x, const gsl_vector *size, double smallest)
{
  gsl_multimin_fminimizer_set(minimizer, function, x, size);
  for (size_t step = 0; step < STEPS_MAX; step++)
    if (gsl_multimin_fminimizer_iterate(minimizer) != 0 ||
        gsl_multimin_fminimizer_size(minimizer) < smallest)
      break;
  gsl_vector_memcpy(x, gsl_multimin_fminimizer_x(minimizer));
  return gsl_multimin_fminimizer_minimum(minimizer);
}

static struct minimum polish(const struct minima_box *box, struct function *function,
                             const double *start)
{
  size_t d = box->dim;
  gsl_multimin_function wrapped = {evaluate_vector, d, function};
  gsl_multimin_fminimizer *minimizer =
      gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, d);
  gsl_vector *x = gsl_vector_alloc(d), *size = gsl_vector_alloc(d);
  double smallest = INFINITY;
  for (size_t k = 0; k < d; k++) {
    gsl_vector_set(x, k, start[k]);
    gsl_vector_set(size, k, first_size * cell(box, k));
    smallest = fmin(smallest, last_size * cell(box, k));
  }
  struct minimum found = {.value = descend(minimizer, &wrapped, x, size, smallest)};
  for (size_t restart = 0; restart < RESTARTS_MAX; restart++) {
    double before = found.value;
    found.value = descend(minimizer, &wrapped, x, size, smallest);
    if (!(found.value < before))
      break;
  }
  for (size_t k = 0; k < d; k++)
    found.x[k] = gsl_vector_get(x, k);
  gsl_multimin_fminimizer_free(minimizer);
  gsl_vector_free(x);
  gsl_vector_free(size);
  return found;
}

/* The function a steps along the first coordinate and b along the second away. */
static double value_near(const struct minima_box *box, const struct function *function,
                         const struct minimum *at, int a, int b)
{
  double x[MINIMA_DIM] = {at->x[0] + a * difference * cell(box, 0)};
  if (box->dim == 2)
    x[1] = at->x[1] + b * difference * cell(box, 1);
  return function->evaluate(function->context, x);
}

static void add_curvature(const struct minima_box *box, const struct function *function,
                          struct minimum *at)
{
  double h = difference * cell(box, 0), centre = value_near(box, function, at, 0, 0);
  double xx =
      (value_near(box, function, at, 1, 0) - 2 * centre + value_near(box, function, at, -1, 0)) /
      (h * h);
  at->curvature[0] = xx;
  if (box->dim == 1)
    return;
  double k = difference * cell(box, 1);
  double yy =
      (value_near(box, function, at, 0, 1) - 2 * centre + value_near(box, function, at, 0, -1)) /
      (k * k);
  double xy = (value_near(box, function, at, 1, 1) - value_near(box, function, at, 1, -1) -
               value_near(box, function, at, -1, 1) + value_near(box, function, at, -1, -1)) /
              (4 * h * k);
  double middle = (xx + yy) / 2, radius = hypot((xx - yy) / 2, xy);
  at->curvature[0] = middle - radius;
  at->curvature[1] = middle + radius;
  at->flat = at->curvature[0] < flatness * at->curvature[1];
}

static bool is_inside(const struct minima_box *box, const struct minimum *at)
{
  for (size_t k = 0; k < box->dim; k++)
    if (!(at->x[k] > box->low[k] && at->x[k] < box->high[k]))
      return false;
  return true;
}

static bool is_near(const struct minima_box *box, const struct minimum *a, const struct minimum *b)
{
  for (size_t k = 0; k < box->dim; k++)
    if (!(fabs(a->x[k] - b->x[k]) < cell(box, k)))
      return false;
  return true;
}

static int compare(const void *left, const void *right)
{
  const struct minimum *a = left, *b = right;
  return (a->value > b->value) - (a->value < b->value);
}

struct minimum *minima_find(const struct minima_box *box, const double *values,
                            double (*evaluate)(void *context, const double *x), void *context,
                            size_t *count)
{
  struct function function = {evaluate, context, box->dim};
  size_t points = minima_points(box), found = 0;
  struct minimum *all = sde_alloc(points, sizeof *all);
  for (size_t i = 0; i < points; i++) {
    double start[MINIMA_DIM];
    if (!is_low(box, values, i))
      continue;
    minima_point(box, i, start);
    all[found] = polish(box, &function, start);
    found += is_inside(box, &all[found]);
  }
  qsort(all, found, sizeof *all, compare);
  *count = 0;
  for (size_t i = 0; i < found; i++) {
    bool known = false;
    for (size_t j = 0; j < *count; j++)
      known |= is_near(box, &all[i], &all[j]);
    if (!known)
      all[(*count)++] = all[i];
  }
  for (size_t i = 0; i < *count; i++)
    add_curvature(box, &function, &all[i]);
  return all;
}
