/*
 * The double well f(x) = W(phi(x)) in one dimension: its barrier at x = 0 with f = 0, a sharp
 * minimum on the left and a flat one on the right, of exactly the depths and curvatures asked for.
 *
 * W is the quartic with W'(y) = c y (y + l) (y - r), l + r = 2: c and l/r give the depths. phi is
 * analytic and increasing, so it moves the stationary points of W but makes none, and at them
 * f'' = W'' phi'^2. It is the inverse of psi(y) = a y + b (sqrt(w^2 + y^2) - w), whose slope
 * changes near the barrier from what the curvature of one well asks for to that of the other. All
 * of it exists for all positive depths and curvatures; the distance of the minima follows. Sample
 * i adds sigma eps_i x + tau eps'_i (x - center)^2 / 2.
 */
#include "models/loss.h"
#include "models/scores.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

/* phi(x) = a x + b (sqrt(square + (x - x0)^2) - root), a hyperbola as psi is, and root such that
 * phi(0) = 0. */
struct shape {
  double c, left, right;
  double a, b, square, x0, root;
};

struct double_well {
  struct shape shape;
  double sharp, flat; /* where the minima are */
  double center;      /* of the noise of the curvature */
  double *slope;      /* sigma eps_i, and behind them ... */
  double *curvature;  /* ... tau eps'_i */
};

static const struct parameter_key keys[] = {
    {.name = "sharp_depth",
     .type = PARAMETER_REAL,
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.25",
     .help = "height of the barrier above the sharp minimum, which is on the left"},
    {.name = "flat_depth",
     .type = PARAMETER_REAL,
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.25",
     .help = "height of the barrier, at x = 0, above the flat minimum, on the right"},
    {.name = "sharp_curvature",
     .type = PARAMETER_REAL,
     .low = 1e-6,
     .high = 1e6,
     .fallback = "8",
     .help = "f'' at the sharp minimum"},
    {.name = "flat_curvature",
     .type = PARAMETER_REAL,
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .help = "f'' at the flat minimum, at most sharp_curvature"},
    {.name = "samples",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e6,
     .fallback = "16",
     .help = "number n of samples; eps_i and eps'_i are uncorrelated, with mean 0 and variance 1"},
    {.name = "standard_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .help = "sigma: sample i adds the tilt sigma eps_i x"},
    {.name = "curvature_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .help = "tau: sample i adds tau eps'_i (x - center)^2 / 2, and V(x) = sigma^2 + tau^2 "
             "(x - center)^2"},
    {.name = "curvature_center",
     .type = PARAMETER_CHOICE,
     .choices = "flat sharp barrier",
     .fallback = "flat",
     .help = "the center: with flat the noise is larger at the sharp minimum"},
    {.name = "initial_minimum",
     .type = PARAMETER_CHOICE,
     .choices = "sharp flat",
     .fallback = "sharp",
     .help = "the minimum that is the default start"},
    {.name = NULL}};

/* t = l/r where t^3 (t + 2) / (2 t + 1) is the ratio of the depths, by bisection: the left side
 * increases, from 0 to above the ratio at 1 + ratio. */
static double solve_ratio(double ratio)
{
  double low = 0, high = 1 + ratio;
  for (;;) {
    double t = low + (high - low) / 2;
    if (t <= low || t >= high)
      return t;
    if (t * t * t * (t + 2) < ratio * (2 * t + 1))
      low = t;
    else
      high = t;
  }
}

/* psi' must be 1/m at the minima for phi' = m. It stays positive, and the steeper well keeps its
 * shape, where w is so small that psi' falls no further beyond that well than to 3/4 of what it is
 * at its minimum. */
static void set_shape(struct double_well *well, const double depth[2], const double curvature[2])
{
  double t = solve_ratio(depth[0] / depth[1]);
  double left = 2 * t / (1 + t), right = 2 / (1 + t);
  double c = 12 * depth[1] / (right * right * right * (right + 2 * left));
  double m_left = sqrt(curvature[0] / (2 * c * left));
  double m_right = sqrt(curvature[1] / (2 * c * right));
  double excess = fmax(m_left / m_right, m_right / m_left) - 1;
  double limit = sqrt(0.25 * (0.25 + 2 * excess));
  double w = fmin(left, right) * limit / fmax(limit, excess);
  double sine_left = -left / hypot(w, left), sine_right = right / hypot(w, right);
  double b = (1 / m_right - 1 / m_left) / (sine_right - sine_left);
  double a = 1 / m_left - b * sine_left, difference = (a - b) * (a + b);
  well->sharp = -a * left + b * (hypot(w, left) - w);
  well->flat = a * right + b * (hypot(w, right) - w);
  well->shape = (struct shape){.c = c,
                               .left = left,
                               .right = right,
                               .a = a / difference,
                               .b = -b / difference,
                               .square = w * w * difference,
                               .x0 = -b * w,
                               .root = w * a};
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  const double depth[] = {parameters_real(parameters, "sharp_depth"),
                          parameters_real(parameters, "flat_depth")};
  const double curvature[] = {parameters_real(parameters, "sharp_curvature"),
                              parameters_real(parameters, "flat_curvature")};
  size_t n = (size_t)parameters_u64(parameters, "samples");
  const double deviation[] = {parameters_real(parameters, "standard_deviation"),
                              parameters_real(parameters, "curvature_deviation")};
  const char *center = parameters_text(parameters, "curvature_center");
  const char *initial = parameters_text(parameters, "initial_minimum");
  if (curvature[0] < curvature[1])
    return sde_fail(status, SDE_INVALID,
                    "%s: sharp_curvature %g is below flat_curvature %g; it must be at least that",
                    parameters_place(parameters, parameters_given(parameters, "sharp_curvature")
                                                     ? "sharp_curvature"
                                                     : "flat_curvature"),
                    curvature[0], curvature[1]);
  if (n < 3 && (deviation[0] > 0 || deviation[1] > 0))
    return sde_fail(status, SDE_INVALID,
                    "%s: %zu samples cannot carry two uncorrelated noises; give at least 3, or "
                    "standard_deviation 0 and curvature_deviation 0",
                    parameters_place(parameters, "samples"), n);
  struct double_well *well = sde_alloc(1, sizeof *well);
  set_shape(well, depth, curvature);
  well->slope = sde_alloc(2 * n, sizeof *well->slope);
  well->curvature = well->slope + n;
  scores_uncorrelated(n, 2, deviation, well->slope);
  well->center = strcmp(center, "flat") == 0    ? well->flat
                 : strcmp(center, "sharp") == 0 ? well->sharp
                                                : 0;
  loss->dim = 1;
  loss->samples = n;
  loss->start = strcmp(initial, "sharp") == 0 ? &well->sharp : &well->flat;
  loss->data = well;
  return true;
}

static void destroy(struct loss *loss)
{
  struct double_well *well = loss->data;
  if (well == NULL)
    return;
  sde_free(well->slope);
  sde_free(well);
}

/* phi and its first two derivatives. */
struct coordinate {
  double y, first, second;
};

static inline struct coordinate coordinate_at(const struct shape *shape, double x)
{
  double z = x - shape->x0, root = sqrt(shape->square + z * z);
  /* root - shape->root, written without cancellation */
  double change = x * (x - 2 * shape->x0) / (root + shape->root);
  return (struct coordinate){.y = shape->a * x + shape->b * change,
                             .first = shape->a + shape->b * z / root,
                             .second = shape->b * shape->square / (root * root * root)};
}

SDE_VECTOR
static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *restrict x, double *restrict out)
{
  const struct double_well *well = loss->data;
  const struct shape shape = well->shape;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    double off = x[p] - well->center, y = coordinate_at(&shape, x[p]).y;
    double quartic = (y / 4 + (shape.left - shape.right) / 3) * y - shape.left * shape.right / 2;
    out[p] = shape.c * y * y * quartic + well->slope[i] * x[p] + well->curvature[i] * off * off / 2;
  }
}

