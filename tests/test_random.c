/*
 * Tests of sde/random: the generator's published answers, the addressing of its numbers, and the
 * laws and independence of normals, uniforms, indices and selections. Each statistical test is one
 * family of comparisons, with the exact sampling variances: it fails correct code with probability
 * TESTING_LEVEL (1e-6) over seeds.
 */
#include "sde/random.h"

#include "sde/status.h"
#include "sde/vector_math.h"
#include "tests/testing.h"

#include <Random123/threefry.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_BITS = 24, LANES = 4, DRAWS = 1 << 19, CELLS = 16 };

static struct sde_address address(uint64_t seed, uint64_t stream, uint64_t first_path,
                                  uint64_t step)
{
  return (struct sde_address){{seed, stream}, first_path, step};
}

/* ---- The bits ---- */

/* Random123's tests/kat_vectors, threefry2x64 with 20 rounds: counter, key, result. */
static const uint64_t published[][6] = {
    {0, 0, 0, 0, UINT64_C(0xc2b6e3a8c2c69865), UINT64_C(0x6f81ed42f350084d)},
    {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_C(0xe02cb7c4d95d277a),
     UINT64_C(0xd06633d0893b8b68)},
    {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344), UINT64_C(0xa4093822299f31d0),
     UINT64_C(0x082efa98ec4e6c89), UINT64_C(0x263c7d30bb0f0af1), UINT64_C(0x56be8361d3311526)},
};
enum { PUBLISHED = sizeof published / sizeof *published };

START_TEST(published_answers)
{
  const uint64_t *row = published[_i];
  threefry2x64_ctr_t counter = {{row[0], row[1]}};
  threefry2x64_key_t key = {{row[2], row[3]}};
  threefry2x64_ctr_t direct = threefry2x64(counter, key);
  ck_assert_uint_eq(direct.v[0], row[4]);
  ck_assert_uint_eq(direct.v[1], row[5]);
  uint64_t a[8], b[8];
  size_t p = row[0] % 8; /* the last path that there is ends its block */
  struct sde_address at = address(row[2], row[3], row[0] - p, row[1] >> CALL_BITS);
  sde_random_bits(&at, 8, row[1] & ((UINT64_C(1) << CALL_BITS) - 1), a, b);
  ck_assert_uint_eq(a[p], row[4]);
  ck_assert_uint_eq(b[p], row[5]);
}
END_TEST

