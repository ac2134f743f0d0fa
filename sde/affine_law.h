/*
 * The law of a step of dX = (c - A X) dt + S dW over a time h: what of
 * C = int e^(-A(h-s)) S dW(s) is a regression on the step's dW and int W ds, and a normal rest that
 * is independent of both. For exponential Euler alone, which says where it is from.
 */
#ifndef SDE_AFFINE_LAW_H
#define SDE_AFFINE_LAW_H

#include "sde/affine_equation.h"

/* All matrices are dim x dim, the root dim x roots. Multiplied by sqrt(h) S, u0 and u1 are the
 * coefficients of xi_0 and xi_1 in C, and sqrt(h) rest is a lower triangular factor of the rest's
 * covariance. The root has S S^T = root root^T and no more columns than dim. */
struct sde_affine_law {
  size_t dim, roots;
  sde_wide *root;
  sde_wide *decay; /* e^(-Ah) - 1, which keeps the digits of what hardly decays */
  sde_wide *u0, *u1, *rest;
};

/* The law over a time dt, released with sde_affine_law_free. It takes O(dim^3) operations in extended
 * precision for each doubling, of which there are log2 of norm(A) dt: a second in all for dim 100. */
struct sde_affine_law sde_affine_law_new(const struct sde_affine_equation *equation, double dt);
void sde_affine_law_free(struct sde_affine_law *law);

/* The product a b, of rows x inner and inner x columns; released with sde_free. */
sde_wide *sde_wide_product(size_t rows, size_t inner, size_t columns, const sde_wide *a,
                           const sde_wide *b);

#endif
