/*
 * The noise of m-SAM to first order in rho beyond its leading part c(b) V: the covariance of
 * g_I + rho H g_I/|g_I|, by the regression of the direction on the gradient. theory.md section 4;
 * arXiv 2509.18001, theorems 3.6 and 3.8. See limit_forms.h.
 */
#include "models/limit_forms.h"

#include "models/gaussian_direction.h"
#include "sde/block.h"

#include <math.h>

struct limit_norm_noise {
  struct gaussian_direction_workspace *direction;
  double *e, *he, *scratch; /* dim * width */
};

struct limit_norm_noise *limit_norm_noise_new(const struct limit_form *form, size_t width)
{
  size_t d = form->optimizer->objective->loss->dim;
  struct limit_norm_noise *w = sde_alloc(1, sizeof *w);
  w->direction = gaussian_direction_workspace_new(d);
  w->e = sde_alloc(d, width * sizeof(double));
  w->he = sde_alloc(d, width * sizeof(double));
  w->scratch = sde_alloc(d, width * sizeof(double));
  return w;
}

void limit_norm_noise_free(struct limit_norm_noise *w)
{
  if (w == NULL)
    return;
  gaussian_direction_workspace_free(w->direction);
  sde_free(w->e);
  sde_free(w->he);
  sde_free(w->scratch);
  sde_free(w);
}

/* Each of the r micro-batches has a rest of its own; its part along the gradient is that of the
 * batch, for the mean of M (g_I - g) is M (g_B - g). */
void limit_norm_noise_add(const struct limit_form *form, struct limit_norm_noise *w, size_t width,
                          const double *x, const double *g, const double *dw, double *noise)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  double share = (double)optimizer->micro_batch / (double)optimizer->batch;
  struct gaussian_direction_query query = {g, noise, dw, sqrt(optimizer->eta * share)};
  gaussian_direction_shared(form->basis, w->direction, width, &query, w->e);
  loss_mean_hessian_vector(loss, width, x, w->e, w->he, w->scratch);
  sde_block_add(loss->dim * width, optimizer->rho, w->he, noise);
}
