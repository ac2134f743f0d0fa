/*
 * What theory leaves of the difference between iterates and SDE as eta goes to zero: the terms in
 * rho that the SDE does not have. theory.md section 3.
 */
#ifndef EXPERIMENTS_STUDIES_REMAINDER_H
#define EXPERIMENTS_STUDIES_REMAINDER_H

#include "experiments/cases/cases.h"

/* Does the SDE leave out a term of first order in rho that this optimizer has? Then the difference
 * has a part that does not fall with eta, for rho > 0. */
bool remainder_is_first_order(const struct cases *cases, const struct optimizer *optimizer,
                              const struct limit_options *options);

/* Has the difference parts of higher order in rho? To first order in eta they vanish with it where
 * the drift has none: for quadratic losses without normalisation. */
bool remainder_has_higher_orders(const struct cases *cases, const struct optimizer *optimizer,
                                 const struct limit_options *options);

/* May a part of order rho^2 show as eta falls, where the SDE is expanded to first order in rho? */
bool remainder_is_second_order(const struct cases *cases, const struct optimizer *optimizer,
                               const struct limit_options *options);

#endif
