/*
 * Exact means: what oracles know of a comparison's means, what stands in their way where they know
 * nothing, and whether the simulated means are the exact ones.
 */
#ifndef EXPERIMENTS_STUDIES_EXACT_MEANS_H
#define EXPERIMENTS_STUDIES_EXACT_MEANS_H

#include "experiments/studies/comparison.h"

/* Why means are not known exactly: each distinct reason, how many means it stands before, and the
 * first of them. */
struct exact_gaps {
  size_t count;
  struct exact_gap {
    char *why, *first;
    size_t means;
  } * gap;
};
void exact_gaps_free(struct exact_gaps *gaps);

/* Set the exact means at the end time in a case's rows, [sde*observables + observable]; reasons
 * where there are none are added to the gaps. */
void exact_means_set(const struct cases *cases, const struct run_case *one, struct comparison *rows,
                     struct exact_gaps *gaps);

/* Each distinct reason, once. */
void exact_means_note(struct results *results, const struct exact_gaps *gaps);

/* One verdict for the iterates of each variant and one for each of its SDEs, where exact means are
 * known: are the simulated ones, of all eta and observables, within `quantile` standard errors
 * (widened by Student's law) and, for SDEs, the scheme's error? An interval that also holds the
 * value at the start confirms nothing; nor does a mean over the survivors of divergence, nor a miss
 * by less than twice the scheme's error, which is no bound. One open verdict where nothing is
 * known. */
void exact_means_verdicts(struct results *results, const struct cases *cases,
                          const struct comparison *all, size_t count, double quantile,
                          const struct exact_gaps *gaps);

#endif
