/*
 * Ensembles: see ensemble.h. Paths are cut into chunks by their number alone; a chunk is reduced
 * by one thread, and the chunks are merged along a fixed binary tree, as soon as both halves of a
 * subtree are there. A rank takes neighbouring chunks and hands on the subtrees that are left.
 */
#include "sde/ensemble.h"

#include "sde/block.h"
#include "sde/keeper.h"
#include "sde/ranks.h"
#include "sde/status.h"
#include "sde/worker.h"

#include <omp.h>
#include <string.h>
#include <unistd.h>

/* At most CHUNKS_MAX chunks, so that few are merged, unless they were then of more than CHUNK_MOST
 * units, so that there is work for many ranks; of few paths no fewer than CHUNKS_MIN, so that there
 * is work for many threads; else CHUNK_NUMBERS numbers of state. */
enum { CHUNKS_MAX = 1024, CHUNK_MOST = 128, CHUNKS_MIN = 64, CHUNK_NUMBERS = 768 };

/* The most memory for the increments of a block: 4 MB, about the cache of one core. */
enum { NOISE_NUMBERS = 1 << 19 };

static uint64_t at_least(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* Units of paths whose state, of `dim` coordinates, is of this many numbers. */
static uint64_t units_of(size_t dim, uint64_t numbers)
{
  return at_least(1, numbers / (SDE_UNIT * dim));
}

/* Units of paths in a chunk. It depends on the paths and the common coordinates alone and not on
 * the width or the threads, for the tree of chunks decides the bits; nor on what other coordinates
 * a process has, so that one which stands beside others leaves theirs alone. */
static uint64_t units_of_chunk(const struct sde_ensemble *ensemble)
{
  uint64_t units = (ensemble->paths + SDE_UNIT - 1) / SDE_UNIT;
  uint64_t few = units_of(ensemble->dim, CHUNK_NUMBERS), share = at_least(1, units / CHUNKS_MIN);
  uint64_t least = at_most((units + CHUNKS_MAX - 1) / CHUNKS_MAX, CHUNK_MOST);
  return at_least(least, at_most(few, share));
}

/* Bytes of the first-level data cache; where the system does not say, what most have. */
static uint64_t first_level_cache(void)
{
  long bytes = 0;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE);
#endif
  return bytes > 0 ? (uint64_t)bytes : 32768;
}

static size_t largest_dim(const struct sde_ensemble *ensemble)
{
  size_t largest = ensemble->dim;
  for (size_t i = 0; i < ensemble->processes; i++)
    if (ensemble->process[i]->dim > largest)
      largest = ensemble->process[i]->dim;
  return largest;
}

static size_t largest_noise(const struct sde_ensemble *ensemble)
{
  size_t largest = 1;
  for (size_t i = 0; i < ensemble->processes; i++) {
    const struct sde_solution *solution = ensemble->process[i]->solution;
    if (solution != NULL && solution->system->noise_dim > largest)
      largest = solution->system->noise_dim;
  }
  return largest;
}

/* The state of a block takes 3/16 of the first-level cache, for drift, diffusion, increments and
 * the scheme's scratch stand there too; it is then long enough to hide what calling a kernel costs.
 * The Wiener increments of a system with very many of them take at most NOISE_NUMBERS, where a unit
 * of paths does. No bit depends on it. */
size_t sde_ensemble_width(const struct sde_ensemble *ensemble)
{
  if (ensemble->width > 0)
    return ensemble->width;
  uint64_t numbers = first_level_cache() / sizeof(double) * 3 / 16;
  uint64_t block = units_of(largest_dim(ensemble), numbers), chunk = units_of_chunk(ensemble);
  uint64_t noise = units_of(largest_noise(ensemble), NOISE_NUMBERS);
  return (size_t)at_most(at_most(block, noise), chunk) * SDE_UNIT;
}

/* Who runs what: chunks from `begin` to before `end` are this rank's, and the paths of rank r are
 * those from first_path[r] to before first_path[r + 1]. */
struct share {
  uint64_t chunk; /* paths in a chunk */
  uint64_t begin, end;
  uint64_t *first_path;
  bool alone; /* of all ranks; asked once, for MPI is not to be called from every thread */
};

