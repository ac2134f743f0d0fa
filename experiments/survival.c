/*
 * Survival: see survival.h.
 */
#include "experiments/survival.h"

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

/* Of one time: what it adds to time up to the horizon, to the time spent in (T/2, T], to the events
 * in it, and to the censored. */
struct share {
  double until, spent, event, censored;
};

static struct share share_of(double time, double horizon)
{
  double until = fmin(time, horizon), half = horizon / 2;
  bool censored = time > horizon;
  return (struct share){until, fmax(0, until - half), !censored && time > half, censored};
}

struct survival_mean survival_mean(size_t count, const double *time, double horizon, double *terms)
{
  struct share sum = {0, 0, 0, 0};
  double n = 0;
  for (size_t i = 0; i < count; i++) {
    if (isnan(time[i]))
      continue;
    struct share share = share_of(time[i], horizon);
    sum.until += share.until;
    sum.spent += share.spent;
    sum.event += share.event;
    sum.censored += share.censored;
    n++;
  }
  bool complete = sum.censored == 0;
  double tail = complete ? 0 : sum.event > 0 ? sum.spent / sum.event : NAN;
  double weight = complete ? 0 : sum.censored / sum.event;
  for (size_t i = 0; i < count; i++) {
    struct share share = share_of(time[i], horizon);
    terms[i] = isnan(time[i]) ? NAN
                              : share.until + tail * share.censored +
                                    weight * (share.spent - tail * share.event);
  }
  return (struct survival_mean){.mean = (sum.until + tail * sum.censored) / n,
                                .restricted = sum.until / n,
                                .counted = (size_t)n,
                                .censored = (size_t)sum.censored};
}
