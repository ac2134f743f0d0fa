/*
 * Ensembles: see ensemble.h. Paths are cut into chunks by their number alone; a chunk is reduced
 * by one thread, and the chunks are merged along a fixed binary tree, as soon as both halves of a
 * subtree are there. A rank takes neighbouring chunks and hands on the subtrees that are left.
 */
#include "sde/ensemble.h"

#include "sde/block.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

/* At most CHUNKS_MAX chunks, so that few are merged, unless they were then of more than CHUNK_MOST
 * units, so that there is work for many ranks; of few paths no fewer than CHUNKS_MIN, so that there
 * is work for many threads; else CHUNK_NUMBERS numbers of state. Subtrees of neighbouring chunks rise
 * in size and then fall, hence RUN_NODES, twice the bits of the number of chunks. */
enum { CHUNKS_MAX = 1024, CHUNK_MOST = 128, CHUNKS_MIN = 64, CHUNK_NUMBERS = 768, RUN_NODES = 128 };

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

/* The state of a block takes 3/16 of the first-level cache, for drift, diffusion, increments and
 * the scheme's scratch stand there too; it is then long enough to hide what calling a kernel costs.
 * No bit depends on it. */
static size_t default_width(const struct sde_ensemble *ensemble)
{
  uint64_t numbers = first_level_cache() / sizeof(double) * 3 / 16;
  uint64_t block = units_of(largest_dim(ensemble), numbers), chunk = units_of_chunk(ensemble);
  return (size_t)at_most(block, chunk) * SDE_UNIT;
}

/* What a chunk, or a subtree of chunks, has counted: arrays one after the other in one piece of
 * memory, which begins with the moments. */
struct tally {
  struct sde_moments *moments, *differences;
  uint64_t *diverged, *failed, *first_divergence, *first_diverged;
};

/* The lengths of the arrays, and of all together in words of 64 bits. */
struct sizes {
  size_t moments, differences, diverged, processes, words;
};

enum { MOMENTS_WORDS = sizeof(struct sde_moments) / sizeof(uint64_t) };

static struct sizes sizes_of(const struct sde_ensemble *ensemble)
{
  size_t table = ensemble->records * ensemble->observables.count;
  struct sizes sizes = {ensemble->processes * table, ensemble->pairs * table,
                        ensemble->processes * ensemble->records, ensemble->processes, 0};
  sizes.words =
      (sizes.moments + sizes.differences) * MOMENTS_WORDS + 2 * (sizes.diverged + sizes.processes);
  return sizes;
}

static void tally_clear(struct tally *tally, const struct sizes *sizes)
{
  memset(tally->moments, 0, sizes->words * sizeof(uint64_t));
  for (size_t i = 0; i < sizes->processes; i++)
    tally->first_divergence[i] = tally->first_diverged[i] = UINT64_MAX;
}

static struct tally tally_new(const struct sizes *sizes)
{
  struct tally tally = {.moments = sde_alloc(sizes->words, sizeof(uint64_t))};
  tally.differences = tally.moments + sizes->moments;
  tally.diverged = (uint64_t *)(tally.differences + sizes->differences);
  tally.failed = tally.diverged + sizes->diverged;
  tally.first_divergence = tally.failed + sizes->diverged;
  tally.first_diverged = tally.first_divergence + sizes->processes;
  tally_clear(&tally, sizes);
  return tally;
}

static void tally_free(struct tally *tally)
{
  sde_free(tally->moments);
}

/* A path has diverged after so many steps: is it the first, by steps and then by number? */
static void note_divergence(struct tally *tally, size_t process, uint64_t step, uint64_t path)
{
  uint64_t *first = &tally->first_divergence[process], *number = &tally->first_diverged[process];
  if (step < *first || (step == *first && path < *number)) {
    *first = step;
    *number = path;
  }
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
  for (size_t i = 0; i < sizes->diverged; i++)
    into->failed[i] = earlier->failed[i] + later->failed[i];
  for (size_t i = 0; i < sizes->processes; i++) {
    uint64_t step = earlier->first_divergence[i], path = earlier->first_diverged[i];
    into->first_divergence[i] = later->first_divergence[i];
    into->first_diverged[i] = later->first_diverged[i];
    note_divergence(into, i, step, path);
  }
}

/* Chunks that are finished, as subtrees of the fixed tree in the order of their chunks. The tallies
 * beyond `height` are spare; they are made when they are first needed. */
