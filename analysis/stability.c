/*
 * Stability: see stability.h.
 */
#include "analysis/stability.h"

#include "sde/block.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <string.h>

/* The Hessian has the square of them as entries, its eigenvalues take the cube. */
enum { LARGEST_DIM = 128 };

/* A mean path is walked for so many steps at most; of longer ones the rest is not looked at. */
enum { STEPS_MAX = 2000 };

static const struct stability unknown = {NAN, NAN, NAN, NAN, NAN};

/* The smallest and largest eigenvalue; false where the Hessian is not finite. */
static bool curvatures(const struct loss *loss, const double *x, double *smallest, double *largest)
{
  size_t d = loss->dim;
  double *hessian = sde_alloc(d, d * sizeof *hessian);
  loss_mean_hessian(loss, x, hessian);
  bool finite = true;
  for (size_t i = 0; i < d * d; i++)
    finite &= isfinite(hessian[i]);
  if (finite) {
    gsl_matrix_view matrix = gsl_matrix_view_array(hessian, d, d);
    gsl_vector *values = gsl_vector_alloc(d);
    gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc(d);
    gsl_eigen_symm(&matrix.matrix, values, workspace);
    gsl_vector_minmax(values, smallest, largest);
    gsl_eigen_symm_free(workspace);
    gsl_vector_free(values);
  }
  sde_free(hessian);
  return finite;
}

/* The full gradient at one point, in a block of equal columns. */
static void gradient_at(const struct loss *loss, const double *x, double *block, double *g)
{
  size_t d = loss->dim;
  double *out = block + d * SDE_UNIT, *scratch = out + d * SDE_UNIT;
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  loss_mean_gradient(loss, SDE_UNIT, block, out, scratch);
  for (size_t i = 0; i < d; i++)
    g[i] = out[i * SDE_UNIT];
}

static double norm_of(size_t count, const double *x)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += x[i] * x[i];
  return sqrt(sum);
}

static double noise_to_signal(const struct optimizer *optimizer, const double *x)
{
  size_t d = optimizer->objective->loss->dim;
  double *block = sde_alloc(4 * d, SDE_UNIT * sizeof *block), *g = sde_alloc(d, sizeof *g);
  double trace[SDE_UNIT];
  gradient_at(optimizer->objective->loss, x, block, g);
  objective_noise_trace(optimizer->objective, SDE_UNIT, block, trace, block + 2 * d * SDE_UNIT);
  double factor = objective_batch_factor(optimizer->objective, optimizer->batch);
  double ratio = sqrt(factor * trace[0]) / norm_of(d, g);
  sde_free(block);
  sde_free(g);
  return isfinite(ratio) ? ratio : NAN;
}

/* Is x + rho e with an e of the gradient's size, so that rho lambda counts? */
static double effective_rho(const struct optimizer *optimizer)
{
  const struct gradient_theory *theory = &optimizer->rule->theory;
  return theory->depends == GRADIENT_UNPERTURBED || theory->normalized ? 0 : optimizer->rho;
}

struct stability stability_at(const struct optimizer *optimizer, const double *x)
{
  struct stability at = unknown;
  double rho = effective_rho(optimizer);
  if (optimizer->objective->loss->dim > LARGEST_DIM ||
      !curvatures(optimizer->objective->loss, x, &at.smallest, &at.largest))
    return unknown;
  at.step =
      optimizer->eta / (double)optimizer->objective->svag * at.largest * (1 + rho * at.largest);
  at.turning = at.smallest < 0 ? rho * -at.smallest : 0;
  at.noise_to_signal = noise_to_signal(optimizer, x);
  return at;
}

/* One mean step; false where it leaves the numbers. */
static bool mean_step(const struct optimizer *optimizer, double *x, double *scratch)
{
  size_t d = optimizer->objective->loss->dim;
  double *g = scratch, *moved = g + d, *block = moved + d, rho = effective_rho(optimizer);
  bool finite = true;
  gradient_at(optimizer->objective->loss, x, block, g);
  for (size_t i = 0; i < d; i++)
    moved[i] = x[i] + rho * g[i];
  if (rho > 0)
    gradient_at(optimizer->objective->loss, moved, block, g);
  for (size_t i = 0; i < d; i++) {
    x[i] -= optimizer->eta * g[i];
    finite &= fabs(x[i]) < 1e12;
  }
  return finite;
}

static void keep_largest(struct stability *kept, struct stability at)
{
  kept->largest = fmax(kept->largest, at.largest);
  kept->smallest = fmin(kept->smallest, at.smallest);
  kept->step = fmax(kept->step, at.step);
  kept->turning = fmax(kept->turning, at.turning);
  kept->noise_to_signal = fmax(kept->noise_to_signal, at.noise_to_signal);
}

struct stability stability_along(const struct optimizer *optimizer, const double *start,
                                 uint64_t steps, size_t points)
{
  size_t d = optimizer->objective->loss->dim;
  struct stability kept = stability_at(optimizer, start);
  if (isnan(kept.step))
    return kept;
  double *x = sde_alloc(d, sizeof *x);
  double *scratch = sde_alloc(d, (2 + 3 * SDE_UNIT) * sizeof *scratch);
  memcpy(x, start, d * sizeof *x);
  uint64_t walked = steps < STEPS_MAX ? steps : STEPS_MAX, k = 0;
  bool good = kept.step <= 2;
  for (size_t i = 1; good && i <= points; i++) {
    for (; good && k < walked * i / points; k++)
      good = mean_step(optimizer, x, scratch);
    if (good)
      keep_largest(&kept, stability_at(optimizer, x));
    good &= kept.step <= 2;
  }
  sde_free(x);
  sde_free(scratch);
  return kept;
}
