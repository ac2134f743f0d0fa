/*
 * The plain stochastic gradient, w = g_B(x): with the update rule sgd this is SGD. Li, Tai, E, JMLR
 * 20 (2019); theory.md section 2.
 */
#include "models/gradient_rule.h"

extern const struct gradient_rule gradient_rule_plain;
const struct gradient_rule gradient_rule_plain = {
    .name = "sgd",
    .summary = "stochastic gradient descent",
    .micro_batch = MICRO_BATCH_NONE,
    .theory = {.depends = GRADIENT_UNPERTURBED, .affine = true, .expands = true},
    .update = "u = g_B(x)",
    .regularizer = "R = 0",
    .theorem = "Li, Tai, E 2017, theorem 9 (no perturbation, so no term in rho)"};
