/*
 * Workers: see worker.h.
 */
#include "sde/worker.h"

#include "sde/block.h"
#include "sde/status.h"

#include <math.h>
#include <string.h>

struct sde_worker sde_worker_new(const struct sde_ensemble *ensemble,
                                 const struct sde_tally_sizes *sizes, size_t width)
{
  const struct sde_observables *observables = &ensemble->observables;
  struct sde_worker worker = {.width = width, .tally = sde_tally_new(sizes)};
  worker.x = sde_alloc(ensemble->processes, sizeof *worker.x);
  worker.process_workspace = sde_alloc(ensemble->processes, sizeof *worker.process_workspace);
  for (size_t i = 0; i < ensemble->processes; i++) {
    const struct sde_process *process = ensemble->process[i];
    worker.x[i] = sde_alloc(process->dim, width * sizeof(double));
    worker.process_workspace[i] = process->workspace_new(process, width);
  }
  if (observables->workspace_new != NULL)
    worker.observable_workspace = observables->workspace_new(observables->context, width);
  worker.alive = sde_alloc(ensemble->processes * width, sizeof(bool));
  worker.failed = sde_alloc(ensemble->processes * width, sizeof(bool));
  worker.valid = sde_alloc(ensemble->processes * width, sizeof(bool));
  worker.both = sde_alloc(width, sizeof(bool));
  worker.values = sde_alloc(ensemble->processes * observables->count, width * sizeof(double));
  worker.difference = sde_alloc(width, sizeof(double));
  return worker;
}

void sde_worker_free(const struct sde_ensemble *ensemble, struct sde_worker *worker)
{
  for (size_t i = 0; i < ensemble->processes; i++) {
    sde_free(worker->x[i]);
    ensemble->process[i]->workspace_free(ensemble->process[i], worker->process_workspace[i]);
  }
  if (ensemble->observables.workspace_free != NULL)
    ensemble->observables.workspace_free(worker->observable_workspace);
  sde_free(worker->x);
  sde_free(worker->process_workspace);
  sde_free(worker->alive);
  sde_free(worker->failed);
  sde_free(worker->valid);
  sde_free(worker->both);
  sde_free(worker->values);
  sde_free(worker->difference);
  sde_tally_free(&worker->tally);
}

/* outside[p] of a unit of paths: has it left the box |x_i| <= bound? A NaN leaves it too. Returns
 * whether any that was alive has. */
static bool find_outside(size_t dim, size_t width, double bound, const double *x, const bool *alive,
                         bool *outside)
{
  bool any = false;
  memset(outside, 0, SDE_UNIT * sizeof *outside);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < SDE_UNIT; p++)
      outside[p] |= !(fabs(x[i * width + p]) <= bound);
  for (size_t p = 0; p < SDE_UNIT; p++)
    any |= outside[p] && alive[p];
  return any;
}

/* Path p of the block, which has this number, has died after `step` steps. */
static void bury(const struct sde_ensemble *ensemble, struct sde_worker *worker, size_t process,
                 size_t p, uint64_t path, uint64_t step)
{
  size_t at = process * worker->width + p;
  worker->alive[at] = false;
  worker->failed[at] =
      sde_process_failed(ensemble->process[process], worker->process_workspace[process], p);
  sde_tally_divergence(&worker->tally, process, step, path);
}

/* Paths that stand outside the box after `step` steps are dead from here on. */
static void bury_outside(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                         size_t process, uint64_t first_path, uint64_t step)
{
  bool *alive = worker->alive + process * worker->width, outside[SDE_UNIT];
  size_t dim = ensemble->process[process]->dim;
  for (size_t start = 0; start < worker->width; start += SDE_UNIT) {
    if (!find_outside(dim, worker->width, ensemble->bound, worker->x[process] + start,
                      alive + start, outside))
      continue;
    for (size_t p = 0; p < SDE_UNIT; p++)
      if (outside[p] && alive[start + p])
        bury(ensemble, worker, process, start + p, first_path + start + p, step);
  }
}

/* Lanes at or beyond `paths` are computed but dead, so that they count nowhere. */
static void start_paths(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                        size_t process, uint64_t first_path, size_t paths)
{
  for (size_t p = 0; p < worker->width; p++) {
    worker->alive[process * worker->width + p] = p < paths;
    worker->failed[process * worker->width + p] = false;
  }
  sde_process_start(ensemble->process[process], worker->process_workspace[process], ensemble->dim,
                    ensemble->start, first_path, worker->width, worker->x[process]);
  bury_outside(ensemble, worker, process, first_path, 0);
}

static void advance_to(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                       size_t process, uint64_t first_path, uint64_t from, uint64_t to)
{
  const struct sde_process *advanced = ensemble->process[process];
  for (uint64_t step = from; step < to; step++) {
    advanced->advance(advanced, worker->process_workspace[process], first_path, worker->width, step,
                      worker->x[process]);
    bury_outside(ensemble, worker, process, first_path, step + 1);
  }
}

static void reduce(struct sde_moments *moments, size_t width, const double *values,
                   const bool *alive)
{
  for (size_t start = 0; start < width; start += SDE_UNIT)
    *moments = sde_moments_merged(*moments, sde_moments_of_unit(values + start, alive + start));
}

