/*
 * What a recipe will cost, for people: printed by `sharpsde check`.
 */
#ifndef EXPERIMENTS_STUDIES_ESTIMATE_TEXT_H
#define EXPERIMENTS_STUDIES_ESTIMATE_TEXT_H

#include "experiments/cases/cases.h"

#include <stdio.h>

/* Print the forms of the SDEs, cases, path-steps, memory and time to `out` as lines of YAML
 * comments. The status says why where a tolerance cannot be met, or the study cannot be run. */
void estimate_print(const struct cases *cases, FILE *out, struct sde_status *status);

#endif
