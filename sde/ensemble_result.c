/*
 * What an ensemble leaves: see ensemble_result.h.
 */
#include "sde/ensemble_result.h"

#include "sde/status.h"

#include <assert.h>
#include <string.h>

/* The row of an observable of a process, or of a pair, at a record. */
static size_t row_of(const struct sde_ensemble_result *result, size_t which, size_t record,
                     size_t observable)
{
  assert(record < result->records && observable < result->observables);
  return (which * result->records + record) * result->observables + observable;
}

struct sde_moments sde_ensemble_moments(const struct sde_ensemble_result *result, size_t process,
                                        size_t record, size_t observable)
{
  assert(process < result->processes);
  return result->moments[row_of(result, process, record, observable)];
}

struct sde_moments sde_ensemble_difference(const struct sde_ensemble_result *result, size_t pair,
                                           size_t record, size_t observable)
{
  assert(pair < result->pairs);
  return result->differences[row_of(result, pair, record, observable)];
}

struct sde_moments sde_ensemble_pooled(const struct sde_ensemble_result *result, size_t process,
                                       size_t record, size_t observable)
{
  assert(result->pooled != NULL && process < result->processes);
  return result->pooled[row_of(result, process, record, observable)];
}

uint64_t sde_ensemble_diverged(const struct sde_ensemble_result *result, size_t process,
                               size_t record)
{
  assert(process < result->processes && record < result->records);
  return result->diverged[process * result->records + record];
}

uint64_t sde_ensemble_failed(const struct sde_ensemble_result *result, size_t process,
                             size_t record)
{
  assert(process < result->processes && record < result->records);
  return result->failed[process * result->records + record];
}

uint64_t sde_ensemble_first_divergence(const struct sde_ensemble_result *result, size_t process)
{
  assert(process < result->processes);
  return result->first_divergence[process];
}

uint64_t sde_ensemble_first_diverged(const struct sde_ensemble_result *result, size_t process)
{
  assert(process < result->processes);
  return result->first_diverged[process];
}

const double *sde_ensemble_samples(const struct sde_ensemble_result *result, size_t process,
                                   size_t record, size_t observable)
{
  assert(process < result->processes);
  if (result->samples == NULL)
    return NULL;
  return result->samples + row_of(result, process, record, observable) * result->sample_paths;
}

void sde_ensemble_exchange(struct sde_ensemble_result *result, size_t process, size_t pair)
{
  assert(process < result->processes && pair < result->pairs);
  size_t table = result->records * result->observables;
  struct sde_moments *moments = result->moments + process * table;
  struct sde_moments *difference = result->differences + pair * table;
  for (size_t row = 0; row < table; row++) {
    struct sde_moments kept = moments[row];
    moments[row] = difference[row];
    difference[row] = kept;
  }
}

void sde_ensemble_use_pooled(struct sde_ensemble_result *result, size_t process)
{
  assert(result->pooled != NULL && process < result->processes);
  size_t table = result->records * result->observables, first = process * table;
  memcpy(result->moments + first, result->pooled + first, table * sizeof *result->moments);
}

void sde_ensemble_result_free(struct sde_ensemble_result *result)
{
  sde_free(result->moments); /* and with them the tables after, which are in one piece of memory */
  sde_free(result->samples);
}
