/*
 * Does the difference between iterates and SDE fall like eta to the SDE's order?
 */
#ifndef EXPERIMENTS_STUDIES_COMPARISON_FALL_H
#define EXPERIMENTS_STUDIES_COMPARISON_FALL_H

#include "experiments/studies/comparison_family.h"

/* Does theory let the difference of both fall alike as eta does? */
bool comparison_has_orders_of(const struct limit_options *options,
                              const struct limit_options *like);

/* One observable of a variant and SDE by the rule of judgement.h; the evidence is added to a text,
 * NULL for none. */
enum holds comparison_judge_fall(const struct comparison_table *table,
                                 const struct comparison *like, struct text *evidence);

/* The verdict over all observables of the leader's variant and SDE. */
void comparison_fall_verdict(struct results *results, const struct comparison_table *table,
                             const struct comparison *leader);

#endif
