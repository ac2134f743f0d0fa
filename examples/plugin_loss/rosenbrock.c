/*
 * An example of a loss as a plug-in: f_i(u, v) = (1 - u)^2 + c (v - u^2)^2 + eps_i u, Rosenbrock's
 * valley with a tilt that differs between two samples. settings: [c, deviation of eps].
 *
 *   cc -O3 -fopenmp -ffp-contract=off -fPIC -shared -I. -o rosenbrock.so rosenbrock.c
 *
 * -I names the folder that holds models/ and sde/: the source tree, or include/sharpsde as
 * installed.
 */
#include "models/loss_plugin.h"
#include "sde/block.h"

struct rosenbrock {
  double c, tilt[2], start[2];
};

static bool create(struct loss *loss, const struct parameters *parameters,
                   struct sde_status *status)
{
  size_t count = 0;
  const double *settings = NULL;
  if (parameters_has(parameters, "settings"))
    settings = parameters_reals(parameters, "settings", &count);
  if (count != 2)
    return sde_fail(status, SDE_INVALID, "%s: give settings: [c, deviation], two numbers",
                    parameters_place(parameters, count == 0 ? "plugin" : "settings"));
  struct rosenbrock *own = sde_alloc(1, sizeof *own);
  *own = (struct rosenbrock){settings[0], {settings[1], -settings[1]}, {-1, 1}};
  loss->dim = 2;
  loss->samples = 2;
  loss->start = own->start;
  loss->data = own;
  return true;
}

static void destroy(struct loss *loss)
{
  sde_free(loss->data);
}

/* Component i of path p stands at x[i*width + p]. */
SDE_VECTOR
static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  const struct rosenbrock *own = loss->data;
  for (size_t p = 0; p < width; p++) {
    double u = x[p], rise = x[width + p] - u * u;
    out[p] =
        (1 - u) * (1 - u) + own->c * rise * rise + own->tilt[samples.index[p * samples.stride]] * u;
  }
}

SDE_VECTOR
static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *restrict x, double *restrict g)
{
  const struct rosenbrock *own = loss->data;
  for (size_t p = 0; p < width; p++) {
    double u = x[p], rise = x[width + p] - u * u;
    g[p] = 2 * (u - 1) - 4 * own->c * u * rise + own->tilt[samples.index[p * samples.stride]];
    g[width + p] = 2 * own->c * rise;
  }
}

SDE_VECTOR
static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *restrict x, const double *restrict v, double *restrict hv)
{
  const struct rosenbrock *own = loss->data;
  (void)samples;
  for (size_t p = 0; p < width; p++) {
    double u = x[p], rise = x[width + p] - u * u, mixed = -4 * own->c * u;
    hv[p] = (2 - 4 * own->c * rise + 8 * own->c * u * u) * v[p] + mixed * v[width + p];
    hv[width + p] = mixed * v[p] + 2 * own->c * v[width + p];
  }
}

static const struct loss_type rosenbrock = {.create = create,
                                            .destroy = destroy,
                                            .value = value,
                                            .gradient = gradient,
                                            .hessian_vector = hessian_vector};

const struct loss_plugin sharpsde_loss = LOSS_PLUGIN(&rosenbrock);
