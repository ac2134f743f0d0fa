/*
 * The Brownian path of a step: a row of independent increments over the finest step, with the
 * iterated integrals that schemes ask for. A coarser step is composed of its fine ones (increments
 * add, areas by Chen's relation), so that two step sizes see one path.
 */
#ifndef SDE_WIENER_H
#define SDE_WIENER_H

#include "sde/quasi.h"
#include "sde/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a scheme asks for besides the increments; no scheme asks for both kinds of areas, and time
 * integrals are jointly right with the increments but not with the areas. */
enum sde_wiener_needs {
  SDE_WIENER_INCREMENTS = 0,
  SDE_WIENER_TIME_INTEGRALS = 1, /* I_(k,0), the integral of W_k - W_k(start) over the step */
  SDE_WIENER_LEVY_AREAS = 2,     /* in law, to the strong order 1: sde/levy_area.h */
  SDE_WIENER_WEAK_AREAS = 4,     /* of the finest steps: +-h/2, to weak order 2 */
  SDE_WIENER_NORMALS = 8         /* more standard normals, drawn anew for each step of any length */
};

/* A Brownian path. The finest step's increment is normal with variance fine_step. */
struct sde_wiener {
  struct sde_stream stream;
  size_t noise_dim;
  double fine_step;              /* the time that one finest increment spans */
  unsigned needs;                /* of enum sde_wiener_needs */
  size_t normals;                /* how many, for SDE_WIENER_NORMALS */
  bool negated;                  /* the path -W, with the areas of W, which are its own */
  const struct sde_quasi *quasi; /* its coarse increments; NULL where all is pseudo-random */
};

/* What a step is driven by; an array that was not asked for is NULL. */
struct sde_increments {
  const double *dw;            /* dw[k*width + p] */
  const double *time_integral; /* likewise */
  /* area[(k*(k-1)/2 + j)*width + p] = (I_(j,k) - I_(k,j)) / 2 for j < k, where I_(j,k) integrates
   * dW_j first: I_(j,k) = dW_j dW_k / 2 + area, I_(k,j) = dW_j dW_k / 2 - area. */
  const double *area;
  const double *normal; /* normal[l*width + p] */
};

/* Memory for one thread and one width. */
struct sde_wiener_workspace;
struct sde_wiener_workspace *sde_wiener_workspace_new(const struct sde_wiener *wiener,
                                                      size_t width);
void sde_wiener_workspace_free(struct sde_wiener_workspace *workspace);

/* The step over fine steps first .. first + count - 1, for paths first_path + p. The arrays are the
 * workspace's, and stand until the next draw. */
struct sde_increments sde_wiener_draw(const struct sde_wiener *wiener,
                                      struct sde_wiener_workspace *workspace, uint64_t first_path,
                                      size_t width, uint64_t first, uint64_t count);

/* The increments alone, of a path that is not quasi-random: dw[k*width + p]; scratch has as many
 * numbers, noise_dim * width. */
void sde_wiener_increment(const struct sde_wiener *wiener, uint64_t first_path, size_t width,
                          uint64_t first, uint64_t count, double *dw, double *scratch);

#endif
