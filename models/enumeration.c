/*
 * Enumeration: see enumeration.h.
 */
#include "models/enumeration.h"

#include "sde/status.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <string.h>

size_t enumeration_count(size_t n, size_t m, bool replacement, size_t limit)
{
  size_t top = replacement ? n + m - 1 : n;
  double count = 1;
  for (size_t i = 1; i <= m; i++) {
    count = count * (double)(top - m + i) / (double)i;
    if (count > 1e15)
      return SIZE_MAX;
  }
  return count > (double)limit ? SIZE_MAX : (size_t)llround(count);
}

/* The next ascending tuple, in lexicographic order; strictly ascending without replacement. */
static bool next_tuple(uint32_t *tuple, size_t n, size_t m, bool replacement)
{
  for (size_t i = m; i-- > 0;) {
    size_t highest = replacement ? n - 1 : n - m + i;
    if (tuple[i] < highest) {
      tuple[i]++;
      for (size_t j = i + 1; j < m; j++)
        tuple[j] = tuple[j - 1] + (replacement ? 0 : 1);
      return true;
    }
  }
  return false;
}

/* m! / (prod of the factorials of the multiplicities) / n^m. */
static double multiset_probability(const uint32_t *tuple, size_t n, size_t m)
{
  double log_probability = gsl_sf_lnfact((unsigned)m) - (double)m * log((double)n);
  for (size_t i = 0, run = 0; i < m; i++) {
    run = i > 0 && tuple[i] == tuple[i - 1] ? run + 1 : 1;
    log_probability -= log((double)run);
  }
  return exp(log_probability);
}

struct enumeration enumeration_new(size_t n, size_t m, bool replacement)
{
  size_t count = enumeration_count(n, m, replacement, SIZE_MAX - 1);
  struct enumeration enumeration = {m, count, sde_alloc(count, m * sizeof(uint32_t)),
                                    sde_alloc(count, sizeof(double))};
  uint32_t *tuple = sde_alloc(m, sizeof *tuple);
  for (size_t i = 0; i < m; i++)
    tuple[i] = replacement ? 0 : (uint32_t)i;
  size_t c = 0;
  do {
    memcpy(enumeration.index + c * m, tuple, m * sizeof *tuple);
    enumeration.probability[c] =
        replacement ? multiset_probability(tuple, n, m) : 1 / (double)count;
    c++;
  } while (next_tuple(tuple, n, m, replacement));
  sde_free(tuple);
  return enumeration;
}

size_t enumeration_ordered_count(size_t n, size_t m, bool replacement, size_t limit)
{
  double count = 1;
  for (size_t i = 0; i < m && count <= (double)limit; i++)
    count *= replacement ? (double)n : i < n ? (double)(n - i) : 0;
  return count > (double)limit ? SIZE_MAX : (size_t)count;
}

/* Does sample i of a draw stand before it, too? */
static bool is_repeated(const uint32_t *tuple, size_t i)
{
  for (size_t j = 0; j < i; j++)
    if (tuple[j] == tuple[i])
      return true;
  return false;
}

/* The first draw from sample i on that begins as the tuple does; false where there is none. */
static bool fill_ordered(uint32_t *tuple, size_t i, size_t n, size_t m, bool replacement)
{
  for (; i < m; i++) {
    tuple[i] = 0;
    while (!replacement && tuple[i] < n && is_repeated(tuple, i))
      tuple[i]++;
    if (tuple[i] == n)
      return false;
  }
  return true;
}

/* The next draw in lexicographic order. */
static bool next_ordered(uint32_t *tuple, size_t n, size_t m, bool replacement)
{
  for (size_t i = m; i-- > 0;)
    while (++tuple[i] < n)
      if (replacement || !is_repeated(tuple, i))
        return fill_ordered(tuple, i + 1, n, m, replacement);
  return false;
}

struct enumeration enumeration_ordered_new(size_t n, size_t m, bool replacement)
{
  size_t count = enumeration_ordered_count(n, m, replacement, SIZE_MAX - 1), c = 0;
  struct enumeration enumeration = {m, count, sde_alloc(count, m * sizeof(uint32_t)),
                                    sde_alloc(count, sizeof(double))};
  uint32_t *tuple = sde_alloc(m, sizeof *tuple);
  fill_ordered(tuple, 0, n, m, replacement);
  do {
    memcpy(enumeration.index + c * m, tuple, m * sizeof *tuple);
    enumeration.probability[c++] = 1 / (double)count;
  } while (next_ordered(tuple, n, m, replacement));
  sde_free(tuple);
  return enumeration;
}

void enumeration_free(struct enumeration *enumeration)
{
  sde_free(enumeration->index);
  sde_free(enumeration->probability);
}

bool enumeration_disjoint(const struct enumeration *enumeration, size_t c, size_t e)
{
  size_t m = enumeration->size, i = 0, j = 0;
  const uint32_t *left = enumeration->index + c * m, *right = enumeration->index + e * m;
  while (i < m && j < m) {
    if (left[i] == right[j])
      return false;
    if (left[i] < right[j])
      i++;
    else
      j++;
  }
  return true;
}
