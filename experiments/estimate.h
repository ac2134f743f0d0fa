/*
 * Estimates: what a recipe will cost, from its sizes and a short timing of each process.
 */
#ifndef EXPERIMENTS_ESTIMATE_H
#define EXPERIMENTS_ESTIMATE_H

#include "experiments/cases.h"

#include <stdio.h>

/* Print the forms of the SDEs, cases, path-steps, memory and time to `out` as lines of YAML
 * comments. The status says why where a tolerance cannot be met. */
void study_estimate(const struct cases *cases, FILE *out, struct sde_status *status);

#endif
