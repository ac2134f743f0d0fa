/*
 * Reweighted SAM: the perturbation weights the samples of the batch by their gradient norms,
 * sum_i p_i g_i with p_i ~ exp(lambda s_i), s_i = |g_i| or its estimate by one extra forward pass,
 * |f_i(x + delta z) - f_i(x)| / delta along a Rademacher vector z. theory.md section 2.
 */
#ifndef MODELS_RULE_RW_SAM_H
#define MODELS_RULE_RW_SAM_H

#include "models/gradient_rule.h"

/* Its own settings: optimizer->rule_setting[...]; exact norms are 1, the estimate is 0. */
enum { RW_SAM_LAMBDA, RW_SAM_EXACT_NORMS, RW_SAM_DELTA };

/* In place of the scores of a batch, s_i at score[i*width + p]: the weights exp(lambda s_i) /
 * sum_j exp(lambda s_j), for any lambda s_i without overflow. */
void rw_sam_softmax(size_t batch, size_t width, double lambda, double *score);

/* The functions of its row, and e = sum_i p_i g_i as it is, for a rule that does not normalise. */
extern const struct parameter_key rw_sam_keys[];
void *rw_sam_workspace_new(const struct optimizer *optimizer, size_t width);
void rw_sam_workspace_free(void *workspace);
bool rw_sam_read(const struct parameters *given, struct optimizer *optimizer,
                 struct sde_status *status);
void rw_sam_reweight(const struct gradient_draw *draw, size_t width, const double *x, double *e);

#endif
