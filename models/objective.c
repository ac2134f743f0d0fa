/*
 * Objectives: drawing micro-batches and evaluating their random functions. See objective.h.
 */
#include "models/objective.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

/* What sde/random.h can address in one step. */
static const double LANES_MAX = 33554432;

struct objective *objective_new(const struct loss *loss, const struct parameters *noise,
                                const double *start, struct sde_status *status)
{
  if (!noise_check_keys(noise, status))
    return NULL;
  struct objective *objective = sde_alloc(1, sizeof *objective);
  const char *sampling = parameters_text(noise, "sampling");
  objective->loss = loss;
  objective->components = loss->samples;
  start = start == NULL ? loss->start : start;
  if (start != NULL) {
    objective->start = sde_alloc(loss->dim, sizeof *start);
    memcpy(objective->start, start, loss->dim * sizeof *start);
  }
  objective->reshuffled = strcmp(sampling, "reshuffle") == 0;
  objective->keeps_rest =
      parameters_has(noise, "rest") && strcmp(parameters_text(noise, "rest"), "keep") == 0;
  objective->says_rest = parameters_has(noise, "rest");
  objective->svag = parameters_has(noise, "svag") ? (size_t)parameters_u64(noise, "svag") : 1;
  objective->sampling = strcmp(sampling, "gaussian") == 0           ? OBJECTIVE_GAUSSIAN
                        : strcmp(sampling, "with-replacement") == 0 ? OBJECTIVE_WITH_REPLACEMENT
                                                                    : OBJECTIVE_WITHOUT_REPLACEMENT;
  if (objective->sampling != OBJECTIVE_GAUSSIAN)
    return objective;
  objective->noise = noise_new(loss, noise, start, status);
  if (objective->noise != NULL) {
    objective->components = objective->noise->components;
    return objective;
  }
  objective_free(objective);
  return NULL;
}

void objective_free(struct objective *objective)
{
  if (objective == NULL)
    return;
  noise_free(objective->noise);
  sde_free(objective->start);
  sde_free(objective);
}

bool objective_has_variance(const struct objective *objective)
{
  return objective->sampling != OBJECTIVE_GAUSSIAN || isfinite(objective->noise->variance);
}

bool objective_is_gaussian(const struct objective *objective)
{
  return objective->sampling == OBJECTIVE_GAUSSIAN && objective->noise->law == NOISE_LAW_GAUSSIAN;
}

bool objective_has_constant_noise(const struct objective *objective)
{
  return objective->sampling == OBJECTIVE_GAUSSIAN && objective->noise->factor != NULL;
}

double objective_component_weight(const struct objective *objective)
{
  return objective->sampling == OBJECTIVE_GAUSSIAN ? objective->noise->variance
                                                   : 1 / (double)objective->components;
}

double objective_batch_factor(const struct objective *objective, size_t batch)
{
  double n = (double)objective->loss->samples, s = (double)batch;
  if (objective->sampling != OBJECTIVE_WITHOUT_REPLACEMENT)
    return 1 / s;
  return n == 1 ? 0 : (n - s) / (s * (n - 1));
}

uint64_t objective_epoch_steps(const struct objective *objective, size_t batch)
{
  size_t n = objective->components;
  return n / batch + (objective->keeps_rest && n % batch != 0);
}

double objective_epoch_factor(const struct objective *objective, size_t batch)
{
  double n = (double)objective->components;
  return n == 1 ? 0 : ((double)objective_epoch_steps(objective, batch) - 1) / (n - 1);
}

/* Is it said what is done with the samples that are left over, and can they be cut as batches are?
 */
static bool accepts_rest(const struct objective *objective, size_t batch, size_t micro_batch,
                         const char *place, struct sde_status *status)
{
  size_t n = objective->components, rest = n % batch;
  if (rest == 0)
    return true;
  if (!objective->says_rest)
    return sde_fail(
        status, SDE_INVALID,
        "%s: reshuffle: a batch of %zu does not divide %zu samples; say what is done "
        "with the %zu that are left at the end of an epoch: rest: drop or rest: keep in "
        "noise",
        place, batch, n, rest);
  if (!objective->keeps_rest || micro_batch == batch || rest % micro_batch == 0)
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: rest: keep: a micro_batch of %zu does not divide the %zu samples that are "
                  "left at the end of an epoch; it must, or rest be drop",
                  place, micro_batch, rest);
}

