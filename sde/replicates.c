/*
 * Ensembles in replicates: see replicates.h.
 */
#include "sde/replicates.h"

#include "sde/status.h"

/* Progress of an ensemble after others. */
struct part {
  const struct sde_ensemble *whole;
  uint64_t before;
};

static void tell_progress(void *context, uint64_t paths_done)
{
  const struct part *part = context;
  part->whole->progress(part->whole->progress_context, part->before + paths_done);
}

/* One piece of memory, which begins with the moments, as of sde_ensemble_run. */
static struct sde_ensemble_result result_new(const struct sde_ensemble *ensemble)
{
  size_t table = ensemble->records * ensemble->observables.count;
  size_t moments = 2 * ensemble->processes * table, differences = ensemble->pairs * table;
  size_t counts = 2 * ensemble->processes * (ensemble->records + 1);
  struct sde_ensemble_result all = {
      .processes = ensemble->processes,
      .pairs = ensemble->pairs,
      .records = ensemble->records,
      .observables = ensemble->observables.count,
      .moments = sde_alloc(
          (moments + differences) * sizeof(struct sde_moments) + counts * sizeof(uint64_t), 1)};
  all.pooled = all.moments + moments / 2;
  all.differences = all.moments + moments;
  all.diverged = (uint64_t *)(all.differences + differences);
  all.failed = all.diverged + ensemble->processes * ensemble->records;
  all.first_divergence = all.failed + ensemble->processes * ensemble->records;
  all.first_diverged = all.first_divergence + ensemble->processes;
  for (size_t i = 0; i < ensemble->processes; i++)
    all.first_divergence[i] = all.first_diverged[i] = UINT64_MAX;
  return all;
}

static void add_mean(struct sde_moments *moments, struct sde_moments replicate)
{
  if (replicate.n > 0)
    *moments = sde_moments_merged(*moments, (struct sde_moments){.n = 1, .mean = replicate.mean});
}

static void add(const struct sde_ensemble *ensemble, const struct sde_ensemble_result *replicate,
                struct sde_ensemble_result *all)
{
  size_t table = ensemble->records * ensemble->observables.count;
  size_t moments = ensemble->processes * table;
  for (size_t i = 0; i < moments; i++) {
    add_mean(&all->moments[i], replicate->moments[i]);
    all->pooled[i] = sde_moments_merged(all->pooled[i], replicate->moments[i]);
  }
  for (size_t i = 0; i < ensemble->pairs * table; i++)
    add_mean(&all->differences[i], replicate->differences[i]);
  for (size_t i = 0; i < ensemble->processes * ensemble->records; i++) {
    all->diverged[i] += replicate->diverged[i];
    all->failed[i] += replicate->failed[i];
  }
  /* Replicates come in the order of their paths: of two at one step the earlier is the first. */
  for (size_t i = 0; i < ensemble->processes; i++)
    if (replicate->first_divergence[i] < all->first_divergence[i]) {
      all->first_divergence[i] = replicate->first_divergence[i];
      all->first_diverged[i] = replicate->first_diverged[i];
    }
  all->own_paths += replicate->own_paths;
  all->own_work += replicate->own_work;
}

struct sde_ensemble_result sde_replicates_run(const struct sde_ensemble *ensemble,
                                              uint64_t replicates)
{
  struct sde_ensemble_result all = result_new(ensemble);
  struct part part = {.whole = ensemble};
  struct sde_ensemble one = *ensemble;
  one.paths = ensemble->paths / replicates;
  one.sample_paths = 0;
  one.progress = ensemble->progress == NULL ? NULL : tell_progress;
  one.progress_context = &part;
  for (uint64_t r = 0; r < replicates; r++) {
    part.before = r * one.paths;
    one.first_path = ensemble->first_path + part.before;
    struct sde_ensemble_result result = sde_ensemble_run(&one);
    add(ensemble, &result, &all);
    sde_ensemble_result_free(&result);
  }
  return all;
}
