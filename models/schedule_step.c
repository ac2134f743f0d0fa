/*
 * The schedule of steps: the factor is 1, and from each of the times on the factor that stands
 * beside it.
 */
#include "models/schedule.h"

#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "times",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .low_open = true,
     .high = 1e300,
     .required = true,
     .help = "when the factor changes, ascending"},
    {.name = "factors",
     .type = PARAMETER_REAL,
     .list = true,
     .low = 0,
     .high = 1e300,
     .required = true,
     .help = "the factor of the first eta or rho from each of these times on"},
    {.name = NULL}};

struct step {
  size_t count;
  double *time, *factor;
};

static bool read(const struct parameters *given, struct schedule *schedule,
                 struct sde_status *status)
{
  size_t times, factors;
  const double *time = parameters_reals(given, "times", &times);
  const double *factor = parameters_reals(given, "factors", &factors);
  if (times != factors)
    return sde_fail(status, SDE_INVALID, "%s: %zu factors for %zu times; each time needs one",
                    parameters_place(given, "factors"), factors, times);
  for (size_t i = 1; i < times; i++)
    if (!(time[i] > time[i - 1]))
      return sde_fail(status, SDE_INVALID, "%s: times must ascend; %g follows %g",
                      parameters_place(given, "times"), time[i], time[i - 1]);
  struct step *step = schedule->kept = sde_alloc(1, sizeof *step);
  step->count = times;
  step->time = sde_alloc(times, sizeof *step->time);
  step->factor = sde_alloc(times, sizeof *step->factor);
  memcpy(step->time, time, times * sizeof *time);
  memcpy(step->factor, factor, times * sizeof *factor);
  return true;
}

/* A learning-rate step k eta at one of the times may be rounded to below it, and counts as there.
 */
static double factor_at(const struct schedule *schedule, double time, double *slope)
{
  const struct step *step = schedule->kept;
  double factor = 1;
  for (size_t i = 0; i < step->count && time >= step->time[i] * (1 - 1e-12); i++)
    factor = step->factor[i];
  *slope = 0;
  return factor;
}

static void release(struct schedule *schedule)
{
  struct step *step = schedule->kept;
  if (step == NULL)
    return;
  sde_free(step->time);
  sde_free(step->factor);
  sde_free(step);
}

extern const struct schedule_shape schedule_step;
const struct schedule_shape schedule_step = {
    .name = "step",
    .summary = "jumps at the `times` to the `factors`",
    .formula = "the factor of the last of the times that is not after t, and 1 before all",
    .keys = keys,
    .read = read,
    .factor = factor_at,
    .release = release};
