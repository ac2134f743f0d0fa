/*
 * Structured noise: its keys and which of them count, the registry, and what all structures share.
 * See noise.h.
 */
#include "models/noise.h"

#include "models/student.h"
#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct parameter_key noise_keys[] = {
    {.name = "sampling",
     .type = PARAMETER_CHOICE,
     .choices = "with-replacement without-replacement reshuffle gaussian",
     .fallback = "with-replacement",
     .help =
         "how a batch is drawn: sample indices, of which reshuffle takes each once an epoch, or "
         "structured noise on the full gradient"},
    {.name = "rest",
     .type = PARAMETER_CHOICE,
     .choices = "drop keep",
     .help = "reshuffle: what is done with the samples that are left at the end of an epoch where "
             "batch does not divide their number"},
    {.name = "svag",
     .type = PARAMETER_COUNT,
     .low = 1,
     .high = 4096,
     .help = "with-replacement: l of SVAG, which takes l steps of eta/l where SGD takes one, each "
             "with two batches, at l times the variance"},
    {.name = "structure",
     .type = PARAMETER_CHOICE,
     .fallback = "isotropic",
     .help = "gaussian: the form of the noise covariance V of one sample"},
    {.name = "law",
     .type = PARAMETER_CHOICE,
     .choices = "gaussian student-t",
     .fallback = "gaussian",
     .help =
         "gaussian: the law of the noise's coefficients; Student t, not scaled, multiplies V by "
         "nu/(nu-2)"},
    {.name = "degrees_of_freedom",
     .type = PARAMETER_REAL,
     .low = STUDENT_LEAST,
     .high = STUDENT_MOST,
     .help = "law student-t: nu; at most 2 there is no variance, and so no SDE"},
    {.name = "standard_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e100,
     .fallback = "1",
     .help = "isotropic, hessian, multiplicative, label: s"},
    {.name = "additive_deviation",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e100,
     .fallback = "0",
     .help = "multiplicative: its square is added to every variance"},
    {.name = "standard_deviations",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .high = 1e100,
     .help = "diagonal: one a coordinate; low-rank: one a direction, their number is the rank"},
    {.name = "covariance",
     .type = PARAMETER_MATRIX,
     .low = -1e100,
     .high = 1e100,
     .help = "dense: V, symmetric and positive semidefinite"},
    {.name = "directions",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -1e100,
     .high = 1e100,
     .help = "low-rank: the directions one after another, each scaled to length 1; without it, "
             "random orthonormal ones"},
    {.name = "exponent",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 100,
     .fallback = "1",
     .help = "power-law: eigenvalue k of V is proportional to k^-exponent"},
    {.name = "total_variance",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e200,
     .fallback = "1",
     .help = "power-law: tr V (for the gaussian law)"},
    {.name = "basis",
     .type = PARAMETER_CHOICE,
     .choices = "hessian rotated",
     .fallback = "hessian",
     .help = "power-law: eigenvectors of V, those of the Hessian at start or random ones"},
    {.name = "direction_seed",
     .type = PARAMETER_COUNT,
     .low = 0,
     .high = 0x1p53 - 1,
     .fallback = "1",
     .help = "low-rank without directions, power-law with basis rotated: the random directions are "
             "a function of it, and not of the recipe's seed"},
    {.name = NULL}};

#define NOISE(id) extern const struct noise_structure noise_##id;
#include "models/noises.def"
#undef NOISE

const struct noise_structure *const *noise_structures(void)
{
  static const struct noise_structure *const all[] = {
#define NOISE(id) &noise_##id,
#include "models/noises.def"
#undef NOISE
      NULL};
  return all;
}

static const struct noise_structure *structure_of(const struct parameters *parameters)
{
  const char *name = parameters_text(parameters, "structure");
  const struct noise_structure *const *structure = noise_structures();
  while (strcmp((*structure)->name, name) != 0)
    structure++;
  return *structure;
}

static bool reads(const struct noise_structure *structure, const char *key)
{
  for (const char *const *own = structure->keys; *own != NULL; own++)
    if (strcmp(*own, key) == 0)
      return true;
  return false;
}

