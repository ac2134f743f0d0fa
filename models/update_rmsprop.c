/*
 * RMSprop: v' = v - eta c (v - w^2), x' = x - eta w/(sqrt(v') + epsilon), with the rate c =
 * (1 - beta)/eta held fixed as eta goes to 0. Malladi, Lyu, Panigrahi, Arora (NeurIPS 2022) divide by
 * the v before the step (denominator: old); theory.md section 12. Iterates never have a negative v;
 * paths of the SDE may, and their root is then 0.
 */
#include "models/update_averages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "rate",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e300,
     .help = "c, with beta = 1 - eta c; at most 1/eta; give this or beta"},
    {.name = "beta",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1,
     .help = "how much of v stays in a step, with rate c = (1 - beta)/eta; give this or rate"},
    UPDATE_EPSILON_KEY,
    {.name = "denominator",
     .type = PARAMETER_CHOICE,
     .choices = "new old",
     .fallback = "new",
     .help = "the v that divides: that after the step, as PyTorch has it, or that before"},
    {.name = NULL}};

enum { RATE, EPSILON, OLD };

static bool read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status)
{
  if (!update_averages_read(given, "rate", "beta", 1, optimizer, status))
    return false;
  optimizer->update_setting[EPSILON] = parameters_real(given, "epsilon");
  optimizer->update_setting[OLD] = strcmp(parameters_text(given, "denominator"), "old") == 0;
  return true;
}

static void direction(const struct optimizer *optimizer, double time, size_t width, const double *y,
                      const double *w, double *u)
{
  (void)time;
  size_t size = optimizer->objective->loss->dim * width;
  const double *setting = optimizer->update_setting, *v = y + size;
  double rate = setting[RATE], epsilon = setting[EPSILON];
  double taken = setting[OLD] != 0 ? 0 : optimizer->eta;
  for (size_t i = 0; i < size; i++) {
    double change = rate * (v[i] - w[i] * w[i]), divides = v[i] - taken * change;
    u[i] = w[i] / (sqrt(divides > 0 ? divides : 0) + epsilon);
    u[size + i] = change;
  }
}

static void describe(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE])
{
  const double *setting = optimizer->update_setting;
  snprintf(text, UPDATE_SETTINGS_SIZE, "rate %.10g epsilon %g%s", setting[RATE], setting[EPSILON],
           setting[OLD] != 0 ? " denominator old" : "");
}

extern const struct update_rule update_rule_rmsprop;
const struct update_rule update_rule_rmsprop = {
    .name = "rmsprop",
    .summary = "w divided by the root of v, the running mean of w^2",
    .extra = {{"v", 0}},
    .direction = direction,
    .keys = keys,
    .read = read,
    .describe = describe,
    .update = "v <- v - eta c (v - w^2), then x <- x - eta w/(sqrt(v) + epsilon)",
    .direction_text =
        "U = (w/(sqrt(v') + epsilon), c (v - w^2)) of y = (x, v), v' = v - eta c (v - "
        "w^2) or with denominator: old v' = v",
    .fixed = "the rate c: beta = 1 - eta c. In PyTorch's RMSprop lr = eta, alpha = beta, eps = "
             "epsilon. With beta fixed instead, v relaxes within O(eta) and the iterates become "
             "those of a step along E w/(sqrt(v) + epsilon) with v in its law at rest"};
