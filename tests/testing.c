/*
 * Testing: see testing.h.
 */
#include "tests/testing.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_SECONDS = 300, GRAIN = 64 };

double testing_scale(void)
{
  const char *text = getenv("SHARPSDE_TEST_SCALE");
  return text == NULL ? 1 : strtod(text, NULL);
}

size_t testing_size(size_t size)
{
  double grains = ceil(testing_scale() * (double)size / GRAIN);
  return GRAIN * (grains >= 1 ? (size_t)grains : 1);
}

TCase *testing_case(Suite *suite, const char *name)
{
  TCase *test_case = tcase_create(name);
  tcase_set_timeout(test_case, TIMEOUT_SECONDS);
  suite_add_tcase(suite, test_case);
  return test_case;
}

int testing_run(Suite *suite)
{
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void testing_add(struct testing_family *family, double z, const char *format, ...)
{
  double size = isnan(z) ? INFINITY : fabs(z);
  if (family->comparisons++ > 0 && size <= family->worst)
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(family->worst_name, sizeof family->worst_name, format, arguments);
  va_end(arguments);
  family->worst = size;
}

void testing_add_mean(struct testing_family *family, struct sde_moments sample, double exact,
                      const char *name)
{
  testing_add(family, (sample.mean - exact) / sde_moments_standard_error(sample), "%s", name);
}

void testing_add_p(struct testing_family *family, double p, const char *name)
{
  testing_add(family, gsl_cdf_ugaussian_Qinv(fmin(p, 1) / 2), "%s", name);
}

void testing_add_uniform_cells(struct testing_family *family, size_t cells, const size_t *counts,
                               const char *name)
{
  double total = 0, statistic = 0;
  for (size_t i = 0; i < cells; i++)
    total += (double)counts[i];
  double expected = total / (double)cells;
  for (size_t i = 0; i < cells; i++)
    statistic += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
  double freedom = (double)cells - 1;
  testing_add_p(family,
                2 * fmin(gsl_cdf_chisq_P(statistic, freedom), gsl_cdf_chisq_Q(statistic, freedom)),
                name);
}

void testing_add_law(struct testing_family *family, size_t count, double *numbers,
                     double (*distribution)(double), const char *name)
{
  gsl_sort(numbers, 1, count);
  double distance = 0, n = (double)count;
  for (size_t i = 0; i < count; i++) {
    double p = distribution(numbers[i]);
    distance = fmax(distance, fmax(p - (double)i / n, (double)(i + 1) / n - p));
  }
  testing_add_p(family, 2 * exp(-2 * n * distance * distance), name);
}

bool testing_agrees(const struct testing_family *family)
{
  return family->comparisons > 0 &&
         family->worst <= sde_family_quantile(TESTING_LEVEL, family->comparisons);
}
