/*
 * Exact lines: where the exact means of iterates and SDE are known, their differences at smaller
 * learning rates than those of the recipe, so that verdicts rest on what happens as eta goes to
 * zero.
 */
#ifndef EXPERIMENTS_STUDIES_EXACT_LINE_H
#define EXPERIMENTS_STUDIES_EXACT_LINE_H

#include "analysis/error_line.h"
#include "experiments/cases/cases.h"

/* To a line of exact differences of an SDE and an observable against eta, add those at halves of
 * its smallest eta, that of the case `one`, over the same time, and fit it anew. It stays as it is
 * where that is no known direction for each eta (another update rule), where the iterates explode at
 * the recipe's smallest eta (stability.h), or where it would take long (more than ten dimensions). The line's points are replaced, and are to be released as before. */
void exact_line_extend(const struct cases *cases, const struct run_case *one, size_t sde,
                       size_t observable, struct error_line *line);

#endif
