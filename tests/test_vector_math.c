/*
 * Tests of sde/vector_math: every set this processor can run against the C library in extended
 * precision, and the sets against one another.
 */
#include "sde/vector_math.h"

#include "sde/status.h"
#include "tests/testing.h"

#include <Random123/threefry.h>
#include <float.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <string.h>

enum { COUNT = 1 << 16, SETS = 4 };

static const char *const names[SETS] = {"portable", "x86-64-v2", "x86-64-v3", "x86-64-v4"};

/* Units in the last place of the rounded reference by which a result is off; the spacing of
 * numbers below DBL_MIN is theirs, so a result there may be off by a few DBL_TRUE_MIN. */
static double ulps(double got, long double reference)
{
  double rounded = (double)reference;
  if (got == rounded || (isnan(got) && isnan(rounded)))
    return 0;
  double size = fmax(fabs(rounded), DBL_MIN);
  return (double)fabsl(got - reference) / (nextafter(size, INFINITY) - size);
}

static uint64_t word(gsl_rng *rng)
{
  return (uint64_t)gsl_rng_get(rng) << 32 | gsl_rng_get(rng);
}

/* The words of Threefry of any set are Random123's, at counters that wrap around too. */
START_TEST(threefry_is_random123)
{
  enum { LONGEST = 136 };
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  uint64_t a[LONGEST], b[LONGEST];
  size_t different = 0;
  for (size_t count = 0; count <= LONGEST; count += 8) {
    const uint64_t key[2] = {word(rng), word(rng)}, counter = word(rng);
    uint64_t first = count % 16 == 0 ? word(rng) : UINT64_MAX - 3;
    set->threefry(count, key, first, counter, a, b);
    for (size_t p = 0; p < count; p++) {
      threefry2x64_ctr_t at = {{first + p, counter}};
      threefry2x64_key_t whole = {{key[0], key[1]}};
      at = threefry2x64(at, whole);
      different += a[p] != at.v[0] || b[p] != at.v[1];
    }
  }
  gsl_rng_free(rng);
  ck_assert_uint_eq(different, 0);
}
END_TEST

/* Sets for processors that have fused operations use them. */
static bool is_fused(const struct sde_vector_math *set)
{
  return strcmp(set->name, "x86-64-v3") == 0 || strcmp(set->name, "x86-64-v4") == 0;
}

/* Sums in the order of the columns, fused or else with each product rounded on its way through a
 * volatile variable: the same bits in plain C. */
START_TEST(affine_has_the_bits_of_plain_c)
{
  enum { MOST = 7, WIDE = 96 };
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double numbers[MOST * MOST + MOST + MOST * WIDE], out[(MOST + 1) * WIDE];
  const double *matrix = numbers, *shift = matrix + MOST * MOST, *x = shift + MOST;
  size_t different = 0;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    numbers[i] = gsl_rng_uniform(rng) - 0.5;
  for (size_t shape = 0; shape < MOST * MOST * 4; shape++) {
    size_t rows = 1 + shape % MOST, columns = 1 + shape / MOST % MOST;
    size_t width = shape % 2 == 0 ? 32 : WIDE;
    const double *constant = shape / (MOST * MOST) % 2 == 0 ? shift : NULL;
    out[rows * width] = 77;
    set->affine(rows, columns, matrix, constant, width, x, out);
    for (size_t i = 0; i < rows; i++)
      for (size_t p = 0; p < width; p++) {
        double sum = constant == NULL ? 0 : constant[i];
        for (size_t j = 0; j < columns; j++) {
          volatile double product = matrix[i * columns + j] * x[j * width + p];
          sum = is_fused(set) ? fma(matrix[i * columns + j], x[j * width + p], sum) : sum + product;
        }
        different += out[i * width + p] != sum;
      }
    different += out[rows * width] != 77;
  }
  gsl_rng_free(rng);
  ck_assert_uint_eq(different, 0);
}
END_TEST

/* Random words, among them runs of zeros and of ones at either end: the radius's logarithm near 0
 * and at its largest, angles beside the multiples of a quarter turn. */
