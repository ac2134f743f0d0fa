/*
 * Rows of one variant, SDE and observable at several eta: which is which, how well each difference
 * is known, what remains of it as eta goes to zero, and what the observables together say of a
 * claim.
 */
#ifndef EXPERIMENTS_STUDIES_COMPARISON_FAMILY_H
#define EXPERIMENTS_STUDIES_COMPARISON_FAMILY_H

#include "experiments/io/text.h"
#include "experiments/studies/comparison.h"

/* All rows of a run, and how many standard errors an interval is wide to each side. */
struct comparison_table {
  const struct cases *cases;
  const struct comparison *row;
  size_t count;
  double quantile;
};

/* A number known to lie within `half` of `centre`, at the family's level. */
struct interval {
  double centre, half;
};

double interval_lower_magnitude(struct interval interval);
double interval_upper_magnitude(struct interval interval);

const struct limit_options *comparison_options(const struct comparison *row);

/* The observable's name, and a row like another of another observable. */
const char *comparison_name(const struct comparison_table *table, const struct comparison *row);
struct comparison comparison_of_observable(const struct comparison *row, size_t observable);

/* Is its SDE expanded to first order in rho, with a part of second order that may show? */
bool comparison_is_reserved(const struct comparison_table *table, const struct comparison *row);

/* The row of the same variant, observable and SDE at the largest (sign 1) or smallest (sign -1)
 * eta beyond that of `after` (NULL: at all); like is a row or a copy of one with other indices.
 * NULL where there is none. */
const struct comparison *comparison_extreme_eta(const struct comparison_table *table,
                                                const struct comparison *like, int sign,
                                                const struct comparison *after);

/* By what factor a difference of the SDE's order in eta falls from one row to another. */
double comparison_predicted_ratio(const struct comparison *coarse, const struct comparison *fine);

/* The difference of a row, with the scheme's error. */
struct interval comparison_interval(const struct comparison_table *table,
                                    const struct comparison *row);

/* The difference extrapolated to eta = 0 from the smallest eta and the largest, to the SDE's
 * order; with one eta, the difference itself. */
struct interval comparison_limit(const struct comparison_table *table,
                                 const struct comparison *like, bool *is_limit);

/* Does a difference surely not fall as it should? Only then does its extrapolation mean anything
 * against the theory: where it falls too fast or changes sign, higher powers of eta have a part. */
bool comparison_stays(const struct comparison_table *table, const struct comparison *coarse,
                      const struct comparison *fine);

/* Evidence gathered over the observables of one variant: yes where one says yes and none no. Starts
 * as {HOLDS_UNDECIDED}; the text is released by comparison_conclude. */
struct evidence {
  enum holds holds;
  bool barred;   /* from holding: a part is not as claimed, for a reason that denies nothing */
  size_t denied; /* how many parts say no that alone do not decide */
  struct text text;
};

void comparison_add_evidence(struct evidence *evidence, enum holds holds, const char *words);

/* The verdict on a claim "LABEL: CLAIM" of the leader's variant. */
void comparison_conclude(struct results *results, const struct comparison *leader,
                         const char *claim, struct evidence *evidence);

#endif
