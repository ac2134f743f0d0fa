/*
 * Testing: what the suites share: their scale and time-outs, and families of statistical
 * comparisons whose false-alarm rate is known.
 */
#ifndef TESTS_TESTING_H
#define TESTS_TESTING_H

#include "sde/statistics.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SHARPSDE_TEST_SCALE, default 1: by which numbers of paths or draws are multiplied. */
double testing_scale(void);

/* A scaled count of paths or draws, as a multiple of 64, at least 64. Tolerances come from standard
 * errors, so they follow. */
size_t testing_size(size_t size);

/* A new case of the suite with a time-out of minutes: sanitizers are ten times slower. */
TCase *testing_case(Suite *suite, const char *name);

/* Runs the suite and frees it; returns the exit status of the test program. */
int testing_run(Suite *suite);

/* A family of statistical comparisons. Correct code fails the whole family with probability
 * TESTING_LEVEL over the choice of seed, by Bonferroni's inequality; seeds are fixed, so a test
 * that passed once fails only where the code, or its stream of random numbers, was changed. */
#define TESTING_LEVEL 1e-6

struct testing_family {
  size_t comparisons;
  double worst; /* the largest deviation so far, in standard errors */
  char worst_name[80];
};

/* Adds a comparison: z is standard normal where the code is correct. A NaN counts as infinite. */
void testing_add(struct testing_family *family, double z, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the comparison of a sample mean with an exact value. */
void testing_add_mean(struct testing_family *family, struct sde_moments sample, double exact,
                      const char *name);

/* Adds a two-sided probability p: P(p <= t) <= t where the code is correct. */
void testing_add_p(struct testing_family *family, double p, const char *name);

/* Adds Pearson's chi-square of counts against equally likely cells, at both of its ends. Expected
 * counts must be large (above 20, say) for its law to be exact enough. */
void testing_add_uniform_cells(struct testing_family *family, size_t cells, const size_t *counts,
                               const char *name);

/* Adds the Kolmogorov-Smirnov distance of numbers from a law, by the bound 2 exp(-2 n D^2) of
 * Dvoretzky, Kiefer, Wolfowitz and Massart, which holds for each n. Sorts the numbers. */
void testing_add_law(struct testing_family *family, size_t count, double *numbers,
                     double (*distribution)(double), const char *name);

/* Are all comparisons within the family's bound? */
bool testing_agrees(const struct testing_family *family);

#define testing_assert_agrees(family)                                                              \
  ck_assert_msg(testing_agrees(family), "%s is off by %g standard errors", (family)->worst_name,   \
                (family)->worst)

/* For the twin of a test: the comparison must notice what was broken on purpose. */
#define testing_assert_notices(family)                                                             \
  ck_assert_msg(!testing_agrees(family), "nothing noticed: worst is %s, by %g standard errors",    \
                (family)->worst_name, (family)->worst)

#endif
