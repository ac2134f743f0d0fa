/*
 * The random vector w of a gradient rule on micro-batches that are given: as the iterates take it,
 * or to first order in rho. For optimizer.c, which draws them, and for the forms of a limit, which
 * enumerate or draw them.
 */
#ifndef MODELS_OPTIMIZER_GRADIENT_H
#define MODELS_OPTIMIZER_GRADIENT_H

#include "models/optimizer.h"

/* Without perturbation, w_j = g_Ij(x); to first order in rho, w_j = g_Ij(x) + rho H_Ij(x) e_j; or
 * the rule's w_j itself. */
enum gradient_expansion { GRADIENT_PLAIN, GRADIENT_LINEAR_IN_RHO, GRADIENT_EXACT };

/* Scratch of one thread for directions on blocks of one width. */
struct optimizer_workspace {
  struct micro_batches batches;
  void *rule; /* the gradient rule's own, and its release */
  void (*rule_free)(void *workspace);
  struct program_workspace *program;
  double *perturbation, *point, *product, *gradient, *scratch; /* dim * width each */
};

/* A workspace for these micro-batches, which it owns from now on. */
struct optimizer_workspace *optimizer_workspace_of(const struct optimizer *optimizer,
                                                   struct micro_batches batches, size_t width);

/* One step of an optimizer that is a program, from y to `next`, which may be y. */
void optimizer_run_program(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                           const struct sde_address *at, double number, size_t width,
                           const double *y, double *next);

/* e(x) of a rule that is GRADIENT_OF_POINT, in place of g(x) in e. */
void optimizer_perturb_point(const struct optimizer *optimizer,
                             struct optimizer_workspace *workspace, size_t width, const double *x,
                             double *e);

/* w_j of micro-batch j, and w, the mean of them, with the micro-batches that stand in the
 * workspace; `at` is for rules that draw numbers of their own, and else may be NULL. */
void optimizer_micro_gradient(const struct optimizer *optimizer,
                              struct optimizer_workspace *workspace, const struct sde_address *at,
                              enum gradient_expansion expansion, size_t width, size_t j,
                              const double *x, double *w);
void optimizer_batch_gradient(const struct optimizer *optimizer,
                              struct optimizer_workspace *workspace, const struct sde_address *at,
                              enum gradient_expansion expansion, size_t width, const double *x,
                              double *w);

#endif
