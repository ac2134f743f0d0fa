/*
 * Student's t: draws for heavy-tailed noise, by addressed randomness.
 */
#ifndef MODELS_STUDENT_H
#define MODELS_STUDENT_H

#include "sde/random.h"

/* Degrees of freedom that are drawn without overflow, and to 1e-10 of themselves. */
#define STUDENT_LEAST 0.5
#define STUDENT_MOST 1e6

/* out[k*width + p], k < count: the mean of `size` independent t of these degrees of freedom, by the
 * polar method of R. W. Bailey, Math. Comp. 62 (1994): sqrt(nu (u^(-2/nu) - 1)) cos(2 pi v) for
 * uniform u and v. Every mean takes 2 * size uniform numbers, less than 2^25 in all; width is a
 * multiple of SDE_UNIT. */
void student_means(double degrees_of_freedom, const struct sde_address *at, size_t width,
                   size_t size, size_t count, double *out);

#endif