static void draw_words(gsl_rng *rng, uint64_t *words)
{
  for (size_t i = 0; i < COUNT; i++) {
    uint64_t bits = word(rng);
    switch (i % 4) {
    case 1:
      bits >>= gsl_rng_uniform_int(rng, 52);
      break;
    case 2:
      bits = ~(bits >> gsl_rng_uniform_int(rng, 52));
      break;
    case 3:
      bits = (bits >> gsl_rng_uniform_int(rng, 52)) + ((uint64_t)gsl_rng_uniform_int(rng, 8) << 61);
      break;
    default:
      break;
    }
    words[i] = bits;
  }
}

/* cos and sin of `half_turns` half turns, reduced exactly to an eighth of a turn. */
static void cosine_sine(long double half_turns, long double *cosine, long double *sine)
{
  long quarter = lrintl(half_turns * 2);
  long double rest = (half_turns - (long double)quarter / 2) * acosl(-1);
  long double c = cosl(rest), s = sinl(rest);
  *cosine = quarter % 2 == 0 ? c : s;
  *sine = quarter % 2 == 0 ? s : c;
  if (quarter % 4 == 1 || quarter % 4 == 2)
    *cosine = -*cosine;
  if (quarter % 4 == 2 || quarter % 4 == 3)
    *sine = -*sine;
}

START_TEST(best_set_is_one_of_the_named)
{
  const struct sde_vector_math *best = sde_vector_math();
  ck_assert_ptr_nonnull(best);
  ck_assert_ptr_eq(best, sde_vector_math_named(best->name));
  ck_assert_ptr_null(sde_vector_math_named("x86-64-v5"));
  ck_assert_ptr_nonnull(sde_vector_math_named("portable"));
  bool better = false;
  for (size_t i = SETS; i-- > 0;) {
    const struct sde_vector_math *set = sde_vector_math_named(names[i]);
    if (set == NULL)
      continue;
    ck_assert_str_eq(set->name, names[i]);
    ck_assert(better || set == best);
    better = true;
  }
}
END_TEST

/* The radius squared is right to 3 ulp, cosine and sine to 1.5; the root halves the first, and root
 * and product round once each: 1.5 + 1.5 + 1. */
START_TEST(normals_are_box_muller_of_the_words)
{
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  uint64_t *a = sde_alloc(COUNT, sizeof *a), *b = sde_alloc(COUNT, sizeof *b);
  double *z = sde_alloc(2 * COUNT, sizeof *z), worst = 0, largest = 0;
  draw_words(rng, a);
  draw_words(rng, b);
  a[0] = UINT64_MAX;
  b[0] = 0;
  set->normals(COUNT, a, b, z, z + COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    long double u = ldexpl((long double)(a[i] >> 12), -52), cosine, sine;
    cosine_sine(ldexpl((long double)(b[i] >> 10), -53), &cosine, &sine);
    long double radius = sqrtl(-2 * log1pl(-u));
    worst = fmax(worst, fmax(ulps(z[i], radius * cosine), ulps(z[COUNT + i], radius * sine)));
    largest = fmax(largest, fmax(fabs(z[i]), fabs(z[COUNT + i])));
  }
  ck_assert_double_le(worst, 4);
  /* The largest radius there is: sqrt(-2 log 2^-52). */
  ck_assert_double_eq_tol(z[0], sqrt(104 * M_LN2), 1e-14);
  ck_assert_double_lt(largest, 8.5);
  sde_free(a);
  sde_free(b);
  sde_free(z);
  gsl_rng_free(rng);
}
END_TEST

