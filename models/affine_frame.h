/*
 * Frames: where an affine process lives, and on what scale. Polynomials in x - centre, learnt a few
 * multiples of that scale from it, keep their digits where paths go; those in x itself, learnt
 * about the origin, lose them where the optimum is far from it.
 */
#ifndef MODELS_AFFINE_FRAME_H
#define MODELS_AFFINE_FRAME_H

#include "sde/system.h"

/* dim numbers each. The centre is a zero of the drift, or where that has none, a point where it is
 * least, to 48 binary digits; steps are powers of two, so that centre +- step is exact. */
struct affine_frame {
  size_t dim;
  double *centre;
  double *step;   /* the size of the way from the start to the centre, in a norm of the drift */
  double *spread; /* standard deviations about the centre at rest, roughly; 0 where unknown */
  double *offset; /* start - centre */
};

/* That of a system with an affine drift, by evaluating it; start NULL is the origin. */
struct affine_frame *affine_frame_new(const struct sde_system *general, const double *start);

/* The origin and unit steps. */
struct affine_frame *affine_frame_unit(size_t dim);
void affine_frame_free(struct affine_frame *frame);

/* Points that determine a quadratic polynomial in d variables: their number, rounded up to a block
 * width; the points x[i*width + p]; and the coefficients of z_a z_b, z = (x - centre, 1), at
 * a*(a+1)/2 + b, from its values at them. */
size_t affine_points(size_t d);
void affine_set_points(const struct affine_frame *frame, size_t width, double *x);
void affine_interpolate(const struct affine_frame *frame, const double *value, double *coefficient);

/* Where centre +- step_j is among these points. */
size_t affine_plus_point(size_t j);
size_t affine_minus_point(size_t d, size_t j);

#endif
