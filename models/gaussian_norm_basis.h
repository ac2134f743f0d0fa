/*
 * The eigenvectors of a covariance that all paths share: what gaussian_norm.c makes, for it and for
 * gaussian_direction.c; private to them.
 */
#ifndef MODELS_GAUSSIAN_NORM_BASIS_H
#define MODELS_GAUSSIAN_NORM_BASIS_H

#include <stddef.h>

/* Eigenvalues and eigenvectors of a covariance. */
struct gaussian_norm_basis {
  size_t dim;
  double *eigenvalue;           /* no less than 0 */
  double *vectors, *transposed; /* [i*dim + k]: component i of eigenvector k, and [k*dim + i] */
};

#endif
