/*
 * Affine limits: interpolation of drift and covariance, their evaluation, and whether what was
 * learnt is what was to be learnt. See affine_limit.h.
 */
#include "models/affine_limit.h"

#include "models/factor.h"
#include "sde/block.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <float.h>
#include <math.h>

static size_t triangle(size_t n)
{
  return n * (n + 1) / 2;
}

double affine_limit_cost(size_t dim, double normal_cost)
{
  double d = (double)dim;
  return d * d + (double)(triangle(dim) * triangle(dim + 1)) + d * d * d / 6 + d * normal_cost;
}

/* Numbers of a tensor beyond which none is learnt: 16 MB, 53 dimensions. */
static const double TENSOR_MOST = 0x1p21;

double affine_limit_learning_cost(size_t dim, size_t noise_dim, double evaluation_cost)
{
  double entries = (double)triangle(dim), points = (double)affine_points(dim);
  return entries * points > TENSOR_MOST
             ? INFINITY
             : points * (double)noise_dim * (evaluation_cost + entries) + entries * points;
}

/* values[(i*(i+1)/2 + k)*width + p] += noise_i noise_k. */
static void add_squares(size_t d, size_t width, const double *noise, double *values)
{
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k <= i; k++)
      for (size_t p = 0; p < width; p++)
        values[(triangle(i) + k) * width + p] += noise[i * width + p] * noise[k * width + p];
}

/* What is known of a system, and what evaluates it. A variance is not known better than to
 * `rounding` of that at the centre, and of the largest at a point it was learnt from times the way
 * from the centre in steps. */
struct affine_limit {
  const struct affine_frame *frame;
  struct affine_coefficients learnt;
  double *inverse_step, *at_centre, *largest;
};

/* A variance loses some last digits in its sum over columns, and in the values it is learnt from.
 */
static const double VARIANCE_ROUNDING = 32 * DBL_EPSILON;

/* values[e*width + p] += entry e of the covariance's lower triangle at each x. */
static void covariances(const struct sde_system *general, void *workspace, size_t width,
                        const double *x, double *values)
{
  size_t d = general->dim;
  double *dw = sde_alloc(general->noise_dim, width * sizeof *dw);
  double *noise = sde_alloc(d, width * sizeof *noise);
  for (size_t k = 0; k < general->noise_dim; k++) {
    sde_block_fill(width, 1, dw + k * width);
    general->evaluate(general, workspace, &(struct sde_instant){0, 0, 0}, width, x, dw, NULL,
                      noise);
    sde_block_fill(width, 0, dw + k * width);
    add_squares(d, width, noise, values);
  }
  sde_free(dw);
  sde_free(noise);
}

/* Drift and covariance at the points of the frame, and their polynomials. */
static void learn(const struct sde_system *general, struct affine_limit *affine)
{
  const struct affine_frame *frame = affine->frame;
  size_t d = frame->dim, width = affine_points(d);
  double *x = sde_alloc(d, width * sizeof *x), *drift = sde_alloc(d, width * sizeof *drift);
  double *values = sde_alloc(triangle(d), width * sizeof *values);
  void *workspace = sde_system_workspace_new(general, width);
  affine_set_points(frame, width, x);
  general->evaluate(general, workspace, &(struct sde_instant){0, 0, 0}, width, x, NULL, drift,
                    NULL);
  covariances(general, workspace, width, x, values);
  for (size_t i = 0; i < d; i++) {
    const double *variance = values + (triangle(i) + i) * width;
    affine->learnt.constant[i] = drift[i * width];
    for (size_t j = 0; j < d; j++)
      affine->learnt.matrix[i * d + j] =
          (drift[i * width + affine_plus_point(j)] - drift[i * width + affine_minus_point(d, j)]) /
          2 / frame->step[j];
    affine->inverse_step[i] = 1 / frame->step[i];
    affine->at_centre[i] = VARIANCE_ROUNDING * variance[0];
    for (size_t p = 0; p < width; p++)
      affine->largest[i] = fmax(affine->largest[i], VARIANCE_ROUNDING * variance[p]);
  }
  for (size_t e = 0; e < triangle(d); e++)
    affine_interpolate(frame, values + e * width, affine->learnt.tensor + e * triangle(d + 1));
  sde_system_workspace_free(general, workspace);
  sde_free(x);
  sde_free(drift);
  sde_free(values);
}

/* products[(a*(a+1)/2 + b)*width + p] = z_a z_b. */
SDE_VECTOR
static void multiply_pairs(size_t d, size_t width, const double *restrict x,
                           double *restrict products)
{
  for (size_t a = 0; a < d; a++)
    for (size_t b = 0; b <= a; b++)
      for (size_t p = 0; p < width; p++)
        products[(a * (a + 1) / 2 + b) * width + p] = x[a * width + p] * x[b * width + p];
  double *last = products + d * (d + 1) / 2 * width;
  for (size_t i = 0; i < d * width; i++)
    last[i] = x[i];
  for (size_t p = 0; p < width; p++)
    last[d * width + p] = 1;
}