/* The test vectors of draft-eastlake-fnv for 64 bits. */
START_TEST(hashes_are_published)
{
  ck_assert_uint_eq(sde_hash("", 0), UINT64_C(0xcbf29ce484222325));
  ck_assert_uint_eq(sde_hash("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
  ck_assert_uint_eq(sde_hash("foobar", 6), UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(bits_are_threefry_of_the_address)
{
  enum { WIDTH = 104 };
  uint64_t a[WIDTH], b[WIDTH];
  size_t different = 0;
  for (uint64_t i = 0; i < 50; i++) {
    struct sde_address at = address(i * i, ~i, i << 40, i << 34);
    threefry2x64_key_t key = {{i * i, ~i}};
    sde_random_bits(&at, WIDTH, i * 1001, a, b);
    for (uint64_t p = 0; p < WIDTH; p++) {
      threefry2x64_ctr_t word = {{at.first_path + p, (at.step << CALL_BITS) + i * 1001}};
      word = threefry2x64(word, key);
      different += a[p] != word.v[0] || b[p] != word.v[1];
    }
  }
  ck_assert_uint_eq(different, 0);
}
END_TEST

/* Lanes 2c and 2c + 1 come of call c, through the vector mathematics. */
START_TEST(normals_and_uniforms_are_of_the_bits)
{
  enum { WIDTH = 136, COUNT = 5 };
  struct sde_address at = address(3, 4, 1000, 77);
  double normals[(COUNT + 1) * WIDTH], uniforms[COUNT * WIDTH], expected[(COUNT + 1) * WIDTH];
  size_t different = 0;
  sde_random_normals(&at, WIDTH, COUNT, normals);
  sde_random_uniforms(&at, WIDTH, COUNT, uniforms);
  for (size_t lane = 0; lane < COUNT; lane += 2) {
    uint64_t words[2][WIDTH];
    sde_random_bits(&at, WIDTH, lane / 2, words[0], words[1]);
    double *even = expected + lane * WIDTH;
    sde_vector_math()->normals(WIDTH, words[0], words[1], even, even + WIDTH);
    for (size_t l = lane; l < lane + 2 && l < COUNT; l++)
      for (size_t p = 0; p < WIDTH; p++)
        different += uniforms[l * WIDTH + p] != ldexp((double)(words[l - lane][p] >> 12), -52);
  }
  ck_assert_mem_eq(normals, expected, COUNT * WIDTH * sizeof *normals);
  ck_assert_uint_eq(different, 0);
}
END_TEST

/* ---- The same numbers however they are asked for ---- */

/* The four kinds of numbers, each written as doubles. n is 1000 for the last two. */
static void draw(int kind, const struct sde_address *at, size_t width, size_t lanes, double *out)
{
  enum { N = 1000 };
  uint32_t permutation[N], *integers = sde_alloc(lanes, width * sizeof *integers);
  for (uint32_t i = 0; i < N; i++)
    permutation[i] = i;
  if (kind == 0)
    sde_random_normals(at, width, lanes, out);
  else if (kind == 1)
    sde_random_uniforms(at, width, lanes, out);
  else if (kind == 2)
    sde_random_indices(at, width, lanes, N, integers);
  else
    sde_random_selection(at, width, lanes, N, permutation, integers);
  for (size_t i = 0; kind >= 2 && i < lanes * width; i++)
    out[i] = integers[i];
  sde_free(integers);
}
enum { KINDS = 4, WIDEST = 200, MOST = 9 };

START_TEST(longer_call_extends_a_shorter)
{
  struct sde_address at = address(1, 2, 3, 4);
  double all[MOST * WIDEST], some[MOST * WIDEST];
  draw(_i, &at, WIDEST, MOST, all);
  for (size_t lanes = 0; lanes <= MOST; lanes++) {
    draw(_i, &at, WIDEST, lanes, some);
    ck_assert_mem_eq(some, all, lanes * WIDEST * sizeof *all);
  }
}
END_TEST

/* Ranges of normals are pieces of the long call, and the last lanes that a step has are still its
 * own: of call 2^24 - 1, after which the next step begins. */
START_TEST(range_of_lanes_is_a_piece_of_all)
{
  enum { WIDTH = 72, LAST_CALL = (1 << CALL_BITS) - 1 };
  struct sde_address at = address(1, 2, 3, 4);
  double all[MOST * WIDTH], some[MOST * WIDTH], last[2 * WIDTH];
  uint64_t words[2][WIDTH];
  sde_random_normals(&at, WIDTH, MOST, all);
  for (size_t first = 0; first < MOST; first += 2)
    for (size_t lanes = 0; first + lanes <= MOST; lanes++) {
      sde_random_normals_from(&at, WIDTH, first, lanes, some);
      ck_assert_mem_eq(some, all + first * WIDTH, lanes * WIDTH * sizeof *all);
    }
  sde_random_normals_from(&at, WIDTH, 2 * LAST_CALL, 2, some);
  sde_random_bits(&at, WIDTH, LAST_CALL, words[0], words[1]);
  sde_vector_math()->normals(WIDTH, words[0], words[1], last, last + WIDTH);
  ck_assert_mem_eq(some, last, sizeof last);
  /* The twin: another range has other numbers. */
  sde_random_normals_from(&at, WIDTH, 2, 2, some);
  ck_assert_mem_ne(some, all, 2 * WIDTH * sizeof *all);
}
END_TEST

/* Blocks of any width, at their first path, are pieces of a wider block: 64 = 32 + 32, and others
 * across the pieces that the code works in. */
START_TEST(block_is_its_narrower_blocks)
{
  static const size_t widths[] = {8, 24, 32, 40, 64, 72, 200};
  struct sde_address at = address(1, 2, 1u << 31, 4);
  double all[MOST * WIDEST], some[MOST * WIDEST];
  size_t different = 0;
  draw(_i, &at, WIDEST, MOST, all);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t start = 0; start + widths[w] <= WIDEST; start += 8) {
      struct sde_address here = at;
      here.first_path += start;
      draw(_i, &here, widths[w], MOST, some);
      for (size_t l = 0; l < MOST; l++)
        different +=
            memcmp(some + l * widths[w], all + l * WIDEST + start, widths[w] * sizeof *all) != 0;
    }
  ck_assert_uint_eq(different, 0);
}
END_TEST

/* The twin: each part of the address counts. */
START_TEST(another_address_gives_other_numbers)
{
  struct sde_address at = address(1, 2, 8, 4),
                     others[] = {address(2, 2, 8, 4), address(1, 3, 8, 4), address(1, 2, 9, 4),
                                 address(1, 2, 8, 5), address(2, 1, 8, 4)};
  double here[8 * MOST], there[8 * MOST];
  draw(_i, &at, 8, MOST, here);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    size_t equal = 0;
    draw(_i, &others[i], 8, MOST, there);
    for (size_t k = 0; k < 8 * MOST; k++)
      equal += here[k] == there[k];
    /* Indices below 1000 meet now and then: more than 8 of 72 with probability below 1e-16. */
    ck_assert_uint_le(equal, _i < 2 ? 0 : 8);
  }
}
END_TEST

/* ---- Streams of a name ---- */

static int compare_words(const void *left, const void *right)
{
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

START_TEST(streams_differ_by_name)
{
  enum { NAMES = 20000 };
  uint64_t *streams = sde_alloc(NAMES, sizeof *streams);
  for (size_t i = 0; i < NAMES; i++) {
    char *name = sde_format("%s m-usam m=%zu", i % 2 == 0 ? "iterates" : "sde", i / 2);
    struct sde_stream stream = sde_stream_named(7, name), again = sde_stream_named(8, name);
    ck_assert_uint_eq(stream.seed, 7);
    ck_assert_uint_eq(again.seed, 8);
    ck_assert_uint_eq(stream.stream, again.stream);
    streams[i] = stream.stream;
    sde_free(name);
  }
  qsort(streams, NAMES, sizeof *streams, compare_words);
  size_t equal = 0;
  for (size_t i = 1; i < NAMES; i++)
    equal += streams[i] == streams[i - 1];
  ck_assert_uint_eq(equal, 0);
  ck_assert_uint_ne(sde_stream_named(7, "").stream, sde_stream_named(7, " ").stream);
  ck_assert_uint_ne(sde_stream_named(7, "ab").stream, sde_stream_named(7, "ba").stream);
  sde_free(streams);
}
END_TEST

/* Names that differ in one character have streams that differ in half of their bits. */
START_TEST(near_names_have_unrelated_streams)
{
  enum { NAMES = 4096 };
  struct testing_family family = {0};
  double flips[64] = {0};
  uint64_t previous = sde_stream_named(0, "iterates 0").stream;
  for (size_t i = 1; i <= NAMES; i++) {
    char *name = sde_format("iterates %zu", i);
    uint64_t stream = sde_stream_named(0, name).stream;
    for (size_t bit = 0; bit < 64; bit++)
      flips[bit] += (double)((stream ^ previous) >> bit & 1);
    previous = stream;
    sde_free(name);
  }
  for (size_t bit = 0; bit < 64; bit++)
    testing_add(&family, (flips[bit] - NAMES / 2) / sqrt(NAMES / 4), "bit %zu", bit);
  testing_assert_agrees(&family);
}
END_TEST

/* ---- Normals ---- */

static double *normals_new(uint64_t seed, uint64_t stream, uint64_t step, size_t width)
{
  double *normals = sde_alloc(LANES * width, sizeof *normals);
  struct sde_address at = address(seed, stream, 0, step);
  sde_random_normals(&at, width, LANES, normals);
  return normals;
}

/* Sample moments 1 to 4 against 0, 1, 0, 3; the variances of z^k are 1, 2, 15, 96. */
static void add_moments(struct testing_family *family, size_t count, const double *z)
{
  static const double mean[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
  double sums[4] = {0};
  for (size_t i = 0; i < count; i++) {
    double square = z[i] * z[i];
    sums[0] += z[i];
    sums[1] += square;
    sums[2] += square * z[i];
    sums[3] += square * square;
  }
  for (size_t k = 0; k < 4; k++)
    testing_add(family, (sums[k] - (double)count * mean[k]) / sqrt((double)count * variance[k]),
                "moment %zu", k + 1);
}

/* Products of x and y, and of their squares less one: of variances 1 and 4 where independent. */
static void add_correlations(struct testing_family *family, size_t count, const double *x,
                             const double *y, const char *name, size_t which)
{
  double product = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    product += x[i] * y[i];
    squares += (x[i] * x[i] - 1) * (y[i] * y[i] - 1);
  }
  testing_add(family, product / sqrt((double)count), "correlation of %s %zu", name, which);
  testing_add(family, squares / sqrt(4 * (double)count), "of squares of %s %zu", name, which);
}

START_TEST(normals_have_the_moments)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(11, 12, 13, width);
  for (size_t l = 0; l < LANES; l++)
    add_moments(&family, width, z + l * width);
  add_moments(&family, LANES * width, z);
  testing_assert_agrees(&family);
  sde_free(z);
}
END_TEST

/* The twin: a variance off by ten of its standard errors. */
START_TEST(wrong_variance_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(11, 12, 13, width);
  for (size_t i = 0; i < width; i++)
    z[i] *= 1 + 5 * sqrt(2 / (double)width);
  add_moments(&family, width, z);
  testing_assert_notices(&family);
  sde_free(z);
}
END_TEST

START_TEST(normals_are_uncorrelated)
{
  static const size_t lags[] = {1, 2, 7, 8, 32, 64, 1000};
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(11, 12, 13, width), *step = normals_new(11, 12, 14, width),
         *far_step = normals_new(11, 12, 13 + (1u << 20), width),
         *stream = normals_new(11, 13, 13, width), *seed = normals_new(12, 12, 13, width),
         *exchanged = normals_new(12, 11, 13, width);
  for (size_t l = 0; l < LANES; l++) {
    const double *lane = z + l * width;
    for (size_t m = l + 1; m < LANES; m++)
      add_correlations(&family, width, lane, z + m * width, "lanes", 10 * l + m);
    for (size_t i = 0; i < sizeof lags / sizeof *lags && lags[i] < width; i++)
      add_correlations(&family, width - lags[i], lane, lane + lags[i], "paths at lag", lags[i]);
    for (size_t m = 0; m < LANES; m++) {
      add_correlations(&family, width, lane, step + m * width, "next step", m);
      add_correlations(&family, width, lane, stream + m * width, "next stream", m);
      add_correlations(&family, width, lane, seed + m * width, "next seed", m);
    }
    add_correlations(&family, width, lane, far_step + l * width, "far step", l);
    add_correlations(&family, width, lane, exchanged + l * width, "seed as stream", l);
  }
  testing_assert_agrees(&family);
  sde_free(z);
  sde_free(step);
  sde_free(far_step);
  sde_free(stream);
  sde_free(seed);
  sde_free(exchanged);
}
END_TEST

/* One path's numbers step after step are as independent as the paths. */
START_TEST(steps_of_a_path_are_uncorrelated)
{
  enum { WIDTH = 8 };
  struct testing_family family = {0};
  size_t steps = testing_size(DRAWS / WIDTH);
  double *z = sde_alloc(steps, WIDTH * sizeof *z);
  for (size_t step = 0; step < steps; step++) {
    struct sde_address at = address(21, 22, 5, step);
    sde_random_normals(&at, WIDTH, 1, z + step * WIDTH);
  }
  add_moments(&family, steps * WIDTH, z);
  for (size_t lag = 1; lag <= 5; lag++)
    add_correlations(&family, (steps - lag) * WIDTH, z, z + lag * WIDTH, "steps at lag", lag);
  testing_assert_agrees(&family);
  sde_free(z);
}
END_TEST

/* The twin: a correlation of ten standard errors. */
START_TEST(correlation_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(11, 12, 13, width), *other = z + width;
  for (size_t i = 0; i < width; i++)
    other[i] += 10 / sqrt((double)width) * z[i];
  add_correlations(&family, width, z, other, "lanes", 0);
  testing_assert_notices(&family);
  sde_free(z);
}
END_TEST

static double identity(double u)
{
  return fmin(fmax(u, 0), 1);
}

/* Kolmogorov-Smirnov: each lane against the normal law; and radius and angle of the pair. */
START_TEST(normals_follow_the_law)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(31, 32, 33, width), *radius = sde_alloc(width, sizeof *radius),
         *angle = sde_alloc(width, sizeof *angle);
  for (size_t l = 0; l < LANES; l += 2) {
    double *cosine = z + l * width, *sine = cosine + width;
    for (size_t i = 0; i < width; i++) {
      radius[i] = exp(-(cosine[i] * cosine[i] + sine[i] * sine[i]) / 2);
      angle[i] = atan2(sine[i], cosine[i]) / (2 * M_PI) + 0.5;
    }
    testing_add_law(&family, width, radius, identity, "radius");
    testing_add_law(&family, width, angle, identity, "angle");
    testing_add_law(&family, width, cosine, gsl_cdf_ugaussian_P, "cosine");
    testing_add_law(&family, width, sine, gsl_cdf_ugaussian_P, "sine");
  }
  testing_assert_agrees(&family);
  sde_free(z);
  sde_free(radius);
  sde_free(angle);
}
END_TEST

/* The twin: a shift that makes sqrt(n) D about 10 phi(0) = 4, where 2.7 is significant. */
START_TEST(wrong_law_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(31, 32, 33, width);
  for (size_t i = 0; i < width; i++)
    z[i] += 10 / sqrt((double)width);
  testing_add_law(&family, width, z, gsl_cdf_ugaussian_P, "shifted");
  testing_assert_notices(&family);
  sde_free(z);
}
END_TEST

/* Counts of pairs in CELLS x CELLS cells, equally likely where x and y are independent uniforms. */
static void add_pairs(struct testing_family *family, size_t count, const double *x, const double *y,
                      double (*distribution)(double), const char *name)
{
  size_t counts[CELLS * CELLS] = {0};
  for (size_t i = 0; i < count; i++)
    counts[(size_t)(CELLS * distribution(x[i])) * CELLS + (size_t)(CELLS * distribution(y[i]))]++;
  testing_add_uniform_cells(family, CELLS * CELLS, counts, name);
}

START_TEST(pairs_of_normals_are_independent)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  double *z = normals_new(41, 42, 43, width);
  add_pairs(&family, width, z, z + width, gsl_cdf_ugaussian_P, "cosine and sine");
  add_pairs(&family, width, z, z + 2 * width, gsl_cdf_ugaussian_P, "two cosines");
  add_pairs(&family, width, z + width, z + 2 * width, gsl_cdf_ugaussian_P, "sine and cosine");
  add_pairs(&family, width - 1, z, z + 1, gsl_cdf_ugaussian_P, "neighbours");
  testing_assert_agrees(&family);
  sde_free(z);
}
END_TEST

