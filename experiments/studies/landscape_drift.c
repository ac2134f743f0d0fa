/*
 * Does the drift of an SDE descend f + rho R? See landscape_drift.h.
 */
#include "experiments/studies/landscape_drift.h"

#include "sde/block.h"
#include "sde/statistics.h"

#include <math.h>
#include <string.h>

/* A drift agrees with a gradient where they differ by at most this share of the regulariser's, or
 * of the median of that; so it must at this share of the points, for |g_I| has kinks. Not of its
 * largest: beside a pole anything would agree. */
static const double agreement = 1e-4, smooth_share = 0.99;

enum { PROBES = 21 }; /* points a side at which they are compared */

/* The gradient of the function by central differences of fourth order. */
static void gradient_at(struct effective_loss_function *evaluated, const struct minima_box *box,
                        const double *x, double *gradient)
{
  static const double step = 1e-4; /* of the side */
  for (size_t k = 0; k < box->dim; k++) {
    double h = step * (box->high[k] - box->low[k]), y[MINIMA_DIM], near[2], wide[2];
    memcpy(y, x, box->dim * sizeof *x);
    for (int sign = 0; sign < 2; sign++) {
      y[k] = x[k] + (2 * sign - 1) * h;
      near[sign] = effective_loss_function_at(evaluated, y);
      y[k] = x[k] + (2 * sign - 1) * 2 * h;
      wide[sign] = effective_loss_function_at(evaluated, y);
    }
    gradient[k] = (8 * (near[1] - near[0]) - (wide[1] - wide[0])) / (12 * h);
  }
}

/* The drift of a system at x. */
static void drift_at(const struct sde_system *system, void *workspace, const double *x,
                     double *drift)
{
  const struct sde_instant at = {0, 0, 0};
  double block[MINIMA_DIM * SDE_UNIT], out[MINIMA_DIM * SDE_UNIT];
  for (size_t k = 0; k < system->dim; k++)
    sde_block_fill(SDE_UNIT, x[k], block + k * SDE_UNIT);
  system->evaluate(system, workspace, &at, SDE_UNIT, block, NULL, out, NULL);
  for (size_t k = 0; k < system->dim; k++)
    drift[k] = out[k * SDE_UNIT];
}

/* The number in the middle of those that are not NAN. */
static double median_of(size_t count, const double *values)
{
  double *sorted = sde_alloc(count, sizeof *sorted);
  size_t finite = sde_sorted(count, values, sorted);
  double middle = finite == 0 ? NAN : sorted[finite / 2];
  sde_free(sorted);
  return middle;
}

/* Errors over the slope there or, where that is larger, its median over all points; what the
 * differences leave of the largest does not count. */
static void make_relative(size_t points, const double *slope, double noticed, double *error)
{
  double median = median_of(points, slope);
  for (size_t i = 0; i < points; i++)
    error[i] = error[i] == 0 ? 0 : error[i] / fmax(fmax(slope[i], median), noticed);
}

static double largest_of(size_t count, const double *values)
{
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, values[i]); /* NAN does not count */
  return largest;
}

/* At the points of a coarse grid, the length of drift + grad(f + rho R) over that of grad f where
 * rho R vanishes, or else of rho grad R. Where one of them is not finite, as outside of the domain
 * of the loss, the point says nothing: its error is NAN. Released with sde_free. */
static double *drift_errors(const struct sde_system *system, struct effective_loss *effective,
                            const struct minima_box *box, size_t *points)
{
  struct minima_box probes = *box;
  probes.resolution = PROBES;
  struct effective_loss_function whole = {effective, false}, plain = {effective, true};
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  *points = minima_points(&probes);
  double *error = sde_alloc(*points, sizeof *error);
  double *part = sde_alloc(2 * *points, sizeof *part), *all = part + *points;
  for (size_t i = 0; i < *points; i++) {
    double x[MINIMA_DIM], drift[MINIMA_DIM], gradient[MINIMA_DIM], of_loss[MINIMA_DIM];
    minima_point(&probes, i, x);
    drift_at(system, workspace, x, drift);
    gradient_at(&whole, box, x, gradient);
    gradient_at(&plain, box, x, of_loss);
    for (size_t k = 0; k < box->dim; k++) {
      error[i] = hypot(error[i], drift[k] + gradient[k]);
      part[i] = hypot(part[i], gradient[k] - of_loss[k]);
      all[i] = hypot(all[i], of_loss[k]);
    }
    if (!isfinite(error[i]) || !isfinite(part[i]) || !isfinite(all[i]))
      error[i] = part[i] = all[i] = NAN;
  }
  double noticed = 1e-8 * largest_of(*points, all), slope = largest_of(*points, part);
  make_relative(*points, slope > noticed ? part : all, fmax(noticed, 1e-6 * slope), error);
  sde_system_workspace_free(system, workspace);
  sde_free(part);
  return error;
}

void landscape_drift_judge(struct results *results, const struct run_case *one, size_t s,
                           struct effective_loss *effective, const struct minima_box *box)
{
  const struct limit *limit = one->sde[s].limit;
  const struct limit_options *options = limit_options_of(limit);
  if (options->eta_order != 1 || options->rho_order == LIMIT_RHO_ORDER_EXACT ||
      limit_uses_directions(limit) || !optimizer_steps_along_gradient(&one->optimizer))
    return;
  size_t points, finite = 0, agreeing = 0;
  double *error = drift_errors(limit_system(limit), effective, box, &points);
  for (size_t i = 0; i < points; i++) {
    finite += isfinite(error[i]);
    agreeing += error[i] <= agreement;
  }
  char *left_out = finite == points ? sde_strdup("")
                                    : sde_format("; %zu more, where it is not finite, are left out",
                                                 points - finite);
  char *label = case_label(one);
  char *claim = sde_format("%s, b %zu, eta %g, rho %g: SDE %zu descends f + rho R on average",
                           label, one->optimizer.batch, one->optimizer.eta, one->optimizer.rho, s);
  if (finite == 0)
    results_verdict(results, claim, HOLDS_UNDECIDED,
                    "neither drift nor gradient is finite at any of %zu points of the window",
                    points);
  else
    results_verdict(
        results, claim, (double)agreeing >= smooth_share * (double)finite ? HOLDS_YES : HOLDS_NO,
        "its drift is minus the gradient, to %g of rho |grad R| or its median, at %zu of "
        "%zu points%s; at most they differ by %.2g of it",
        agreement, agreeing, finite, left_out, largest_of(points, error));
  sde_free(left_out);
  sde_free(claim);
  sde_free(label);
  sde_free(error);
}
