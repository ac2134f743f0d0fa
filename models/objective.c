/*
 * Objectives: drawing micro-batches and evaluating their random functions. See objective.h.
 */
#include "models/objective.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

/* What sde/random.h can address in one step. */
static const double LANES_MAX = 33554432;

const struct parameter_key noise_keys[] = {
    {.name = "sampling",
     .type = PARAMETER_CHOICE,
     .choices = "with-replacement without-replacement gaussian",
     .fallback = "with-replacement",
     .help = "how a batch is drawn: sample indices, or Gaussian noise on the full gradient"},
    {.name = "structure",
     .type = PARAMETER_CHOICE,
     .choices = "isotropic diagonal dense",
     .fallback = "isotropic",
     .help = "gaussian: the form of the noise covariance V of one sample"},
    {.name = "standard_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e100,
     .fallback = "1",
     .help = "gaussian isotropic: V is its square times the identity"},
    {.name = "standard_deviations",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .high = 1e100,
     .help = "gaussian diagonal: one a coordinate; V is diagonal with their squares"},
    {.name = "covariance",
     .type = PARAMETER_MATRIX,
     .low = -1e100,
     .high = 1e100,
     .help = "gaussian dense: V, symmetric and positive semidefinite"},
    {.name = NULL}};

/* What a key of the noise needs of another to have an effect; `key` is NULL where nothing lacks. */
struct requirement {
  const char *key, *value;
};

static struct requirement lacking(const struct parameters *noise, const char *key)
{
  static const struct {
    const char *key, *structure;
  } structures[] = {{"standard_deviation", "isotropic"},
                    {"standard_deviations", "diagonal"},
                    {"covariance", "dense"}};
  if (strcmp(key, "sampling") == 0)
    return (struct requirement){NULL, NULL};
  if (strcmp(parameters_text(noise, "sampling"), "gaussian") != 0)
    return (struct requirement){"sampling", "gaussian"};
  for (size_t i = 0; i < sizeof structures / sizeof *structures; i++)
    if (strcmp(key, structures[i].key) == 0 &&
        strcmp(parameters_text(noise, "structure"), structures[i].structure) != 0)
      return (struct requirement){"structure", structures[i].structure};
  return (struct requirement){NULL, NULL};
}

bool noise_uses(const struct parameters *noise, const char *key)
{
  return lacking(noise, key).key == NULL;
}

/* Who gives keys of another noise than is drawn means that other one. */
static bool check_keys(const struct parameters *noise, struct sde_status *status)
{
  for (const struct parameter_key *key = noise_keys; key->name != NULL; key++) {
    struct requirement need = lacking(noise, key->name);
    if (need.key != NULL && parameters_given(noise, key->name))
      return sde_fail(
          status, SDE_INVALID,
          "%s: %s is given, but has no effect with %s: %s; accepted is %s: %s, or no %s",
          parameters_place(noise, key->name), key->name, need.key, parameters_text(noise, need.key),
          need.key, need.value, key->name);
  }
  return true;
}

static bool diagonal_factor(struct objective *objective, const struct parameters *noise,
                            struct sde_status *status)
{
  size_t length, d = objective->loss->dim;
  if (!parameters_has(noise, "standard_deviations"))
    return sde_fail(status, SDE_INVALID,
                    "%s: diagonal noise needs standard_deviations, a list of %zu numbers",
                    parameters_place(noise, "structure"), d);
  const double *deviations = parameters_reals(noise, "standard_deviations", &length);
  if (length != d)
    return sde_fail(status, SDE_INVALID,
                    "%s: standard_deviations has %zu entries; the loss has %zu coordinates",
                    parameters_place(noise, "standard_deviations"), length, d);
  for (size_t i = 0; i < d; i++)
    objective->factor[i * d + i] = deviations[i];
  return true;
}

static bool check_covariance(const double *v, size_t d, const char *place,
                             struct sde_status *status)
{
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++)
      if (fabs(v[i * d + j] - v[j * d + i]) > 1e-12 * fmax(fabs(v[i * d + j]), fabs(v[j * d + i])))
        return sde_fail(status, SDE_INVALID,
                        "%s: the covariance is not symmetric: entry (%zu,%zu) is %g and (%zu,%zu) "
                        "is %g; they must be equal",
                        place, j + 1, i + 1, v[j * d + i], i + 1, j + 1, v[i * d + j]);
  return true;
}

/* The semidefinite Cholesky factor of V, row-major lower triangular: a pivot that vanishes to
 * rounding leaves a zero column. False where a pivot is negative beyond rounding. */
