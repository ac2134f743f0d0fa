/*
 * Words of verdicts: intervals as intervals, to the digits that they have.
 */
#include "experiments/results/interval_words.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

int main(void)
{
  Suite *suite = suite_create("words");
  TCase *words = testing_case(suite, "words");
  tcase_add_loop_test(words, an_interval_is_written_as_one, 0, INTERVALS);
  tcase_add_test(words, its_ends_are_its_ends);
  return testing_run(suite);
}
