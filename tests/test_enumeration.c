/*
 * Enumeration: every micro-batch stands there once, with the share of the ordered draws that are
 * its rearrangements.
 */
#include "models/enumeration.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>

struct count_case {
  size_t n, m;
  bool replacement;
  size_t limit, count;
};

static const struct count_case counts[] = {
    {4, 1, true, 1000, 4},
    {4, 2, true, 1000, 10},
    {4, 4, true, 1000, 35},
    {4, 2, false, 1000, 6},
    {4, 4, false, 1000, 1},
    {1, 3, true, 1000, 1},
    {442, 1, false, 1000, 442},
    {442, 2, true, 100000, 97903},
    {30, 15, false, SIZE_MAX - 1, 155117520},
    {4, 2, true, 10, 10}, /* the limit itself is allowed */
    {4, 2, true, 9, SIZE_MAX},
    {442, 2, true, 1024, SIZE_MAX},
    {1000000, 1000, true, SIZE_MAX - 1, SIZE_MAX}, /* far beyond any number */
    {1000000, 500000, false, SIZE_MAX - 1, SIZE_MAX},
};

START_TEST(counts_are_binomials)
{
  const struct count_case *c = &counts[_i];
  size_t count = enumeration_count(c->n, c->m, c->replacement, c->limit);
  ck_assert_msg(count == c->count, "n = %zu, m = %zu: %zu, not %zu", c->n, c->m, count, c->count);
}
END_TEST

static int ascending(const void *left, const void *right)
{
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

/* Which enumerated micro-batch holds these samples; fails where none or several do. */
static size_t find(const struct enumeration *all, const uint32_t *samples)
{
  size_t found = SIZE_MAX;
  for (size_t c = 0; c < all->count; c++) {
    bool same = true;
    for (size_t i = 0; i < all->size; i++)
      same = same && all->index[c * all->size + i] == samples[i];
    if (same) {
      ck_assert_msg(found == SIZE_MAX, "micro-batches %zu and %zu are the same", found, c);
      found = c;
    }
  }
  ck_assert_msg(found < all->count, "a micro-batch is missing");
  return found;
}

enum { MOST = 4 };

/* All n^m ordered draws, sorted and looked up; without replacement those with no repetition. */
static void check_shares(size_t n, size_t m, bool replacement)
{
  struct enumeration all = enumeration_new(n, m, replacement);
  ck_assert_uint_eq(all.size, m);
  ck_assert_uint_eq(all.count, enumeration_count(n, m, replacement, 1000));
  double *share = sde_alloc(all.count, sizeof *share), draws = 0;
  size_t codes = (size_t)pow((double)n, (double)m);
  for (size_t code = 0; code < codes; code++) {
    uint32_t samples[MOST];
    for (size_t i = 0, rest = code; i < m; i++, rest /= n)
      samples[i] = (uint32_t)(rest % n);
    qsort(samples, m, sizeof *samples, ascending);
    bool repeated = false;
    for (size_t i = 1; i < m; i++)
      repeated = repeated || samples[i] == samples[i - 1];
    if (replacement || !repeated) {
      share[find(&all, samples)]++;
      draws++;
    }
  }
  for (size_t c = 0; c < all.count; c++)
    ck_assert_double_eq_tol(all.probability[c], share[c] / draws, 1e-14);
  sde_free(share);
  enumeration_free(&all);
}

START_TEST(probabilities_are_shares_of_ordered_draws)
{
  for (size_t n = 1; n <= 5; n++)
    for (size_t m = 1; m <= MOST; m++) {
      check_shares(n, m, true);
      if (m <= n)
        check_shares(n, m, false);
    }
}
END_TEST

START_TEST(probabilities_sum_to_one)
{
  static const size_t cases[][2] = {{442, 1}, {30, 2}, {12, 3}, {2, 50}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int replacement = cases[i][1] > cases[i][0]; replacement < 2; replacement++) {
      struct enumeration all = enumeration_new(cases[i][0], cases[i][1], replacement);
      double sum = 0;
      for (size_t c = 0; c < all.count; c++)
        sum += all.probability[c];
      ck_assert_double_eq_tol(sum, 1, 1e-12);
      enumeration_free(&all);
    }
}
END_TEST

START_TEST(disjoint_means_no_common_sample)
{
  struct enumeration all = enumeration_new(7, 3, false);
  size_t pairs = 0;
  for (size_t c = 0; c < all.count; c++)
    for (size_t e = 0; e < all.count; e++) {
      unsigned left = 0, right = 0;
      for (size_t i = 0; i < all.size; i++) {
        left |= 1u << all.index[c * all.size + i];
        right |= 1u << all.index[e * all.size + i];
      }
      bool disjoint = enumeration_disjoint(&all, c, e);
      ck_assert(disjoint == ((left & right) == 0));
      pairs += disjoint;
    }
  ck_assert_uint_eq(pairs, 35 * 4); /* C(7, 3) C(4, 3) */
  enumeration_free(&all);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("enumeration");
  TCase *tests = testing_case(suite, "enumeration");
  tcase_add_loop_test(tests, counts_are_binomials, 0, sizeof counts / sizeof *counts);
  tcase_add_test(tests, probabilities_are_shares_of_ordered_draws);
  tcase_add_test(tests, probabilities_sum_to_one);
  tcase_add_test(tests, disjoint_means_no_common_sample);
  return testing_run(suite);
}
