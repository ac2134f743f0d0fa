/*
 * Losses: f = (1/n) sum_i f_i over n samples, with gradients and Hessian-vector products of single
 * samples on blocks of paths. theory.md section 1.
 *
 * To add one: write models/NAME.c that ends with its `const struct loss_type`, and give it a row in
 * losses.def. The generic tests then check its derivatives against finite differences.
 */
#ifndef MODELS_LOSS_H
#define MODELS_LOSS_H

#include "models/parameters.h"
#include "sde/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loss;

/* Which sample each path of a block looks at: path p at index[p * stride]. Stride 0 is one sample
 * for the whole block, and kernels compile that case by itself. */
struct loss_samples {
  const uint32_t *index;
  size_t stride;
};

/* What a closed form may depend on: eta, rho, and the factors c(b) and c(m) of objective.h, with
 * c(m) = 0 where the micro-batch does not perturb. */
struct loss_setting {
  double eta, rho, batch_factor, micro_factor;
};

/* An observable that belongs to one loss: out[p] at x[i*width + p]. */
struct loss_observable {
  const char *name, *help;
  void (*evaluate)(const struct loss *loss, size_t width, const double *x, double *out);
  /* The rate at which its mean decays with time k eta under index sampling, to leading order in
   * eta and rho; NULL where none is known. */
  double (*decay_rate)(const struct loss *loss, const struct loss_setting *setting);
};

/* What losses of one kind share: a row of the registry. */
struct loss_type {
  const char *name, *summary;
  const char *coordinates; /* "u v", their names where there are two; NULL: they have none */
  const struct parameter_key *keys;
  /* Fill loss->dim, samples, start, quadratic, data from the parameters. */
  bool (*create)(struct loss *loss, const struct parameters *parameters, struct sde_status *status);
  void (*destroy)(struct loss *loss);
  /* For the sample that each path looks at: value[p], gradient[i*width + p], and the product
   * hv[i*width + p] of its Hessian with v[i*width + p]. */
  void (*value)(const struct loss *loss, size_t width, struct loss_samples samples, const double *x,
                double *value);
  void (*gradient)(const struct loss *loss, size_t width, struct loss_samples samples,
                   const double *x, double *gradient);
  void (*hessian_vector)(const struct loss *loss, size_t width, struct loss_samples samples,
                         const double *x, const double *v, double *hv);
  /* wrong[p] = 1 where the sample's class is not the one that x gives it, else 0; NULL where
   * samples have no classes. */
  void (*wrong)(const struct loss *loss, size_t width, struct loss_samples samples, const double *x,
                double *wrong);
  /* The same of f itself, where that is cheaper than a pass over the samples; else NULL. */
  void (*mean_gradient)(const struct loss *loss, size_t width, const double *x, double *gradient);
  void (*mean_hessian_vector)(const struct loss *loss, size_t width, const double *x,
                              const double *v, double *hv);
  /* For a loss whose samples are numbers that add up (loss->sum_size of them): the sum over the
   * `count` samples that each path has in index[i*width + p], in any layout; and from that sum of
   * the function, g[i*width + p] = sum_i gradient f_i. Equal to the sum of the gradients but for
   * rounding. */
  void (*sum)(const struct loss *loss, size_t width, size_t count, const uint32_t *index,
              double *sum);
  void (*sum_gradient)(const struct loss *loss, size_t width, const double *sum, const double *x,
                       double *g);
  const struct loss_observable *observables; /* ended by a NULL name; NULL for none */
  /* Is every f_i finite and twice differentiable at x, dim numbers? If not, the status says why.
   * NULL where they are so everywhere. */
  bool (*accepts_start)(const struct loss *loss, const double *x, struct sde_status *status);
  /* For a squared loss f_i = 1/2 (h_i - y_i)^2 + what knows no label, so that it can have label
   * noise: of the prediction h_i the gradient, and the product of its Hessian with v. NULL where
   * there is none. */
  void (*prediction_gradient)(const struct loss *loss, size_t width, struct loss_samples samples,
                              const double *x, double *gradient);
  void (*prediction_hessian_vector)(const struct loss *loss, size_t width,
                                    struct loss_samples samples, const double *x, const double *v,
                                    double *hv);
};

/* A loss of n samples in dim coordinates. */
struct loss {
  const struct loss_type *type;
  size_t dim, samples;
  size_t held_out;     /* samples behind those, which only observables look at */
  size_t classes;      /* that samples are told apart into; 0 where they are not */
  const double *start; /* dim numbers where the loss has a default start, else NULL */
  bool quadratic;      /* every f_i is quadratic */
  /* Predictions h_i, with index below this number: 1 where all samples have the same; 0 where the
   * type has none. Those of a quadratic loss are linear. */
  size_t predictions;
  size_t
      sum_size; /* numbers per path of a sum of samples; 0 where they do not add up, or too many */
  char *note;   /* a sentence on the data, for people; NULL where there is none; owned */
  void *data;
};

/* All losses, ended by NULL; the one of a name, or NULL. */
const struct loss_type *const *loss_types(void);
const struct loss_type *loss_type_named(const char *name);

/* The loss, or NULL and the status says why. */
struct loss *loss_new(const struct loss_type *type, const struct parameters *parameters,
                      struct sde_status *status);
void loss_free(struct loss *loss);

/* The full loss, by a pass over all samples: f[p]; g[i*width + p]; hv = H v. scratch has
 * dim * width numbers. */
void loss_mean_value(const struct loss *loss, size_t width, const double *x, double *f,
                     double *scratch);
void loss_mean_gradient(const struct loss *loss, size_t width, const double *x, double *g,
                        double *scratch);
void loss_mean_hessian_vector(const struct loss *loss, size_t width, const double *x,
                              const double *v, double *hv, double *scratch);

/* The Hessian of the full loss at one point x of dim numbers: h[i*dim + k]. */
void loss_mean_hessian(const struct loss *loss, const double *x, double *h);

#endif
