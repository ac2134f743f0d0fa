/*
 * The benchmark of what an optimizer costs beside its gradients: m-USAM on a logistic regression of
 * ten coordinates with an update rule that has a vector more, and as lines of a recipe.
 */
#include "bench/csv_objective.h"
#include "bench/measure.h"
#include "models/optimizer.h"
#include "models/program_rule.h"
#include "sde/random.h"

#include <stdlib.h>

enum { DIM = 10, SAMPLES = 200, BATCH = 8, MICRO_BATCH = 2, STEPS = 100, PATHS = 2048 };

/* A label of either kind, beside normal features; the loss adds a coordinate for the intercept. */
static void write_data(const void *context, FILE *csv)
{
  (void)context;
  double feature[8 * (DIM - 1)];
  for (int k = 1; k < DIM; k++)
    fprintf(csv, "x%d,", k);
  fputs("y\n", csv);
  for (uint64_t i = 0; i < SAMPLES; i++) {
    struct sde_address at = {{1, 1}, i, 0};
    sde_random_normals(&at, 8, DIM - 1, feature);
    for (int k = 0; k < DIM - 1; k++)
      fprintf(csv, "%.6f,", feature[8 * k]);
    fprintf(csv, "%d\n", (int)(i % 2));
  }
}

static struct objective *logistic_new(void)
{
  static const double yes = 1, no = 0;
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "standardize", 1, &no, "bench");
  parameters_add_numbers(parameters, "intercept", 1, &yes, "bench");
  parameters_add_numbers(parameters, "ridge", 1, &no, "bench");
  return csv_objective_new("logistic", parameters, write_data, NULL);
}

static double speed_of(const struct optimizer *optimizer, int threads)
{
  struct sde_process *process = optimizer_process_new(optimizer, sde_stream_named(1, "bench"));
  double speed = process_speed(process, 0.1, PATHS, STEPS, threads);
  optimizer_process_free(process);
  return speed;
}

static struct program_rule *lines_new(struct sde_status *status)
{
  static const char *const line[] = {"x = x - eta*each(grad(x + rho*grad(x)))"};
  struct program_source source = {.place = "bench", .lines = 1, .line = line};
  return program_rule_new(&source, "lines", status);
}

void bench_update(const struct bench *bench)
{
  struct objective *objective = logistic_new();
  struct sde_status status = {SDE_OK, ""};
  struct program_rule *lines = lines_new(&status);
  struct parameters *update = parameters_new();
  double friction = 2, plain[ROUNDS], ball[ROUNDS], own[ROUNDS];
  parameters_add_numbers(update, "friction", 1, &friction, "bench");
  struct optimizer sgd = {.update = update_rule_named("sgd"),
                          .rule = gradient_rule_named("m-usam"),
                          .objective = objective,
                          .eta = 0.01,
                          .rho = 0.05,
                          .batch = BATCH,
                          .micro_batch = MICRO_BATCH};
  struct optimizer heavy = sgd, program = sgd;
  heavy.update = update_rule_named("heavy-ball");
  if (lines == NULL || !optimizer_read(&heavy, NULL, update, &status))
    abort();
  program_rule_set(lines, &program);
  for (size_t i = 0; i < ROUNDS; i++) {
    double speed = speed_of(&sgd, bench->threads);
    plain[i] = 1e-6 * speed;
    ball[i] = speed / speed_of(&heavy, bench->threads);
    own[i] = speed_of(&program, bench->threads) / speed;
  }
  row(bench, "update", "sgd", bench->threads, median(plain, ROUNDS), "million path-steps/s", 0, 0);
  row(bench, "update", "heavy-ball", bench->threads, median(ball, ROUNDS), "times sgd's time", 0,
      0);
  row(bench, "update", "lines of a recipe", bench->threads, median(own, ROUNDS),
      "of the built-in's speed", 0, 0);
  parameters_free(update);
  program_rule_free(lines);
  csv_objective_free(objective);
}
