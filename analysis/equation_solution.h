/*
 * What a scheme's path is held against: the solution of an equation along the same Brownian path,
 * or what stands in for it, as a process that goes to the equation's end in one step.
 */
#ifndef ANALYSIS_EQUATION_SOLUTION_H
#define ANALYSIS_EQUATION_SOLUTION_H

#include "analysis/equation.h"
#include "sde/process.h"

/* Which error is taken: that of paths, or that of expectations. */
enum equation_error { EQUATION_ERROR_STRONG, EQUATION_ERROR_WEAK };

/* What stands for the solution. */
enum equation_solution_source {
  EQUATION_SOLUTION_EXACT,    /* the flow */
  EQUATION_SOLUTION_MOMENTS,  /* weak errors: exact moments; the path is Euler-Maruyama's, with its
                                 own */
  EQUATION_SOLUTION_REFERENCE /* the scheme of the highest order, at a much finer step */
};

/* A solution to hold paths against, filled in by equation_solution_new. */
struct equation_solution {
  /* What stands for the solution. */
  enum equation_solution_source source;
  const struct sde_scheme *scheme; /* the process's; NULL for the flow */
  uint64_t resolution;             /* finest increments of the Brownian path over the whole time */
  struct sde_process *process;
  double *excess;      /* E of each observable of the process, less that of the solution */
  double *expectation; /* E of each observable of the process; NAN where not known */
};

/* The path is drawn from the stream for a scheme that makes `steps` steps, so finely that the
 * reference is well below the scheme's errors. `needs` are the scheme's of the path. Released with
 * equation_solution_free; the equation must outlive it. */
struct equation_solution *equation_solution_new(
    const struct equation *equation,
    /* Which error is taken: that of paths, or that of expectations. */
    enum equation_error kind, unsigned needs, uint64_t steps, struct sde_stream stream);
void equation_solution_free(struct equation_solution *solution);

/* For people: "exact", "exact moments", "milstein at 1/16 of the step". */
char *equation_solution_described(const struct equation_solution *solution, uint64_t steps);

#endif
