/*
 * The benchmark of losses given as formulas, beside the same loss built in.
 */
#include "bench/measure.h"
#include "models/loss.h"
#include "sde/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 32 };

/* The valley as built in, and as a formula. */
static struct loss *valley_loss(bool formula)
{
  static const double samples = 16, deviation = 1;
  static const char *const expression = "0.5*(u*v - 1 - e)^2", *const names[] = {"u", "v"},
                           *const noise = "e";
  struct sde_status status = {SDE_OK, ""};
  struct parameters *parameters = parameters_new();
  parameters_add_numbers(parameters, "samples", 1, &samples, "bench");
  if (formula) {
    parameters_add_texts(parameters, "expression", 1, &expression, "bench");
    parameters_add_texts(parameters, "parameters", 2, names, "bench");
    parameters_add_texts(parameters, "sample_parameters", 1, &noise, "bench");
  } else {
    parameters_add_numbers(parameters, "standard_deviation", 1, &deviation, "bench");
  }
  const char *name = formula ? "formula" : "valley";
  struct loss *loss = loss_new(loss_type_named(name), parameters, &status);
  parameters_free(parameters);
  if (loss == NULL)
    abort();
  return loss;
}

/* Evaluations a second on one thread of the value (0), the gradient (1) or the Hessian-vector
 * product (2), a sample a path. */
static double loss_speed(const struct loss *loss, int what)
{
  enum { CALLS = 400000 };
  struct sde_address at = {{1, 1}, 0, 0};
  double x[4 * WIDTH], out[2 * WIDTH];
  uint32_t index[WIDTH];
  sde_random_normals(&at, WIDTH, 4, x);
  sde_random_indices(&at, WIDTH, 1, (uint32_t)loss->samples, index);
  struct loss_samples samples = {index, 1};
  double begun = seconds_now();
  for (size_t i = 0; i < CALLS; i++) {
    if (what == 0)
      loss->type->value(loss, WIDTH, samples, x, out);
    else if (what == 1)
      loss->type->gradient(loss, WIDTH, samples, x, out);
    else
      loss->type->hessian_vector(loss, WIDTH, samples, x, x + 2 * WIDTH, out);
  }
  return CALLS * (double)WIDTH / (seconds_now() - begun);
}

void bench_formula(const struct bench *bench)
{
  static const char *const what[] = {"value", "gradient", "hessian-vector"};
  struct loss *valley = valley_loss(false), *formula = valley_loss(true);
  for (int k = 0; k < 3; k++) {
    double built_in[ROUNDS], own[ROUNDS], ratio[ROUNDS];
    char variant[64];
    for (size_t i = 0; i < ROUNDS; i++) {
      built_in[i] = loss_speed(valley, k);
      own[i] = loss_speed(formula, k);
      ratio[i] = own[i] / built_in[i];
    }
    snprintf(variant, sizeof variant, "valley %s", what[k]);
    row(bench, "built-in", variant, 1, 1e-6 * median(built_in, ROUNDS), "million a second", 0, 0);
    row(bench, "formula", variant, 1, 1e-6 * median(own, ROUNDS), "million a second", 0, 0);
    row(bench, "formula", variant, 1, median(ratio, ROUNDS), "of the built-in", 0, 0);
  }
  loss_free(valley);
  loss_free(formula);
}
