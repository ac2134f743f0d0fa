/*
 * Scores: fixed numbers of mean 0 and given mean square that stand for noise in a finite sum, so
 * that means and covariances over the samples are exact and nothing is drawn.
 */
#ifndef MODELS_SCORES_H
#define MODELS_SCORES_H

#include <stddef.h>

/* score[i] = Phi^-1((i + 1/2) / n), scaled to the mean square deviation^2; their mean is 0 by
 * symmetry. One score is 0. */
void scores_normal(size_t n, double deviation, double *score);

/* count sequences of n numbers, score[k*n + i], each of mean 0 and mean square deviation[k]^2, and
 * any two uncorrelated: the Fourier basis on n points. n is above count where any deviation is
 * above 0. */
void scores_uncorrelated(size_t n, size_t count, const double *deviation, double *score);

#endif
