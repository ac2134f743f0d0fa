/*
 * Ensembles: see ensemble.h. Paths are cut into chunks by their number alone; a chunk is reduced
 * by one thread, and the chunks are merged in index order along a fixed binary tree.
 */
#include "sde/ensemble.h"

#include "sde/block.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* At most CHUNKS_MAX chunks, so that the tree is shallow; of few paths no fewer than CHUNKS_MIN, so
 * that there is work for many threads; else blocks of BLOCK_NUMBERS numbers of state, which stay in
 * the first-level cache and are long enough to hide what calling a kernel costs. */
enum { CHUNKS_MAX = 1024, CHUNKS_MIN = 64, BLOCK_NUMBERS = 768, TREE_DEPTH = 12 };

static uint64_t at_least(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* Units of paths in a block of default width. */
static uint64_t units_of_block(const struct sde_ensemble *ensemble)
{
  return at_least(1, BLOCK_NUMBERS / (SDE_UNIT * ensemble->dim));
}

/* Units of paths in a chunk. It depends on the ensemble alone and not on the width or the threads,
 * for the tree of chunks decides the bits. */
static uint64_t units_of_chunk(const struct sde_ensemble *ensemble)
{
  uint64_t units = (ensemble->paths + SDE_UNIT - 1) / SDE_UNIT;
  uint64_t block = units_of_block(ensemble), share = at_least(1, units / CHUNKS_MIN);
  return at_least((units + CHUNKS_MAX - 1) / CHUNKS_MAX, block < share ? block : share);
}

static size_t default_width(const struct sde_ensemble *ensemble)
{
  uint64_t block = units_of_block(ensemble), chunk = units_of_chunk(ensemble);
  return (size_t)(block < chunk ? block : chunk) * SDE_UNIT;
}

/* What a chunk, or a subtree of chunks, has counted. */
struct tally {
  struct sde_moments *moments, *differences;
  uint64_t *diverged, *first_divergence;
};

struct sizes {
  size_t moments, differences, diverged, processes;
};

static struct sizes sizes_of(const struct sde_ensemble *ensemble)
{
  size_t table = ensemble->records * ensemble->observables.count;
  return (struct sizes){ensemble->processes * table, ensemble->pairs * table,
                        ensemble->processes * ensemble->records, ensemble->processes};
}

static void tally_clear(struct tally *tally, const struct sizes *sizes)
{
  memset(tally->moments, 0, sizes->moments * sizeof *tally->moments);
  memset(tally->differences, 0, sizes->differences * sizeof *tally->differences);
  memset(tally->diverged, 0, sizes->diverged * sizeof *tally->diverged);
  for (size_t i = 0; i < sizes->processes; i++)
    tally->first_divergence[i] = UINT64_MAX;
}

static struct tally tally_new(const struct sizes *sizes)
{
  struct tally tally = {sde_alloc(sizes->moments, sizeof *tally.moments),
                        sde_alloc(sizes->differences, sizeof *tally.differences),
                        sde_alloc(sizes->diverged, sizeof *tally.diverged),
                        sde_alloc(sizes->processes, sizeof *tally.first_divergence)};
  tally_clear(&tally, sizes);
  return tally;
}

static void tally_free(struct tally *tally)
{
  sde_free(tally->moments);
  sde_free(tally->differences);
  sde_free(tally->diverged);
  sde_free(tally->first_divergence);
}

/* into = earlier followed by later; into may be either. */
static void tally_merge(struct tally *into, const struct tally *earlier, const struct tally *later,
                        const struct sizes *sizes)
{
  for (size_t i = 0; i < sizes->moments; i++)
    into->moments[i] = sde_moments_merged(earlier->moments[i], later->moments[i]);
  for (size_t i = 0; i < sizes->differences; i++)
    into->differences[i] = sde_moments_merged(earlier->differences[i], later->differences[i]);
  for (size_t i = 0; i < sizes->diverged; i++)
    into->diverged[i] = earlier->diverged[i] + later->diverged[i];
  for (size_t i = 0; i < sizes->processes; i++)
    into->first_divergence[i] = earlier->first_divergence[i] < later->first_divergence[i]
                                    ? earlier->first_divergence[i]
                                    : later->first_divergence[i];
}

/* Finished chunks, in index order, as complete subtrees of falling size. */
struct tree {
  size_t height;
  uint64_t leaves[TREE_DEPTH];
  struct tally node[TREE_DEPTH];
};

static void tree_push(struct tree *tree, const struct tally *chunk, const struct sizes *sizes)
{
  struct tally empty = tree->node[tree->height];
  tally_clear(&empty, sizes);
  tally_merge(&empty, &empty, chunk, sizes);
  tree->leaves[tree->height++] = 1;
  while (tree->height > 1 && tree->leaves[tree->height - 1] == tree->leaves[tree->height - 2]) {
    struct tally *left = &tree->node[tree->height - 2];
    tally_merge(left, left, &tree->node[tree->height - 1], sizes);
    tree->leaves[--tree->height - 1] *= 2;
  }
}

static void tree_collapse(struct tree *tree, const struct sizes *sizes)
{
  for (; tree->height > 1; tree->height--) {
    struct tally *left = &tree->node[tree->height - 2];
    tally_merge(left, left, &tree->node[tree->height - 1], sizes);
  }
}

/* One thread's scratch. alive[process*width + p]; values[(process*O + observable)*width + p]. */
struct worker {
  size_t width;
  double **x;
  void **process_workspace;
  void *observable_workspace;
  bool *alive, *both;
  double *values, *difference;
  struct tally tally;
};

static struct worker worker_new(const struct sde_ensemble *ensemble, const struct sizes *sizes)
{
  size_t width = ensemble->width == 0 ? default_width(ensemble) : ensemble->width;
  const struct sde_observables *observables = &ensemble->observables;
  struct worker worker = {.width = width, .tally = tally_new(sizes)};
  worker.x = sde_alloc(ensemble->processes, sizeof *worker.x);
  worker.process_workspace = sde_alloc(ensemble->processes, sizeof *worker.process_workspace);
  for (size_t i = 0; i < ensemble->processes; i++) {
    worker.x[i] = sde_alloc(ensemble->dim * width, sizeof(double));
    worker.process_workspace[i] = ensemble->process[i]->workspace_new(ensemble->process[i], width);
  }
  if (observables->workspace_new != NULL)
    worker.observable_workspace = observables->workspace_new(observables->context, width);
  worker.alive = sde_alloc(ensemble->processes * width, sizeof(bool));
  worker.both = sde_alloc(width, sizeof(bool));
  worker.values = sde_alloc(ensemble->processes * observables->count, width * sizeof(double));
  worker.difference = sde_alloc(width, sizeof(double));
  return worker;
}

static void worker_free(const struct sde_ensemble *ensemble, struct worker *worker)
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
  sde_free(worker->both);
  sde_free(worker->values);
  sde_free(worker->difference);
  tally_free(&worker->tally);
}

