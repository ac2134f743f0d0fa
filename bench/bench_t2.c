/*
 * T2 of the benchmark: the iterates of m-USAM on the finite sum of sums10.h, beside plain C; with
 * the gradient of each sample, and with the quadratics of a micro-batch summed first.
 */
#include "bench/csv_objective.h"
#include "bench/measure.h"
#include "bench/sums10.h"
#include "models/optimizer.h"

enum { DIM = SUMS10_DIM, STEPS = 200, PATHS = 1024 };

static void write_sums(const void *context, FILE *csv)
{
  (void)context;
  for (size_t j = 0; j < DIM; j++)
    for (size_t k = 0; k < DIM; k++)
      fprintf(csv, "A%zu_%zu,", j + 1, k + 1);
  for (size_t j = 0; j < DIM; j++)
    fprintf(csv, "b%zu%c", j + 1, j + 1 < DIM ? ',' : '\n');
  for (size_t i = 0; i < SUMS10_SAMPLES; i++) {
    for (size_t j = 0; j < DIM; j++)
      for (size_t k = 0; k < DIM; k++)
        fprintf(csv, "%.17g,", sums10_hessian(i, j, k));
    for (size_t j = 0; j < DIM; j++)
      fprintf(csv, "%.17g%c", sums10_slope(i, j), j + 1 < DIM ? ',' : '\n');
  }
}

static double iterates_speed(const struct objective *objective, int threads)
{
  struct optimizer optimizer = {.update = update_rule_named("sgd"),
                                .rule = gradient_rule_named("m-usam"),
                                .objective = objective,
                                .eta = sums10_eta,
                                .rho = sums10_rho,
                                .batch = SUMS10_BATCH,
                                .micro_batch = SUMS10_MICRO_BATCH};
  struct sde_process *process = optimizer_process_new(&optimizer, sde_stream_named(1, "bench"));
  double speed = process_speed(process, sums10_start, PATHS, STEPS, threads);
  optimizer_process_free(process);
  return speed;
}

void bench_t2(const struct bench *bench)
{
  struct objective *objective = csv_objective_new("quadratic", NULL, write_sums, NULL);
  struct objective by_sample = *objective;
  by_sample.per_sample = true;
  double plain[ROUNDS], sample[ROUNDS], summed[ROUNDS], sample_ratio[ROUNDS], summed_ratio[ROUNDS];
  for (size_t i = 0; i < ROUNDS; i++) {
    sample[i] = iterates_speed(&by_sample, bench->threads);
    plain[i] = baseline_speed(bench, "plain_t2", PATHS, STEPS, bench->threads);
    summed[i] = iterates_speed(objective, bench->threads);
    sample_ratio[i] = sample[i] / plain[i];
    summed_ratio[i] = summed[i] / plain[i];
  }
  row(bench, "t2", "plain-c", bench->threads, 1e-6 * median(plain, ROUNDS), "million path-steps/s",
      1, 0);
  row(bench, "t2", "per sample", bench->threads, 1e-6 * median(sample, ROUNDS),
      "million path-steps/s", median(sample_ratio, ROUNDS), 0);
  row(bench, "t2", "summed first", bench->threads, 1e-6 * median(summed, ROUNDS),
      "million path-steps/s", median(summed_ratio, ROUNDS), 0);
  csv_objective_free(objective);
}
