/*
 * The registry of losses, and passes over all samples. See loss.h.
 */
#include "models/loss.h"

#include "sde/block.h"

#include <string.h>

#define LOSS(name) extern const struct loss_type loss_##name;
#include "models/losses.def"
#undef LOSS

const struct loss_type *const *loss_types(void)
{
  static const struct loss_type *const all[] = {
#define LOSS(name) &loss_##name,
#include "models/losses.def"
#undef LOSS
      NULL};
  return all;
}

const struct loss_type *loss_type_named(const char *name)
{
  for (const struct loss_type *const *type = loss_types(); *type != NULL; type++)
    if (strcmp((*type)->name, name) == 0)
      return *type;
  return NULL;
}

struct loss *loss_new(const struct loss_type *type, const struct parameters *parameters,
                      struct sde_status *status)
{
  struct loss *loss = sde_alloc(1, sizeof *loss);
  loss->type = type;
  if (type->create(loss, parameters, status))
    return loss;
  loss_free(loss);
  return NULL;
}

void loss_free(struct loss *loss)
{
  if (loss == NULL)
    return;
  loss->type->destroy(loss);
  sde_free(loss->note);
  sde_free(loss);
}

void loss_mean_value(const struct loss *loss, size_t width, const double *x, double *f,
                     double *scratch)
{
  memset(f, 0, width * sizeof *f);
  for (uint32_t i = 0; i < loss->samples; i++) {
    loss->type->value(loss, width, (struct loss_samples){&i, 0}, x, scratch);
    sde_block_add(width, 1, scratch, f);
  }
  sde_block_scale(width, 1 / (double)loss->samples, f);
}

void loss_mean_gradient(const struct loss *loss, size_t width, const double *x, double *g,
                        double *scratch)
{
  size_t size = loss->dim * width;
  if (loss->type->mean_gradient != NULL) {
    loss->type->mean_gradient(loss, width, x, g);
    return;
  }
  memset(g, 0, size * sizeof *g);
  for (uint32_t i = 0; i < loss->samples; i++) {
    loss->type->gradient(loss, width, (struct loss_samples){&i, 0}, x, scratch);
    sde_block_add(size, 1, scratch, g);
  }
  sde_block_scale(size, 1 / (double)loss->samples, g);
}

void loss_mean_hessian_vector(const struct loss *loss, size_t width, const double *x,
                              const double *v, double *hv, double *scratch)
{
  size_t size = loss->dim * width;
  if (loss->type->mean_hessian_vector != NULL) {
    loss->type->mean_hessian_vector(loss, width, x, v, hv);
    return;
  }
  memset(hv, 0, size * sizeof *hv);
  for (uint32_t i = 0; i < loss->samples; i++) {
    loss->type->hessian_vector(loss, width, (struct loss_samples){&i, 0}, x, v, scratch);
    sde_block_add(size, 1, scratch, hv);
  }
  sde_block_scale(size, 1 / (double)loss->samples, hv);
}

void loss_mean_hessian(const struct loss *loss, const double *x, double *h)
{
  size_t d = loss->dim, size = d * SDE_UNIT;
  double *block = sde_alloc(4 * size, sizeof *block), *v = block + size;
  double *hv = v + size, *scratch = hv + size;
  for (size_t i = 0; i < d; i++)
    sde_block_fill(SDE_UNIT, x[i], block + i * SDE_UNIT);
  for (size_t k = 0; k < d; k++) {
    sde_block_fill(size, 0, v);
    sde_block_fill(SDE_UNIT, 1, v + k * SDE_UNIT);
    loss_mean_hessian_vector(loss, SDE_UNIT, block, v, hv, scratch);
    for (size_t i = 0; i < d; i++)
      h[i * d + k] = hv[i * SDE_UNIT];
  }
  sde_free(block);
}