/* Clear alive[p] of paths that have left the box |x_i| <= bound (a NaN leaves it too). Returns
 * whether any did. */
static bool mark_diverged(size_t dim, size_t width, double bound, const double *x, bool *alive)
{
  bool outside[SDE_UNIT];
  bool any = false;
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    memset(outside, 0, sizeof outside);
    for (size_t i = 0; i < dim; i++)
      for (size_t p = 0; p < SDE_UNIT; p++)
        outside[p] |= !(fabs(x[i * width + start + p]) <= bound);
    for (size_t p = 0; p < SDE_UNIT; p++) {
      any |= outside[p] && alive[start + p];
      alive[start + p] &= !outside[p];
    }
  }
  return any;
}

static void advance_to(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
                       uint64_t first_path, uint64_t from, uint64_t to)
{
  const struct sde_process *advanced = ensemble->process[process];
  bool *alive = worker->alive + process * worker->width;
  for (uint64_t step = from; step < to; step++) {
    advanced->advance(advanced, worker->process_workspace[process],
                      ensemble->first_path + first_path, worker->width, step, worker->x[process]);
    if (mark_diverged(ensemble->dim, worker->width, ensemble->bound, worker->x[process], alive) &&
        worker->tally.first_divergence[process] > step + 1)
      worker->tally.first_divergence[process] = step + 1;
  }
}

static void reduce(struct sde_moments *moments, size_t width, const double *values,
                   const bool *alive)
{
  for (size_t start = 0; start < width; start += SDE_UNIT)
    *moments = sde_moments_merged(*moments, sde_moments_of_unit(values + start, alive + start));
}

/* The mean of a process' observables and its partner's, recorded before, path by path. */
static void average(const struct sde_ensemble *ensemble, struct worker *worker, size_t process)
{
  size_t width = worker->width, size = ensemble->observables.count * width;
  size_t partner = process + ensemble->processes / 2;
  double *values = worker->values + process * size;
  const double *other = worker->values + partner * size;
  for (size_t i = 0; i < size; i++)
    values[i] = 0.5 * (values[i] + other[i]);
  for (size_t p = 0; p < width; p++)
    worker->alive[process * width + p] &= worker->alive[partner * width + p];
}

static void record_process(const struct sde_ensemble *ensemble, struct worker *worker,
                           size_t process, size_t record, uint64_t first_path, size_t paths,
                           double *samples)
{
  const struct sde_observables *observables = &ensemble->observables;
  size_t width = worker->width, row = process * ensemble->records + record;
  double *values = worker->values + process * observables->count * width;
  bool *alive = worker->alive + process * width;
  observables->evaluate(observables->context, worker->observable_workspace, width,
                        worker->x[process], values);
  if (ensemble->antithetic && process < ensemble->processes / 2)
    average(ensemble, worker, process);
  for (size_t o = 0; o < observables->count; o++)
    reduce(&worker->tally.moments[row * observables->count + o], width, values + o * width, alive);
  for (size_t p = 0; p < paths; p++)
    worker->tally.diverged[row] += !alive[p];
  for (size_t p = 0; p < paths && first_path + p < ensemble->sample_paths; p++)
    for (size_t o = 0; o < observables->count; o++)
      samples[(row * observables->count + o) * ensemble->sample_paths + first_path + p] =
          alive[p] ? values[o * width + p] : NAN;
}

