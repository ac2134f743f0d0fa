/*
 * Keepers: see keeper.h. A state is the number of its subtrees, and of each its first chunk, its
 * chunks, its tally, the samples and the kept rows of its paths.
 */
#include "sde/keeper.h"

#include "sde/status.h"

#include <string.h>

/* Columns `from` to before `to` of a table. */
struct span {
  uint64_t from, to;
};

/* The paths of so many chunks, of those below `paths`. */
static struct span span_of(const struct sde_kept *kept, uint64_t first, uint64_t chunks,
                           uint64_t paths)
{
  uint64_t from = first * kept->chunk, to = from + chunks * kept->chunk;
  return (struct span){from < paths ? from : paths, to < paths ? to : paths};
}

/* Copy a span of the rows of a table, `length` numbers each, out into words or back; returns how
 * many words that is. Where either is NULL, nothing is copied. */
static size_t copy_rows(double *table, size_t rows, size_t length, struct span span, bool out,
                        uint64_t *words)
{
  size_t each = (size_t)(span.to - span.from);
  for (size_t r = 0; r < rows && table != NULL && words != NULL; r++) {
    double *row = table + r * length + span.from;
    memcpy(out ? (void *)(words + r * each) : (void *)row,
           out ? (const void *)row : (const void *)(words + r * each), each * sizeof *row);
  }
  return rows * each;
}

/* Samples and kept rows of the paths of a subtree; returns their words. */
static size_t copy_paths(const struct sde_kept *kept, uint64_t first, uint64_t chunks, bool out,
                         uint64_t *words)
{
  const struct sde_ensemble *ensemble = kept->ensemble;
  uint64_t paths =
      ensemble->sample_paths < ensemble->paths ? ensemble->sample_paths : ensemble->paths;
  size_t count = copy_rows(kept->samples, kept->tree->sizes->moments, ensemble->sample_paths,
                           span_of(kept, first, chunks, paths), out, words);
  for (size_t i = 0; i < ensemble->processes; i++) {
    const struct sde_process *process = ensemble->process[i];
    paths = process->kept_paths < ensemble->paths ? process->kept_paths : ensemble->paths;
    count +=
        copy_rows(process->kept, process->kept_rows, process->kept_paths,
                  span_of(kept, first, chunks, paths), out, words == NULL ? NULL : words + count);
  }
  return count;
}

/* A subtree that was kept: its chunks are done, its paths restored, and where it begins among this
 * rank's chunks it is in the tree. */
static const uint64_t *restore(struct sde_kept *kept, const uint64_t *words)
{
  uint64_t first = words[0], chunks = words[1];
  const uint64_t *tally = words + 2, *paths = tally + kept->tree->sizes->words;
  const uint64_t *next = paths + copy_paths(kept, first, chunks, true, NULL);
  for (uint64_t i = first; i < first + chunks; i++)
    if (kept->done[i]) /* parts of before and after another number of ranks may overlap */
      return next;
  for (uint64_t i = first; i < first + chunks; i++)
    kept->done[i] = true;
  if (first >= kept->begin && first < kept->end)
    sde_tally_tree_add(kept->tree, first, chunks, tally);
  copy_paths(kept, first, chunks, false, (uint64_t *)paths);
  return next;
}

void sde_kept_begin(struct sde_kept *kept, uint64_t key)
{
  const struct sde_keeper *keeper = kept->ensemble->keeper;
  if (keeper == NULL)
    return;
  keeper->begin(keeper->context, key);
  const uint64_t *state;
  for (size_t part = 0; (state = keeper->part(keeper->context, part)) != NULL; part++) {
    if (kept->done == NULL)
      kept->done = sde_alloc(kept->ensemble->paths / kept->chunk + 1, sizeof *kept->done);
    const uint64_t *words = state + 1;
    for (uint64_t node = 0; node < state[0]; node++)
      words = restore(kept, words);
  }
}

bool sde_kept_has(const struct sde_kept *kept, uint64_t chunk)
{
  return kept->done != NULL && kept->done[chunk];
}

static void keep(const struct sde_kept *kept, bool whole)
{
  const struct sde_keeper *keeper = kept->ensemble->keeper;
  const struct sde_tally_tree *tree = kept->tree;
  size_t words = 1;
  for (size_t i = 0; i < tree->height; i++)
    words += 2 + tree->sizes->words +
             copy_paths(kept, tree->node[i].first, tree->node[i].chunks, true, NULL);
  uint64_t *state = sde_alloc(words, sizeof *state), *at = state;
  *at++ = tree->height;
  for (size_t i = 0; i < tree->height; i++) {
    const struct sde_tally_node *node = &tree->node[i];
    *at++ = node->first;
    *at++ = node->chunks;
    memcpy(at, node->tally.moments, tree->sizes->words * sizeof *at);
    at += tree->sizes->words;
    at += copy_paths(kept, node->first, node->chunks, true, at);
  }
  keeper->keep(keeper->context, whole, state, words);
}

void sde_kept_chunk(const struct sde_kept *kept)
{
  const struct sde_keeper *keeper = kept->ensemble->keeper;
  if (keeper != NULL && keeper->due(keeper->context))
    keep(kept, false);
}

void sde_kept_end(struct sde_kept *kept)
{
  if (kept->ensemble->keeper != NULL)
    keep(kept, true);
  sde_free(kept->done);
}