/* The sets with fused operations give the same bits; those without differ by a few ulp. */
START_TEST(sets_agree)
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  uint64_t *a = sde_alloc(COUNT, sizeof *a), *b = sde_alloc(COUNT, sizeof *b);
  double *z[SETS], worst = 0;
  draw_words(rng, a);
  draw_words(rng, b);
  for (size_t i = 0; i < SETS; i++) {
    const struct sde_vector_math *set = sde_vector_math_named(names[i]);
    z[i] = sde_alloc(2 * COUNT, sizeof *z[i]);
    if (set == NULL)
      set = sde_vector_math();
    set->normals(COUNT, a, b, z[i], z[i] + COUNT);
  }
  for (size_t i = 0; i < SETS; i++)
    for (size_t k = 0; k < 2 * COUNT; k++)
      worst = fmax(worst, ulps(z[i][k], z[0][k]));
  ck_assert_double_le(worst, 4);
  if (sde_vector_math_named("x86-64-v4") != NULL)
    ck_assert_mem_eq(z[3], z[2], 2 * COUNT * sizeof **z);
  for (size_t i = 0; i < SETS; i++)
    sde_free(z[i]);
  sde_free(a);
  sde_free(b);
  gsl_rng_free(rng);
}
END_TEST

/* Where functions are tried, as functions of a uniform number. */
static double anywhere(double uniform)
{
  return -745 + 1454.78 * uniform;
}

static double about_zero(double uniform)
{
  return (uniform < 0.5 ? -1 : 1) * pow(2, -60 * fabs(2 * uniform - 1));
}

static double above_minus_one(double uniform)
{
  return uniform - 1 + DBL_EPSILON;
}

static double up_to_1e307(double uniform)
{
  return pow(10, -307 + 614 * uniform);
}

static double down_to_minus_one(double uniform)
{
  return -pow(10, -307 + 306.99 * uniform);
}

static double up_to_1e5(double uniform)
{
  return (uniform < 0.5 ? -1 : 1) * pow(10, 5 - 20 * fabs(2 * uniform - 1));
}

static double up_to_700(double uniform)
{
  return 1400 * uniform - 700;
}

static double worst_ulps(void (*vector)(size_t, const double *, double *),
                         long double (*reference)(long double), double (*argument)(double))
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double *in = sde_alloc(COUNT, sizeof *in), *out = sde_alloc(COUNT, sizeof *out), worst = 0;
  for (size_t i = 0; i < COUNT; i++)
    in[i] = argument(gsl_rng_uniform(rng));
  vector(COUNT, in, out);
  for (size_t i = 0; i < COUNT; i++)
    worst = fmax(worst, ulps(out[i], reference(in[i])));
  sde_free(in);
  sde_free(out);
  gsl_rng_free(rng);
  return worst;
}

/* SLEEF states 1 ulp; 2 leaves room for another release of it. */
START_TEST(exp_and_log1p_are_accurate)
{
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  ck_assert_double_le(worst_ulps(set->exp, expl, anywhere), 2);
  ck_assert_double_le(worst_ulps(set->exp, expl, about_zero), 2);
  ck_assert_double_le(worst_ulps(set->log1p, log1pl, about_zero), 2);
  ck_assert_double_le(worst_ulps(set->log1p, log1pl, above_minus_one), 2);
  ck_assert_double_le(worst_ulps(set->log1p, log1pl, up_to_1e307), 2);
  ck_assert_double_le(worst_ulps(set->log1p, log1pl, down_to_minus_one), 2);
  /* The twin: the wrong function is far off. */
  ck_assert_double_gt(worst_ulps(set->log1p, expl, about_zero), 1e6);
}
END_TEST

static long double power_of_three_halves(long double x)
{
  return powl(x, 1.5L);
}

static long double power_of_minus_pi(long double x)
{
  return powl(x, -M_PI);
}

/* pow as a function of its base. */
static double worst_power(const struct sde_vector_math *set, double exponent,
                          long double (*reference)(long double))
{
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double in[64], exponents[64], out[64], worst = 0;
  for (size_t block = 0; block < COUNT / 64; block++) {
    for (size_t i = 0; i < 64; i++) {
      in[i] = fabs(up_to_1e5(gsl_rng_uniform(rng)));
      exponents[i] = exponent;
    }
    set->pow(64, in, exponents, out);
    for (size_t i = 0; i < 64; i++)
      worst = fmax(worst, ulps(out[i], reference(in[i])));
  }
  gsl_rng_free(rng);
  return worst;
}

