/*
 * Systems in one dimension: see line.h. A zero of s^2 is refined by blocks of even points between
 * the neighbours of the least so far.
 */
#include "analysis/line.h"

#include "sde/block.h"
#include "sde/status.h"

#include <float.h>
#include <math.h>

enum { STEPS = 1024, NODES = STEPS + SDE_UNIT, REFINEMENTS_MAX = 300 };

/* s at a zero over s at the nodes around it, squared: at a zero rounding leaves 1e-16 times the
 * point over the step. What s^2 at a node near a zero is of that at its neighbours: (f/(1 + f))^p,
 * f <= 1/2 of a step, p >= 1. */
static const double vanishing = 1e-20, suspicious = 0.5;

/* The distance from a zero where drift and variance are looked at, in steps; the least share of the
 * point that it may be; and what share of its change the drift at the point itself must be. */
static const double near = 1e-2, resolved = 1e-11, nonzero = 1e-4;

struct line line_new(const struct sde_system *system)
{
  return (struct line){system, sde_system_workspace_new(system, SDE_UNIT),
                       sde_alloc(system->noise_dim, SDE_UNIT * sizeof(double)),
                       sde_alloc(1, SDE_UNIT * sizeof(double))};
}

void line_free(struct line *line)
{
  sde_system_workspace_free(line->system, line->workspace);
  sde_free(line->dw);
  sde_free(line->noise);
}

void line_at(const struct line *line, const double *x, double *drift, double *variance)
{
  const struct sde_system *system = line->system;
  const struct sde_instant at = {0, 0, 0};
  system->evaluate(system, line->workspace, &at, SDE_UNIT, x, NULL, drift, NULL);
  sde_block_fill(SDE_UNIT, 0, variance);
  for (size_t k = 0; k < system->noise_dim; k++) {
    double *dw = line->dw + k * SDE_UNIT;
    sde_block_fill(SDE_UNIT, 1, dw);
    system->evaluate(system, line->workspace, &at, SDE_UNIT, x, line->dw, NULL, line->noise);
    sde_block_fill(SDE_UNIT, 0, dw);
    for (size_t p = 0; p < SDE_UNIT; p++)
      variance[p] += line->noise[p] * line->noise[p];
  }
}

/* Evenly from low to high. */
static void spread(double low, double high, double x[SDE_UNIT])
{
  for (size_t p = 0; p < SDE_UNIT; p++)
    x[p] = low + (high - low) * ((double)p / (SDE_UNIT - 1));
}

/* The edge of where s^2 is 0, between x where it is not and `zero`, evenly by blocks. */
static double find_edge(const struct line *line, double x, double zero)
{
  double at[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT], first = fabs(zero - x);
  while (fabs(zero - x) > fmax(2 * DBL_EPSILON * fabs(zero), 1e-18 * first)) {
    spread(x, zero, at);
    line_at(line, at, drift, variance);
    size_t k = 1;
    while (k + 1 < SDE_UNIT && variance[k] > 0)
      k++;
    x = at[k - 1];
    zero = at[k];
  }
  return zero;
}

/* Where s^2 is least between low and high, in either order; *least is that. */
static double find_least(const struct line *line, double low, double high, double *least)
{
  double x[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT], first = fabs(high - low);
  double start = low, best = low;
  for (size_t i = 0; i < REFINEMENTS_MAX; i++) {
    spread(low, high, x);
    line_at(line, x, drift, variance);
    size_t k = 0;
    for (size_t p = 1; p < SDE_UNIT; p++)
      if (variance[p] < variance[k])
        k = p;
    best = x[k];
    *least = variance[k];
    low = x[k == 0 ? 0 : k - 1];
    high = x[k + 1 == SDE_UNIT ? k : k + 1];
    if (*least == 0 || fabs(high - low) <= fmax(2 * DBL_EPSILON * fabs(best), 1e-18 * first))
      break;
  }
  if (*least == 0)
    best = find_edge(line, start, best);
  return fabs(best) <= 1e-12 * first ? 0 : best; /* rounding of nothing */
}

/* The kind of the zero at x to a path on the side of `sign`, looking from `distance`. */
static enum line_end classify(const struct line *line, double x, double sign, double distance)
{
  double at[SDE_UNIT], a[SDE_UNIT], variance[SDE_UNIT];
  for (size_t p = 0; p < SDE_UNIT; p++)
    at[p] = x + sign * distance * (double)(p < 3 ? p : 0);
  line_at(line, at, a, variance);
  double drift = sign * a[0], beside = sign * a[1];
  double order = log2(variance[2] / variance[1]);
  if (!(distance > resolved * fabs(x)) || !isfinite(drift) || !isfinite(beside) || !(order > 1.9))
    return LINE_UNCERTAIN;
  if (fabs(drift) > nonzero * fabs(beside))
    return drift > 0 ? LINE_REPELS : LINE_PASSES;
  double ratio = 2 * beside * distance / variance[1];
  if (order > 2.5)
    return beside > 0 ? LINE_REPELS : LINE_DRAWS;
  return ratio > 1 ? LINE_REPELS : LINE_DRAWS;
}

/* Is there a zero between the neighbours of node x[1], of x[0], x[1] and x[2]? */
static bool refine(const struct line *line, const double *x, const double *variance,
                   struct line_zero *zero)
{
  double beside = fmax(variance[0], variance[2]), least;
  if (!(variance[1] <= suspicious * beside) || variance[1] > variance[0] ||
      variance[1] > variance[2])
    return false;
  zero->x = find_least(line, x[0], x[2], &least);
  if (!(least <= vanishing * beside))
    return false;
  zero->end = LINE_UNCERTAIN;
  if (variance[0] > 0 && variance[2] > 0)
    zero->end = classify(line, zero->x, x[0] > x[1] ? 1 : -1, near * fabs(x[1] - x[0]));
  return true;
}

/* One node lies before `from` and one beyond `to`, for what is just beside them. */
bool line_find_zero(const struct line *line, double from, double to, struct line_zero *zero)
{
  double x[NODES], drift[NODES], variance[NODES], step = (to - from) / STEPS;
  for (size_t first = 0; first < NODES; first += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      x[first + p] = from + step * ((double)(first + p) - 1);
    line_at(line, x + first, drift + first, variance + first);
  }
  for (size_t i = 1; i <= STEPS + 1 && isfinite(variance[i]); i++)
    if (refine(line, x + i - 1, variance + i - 1, zero) && (zero->x - from) / step > 0)
      return true;
  return false;
}

bool line_vanishes(const struct line *line, double x)
{
  double at[SDE_UNIT], drift[SDE_UNIT], variance[SDE_UNIT], apart = 1e-3 * (1 + fabs(x));
  for (size_t p = 0; p < SDE_UNIT; p++)
    at[p] = x + apart * (p == 0 ? 0 : p % 2 == 0 ? 1 : -1);
  line_at(line, at, drift, variance);
  return !(variance[0] > vanishing * fmax(variance[1], variance[2]));
}
