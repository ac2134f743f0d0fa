/*
 * Tallies: see tally.h.
 */
#include "sde/tally.h"

#include "sde/ranks.h"
#include "sde/status.h"

#include <string.h>

/* Subtrees of neighbouring chunks rise in size and then fall: twice the bits of the number of
 * chunks. */
enum { RUN_NODES = 128 };

enum { MOMENTS_WORDS = sizeof(struct sde_moments) / sizeof(uint64_t) };

struct sde_tally_sizes sde_tally_sizes_of(const struct sde_ensemble *ensemble)
{
  size_t table = ensemble->records * ensemble->observables.count;
  struct sde_tally_sizes sizes = {ensemble->processes * table, ensemble->pairs * table,
                                  ensemble->processes * ensemble->records, ensemble->processes, 0};
  sizes.words =
      (sizes.moments + sizes.differences) * MOMENTS_WORDS + 2 * (sizes.diverged + sizes.processes);
  return sizes;
}

void sde_tally_clear(struct sde_tally *tally, const struct sde_tally_sizes *sizes)
{
  memset(tally->moments, 0, sizes->words * sizeof(uint64_t));
  for (size_t i = 0; i < sizes->processes; i++)
    tally->first_divergence[i] = tally->first_diverged[i] = UINT64_MAX;
}

struct sde_tally sde_tally_new(const struct sde_tally_sizes *sizes)
{
  struct sde_tally tally = {.moments = sde_alloc(sizes->words, sizeof(uint64_t))};
  tally.differences = tally.moments + sizes->moments;
  tally.diverged = (uint64_t *)(tally.differences + sizes->differences);
  tally.failed = tally.diverged + sizes->diverged;
  tally.first_divergence = tally.failed + sizes->diverged;
  tally.first_diverged = tally.first_divergence + sizes->processes;
  sde_tally_clear(&tally, sizes);
  return tally;
}

void sde_tally_free(struct sde_tally *tally)
{
  sde_free(tally->moments);
}

void sde_tally_divergence(struct sde_tally *tally, size_t process, uint64_t step, uint64_t path)
{
  uint64_t *first = &tally->first_divergence[process], *number = &tally->first_diverged[process];
  if (step < *first || (step == *first && path < *number)) {
    *first = step;
    *number = path;
  }
}

/* into = earlier followed by later; into may be either. */
static void tally_merge(struct sde_tally *into, const struct sde_tally *earlier,
                        const struct sde_tally *later, const struct sde_tally_sizes *sizes)
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
    sde_tally_divergence(into, i, step, path);
  }
}

void sde_tally_tree_begin(struct sde_tally_tree *tree, const struct sde_tally_sizes *sizes,
                          int threads)
{
  /* Threads take chunks in order, so that all are there but those that a thread is at: one run of
   * neighbours more than threads, at most. */
  *tree = (struct sde_tally_tree){.sizes = sizes};
  tree->node = sde_alloc(((size_t)threads + 1) * RUN_NODES, sizeof *tree->node);
}

/* Are the node and its neighbour the halves of a subtree? */
static bool are_halves(const struct sde_tally_node *left, const struct sde_tally_node *right)
{
  return left->chunks == right->chunks && left->first + left->chunks == right->first &&
         left->first % (2 * left->chunks) == 0;
}

/* Merge a node and its neighbour to the right, whose tally becomes a spare one. */
static void merge_neighbours(struct sde_tally_tree *tree, size_t left)
{
  struct sde_tally_node *node = tree->node + left, right = node[1];
  tally_merge(&node->tally, &node->tally, &right.tally, tree->sizes);
  node->chunks += right.chunks;
  tree->height--;
  memmove(node + 1, node + 2, (tree->height - left - 1) * sizeof *node);
  tree->node[tree->height] = right;
}

void sde_tally_tree_add(struct sde_tally_tree *tree, uint64_t first, uint64_t chunks,
                        const void *tally)
{
  if (tree->height == tree->made)
    tree->node[tree->made++].tally = sde_tally_new(tree->sizes);
  struct sde_tally_node added = {first, chunks, tree->node[tree->height].tally};
  memcpy(added.tally.moments, tally, tree->sizes->words * sizeof(uint64_t));
  size_t at = tree->height++;
  for (; at > 0 && tree->node[at - 1].first > first; at--)
    tree->node[at] = tree->node[at - 1];
  tree->node[at] = added;
  for (;;) {
    const struct sde_tally_node *node = tree->node + at;
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
  const struct sde_tally_tree *tree = context;
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
  struct sde_tally_tree *tree = context;
  size_t each = 2 + tree->sizes->words;
  for (size_t i = 0; i < later[0]; i++) {
    const uint64_t *node = later + 1 + i * each;
    sde_tally_tree_add(tree, node[0], node[1], node + 2);
  }
}

struct sde_tally sde_tally_tree_finish(struct sde_tally_tree *tree)
{
  sde_ranks_reduce(tree, tree_pack, tree_unpack);
  while (tree->height > 1)
    merge_neighbours(tree, tree->height - 2);
  struct sde_tally whole = tree->made > 0 ? tree->node[0].tally : sde_tally_new(tree->sizes);
  for (size_t i = 1; i < tree->made; i++)
    sde_tally_free(&tree->node[i].tally);
  sde_free(tree->node);
  sde_ranks_broadcast(whole.moments, tree->sizes->words);
  return whole;
}
