/*
 * Words of verdicts: intervals as intervals, to the digits that they have; verdicts in the order and
 * the groups in which people read them.
 */
#include "experiments/results/interval_words.h"
#include "experiments/results/verdict_groups.h"
#include "sde/status.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  double centre, half;
  const char *text;
} intervals[] = {{0.05012, 0.0021, "0.0501 [0.0480, 0.0522]"},
                 {-0.00371, 0.002, "-0.0037 [-0.0057, -0.0017]"},
                 {421.32, 117, "420 [300, 540]"},
                 {1, 0.1, "1.00 [0.90, 1.10]"},
                 {3e-7, 2.04e-7, "3.0e-07 [1.0e-07, 5.0e-07]"},
                 {0, 0.00012, "0.00000 [-0.00012, 0.00012]"},
                 {1.25, 0, "1.25"},
                 {1.25, INFINITY, "1.25, no interval"},
                 {1.25, NAN, "1.25, no interval"}};
enum { INTERVALS = sizeof intervals / sizeof *intervals };

START_TEST(an_interval_is_written_as_one)
{
  ck_assert_str_eq(interval_words(intervals[_i].centre, intervals[_i].half).text,
                   intervals[_i].text);
}
END_TEST

/* The ends are those of the centre and half to a unit of the half's second digit, whatever the size. */
START_TEST(its_ends_are_its_ends)
{
  for (int exponent = -9; exponent < 9; exponent++) {
    double half = 2.3456 * pow(10, exponent), centre = -71.7 * half, middle, low, high;
    struct interval_words words = interval_words(centre, half);
    ck_assert_msg(sscanf(words.text, "%lf [%lf, %lf]", &middle, &low, &high) == 3, "%s",
                  words.text);
    double digit = pow(10, exponent - 1);
    ck_assert_double_le(fabs(middle - centre), 0.51 * digit);
    ck_assert_double_le(fabs(low - (centre - half)), 0.51 * digit);
    ck_assert_double_le(fabs(high - (centre + half)), 0.51 * digit);
  }
}
END_TEST

static json_t *verdict(const char *claim, enum holds holds, bool self_check)
{
  json_t *made =
      json_pack("{s:s, s:o, s:s}", "claim", claim, "holds",
                holds == HOLDS_UNDECIDED ? json_null() : json_boolean(holds == HOLDS_YES),
                "evidence", "numbers");
  if (self_check)
    json_object_set_new(made, "self_check", json_true());
  return made;
}

static json_t *some_verdicts(void)
{
  json_t *verdicts = json_array();
  json_array_append_new(verdicts, verdict("sgd, b 4: exact", HOLDS_YES, true));
  json_array_append_new(verdicts, verdict("m-usam m=4, b 4: falls", HOLDS_YES, false));
  json_array_append_new(verdicts, verdict("m-usam m=2, b 4: falls", HOLDS_NO, false));
  json_array_append_new(verdicts, verdict("m-usam m=1, b 4: falls", HOLDS_YES, false));
  json_array_append_new(verdicts, verdict("m-usam m=1, b 8: falls", HOLDS_YES, false));
  json_array_append_new(verdicts, verdict("m-usam m=1, b 4: stays", HOLDS_UNDECIDED, false));
  return verdicts;
}

/* Theory first, the worst first; what differs in m alone is one; what has another outcome, batch or
 * claim is not. */
START_TEST(verdicts_are_grouped)
{
  static const struct {
    enum holds holds;
    const char *claim;
    size_t count;
  } expected[] = {{HOLDS_NO, "m-usam m=2, b 4: falls", 1},
                  {HOLDS_UNDECIDED, "m-usam m=1, b 4: stays", 1},
                  {HOLDS_YES, "m-usam m=4, 1, b 4: falls", 2},
                  {HOLDS_YES, "m-usam m=1, b 8: falls", 1},
                  {HOLDS_YES, "sgd, b 4: exact", 1}};
  json_t *verdicts = some_verdicts();
  struct verdict_groups groups = verdict_groups_new(verdicts);
  ck_assert_uint_eq(groups.count, sizeof expected / sizeof *expected);
  for (size_t g = 0; g < groups.count; g++) {
    ck_assert_int_eq(groups.group[g].holds, expected[g].holds);
    ck_assert_str_eq(groups.group[g].claim, expected[g].claim);
    ck_assert_uint_eq(groups.group[g].count, expected[g].count);
  }
  char *second = verdict_group_name(&groups.group[2], 1);
  ck_assert_str_eq(second, "m=1");
  sde_free(second);
  verdict_groups_free(&groups);
  json_decref(verdicts);
}
END_TEST

/* No verdict is lost where rows are grouped or folded: all are counted. */
START_TEST(all_verdicts_are_counted)
{
  json_t *verdicts = some_verdicts();
  char *counts = verdict_counts(verdicts), *text = NULL;
  size_t length = 0;
  ck_assert_str_eq(counts, "4 of 6 checks hold, 1 fails, 1 undecided");
  sde_free(counts);
  FILE *stream = open_memstream(&text, &length);
  verdict_groups_print(verdicts, stream);
  fclose(stream);
  ck_assert_ptr_nonnull(strstr(text, "fails:     m-usam m=2, b 4: falls\n           numbers\n"));
  ck_assert_ptr_nonnull(strstr(text, "m-usam m=4, 1, b 4: falls\n           m=4: numbers\n"));
  ck_assert_ptr_nonnull(strstr(text, "has the exact means in 1 check,"));
  ck_assert_ptr_null(strstr(text, "sgd, b 4: exact"));
  free(text);
  json_decref(verdicts);
  json_t *none = json_array();
  ck_assert_ptr_null(verdict_counts(none));
  json_decref(none);
}
END_TEST

/* A check of the simulation is folded only where it holds, and beside claims of theory. */
START_TEST(what_is_not_fine_is_not_folded)
{
  for (size_t i = 0; i < 2; i++) {
    json_t *verdicts = json_array();
    char *text = NULL;
    size_t length = 0;
    json_array_append_new(verdicts, verdict("exact", i == 0 ? HOLDS_NO : HOLDS_YES, true));
    if (i == 0)
      json_array_append_new(verdicts, verdict("theory", HOLDS_YES, false));
    FILE *stream = open_memstream(&text, &length);
    verdict_groups_print(verdicts, stream);
    fclose(stream);
    ck_assert_ptr_nonnull(strstr(text, i == 0 ? "fails:     exact" : "holds:     exact"));
    free(text);
    json_decref(verdicts);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("words");
  TCase *words = testing_case(suite, "words");
  tcase_add_loop_test(words, an_interval_is_written_as_one, 0, INTERVALS);
  tcase_add_test(words, its_ends_are_its_ends);
  tcase_add_test(words, verdicts_are_grouped);
  tcase_add_test(words, all_verdicts_are_counted);
  tcase_add_test(words, what_is_not_fine_is_not_folded);
  return testing_run(suite);
}
