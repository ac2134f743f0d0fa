/*
 * The losses of a network's scores s, for a unit of paths: l = 1/2 (s - y)^2 where there is one
 * class, else l = -log softmax(s)_y. Private to mlp_network.c.
 */
#ifndef MODELS_MLP_SCORES_H
#define MODELS_MLP_SCORES_H

#include <stddef.h>

/* All arrays are [class*SDE_UNIT + p], y and value [p]; y is a number, or the class. score is
 * changed: its largest is subtracted, so that nothing overflows. share is scratch. */
void mlp_scores_value(size_t classes, double *score, const double *y, double *share, double *value);

/* first = dl/ds; share = softmax(s), where there is more than one class. */
void mlp_scores_first(size_t classes, double *score, const double *y, double *share, double *first);

/* second = the derivative of dl/ds along score_dot, with the share of mlp_scores_first. */
void mlp_scores_second(size_t classes, const double *share, const double *score_dot,
                       double *second);

#endif
