/*
 * Survival: the Kaplan-Meier curve of times of which some are censored, with Greenwood's variance,
 * and the mean time where all censoring is at one horizon, beyond it by an exponential tail.
 */
#ifndef ANALYSIS_SURVIVAL_H
#define ANALYSIS_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>

/* After the events at `time`: the share that survives them, and Greenwood's sum of d / (n (n - d))
 * over the event times so far, d events among n at risk. Kaplan and Meier, JASA 53 (1958);
 * Greenwood (1926). */
struct survival_step {
  double time, survival, greenwood;
};

/* A curve of survival, its steps where events are. */
struct survival {
  size_t steps;
  struct survival_step *step; /* by ascending time */
};

/* The curve of `count` times; observed[i] is false where the path was last seen at time[i], which
 * counts as at risk of the events at that very time. Released with survival_free. */
struct survival survival_estimate(size_t count, const double *time, const bool *observed);
void survival_free(struct survival *survival);

/* The curve at a time, its standard error, and its interval `quantile` standard errors of
 * log(-log S) to each side, which stays in (0, 1); of S = 1 or 0 the interval is that point. */
struct survival_point {
  double survival, se, low, high;
};
/* That point at a time. */
struct survival_point survival_at(const struct survival *survival, double time, double quantile);

/* Events, and the time that paths spent at risk of them. */
struct survival_rate {
  double events, spent;
};

/* The estimate from times that are infinite where they were not seen by the horizon, and NAN where
 * they do not count: the mean up to the horizon T, and the mean. With S the share that survives T,
 * the mean is
 *   restricted + S theta,  theta = (time spent in (T/2, T]) / (events in it),
 * the maximum-likelihood mean of a tail that is exponential from T/2 on; without censored times it
 * is the sample mean. NAN where some are censored and none is seen in (T/2, T]. */
struct survival_mean {
  double mean, restricted, restricted_se;
  size_t counted, censored;
  /* Events over time spent in (T/4, T/2] and in (T/2, T]: of an exponential tail they are equal but
   * for the square root of the events' number. A slower phase shows as a rate that falls. */
  struct survival_rate early, late;
};

/* By how many standard errors the rate of the later part is away from that of the earlier one, with
 * its sign: of Poisson events, from their number late of those in both. NAN without any event. */
double survival_rate_change(const struct survival_mean *mean);

/* terms[i] are the linear terms (delta method) of the mean: their mean is the mean, and their
 * standard error, or that of their differences on common paths, is its. NAN where time[i] is. */
struct survival_mean survival_mean(size_t count, const double *time, double horizon, double *terms);

#endif