/* Frequencies beyond 3, 4, 5 on either side, by the exact binomial law, and none beyond 8.5. */
START_TEST(normals_have_the_tails)
{
  enum { WIDTH = 1 << 12, TAILS = 3 };
  static const char *const names[2][TAILS] = {{"above 3", "above 4", "above 5"},
                                              {"below -3", "below -4", "below -5"}};
  struct testing_family family = {0};
  size_t steps = testing_size(1 << 10);
  unsigned beyond[2][TAILS] = {{0}}, draws = (unsigned)(steps * WIDTH * LANES);
  double *z = sde_alloc(LANES, WIDTH * sizeof *z), largest = 0;
  for (size_t step = 0; step < steps; step++) {
    struct sde_address at = address(51, 52, 0, step);
    sde_random_normals(&at, WIDTH, LANES, z);
    for (size_t i = 0; i < LANES * WIDTH; i++) {
      largest = fmax(largest, fabs(z[i]));
      for (size_t k = 0; k < TAILS && fabs(z[i]) > (double)(k + 3); k++)
        beyond[z[i] < 0][k]++;
    }
  }
  for (size_t side = 0; side < 2; side++)
    for (size_t k = 0; k < TAILS; k++) {
      double p = gsl_cdf_ugaussian_Q((double)(k + 3));
      unsigned n = beyond[side][k];
      double fewer = gsl_cdf_binomial_P(n, p, draws),
             more = n == 0 ? 1 : gsl_cdf_binomial_Q(n - 1, p, draws);
      testing_add_p(&family, 2 * fmin(fewer, more), names[side][k]);
    }
  testing_assert_agrees(&family);
  ck_assert_double_lt(largest, 8.5);
  sde_free(z);
}
END_TEST

