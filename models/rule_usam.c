/*
 * USAM and m-USAM: the gradient of the mini-batch, or of each micro-batch, perturbs. arXiv
 * 2509.18001, theorems 3.3 and 3.5.
 */
#include "models/gradient_rule.h"

#define USAM_THEORY                                                                                \
  {                                                                                                \
    .depends = GRADIENT_OF_MICRO_BATCH, .closed_form = GRADIENT_EXPANDED,                          \
    .regularizer = REGULARIZER_HALF_SQUARED_GRADIENT | REGULARIZER_HALF_NOISE_TRACE,               \
    .affine = true, .expands = true                                                                \
  }

extern const struct gradient_rule gradient_rule_usam, gradient_rule_m_usam;
const struct gradient_rule gradient_rule_usam = {
    .name = "usam",
    .summary = "unnormalised SAM: the mini-batch gradient perturbs (m-USAM with m = b)",
    .micro_batch = MICRO_BATCH_WHOLE,
    .theory = USAM_THEORY,
    .update = "u = g_B(x + rho g_B(x))",
    .regularizer = "R = 1/2 |g|^2 + 1/2 c(b) tr V",
    .theorem = "theorem 3.3"};

const struct gradient_rule gradient_rule_m_usam = {
    .name = "m-usam",
    .summary = "unnormalised SAM whose perturbation is that of each micro-batch of m samples",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = USAM_THEORY,
    .update = "u = (m/b) sum_j g_Ij(x + rho g_Ij(x)), micro-batches I_1 .. I_(b/m) partition B",
    .regularizer = "R = 1/2 |g|^2 + 1/2 c(m) tr V",
    .theorem = "theorem 3.5"};
