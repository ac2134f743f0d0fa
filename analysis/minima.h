/*
 * Minima: the local minima of a function on a box in one or two dimensions, from all points of a
 * grid that lie below their neighbours, each polished.
 */
#ifndef ANALYSIS_MINIMA_H
#define ANALYSIS_MINIMA_H

#include <stdbool.h>
#include <stddef.h>

/* The largest number of dimensions. */
enum { MINIMA_DIM = 2 };

/* A grid of `resolution` points a side over the box, ends included. */
struct minima_box {
  size_t dim, resolution;
  double low[MINIMA_DIM], high[MINIMA_DIM];
};

/* How many points the grid has, and point i of it, coordinate 0 running slowest. */
size_t minima_points(const struct minima_box *box);
void minima_point(const struct minima_box *box, size_t i, double *x);

/* A local minimum, polished. */
struct minimum {
  double x[MINIMA_DIM], value;
  double curvature[MINIMA_DIM]; /* eigenvalues of the Hessian by differences, ascending */
  bool flat;                    /* the least is nothing beside the largest: one of a curve */
};

/* The minima of a function that has these values on the grid, by ascending value; *count of them,
 * released with sde_free. Each is polished by the simplex method of Nelder and Mead, which asks for
 * no derivatives (|g| has none where it is least), started anew until it gains nothing. Of
 * several within a cell of the grid the lowest is kept; those on the border are left out. */
struct minimum *minima_find(const struct minima_box *box, const double *values,
                            double (*evaluate)(void *context, const double *x), void *context,
                            size_t *count);

#endif
