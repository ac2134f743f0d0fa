/*
 * Unused keys: what a recipe gives and nothing in its cases uses. A study accepts every common key
 * and a list of cases every option of an SDE, so such keys are no mistake, but are not passed over.
 */
#ifndef EXPERIMENTS_CASES_UNUSED_H
#define EXPERIMENTS_CASES_UNUSED_H

#include "experiments/cases/cases.h"

/* A line for people a key, "FILE:LINE: KEY ...\n", each after `margin`; empty where every key is
 * used, and nothing need be said against the noise (noise_caution) or of rows that the data are
 * without. Released with sde_free. */
char *unused_keys(const struct cases *cases, const char *margin);

#endif
