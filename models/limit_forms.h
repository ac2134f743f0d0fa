/*
 * The forms of a limit: ways to compute F and Sigma of a gradient rule's w, or of an update rule's
 * U, to first order in eta. limit_choice.c chooses one; limit_forms.c, limit_norm.c,
 * limit_norm_noise.c and limit_directions.c evaluate it; limit.c makes a system of it, with
 * limit_lift.c; private to these. The letters are those of theory.md section 3.
 */
#ifndef MODELS_LIMIT_FORMS_H
#define MODELS_LIMIT_FORMS_H

#include "models/enumeration.h"
#include "models/factor.h"
#include "models/gaussian_norm.h"
#include "models/limit_options.h"
#include "models/optimizer_gradient.h"
#include "sde/linear.h"
#include "sde/system.h"

/* What F and Sigma are computed from. */
enum limit_form_kind {
  LIMIT_FORM_POINT,      /* one gradient: g and V at x, or at x + rho g(x) */
  LIMIT_FORM_EXPANDED,   /* GRADIENT_EXPANDED, m-USAM, to first order in rho */
  LIMIT_FORM_ENUMERATED, /* the directions of all micro-batches, linearised in rho or not */
  LIMIT_FORM_SAMPLED,    /* a few fresh directions per step, linearised in rho or not */
  LIMIT_FORM_NORM        /* GRADIENT_NORM, m-SAM, to first order: g + rho grad E|g_I| */
};

/* LIMIT_FORM_NORM: what stands for E|g_I|. */
enum limit_norm_kind {
  LIMIT_NORM_OF_MEAN,           /* |g|: the variance term is left out */
  LIMIT_NORM_OF_GAUSSIAN_NOISE, /* the integral of gaussian_norm.h, exact: c(m) V does not depend on
                                   x */
  LIMIT_NORM_OF_CLOSURE, /* the same integral at each x, as if g_I were N(g, c(m) V), or as it is */
  LIMIT_NORM_OF_FRESH    /* the mean over fresh micro-batches */
};

/* A form as chosen for an optimizer: F and Sigma of its w, in the dimension d of x; or where its
 * update rule is not affine, of U itself in the dimension of the state, from all batches or fresh
 * ones. */
struct limit_form {
  const struct optimizer *optimizer;
  size_t dim;         /* of F and Sigma */
  bool whole_batches; /* they are those of U */
  struct limit_options options;
  struct sde_stream stream;
  enum limit_form_kind kind;
  struct factor_plan plan;        /* of Sigma^(1/2) dW */
  bool matrix;                    /* the covariance is that of generalized_sums.h */
  struct enumeration enumeration; /* LIMIT_FORM_ENUMERATED: micro-batches or batches; else empty */
  bool pairs;                     /* enumerated, and disjoint micro-batches are correlated */
  size_t directions;              /* LIMIT_FORM_SAMPLED and LIMIT_NORM_OF_FRESH: drawn each step */
  enum limit_norm_kind norm;      /* LIMIT_FORM_NORM */
  bool normalized;                /* and Sigma is that of g_I + rho H g_I/|g_I|, not c(b) V alone */
  struct gaussian_norm_basis
      *basis; /* of c(m) V, if that is one for all x and asked for; or NULL */
};

/* The form of optimizer, options and stream, which are given: fills in the rest. False, and the
 * status says why, where the options cannot be satisfied; `place` is where the recipe asked for
 * them. What the form holds is released by the caller in any case. */
bool limit_form_choose(struct limit_form *form, const char *place, struct sde_status *status);

/* Does the rule's perturbation, or its own direction, count at all? */
bool limit_form_is_perturbed(const struct limit_form *form);

/* Are F affine and Sigma quadratic in x? */
bool limit_form_is_affine(const struct limit_form *form);

/* The number of its Wiener processes: those of the factor, which come first, and for the rest of a
 * normalized form dim more. */
size_t limit_form_noise_dim(const struct limit_form *form);

/* The class of the noise that the form has. */
enum sde_noise_class limit_form_noise_class(const struct limit_form *form);

/* Evaluations of the components' gradients and Hessian-vector products, and the noise factor, in
 * multiply-adds a path. */
double limit_form_cost(const struct limit_form *form);

/* For an affine form: is the affine limit cheaper, with the multiply-adds of learning it spread
 * over a run? For schemes that evaluate the system for every Wiener process, their number counts.
 */
bool limit_form_is_cheaper_affine(const struct limit_form *form, double learning);

/* Where F and Sigma come from, if not from the components alone, for people; else "". */
void limit_form_describe(const struct limit_form *form, size_t size, char *text);