static bool is(const struct parameters *parameters, const char *key, const char *value)
{
  return strcmp(parameters_text(parameters, key), value) == 0;
}

/* Why a key has no effect, and what would give it one. */
struct obstacle {
  char there[80], wanted[160];
};

static bool hinders(struct obstacle *obstacle, const struct parameters *parameters, const char *key,
                    const char *value)
{
  if (is(parameters, key, value))
    return false;
  snprintf(obstacle->there, sizeof obstacle->there, "%s: %s", key,
           parameters_text(parameters, key));
  snprintf(obstacle->wanted, sizeof obstacle->wanted, "%s: %s", key, value);
  return true;
}

/* The structures that read the key, "a, b or c". */
static void name_readers(const char *key, size_t size, char *text)
{
  size_t readers = 0, length = 0;
  for (const struct noise_structure *const *all = noise_structures(); *all != NULL; all++)
    readers += reads(*all, key);
  for (const struct noise_structure *const *all = noise_structures(); *all != NULL; all++)
    if (reads(*all, key)) {
      const char *after = --readers == 0 ? "" : readers == 1 ? " or " : ", ";
      length += (size_t)snprintf(text + length, size - length, "%s%s", (*all)->name, after);
    }
}

/* Is there an obstacle? */
static bool find_obstacle(const struct parameters *parameters, const char *key,
                          struct obstacle *obstacle)
{
  if (strcmp(key, "sampling") == 0)
    return false;
  if (strcmp(key, "rest") == 0)
    return hinders(obstacle, parameters, "sampling", "reshuffle");
  if (strcmp(key, "svag") == 0)
    return hinders(obstacle, parameters, "sampling", "with-replacement");
  if (hinders(obstacle, parameters, "sampling", "gaussian"))
    return true;
  if (strcmp(key, "structure") == 0 || strcmp(key, "law") == 0)
    return false;
  if (strcmp(key, "degrees_of_freedom") == 0)
    return hinders(obstacle, parameters, "law", "student-t");
  if (!reads(structure_of(parameters), key)) {
    char readers[120];
    name_readers(key, sizeof readers, readers);
    return hinders(obstacle, parameters, "structure", readers);
  }
  if (strcmp(key, "direction_seed") != 0)
    return false;
  if (is(parameters, "structure", "power-law"))
    return hinders(obstacle, parameters, "basis", "rotated");
  snprintf(obstacle->there, sizeof obstacle->there, "directions");
  snprintf(obstacle->wanted, sizeof obstacle->wanted, "no directions");
  return parameters_has(parameters, "directions");
}

bool noise_uses(const struct parameters *parameters, const char *key)
{
  struct obstacle obstacle;
  return !find_obstacle(parameters, key, &obstacle);
}

/* Who gives keys of another noise than is drawn means that other one. */
bool noise_check_keys(const struct parameters *parameters, struct sde_status *status)
{
  for (const struct parameter_key *key = noise_keys; key->name != NULL; key++) {
    struct obstacle obstacle;
    if (parameters_given(parameters, key->name) && find_obstacle(parameters, key->name, &obstacle))
      return sde_fail(status, SDE_INVALID,
                      "%s: %s is given, but has no effect with %s; accepted is %s, or no %s",
                      parameters_place(parameters, key->name), key->name, obstacle.there,
                      obstacle.wanted, key->name);
  }
  return true;
}

static bool set_law(struct noise *noise, const struct parameters *parameters,
                    struct sde_status *status)
{
  noise->law = is(parameters, "law", "gaussian") ? NOISE_LAW_GAUSSIAN : NOISE_LAW_STUDENT_T;
  noise->variance = 1;
  if (noise->law == NOISE_LAW_GAUSSIAN)
    return true;
  if (!parameters_has(parameters, "degrees_of_freedom"))
    return sde_fail(status, SDE_INVALID,
                    "%s: law student-t needs degrees_of_freedom, a number above 2 for noise with a "
                    "variance",
                    parameters_place(parameters, "law"));
  double nu = parameters_real(parameters, "degrees_of_freedom");
  noise->degrees_of_freedom = nu;
  noise->variance = nu > 2 ? nu / (nu - 2) : INFINITY;
  return true;
}

