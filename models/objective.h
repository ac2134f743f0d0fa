/*
 * Objectives: a loss together with its gradient noise. A mini-batch is a random function: a
 * micro-batch I gives f_I = (1/m) sum of the f_i it holds (index sampling), or f + sum_k xi_k
 * phi_k (Gaussian noise), and is evaluated at x and again at a perturbed point. theory.md 1.
 */
#ifndef MODELS_OBJECTIVE_H
#define MODELS_OBJECTIVE_H

#include "models/loss.h"
#include "sde/random.h"

enum sampling { WITH_REPLACEMENT, WITHOUT_REPLACEMENT, GAUSSIAN };

/* The keys of `noise:` in a recipe. */
extern const struct parameter_key noise_keys[];

/* Noise potentials for Gaussian noise are linear: grad phi_k is column k of a factor J with
 * V = J J^T, and their Hessians vanish. */
struct objective {
  const struct loss *loss;
  enum sampling sampling;
  size_t components;     /* n samples, or K noise potentials */
  double *factor;        /* J, dim x K row-major, for Gaussian noise; else NULL */
  const char *structure; /* "isotropic", ... for Gaussian noise; else "samples" */
};

/* Does this key have an effect on noise with these parameters? Where it has none, its default does
 * not count, and a value that is given is refused by objective_new. */
bool noise_uses(const struct parameters *noise, const char *key);

/* The objective of a loss and the parameters of `noise:`, or NULL and the status says why. */
struct objective *objective_new(const struct loss *loss, const struct parameters *noise,
                                struct sde_status *status);
void objective_free(struct objective *objective);

/* c(s) with Cov g_gamma = c(s) V for a batch of s. */
double objective_batch_factor(const struct objective *objective, size_t batch);

/* Can a batch of this size, cut into micro-batches of m, be drawn? If not, the status says why;
 * `place` is where the recipe asked for it. */
bool objective_accepts(const struct objective *objective, size_t batch, size_t micro_batch,
                       const char *place, struct sde_status *status);

/* The draws of one step for a block of paths: `count` micro-batches of `size` samples each. */
struct micro_batches {
  size_t size, count;
  uint32_t *index;       /* [(j*size + i)*width + p]: sample i of micro-batch j; index sampling */
  double *weight;        /* [(j*K + k)*width + p]: mean xi_k of micro-batch j; Gaussian noise */
  uint32_t *permutation; /* scratch of n indices for sampling without replacement */
};

struct micro_batches micro_batches_new(const struct objective *objective, size_t size, size_t count,
                                       size_t width);
void micro_batches_free(struct micro_batches *batches);

/* Draw a batch at an address, independently of every other address, partitioned uniformly. */
void objective_draw(const struct objective *objective, const struct sde_address *at, size_t width,
                    struct micro_batches *batches);

/* g[i*width + p] = gradient at x of the random function of micro-batch j; scratch has dim * width
 * numbers. */
void objective_micro_gradient(const struct objective *objective, size_t width,
                              const struct micro_batches *batches, size_t j, const double *x,
                              double *g, double *scratch);

/* The gradient of component i (f_i, or the potential phi_k) at x, the same for the whole block,
 * and the product of its Hessian with v. */
void objective_component_gradient(const struct objective *objective, size_t width, size_t i,
                                  const double *x, double *g);
void objective_component_hessian_vector(const struct objective *objective, size_t width, size_t i,
                                        const double *x, const double *v, double *hv);

/* tr V[p] at x; scratch has 2 * dim * width numbers. */
void objective_noise_trace(const struct objective *objective, size_t width, const double *x,
                           double *trace, double *scratch);

#endif
