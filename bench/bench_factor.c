/*
 * The benchmark of noise factors: by columns and by Cholesky's factor, which models/factor.c
 * chooses between by their cost; for micro-batches of one sample the latter is in the matrix form
 * of models/generalized_sums.c.
 */
#include "bench/csv_objective.h"
#include "bench/measure.h"
#include "models/limit.h"
#include "sde/process.h"

#include <stdio.h>

enum { WIDTH = 32 };

/* Microseconds per path and evaluation of an optimizer's SDE to order 1 in rho on n samples in d
 * dimensions, with this noise factor: synthetic quadratics would do as well; these are least
 * squares on random rows. */
static double factor_microseconds(const struct objective *objective, const char *name,
                                  size_t micro_batch, enum limit_factor factor)
{
  struct optimizer optimizer = {.update = update_rule_named("sgd"),
                                .rule = gradient_rule_named(name),
                                .objective = objective,
                                .eta = 0.1,
                                .rho = 0.1,
                                .batch = 8,
                                .micro_batch = micro_batch};
  struct limit_options options = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true, .factor = factor};
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit =
      limit_new(&optimizer, &options, sde_stream_named(1, "factor"), "bench", &status);
  struct sde_solution solution = {.system = limit_system(limit),
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "factor"),
                                  .eta = 0.001,
                                  .substeps = 1,
                                  .resolution = 1};
  struct sde_process *process = sde_solution_process_new(&solution, &status);
  void *workspace = process->workspace_new(process, WIDTH);
  double *x = sde_alloc(process->dim * WIDTH, sizeof *x);
  uint64_t steps = 0;
  double begun = seconds_now(), elapsed;
  do {
    process->advance(process, workspace, 0, WIDTH, steps++, x);
    elapsed = seconds_now() - begun;
  } while (elapsed < 0.1);
  process->workspace_free(process, workspace);
  sde_free(x);
  sde_solution_process_free(process);
  limit_free(limit);
  return 1e6 * elapsed / ((double)steps * WIDTH);
}

/* Rows of random features: n of them, d - 1 features and a target. */
static void write_random(const void *context, FILE *csv)
{
  const size_t *size = context, n = size[0], d = size[1];
  double z[64 * 8];
  for (size_t j = 0; j < d; j++)
    fprintf(csv, "c%zu%c", j, j + 1 < d ? ',' : '\n');
  for (size_t i = 0; i < n; i++) {
    struct sde_address at = {{1, 1}, i, 0};
    sde_random_normals(&at, 8, d, z);
    for (size_t j = 0; j < d; j++)
      fprintf(csv, "%.6f%c", z[j * 8], j + 1 < d ? ',' : '\n');
  }
}

/* Least squares on n such rows, with an intercept. */
static struct objective *random_objective(const size_t size[2])
{
  static const double yes = 1, no = 0;
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "standardize", 1, &no, "bench");
  parameters_add_numbers(parameters, "intercept", 1, &yes, "bench");
  parameters_add_numbers(parameters, "ridge", 1, &no, "bench");
  parameters_add_numbers(parameters, "standardize_target", 1, &no, "bench");
  return csv_objective_new("linear-regression", parameters, write_random, size);
}

/* Both factors of an optimizer, the latter by this name. */
static void compare_factors(const struct bench *bench, const struct objective *objective,
                            const char *name, size_t micro_batch, const char *form)
{
  size_t n = objective->components, d = objective->loss->dim;
  double columns[ROUNDS], cholesky[ROUNDS];
  for (size_t j = 0; j < ROUNDS; j++) {
    columns[j] = factor_microseconds(objective, name, micro_batch, LIMIT_FACTOR_COLUMNS);
    cholesky[j] = factor_microseconds(objective, name, micro_batch, LIMIT_FACTOR_CHOLESKY);
  }
  char variant[80];
  snprintf(variant, sizeof variant, "%s m=%zu columns n=%zu d=%zu", name, micro_batch, n, d);
  row(bench, "factor", variant, 1, median(columns, ROUNDS), "us per path and step", 0, 0);
  snprintf(variant, sizeof variant, "%s m=%zu %s n=%zu d=%zu", name, micro_batch, form, n, d);
  row(bench, "factor", variant, 1, median(cholesky, ROUNDS), "us per path and step", 0, 0);
}

void bench_factor(const struct bench *bench)
{
  static const size_t sizes[][2] = {{442, 2},  {442, 4},  {442, 6},  {442, 11},
                                    {442, 13}, {442, 14}, {569, 31}, {442, 40}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct objective *objective = random_objective(sizes[i]);
    compare_factors(bench, objective, "m-usam", 4, "cholesky");
    compare_factors(bench, objective, "m-usam", 1, "matrix");
    compare_factors(bench, objective, "sgd", 1, "matrix");
    csv_objective_free(objective);
  }
}