/* Nothing but the fixed tree decides the bits, so that chunks may go to ranks by their threads. */
static struct share share_new(const struct sde_ensemble *ensemble, int threads)
{
  struct share share = {.chunk = units_of_chunk(ensemble) * SDE_UNIT};
  size_t ranks = sde_ranks_count(), rank = sde_ranks_rank();
  uint64_t chunks = (ensemble->paths + share.chunk - 1) / share.chunk, before = 0, all = 0;
  uint64_t *weight = sde_alloc(ranks, sizeof *weight);
  sde_ranks_gather((uint64_t)threads, weight);
  for (size_t r = 0; r < ranks; r++)
    all += weight[r];
  share.first_path = sde_alloc(ranks + 1, sizeof *share.first_path);
  for (size_t r = 0; r <= ranks; r++) {
    uint64_t first = chunks / all * before + chunks % all * before / all;
    share.first_path[r] = at_most(first * share.chunk, ensemble->paths);
    if (r == rank)
      share.begin = first;
    if (r == rank + 1)
      share.end = first;
    before += r < ranks ? weight[r] : 0;
  }
  sde_free(weight);
  share.alone = ranks == 1;
  return share;
}

/* Progress of all ranks, as if the others were as far as this one. */
static void tell_progress(const struct sde_ensemble *ensemble, const struct share *share,
                          uint64_t chunks_done)
{
  uint64_t chunks = share->end - share->begin;
  uint64_t done = at_most((share->begin + chunks_done) * share->chunk, ensemble->paths);
  if (ensemble->progress == NULL)
    return;
  if (!share->alone)
    done = (uint64_t)((double)ensemble->paths * (double)chunks_done / (double)chunks);
  ensemble->progress(ensemble->progress_context, done);
}

/* This rank's chunks, into the tree, but for those that are done. No thread waits for another's
 * chunk. */
static void run_share(const struct sde_ensemble *ensemble, const struct share *share, int threads,
                      const struct sde_kept *kept)
{
  size_t width = sde_ensemble_width(ensemble);
  struct sde_tally_tree *tree = kept->tree;
  uint64_t next = share->begin, done = 0;
#pragma omp parallel num_threads(threads)
  {
    struct sde_worker worker = sde_worker_new(ensemble, tree->sizes, width);
    for (;;) {
      uint64_t i;
#pragma omp atomic capture
      i = next++;
      if (i >= share->end)
        break;
      bool before = sde_kept_has(kept, i);
      uint64_t end = at_most((i + 1) * share->chunk, ensemble->paths);
      if (!before)
        sde_worker_run(ensemble, &worker, i * share->chunk, end, tree->sizes, kept->samples);
#pragma omp critical(sde_ensemble_tree)
      {
        if (!before)
          sde_tally_tree_add(tree, i, 1, worker.tally.moments);
        tell_progress(ensemble, share, ++done);
        if (!before)
          sde_kept_chunk(kept);
      }
    }
    sde_worker_free(ensemble, &worker);
  }
}

/* Numbers by path, rows of `paths` each, of which every rank has those of its own paths below that
 * and gets the others. */
static void share_rows(const struct share *share, double *rows, size_t count, size_t paths)
{
  size_t ranks = sde_ranks_count();
  uint64_t *first = sde_alloc(ranks + 1, sizeof *first);
  for (size_t r = 0; r <= ranks; r++)
    first[r] = at_most(share->first_path[r], paths);
  sde_ranks_share(rows, count, paths, first);
  sde_free(first);
}

/* Append words to all[*numbers]; none where there is no table. */
static void append(uint64_t *all, size_t *numbers, const void *words, size_t count)
{
  if (words == NULL)
    return;
  memcpy(all + *numbers, words, count * sizeof *all);
  *numbers += count;
}

/* Ranks whose programs differ must not merge what they have: other processes by what these
 * tell of themselves, or steps, pairs, factors, what is kept. Returns a hash of all that. */
