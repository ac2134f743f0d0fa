/*
 * Tests of sde/block: each operation on every number of a block and on no other, with the same
 * bits as plain C, whichever instruction set was chosen.
 */
#include "sde/block.h"

#include "tests/testing.h"

#include <gsl/gsl_rng.h>
#include <string.h>

enum { LONGEST = 200, GUARD = 16, SIZE = LONGEST + GUARD };

/* Numbers of all magnitudes in which a fused multiply-add would round differently. */
static void draw(gsl_rng *rng, double *numbers)
{
  for (size_t i = 0; i < SIZE; i++)
    numbers[i] = (gsl_rng_uniform(rng) - 0.5) * (double)(1ul << gsl_rng_uniform_int(rng, 30));
}

/* The four operations by name, on `count` numbers of `out`. */
static void by_block(int operation, size_t count, const double *x, double factor,
                     const double *direction, double *out)
{
  switch (operation) {
  case 0:
    sde_block_add(count, factor, x, out);
    break;
  case 1:
    sde_block_scale(count, factor, out);
    break;
  case 2:
    sde_block_shift(count, x, factor, direction, out);
    break;
  default:
    sde_block_fill(count, factor, out);
  }
}

/* The same, with each product rounded on its way through a volatile variable. */
static void by_hand(int operation, size_t count, const double *x, double factor,
                    const double *direction, double *out)
{
  for (size_t i = 0; i < count; i++) {
    volatile double product = factor * (operation == 0   ? x[i]
                                        : operation == 1 ? out[i]
                                                         : direction[i]);
    if (operation == 0)
      out[i] += product;
    else if (operation == 1)
      out[i] = product;
    else
      out[i] = operation == 2 ? x[i] + product : factor;
  }
}

START_TEST(same_bits_as_plain_c)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double x[SIZE], direction[SIZE], out[SIZE], expected[SIZE];
  size_t different = 0;
  for (size_t count = 0; count <= LONGEST; count++) {
    draw(rng, x);
    draw(rng, direction);
    draw(rng, out);
    memcpy(expected, out, sizeof out);
    double factor = gsl_rng_uniform(rng) - 0.5;
    by_block(_i, count, x, factor, direction, out);
    by_hand(_i, count, x, factor, direction, expected);
    different += memcmp(out, expected, sizeof out) != 0;
  }
  gsl_rng_free(rng);
  ck_assert_uint_eq(different, 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("block");
  tcase_add_loop_test(testing_case(suite, "block"), same_bits_as_plain_c, 0, 4);
  return testing_run(suite);
}
