/*
 * Structured noise: f_xi = f + sum_k xi_k phi_k with independent xi_k of one law and potentials
 * phi_1, .., phi_K, so that the gradient gains J(x) xi with J = [grad phi_1 .. grad phi_K] and
 * V = Var(xi_1) J J^T. theory.md sections 1 and 3.
 *
 * To add a structure: write its `const struct noise_structure` in a models/noise_NAME.c, give it a
 * row in noises.def, and its keys, if new, a row in noise.c. The generic tests then hold its
 * derivatives against finite differences.
 */
#ifndef MODELS_NOISE_H
#define MODELS_NOISE_H

#include "models/loss.h"
#include "sde/random.h"

/* The law of xi_k: standard normal, or Student t without scaling. */
enum noise_law { NOISE_LAW_GAUSSIAN, NOISE_LAW_STUDENT_T };

/* The noise of one loss. */
struct noise {
  const struct noise_structure *structure;
  const struct loss *loss;
  size_t components; /* K */
  double *factor;    /* J, dim x K row-major, where every phi_k is linear; else NULL */
  bool quadratic;    /* every phi_k is at most quadratic */
  bool diagonal;     /* K = dim and grad phi_k has entry k alone, a function of x_k */
  enum noise_law law;
  double degrees_of_freedom; /* NOISE_LAW_STUDENT_T */
  double variance;           /* of xi_k; INFINITY where it has none */
  void *data;                /* of the structure, one piece of memory; NULL for none */
};

/* What noise of one structure shares: a row of the registry. */
struct noise_structure {
  const char *name, *summary;
  const char *const *keys; /* those of noise_keys that it reads, ended by NULL */
  /* Fill components and factor, or what the functions below need. start, dim numbers, is where a
   * Hessian is taken; NULL where there is none. Memory is released by noise_free in any case. */
  bool (*create)(struct noise *noise, const struct parameters *parameters, const double *start,
                 struct sde_status *status);
  /* Potential k at x[i*width + p]: its gradient g[i*width + p], and the product hv of its
   * Hessian with v. NULL where there is a factor for every loss. */
  void (*gradient)(const struct noise *noise, size_t width, size_t k, const double *x, double *g);
  void (*hessian_vector)(const struct noise *noise, size_t width, size_t k, const double *x,
                         const double *v, double *hv);
};

/* All structures, ended by NULL. */
const struct noise_structure *const *noise_structures(void);

/* The keys of `noise:` in a recipe. */
extern const struct parameter_key noise_keys[];

/* Does this key have an effect on noise with these parameters? Where it has none, its default does
 * not count, and a value that is given is refused by noise_check_keys, whatever the sampling. */
bool noise_uses(const struct parameters *parameters, const char *key);
bool noise_check_keys(const struct parameters *parameters, struct sde_status *status);

/* The noise, or NULL and the status says why. */
struct noise *noise_new(const struct loss *loss, const struct parameters *parameters,
                        const double *start, struct sde_status *status);
void noise_free(struct noise *noise);

/* What should be known of results with this noise, a sentence; NULL for nothing. */
const char *noise_caution(const struct noise *noise);

/* xi[(j*K + k)*width + p] = the mean of `size` draws of xi_k, for `count` micro-batches j. */
void noise_draw(const struct noise *noise, const struct sde_address *at, size_t width, size_t size,
                size_t count, double *xi);

/* Random numbers that noise_draw makes per path. */
double noise_lanes(const struct noise *noise, size_t size, size_t count);

/* The same for potential k at one x for the whole block. */
void noise_gradient(const struct noise *noise, size_t width, size_t k, const double *x, double *g);
void noise_hessian_vector(const struct noise *noise, size_t width, size_t k, const double *x,
                          const double *v, double *hv);

/* g += J(x) xi, and hv += (sum_k xi_k hess phi_k(x)) v, xi[k*width + p]; scratch has dim * width
 * numbers. */
void noise_add_gradient(const struct noise *noise, size_t width, const double *x, const double *xi,
                        double *g, double *scratch);
void noise_add_hessian_vector(const struct noise *noise, size_t width, const double *x,
                              const double *xi, const double *v, double *hv, double *scratch);

#endif
