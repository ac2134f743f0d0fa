/*
 * A gradient rule that reweights as rw-sam does and does not normalise.
 */
#include "models/rule_rw_sam.h"

extern const struct gradient_rule gradient_rule_rw_usam;
const struct gradient_rule gradient_rule_rw_usam = {
    .name = "rw-usam",
    .summary = "USAM whose perturbation weights samples by their gradient norms",
    .micro_batch = MICRO_BATCH_NONE,
    .theory = {.depends = GRADIENT_OF_BATCH},
    .perturb = rw_sam_reweight,
    .workspace_new = rw_sam_workspace_new,
    .workspace_free = rw_sam_workspace_free,
    .keys = rw_sam_keys,
    .read = rw_sam_read,
    .update = "u = g_B(x + rho h), h = sum_i p_i g_i(x), p_i ~ exp(lambda s_i), i in B",
    .regularizer = "none in closed form: F = E u itself",
    .theorem = "none; an example"};
