/*
 * Mathematics in a report, as MathML: an optimizer's update, the SDE that stood for it, and the
 * equations on which schemes are measured. theory.md section 3; arXiv 2509.18001.
 */
#ifndef EXPERIMENTS_REPORT_REPORT_MATHEMATICS_H
#define EXPERIMENTS_REPORT_REPORT_MATHEMATICS_H

#include "experiments/io/text.h"
#include "models/limit.h"
#include "models/optimizer.h"

/* The update x <- x - eta u, the direction u, and the regulariser R. */
void mathematics_update(struct text *page, const struct gradient_rule *rule);

/* The SDE of these orders, with and without the variance term, of sampling or of Gaussian noise
 * potentials: the equation, F, Sigma, and the weak error that theory leaves it. */
void mathematics_sde(struct text *page, const struct gradient_rule *rule,
                     const struct limit_options *options, bool gaussian);

/* What the symbols mean; c(s) as the recipe's `sampling` has it, "" where that is not known. */
void mathematics_symbols(struct text *page, const char *sampling);

/* An equation of the study `converge` by its name; false where there is none of the name. */
bool mathematics_equation(struct text *page, const char *name);

#endif
