/*
 * The referee: see referee.h.
 */
#include "analysis/referee.h"

#include "sde/block.h"
#include "sde/status.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

/* ---- one step ---- */

void referee_claim(const struct sde_system *system, double eta, double time, const double *y,
                   double *drift, double *covariance)
{
  size_t d = system->dim, processes = system->noise_dim, size = d * SDE_UNIT;
  double *block = sde_alloc(3 * size + processes * SDE_UNIT, sizeof *block);
  double *a = block + size, *noise = a + size, *dw = noise + size;
  void *workspace = sde_system_workspace_new(system, SDE_UNIT);
  struct sde_instant at = {.time = time};
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, y[i], block + i * SDE_UNIT);
  memset(covariance, 0, d * d * sizeof *covariance);
  for (size_t first = 0; first < processes; first += SDE_UNIT) {
    size_t count = processes - first < SDE_UNIT ? processes - first : SDE_UNIT;
    sde_block_fill(processes * SDE_UNIT, 0, dw);
    for (size_t k = 0; k < count; k++)
      dw[(first + k) * SDE_UNIT + k] = 1;
    system->evaluate(system, workspace, &at, SDE_UNIT, block, dw, a, noise);
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < count; k++)
          covariance[i * d + j] += noise[i * SDE_UNIT + k] * noise[j * SDE_UNIT + k] / eta;
  }
  for (size_t i = 0; i < d; i++)
    drift[i] = a[i * SDE_UNIT];
  sde_system_workspace_free(system, workspace);
  sde_free(block);
}

