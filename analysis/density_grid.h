/*
 * The grid of a stationary density: nodes that are even in a coordinate z, in which the ends of the
 * interval are at infinity, with drift, noise and the logarithm of the density there.
 */
#ifndef ANALYSIS_DENSITY_GRID_H
#define ANALYSIS_DENSITY_GRID_H

#include "analysis/line.h"
#include "sde/status.h"

#include <stddef.h>

/* How near to a point where the noise vanishes drift and noise are still known beside their
 * rounding, as a share of that point or of the distance of the start. */
#define DENSITY_NEAREST 1e-10

/* The interval that the path keeps to, an end being infinite where nothing ends it: x = z;
 * low + e^z; high - e^-z; low + (high - low)/(1 + e^-z). */
struct density_range {
  double low, high;
};

/* x at a z, and z at an x. */
double density_x_of(struct density_range range, double z);
double density_z_of(struct density_range range, double x);

/* How far z may go from x: to where numbers still tell the distance of an end, or to `reach`. */
struct density_range density_limits_of(struct density_range range, double x, double reach);

/* Values at the nodes of a grid, even in z. */
struct density_grid {
  struct density_range range;
  size_t count;
  double low, step;
  double *x, *stretch, *drift, *variance;
  double *logarithm; /* of the density of z, the largest being 0 */
};

/* `count` nodes from z = low to high, whole blocks. False, and the status says why, where drift or
 * noise is not finite, or the noise vanishes, at a node. */
bool density_grid_new(const struct line *line, struct density_range range, double low, double high,
                      size_t count, struct density_grid *grid, struct sde_status *status);
void density_grid_free(struct density_grid *grid);

/* int from node i to node i + 1 of the cubic through the four nodes around. */
double density_cell_integral(size_t count, double step, const double *y, size_t i);

#endif
