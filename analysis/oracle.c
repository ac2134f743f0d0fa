/*
 * Oracles: see oracle.h.
 */
#include "analysis/oracle.h"

#include "analysis/varying_direction.h"
#include "models/affine_frame.h"
#include "sde/block.h"
#include "sde/linear.h"

#include <math.h>
#include <string.h>

struct oracle {
  size_t dim, observables, pairs;
  struct affine_frame *frame;        /* moments and polynomials are of y = x - its centre */
  struct sde_linear_map *map;        /* over one step; NULL with schedules, which have */
  struct varying_direction *varying; /* this, and */
  int eta_order;                     /* of the SDE; 0 for the iterates */
  uint64_t parts;                    /* steps of the map in one of the learning rate: l of SVAG */
  uint64_t step;
  double *moments;     /* sde_linear_size(dim) numbers */
  double *coefficient; /* [observable*pairs + pair]; the first is NAN where it is not quadratic */
};

/* The value of a quadratic polynomial at x, with z = (x - centre, 1), and the size of its terms. */
static double polynomial(const struct affine_frame *frame, const double *coefficient, size_t width,
                         const double *x, size_t p, double *size)
{
  size_t d = frame->dim;
  double sum = 0;
  *size = 0;
  for (size_t a = 0; a <= d; a++)
    for (size_t b = 0; b <= a; b++) {
      double term = *coefficient++ * (a < d ? x[a * width + p] - frame->centre[a] : 1) *
                    (b < d ? x[b * width + p] - frame->centre[b] : 1);
      sum += term;
      *size += fabs(term);
    }
  return sum;
}

/* Hold the polynomials against the observables at other points, of the scale of the frame or about
 * the origin: those that are not quadratic differ by more than rounding. */
static void check_observables(struct oracle *oracle, const struct sde_observables *observables,
                              void *workspace, bool about_origin, size_t width, double *x,
                              double *value)
{
  const struct affine_frame *frame = oracle->frame;
  for (size_t i = 0; i < oracle->dim; i++)
    for (size_t p = 0; p < width; p++) {
      double sign = sin(1 + 1.7 * (double)(i * width + p));
      x[i * width + p] = about_origin ? sign : frame->centre[i] + 3 * sign * frame->step[i];
    }
  observables->evaluate(observables->context, workspace, width, x, value);
  for (size_t o = 0; o < observables->count; o++)
    for (size_t p = 0; p < width; p++) {
      double *coefficient = oracle->coefficient + o * oracle->pairs, size;
      double expected = polynomial(frame, coefficient, width, x, p, &size);
      if (!(fabs(value[o * width + p] - expected) <= 1e-8 * size))
        coefficient[0] = NAN;
    }
}

/* Interpolate every observable, and hold it against its polynomial at other points. */
static void learn_observables(struct oracle *oracle, const struct sde_observables *observables)
{
  size_t d = oracle->dim, width = affine_points(d);
  double *x = sde_alloc(d, width * sizeof *x);
  double *value = sde_alloc(observables->count, width * sizeof *value);
  void *workspace = observables->workspace_new(observables->context, width);
  affine_set_points(oracle->frame, width, x);
  observables->evaluate(observables->context, workspace, width, x, value);
  for (size_t o = 0; o < observables->count; o++)
    affine_interpolate(oracle->frame, value + o * width, oracle->coefficient + o * oracle->pairs);
  check_observables(oracle, observables, workspace, false, width, x, value);
  check_observables(oracle, observables, workspace, true, width, x, value);
  observables->workspace_free(workspace);
  sde_free(x);
  sde_free(value);
}

/* Why there are no exact moments; the last reason is the one that is left. */
static const char *reason_against(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  return !objective->loss->quadratic ? "no exact moments: the loss is not quadratic"
         : optimizer_dim(optimizer) > SDE_LINEAR_LARGEST_DIM
             ? "no exact moments: more than 40 dimensions"
         : optimizer->rule->theory.normalized ? "no exact moments: the optimizer normalises"
         : !optimizer->rule->theory.affine
             ? "no exact moments: the update direction is not affine in x"
         : optimizer->update->affine == NULL ? "no exact moments: the update rule is not affine"
         : objective->domain != NULL         ? "no exact moments: paths are kept in a box"
         : objective->reshuffled ? "no exact moments: the batches of an epoch depend on one another"
         : objective->sampling == OBJECTIVE_GAUSSIAN
             ? "no exact moments: the noise has no variance, or perturbs and depends on the state"
             : "no exact moments: too many micro-batches";
}

static bool is_possible(const struct optimizer *optimizer)
{
  return optimizer->objective->loss->quadratic && !optimizer->objective->reshuffled &&
         optimizer->objective->domain == NULL && optimizer_dim(optimizer) <= SDE_LINEAR_LARGEST_DIM;
}

/* The iterates' map over a step of eta/l, at l times the covariance: SVAG; l is 1 for others. */
static struct sde_linear_map *iterates_map(const struct sde_linear_direction *direction, double eta,
                                           uint64_t l)
{
  struct sde_status status = {SDE_OK, ""};
  size_t d = direction->dim, pairs = (d + 1) * (d + 2) / 2, size = d * (d + 1) / 2 * pairs;
  double *covariance = sde_alloc(size, sizeof *covariance);
  for (size_t k = 0; k < size; k++)
    covariance[k] = (double)l * direction->covariance[k];
  struct sde_linear_direction scaled = *direction;
  scaled.covariance = covariance;
  struct sde_linear_map *map = sde_linear_iterates_new(&scaled, eta / (double)l, "oracle", &status);
  sde_free(covariance);
  return map;
}