/* ---- Uniforms ---- */

START_TEST(uniforms_follow_the_law)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS), wrong = 0;
  double *u = sde_alloc(LANES * width, sizeof *u), ones[52] = {0};
  struct sde_address at = address(61, 62, 0, 63);
  sde_random_uniforms(&at, width, LANES, u);
  for (size_t i = 0; i < LANES * width; i++) {
    double word = ldexp(u[i], 52);
    wrong += !(u[i] >= 0 && u[i] < 1 && word == floor(word));
    for (size_t bit = 0; bit < 52; bit++)
      ones[bit] += (double)((uint64_t)word >> bit & 1);
  }
  ck_assert_uint_eq(wrong, 0);
  for (size_t bit = 0; bit < 52; bit++)
    testing_add(&family, (2 * ones[bit] - (double)(LANES * width)) / sqrt((double)(LANES * width)),
                "bit %zu", bit);
  add_pairs(&family, width, u, u + width, identity, "lanes 0 and 1");
  add_pairs(&family, width, u, u + 2 * width, identity, "lanes 0 and 2");
  add_pairs(&family, width - 1, u, u + 1, identity, "neighbours");
  for (size_t l = 0; l < LANES; l++)
    testing_add_law(&family, width, u + l * width, identity, "uniforms");
  testing_assert_agrees(&family);
  sde_free(u);
}
END_TEST