/* As above. Extended precision has 11 bits more, enough for powers up to 1e80. */
START_TEST(other_functions_are_accurate)
{
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  ck_assert_double_le(worst_ulps(set->log, logl, up_to_1e307), 2);
  ck_assert_double_le(worst_ulps(set->sin, sinl, up_to_1e5), 2);
  ck_assert_double_le(worst_ulps(set->cos, cosl, up_to_1e5), 2);
  ck_assert_double_le(worst_ulps(set->tan, tanl, up_to_1e5), 2);
  ck_assert_double_le(worst_ulps(set->atan, atanl, up_to_1e5), 2);
  ck_assert_double_le(worst_ulps(set->sinh, sinhl, about_zero), 2);
  ck_assert_double_le(worst_ulps(set->sinh, sinhl, up_to_700), 2);
  ck_assert_double_le(worst_ulps(set->cosh, coshl, about_zero), 2);
  ck_assert_double_le(worst_ulps(set->cosh, coshl, up_to_700), 2);
  ck_assert_double_le(worst_ulps(set->tanh, tanhl, up_to_1e5), 2);
  ck_assert_double_le(worst_power(set, 1.5, power_of_three_halves), 2);
  ck_assert_double_le(worst_power(set, -M_PI, power_of_minus_pi), 2);
  ck_assert_double_gt(worst_power(set, 1.25, power_of_three_halves), 1e6);
  ck_assert_double_gt(worst_ulps(set->tanh, atanl, up_to_1e5), 1e6);
}
END_TEST

/* x86-64-v3 and x86-64-v4 have the same bits in every function. */
START_TEST(functions_of_fused_sets_have_the_same_bits)
{
  const struct sde_vector_math *three = sde_vector_math_named("x86-64-v3");
  const struct sde_vector_math *four = sde_vector_math_named("x86-64-v4");
  if (three == NULL || four == NULL)
    return;
  void (*const pairs[][2])(size_t, const double *, double *) = {
      {three->exp, four->exp},   {three->log, four->log},   {three->log1p, four->log1p},
      {three->sin, four->sin},   {three->cos, four->cos},   {three->tan, four->tan},
      {three->atan, four->atan}, {three->sinh, four->sinh}, {three->cosh, four->cosh},
      {three->tanh, four->tanh}};
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  double *in = sde_alloc(COUNT, sizeof *in), *out = sde_alloc(2 * COUNT, sizeof *out);
  for (size_t i = 0; i < COUNT; i++)
    in[i] = up_to_1e5(gsl_rng_uniform(rng));
  for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
    pairs[k][0](COUNT, in, out);
    pairs[k][1](COUNT, in, out + COUNT);
    for (size_t i = 0; i < COUNT; i++)
      ck_assert(out[i] == out[COUNT + i] || (isnan(out[i]) && isnan(out[COUNT + i])));
  }
  for (size_t i = 0; i < COUNT; i++)
    in[i] = fabs(in[i]);
  three->pow(COUNT - 8, in, in + 8, out);
  four->pow(COUNT - 8, in, in + 8, out + COUNT);
  ck_assert_mem_eq(out, out + COUNT, (COUNT - 8) * sizeof *out);
  sde_free(in);
  sde_free(out);
  gsl_rng_free(rng);
}
END_TEST

static size_t wrong_values(void (*vector)(size_t, const double *, double *), size_t count,
                           const double (*expected)[2])
{
  double in[32] = {0}, out[32];
  size_t wrong = 0;
  for (size_t i = 0; i < count; i++)
    in[i] = expected[i][0];
  vector(32, in, out);
  for (size_t i = 0; i < count; i++)
    wrong += !(ulps(out[i], expected[i][1]) <= 2 && !signbit(out[i]) == !signbit(expected[i][1])) &&
             !(isnan(out[i]) && isnan(expected[i][1]));
  return wrong;
}

