/*
 * Survival: see survival.h.
 */
#include "analysis/survival.h"

#include "sde/status.h"

#include <math.h>
#include <stdlib.h>

struct observation {
  double time;
  bool observed;
};

static int compare(const void *left, const void *right)
{
  const struct observation *a = left, *b = right;
  return (a->time > b->time) - (a->time < b->time);
}

struct survival survival_estimate(size_t count, const double *time, const bool *observed)
{
  struct observation *sorted = sde_alloc(count, sizeof *sorted);
  for (size_t i = 0; i < count; i++)
    sorted[i] = (struct observation){time[i], observed[i]};
  qsort(sorted, count, sizeof *sorted, compare);
  struct survival made = {0, sde_alloc(count, sizeof *made.step)};
  double survival = 1, greenwood = 0;
  for (size_t i = 0, next = 0; i < count; i = next) {
    size_t events = 0;
    for (next = i; next < count && sorted[next].time == sorted[i].time; next++)
      events += sorted[next].observed;
    if (events == 0)
      continue;
    double d = (double)events, n = (double)(count - i);
    survival *= (n - d) / n;
    greenwood += d / (n * (n - d));
    made.step[made.steps++] = (struct survival_step){sorted[i].time, survival, greenwood};
  }
  sde_free(sorted);
  return made;
}

void survival_free(struct survival *survival)
{
  sde_free(survival->step);
  *survival = (struct survival){0, NULL};
}

/* How many of the steps are at or before the time. */
static size_t steps_by(const struct survival *survival, double time)
{
  size_t low = 0, high = survival->steps;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (survival->step[middle].time <= time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct survival_point survival_at(const struct survival *survival, double time, double quantile)
{
  size_t steps = steps_by(survival, time);
  if (steps == 0)
    return (struct survival_point){1, 0, 1, 1};
  struct survival_step step = survival->step[steps - 1];
  if (step.survival == 0)
    return (struct survival_point){0, 0, 0, 0};
  double root = sqrt(step.greenwood), spread = exp(quantile * root / -log(step.survival));
  return (struct survival_point){step.survival, step.survival * root, pow(step.survival, spread),
                                 pow(step.survival, 1 / spread)};
}

/* The time that a path spends in (from, to], and whether it leaves there. */
static void add_rate(struct survival_rate *rate, double time, double from, double to)
{
  rate->spent += fmax(0, fmin(time, to) - from);
  rate->events += time > from && time <= to;
}

double survival_rate_change(const struct survival_mean *mean)
{
  double events = mean->early.events + mean->late.events;
  double share = mean->late.spent / (mean->early.spent + mean->late.spent);
  return (mean->late.events - share * events) / sqrt(events * share * (1 - share));
}

struct survival_mean survival_mean(size_t count, const double *time, double horizon, double *terms)
{
  struct survival_mean made = {0};
  double until = 0, square = 0, n = 0, censored = 0;
  for (size_t i = 0; i < count; i++) {
    if (isnan(time[i]))
      continue;
    add_rate(&made.early, time[i], horizon / 4, horizon / 2);
    add_rate(&made.late, time[i], horizon / 2, horizon);
    until += fmin(time[i], horizon);
    square += pow(fmin(time[i], horizon), 2);
    censored += time[i] > horizon;
    n++;
  }
  bool complete = censored == 0;
  double tail = complete ? 0 : made.late.events > 0 ? made.late.spent / made.late.events : NAN;
  double weight = complete ? 0 : censored / made.late.events;
  for (size_t i = 0; i < count; i++) {
    struct survival_rate late = {0, 0};
    add_rate(&late, time[i], horizon / 2, horizon);
    terms[i] = isnan(time[i]) ? NAN
                              : fmin(time[i], horizon) + tail * (time[i] > horizon) +
                                    weight * (late.spent - tail * late.events);
  }
  made.mean = (until + tail * censored) / n;
  made.restricted = until / n;
  made.restricted_se = sqrt(fmax(0, square / n - made.restricted * made.restricted) / (n - 1));
  made.counted = (size_t)n;
  made.censored = (size_t)censored;
  return made;
}
