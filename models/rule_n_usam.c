/*
 * n-USAM and n-SAM: the full gradient perturbs, as it is or normalised. arXiv 2509.18001, theorems
 * 3.4 and 3.7 (3.6 to 3.8 cover the normalised forms; which is which is inferred).
 */
#include "models/optimizer.h"

extern const struct gradient_rule gradient_rule_n_usam, gradient_rule_n_sam;
const struct gradient_rule gradient_rule_n_usam = {
    .name = "n-usam",
    .summary = "unnormalised SAM whose perturbation is the full gradient",
    .micro_batch = MICRO_BATCH_NONE,
    .theory = {.depends = GRADIENT_OF_POINT,
               .closed_form = GRADIENT_FULL,
               .regularizer = REGULARIZER_HALF_SQUARED_GRADIENT,
               .affine = true,
               .expands = true},
    .update = "u = g_B(x + rho g(x))",
    .regularizer = "R = 1/2 |g|^2",
    .theorem = "theorem 3.4"};

const struct gradient_rule gradient_rule_n_sam = {
    .name = "n-sam",
    .summary = "SAM whose perturbation is the normalised full gradient",
    .micro_batch = MICRO_BATCH_NONE,
    .theory = {.depends = GRADIENT_OF_POINT,
               .closed_form = GRADIENT_FULL_UNIT,
               .regularizer = REGULARIZER_GRADIENT_NORM,
               .normalized = true,
               .expands = true},
    .perturb = gradient_perturb_by_unit,
    .update = "u = g_B(x + rho g(x)/|g(x)|)",
    .regularizer = "R = |g|",
    .theorem = "theorem 3.7"};