/* y = x - centre, and floor[i*width + p]: what a variance may be by rounding alone. */
SDE_VECTOR
static void enter_frame(const struct affine_limit *affine, size_t d, size_t width,
                        const double *restrict x, double *restrict y, double *restrict floor)
{
  double way[SDE_UNIT];
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    for (size_t p = 0; p < SDE_UNIT; p++)
      way[p] = 0;
    for (size_t i = 0; i < d; i++) {
      double centre = affine->frame->centre[i], inverse = affine->inverse_step[i];
      for (size_t p = 0; p < SDE_UNIT; p++) {
        double moved = x[i * width + start + p] - centre;
        y[i * width + start + p] = moved;
        way[p] += inverse * fabs(moved);
      }
    }
    for (size_t p = 0; p < SDE_UNIT; p++)
      way[p] += way[p] * way[p];
    for (size_t i = 0; i < d; i++) {
      double at_centre = affine->at_centre[i], largest = affine->largest[i];
      for (size_t p = 0; p < SDE_UNIT; p++)
        floor[i * width + start + p] = at_centre + largest * way[p];
    }
  }
}

/* y and floor[i*width + p]; products; the covariance. */
static void *workspace_new(const struct sde_system *system, size_t width)
{
  size_t d = system->dim;
  return sde_alloc(2 * d + triangle(d + 1) + triangle(d), width * sizeof(double));
}

/* Given y and the floor in the workspace: the factor of the covariance there. */
static double *lower_factor(const struct affine_limit *affine, size_t d, size_t width,
                            double *workspace)
{
  size_t pairs = triangle(d + 1);
  double *floor = workspace + d * width, *products = floor + d * width;
  double *covariance = products + pairs * width;
  multiply_pairs(d, width, workspace, products);
  sde_vector_math()->affine(triangle(d), pairs, affine->learnt.tensor, NULL, width, products,
                            covariance);
  factor_cholesky_above(d, width, floor, covariance);
  return covariance;
}

static void evaluate(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                     size_t width, const double *x, const double *dw, double *drift, double *noise)
{
  (void)at;
  const struct affine_limit *affine = system->context;
  size_t d = system->dim;
  double *y = workspace, *floor = y + d * width;
  enter_frame(affine, d, width, x, y, floor);
  if (drift != NULL)
    sde_vector_math()->affine(d, d, affine->learnt.matrix, affine->learnt.constant, width, y,
                              drift);
  if (dw != NULL)
    factor_multiply(d, width, 1, lower_factor(affine, d, width, workspace), dw, noise);
}

/* a - (eta/2) Da a of a = matrix y + constant, in place. */
static void second_order(size_t d, double eta, struct affine_coefficients *drift)
{
  double *matrix = sde_alloc(d, d * sizeof *matrix), *constant = sde_alloc(d, sizeof *constant);
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++) {
      double entry = drift->matrix[i * d + k];
      constant[i] += entry * drift->constant[k];
      for (size_t j = 0; j < d; j++)
        matrix[i * d + j] += entry * drift->matrix[k * d + j];
    }
  sde_block_add(d * d, -eta / 2, matrix, drift->matrix);
  sde_block_add(d, -eta / 2, constant, drift->constant);
  sde_free(matrix);
  sde_free(constant);
}

/* Points that nothing was learnt from, a path each: at rest, on the way from the start, and beyond.
 * The signs differ from point to point, so that no coordinate is for ever the same multiple of
 * another. */
static void set_checks(const struct affine_frame *frame, size_t width, double *x)
{
  static const struct {
    double way, steps, spreads;
  } checks[] = {
      {1, 0, 0},       {0.5, 0, 1},     {0x1p-6, 0x1p-10, 1}, {0x1p-12, 0, 1}, {0x1p-18, 0, 1},
      {0x1p-24, 0, 1}, {0x1p-36, 0, 1}, {0x1p-48, 0, 1},      {0, 0, 1},       {0, 0, 1},
      {0, 0, 3},       {0, 0x1p-12, 0}, {0, 0x1p-4, 0.3},     {0, 0.7, 1},     {0, 1.9, 1}};
  enum { CHECKS = sizeof checks / sizeof *checks };
  for (size_t i = 0; i < frame->dim; i++)
    for (size_t p = 0; p < width; p++) {
      size_t c = p % CHECKS;
      double sign = sin(1 + 2.3 * (double)i + 1.1 * (double)p);
      x[i * width + p] =
          frame->centre[i] + checks[c].way * frame->offset[i] +
          sign * (checks[c].steps * frame->step[i] + checks[c].spreads * frame->spread[i]);
    }
}

/* A difference that no estimate shows, in standard deviations of the noise: by the noise alone it
 * takes 1e12 paths to see. */
static const double UNSEEN = 1e-6;