static bool semidefinite_cholesky(const double *v, size_t d, double *factor)
{
  const double rounding = 1e-12 * (double)d;
  for (size_t j = 0; j < d; j++) {
    double tolerance = rounding * fabs(v[j * d + j]);
    for (size_t i = j; i < d; i++) {
      double rest = v[i * d + j];
      for (size_t k = 0; k < j; k++)
        rest -= factor[i * d + k] * factor[j * d + k];
      double pivot = i == j ? rest : factor[j * d + j];
      if (i == j && rest < -tolerance)
        return false;
      if (i == j)
        factor[j * d + j] = rest > tolerance ? sqrt(rest) : 0;
      else if (pivot > 0)
        factor[i * d + j] = rest / pivot;
      else if (fabs(rest) > sqrt(tolerance * fabs(v[i * d + i])))
        return false;
    }
  }
  return true;
}

static bool dense_factor(struct objective *objective, const struct parameters *noise,
                         struct sde_status *status)
{
  size_t rows, columns, d = objective->loss->dim;
  if (!parameters_has(noise, "covariance"))
    return sde_fail(status, SDE_INVALID, "%s: dense noise needs covariance, a %zu x %zu matrix",
                    parameters_place(noise, "structure"), d, d);
  const double *v = parameters_matrix(noise, "covariance", &rows, &columns);
  const char *place = parameters_place(noise, "covariance");
  if (rows != d || columns != d)
    return sde_fail(status, SDE_INVALID,
                    "%s: covariance is %zu x %zu; the loss has %zu coordinates", place, rows,
                    columns, d);
  if (!check_covariance(v, d, place, status))
    return false;
  return semidefinite_cholesky(v, d, objective->factor) ||
         sde_fail(status, SDE_INVALID, "%s: the covariance is not positive semidefinite", place);
}

static bool gaussian_factor(struct objective *objective, const struct parameters *noise,
                            struct sde_status *status)
{
  size_t d = objective->loss->dim;
  const char *structure = parameters_text(noise, "structure");
  objective->components = d;
  objective->factor = sde_alloc(d, d * sizeof(double));
  if (strcmp(structure, "isotropic") == 0) {
    objective->structure = "isotropic";
    for (size_t i = 0; i < d; i++)
      objective->factor[i * d + i] = parameters_real(noise, "standard_deviation");
    return true;
  }
  bool diagonal = strcmp(structure, "diagonal") == 0;
  objective->structure = diagonal ? "diagonal" : "dense";
  return (diagonal ? diagonal_factor : dense_factor)(objective, noise, status);
}

struct objective *objective_new(const struct loss *loss, const struct parameters *noise,
                                struct sde_status *status)
{
  if (!check_keys(noise, status))
    return NULL;
  struct objective *objective = sde_alloc(1, sizeof *objective);
  const char *sampling = parameters_text(noise, "sampling");
  objective->loss = loss;
  objective->components = loss->samples;
  objective->structure = "samples";
  objective->sampling = strcmp(sampling, "gaussian") == 0           ? GAUSSIAN
                        : strcmp(sampling, "with-replacement") == 0 ? WITH_REPLACEMENT
                                                                    : WITHOUT_REPLACEMENT;
  if (objective->sampling != GAUSSIAN || gaussian_factor(objective, noise, status))
    return objective;
  objective_free(objective);
  return NULL;
}

void objective_free(struct objective *objective)
{
  if (objective == NULL)
    return;
  sde_free(objective->factor);
  sde_free(objective);
}

double objective_batch_factor(const struct objective *objective, size_t batch)
{
  double n = (double)objective->loss->samples, s = (double)batch;
  if (objective->sampling != WITHOUT_REPLACEMENT)
    return 1 / s;
  return n == 1 ? 0 : (n - s) / (s * (n - 1));
}

bool objective_accepts(const struct objective *objective, size_t batch, size_t micro_batch,
                       const char *place, struct sde_status *status)
{
  double lanes =
      objective->sampling == GAUSSIAN
          ? (double)(batch / (micro_batch == 0 ? 1 : micro_batch)) * (double)objective->components
          : (double)batch;
  if (lanes > LANES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: a step would draw %.0f random numbers a path; at most %.0f are accepted",
                    place, lanes, LANES_MAX);
  if (objective->sampling == WITHOUT_REPLACEMENT && batch > objective->loss->samples)
    return sde_fail(status, SDE_INVALID,
                    "%s: a batch of %zu cannot be drawn without replacement from %zu samples; "
                    "batch must be at most %zu, or sampling with-replacement",
                    place, batch, objective->loss->samples, objective->loss->samples);
  if (micro_batch == 0 || batch % micro_batch != 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: micro_batch %zu does not divide the batch of %zu; it must", place,
                    micro_batch, batch);
  return true;
}

