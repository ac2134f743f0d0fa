/*
 * The distance of two samples: see distance.h.
 */
#include "analysis/distance.h"

#include "sde/statistics.h"
#include "sde/status.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Random splits, and how many are drawn in one call. The floor's own error is then about a
 * fourteenth of itself: such distances spread by some 0.4 of their mean. */
enum { SPLITS = 32, AT_ONCE = 8 };

/* The distances of the two parts, the first of `part` values, into which `count` ascending values
 * are split. A sample drawn in order of the pool is sorted as it is. */
static struct sde_moments split_distances(size_t count, const double *pool, size_t part,
                                          struct sde_stream stream, uint64_t step)
{
  double distance[SPLITS];
  double *side[2] = {sde_alloc(part, sizeof(double)), sde_alloc(count - part, sizeof(double))};
  uint32_t *identity = sde_alloc(count, sizeof *identity);
  uint32_t *chosen = sde_alloc(part, AT_ONCE * sizeof *chosen);
  bool *is_chosen = sde_alloc(count, sizeof *is_chosen);
  for (size_t i = 0; i < count; i++)
    identity[i] = (uint32_t)i;
  for (size_t split = 0; split < SPLITS; split++) {
    size_t lane = split % AT_ONCE, filled[2] = {0, 0};
    struct sde_address at = {stream, split, step};
    if (lane == 0)
      sde_random_selection(&at, AT_ONCE, part, (uint32_t)count, identity, chosen);
    memset(is_chosen, 0, count * sizeof *is_chosen);
    for (size_t i = 0; i < part; i++)
      is_chosen[chosen[i * AT_ONCE + lane]] = true;
    for (size_t i = 0; i < count; i++) {
      size_t to = is_chosen[i] ? 0 : 1;
      side[to][filled[to]++] = pool[i];
    }
    distance[split] = sde_wasserstein(part, side[0], count - part, side[1]);
  }
  sde_free(side[0]);
  sde_free(side[1]);
  sde_free(identity);
  sde_free(chosen);
  sde_free(is_chosen);
  return sde_moments_of_values(SPLITS, distance, NULL);
}

struct distance distance_between(size_t count, const double *iterates, const double *solution,
                                 struct sde_stream stream, uint64_t step, double level)
{
  double *a = sde_alloc(count, sizeof *a), *b = sde_alloc(count, sizeof *b);
  double *pool = sde_alloc(2 * count, sizeof *pool);
  size_t n = sde_sorted(count, iterates, a), sde_n = sde_sorted(count, solution, b);
  struct distance distance = {
      .n = n,
      .sde_n = sde_n,
      .wasserstein = sde_wasserstein(n, a, sde_n, b),
      .floor = NAN,
      .floor_sd = NAN,
      .kolmogorov_smirnov = sde_kolmogorov_smirnov(n, a, sde_n, b),
      .critical = sde_kolmogorov_smirnov_critical(n, sde_n, level),
      .scheme = NAN,
  };
  if (n > 0 && sde_n > 0) {
    memcpy(pool, a, n * sizeof *pool);
    memcpy(pool + n, b, sde_n * sizeof *pool);
    sde_sorted(n + sde_n, pool, pool);
    struct sde_moments splits = split_distances(n + sde_n, pool, n, stream, step);
    distance.floor = splits.mean;
    distance.floor_sd = sqrt(sde_moments_variance(splits));
  }
  sde_free(a);
  sde_free(b);
  sde_free(pool);
  return distance;
}