static uint64_t require_same(const struct sde_ensemble *ensemble)
{
  uint64_t bound;
  memcpy(&bound, &ensemble->bound, sizeof bound);
  const uint64_t head[] = {ensemble->paths,
                           ensemble->first_path,
                           ensemble->dim,
                           ensemble->records,
                           ensemble->processes,
                           ensemble->antithetic,
                           ensemble->pairs,
                           ensemble->variates,
                           ensemble->sample_paths,
                           ensemble->observables.count,
                           bound};
  size_t numbers = 0, count = sizeof head / sizeof *head;
  size_t factors = ensemble->pairs * ensemble->records * ensemble->observables.count;
  uint64_t *all = sde_alloc(count + ensemble->dim + ensemble->records + 2 * ensemble->pairs +
                                2 * factors + 4 * ensemble->processes,
                            sizeof *all);
  append(all, &numbers, head, count);
  append(all, &numbers, ensemble->start, ensemble->dim);
  append(all, &numbers, ensemble->record_steps, ensemble->records);
  append(all, &numbers, ensemble->pair_factor, factors);
  append(all, &numbers, ensemble->pair_mean, factors);
  for (size_t i = 0; i < ensemble->pairs; i++) {
    all[numbers++] = ensemble->pair[i].minuend;
    all[numbers++] = ensemble->pair[i].subtrahend;
  }
  for (size_t i = 0; i < ensemble->processes; i++) {
    all[numbers++] = ensemble->process[i]->dim;
    all[numbers++] = ensemble->process[i]->kept_rows;
    all[numbers++] = ensemble->process[i]->kept_paths;
    all[numbers++] = ensemble->process[i]->fingerprint;
  }
  if (sde_ranks_differing(all, numbers * sizeof *all) != 0)
    sde_ranks_stop("the ranks have come to different ensembles; are their machines unequal?");
  uint64_t key = sde_hash(all, numbers * sizeof *all);
  sde_free(all);
  return key;
}

/* Steps of schemes and optimizers; none where nothing is recorded. */
static uint64_t work_of_path(const struct sde_ensemble *ensemble)
{
  uint64_t substeps = 0, steps = 0;
  for (size_t i = 0; i < ensemble->processes; i++)
    substeps += ensemble->process[i]->substeps > 0 ? ensemble->process[i]->substeps : 1;
  if (ensemble->records > 0)
    steps = ensemble->record_steps[ensemble->records - 1];
  return substeps * steps;
}

struct sde_ensemble_result sde_ensemble_run(const struct sde_ensemble *ensemble)
{
  uint64_t key = require_same(ensemble);
  struct sde_tally_sizes sizes = sde_tally_sizes_of(ensemble);
  int threads = ensemble->threads > 0 ? ensemble->threads : omp_get_max_threads();
  struct share share = share_new(ensemble, threads);
  double *samples = ensemble->sample_paths == 0
                        ? NULL
                        : sde_alloc(sizes.moments, ensemble->sample_paths * sizeof(double));
  struct sde_tally_tree tree;
  sde_tally_tree_begin(&tree, &sizes, threads);
  struct sde_kept kept = {.ensemble = ensemble,
                          .tree = &tree,
                          .chunk = share.chunk,
                          .begin = share.begin,
                          .end = share.end,
                          .samples = samples};
  sde_kept_begin(&kept, key);
  run_share(ensemble, &share, threads, &kept);
  sde_kept_end(&kept);
  struct sde_tally all = sde_tally_tree_finish(&tree);
  const uint64_t *own = share.first_path + sde_ranks_rank();
  uint64_t own_paths = own[1] - own[0];
  if (samples != NULL)
    share_rows(&share, samples, sizes.moments, ensemble->sample_paths);
  for (size_t i = 0; i < ensemble->processes; i++) {
    const struct sde_process *process = ensemble->process[i];
    share_rows(&share, process->kept, process->kept_rows, process->kept_paths);
  }
  sde_free(share.first_path);
  return (struct sde_ensemble_result){.processes = ensemble->processes,
                                      .pairs = ensemble->pairs,
                                      .records = ensemble->records,
                                      .observables = ensemble->observables.count,
                                      .sample_paths = (size_t)ensemble->sample_paths,
                                      .moments = all.moments,
                                      .differences = all.differences,
                                      .diverged = all.diverged,
                                      .failed = all.failed,
                                      .first_divergence = all.first_divergence,
                                      .first_diverged = all.first_diverged,
                                      .samples = samples,
                                      .own_paths = own_paths,
                                      .own_work = own_paths * work_of_path(ensemble)};
}
