/*
 * Forms: how drift and noise of each SDE of a recipe are computed, for people.
 */
#ifndef EXPERIMENTS_CASES_FORMS_H
#define EXPERIMENTS_CASES_FORMS_H

#include "experiments/cases/cases.h"

#include <jansson.h>

/* A line for each SDE and distinct form, with the optimizers that it serves: "SDE 0 of sgd; m-sam
 * m=2: rho_order 1, ...", after `margin`. Empty where the study uses no SDE. Released with
 * sde_free. */
char *forms_text(const struct cases *cases, const char *margin);

/* The same as a list of objects: sde_index, serves (the optimizers), description, and expectations,
 * a sentence on how E u and Cov u are computed: in closed form, enumerated, sampled, by a closure.
 */
json_t *forms_json(const struct cases *cases);

#endif