struct node {
  uint64_t first, chunks;
  struct tally tally;
};

struct tree {
  const struct sizes *sizes;
  size_t height, made;
  struct node *node;
};

/* Threads take chunks in order, so that all are there but those that a thread is at: one run of
 * neighbours more than threads, at most. */
static void tree_begin(struct tree *tree, const struct sizes *sizes, int threads)
{
  *tree = (struct tree){.sizes = sizes};
  tree->node = sde_alloc(((size_t)threads + 1) * RUN_NODES, sizeof *tree->node);
}

/* Are the node and its neighbour the halves of a subtree? */
static bool are_halves(const struct node *left, const struct node *right)
{
  return left->chunks == right->chunks && left->first + left->chunks == right->first &&
         left->first % (2 * left->chunks) == 0;
}

/* Merge a node and its neighbour to the right, whose tally becomes a spare one. */
static void merge_neighbours(struct tree *tree, size_t left)
{
  struct node *node = tree->node + left, right = node[1];
  tally_merge(&node->tally, &node->tally, &right.tally, tree->sizes);
  node->chunks += right.chunks;
  tree->height--;
  memmove(node + 1, node + 2, (tree->height - left - 1) * sizeof *node);
  tree->node[tree->height] = right;
}

/* Put a subtree at its place, and merge it with what it completes. One thread at a time. */
static void tree_add(struct tree *tree, uint64_t first, uint64_t chunks, const void *tally)
{
  if (tree->height == tree->made)
    tree->node[tree->made++].tally = tally_new(tree->sizes);
  struct node added = {first, chunks, tree->node[tree->height].tally};
  memcpy(added.tally.moments, tally, tree->sizes->words * sizeof(uint64_t));
  size_t at = tree->height++;
  for (; at > 0 && tree->node[at - 1].first > first; at--)
    tree->node[at] = tree->node[at - 1];
  tree->node[at] = added;
  for (;;) {
    const struct node *node = tree->node + at;
    if (at > 0 && are_halves(node - 1, node))
      merge_neighbours(tree, --at);
    else if (at + 1 < tree->height && are_halves(node, node + 1))
      merge_neighbours(tree, at);
    else
      break;
  }
}

/* As sde_ranks_reduce sends it: the number of nodes, then of each its first chunk, its chunks and
 * its tally. */
static uint64_t *tree_pack(void *context, size_t *words)
{
  const struct tree *tree = context;
  size_t each = 2 + tree->sizes->words;
  *words = 1 + tree->height * each;
  uint64_t *packed = sde_alloc(*words, sizeof *packed);
  packed[0] = tree->height;
  for (size_t i = 0; i < tree->height; i++) {
    uint64_t *node = packed + 1 + i * each;
    node[0] = tree->node[i].first;
    node[1] = tree->node[i].chunks;
    memcpy(node + 2, tree->node[i].tally.moments, tree->sizes->words * sizeof *node);
  }
  return packed;
}

static void tree_unpack(void *context, const uint64_t *later)
{
  struct tree *tree = context;
  size_t each = 2 + tree->sizes->words;
  for (size_t i = 0; i < later[0]; i++) {
    const uint64_t *node = later + 1 + i * each;
    tree_add(tree, node[0], node[1], node + 2);
  }
}

/* What all chunks of all ranks have counted, on each of them; the tree is released. */
static struct tally tree_finish(struct tree *tree)
{
  sde_ranks_reduce(tree, tree_pack, tree_unpack);
  while (tree->height > 1)
    merge_neighbours(tree, tree->height - 2);
  struct tally whole = tree->made > 0 ? tree->node[0].tally : tally_new(tree->sizes);
  for (size_t i = 1; i < tree->made; i++)
    tally_free(&tree->node[i].tally);
  sde_free(tree->node);
  sde_ranks_broadcast(whole.moments, tree->sizes->words);
  return whole;
}

/* One thread's scratch. alive[process*width + p], and of the dead failed[..]; valid[..] are those
 * that count at a record; values[(process*O + observable)*width + p]. */