/* How a direction moves moments over a step; false where they leave the range of numbers or there
 * is no direction. eta_order is 0 for the iterates. */
static bool set_motion(struct oracle *oracle, const struct optimizer *optimizer,
                       const struct limit *limit, const struct sde_linear_direction *direction)
{
  struct sde_status status = {SDE_OK, ""};
  if (optimizer_is_scheduled(optimizer))
    oracle->varying = varying_direction_new(optimizer, limit_options_of(limit), oracle->frame);
  else if (oracle->eta_order == 0)
    oracle->map = iterates_map(direction, optimizer->eta, oracle->parts);
  else
    oracle->map =
        sde_linear_sde_new(direction, optimizer->eta, oracle->eta_order, "oracle", &status);
  return oracle->map != NULL || oracle->varying != NULL;
}

static void begin(struct oracle *oracle, const struct sde_observables *observables)
{
  size_t d = oracle->dim;
  oracle->moments = sde_alloc(sde_linear_size(d), sizeof(double));
  oracle->coefficient = sde_alloc(oracle->observables, oracle->pairs * sizeof(double));
  sde_linear_point(d, oracle->frame->offset, oracle->moments);
  learn_observables(oracle, observables);
}

/* The process whose direction is that of the limit; NULL where that is. */
static struct oracle *oracle_new(const struct optimizer *optimizer, const struct limit *limit,
                                 int eta_order, const struct sde_observables *observables,
                                 const char **why)
{
  *why = reason_against(optimizer);
  struct affine_frame *frame = limit == NULL ? NULL : limit_frame_new(limit);
  if (frame == NULL)
    return NULL;
  size_t d = frame->dim;
  struct oracle *oracle = sde_alloc(1, sizeof *oracle);
  *oracle = (struct oracle){.dim = d,
                            .observables = observables->count,
                            .pairs = (d + 1) * (d + 2) / 2,
                            .frame = frame,
                            .eta_order = eta_order,
                            .parts = eta_order == 0 ? optimizer->objective->svag : 1};
  struct sde_linear_direction *direction = limit_direction_new(limit, frame);
  *why = direction == NULL
             ? "no exact moments: drift and noise lose their digits between start and optimum"
             : "no exact moments: they leave the range of numbers";
  bool good = direction != NULL && set_motion(oracle, optimizer, limit, direction);
  limit_direction_free(direction);
  if (good) {
    begin(oracle, observables);
    return oracle;
  }
  oracle_free(oracle);
  return NULL;
}

/* The exact limit has the direction of the iterates. */
struct oracle *oracle_of_iterates(const struct optimizer *optimizer,
                                  const struct sde_observables *observables, const char **why)
{
  struct limit_options exact = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit =
      is_possible(optimizer)
          ? limit_new(optimizer, &exact, sde_stream_named(0, "oracle"), "oracle", &status)
          : NULL;
  struct oracle *oracle = oracle_new(optimizer, limit, 0, observables, why);
  limit_free(limit);
  return oracle;
}

struct oracle *oracle_of_limit(const struct optimizer *optimizer, const struct limit *limit,
                               const struct sde_observables *observables, const char **why)
{
  return oracle_new(optimizer, is_possible(optimizer) ? limit : NULL,
                    limit_options_of(limit)->eta_order, observables, why);
}

void oracle_free(struct oracle *oracle)
{
  if (oracle == NULL)
    return;
  affine_frame_free(oracle->frame);
  sde_linear_map_free(oracle->map);
  varying_direction_free(oracle->varying);
  sde_free(oracle->moments);
  sde_free(oracle->coefficient);
  sde_free(oracle);
}

void oracle_advance(struct oracle *oracle, uint64_t step)
{
  for (uint64_t k = oracle->step; oracle->varying != NULL && k < step; k++) {
    struct sde_linear_varying varying = varying_direction_moments(oracle->varying);
    if (oracle->eta_order == 0)
      sde_linear_varying_iterate(&varying, k, oracle->moments);
    else
      sde_linear_varying_solve(&varying, oracle->eta_order, k, oracle->moments);
  }
  if (oracle->map != NULL)
    sde_linear_advance(oracle->map, (step - oracle->step) * oracle->parts, oracle->moments);
  oracle->step = step;
}

bool oracle_stationary(struct oracle *oracle, struct sde_status *status)
{
  return sde_linear_stationary(oracle->map, "stationary", oracle->moments, status);
}

double oracle_mean(const struct oracle *oracle, size_t observable)
{
  double sum = 0;
  for (size_t k = 0; k < oracle->pairs; k++)
    sum += oracle->coefficient[observable * oracle->pairs + k] * oracle->moments[k];
  return sum;
}

void oracle_moments(const struct oracle *oracle, size_t dim, double *mean, double *covariance)
{
  size_t all = oracle->dim;
  double *of_state = sde_alloc(all * (1 + all), sizeof *of_state), *spread = of_state + all;
  sde_linear_mean(all, oracle->moments, of_state);
  sde_linear_covariance(all, oracle->moments, spread);
  for (size_t i = 0; i < dim; i++) {
    mean[i] = of_state[i] + oracle->frame->centre[i];
    for (size_t k = 0; k < dim; k++)
      covariance[i * dim + k] = spread[i * all + k];
  }
  sde_free(of_state);
}
