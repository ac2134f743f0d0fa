/*
 * Tails: where the noise has so heavy a tail that an observable of the iterates has no variance,
 * and so its mean no standard error to be judged by.
 */
#ifndef EXPERIMENTS_STUDIES_TAILS_H
#define EXPERIMENTS_STUDIES_TAILS_H

#include "experiments/cases/cases.h"

/* May the iterates' observable lack a variance? Student's t with nu degrees of freedom has moments
 * of order below nu. The variance of a coordinate takes the second moment of a step, that of any
 * other observable, such as a quadratic loss, the fourth; and twice that where the perturbation and
 * the gradient there are both random and the noise depends on x, for the step has products of two
 * draws. Losses of higher growth may need more. */
bool tails_are_heavy(const struct cases *cases, const struct optimizer *optimizer,
                     size_t observable);

/* The degrees of freedom of the noise; INFINITY where its tails are not those of Student's t. */
double tails_degrees_of_freedom(const struct cases *cases);

#endif
