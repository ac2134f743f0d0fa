/*
 * Equations with known solutions, at least one of each class of noise: the law of X(t), and its
 * paths given what a scheme knows of the Brownian path.
 */
#ifndef TESTS_KNOWN_EQUATIONS_H
#define TESTS_KNOWN_EQUATIONS_H

#include "sde/system.h"
#include "sde/wiener.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Widest block that solutions are asked for, and most components. */
enum { KNOWN_WIDTH = 64, KNOWN_DIM = 4 };

/* From `start` at time 0. */
struct known_equation {
  struct sde_system system;
  double time, start[KNOWN_DIM]; /* paths are followed up to this time */
  bool affine;                   /* drift and columns are affine in x */
  /* x(time), given w = W(time) and a sign: where w does not determine the last component, that is
   * its mean given w, and above it or below by its standard deviation, so that all moments up to
   * the second in this component are right. */
  void (*law)(const struct known_equation *equation, double time, const double *w, double sign,
              double *x);
  /* x(time) of the Brownian path that sde/wiener gives in `steps` steps; where what `wiener` asks
   * for does not determine it, its expectation given that, which leaves the mean square
   * `unresolved`. NULL: the law, at the path's end. */
  void (*solution)(const struct known_equation *equation, const struct sde_wiener *wiener,
                   uint64_t steps, uint64_t first_path, size_t width, double *x);
  double (*unresolved)(const struct known_equation *equation, unsigned needs, uint64_t steps);
};

/* In the order of their noise classes. */
enum { KNOWN_EQUATIONS = 12, KNOWN_ADDITIVE = 2, KNOWN_DIAGONAL = 5, KNOWN_GENERAL = 10 };
extern const struct known_equation known_equations[KNOWN_EQUATIONS];

/* The end of the paths first_path + p: x[i*width + p]. `needs` are those of a scheme; of its areas
 * only true ones are part of a path. */
void known_solution(const struct known_equation *equation, struct sde_stream stream, unsigned needs,
                    uint64_t steps, uint64_t first_path, size_t width, double *x);

/* The mean square distance of a path from that. */
double known_unresolved(const struct known_equation *equation, unsigned needs, uint64_t steps);

/* The context of all systems but those of areas: drift rates, and the row of each component in its
 * noise, row_i dW. For a rotation: real and imaginary part of a, then of each b_k. */
struct known_coefficients {
  double rate[2], row[2][2];
};

/* sum_k row_ik w[k*stride], sum_k row_ik^2, and a complex number from its parts. */
double known_row_times(const struct sde_system *system, size_t i, const double *w, size_t stride);
double known_row_square(const struct sde_system *system, size_t i);
double complex known_complex(const double *parts);

/* dZ = Z (a dt + sum_k b_k dW_k) in complex numbers: such an equation's evaluate. */
void known_rotation(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                    size_t width, const double *x, const double *dw, double *drift, double *noise);

#endif
