/*
 * Sweeps: a value that a recipe's list names twice would be run twice on the same random numbers,
 * and enter its verdicts twice. It is refused.
 */
#ifndef EXPERIMENTS_CASES_SWEEPS_H
#define EXPERIMENTS_CASES_SWEEPS_H

#include "experiments/cases/case.h"

/* Has no list of numbers, batch, paths, eta, rho and micro_batch, an entry twice? If one has, the
 * status says where. Observables are checked as they are made. */
bool sweeps_check_lists(const struct recipe *recipe, struct sde_status *status);

/* Are the optimizers, of the first `variants` cases, and the SDEs of a case all different? */
bool sweeps_check_cases(const struct cases *cases, size_t variants, struct sde_status *status);

#endif
