/*
 * Systems: an Ito equation dX = a(X, t) dt + sum_k b_k(X, t) dW_k, evaluated on a block of paths.
 * A system never forms its diffusion matrix: it gives the drift and the matrix times a vector,
 * which is all that a scheme asks for.
 */
#ifndef SDE_SYSTEM_H
#define SDE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of the columns b_k of the diffusion, most special first. */
enum sde_noise_class {
  SDE_NOISE_ADDITIVE,    /* b does not depend on X */
  SDE_NOISE_SCALAR,      /* one Wiener process */
  SDE_NOISE_DIAGONAL,    /* b_k has only its k-th entry, which depends on X_k alone */
  SDE_NOISE_COMMUTATIVE, /* Db_k b_j = Db_j b_k */
  SDE_NOISE_GENERAL,
  SDE_NOISE_CLASSES
};

/* "additive", "scalar", ... */
const char *sde_noise_class_name(enum sde_noise_class noise);

/* Where a system is evaluated: the time, and the address for systems that draw random numbers of
 * their own (path p of the block is first_path + p; step counts the finest Wiener increments, so
 * that two step sizes draw the same numbers at the same time). */
struct sde_instant {
  double time;
  uint64_t first_path;
  uint64_t step;
};

/* Paths of a block on which an equation has had no value since the paths began: path[p], and
 * whether there is any. Part of the workspace of a system that can fail. */
struct sde_failures {
  bool any;
  bool *path;
};

/* An equation, by its functions; filled in by the caller. */
struct sde_system {
  const char *name;
  size_t dim, noise_dim;
  enum sde_noise_class noise;
  const void *context;
  /* Scratch for one thread and this width; NULL functions where none is needed. */
  void *(*workspace_new)(const struct sde_system *system, size_t width);
  void (*workspace_free)(void *workspace);
  /* drift[i*width + p] = a_i and noise[i*width + p] = sum_k b_ik dw[k*width + p], at
   * x[i*width + p]. width is a multiple of SDE_UNIT. drift may be NULL, or dw and noise. No array
   * overlaps another. */
  void (*evaluate)(const struct sde_system *system, void *workspace, const struct sde_instant *at,
                   size_t width, const double *x, const double *dw, double *drift, double *noise);
  /* For systems that may have no value at some x (the logarithm of a negative number, an inner
   * iteration that does not converge), else NULL: where the workspace keeps the failures. evaluate
   * leaves NAN in path p of what it was asked for, for callers that keep no list, and says so by
   * sde_system_fail; it touches no other path. A solution's path then ends, whatever the scheme
   * makes of it, and an ensemble counts it with those that diverged and apart from them. */
  struct sde_failures *(*failures)(void *workspace);
  /* Its drift or diffusion draws random numbers afresh each step: then what it estimates is noisy,
   * by an amount in proportion to the step, and no scheme's weak order is above 1. */
  bool draws;
  /* For diagonal noise whose derivative is known: product[i*width + p] = b_ii db_ii/dx_i at x,
   * with which Milstein's scheme needs no second evaluation. NULL: it takes a difference. */
  void (*own_derivative)(const struct sde_system *system, void *workspace,
                         const struct sde_instant *at, size_t width, const double *x,
                         double *product);
};

/* What the system's own functions give; NULL where it has none. */
void *sde_system_workspace_new(const struct sde_system *system, size_t width);
void sde_system_workspace_free(const struct sde_system *system, void *workspace);
struct sde_failures *sde_system_failures(const struct sde_system *system, void *workspace);

/* No path of `width` has failed yet; released with sde_failures_free. */
struct sde_failures sde_failures_new(size_t width);
void sde_failures_clear(struct sde_failures *failures, size_t width);
void sde_failures_free(struct sde_failures *failures);

/* The equation has no value on path p of the block. */
static inline void sde_system_fail(struct sde_failures *failures, size_t p)
{
  failures->any = true;
  failures->path[p] = true;
}

/* The linear system dX = -A (X - c) dt + S dW with constant matrices: matrix A is dim x dim, S is
 * dim x noise_dim, both row-major, c has dim entries or is NULL for zero. The arrays are copied. */
struct sde_system *sde_linear_system_new(size_t dim, size_t noise_dim, const double *a,
                                         const double *c, const double *s);
void sde_linear_system_free(struct sde_system *system);

#endif