SDE_VECTOR
static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *restrict x, double *restrict g)
{
  const struct double_well *well = loss->data;
  const struct shape shape = well->shape;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    struct coordinate at = coordinate_at(&shape, x[p]);
    double slope = shape.c * at.y * (at.y + shape.left) * (at.y - shape.right);
    g[p] = slope * at.first + well->slope[i] + well->curvature[i] * (x[p] - well->center);
  }
}

SDE_VECTOR
static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *restrict x, const double *restrict v, double *restrict hv)
{
  const struct double_well *well = loss->data;
  const struct shape shape = well->shape;
  for (size_t p = 0; p < width; p++) {
    uint32_t i = samples.index[p * samples.stride];
    struct coordinate at = coordinate_at(&shape, x[p]);
    double slope = shape.c * at.y * (at.y + shape.left) * (at.y - shape.right);
    double bend =
        shape.c * ((3 * at.y + 2 * (shape.left - shape.right)) * at.y - shape.left * shape.right);
    hv[p] = (bend * at.first * at.first + slope * at.second + well->curvature[i]) * v[p];
  }
}

extern const struct loss_type loss_double_well;
const struct loss_type loss_double_well = {
    .name = "double-well",
    .summary = "one dimension: a sharp minimum on the left, a flat one on the right, the barrier "
               "at x = 0; their depths and curvatures say how far apart they are",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = value,
    .gradient = gradient,
    .hessian_vector = hessian_vector,
};
