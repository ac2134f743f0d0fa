/*
 * Objectives: a loss together with its gradient noise. A mini-batch is a random function: a
 * micro-batch I gives f_I = (1/m) sum of the f_i it holds (index sampling), or f + sum_k xi_k
 * phi_k (structured noise, noise.h), and is evaluated at x and at a perturbed point. theory.md 1.
 */
#ifndef MODELS_OBJECTIVE_H
#define MODELS_OBJECTIVE_H

#include "models/domain.h"
#include "models/noise.h"
#include "sde/permutation.h"

/* OBJECTIVE_GAUSSIAN is structured noise, of whatever law. */
enum objective_sampling {
  OBJECTIVE_WITH_REPLACEMENT,
  OBJECTIVE_WITHOUT_REPLACEMENT,
  OBJECTIVE_GAUSSIAN
};

/* A loss with its noise. */
struct objective {
  const struct loss *loss;
  enum objective_sampling sampling;
  size_t components;   /* n samples, or K noise potentials */
  struct noise *noise; /* OBJECTIVE_GAUSSIAN; else NULL */
  /* Batches of an epoch are parts of one permutation of the samples; each by itself is a batch
   * without replacement. `keeps_rest`: the last of an epoch may be smaller than the others. */
  bool reshuffled, keeps_rest, says_rest;
  size_t svag;                 /* l of SVAG: steps of eta/l, each with two batches; 1 is SGD */
  const struct domain *domain; /* that paths stay in; NULL: none */
  bool per_sample; /* never add up the samples of a micro-batch first: to compare with */
  double *start;   /* where paths start, dim numbers; NULL: not known */
};

/* The objective of a loss and the parameters of `noise:`, or NULL and the status says why. Noise
 * that takes a Hessian takes it at start, dim numbers, or where that is NULL at loss->start; a copy
 * is kept. */
struct objective *objective_new(const struct loss *loss, const struct parameters *noise,
                                const double *start, struct sde_status *status);
void objective_free(struct objective *objective);

/* Has the gradient a finite variance; is it N(g, c V) at each x; does J not depend on x? */
bool objective_has_variance(const struct objective *objective);
bool objective_is_gaussian(const struct objective *objective);
bool objective_has_constant_noise(const struct objective *objective);

/* c(s) with Cov g_gamma = c(s) V for a batch of s. */
double objective_batch_factor(const struct objective *objective, size_t batch);

/* Steps of an epoch of batches of this size, where the objective is reshuffled; and the coefficient
 * of (eta/4) grad tr V in the flow that the mean over all orders follows: (steps - 1)/(n - 1),
 * which is c(b) where the batch divides n. Smith, Dherin, Barrett, De, ICLR 2021; theory.md
 * section 12. */
uint64_t objective_epoch_steps(const struct objective *objective, size_t batch);
double objective_epoch_factor(const struct objective *objective, size_t batch);

/* Can a batch of this size, cut into micro-batches of m, be drawn? If not, the status says why;
 * `place` is where the recipe asked for it. */
bool objective_accepts(const struct objective *objective, size_t batch, size_t micro_batch,
                       const char *place, struct sde_status *status);

/* The draws of one step for a block of paths: `count` micro-batches of `size` samples each. */
struct micro_batches {
  size_t size, count;
  size_t whole_size, whole_count; /* of all batches but the rest of an epoch */
  size_t stride;                  /* 1: each path has its own; 0: one draw for the whole block */
  /* Index sampling: sample i of micro-batch j at [(j*size + i)*width + p], or with stride 0 at
   * [j*size + i]. */
  uint32_t *index;
  double *weight; /* [(j*K + k)*width + p]: mean xi_k of micro-batch j; OBJECTIVE_GAUSSIAN */
  struct sde_permutation *epoch; /* of a reshuffled objective; else NULL */
  uint32_t *permutation;         /* scratch of n indices for sampling without replacement */
  double *sum;                   /* of the samples of a micro-batch, where the loss adds them up */
  size_t summed;                 /* which micro-batch that is; SIZE_MAX for none */
};

/* Arrays for `count` micro-batches of `size` on blocks of this width, and their release. */
struct micro_batches micro_batches_new(const struct objective *objective, size_t size, size_t count,
                                       size_t width);
void micro_batches_free(struct micro_batches *batches);

/* The micro-batches with these samples, [j*size + i], one draw for the whole block. The samples
 * stay the caller's, who may put others there between uses. */
struct micro_batches micro_batches_shared(size_t size, size_t count, uint32_t *index);

/* Sample i of micro-batch j; index sampling. */
struct loss_samples micro_batches_sample(const struct micro_batches *batches, size_t width,
                                         size_t j, size_t i);

/* Draw a batch at an address, partitioned uniformly: independently of every other address or, where
 * the objective is reshuffled, as the part of its epoch that the step is. */
void objective_draw(const struct objective *objective, const struct sde_address *at, size_t width,
                    struct micro_batches *batches);

/* g[i*width + p] = gradient at x of the random function of micro-batch j; scratch has dim * width
 * numbers. Where the loss can add its samples up, and there are several, they are added first: the
 * sum stands for the next evaluation of the same micro-batch. */
void objective_micro_gradient(const struct objective *objective, size_t width,
                              struct micro_batches *batches, size_t j, const double *x, double *g,
                              double *scratch);

/* hv[i*width + p] = the product of that function's Hessian at x with v; scratch as above. */
void objective_micro_hessian_vector(const struct objective *objective, size_t width,
                                    const struct micro_batches *batches, size_t j, const double *x,
                                    const double *v, double *hv, double *scratch);

/* The gradient of component i (f_i, or the potential phi_k) at x, the same for the whole block,
 * and the product of its Hessian with v. */
void objective_component_gradient(const struct objective *objective, size_t width, size_t i,
                                  const double *x, double *g);
void objective_component_hessian_vector(const struct objective *objective, size_t width, size_t i,
                                        const double *x, const double *v, double *hv);

/* V = sum_i w delta_i delta_i^T over the components with the same weight w for all: 1/n, or the
 * variance of xi_k; and delta_i at x, given g there (not read for potentials), in
 * out[j*width + p]. */
double objective_component_weight(const struct objective *objective);
void objective_component_deviation(const struct objective *objective, size_t width, size_t i,
                                   const double *x, const double *g, double *out);

/* tr V[p] at x; scratch has 2 * dim * width numbers. Infinite or NaN without a variance. */
void objective_noise_trace(const struct objective *objective, size_t width, const double *x,
                           double *trace, double *scratch);

/* out[j*width + p] = grad tr V = 2 sum_i w delta H_i delta_i; scratch has 3 * dim * width. */
void objective_noise_trace_gradient(const struct objective *objective, size_t width,
                                    const double *x, double *out, double *scratch);

#endif
