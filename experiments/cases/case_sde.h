/*
 * The SDE of a case: the limit that the recipe asks for, the scheme and substeps that solve it, and
 * whether it shares its Brownian path with the iterates. Private to the cases.
 */
#ifndef EXPERIMENTS_CASES_CASE_SDE_H
#define EXPERIMENTS_CASES_CASE_SDE_H

#include "experiments/cases/case.h"

/* Make one->sde[index], the case's optimizer, steps, paths and replicates being set. False, and the
 * status says why, where the recipe is mistaken; what was made until then is released with the
 * cases. */
bool case_sde_make(const struct cases *cases, struct run_case *one, size_t index,
                   struct sde_status *status);

#endif