/* Scratch of one thread for blocks of this width. */
struct limit_form_workspace {
  struct factor_workspace factor;
  struct optimizer_workspace *optimizer; /* of forms that ask the rule; else NULL */
  struct limit_norm_workspace *norm;     /* LIMIT_FORM_NORM */
  struct limit_norm_noise *norm_noise;   /* and normalized; else NULL */
  /* dim of x * width each: g and H g or another slope of the drift at x; a moved point; of one
   * component g_i, H_i v_i and H_i g_i; a vector to multiply; q of expanded_pass. */
  double *g, *hg, *point, *gi, *hvi, *hgi, *v, *q, *scratch;
  double *column, *stacked; /* plan.dim * width: a column of the factor; its noise */
  double *first;            /* plan.dim * width: the direction that others are taken from */
  double *directions;       /* [c*dim*width + ..]: of all micro-batches, where pairs are needed */
};
/* Scratch for blocks of this width, and its release. */
struct limit_form_workspace *limit_form_workspace_new(const struct limit_form *form, size_t width);
void limit_form_workspace_free(struct limit_form_workspace *workspace);

/* drift = -F and noise = sqrt(eta) Sigma^(1/2) dw, as the evaluate of sde/system.h: drift may be
 * NULL, or dw and noise. */
void limit_form_evaluate(const struct limit_form *form, struct limit_form_workspace *workspace,
                         const struct sde_instant *at, size_t width, const double *x,
                         const double *dw, double *drift, double *noise);

/* What the forms share. */

/* LIMIT_FORM_ENUMERATED and LIMIT_FORM_SAMPLED: limit_directions.c. */
void limit_directions_evaluate(const struct limit_form *form, struct limit_form_workspace *w,
                               const struct sde_instant *at, size_t width, const double *x,
                               const double *dw, double *drift, double *noise);

/* drift = -(g + factor * slope), or -g where slope is NULL; no zero is negative. */
void limit_form_set_drift(size_t size, const double *g, double factor, const double *slope,
                          double *drift);

/* u <- u - u_0 for column u = u_c, the columns in order; u_0 is kept in `first`. Such deviations
 * are of the size of the noise, as those from the mean are, which would take its own pass. */
void limit_form_centre(size_t size, size_t c, double *u, double *first);

/* In matrix form: the mean of the directions g_i(x + rho g_i(x)), or g_i + rho H_i g_i where the
 * form is expanded in rho, to the factor's mean, and scale times the root of their covariance times
 * dw, where dw is given. */
void limit_form_by_matrix(const struct limit_form *form, struct limit_form_workspace *w,
                          size_t width, double rho, const double *x, double scale, const double *dw,
                          double *noise);

/* covariance += coefficient * left right^T: entry (j, k) of the lower triangle, at
 * [(j*(j+1)/2 + k)*width + p], gains coefficient * left_j right_k. */
void limit_form_add_outer(size_t dim, size_t width, double coefficient, const double *left,
                          const double *right, double *covariance);

/* Where draw s of form->directions is made at an instant: every step and draw has its own. */
struct sde_address limit_form_address(const struct limit_form *form, const struct sde_instant *at,
                                      size_t s);

/* theta of theory.md section 3: how much of delta H_i delta g_i is in column i. */
double limit_form_theta(const struct optimizer *optimizer);

/* LIMIT_FORM_NORM, by form->norm. The basis is that of c(m) J J^T, for Gaussian noise alone; the
 * gradient of E|g_I| at x, given g there, comes in out[j*width + p]. */
struct gaussian_norm_basis *limit_norm_basis_new(const struct optimizer *optimizer);
struct limit_norm_workspace;
struct limit_norm_workspace *limit_norm_workspace_new(const struct limit_form *form, size_t width);
void limit_norm_workspace_free(struct limit_norm_workspace *workspace);
void limit_norm_gradient(const struct limit_form *form, struct limit_norm_workspace *workspace,
                         const struct sde_instant *at, size_t width, const double *x,
                         const double *g, double *out);

/* limit_norm_noise.c, for forms that are normalized: given g at x and noise = (eta c(b) V)^(1/2)
 * dW, noise <- (eta Cov(g_I + rho H g_I/|g_I|) / r)^(1/2) dW with dim more Wiener processes, dw. */
struct limit_norm_noise *limit_norm_noise_new(const struct limit_form *form, size_t width);
void limit_norm_noise_free(struct limit_norm_noise *workspace);
void limit_norm_noise_add(const struct limit_form *form, struct limit_norm_noise *workspace,
                          size_t width, const double *x, const double *g, const double *dw,
                          double *noise);

/* limit_lift.c: with E w = -(M (x - centre) + c) and eta Cov w in x - centre of the frame of the
 * state, as learnt, E U = state y + gradient E w and Cov U = gradient gradient^T times Cov w in
 * y - centre. */
struct affine_frame;
struct affine_coefficients;
struct sde_linear_direction *limit_lift(const struct optimizer *optimizer,
                                        const struct update_affine *update,
                                        const struct affine_frame *frame,
                                        const struct affine_coefficients *learnt);

#endif