bool objective_accepts(const struct objective *objective, size_t batch, size_t micro_batch,
                       const char *place, struct sde_status *status)
{
  double lanes =
      objective->sampling == OBJECTIVE_GAUSSIAN
          ? noise_lanes(objective->noise, micro_batch, batch / (micro_batch == 0 ? 1 : micro_batch))
          : (double)batch;
  if (lanes > LANES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: a step would draw %.0f random numbers a path; at most %.0f are accepted",
                    place, lanes, LANES_MAX);
  if (objective->sampling == OBJECTIVE_WITHOUT_REPLACEMENT && batch > objective->loss->samples)
    return sde_fail(status, SDE_INVALID,
                    "%s: a batch of %zu cannot be drawn without replacement from %zu samples; "
                    "batch must be at most %zu, or sampling with-replacement",
                    place, batch, objective->loss->samples, objective->loss->samples);
  if (micro_batch == 0 || batch % micro_batch != 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: micro_batch %zu does not divide the batch of %zu; it must", place,
                    micro_batch, batch);
  return !objective->reshuffled || accepts_rest(objective, batch, micro_batch, place, status);
}

struct micro_batches micro_batches_new(const struct objective *objective, size_t size, size_t count,
                                       size_t width)
{
  struct micro_batches batches = {.size = size,
                                  .count = count,
                                  .whole_size = size,
                                  .whole_count = count,
                                  .stride = 1,
                                  .summed = SIZE_MAX};
  if (objective->sampling == OBJECTIVE_GAUSSIAN) {
    batches.weight = sde_alloc(count * objective->components, width * sizeof(double));
    return batches;
  }
  batches.index = sde_alloc(count * size, width * sizeof(uint32_t));
  if (size > 1 && !objective->per_sample && objective->loss->sum_size > 0)
    batches.sum = sde_alloc(objective->loss->sum_size, width * sizeof(double));
  if (objective->reshuffled)
    batches.epoch = sde_permutation_new((uint32_t)objective->components, width);
  else if (objective->sampling == OBJECTIVE_WITHOUT_REPLACEMENT) {
    batches.permutation = sde_alloc(objective->components, sizeof(uint32_t));
    for (uint32_t i = 0; i < objective->components; i++)
      batches.permutation[i] = i;
  }
  return batches;
}

void micro_batches_free(struct micro_batches *batches)
{
  if (batches->stride != 0)
    sde_free(batches->index);
  sde_free(batches->weight);
  sde_free(batches->permutation);
  sde_permutation_free(batches->epoch);
  sde_free(batches->sum);
}

struct micro_batches micro_batches_shared(size_t size, size_t count, uint32_t *index)
{
  return (struct micro_batches){.size = size, .count = count, .index = index, .summed = SIZE_MAX};
}

struct loss_samples micro_batches_sample(const struct micro_batches *batches, size_t width,
                                         size_t j, size_t i)
{
  size_t lanes = batches->stride == 0 ? 1 : width;
  return (struct loss_samples){batches->index + (j * batches->size + i) * lanes, batches->stride};
}

/* Batch k of an epoch holds the elements from k b on of the epoch's permutation; the last may be
 * the rest, which is one micro-batch where the others are, too. */
static void draw_part(const struct objective *objective, const struct sde_address *at, size_t width,
                      struct micro_batches *batches)
{
  size_t batch = batches->whole_size * batches->whole_count;
  uint64_t steps = objective_epoch_steps(objective, batch);
  size_t first = (size_t)(at->step % steps) * batch, left = objective->components - first;
  size_t samples = left < batch ? left : batch;
  struct sde_address epoch = {at->stream, at->first_path, at->step / steps};
  batches->size = batches->whole_count == 1 ? samples : batches->whole_size;
  batches->count = samples / batches->size;
  sde_permutation_elements(batches->epoch, &epoch, width, first, samples, batches->index);
}

/* An ordered selection without replacement, cut into pieces, is a batch uniformly partitioned. */
void objective_draw(const struct objective *objective, const struct sde_address *at, size_t width,
                    struct micro_batches *batches)
{
  size_t samples = batches->count * batches->size;
  uint32_t n = (uint32_t)objective->components;
  batches->summed = SIZE_MAX;
  switch (objective->sampling) {
  case OBJECTIVE_WITH_REPLACEMENT:
    sde_random_indices(at, width, samples, n, batches->index);
    break;
  case OBJECTIVE_WITHOUT_REPLACEMENT:
    if (objective->reshuffled)
      draw_part(objective, at, width, batches);
    else
      sde_random_selection(at, width, samples, n, batches->permutation, batches->index);
    break;
  case OBJECTIVE_GAUSSIAN:
    noise_draw(objective->noise, at, width, batches->size, batches->count, batches->weight);
    break;
  }
}