static bool has_partner(const struct sde_ensemble *ensemble, size_t process)
{
  return ensemble->antithetic && process < ensemble->processes / 2;
}

/* The mean of a process' observables and its partner's, recorded before, path by path. A pair is
 * valid while both live, and diverges with the first. */
static void average(const struct sde_ensemble *ensemble, struct sde_worker *worker, size_t process)
{
  size_t width = worker->width, size = ensemble->observables.count * width;
  size_t partner = process + ensemble->processes / 2;
  double *values = worker->values + process * size;
  const double *other = worker->values + partner * size;
  for (size_t i = 0; i < size; i++)
    values[i] = 0.5 * (values[i] + other[i]);
  for (size_t p = 0; p < width; p++)
    worker->valid[process * width + p] &= worker->alive[partner * width + p];
  sde_tally_divergence(&worker->tally, process, worker->tally.first_divergence[partner],
                       worker->tally.first_diverged[partner]);
}

static void evaluate(const struct sde_ensemble *ensemble, struct sde_worker *worker, size_t process,
                     size_t record, double *values)
{
  const struct sde_observables *observables = &ensemble->observables;
  size_t first = ensemble->processes - ensemble->variates;
  if (process < first) {
    observables->evaluate(observables->context, worker->observable_workspace, worker->width,
                          worker->x[process], values);
  } else {
    const struct sde_variate *variate = &ensemble->variate[process - first];
    variate->evaluate(variate->context, record, worker->width, worker->x[process], values);
  }
}

static bool has_failed(const struct sde_ensemble *ensemble, const struct sde_worker *worker,
                       size_t process, size_t p)
{
  const bool *failed = worker->failed + p;
  size_t partner = process + ensemble->processes / 2;
  return failed[process * worker->width] ||
         (has_partner(ensemble, process) && failed[partner * worker->width]);
}

static void record_process(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                           size_t process, size_t record, uint64_t first_path, size_t paths,
                           double *samples)
{
  const struct sde_observables *observables = &ensemble->observables;
  size_t width = worker->width, row = process * ensemble->records + record;
  double *values = worker->values + process * observables->count * width;
  bool *valid = worker->valid + process * width;
  memcpy(valid, worker->alive + process * width, width * sizeof *valid);
  evaluate(ensemble, worker, process, record, values);
  if (has_partner(ensemble, process))
    average(ensemble, worker, process);
  for (size_t o = 0; o < observables->count; o++)
    reduce(&worker->tally.moments[row * observables->count + o], width, values + o * width, valid);
  for (size_t p = 0; p < paths; p++) {
    worker->tally.diverged[row] += !valid[p];
    worker->tally.failed[row] += has_failed(ensemble, worker, process, p);
  }
  for (size_t p = 0; p < paths && first_path + p < ensemble->sample_paths; p++)
    for (size_t o = 0; o < observables->count; o++)
      samples[(row * observables->count + o) * ensemble->sample_paths + first_path + p] =
          valid[p] ? values[o * width + p] : NAN;
}

static void record_pairs(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                         size_t record)
{
  size_t width = worker->width, count = ensemble->observables.count;
  for (size_t i = 0; i < ensemble->pairs; i++) {
    struct sde_pair pair = ensemble->pair[i];
    for (size_t p = 0; p < width; p++)
      worker->both[p] =
          worker->valid[pair.minuend * width + p] && worker->valid[pair.subtrahend * width + p];
    for (size_t o = 0; o < count; o++) {
      const double *minuend = worker->values + (pair.minuend * count + o) * width;
      const double *subtrahend = worker->values + (pair.subtrahend * count + o) * width;
      size_t row = (i * ensemble->records + record) * count + o;
      double factor = ensemble->pair_factor == NULL ? 1 : ensemble->pair_factor[row];
      double mean = ensemble->pair_mean == NULL ? 0 : ensemble->pair_mean[row];
      for (size_t p = 0; p < width; p++)
        worker->difference[p] = minuend[p] - factor * (subtrahend[p] - mean);
      reduce(&worker->tally.differences[row], width, worker->difference, worker->both);
    }
  }
}

static void run_block(const struct sde_ensemble *ensemble, struct sde_worker *worker,
                      uint64_t first_path, size_t paths, double *samples)
{
  for (size_t process = 0; process < ensemble->processes; process++)
    start_paths(ensemble, worker, process, ensemble->first_path + first_path, paths);
  uint64_t step = 0;
  for (size_t record = 0; record < ensemble->records; record++) {
    uint64_t until = ensemble->record_steps[record];
    for (size_t process = ensemble->processes; process-- > 0;) { /* partners first */
      advance_to(ensemble, worker, process, ensemble->first_path + first_path, step, until);
      record_process(ensemble, worker, process, record, first_path, paths, samples);
    }
    record_pairs(ensemble, worker, record);
    step = until;
  }
}

void sde_worker_run(const struct sde_ensemble *ensemble, struct sde_worker *worker, uint64_t first,
                    uint64_t end, const struct sde_tally_sizes *sizes, double *samples)
{
  sde_tally_clear(&worker->tally, sizes);
  for (uint64_t path = first; path < end; path += worker->width) {
    uint64_t left = end - path;
    run_block(ensemble, worker, path, left < worker->width ? (size_t)left : worker->width, samples);
  }
}
