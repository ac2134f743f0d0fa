/*
 * Systems: names of the noise classes, workspaces, and the linear system. See system.h.
 */
#include "sde/system.h"

#include "sde/status.h"
#include "sde/vector_math.h"

#include <string.h>

const char *sde_noise_class_name(enum sde_noise_class noise)
{
  static const char *const names[SDE_NOISE_CLASSES] = {"additive", "scalar", "diagonal",
                                                       "commutative", "general"};
  return names[noise];
}

void *sde_system_workspace_new(const struct sde_system *system, size_t width)
{
  return system->workspace_new == NULL ? NULL : system->workspace_new(system, width);
}

void sde_system_workspace_free(const struct sde_system *system, void *workspace)
{
  if (system->workspace_free != NULL)
    system->workspace_free(workspace);
}

struct sde_failures *sde_system_failures(const struct sde_system *system, void *workspace)
{
  return system->failures == NULL ? NULL : system->failures(workspace);
}

struct sde_failures sde_failures_new(size_t width)
{
  return (struct sde_failures){.path = sde_alloc(width, sizeof(bool))};
}

void sde_failures_clear(struct sde_failures *failures, size_t width)
{
  failures->any = false;
  memset(failures->path, 0, width * sizeof *failures->path);
}

void sde_failures_free(struct sde_failures *failures)
{
  sde_free(failures->path);
}

/* Row i of -A stands beside -A's constant part: drift_i = constant_i - sum_j a_ij x_j. */
struct linear {
  double *minus_a, *constant, *s;
};

static void linear_evaluate(const struct sde_system *system, void *workspace,
                            const struct sde_instant *at, size_t width, const double *x,
                            const double *dw, double *drift, double *noise)
{
  (void)workspace, (void)at;
  const struct linear *linear = system->context;
  const struct sde_vector_math *math = sde_vector_math();
  if (drift != NULL)
    math->affine(system->dim, system->dim, linear->minus_a, linear->constant, width, x, drift);
  if (noise != NULL)
    math->affine(system->dim, system->noise_dim, linear->s, NULL, width, dw, noise);
}

struct sde_system *sde_linear_system_new(size_t dim, size_t noise_dim, const double *a,
                                         const double *c, const double *s)
{
  struct linear *linear = sde_alloc(1, sizeof *linear);
  linear->minus_a = sde_alloc(dim, dim * sizeof(double));
  linear->constant = sde_alloc(dim, sizeof(double));
  linear->s = sde_alloc(dim, noise_dim * sizeof(double));
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j < dim; j++) {
      linear->minus_a[i * dim + j] = -a[i * dim + j];
      linear->constant[i] += c == NULL ? 0 : a[i * dim + j] * c[j];
    }
  memcpy(linear->s, s, dim * noise_dim * sizeof(double));
  struct sde_system *system = sde_alloc(1, sizeof *system);
  *system = (struct sde_system){.name = "linear",
                                .dim = dim,
                                .noise_dim = noise_dim,
                                .noise = SDE_NOISE_ADDITIVE,
                                .context = linear,
                                .evaluate = linear_evaluate};
  return system;
}

void sde_linear_system_free(struct sde_system *system)
{
  if (system == NULL)
    return;
  struct linear *linear = (struct linear *)system->context;
  sde_free(linear->minus_a);
  sde_free(linear->constant);
  sde_free(linear->s);
  sde_free(linear);
  sde_free(system);
}
