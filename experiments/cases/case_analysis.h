/*
 * What the library's analysis makes of a case: exact means of its iterates or of one of its SDEs,
 * and its first SDE as an equation to measure schemes on.
 */
#ifndef EXPERIMENTS_CASES_CASE_ANALYSIS_H
#define EXPERIMENTS_CASES_CASE_ANALYSIS_H

#include "analysis/equation.h"
#include "analysis/oracle.h"
#include "experiments/cases/cases.h"

/* The process that an oracle follows: the iterates, or the SDE s. */
enum { CASE_ITERATES = -1 };

/* The oracle of the recipe's observables; NULL where none applies, as for oracle_of_iterates. */
struct oracle *case_oracle_new(const struct cases *cases, const struct run_case *one, int process,
                               const char **why);

/* The first SDE of a case over the recipe's time; released with equation_optimizer_free before the
 * cases are. */
struct equation *case_equation_new(const struct cases *cases, const struct run_case *one);

#endif
