/*
 * The sharpness lambda_max(H): the largest eigenvalue of the full loss's Hessian, by the Lanczos
 * method on Hessian-vector products (Golub, Van Loan, Matrix Computations, chapter 10).
 */
#ifndef MODELS_HESSIAN_MAX_H
#define MODELS_HESSIAN_MAX_H

#include "models/loss.h"

/* out[p] at x[i*width + p], width a multiple of SDE_UNIT; the algebraically largest, which may be
 * negative, and NAN where the Hessian is not finite. Up to 64 dimensions it is right to about 1e-12
 * of the largest |eigenvalue|; beyond, 64 steps are made, and what they find is at most too small.
 * scratch has hessian_max_scratch(dim) numbers, whatever the width. */
size_t hessian_max_scratch(size_t dim);
void hessian_max(const struct loss *loss, size_t width, const double *x, double *out,
                 double *scratch);

#endif
