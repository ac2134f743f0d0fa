/*
 * The inverse of the standard normal distribution function, to the same bits on all processors with
 * fused operations. Wichura, "Algorithm AS 241: The percentage points of the normal distribution",
 * Applied Statistics 37 (1988), to about 1e-15.
 */
#ifndef SDE_INVERSE_NORMAL_H
#define SDE_INVERSE_NORMAL_H

#include <stddef.h>

/* normal[i] such that a standard normal is below it with probability[i], strictly between 0 and 1;
 * count is a multiple of 8. normal may not be probability. */
void sde_inverse_normal(size_t count, const double *probability, double *normal);

#endif