static void record_pairs(const struct sde_ensemble *ensemble, struct worker *worker, size_t record)
{
  size_t width = worker->width, count = ensemble->observables.count;
  for (size_t i = 0; i < ensemble->pairs; i++) {
    struct sde_pair pair = ensemble->pair[i];
    for (size_t p = 0; p < width; p++)
      worker->both[p] =
          worker->alive[pair.minuend * width + p] && worker->alive[pair.subtrahend * width + p];
    for (size_t o = 0; o < count; o++) {
      const double *minuend = worker->values + (pair.minuend * count + o) * width;
      const double *subtrahend = worker->values + (pair.subtrahend * count + o) * width;
      for (size_t p = 0; p < width; p++)
        worker->difference[p] = minuend[p] - subtrahend[p];
      reduce(&worker->tally.differences[(i * ensemble->records + record) * count + o], width,
             worker->difference, worker->both);
    }
  }
}

/* Lanes at or beyond `paths` are computed but dead, so that they count nowhere. */
static void run_block(const struct sde_ensemble *ensemble, struct worker *worker,
                      uint64_t first_path, size_t paths, double *samples)
{
  size_t width = worker->width;
  for (size_t process = 0; process < ensemble->processes; process++) {
    for (size_t i = 0; i < ensemble->dim; i++)
      for (size_t p = 0; p < width; p++)
        worker->x[process][i * width + p] = ensemble->start[i];
    for (size_t p = 0; p < width; p++)
      worker->alive[process * width + p] = p < paths;
  }
  uint64_t step = 0;
  for (size_t record = 0; record < ensemble->records; record++) {
    uint64_t until = ensemble->record_steps[record];
    for (size_t process = ensemble->processes; process-- > 0;) { /* partners first */
      advance_to(ensemble, worker, process, first_path, step, until);
      record_process(ensemble, worker, process, record, first_path, paths, samples);
    }
    record_pairs(ensemble, worker, record);
    step = until;
  }
}

static void run_chunk(const struct sde_ensemble *ensemble, struct worker *worker, uint64_t first,
                      uint64_t end, const struct sizes *sizes, double *samples)
{
  tally_clear(&worker->tally, sizes);
  for (uint64_t path = first; path < end; path += worker->width) {
    uint64_t left = end - path;
    run_block(ensemble, worker, path, left < worker->width ? (size_t)left : worker->width, samples);
  }
}

struct sde_ensemble_result sde_ensemble_run(const struct sde_ensemble *ensemble)
{
  struct sizes sizes = sizes_of(ensemble);
  uint64_t chunk = units_of_chunk(ensemble) * SDE_UNIT;
  uint64_t chunks = (ensemble->paths + chunk - 1) / chunk;
  double *samples = ensemble->sample_paths == 0
                        ? NULL
                        : sde_alloc(sizes.moments, ensemble->sample_paths * sizeof(double));
  struct tree tree = {.height = 0};
  for (size_t i = 0; i < TREE_DEPTH; i++)
    tree.node[i] = tally_new(&sizes);
  uint64_t done = 0;
#pragma omp parallel num_threads(ensemble->threads > 0 ? ensemble->threads : omp_get_max_threads())
  {
    struct worker worker = worker_new(ensemble, &sizes);
#pragma omp for ordered schedule(dynamic, 1)
    for (uint64_t i = 0; i < chunks; i++) {
      uint64_t end = (i + 1) * chunk < ensemble->paths ? (i + 1) * chunk : ensemble->paths;
      run_chunk(ensemble, &worker, i * chunk, end, &sizes, samples);
#pragma omp ordered
      {
        tree_push(&tree, &worker.tally, &sizes);
        done = end;
        if (ensemble->progress != NULL)
          ensemble->progress(ensemble->progress_context, done);
      }
    }
    worker_free(ensemble, &worker);
  }
  tree_collapse(&tree, &sizes);
  for (size_t i = 1; i < TREE_DEPTH; i++)
    tally_free(&tree.node[i]);
  return (struct sde_ensemble_result){tree.node[0].moments, tree.node[0].differences,
                                      tree.node[0].diverged, tree.node[0].first_divergence,
                                      samples};
}

void sde_ensemble_result_free(struct sde_ensemble_result *result)
{
  sde_free(result->moments);
  sde_free(result->differences);
  sde_free(result->diverged);
  sde_free(result->first_divergence);
  sde_free(result->samples);
}