/* ---- Indices with replacement ---- */

START_TEST(indices_are_equally_likely)
{
  static const uint32_t numbers[] = {2, 3, 4, 5, 7, 64, 442, 1000};
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  uint32_t *out = sde_alloc(LANES * width, sizeof *out);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    uint32_t n = numbers[i];
    size_t *counts = sde_alloc(n, sizeof *counts), pairs[49] = {0}, wrong = 0;
    struct sde_address at = address(71, 72, 0, i);
    sde_random_indices(&at, width, LANES, n, out);
    for (size_t k = 0; k < LANES * width; k++)
      wrong += out[k] >= n;
    ck_assert_uint_eq(wrong, 0);
    for (size_t k = 0; k < LANES * width; k++)
      counts[out[k]]++;
    testing_add_uniform_cells(&family, n, counts, "indices");
    for (size_t p = 0; n <= 7 && p < width; p++)
      pairs[out[p] * n + out[width + p]]++;
    if (n <= 7)
      testing_add_uniform_cells(&family, n * n, pairs, "pairs of indices");
    sde_free(counts);
  }
  testing_assert_agrees(&family);
  sde_free(out);
}
END_TEST

/* The twin: one index of five short of ten of its standard errors. */
START_TEST(rarer_index_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS), counts[5] = {0};
  uint32_t *out = sde_alloc(width, sizeof *out);
  struct sde_address at = address(71, 72, 0, 0);
  sde_random_indices(&at, width, 1, 5, out);
  for (size_t p = 0; p < width; p++)
    counts[out[p]]++;
  counts[0] -= (size_t)(10 * sqrt((double)width * 0.2 * 0.8));
  testing_add_uniform_cells(&family, 5, counts, "indices");
  testing_assert_notices(&family);
  sde_free(out);
}
END_TEST

