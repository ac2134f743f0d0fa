/*
 * The registry of shapes, and schedules made of them. See schedule.h.
 */
#include "models/schedule.h"

#include <math.h>
#include <string.h>

#define SCHEDULE(id) extern const struct schedule_shape schedule_##id;
#include "models/schedules.def"
#undef SCHEDULE

const struct schedule_shape *const *schedule_shapes(void)
{
  static const struct schedule_shape *const all[] = {
#define SCHEDULE(id) &schedule_##id,
#include "models/schedules.def"
#undef SCHEDULE
      NULL};
  return all;
}

const struct schedule_shape *schedule_shape_named(const char *name)
{
  for (const struct schedule_shape *const *shape = schedule_shapes(); *shape != NULL; shape++)
    if (strcmp((*shape)->name, name) == 0)
      return *shape;
  return NULL;
}

const struct parameter_key schedule_keys[] = {
    {.name = "warmup",
     .type = PARAMETER_REAL,
     .low = 0,
     .high = 1e300,
     .help = "time over which the factor grows from 0 to 1 before the shape begins, whose time "
             "counts from there"},
    {.name = NULL}};

/* Every factor within the horizon is a finite number and not negative. */
static bool check_factors(const struct schedule *schedule, const char *place,
                          struct sde_status *status)
{
  enum { TIMES = 10000 };
  double horizon = schedule->warmup + schedule->span;
  for (int k = 0; k <= TIMES; k++) {
    double slope, time = horizon * k / TIMES, factor = schedule_factor(schedule, time, &slope);
    const char *what = !isfinite(factor)  ? "is not a finite number"
                       : factor < 0       ? "is negative"
                       : !isfinite(slope) ? "has no finite derivative"
                                          : NULL;
    if (what != NULL)
      return sde_fail(status, SDE_INVALID,
                      "%s: the factor of the schedule %s at time %g: it is %g; it must be finite, "
                      "with its derivative, and not negative up to the horizon %g",
                      place, what, time, factor, horizon);
  }
  return true;
}

static bool read_schedule(const struct parameters *given, double horizon, struct schedule *schedule,
                          struct sde_status *status)
{
  schedule->warmup = parameters_has(given, "warmup") ? parameters_real(given, "warmup") : 0;
  schedule->span = horizon - schedule->warmup;
  if (!(schedule->span > 0))
    return sde_fail(status, SDE_INVALID,
                    "%s: warmup %g leaves no time for the schedule; it must be below the horizon "
                    "%g",
                    parameters_place(given, "warmup"), schedule->warmup, horizon);
  return (schedule->shape->read == NULL || schedule->shape->read(given, schedule, status)) &&
         check_factors(schedule, parameters_place(given, "shape"), status);
}

struct schedule *schedule_new(const struct parameters *given, double horizon,
                              struct sde_status *status)
{
  struct schedule *schedule = sde_alloc(1, sizeof *schedule);
  schedule->shape = schedule_shape_named(parameters_text(given, "shape"));
  if (read_schedule(given, horizon, schedule, status))
    return schedule;
  schedule_free(schedule);
  return NULL;
}

void schedule_free(struct schedule *schedule)
{
  if (schedule == NULL)
    return;
  if (schedule->shape->release != NULL)
    schedule->shape->release(schedule);
  sde_free(schedule);
}

double schedule_factor(const struct schedule *schedule, double time, double *slope)
{
  *slope = 0;
  if (schedule == NULL)
    return 1;
  if (time >= schedule->warmup)
    return schedule->shape->factor(schedule, time - schedule->warmup, slope);
  *slope = 1 / schedule->warmup;
  return time / schedule->warmup;
}