/* Is row i of lower factors the same but for UNSEEN of its length, the coordinate's deviation? */
static bool same_row(size_t i, size_t width, const double *found, const double *learnt,
                     double *deviation)
{
  double square = 0;
  bool same = true;
  for (size_t k = 0; k <= i; k++)
    square += pow(found[(triangle(i) + k) * width], 2);
  *deviation = sqrt(square);
  for (size_t k = 0; k <= i; k++) {
    size_t entry = (triangle(i) + k) * width;
    same = same && fabs(learnt[entry] - found[entry]) <= UNSEEN * *deviation;
  }
  return same;
}

/* Is entry i of the drift at x, which was found, that at y = x - centre? Both round the terms of
 * matrix x, that cancel near the centre; besides them differ the way and the noise by parts that
 * are smaller than UNSEEN. */
static bool same_drift(const struct affine_limit *affine, size_t i, size_t width, const double *y,
                       double found, double deviation)
{
  size_t d = affine->frame->dim;
  const double *row = affine->learnt.matrix + i * d;
  double learnt = affine->learnt.constant[i], allowed = 1e-3 * UNSEEN * deviation;
  for (size_t j = 0; j < d; j++) {
    double way = fabs(y[j * width]), terms = way + fabs(affine->frame->centre[j]);
    learnt += row[j] * y[j * width];
    allowed += fabs(row[j]) * (1e-3 * UNSEEN * way + 64 * DBL_EPSILON * terms);
  }
  return fabs(found - learnt) <= allowed;
}

/* Drift and noise of `general` and of what was learnt from it, at points that it was not learnt
 * from, without the floor that rounding gives the latter: where that takes noise away, which goes
 * to zero with the way from rest, they differ. A covariance that is not finite is not the same as
 * any. */
static bool is_right(const struct sde_system *system, const struct sde_system *general)
{
  const struct affine_limit *affine = system->context;
  size_t d = system->dim, width = SDE_UNIT;
  double *x = sde_alloc(d, width * sizeof *x), *drift = sde_alloc(d, width * sizeof *drift);
  double *found = sde_alloc(triangle(d), width * sizeof *found);
  double *y = workspace_new(system, width), *floor = y + d * width;
  void *workspace = sde_system_workspace_new(general, width);
  set_checks(affine->frame, width, x);
  general->evaluate(general, workspace, &(struct sde_instant){0, 0, 0}, width, x, NULL, drift,
                    NULL);
  covariances(general, workspace, width, x, found);
  enter_frame(affine, d, width, x, y, floor);
  const double *lower = lower_factor(affine, d, width, y);
  factor_cholesky(d, width, found);
  bool right = true;
  for (size_t p = 0; right && p < width; p++)
    for (size_t i = 0; right && i < d; i++) {
      double deviation;
      right = same_row(i, width, found + p, lower + p, &deviation) &&
              same_drift(affine, i, width, y + p, drift[i * width + p], deviation);
    }
  sde_system_workspace_free(general, workspace);
  sde_free(x);
  sde_free(drift);
  sde_free(found);
  sde_free(y);
  return right;
}

struct sde_system *affine_limit_blank(const struct sde_system *general,
                                      const struct affine_frame *frame)
{
  size_t d = general->dim;
  struct affine_limit *affine = sde_alloc(1, sizeof *affine);
  *affine = (struct affine_limit){frame,
                                  {sde_alloc(d, d * sizeof(double)), sde_alloc(d, sizeof(double)),
                                   sde_alloc(triangle(d), triangle(d + 1) * sizeof(double))},
                                  sde_alloc(d, sizeof(double)),
                                  sde_alloc(d, sizeof(double)),
                                  sde_alloc(d, sizeof(double))};
  struct sde_system *system = sde_alloc(1, sizeof *system);
  *system = (struct sde_system){.name = general->name,
                                .dim = d,
                                .noise_dim = d,
                                .noise = d == 1 ? SDE_NOISE_SCALAR : SDE_NOISE_GENERAL,
                                .context = affine,
                                .workspace_new = workspace_new,
                                .workspace_free = sde_free,
                                .evaluate = evaluate};
  return system;
}

struct sde_system *affine_limit_new(const struct sde_system *general,
                                    const struct affine_frame *frame, double eta)
{
  struct sde_system *system = affine_limit_blank(general, frame);
  struct affine_limit *affine = (struct affine_limit *)system->context;
  learn(general, affine);
  if (!is_right(system, general)) {
    affine_limit_free(system);
    return NULL;
  }
  second_order(general->dim, eta, &affine->learnt);
  return system;
}

const struct affine_coefficients *affine_limit_coefficients(const struct sde_system *system)
{
  return &((const struct affine_limit *)system->context)->learnt;
}

void affine_limit_free(struct sde_system *system)
{
  if (system == NULL)
    return;
  struct affine_limit *affine = (struct affine_limit *)system->context;
  sde_free(affine->learnt.matrix);
  sde_free(affine->learnt.constant);
  sde_free(affine->learnt.tensor);
  sde_free(affine->inverse_step);
  sde_free(affine->at_centre);
  sde_free(affine->largest);
  sde_free(affine);
  sde_free(system);
}