/* An index is floor(n u) of the uniform at its address: for n = 1 and up to 2^31. */
START_TEST(indices_are_scaled_uniforms)
{
  enum { WIDTH = 4096 };
  static const uint32_t numbers[] = {1, 2, 10, 1000003, UINT32_C(1) << 31};
  uint32_t *out = sde_alloc(3, WIDTH * sizeof *out);
  double *u = sde_alloc(3, WIDTH * sizeof *u);
  struct sde_address at = address(81, 82, 0, 0);
  size_t different = 0;
  sde_random_uniforms(&at, WIDTH, 3, u);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sde_random_indices(&at, WIDTH, 3, numbers[i], out);
    for (size_t k = 0; k < 3 * WIDTH; k++)
      different += out[k] != (uint32_t)floor(u[k] * numbers[i]) || out[k] >= numbers[i];
  }
  ck_assert_uint_eq(different, 0);
  sde_free(out);
  sde_free(u);
}
END_TEST

/* ---- Selections without replacement ---- */

static uint32_t *identity_new(uint32_t n)
{
  uint32_t *permutation = sde_alloc(n, sizeof *permutation);
  for (uint32_t i = 0; i < n; i++)
    permutation[i] = i;
  return permutation;
}

START_TEST(selections_are_different_and_restore)
{
  static const uint32_t sizes[][2] = {{1, 1},   {2, 2},    {5, 3},     {5, 5},     {7, 0},
                                      {8, 1},   {64, 63},  {442, 20},  {442, 442}, {1000, 64},
                                      {97, 97}, {3000, 5}, {30000, 33}};
  enum { WIDTH = 72 };
  size_t wrong = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    uint32_t n = sizes[i][0], lanes = sizes[i][1], *permutation = identity_new(n);
    uint32_t *out = sde_alloc(lanes, WIDTH * sizeof *out);
    size_t *seen = sde_alloc(n, sizeof *seen);
    struct sde_address at = address(91, 92, 93, i);
    sde_random_selection(&at, WIDTH, lanes, n, permutation, out);
    for (uint32_t k = 0; k < n; k++)
      wrong += permutation[k] != k;
    for (size_t p = 0; p < WIDTH; p++)
      for (uint32_t l = 0; l < lanes; l++) {
        uint32_t index = out[l * WIDTH + p];
        ck_assert_uint_lt(index, n);
        wrong += seen[index] == p + 1;
        seen[index] = p + 1;
      }
    sde_free(permutation);
    sde_free(out);
    sde_free(seen);
  }
  ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* Number of ordered selections of `lanes` of n, and the number of one of them: digits in base n. */