/* Beyond 1e307, where the C library has 707 to 710, SLEEF's log1p is infinite. */
START_TEST(extremes)
{
  static const double exps[][2] = {
      {0, 1},
      {-0.0, 1},
      {INFINITY, INFINITY},
      {-INFINITY, 0},
      {NAN, NAN},
      {710, INFINITY},
      {DBL_MAX, INFINITY},
      {-DBL_MAX, 0},
      {-746, 0},
      {DBL_MIN, 1},
      {-DBL_TRUE_MIN, 1},
      {-745.13, DBL_TRUE_MIN},
      {709.78, 1.7928227943945155e308},
      {1, M_E},
      {-1, 1 / M_E},
  };
  static const double log1ps[][2] = {
      {0, 0},
      {-0.0, -0.0},
      {INFINITY, INFINITY},
      {-1, -INFINITY},
      {-1.5, NAN},
      {-INFINITY, NAN},
      {NAN, NAN},
      {DBL_MIN, DBL_MIN},
      {-DBL_MIN, -DBL_MIN},
      {DBL_EPSILON / 4, DBL_EPSILON / 4},
      {-DBL_EPSILON / 4, -DBL_EPSILON / 4},
      {-1 + DBL_EPSILON / 2, -53 * M_LN2},
      {1, M_LN2},
      {1e307, 307 * M_LN10},
  };
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  ck_assert_uint_eq(wrong_values(set->exp, sizeof exps / sizeof *exps, exps), 0);
  ck_assert_uint_eq(wrong_values(set->log1p, sizeof log1ps / sizeof *log1ps, log1ps), 0);
}
END_TEST

/* Any multiple of 8, in place or not: the same bits, and nothing beyond the end. */
START_TEST(counts_and_places)
{
  enum { LONGEST = 200, GUARD = 8, MARK = 77 };
  const struct sde_vector_math *set = sde_vector_math_named(names[_i]);
  if (set == NULL)
    return;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  uint64_t a[LONGEST], b[LONGEST];
  double in[LONGEST], whole[4][LONGEST], out[4][LONGEST + GUARD];
  size_t different = 0;
  for (size_t i = 0; i < LONGEST; i++) {
    a[i] = word(rng);
    b[i] = word(rng);
    in[i] = gsl_rng_uniform(rng);
  }
  set->normals(LONGEST, a, b, whole[0], whole[1]);
  set->exp(LONGEST, in, whole[2]);
  set->log1p(LONGEST, in, whole[3]);
  for (size_t count = 0; count <= LONGEST; count += 8) {
    for (size_t i = 0; i < 4; i++)
      for (size_t k = 0; k < LONGEST + GUARD; k++)
        out[i][k] = i >= 2 && k < count ? in[k] : MARK;
    set->normals(count, a, b, out[0], out[1]);
    set->exp(count, out[2], out[2]);
    set->log1p(count, out[3], out[3]);
    for (size_t i = 0; i < 4; i++) {
      different += memcmp(out[i], whole[i], count * sizeof(double)) != 0;
      for (size_t k = count; k < LONGEST + GUARD; k++)
        different += out[i][k] != MARK;
    }
  }
  gsl_rng_free(rng);
  ck_assert_uint_eq(different, 0);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("vector_math");
  TCase *sets = testing_case(suite, "sets");
  tcase_add_test(sets, best_set_is_one_of_the_named);
  tcase_add_test(sets, sets_agree);
  TCase *functions = testing_case(suite, "functions");
  tcase_add_loop_test(functions, threefry_is_random123, 0, SETS);
  tcase_add_loop_test(functions, affine_has_the_bits_of_plain_c, 0, SETS);
  tcase_add_loop_test(functions, normals_are_box_muller_of_the_words, 0, SETS);
  tcase_add_loop_test(functions, exp_and_log1p_are_accurate, 0, SETS);
  tcase_add_loop_test(functions, other_functions_are_accurate, 0, SETS);
  tcase_add_test(functions, functions_of_fused_sets_have_the_same_bits);
  tcase_add_loop_test(functions, extremes, 0, SETS);
  tcase_add_loop_test(functions, counts_and_places, 0, SETS);
  return testing_run(suite);
}