struct limit *referee_truth(const struct optimizer *optimizer, int eta_order,
                            struct sde_status *status)
{
  struct limit_options exact = {
      .eta_order = eta_order, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
  struct limit *limit =
      limit_new(optimizer, &exact, sde_stream_named(0, "referee"), "referee", status);
  if (limit == NULL || !limit_system(limit)->draws)
    return limit;
  limit_free(limit);
  sde_fail(status, SDE_INVALID,
           "%s has too many batches to go through all of them; the referee needs few samples, a "
           "small batch or micro_batch 1",
           optimizer->rule->name);
  return NULL;
}

/* ---- the dictionary ---- */

enum {
  HALF_SQUARED_GRADIENT,
  HALF_NOISE_TRACE,
  HESSIAN_GRADIENT,
  NOISE_TRACE,
  GRADIENT_NORM_TERM,
  MEAN_NORM,
  GRADIENT,
  POSITION
};

const char *const referee_term_names[REFEREE_TERMS] = {"rho*grad_half_squared_gradient",
                                                       "rho*grad_half_noise_trace",
                                                       "eta*hessian_gradient",
                                                       "eta*grad_noise_trace",
                                                       "rho*grad_gradient_norm",
                                                       "rho*grad_mean_norm",
                                                       "gradient",
                                                       "x"};

/* grad E|g_I|, as it stands in the drift g + rho grad E|g_I| of m-SAM to first order; zero where it
 * is not known without draws. */
static void mean_norm_gradient(const struct optimizer *optimizer, const double *x,
                               const double *gradient, double *out)
{
  size_t d = optimizer->objective->loss->dim;
  struct optimizer sam = *optimizer;
  sam.rule = gradient_rule_named("m-sam");
  sam.update = update_rule_named("sgd");
  sam.program = NULL;
  sam.eta_schedule = sam.rho_schedule = NULL;
  sam.rho = 1;
  struct limit_options first = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit = limit_new(&sam, &first, sde_stream_named(0, "referee"), "referee", &status);
  memset(out, 0, d * sizeof *out);
  if (limit != NULL && !limit_system(limit)->draws) {
    double *covariance = sde_alloc(d, d * sizeof *covariance);
    referee_claim(limit_system(limit), 1, 0, x, out, covariance);
    for (size_t i = 0; i < d; i++)
      out[i] = -out[i] - gradient[i];
    sde_free(covariance);
  }
  limit_free(limit);
}

void referee_terms(const struct optimizer *optimizer, const double *x, double *term)
{
  const struct loss *loss = optimizer->objective->loss;
  size_t d = loss->dim, size = d * SDE_UNIT;
  double *block = sde_alloc(7, size * sizeof *block), *g = block + size, *hg = g + size;
  double *trace = hg + size, *scratch = trace + size;
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  loss_mean_gradient(loss, SDE_UNIT, block, g, scratch);
  loss_mean_hessian_vector(loss, SDE_UNIT, block, g, hg, scratch);
  objective_noise_trace_gradient(optimizer->objective, SDE_UNIT, block, trace, scratch);
  double *gradient = term + GRADIENT * d, norm = 0, eta = optimizer->eta, rho = optimizer->rho;
  for (size_t i = 0; i < d; i++) {
    gradient[i] = g[i * SDE_UNIT];
    norm = hypot(norm, gradient[i]);
  }
  mean_norm_gradient(optimizer, x, gradient, term + MEAN_NORM * d);
  for (size_t i = 0; i < d; i++) {
    double of_squares = hg[i * SDE_UNIT], of_trace = trace[i * SDE_UNIT];
    term[HALF_SQUARED_GRADIENT * d + i] = rho * of_squares;
    term[HALF_NOISE_TRACE * d + i] = rho / 2 * of_trace;
    term[HESSIAN_GRADIENT * d + i] = eta / 2 * of_squares;
    term[NOISE_TRACE * d + i] = eta / 4 * of_trace;
    term[GRADIENT_NORM_TERM * d + i] = norm > 0 ? rho * of_squares / norm : 0;
    term[MEAN_NORM * d + i] *= rho;
    term[POSITION * d + i] = x[i];
  }
  sde_free(block);
}

/* ---- least squares ---- */

static double dot(size_t count, const double *a, const double *b)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

/* The coefficients of these terms and their errors; returns the sum of squares that is left. */
static double solve(size_t rows, const double *mismatch, const double *term, size_t count,
                    struct referee_missing *missing)
{
  gsl_matrix *normal = gsl_matrix_alloc(count, count);
  gsl_vector *right = gsl_vector_alloc(count), *solution = gsl_vector_alloc(count);
  for (size_t a = 0; a < count; a++) {
    const double *one = term + missing[a].term * rows;
    for (size_t b = 0; b < count; b++)
      gsl_matrix_set(normal, a, b, dot(rows, one, term + missing[b].term * rows));
    gsl_vector_set(right, a, dot(rows, one, mismatch));
  }
  gsl_linalg_cholesky_decomp1(normal);
  gsl_linalg_cholesky_solve(normal, right, solution);
  double left = 0;
  for (size_t i = 0; i < rows; i++) {
    double rest = mismatch[i];
    for (size_t a = 0; a < count; a++)
      rest -= gsl_vector_get(solution, a) * term[missing[a].term * rows + i];
    left += rest * rest;
  }
  gsl_linalg_cholesky_invert(normal);
  for (size_t a = 0; a < count; a++) {
    missing[a].coefficient = gsl_vector_get(solution, a);
    missing[a].se =
        rows > count ? sqrt(left / (double)(rows - count) * gsl_matrix_get(normal, a, a)) : NAN;
  }
  gsl_matrix_free(normal);
  gsl_vector_free(right);
  gsl_vector_free(solution);
  return left;
}

/* Terms are the same beyond this cosine of their angle; a hundredth of the sum of squares is enough
 * to leave, a tenth of the mismatch. */
static const double same = 1 - 1e-9, enough = 0.01;

/* The cosine of the angle between two terms; 0 where one is zero. */
static double cosine(size_t rows, const double *a, const double *b)
{
  double product = dot(rows, a, a) * dot(rows, b, b);
  return product > 0 ? fabs(dot(rows, a, b)) / sqrt(product) : 0;
}

/* Can the terms be told from each other, and is none of them zero? */
static bool are_different(const struct referee_missing *missing, size_t count, size_t rows,
                          const double *term)
{
  for (size_t a = 0; a < count; a++) {
    const double *one = term + missing[a].term * rows;
    if (dot(rows, one, one) == 0)
      return false;
    for (size_t b = 0; b < a; b++)
      if (cosine(rows, one, term + missing[b].term * rows) > same)
        return false;
  }
  return true;
}

/* The next choice of so many terms, in ascending order; false after the last. */
static bool advance_choice(struct referee_missing *missing, size_t count)
{
  size_t at = count;
  while (at > 0 && missing[at - 1].term == REFEREE_TERMS - count + at - 1)
    at--;
  if (at == 0)
    return false;
  missing[at - 1].term++;
  for (; at < count; at++)
    missing[at].term = missing[at - 1].term + 1;
  return true;
}

/* The best choice of so many terms, into best[]; returns the sum of squares that it leaves. */
static double choose(size_t rows, const double *mismatch, const double *term, size_t count,
                     struct referee_missing *best)
{
  struct referee_missing trial[REFEREE_TERMS];
  double least = INFINITY;
  for (size_t a = 0; a < count; a++)
    trial[a].term = a;
  do {
    if (!are_different(trial, count, rows, term))
      continue;
    double left = solve(rows, mismatch, term, count, trial);
    if (left < least * (1 - 1e-9)) {
      least = left;
      memcpy(best, trial, count * sizeof *best);
    }
  } while (advance_choice(trial, count));
  return least;
}

size_t referee_find(size_t rows, const double *mismatch, const double *term, size_t most,
                    struct referee_missing *missing, size_t *collinear)
{
  double all = dot(rows, mismatch, mismatch), left = INFINITY;
  size_t count = 0;
  *collinear = REFEREE_TERMS;
  while (count < most) {
    struct referee_missing more[REFEREE_TERMS];
    double next = choose(rows, mismatch, term, count + 1, more);
    if (isinf(next) || (left <= enough * all && next > enough * left))
      break;
    memcpy(missing, more, ++count * sizeof *missing);
    left = next;
    if (left < 1e-20 * all)
      break;
  }
  for (size_t a = 0; a < count; a++)
    missing[a].explained = 1 - left / all;
  for (size_t k = 0; count > 0 && k < REFEREE_TERMS; k++)
    if (k != missing[0].term && cosine(rows, term + missing[0].term * rows, term + k * rows) > same)
      *collinear = k;
  return count;
}