static size_t power(size_t n, size_t lanes)
{
  return lanes == 0 ? 1 : n * power(n, lanes - 1);
}

/* Counts selections by their digits, then keeps the cells of selections without repetition. */
static void add_selections(struct testing_family *family, size_t width, size_t lanes, uint32_t n,
                           const uint32_t *out, const char *name)
{
  size_t all = power(n, lanes), cells = 0, *counts = sde_alloc(all, sizeof *counts);
  for (size_t p = 0; p < width; p++) {
    size_t number = 0;
    for (size_t l = 0; l < lanes; l++)
      number = number * n + out[l * width + p];
    counts[number]++;
  }
  for (size_t number = 0; number < all; number++) {
    bool used[16] = {false}, repeats = false;
    for (size_t rest = number, l = 0; l < lanes; rest /= n, l++) {
      repeats |= used[rest % n];
      used[rest % n] = true;
    }
    if (!repeats)
      counts[cells++] = counts[number];
  }
  testing_add_uniform_cells(family, cells, counts, name);
  sde_free(counts);
}

START_TEST(every_ordered_selection_is_equally_likely)
{
  static const uint32_t sizes[][2] = {{5, 3}, {5, 1}, {2, 2}, {3, 2}, {4, 4}, {5, 5}, {9, 2}};
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    uint32_t n = sizes[i][0], lanes = sizes[i][1], *permutation = identity_new(n);
    uint32_t *out = sde_alloc(lanes, width * sizeof *out);
    struct sde_address at = address(101, 102, 0, i);
    sde_random_selection(&at, width, lanes, n, permutation, out);
    add_selections(&family, width, lanes, n, out, "selections");
    sde_free(permutation);
    sde_free(out);
  }
  testing_assert_agrees(&family);
}
END_TEST

/* The twin: the well-known wrong shuffle, each place swapped with any, not with a later one. */
START_TEST(wrong_shuffle_would_be_noticed)
{
  struct testing_family family = {0};
  size_t width = testing_size(DRAWS);
  uint32_t *out = sde_alloc(5, width * sizeof *out);
  struct sde_address at = address(101, 102, 0, 0);
  sde_random_indices(&at, width, 5, 5, out);
  for (size_t p = 0; p < width; p++) {
    uint32_t permutation[5] = {0, 1, 2, 3, 4};
    for (uint32_t l = 0; l < 5; l++) {
      uint32_t target = out[l * width + p], kept = permutation[l];
      permutation[l] = permutation[target];
      permutation[target] = kept;
    }
    for (uint32_t l = 0; l < 3; l++)
      out[l * width + p] = permutation[l];
  }
  add_selections(&family, width, 3, 5, out, "selections");
  testing_assert_notices(&family);
  sde_free(out);
}
END_TEST

