/*
 * Ensembles in replicates: paths that are independent between replicates, but not within one, as
 * those of sde/quasi.h. What is known of a mean is told by the spread of the replicates' means.
 */
#ifndef SDE_REPLICATES_H
#define SDE_REPLICATES_H

#include "sde/ensemble.h"

/* Run paths/replicates paths of each replicate, one after the other; `paths` is a multiple, and no
 * samples are kept. As sde_ensemble_run, but the moments and the differences are those of the
 * replicates' means, each over the paths that live (replicates without one do not count); the
 * moments of all paths, as if they were independent, are the pooled ones. */
struct sde_ensemble_result sde_replicates_run(const struct sde_ensemble *ensemble,
                                              uint64_t replicates);

#endif
