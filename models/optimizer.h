/*
 * Optimizers: SGD and the SAM family as random update directions u, x <- x - eta u. The family is
 * two axes: what perturbs the point (nothing, the full gradient, the micro-batch gradient, a
 * reweighted one), and whether that gradient is normalised. theory.md section 2.
 *
 * To add one: give it a row in optimizers.def.
 */
#ifndef MODELS_OPTIMIZER_H
#define MODELS_OPTIMIZER_H

#include "models/objective.h"
#include "sde/process.h"
#include "sde/wiener.h"

/* Along which gradient the point is perturbed. */
enum perturbation {
  PERTURB_NOTHING,
  PERTURB_FULL_GRADIENT,
  PERTURB_MICRO_GRADIENT,
  PERTURB_REWEIGHTED_GRADIENT /* sum_i p_i g_i over the batch, p_i ~ exp(lambda s_i) */
};

/* How the size of the micro-batch is given: there is none, it is the batch, or by its key. */
enum micro_batch_rule { MICRO_NONE, MICRO_IS_BATCH, MICRO_GIVEN };

/* A point on the two axes: a row of the registry. */
struct optimizer_type {
  const char *name, *summary;
  enum perturbation perturbation;
  bool normalized; /* the perturbation has length rho; a zero gradient does not perturb */
  enum micro_batch_rule micro_batch;
  /* For people: update direction, regulariser R with F = grad(f + rho R), theorem. */
  const char *update, *regularizer, *theorem;
};

/* The keys of one item of `optimizers:`, besides name. */
extern const struct parameter_key optimizer_keys[];

/* All optimizers, ended by NULL; the one of a name, or NULL. */
const struct optimizer_type *const *optimizer_types(void);
const struct optimizer_type *optimizer_type_named(const char *name);

/* An optimizer on an objective, with its settings; filled in by the caller. */
struct optimizer {
  const struct optimizer_type *type;
  const struct objective *objective;
  double eta, rho;
  size_t batch, micro_batch; /* micro_batch is the batch where the type has none */
  /* rw-sam alone: weights p_i ~ exp(lambda s_i), with s_i = |g_i|, or its estimate
   * |f_i(x + delta z) - f_i(x)| / delta along a Rademacher vector z. */
  double lambda, delta;
  bool exact_norms;
};

/* In place of the scores of a batch, s_i at score[i*width + p]: the weights of rw-sam,
 * exp(lambda s_i) / sum_j exp(lambda s_j), for any lambda s_i without overflow. */
void optimizer_softmax(size_t batch, size_t width, double lambda, double *score);

/* Divide each path's vector v[i*width + p] by its length; zero stays zero. */
void optimizer_normalize(size_t dim, size_t width, double *v);

/* Scratch of one thread for directions on blocks of this width. */
struct optimizer_workspace;
struct optimizer_workspace *optimizer_workspace_new(const struct optimizer *optimizer,
                                                    size_t width);
void optimizer_workspace_free(struct optimizer_workspace *workspace);

/* u[i*width + p] at x, with the batch drawn at the address. */
void optimizer_direction(const struct optimizer *optimizer, struct optimizer_workspace *workspace,
                         const struct sde_address *at, size_t width, const double *x, double *u);

/* The Brownian path of an SDE, to drive iterates with Gaussian noise: its noise_dim is the number
 * of noise potentials, and a learning-rate step spans `resolution` of its fine steps. */
struct optimizer_coupling {
  struct sde_wiener wiener;
  uint64_t resolution;
};

/* The discrete iterates as a process that draws from the stream; the optimizer must outlive it.
 * With a coupling (Gaussian noise only; NULL for none), the batch mean of step k is
 * xi = -dW/sqrt(eta b), dW the SDE's increment over that step, and the micro-batches' draws are
 * xi_j = xi + (zeta_j - mean of zeta)/sqrt(m) with fresh zeta: common random numbers (theory.md,
 * section 7). */
struct sde_process *optimizer_process_new(const struct optimizer *optimizer,
                                          struct sde_stream stream);
struct sde_process *optimizer_coupled_process_new(const struct optimizer *optimizer,
                                                  struct sde_stream stream,
                                                  const struct optimizer_coupling *coupling);
void optimizer_process_free(struct sde_process *process);

#endif
