/*
 * Quadratics: sums of samples beside the samples one by one, and the kernels for one sample of the
 * block and for samples of the paths' own, in dimensions that fill tiles and that do not.
 */
#include "sde/block.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 64, SAMPLES = 7, MOST = 46 };

/* The last of these is beyond what is summed first. */
static const size_t dims[] = {1, 2, 3, 4, 5, 8, 10, 13, 17, 43, 46};

/* SAMPLES quadratics with normal entries, from a file. */
static struct models_setup quadratics(size_t d)
{
  size_t size = 0, numbers = SAMPLES * (d * d + d);
  char *text = NULL;
  FILE *csv = open_memstream(&text, &size);
  for (size_t k = 0; k < d * d; k++)
    fprintf(csv, "A%zu%s%zu,", k / d + 1, d < 10 ? "" : "_", k % d + 1);
  for (size_t j = 0; j < d; j++)
    fprintf(csv, "b%zu%c", j + 1, j + 1 < d ? ',' : '\n');
  double *z = sde_alloc(numbers, SDE_UNIT * sizeof *z);
  sde_random_normals(&(struct sde_address){{3, d}, 0, 0}, SDE_UNIT, numbers, z);
  for (size_t i = 0; i < SAMPLES; i++, fputc('\n', csv))
    for (size_t j = 0; j <= d; j++)
      for (size_t k = 0; k < d; k++) {
        size_t entry = j == d ? d * d + k : j < k ? k * d + j : j * d + k;
        fprintf(csv, "%s%.17g", j + k == 0 ? "" : ",", z[(i * (d * d + d) + entry) * SDE_UNIT]);
      }
  fclose(csv);
  char *file = models_file(text), *loss = sde_format("quadratic data=%s", file);
  struct models_setup setup =
      models_setup_new(loss, "sampling=with-replacement", "m-usam", 0.1, 8, 4);
  sde_free(loss);
  models_file_remove(file);
  sde_free(z);
  free(text);
  return setup;
}

/* The largest |a - b| over the largest |b|. */
static double relative(size_t count, const double *a, const double *b)
{
  double apart = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    apart = fmax(apart, fabs(a[i] - b[i]));
    size = fmax(size, fabs(b[i]));
  }
  return apart / size;
}

/* Of both micro-batches, at two points: a sum stands for the second one. A sum of rounded numbers
 * is off by some rounding errors of 1e-16, of 4 (d + 1) terms in all. The twin is the other
 * micro-batch. */
START_TEST(sums_first_are_sums_of_gradients)
{
  size_t d = dims[_i], size = d * WIDTH;
  struct models_setup setup = quadratics(d);
  struct objective by_sample = *setup.objective;
  by_sample.per_sample = true;
  static double x[2 * MOST * WIDTH], g[MOST * WIDTH], expected[2][MOST * WIDTH];
  static double scratch[MOST * WIDTH];
  struct sde_address at = {{5, d}, 0, 0};
  sde_random_normals(&at, WIDTH, 2 * d, x);
  for (size_t m = 2; m <= 5; m++) {
    struct micro_batches summed = micro_batches_new(setup.objective, m, 2, WIDTH);
    struct micro_batches single = micro_batches_new(&by_sample, m, 2, WIDTH);
    ck_assert((summed.sum != NULL) == (d < 44) && single.sum == NULL);
    for (at.step = 0; at.step < 2; at.step++) {
      objective_draw(setup.objective, &at, WIDTH, &summed);
      objective_draw(&by_sample, &at, WIDTH, &single);
      for (size_t j = 0; j < 2; j++)
        for (size_t point = 0; point < 2; point++) {
          objective_micro_gradient(&by_sample, WIDTH, &single, j, x + point * size, expected[point],
                                   scratch);
          objective_micro_gradient(setup.objective, WIDTH, &summed, j, x + point * size, g,
                                   scratch);
          ck_assert_double_lt(relative(size, g, expected[point]), 1e-13);
        }
      objective_micro_gradient(&by_sample, WIDTH, &single, 0, x + size, g, scratch);
      ck_assert_double_gt(relative(size, g, expected[1]), 1e-3);
    }
    micro_batches_free(&summed);
    micro_batches_free(&single);
  }
  models_setup_free(&setup);
}
END_TEST

/* And so are whole directions of m-USAM. */
START_TEST(directions_agree)
{
  struct models_setup setup = quadratics(10);
  struct objective by_sample = *setup.objective;
  by_sample.per_sample = true;
  struct optimizer other = setup.optimizer;
  other.objective = &by_sample;
  static double x[10 * WIDTH], u[10 * WIDTH], expected[10 * WIDTH];
  struct optimizer_workspace *summed = optimizer_workspace_new(&setup.optimizer, WIDTH);
  struct optimizer_workspace *single = optimizer_workspace_new(&other, WIDTH);
  struct sde_address at = {{7, 7}, 0, 0};
  sde_random_normals(&at, WIDTH, 10, x);
  optimizer_gradient(&setup.optimizer, summed, &at, WIDTH, x, u);
  optimizer_gradient(&other, single, &at, WIDTH, x, expected);
  ck_assert_double_lt(relative(10 * WIDTH, u, expected), 1e-13);
  other.rho *= 1.01;
  optimizer_gradient(&other, single, &at, WIDTH, x, expected);
  ck_assert_double_gt(relative(10 * WIDTH, u, expected), 1e-4);
  optimizer_workspace_free(summed);
  optimizer_workspace_free(single);
  models_setup_free(&setup);
}
END_TEST

/* A path's own sample, or one sample for the block: the same bits, and not those of another. */
START_TEST(kernels_have_the_same_bits)
{
  size_t d = dims[_i], size = d * WIDTH;
  struct models_setup setup = quadratics(d);
  const struct loss *loss = setup.loss;
  static double x[MOST * WIDTH], shared[MOST * WIDTH], own[MOST * WIDTH];
  uint32_t index[WIDTH];
  sde_random_normals(&(struct sde_address){{5, d}, 0, 0}, WIDTH, d, x);
  for (uint32_t i = 0; i < SAMPLES; i++) {
    for (size_t p = 0; p < WIDTH; p++)
      index[p] = p % 3 == 0 ? i : (uint32_t)(p % SAMPLES);
    for (int hessian = 0; hessian < 2; hessian++) {
      struct loss_samples one = {&i, 0}, many = {index, 1};
      if (hessian) {
        loss->type->hessian_vector(loss, WIDTH, one, x, x, shared);
        loss->type->hessian_vector(loss, WIDTH, many, x, x, own);
      } else {
        loss->type->gradient(loss, WIDTH, one, x, shared);
        loss->type->gradient(loss, WIDTH, many, x, own);
      }
      size_t other = 0;
      for (size_t k = 0; k < size; k++) {
        if (index[k % WIDTH] == i)
          ck_assert_mem_eq(&shared[k], &own[k], sizeof(double));
        else
          other += shared[k] != own[k];
      }
      ck_assert_uint_gt(other, 0);
    }
  }
  models_setup_free(&setup);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("quadratic");
  TCase *tests = testing_case(suite, "sums");
  tcase_add_loop_test(tests, sums_first_are_sums_of_gradients, 0, sizeof dims / sizeof *dims);
  tcase_add_test(tests, directions_agree);
  tcase_add_loop_test(tests, kernels_have_the_same_bits, 0, sizeof dims / sizeof *dims);
  return testing_run(suite);
}
