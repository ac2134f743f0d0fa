/*
 * SAM and m-SAM: the normalised gradient of the mini-batch, or of each micro-batch, perturbs. arXiv
 * 2509.18001, theorems 3.6 and 3.8 (3.6 to 3.8 cover the normalised forms; which is which is
 * inferred).
 */
#include "models/optimizer.h"

#define SAM_THEORY                                                                                 \
  {                                                                                                \
    .depends = GRADIENT_OF_MICRO_BATCH, .closed_form = GRADIENT_NORM,                              \
    .regularizer = REGULARIZER_MEAN_NORM, .normalized = true, .expands = true                      \
  }

extern const struct gradient_rule gradient_rule_sam, gradient_rule_m_sam;
const struct gradient_rule gradient_rule_sam = {
    .name = "sam",
    .summary = "SAM: the normalised mini-batch gradient perturbs (m-SAM with m = b)",
    .micro_batch = MICRO_BATCH_WHOLE,
    .theory = SAM_THEORY,
    .perturb = gradient_perturb_by_unit,
    .update = "u = g_B(x + rho g_B(x)/|g_B(x)|)",
    .regularizer = "R = E|g_B|",
    .theorem = "theorem 3.6"};

const struct gradient_rule gradient_rule_m_sam = {
    .name = "m-sam",
    .summary = "SAM whose perturbation is that of each micro-batch of m samples",
    .micro_batch = MICRO_BATCH_GIVEN,
    .theory = SAM_THEORY,
    .perturb = gradient_perturb_by_unit,
    .update = "u = (m/b) sum_j g_Ij(x + rho g_Ij(x)/|g_Ij(x)|), micro-batches I_1 .. I_(b/m) "
              "partition B",
    .regularizer = "R = E|g_I|, |I| = m",
    .theorem = "theorem 3.8"};
