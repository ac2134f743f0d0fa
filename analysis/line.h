/*
 * Systems in one dimension: drift and variance at single points, and the points where the noise
 * vanishes. A path passes those one way at most, so that each is an end of what it can reach; which
 * kind of end is decided as Feller does, from drift and variance beside it.
 */
#ifndef ANALYSIS_LINE_H
#define ANALYSIS_LINE_H

#include "sde/system.h"

#include <stdbool.h>

/* A system of one dimension with scratch for one block; serves one thread. */
struct line {
  const struct sde_system *system;
  void *workspace;
  double *dw, *noise;
};

/* Scratch for a system, which must outlive it, and its release. */
struct line line_new(const struct sde_system *system);
void line_free(struct line *line);

/* Drift a and variance s^2 of a block of SDE_UNIT points. */
void line_at(const struct line *line, const double *x, double *drift, double *variance);

/* What a point where s^2 vanishes is to paths on one side of it. */
enum line_end {
  LINE_REPELS,   /* none gets there: an entrance, or a natural end that the law stays away from */
  LINE_DRAWS,    /* they come ever closer and do not return */
  LINE_PASSES,   /* they go through it in finite time and do not return: an exit */
  LINE_UNCERTAIN /* s^2 vanishes like less than the square of the distance, or in an interval, or
                    cannot be told from rounding */
};

/* A point where s^2 vanishes. */
struct line_zero {
  double x;
  enum line_end end;
};

/* The first point on the way from `from` to `to` where s^2 vanishes, to rounding, and what it is to
 * paths at `from`. It is seen where 1024 steps of the way see s^2 fall and rise again; false where
 * there is none. With a(0) the drift at the point, away from it, and y the distance:
 *   s^2 ~ c y^2, a(0) > 0: p ~ exp(-2 a(0)/(c y)), an entrance; a(0) < 0: an exit;
 *   s^2 ~ c y^2, a ~ k y:  p ~ y^(2k/c - 2), which repels where that can be integrated, 2k/c > 1,
 *                          and else draws (Karlin and Taylor, A Second Course in Stochastic
 *                          Processes, chapter 15.6);
 * where s^2 is of higher order the signs alone decide. */
bool line_find_zero(const struct line *line, double from, double to, struct line_zero *zero);

/* Does s^2 vanish at x, to rounding? */
bool line_vanishes(const struct line *line, double x);

#endif
