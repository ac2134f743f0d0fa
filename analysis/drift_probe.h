/*
 * The drift probe: the mean E u of an optimizer's update direction at one point, from many draws,
 * and the coefficient of its regulariser's gradient in it. theory.md sections 3 and 7.
 */
#ifndef ANALYSIS_DRIFT_PROBE_H
#define ANALYSIS_DRIFT_PROBE_H

#include "models/optimizer.h"
#include "sde/ensemble.h"

/* To first order in rho, E w = base + predicted * slope for a gradient rule whose R is known. Where
 * R has no norm in it base = g + rho H g (or g, where R lacks 1/2 |g|^2), slope = grad tr V and
 * predicted = rho c(m)/2 (or 0, where R lacks the variance term). Else base = g, slope = grad R, as
 * R = E|g_I|, and predicted = rho. On quadratic losses the former has no remainder. */
struct drift_probe {
  const struct optimizer *optimizer;
  struct optimizer plain; /* SGD, which at an address draws the very same batch */
  size_t dim;
  double *start, *gradient, *base, *slope; /* dim numbers each */
  double *control;                         /* dim x dim, row-major: see drift_probe.c */
  double predicted;
  double predicted_se; /* of the coefficient, where grad E|g_I| itself is sampled; else 0 */
  double rounding;     /* a coefficient below it is rounding error */
};

/* The probe of an optimizer, which must outlive it, at x; where grad E|g_I| has to be sampled, from
 * a stream of this seed. NULL, and the status says why, where the optimizer has no regulariser in
 * closed form, rho is 0, or the slope vanishes. `place` is where it was asked for. */
struct drift_probe *drift_probe_new(const struct optimizer *optimizer, const double *x,
                                    uint64_t seed, const char *place, struct sde_status *status);
/* Is there such a probe? Without the work that takes a Hessian. */
bool drift_probe_check(const struct optimizer *optimizer, const double *x, uint64_t seed,
                       const char *place, struct sde_status *status);

/* Release a probe; NULL is allowed. */
void drift_probe_free(struct drift_probe *probe);

/* (E u - base) . slope / |slope|^2, and E u by coordinates: dim of them. */
struct drift_probe_result {
  struct sde_moments coefficient, *direction;
  double se;                    /* of the coefficient, predicted_se included */
  uint64_t not_finite;          /* draws left out */
  uint64_t own_paths, own_work; /* as in struct sde_ensemble_result */
};

/* A draw takes a direction of the optimizer and one of SGD. */
enum { DRIFT_PROBE_STEPS = 2 };

/* What the slope is of, for people. */
const char *drift_probe_slope(const struct gradient_rule *rule);

/* Draw this many directions from the stream, over threads (0 for OpenMP's choice); `progress` may
 * be NULL. The result has the same bits for any number of threads. */
struct drift_probe_result drift_probe_run(const struct drift_probe *probe, struct sde_stream stream,
                                          uint64_t paths, int threads,
                                          void (*progress)(void *context, uint64_t paths_done),
                                          void *progress_context, const struct sde_keeper *keeper);
void drift_probe_result_free(struct drift_probe_result *result);

#endif