/* The last step, call and lanes that there are, the last paths; and, which is stopped, one beyond:
 * its numbers would be those of another address too. Nothing is written before. */
static void ask_at_the_edge(int edge, uint64_t beyond)
{
  enum { WIDTH = 8 };
  uint64_t a[WIDTH], b[WIDTH];
  double out[2 * WIDTH];
  struct sde_address at = address(1, 2, 0, SDE_RANDOM_STEPS - 1);
  switch (edge) {
  case 0:
    at.step += beyond;
    sde_random_normals(&at, WIDTH, 2, out);
    break;
  case 1:
    sde_random_bits(&at, WIDTH, SDE_RANDOM_LANES / 2 - 1 + beyond, a, b);
    break;
  case 2:
    sde_random_normals_from(&at, WIDTH, SDE_RANDOM_LANES - 2, 2 + beyond, out);
    break;
  default:
    at.first_path = UINT64_MAX - (WIDTH - 1) + beyond;
    sde_random_uniforms(&at, WIDTH, 2, out);
  }
}

START_TEST(last_addresses_are_there)
{
  ask_at_the_edge(_i, 0);
}
END_TEST

START_TEST(no_address_lies_beyond)
{
  ask_at_the_edge(_i, 1);
}
END_TEST

static void add_bits_and_blocks(Suite *suite)
{
  TCase *bits = testing_case(suite, "bits");
  tcase_add_loop_test(bits, published_answers, 0, PUBLISHED);
  tcase_add_test(bits, hashes_are_published);
  tcase_add_test(bits, bits_are_threefry_of_the_address);
  tcase_add_test(bits, normals_and_uniforms_are_of_the_bits);
  TCase *blocks = testing_case(suite, "blocks");
  tcase_add_loop_test(blocks, longer_call_extends_a_shorter, 0, KINDS);
  tcase_add_test(blocks, range_of_lanes_is_a_piece_of_all);
  tcase_add_loop_test(blocks, block_is_its_narrower_blocks, 0, KINDS);
  tcase_add_loop_test(blocks, another_address_gives_other_numbers, 0, KINDS);
  tcase_add_loop_test(blocks, last_addresses_are_there, 0, 4);
  tcase_add_loop_test_raise_signal(blocks, no_address_lies_beyond, SIGABRT, 0, 4);
  TCase *streams = testing_case(suite, "streams");
  tcase_add_test(streams, streams_differ_by_name);
  tcase_add_test(streams, near_names_have_unrelated_streams);
}

int main(void)
{
  Suite *suite = suite_create("random");
  add_bits_and_blocks(suite);
  TCase *normals = testing_case(suite, "normals");
  tcase_add_test(normals, normals_have_the_moments);
  tcase_add_test(normals, wrong_variance_would_be_noticed);
  tcase_add_test(normals, normals_are_uncorrelated);
  tcase_add_test(normals, steps_of_a_path_are_uncorrelated);
  tcase_add_test(normals, correlation_would_be_noticed);
  tcase_add_test(normals, normals_follow_the_law);
  tcase_add_test(normals, wrong_law_would_be_noticed);
  tcase_add_test(normals, pairs_of_normals_are_independent);
  tcase_add_test(normals, normals_have_the_tails);
  tcase_add_test(testing_case(suite, "uniforms"), uniforms_follow_the_law);
  TCase *indices = testing_case(suite, "indices");
  tcase_add_test(indices, indices_are_equally_likely);
  tcase_add_test(indices, rarer_index_would_be_noticed);
  tcase_add_test(indices, indices_are_scaled_uniforms);
  TCase *selections = testing_case(suite, "selections");
  tcase_add_test(selections, selections_are_different_and_restore);
  tcase_add_test(selections, every_ordered_selection_is_equally_likely);
  tcase_add_test(selections, wrong_shuffle_would_be_noticed);
  return testing_run(suite);
}