struct micro_batches micro_batches_new(const struct objective *objective, size_t size, size_t count,
                                       size_t width)
{
  struct micro_batches batches = {.size = size, .count = count};
  if (objective->sampling == GAUSSIAN) {
    batches.weight = sde_alloc(count * objective->components, width * sizeof(double));
    return batches;
  }
  batches.index = sde_alloc(count * size, width * sizeof(uint32_t));
  if (objective->sampling == WITHOUT_REPLACEMENT) {
    batches.permutation = sde_alloc(objective->components, sizeof(uint32_t));
    for (uint32_t i = 0; i < objective->components; i++)
      batches.permutation[i] = i;
  }
  return batches;
}

void micro_batches_free(struct micro_batches *batches)
{
  sde_free(batches->index);
  sde_free(batches->weight);
  sde_free(batches->permutation);
}

/* A mean of m normals is one normal of variance 1/m. An ordered selection without replacement,
 * cut into pieces, is a batch with a uniform partition. */
void objective_draw(const struct objective *objective, const struct sde_address *at, size_t width,
                    struct micro_batches *batches)
{
  size_t samples = batches->count * batches->size;
  uint32_t n = (uint32_t)objective->components;
  switch (objective->sampling) {
  case WITH_REPLACEMENT:
    sde_random_indices(at, width, samples, n, batches->index);
    break;
  case WITHOUT_REPLACEMENT:
    sde_random_selection(at, width, samples, n, batches->permutation, batches->index);
    break;
  case GAUSSIAN:
    sde_random_normals(at, width, batches->count * n, batches->weight);
    sde_block_scale(batches->count * n * width, 1 / sqrt((double)batches->size), batches->weight);
    break;
  }
}

/* g += J xi. */
SDE_VECTOR
static void add_factor(size_t d, size_t components, const double *restrict factor, size_t width,
                       const double *restrict xi, double *restrict g)
{
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < components; k++) {
      double entry = factor[i * components + k];
      if (entry != 0)
        for (size_t p = 0; p < width; p++)
          g[i * width + p] += entry * xi[k * width + p];
    }
}

void objective_micro_gradient(const struct objective *objective, size_t width,
                              const struct micro_batches *batches, size_t j, const double *x,
                              double *g, double *scratch)
{
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  if (objective->sampling == GAUSSIAN) {
    loss_mean_gradient(loss, width, x, g, scratch);
    add_factor(loss->dim, objective->components, objective->factor, width,
               batches->weight + j * objective->components * width, g);
    return;
  }
  const uint32_t *index = batches->index + j * batches->size * width;
  loss->type->gradient(loss, width, (struct loss_samples){index, 1}, x, g);
  for (size_t i = 1; i < batches->size; i++) {
    loss->type->gradient(loss, width, (struct loss_samples){index + i * width, 1}, x, scratch);
    sde_block_add(size, 1, scratch, g);
  }
  sde_block_scale(size, 1 / (double)batches->size, g);
}

void objective_component_gradient(const struct objective *objective, size_t width, size_t i,
                                  const double *x, double *g)
{
  const struct loss *loss = objective->loss;
  uint32_t index = (uint32_t)i;
  if (objective->sampling != GAUSSIAN) {
    loss->type->gradient(loss, width, (struct loss_samples){&index, 0}, x, g);
    return;
  }
  for (size_t j = 0; j < loss->dim; j++)
    for (size_t p = 0; p < width; p++)
      g[j * width + p] = objective->factor[j * objective->components + i];
}

void objective_component_hessian_vector(const struct objective *objective, size_t width, size_t i,
                                        const double *x, const double *v, double *hv)
{
  const struct loss *loss = objective->loss;
  uint32_t index = (uint32_t)i;
  if (objective->sampling == GAUSSIAN)
    memset(hv, 0, loss->dim * width * sizeof *hv);
  else
    loss->type->hessian_vector(loss, width, (struct loss_samples){&index, 0}, x, v, hv);
}

SDE_VECTOR
static void add_squared_deviation(size_t d, size_t width, const double *restrict gi,
                                  const double *restrict g, double weight, double *restrict sum)
{
  for (size_t j = 0; j < d; j++)
    for (size_t p = 0; p < width; p++) {
      double deviation = gi[j * width + p] - g[j * width + p];
      sum[p] += weight * deviation * deviation;
    }
}

void objective_noise_trace(const struct objective *objective, size_t width, const double *x,
                           double *trace, double *scratch)
{
  size_t d = objective->loss->dim, n = objective->components;
  double *g = scratch, *gi = scratch + d * width;
  bool gaussian = objective->sampling == GAUSSIAN;
  if (gaussian)
    memset(g, 0, d * width * sizeof *g);
  else
    loss_mean_gradient(objective->loss, width, x, g, gi);
  memset(trace, 0, width * sizeof *trace);
  for (size_t i = 0; i < n; i++) {
    objective_component_gradient(objective, width, i, x, gi);
    add_squared_deviation(d, width, gi, g, gaussian ? 1 : 1 / (double)n, trace);
  }
}