struct noise *noise_new(const struct loss *loss, const struct parameters *parameters,
                        const double *start, struct sde_status *status)
{
  struct noise *noise = sde_alloc(1, sizeof *noise);
  noise->loss = loss;
  noise->structure = structure_of(parameters);
  if (set_law(noise, parameters, status) &&
      noise->structure->create(noise, parameters, start, status)) {
    noise->quadratic = noise->quadratic || noise->factor != NULL;
    return noise;
  }
  noise_free(noise);
  return NULL;
}

void noise_free(struct noise *noise)
{
  if (noise == NULL)
    return;
  sde_free(noise->factor);
  sde_free(noise->data);
  sde_free(noise);
}

const char *noise_caution(const struct noise *noise)
{
  if (noise->law == NOISE_LAW_GAUSSIAN || noise->degrees_of_freedom > 4)
    return NULL;
  if (noise->degrees_of_freedom > 2)
    return "the noise has an infinite fourth moment (degrees_of_freedom at most 4): squares such "
           "as the loss have no finite variance, and their standard errors cannot be trusted";
  return "the noise has infinite variance (degrees_of_freedom at most 2): no SDE describes it, and "
         "means of squares such as the loss do not exist";
}

/* A mean of m normals is one normal of variance 1/m. */
void noise_draw(const struct noise *noise, const struct sde_address *at, size_t width, size_t size,
                size_t count, double *xi)
{
  size_t lanes = count * noise->components;
  if (noise->law == NOISE_LAW_STUDENT_T) {
    student_means(noise->degrees_of_freedom, at, width, size, lanes, xi);
    return;
  }
  sde_random_normals(at, width, lanes, xi);
  sde_block_scale(lanes * width, 1 / sqrt((double)size), xi);
}

double noise_lanes(const struct noise *noise, size_t size, size_t count)
{
  double means = (double)count * (double)noise->components;
  return noise->law == NOISE_LAW_STUDENT_T ? 2 * means * (double)size : means;
}

void noise_gradient(const struct noise *noise, size_t width, size_t k, const double *x, double *g)
{
  if (noise->factor == NULL) {
    noise->structure->gradient(noise, width, k, x, g);
    return;
  }
  for (size_t j = 0; j < noise->loss->dim; j++)
    for (size_t p = 0; p < width; p++)
      g[j * width + p] = noise->factor[j * noise->components + k];
}

void noise_hessian_vector(const struct noise *noise, size_t width, size_t k, const double *x,
                          const double *v, double *hv)
{
  if (noise->factor == NULL)
    noise->structure->hessian_vector(noise, width, k, x, v, hv);
  else
    memset(hv, 0, noise->loss->dim * width * sizeof *hv);
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

/* sum += xi v, with one xi[p] a path. */
SDE_VECTOR
static void add_multiple(size_t d, size_t width, const double *restrict xi,
                         const double *restrict v, double *restrict sum)
{
  for (size_t i = 0; i < d; i++)
    for (size_t p = 0; p < width; p++)
      sum[i * width + p] += xi[p] * v[i * width + p];
}

void noise_add_gradient(const struct noise *noise, size_t width, const double *x, const double *xi,
                        double *g, double *scratch)
{
  size_t d = noise->loss->dim;
  if (noise->factor != NULL) {
    add_factor(d, noise->components, noise->factor, width, xi, g);
    return;
  }
  for (size_t k = 0; k < noise->components; k++) {
    noise->structure->gradient(noise, width, k, x, scratch);
    add_multiple(d, width, xi + k * width, scratch, g);
  }
}

void noise_add_hessian_vector(const struct noise *noise, size_t width, const double *x,
                              const double *xi, const double *v, double *hv, double *scratch)
{
  for (size_t k = 0; noise->factor == NULL && k < noise->components; k++) {
    noise->structure->hessian_vector(noise, width, k, x, v, scratch);
    add_multiple(noise->loss->dim, width, xi + k * width, scratch, hv);
  }
}
