/*
 * Cases: a recipe multiplied out. Each combination of batch, number of paths, eta, rho, optimizer
 * and micro-batch is a case (case.h).
 */
#ifndef EXPERIMENTS_CASES_CASES_H
#define EXPERIMENTS_CASES_CASES_H

#include "experiments/cases/case.h"

/* NULL, and the status says why. */
struct cases *cases_new(const struct recipe *recipe, struct sde_status *status);

/* The same to be described and timed alone: what takes long to make is left out. */
struct cases *cases_rehearsed(const struct recipe *recipe, struct sde_status *status);

/* The same for a recipe that differs from that of `other` in the choice of scheme alone: loss,
 * objective, observables and start are those of the other cases, which must outlive these. For NULL,
 * as above. */
struct cases *cases_sharing(const struct cases *other, const struct recipe *recipe,
                            struct sde_status *status);
void cases_free(struct cases *cases);

/* What part of an SDE's own error its solution and its companion differ by, for Richardson's
 * extrapolation: with error C h^p at the step h and the companion's at h / ratio, the difference is
 * C h^p (1 - ratio^-p); p is the weak order. */
double case_companion_part(const struct case_sde *sde);

/* The scheme's own error in a mean, from the paired difference `moments` of the solution and its
 * companion: |difference| plus two standard errors (Student's quantile of that level, where paths
 * are few), times the factor of Richardson's extrapolation for the scheme's weak order. */
double case_scheme_error(const struct case_sde *sde, struct sde_moments moments);

/* The recorded steps of a case: at most recipe key `records` of them after step 0, evenly spread,
 * the last step among them. The array is released with sde_free. */
uint64_t *case_record_steps(const struct cases *cases, const struct run_case *one, size_t *records);

#endif