void objective_micro_gradient(const struct objective *objective, size_t width,
                              struct micro_batches *batches, size_t j, const double *x, double *g,
                              double *scratch)
{
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  if (objective->sampling == OBJECTIVE_GAUSSIAN) {
    loss_mean_gradient(loss, width, x, g, scratch);
    noise_add_gradient(objective->noise, width, x,
                       batches->weight + j * objective->components * width, g, scratch);
    return;
  }
  if (batches->sum != NULL) {
    if (batches->summed != j)
      loss->type->sum(loss, width, batches->size, micro_batches_sample(batches, width, j, 0).index,
                      batches->sum);
    batches->summed = j;
    loss->type->sum_gradient(loss, width, batches->sum, x, g);
    sde_block_scale(size, 1 / (double)batches->size, g);
    return;
  }
  loss->type->gradient(loss, width, micro_batches_sample(batches, width, j, 0), x, g);
  for (size_t i = 1; i < batches->size; i++) {
    loss->type->gradient(loss, width, micro_batches_sample(batches, width, j, i), x, scratch);
    sde_block_add(size, 1, scratch, g);
  }
  sde_block_scale(size, 1 / (double)batches->size, g);
}

void objective_micro_hessian_vector(const struct objective *objective, size_t width,
                                    const struct micro_batches *batches, size_t j, const double *x,
                                    const double *v, double *hv, double *scratch)
{
  const struct loss *loss = objective->loss;
  size_t size = loss->dim * width;
  if (objective->sampling == OBJECTIVE_GAUSSIAN) {
    loss_mean_hessian_vector(loss, width, x, v, hv, scratch);
    noise_add_hessian_vector(objective->noise, width, x,
                             batches->weight + j * objective->components * width, v, hv, scratch);
    return;
  }
  for (size_t i = 0; i < batches->size; i++) {
    double *term = i == 0 ? hv : scratch;
    loss->type->hessian_vector(loss, width, micro_batches_sample(batches, width, j, i), x, v, term);
    if (i > 0)
      sde_block_add(size, 1, scratch, hv);
  }
  sde_block_scale(size, 1 / (double)batches->size, hv);
}

void objective_component_gradient(const struct objective *objective, size_t width, size_t i,
                                  const double *x, double *g)
{
  const struct loss *loss = objective->loss;
  uint32_t index = (uint32_t)i;
  if (objective->sampling != OBJECTIVE_GAUSSIAN) {
    loss->type->gradient(loss, width, (struct loss_samples){&index, 0}, x, g);
    return;
  }
  noise_gradient(objective->noise, width, i, x, g);
}

void objective_component_hessian_vector(const struct objective *objective, size_t width, size_t i,
                                        const double *x, const double *v, double *hv)
{
  const struct loss *loss = objective->loss;
  uint32_t index = (uint32_t)i;
  if (objective->sampling == OBJECTIVE_GAUSSIAN)
    noise_hessian_vector(objective->noise, width, i, x, v, hv);
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

/* out = delta_i of component i at x, given g there; noise potentials have no mean to subtract. */
void objective_component_deviation(const struct objective *objective, size_t width, size_t i,
                                   const double *x, const double *g, double *out)
{
  objective_component_gradient(objective, width, i, x, out);
  if (objective->sampling != OBJECTIVE_GAUSSIAN)
    sde_block_add(objective->loss->dim * width, -1, g, out);
}

void objective_noise_trace(const struct objective *objective, size_t width, const double *x,
                           double *trace, double *scratch)
{
  size_t d = objective->loss->dim, n = objective->components;
  double *g = scratch, *gi = scratch + d * width, weight = objective_component_weight(objective);
  if (objective->sampling == OBJECTIVE_GAUSSIAN)
    memset(g, 0, d * width * sizeof *g);
  else
    loss_mean_gradient(objective->loss, width, x, g, gi);
  memset(trace, 0, width * sizeof *trace);
  for (size_t i = 0; i < n; i++) {
    objective_component_gradient(objective, width, i, x, gi);
    add_squared_deviation(d, width, gi, g, weight, trace);
  }
}

void objective_noise_trace_gradient(const struct objective *objective, size_t width,
                                    const double *x, double *out, double *scratch)
{
  size_t size = objective->loss->dim * width;
  double *g = scratch, *gi = g + size, *hv = gi + size;
  double weight = 2 * objective_component_weight(objective);
  sde_block_fill(size, 0, out);
  if (objective_has_constant_noise(objective))
    return;
  if (objective->sampling != OBJECTIVE_GAUSSIAN)
    loss_mean_gradient(objective->loss, width, x, g, gi);
  for (size_t i = 0; i < objective->components; i++) {
    objective_component_deviation(objective, width, i, x, g, gi);
    objective_component_hessian_vector(objective, width, i, x, gi, hv);
    sde_block_add(size, weight, hv, out);
  }
}
