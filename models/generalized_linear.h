/*
 * Generalised linear losses f_i(x) = l(a_i . x, y_i) + 1/2 sum_j ridge_j x_j^2 on the rows of a CSV
 * file: what linear and logistic regression share. A loss gives its l and derivatives in s = a.x.
 */
#ifndef MODELS_GENERALIZED_LINEAR_H
#define MODELS_GENERALIZED_LINEAR_H

#include "models/features.h"
#include "models/loss.h"

/* The data of a loss, and its l. */
struct generalized_linear {
  double *a;     /* [sample*d + j]: features, then 1 where there is an intercept */
  double *y;     /* [sample] */
  double *ridge; /* [j]; 0 for the intercept */
  /* value[p] = l(s[p], y[p]); first[p] = l'; second[p] = l''. first or second may be NULL. */
  void (*link)(size_t width, const double *s, const double *y, double *value);
  void (*derivatives)(size_t width, const double *s, const double *y, double *first,
                      double *second);
};

/* Rows for the key tables of the losses: FEATURES_KEYS, intercept, ridge. */
#define GENERALIZED_LINEAR_KEYS                                                                    \
  FEATURES_KEYS,                                                                                   \
      {.name = "intercept",                                                                        \
       .type = PARAMETER_BOOL,                                                                     \
       .fallback = "true",                                                                         \
       .help = "add a last coordinate whose feature is 1"},                                        \
  {                                                                                                \
    .name = "ridge", .type = PARAMETER_REAL, .low = 0, .high = 1e12, .fallback = "0",              \
    .help = "add ridge/2 times the squared coordinates, the intercept left out"                    \
  }

/* Read the data, with a target of two classes or of numbers, and fill loss and *model but for its
 * two functions. Every start is allowed, the default is zero. */
bool generalized_linear_create(struct loss *loss, const struct parameters *parameters, bool classes,
                               struct generalized_linear *model, struct sde_status *status);
/* Release loss->data, a struct generalized_linear, and what it holds. */
void generalized_linear_destroy(struct loss *loss);

/* The operations of struct loss_type. */
void generalized_linear_value(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *value);
/* Is the class of a sample not that of the sign of its margin? */
void generalized_linear_wrong(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *wrong);
void generalized_linear_gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                                 const double *x, double *g);
void generalized_linear_hessian_vector(const struct loss *loss, size_t width,
                                       struct loss_samples samples, const double *x,
                                       const double *v, double *hv);

#endif
