/*
 * Comparisons: one observable of a case's iterates beside that of one of its SDEs, at the end time,
 * and the verdicts that a set of them supports.
 */
#ifndef EXPERIMENTS_STUDIES_COMPARISON_H
#define EXPERIMENTS_STUDIES_COMPARISON_H

#include "experiments/cases/control.h"
#include "experiments/results/results.h"

struct comparison {
  const struct run_case *one;
  size_t sde, observable; /* indices into the case's SDEs and the recipe's observables */
  const char *name;       /* of the observable, for tables */
  double time;
  struct sde_moments iterates, solution;
  uint64_t iterates_diverged, solution_diverged;
  double start;                          /* the observable at time 0 */
  double difference, difference_se;      /* iterates minus SDE */
  double difference_freedom;             /* degrees of freedom of difference_se */
  bool coupled;                          /* taken path by path, on one Brownian path */
  double variance_reduction;             /* of the difference, by the coupling; NAN without */
  double iterates_gain, solution_gain;   /* by antithetic paths; NAN without */
  double quasi_gain;                     /* by quasi-random paths of the SDE; NAN without */
  struct control_gain control;           /* by a control variate; all NAN without */
  double exact_iterates, exact_solution; /* NAN where no exact mean is known */
  double scheme_error;                   /* estimate of the scheme's own error, no bound */
};

/* Do two rows differ in eta, SDE and observable only? */
bool comparison_same_variant(const struct comparison *a, const struct comparison *b);

/* "m-usam m=2, b 4, rho 0.1", for people: released with sde_free. */
char *comparison_label(const struct comparison *row);

/* How many standard errors the intervals of `count` comparisons are wide, to each side, at the
 * family-wise level of the recipe, each comparison entering up to six of them; normal ones, to be
 * widened by sde_student_quantile. The scheme's error is added to them as it is estimated. */
double comparison_quantile(const struct cases *cases, size_t count);

/* Verdicts in the sense that they could have come out otherwise: the difference shrinks as eta
 * falls, and it grows when the variance term is left out. */
void comparison_verdicts(struct results *results, const struct cases *cases,
                         const struct comparison *all, size_t count);

/* Write rows to compare.csv, as an object of the summary, and their differences to differences.csv,
 * which is made where there is no row, too. */
void comparison_write(struct results *results, const struct comparison *row);
void comparison_write_differences(struct results *results, size_t count,
                                  const struct comparison *rows);
json_t *comparison_json(const struct comparison *row);

/* A table for people, with the exact means where they are known, and what the coupling did. */
void comparison_print(struct results *results, const struct cases *cases,
                      const struct comparison *all, size_t count);

#endif
