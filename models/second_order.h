/*
 * The second order in eta of a drift a = -F: from F to F + (eta/2)(DF F - d_t F), so from a to
 * a - (eta/2)(Da a + d_t a), by central differences. Li, Tai, E, JMLR 20 (2019); theory.md
 * sections 3 and 12.
 */
#ifndef MODELS_SECOND_ORDER_H
#define MODELS_SECOND_ORDER_H

#include "sde/system.h"

/* A drift, and what is known of it. */
struct second_order {
  double eta;
  size_t dim;
  bool affine; /* in x */
  bool varies; /* with time */
  /* a(x) at the instant moved by `ahead` in time, along the tangent of what varies. */
  void (*drift)(void *context, const struct sde_instant *at, double ahead, size_t width,
                const double *x, double *drift);
};

/* Scratch of one thread for blocks of this width. */
struct second_order_workspace {
  double *step, *before, *after, *end;
};
/* Scratch for a dimension and a width, and its release. */
struct second_order_workspace second_order_workspace_new(size_t dim, size_t width);
void second_order_workspace_free(struct second_order_workspace *workspace);

/* drift holds a at x, and is replaced. Where a is estimated from fresh directions, its derivatives
 * come from others than a: the product of two estimates must have independent errors. */
void second_order_apply(const struct second_order *order, struct second_order_workspace *workspace,
                        void *context, const struct sde_instant *at, size_t width, const double *x,
                        double *drift);

#endif
