/*
 * Verdicts of the study `converge`: do schemes show their orders, and are the solutions that they
 * are held against what they are taken for?
 */
#ifndef EXPERIMENTS_STUDIES_CONVERGENCE_JUDGE_H
#define EXPERIMENTS_STUDIES_CONVERGENCE_JUDGE_H

#include "experiments/studies/convergence_trials.h"

/* Has the line of a trial that was measured the order that the scheme declares; is there no error
 * where it is exact; is its order lost where it is forced? An interval is `quantile` standard
 * errors wide to each side, by Student's law of the point with the fewest paths. */
void convergence_judge_fit(struct results *results, const struct convergence_trial *trial,
                           const struct convergence *line, double quantile);

/* The largest deviation of an equation's solutions from their known moments, over what sampling
 * allows, `quantile` standard errors and more on few paths, by Student's law; over the paths that
 * its first scheme was held against: all schemes see the same. Returns how many moments were
 * compared. */
size_t convergence_worst_moment(const struct convergence_trials *trials,
                                const struct equation *equation, double quantile, double *worst);

/* Are an equation's solutions what they are taken for, by their known moments? */
void convergence_judge_moments(const struct convergence_trials *trials,
                               const struct equation *equation, double quantile);

#endif
