/*
 * Phase retrieval f_i(x) = 1/4 ((a_i.x)^2 - y_i)^2 with Gaussian a_i, y_i = (a_i.s)^2 + noise and a
 * planted signal s of norm 1: minima at s and -s, a maximum at 0, saddles between (J. Sun, Q. Qu,
 * J. Wright, FoCM 2018, "A geometric analysis of phase retrieval"). A generalised linear loss.
 */
#include "models/generalized_linear.h"
#include "models/planted.h"
#include "sde/block.h"

#include <math.h>

/* The model comes first: generalized_linear.h sees nothing else of loss->data. */
struct phase_retrieval {
  struct generalized_linear model;
  double *signal;
};

static const struct parameter_key keys[] = {
    {.name = "measurements",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e7,
     .fallback = "40",
     .help = "number of vectors a_i of independent standard normals"},
    {.name = "dimension",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 1e5,
     .fallback = "5",
     .help = "of the signal, which is uniform on the unit sphere"},
    PLANTED_KEYS("1", "0", "1", "root mean square length of the default start, which is Gaussian"),
    {.name = NULL}};

SDE_VECTOR
static void link(size_t width, const double *restrict s, const double *restrict y,
                 double *restrict value)
{
  for (size_t p = 0; p < width; p++) {
    double residual = s[p] * s[p] - y[p];
    value[p] = 0.25 * residual * residual;
  }
}

SDE_VECTOR
static void slopes(size_t width, const double *restrict s, const double *restrict y,
                   double *restrict first)
{
  for (size_t p = 0; p < width; p++)
    first[p] = (s[p] * s[p] - y[p]) * s[p];
}

SDE_VECTOR
static void curvatures(size_t width, const double *restrict s, const double *restrict y,
                       double *restrict second)
{
  for (size_t p = 0; p < width; p++)
    second[p] = 3 * s[p] * s[p] - y[p];
}

static void derivatives(size_t width, const double *s, const double *y, double *first,
                        double *second)
{
  if (first != NULL)
    slopes(width, s, y, first);
  if (second != NULL)
    curvatures(width, s, y, second);
}

static double dot(size_t count, const double *a, const double *b)
{
  double sum = 0;
  for (size_t j = 0; j < count; j++)
    sum += a[j] * b[j];
  return sum;
}

static void set_data(struct phase_retrieval *phase, const struct planted *planted, size_t rows,
                     size_t d)
{
  struct generalized_linear *model = &phase->model;
  double *clean = sde_alloc(rows, sizeof *clean);
  planted_normals(planted, "signal", d, 1, phase->signal);
  sde_block_scale(d, 1 / sqrt(dot(d, phase->signal, phase->signal)), phase->signal);
  model->a = planted_features(planted, rows, d);
  model->y = sde_alloc(rows * planted->labels, sizeof(double));
  model->ridge = sde_alloc(d, sizeof(double));
  for (size_t i = 0; i < rows; i++)
    clean[i] = pow(dot(d, model->a + i * planted->labels * d, phase->signal), 2);
  planted_labels(planted, rows, clean, model->y);
  sde_free(clean);
}

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  size_t rows = (size_t)parameters_u64(parameters, "measurements");
  size_t d = (size_t)parameters_u64(parameters, "dimension");
  struct planted planted;
  if (!planted_read(&planted, parameters, status) ||
      !planted_fits(&planted, rows, d + 1, parameters_place(parameters, "measurements"), status))
    return false;
  struct phase_retrieval *phase = sde_alloc(1, sizeof *phase);
  phase->model = (struct generalized_linear){.link = link, .derivatives = derivatives};
  phase->signal = sde_alloc(d, sizeof(double));
  set_data(phase, &planted, rows, d);
  double *start = sde_alloc(d, sizeof *start);
  planted_normals(&planted, "start", d, planted.initial_scale / sqrt((double)d), start);
  loss->dim = d;
  loss->samples = rows * planted.labels;
  loss->start = start;
  loss->data = phase;
  return true;
}

static void destroy(struct loss *loss)
{
  struct phase_retrieval *phase = loss->data;
  if (phase == NULL)
    return;
  sde_free(phase->signal);
  generalized_linear_destroy(loss);
}

static void signal_distance(const struct loss *loss, size_t width, const double *x, double *out)
{
  const struct phase_retrieval *phase = loss->data;
  for (size_t p = 0; p < width; p++) {
    double plus = 0, minus = 0;
    for (size_t j = 0; j < loss->dim; j++) {
      double xj = x[j * width + p], sj = phase->signal[j];
      plus += (xj - sj) * (xj - sj);
      minus += (xj + sj) * (xj + sj);
    }
    out[p] = fmin(plus, minus);
  }
}

static void overlap_squared(const struct loss *loss, size_t width, const double *x, double *out)
{
  const struct phase_retrieval *phase = loss->data;
  for (size_t p = 0; p < width; p++) {
    double sum = 0;
    for (size_t j = 0; j < loss->dim; j++)
      sum += phase->signal[j] * x[j * width + p];
    out[p] = sum * sum;
  }
}

static const struct loss_observable observables[] = {
    {"signal-distance", "squared distance to the planted signal, up to its sign", signal_distance,
     NULL},
    {"overlap-squared", "(x.s)^2, s the planted signal of norm 1", overlap_squared, NULL},
    {.name = NULL}};

extern const struct loss_type loss_phase_retrieval;
const struct loss_type loss_phase_retrieval = {
    .name = "phase-retrieval",
    .summary = "f_i = 1/4 ((a_i.x)^2 - y_i)^2 with Gaussian a_i and a planted signal",
    .keys = keys,
    .create = create,
    .destroy = destroy,
    .value = generalized_linear_value,
    .gradient = generalized_linear_gradient,
    .hessian_vector = generalized_linear_hessian_vector,
    .observables = observables,
};
