/*
 * Exact mean losses of the golden case where its SDE is solved with a finite time step: what an
 * estimate by Euler-Maruyama has for its expectation, the scheme's own error included.
 */
#ifndef TESTS_GOLDEN_MOMENTS_H
#define TESTS_GOLDEN_MOMENTS_H

#include "experiments/cases/cases.h"

/* E f of SDE `sde` of a case of the golden quadratics at the case's end time, by Euler-Maruyama
 * with this many substeps, from sde/linear.h. Fails the test where there is no such mean. */
double golden_euler_loss(const struct cases *cases, const struct run_case *one, size_t sde,
                         uint64_t substeps);

#endif
