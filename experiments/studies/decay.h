/*
 * Decay: where a loss knows the rate at which the mean of an observable decays, the measured rates
 * of iterates and SDE beside the closed form.
 */
#ifndef EXPERIMENTS_STUDIES_DECAY_H
#define EXPERIMENTS_STUDIES_DECAY_H

#include "experiments/studies/comparison.h"

/* Report one comparison: a row of decay.csv and of the summary's decays, a line for people, and,
 * where the closed form has a variance term, the verdict whether the iterates' rate is nearer to
 * it with that term than without. Nothing where no closed form applies. */
void decay_report(struct results *results, const struct cases *cases, const struct comparison *row,
                  double quantile);

#endif
