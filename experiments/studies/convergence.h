/*
 * Convergence: a scheme's strong and weak errors on an equation at several step sizes, each against
 * the solution on the same Brownian path, and the order that they show.
 */
#ifndef EXPERIMENTS_STUDIES_CONVERGENCE_H
#define EXPERIMENTS_STUDIES_CONVERGENCE_H

#include "analysis/equation_solution.h"
#include "analysis/fit.h"
#include "experiments/cases/estimate.h"
#include "experiments/io/progress.h"

/* What is measured. Each number of steps has its own Brownian paths, the same for all schemes,
 * so that the errors at several steps are independent, as fits take them to be. */
struct convergence_task {
  const struct equation *equation;
  const struct sde_scheme *scheme;
  enum equation_error kind;
  bool forced;
  size_t count;
  const uint64_t *steps; /* ascending numbers of steps over the equation's time */
  uint64_t paths;        /* at the fewest steps; weak errors get more at more steps */
  uint64_t seed;
  double bound; /* of divergence */
  int threads;  /* 0 for all */
};

/* error is sqrt(E |X_h - X|^2) or |E phi(X_h) - E phi(X)| at the end, where the mean is over the
 * differences path by path and se is its standard error. */
struct convergence_point {
  double step, error, se;
  uint64_t steps, resolution, paths, diverged;
  bool resolved; /* beyond 2 standard errors and beyond rounding, with no path diverged */
  bool rounding; /* the error is nothing but rounding */
  /* Weak errors: the mean of phi over the solution's paths, and what it should be, NAN where that
   * is not known. */
  double mean, mean_se, expectation;
};

struct convergence {
  const struct equation_observable *observable; /* NULL for the strong error */
  size_t count, resolved;
  struct convergence_point *point;
  bool exact; /* all errors are rounding: there is no slope */
  struct fit fit;
  enum equation_solution_source source;
  char *against; /* what the errors were taken against, for people */
};

/* The lines of a task: one for the strong error, one an observable for weak errors. */
size_t convergence_lines(const struct convergence_task *task);

/* Measure, into as many lines, each released with convergence_clear. False, and the status says
 * why, where the scheme refuses the equation. */
bool convergence_measure(const struct convergence_task *task, struct progress *progress,
                         double work_unit, struct convergence *line, struct sde_status *status);
void convergence_clear(struct convergence *line);

/* Add what convergence_measure takes; tasks that it would refuse add nothing. */
void convergence_estimate(const struct convergence_task *task, struct estimate *estimate);

/* Work of a task, in finest increments; convergence_measure reports it times `work_unit`. */
double convergence_work(const struct convergence_task *task);

#endif
