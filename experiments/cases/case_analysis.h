/*
 * What the library's analysis makes of a case: exact means of its iterates or of one of its SDEs,
 * and its first SDE as an equation to measure schemes on.
 */
#ifndef EXPERIMENTS_CASES_CASE_ANALYSIS_H
#define EXPERIMENTS_CASES_CASE_ANALYSIS_H

#include "analysis/equation.h"
#include "analysis/oracle.h"
#include "experiments/cases/cases.h"

/* The oracle of the recipe's observables of one side; NULL where none applies, as for
 * oracle_of_iterates. */
struct oracle *case_oracle_new(const struct cases *cases, const struct run_case *one, size_t side,
                               const char **why);

/* The first SDE of a case over the recipe's time; released with equation_optimizer_free before the
 * cases are. */
struct equation *case_equation_new(const struct cases *cases, const struct run_case *one);

#endif