struct worker {
  size_t width;
  double **x;
  void **process_workspace;
  void *observable_workspace;
  bool *alive, *failed, *valid, *both;
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
  sde_free(worker->failed);
  sde_free(worker->valid);
  sde_free(worker->both);
  sde_free(worker->values);
  sde_free(worker->difference);
  tally_free(&worker->tally);
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
static void bury(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
                 size_t p, uint64_t path, uint64_t step)
{
  size_t at = process * worker->width + p;
  worker->alive[at] = false;
  worker->failed[at] =
      sde_process_failed(ensemble->process[process], worker->process_workspace[process], p);
  note_divergence(&worker->tally, process, step, path);
}

/* Paths that stand outside the box after `step` steps are dead from here on. */
static void bury_outside(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
                         uint64_t first_path, uint64_t step)
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
static void start_paths(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
                        uint64_t first_path, size_t paths)
{
  for (size_t p = 0; p < worker->width; p++) {
    worker->alive[process * worker->width + p] = p < paths;
    worker->failed[process * worker->width + p] = false;
  }
  sde_process_start(ensemble->process[process], worker->process_workspace[process], ensemble->dim,
                    ensemble->start, first_path, worker->width, worker->x[process]);
  bury_outside(ensemble, worker, process, first_path, 0);
}

static void advance_to(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
                       uint64_t first_path, uint64_t from, uint64_t to)
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
static void average(const struct sde_ensemble *ensemble, struct worker *worker, size_t process)
{
  size_t width = worker->width, size = ensemble->observables.count * width;
  size_t partner = process + ensemble->processes / 2;
  double *values = worker->values + process * size;
  const double *other = worker->values + partner * size;
  for (size_t i = 0; i < size; i++)
    values[i] = 0.5 * (values[i] + other[i]);
  for (size_t p = 0; p < width; p++)
    worker->valid[process * width + p] &= worker->alive[partner * width + p];
  note_divergence(&worker->tally, process, worker->tally.first_divergence[partner],
                  worker->tally.first_diverged[partner]);
}

static void evaluate(const struct sde_ensemble *ensemble, struct worker *worker, size_t process,
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

static bool has_failed(const struct sde_ensemble *ensemble, const struct worker *worker,
                       size_t process, size_t p)
{
  const bool *failed = worker->failed + p;
  size_t partner = process + ensemble->processes / 2;
  return failed[process * worker->width] ||
         (has_partner(ensemble, process) && failed[partner * worker->width]);
}

static void record_process(const struct sde_ensemble *ensemble, struct worker *worker,
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

static void record_pairs(const struct sde_ensemble *ensemble, struct worker *worker, size_t record)
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

static void run_block(const struct sde_ensemble *ensemble, struct worker *worker,
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

static void run_chunk(const struct sde_ensemble *ensemble, struct worker *worker, uint64_t first,
                      uint64_t end, const struct sizes *sizes, double *samples)
{
  tally_clear(&worker->tally, sizes);
  for (uint64_t path = first; path < end; path += worker->width) {
    uint64_t left = end - path;
    run_block(ensemble, worker, path, left < worker->width ? (size_t)left : worker->width, samples);
  }
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

/* This rank's chunks, into the tree. No thread waits for another's chunk. */
static void run_share(const struct sde_ensemble *ensemble, const struct share *share, int threads,
                      struct tree *tree, double *samples)
{
  uint64_t next = share->begin, done = 0;
#pragma omp parallel num_threads(threads)
  {
    struct worker worker = worker_new(ensemble, tree->sizes);
    for (;;) {
      uint64_t i;
#pragma omp atomic capture
      i = next++;
      if (i >= share->end)
        break;
      uint64_t end = at_most((i + 1) * share->chunk, ensemble->paths);
      run_chunk(ensemble, &worker, i * share->chunk, end, tree->sizes, samples);
#pragma omp critical(sde_ensemble_tree)
      {
        tree_add(tree, i, 1, worker.tally.moments);
        tell_progress(ensemble, share, ++done);
      }
    }
    worker_free(ensemble, &worker);
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
 * tell of themselves, or steps, pairs, factors, what is kept. */
static void require_same(const struct sde_ensemble *ensemble)
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
  sde_free(all);
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
  require_same(ensemble);
  struct sizes sizes = sizes_of(ensemble);
  int threads = ensemble->threads > 0 ? ensemble->threads : omp_get_max_threads();
  struct share share = share_new(ensemble, threads);
  double *samples = ensemble->sample_paths == 0
                        ? NULL
                        : sde_alloc(sizes.moments, ensemble->sample_paths * sizeof(double));
  struct tree tree;
  tree_begin(&tree, &sizes, threads);
  run_share(ensemble, &share, threads, &tree, samples);
  struct tally all = tree_finish(&tree);
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
