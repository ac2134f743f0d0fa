/*
 * Means to a tolerance: where a recipe asks for an error instead of a number of paths, each
 * SDE's mean at the end time is computed by multilevel Monte Carlo, that of the iterates by as many
 * paths as their variance asks for.
 */
#ifndef EXPERIMENTS_STUDIES_TOLERANCE_H
#define EXPERIMENTS_STUDIES_TOLERANCE_H

#include "experiments/io/progress.h"
#include "experiments/studies/comparison.h"

#include <stdio.h>

/* What a case took, and what plain Monte Carlo would have. */
struct tolerance_case;

/* Run one case and set its rows, [sde*observables + observable]: the means at the end time, their
 * standard errors, and the bias bound as the scheme's error. Divergence is reported in results.
 * NULL, and the status says why, where the tolerance cannot be met with a sensible number of paths.
 * Released with tolerance_case_free. */
struct tolerance_case *tolerance_run(const struct cases *cases, const struct run_case *one,
                                     int threads, struct progress *progress,
                                     struct results *results, struct comparison *rows,
                                     struct sde_status *status);
void tolerance_case_free(struct tolerance_case *done);

/* The object "multilevel" of a summary's row. */
json_t *tolerance_json(const struct tolerance_case *done, size_t sde, size_t observable);

/* The levels as lines of multilevel.csv, and the sums for people. */
void tolerance_write(struct results *results, const struct tolerance_case *done);
void tolerance_print(struct results *results, const struct tolerance_case *done);

/* Print as comments of YAML what the cases are predicted to take, after a pilot. */
bool tolerance_estimate(const struct cases *cases, FILE *out, struct sde_status *status);

#endif
