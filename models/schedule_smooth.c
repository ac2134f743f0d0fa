/*
 * Schedules by one formula with one number: constant, linear, cosine (Loshchilov and Hutter, ICLR
 * 2017), exponential and inverse time.
 */
#include "models/schedule.h"

#include <gsl/gsl_math.h>
#include <math.h>

static const struct parameter_key end_keys[] = {{.name = "end",
                                                 .type = PARAMETER_REAL,
                                                 .low = 0,
                                                 .high = 1e300,
                                                 .fallback = "0",
                                                 .help = "the factor at the horizon"},
                                                {.name = NULL}};

static const struct parameter_key rate_keys[] = {{.name = "rate",
                                                  .type = PARAMETER_REAL,
                                                  .low = 0,
                                                  .high = 1e300,
                                                  .required = true,
                                                  .help = "how fast the factor falls"},
                                                 {.name = NULL}};

static bool read_end(const struct parameters *given, struct schedule *schedule,
                     struct sde_status *status)
{
  (void)status;
  schedule->setting = parameters_real(given, "end");
  return true;
}

static bool read_rate(const struct parameters *given, struct schedule *schedule,
                      struct sde_status *status)
{
  (void)status;
  schedule->setting = parameters_real(given, "rate");
  return true;
}

static double constant(const struct schedule *schedule, double time, double *slope)
{
  (void)schedule, (void)time;
  *slope = 0;
  return 1;
}

static double linear(const struct schedule *schedule, double time, double *slope)
{
  *slope = (schedule->setting - 1) / schedule->span;
  return 1 + *slope * time;
}

static double cosine(const struct schedule *schedule, double time, double *slope)
{
  double half = (1 - schedule->setting) / 2, rate = M_PI / schedule->span;
  *slope = -half * rate * sin(rate * time);
  return schedule->setting + half * (1 + cos(rate * time));
}

static double exponential(const struct schedule *schedule, double time, double *slope)
{
  double factor = exp(-schedule->setting * time);
  *slope = -schedule->setting * factor;
  return factor;
}

static double inverse_time(const struct schedule *schedule, double time, double *slope)
{
  double factor = 1 / (1 + schedule->setting * time);
  *slope = -schedule->setting * factor * factor;
  return factor;
}

extern const struct schedule_shape schedule_constant, schedule_linear, schedule_cosine,
    schedule_exponential, schedule_inverse_time;
const struct schedule_shape schedule_constant = {
    .name = "constant", .summary = "no change", .formula = "1", .factor = constant};

const struct schedule_shape schedule_linear = {.name = "linear",
                                               .summary = "a straight line to `end`",
                                               .formula = "1 + (end - 1) t/T",
                                               .keys = end_keys,
                                               .read = read_end,
                                               .factor = linear};

const struct schedule_shape schedule_cosine = {.name = "cosine",
                                               .summary = "half a period of the cosine, to `end`",
                                               .formula = "end + (1 - end)(1 + cos(pi t/T))/2",
                                               .keys = end_keys,
                                               .read = read_end,
                                               .factor = cosine};

const struct schedule_shape schedule_exponential = {.name = "exponential",
                                                    .summary = "falls by the rate times itself",
                                                    .formula = "exp(-rate t)",
                                                    .keys = rate_keys,
                                                    .read = read_rate,
                                                    .factor = exponential};

const struct schedule_shape schedule_inverse_time = {.name = "inverse-time",
                                                     .summary = "falls like 1/t",
                                                     .formula = "1/(1 + rate t)",
                                                     .keys = rate_keys,
                                                     .read = read_rate,
                                                     .factor = inverse_time};
