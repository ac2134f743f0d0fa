/*
 * Adam: q' = q - eta c1 (q - w), v' = v - eta c2 (v - w^2), x' = x - eta q'/(sqrt(v') + epsilon), with
 * the rates c1, c2 = (1 - beta)/eta held fixed as eta goes to 0; Kingma and Ba, ICLR 2015; Malladi,
 * Lyu, Panigrahi, Arora, NeurIPS 2022; theory.md section 12. Iterates never have a negative v; paths
 * of the SDE may, and their root is then 0.
 */
#include "models/update_averages.h"

#include <math.h>
#include <stdio.h>

static const struct parameter_key keys[] = {
    {.name = "rates",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .high = 1e300,
     .help = "[c1, c2], with beta = 1 - eta c; at most 1/eta; give this or betas"},
    {.name = "betas",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .high = 1,
     .help = "[beta1, beta2], how much of q and of v stays in a step; give this or rates"},
    UPDATE_EPSILON_KEY,
    {.name = "bias_correction",
     .type = PARAMETER_BOOL,
     .fallback = "false",
     .help = "divide q and v by 1 - beta^(k + 1) in step k, as PyTorch does"},
    {.name = NULL}};

enum { RATE_OF_Q, RATE_OF_V, EPSILON, CORRECTED };

static bool read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status)
{
  if (!update_averages_read(given, "rates", "betas", 2, optimizer, status))
    return false;
  optimizer->update_setting[EPSILON] = parameters_real(given, "epsilon");
  optimizer->update_setting[CORRECTED] = parameters_bool(given, "bias_correction");
  return true;
}

/* 1 - beta^(k + 1) at the time k eta; 1 without correction. */
static double correction(const struct optimizer *optimizer, double time, double rate)
{
  double eta = optimizer->eta;
  return optimizer->update_setting[CORRECTED] != 0 ? 1 - pow(1 - eta * rate, time / eta + 1) : 1;
}

static void direction(const struct optimizer *optimizer, double time, size_t width, const double *y,
                      const double *w, double *u)
{
  size_t size = optimizer->objective->loss->dim * width;
  const double *setting = optimizer->update_setting, *q = y + size, *v = q + size;
  double eta = optimizer->eta, epsilon = setting[EPSILON];
  double of_q = correction(optimizer, time, setting[RATE_OF_Q]);
  double of_v = correction(optimizer, time, setting[RATE_OF_V]);
  for (size_t i = 0; i < size; i++) {
    double q_change = setting[RATE_OF_Q] * (q[i] - w[i]);
    double v_change = setting[RATE_OF_V] * (v[i] - w[i] * w[i]);
    double divides = (v[i] - eta * v_change) / of_v;
    u[i] = (q[i] - eta * q_change) / of_q / (sqrt(divides > 0 ? divides : 0) + epsilon);
    u[size + i] = q_change;
    u[2 * size + i] = v_change;
  }
}

static bool varies(const struct optimizer *optimizer)
{
  return optimizer->update_setting[CORRECTED] != 0;
}

static void describe(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE])
{
  const double *setting = optimizer->update_setting;
  snprintf(text, UPDATE_SETTINGS_SIZE, "rates %.10g %.10g epsilon %g%s", setting[RATE_OF_Q],
           setting[RATE_OF_V], setting[EPSILON], setting[CORRECTED] != 0 ? " bias-corrected" : "");
}

extern const struct update_rule update_rule_adam;
const struct update_rule update_rule_adam = {
    .name = "adam",
    .summary = "q, the running mean of w, divided by the root of v, that of w^2",
    .extra = {{"q", 0}, {"v", 0}},
    .direction = direction,
    .varies = varies,
    .keys = keys,
    .read = read,
    .describe = describe,
    .update = "q <- q - eta c1 (q - w), v <- v - eta c2 (v - w^2), then x <- x - eta q/(sqrt(v) + "
              "epsilon)",
    .direction_text =
        "U = (q'/(sqrt(v') + epsilon), c1 (q - w), c2 (v - w^2)) of y = (x, q, v), q' = "
        "q - eta c1 (q - w), v' = v - eta c2 (v - w^2)",
    .fixed =
        "the rates c1 and c2: beta = 1 - eta c. In PyTorch's Adam lr = eta, betas = (beta1, "
        "beta2), eps = epsilon, with bias_correction: true. With the betas fixed instead, q and "
        "v relax within O(eta)"};
