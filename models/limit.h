/*
 * Limits: from an optimizer's random update direction U to the SDE of its state Y = (X, extra)
 *   dY = -F dt + sqrt(eta) Sigma^(1/2) dW,  F = E U, Sigma = Cov U,
 * with F and Sigma expanded in rho or exact, and to order 2 in eta with F + (eta/2) DF F
 * instead of F. arXiv 2509.18001, theorems 3.3 to 3.8; Li, Tai, E, JMLR 20 (2019); theory.md 3.
 */
#ifndef MODELS_LIMIT_H
#define MODELS_LIMIT_H

#include "models/limit_options.h"
#include "models/optimizer.h"
#include "sde/linear.h"
#include "sde/system.h"

struct limit;
struct limit_form;

/* The limit of an optimizer, which is copied, but its objective must outlive the limit; or NULL and
 * the status says why: noise without a variance has none. The random numbers of a sampled limit
 * come from the stream. `place` is where the recipe asked for it. */
struct limit *limit_new(const struct optimizer *optimizer, const struct limit_options *options,
                        struct sde_stream stream, const char *place, struct sde_status *status);

/* The same to be described and timed, not solved: an affine form that takes long to learn is of
 * zeros. */
struct limit *limit_rehearsed(const struct optimizer *optimizer,
                              const struct limit_options *options, struct sde_stream stream,
                              const char *place, struct sde_status *status);
void limit_free(struct limit *limit);

/* Its SDE as a system; owned by the limit. */
const struct sde_system *limit_system(const struct limit *limit);

/* The options it was made with. */
const struct limit_options *limit_options_of(const struct limit *limit);

/* Do the options `norm` and `covariance` decide anything here, and are there fresh draws,
 * `directions` of them each step? */
bool limit_uses_norm(const struct limit *limit);
bool limit_uses_covariance(const struct limit *limit);
bool limit_uses_directions(const struct limit *limit);

/* Under Gaussian noise: is the noise that of the columns of J, Wiener process k driving noise
 * potential k, so that iterates can draw the same? More Wiener processes may follow. Not by a Cholesky factor, nor by directions, nor
 * where the potentials' law is another than the normal. */
bool limit_has_potential_columns(const struct limit *limit);

/* With E u and Cov u of a quadratic loss affine and quadratic in x: where paths live, about the
 * zero of the drift and from the objective's start on (models/affine_frame.h). NULL where F or
 * Sigma has no such form or is estimated. */
struct affine_frame;
struct affine_frame *limit_frame_new(const struct limit *limit);

/* The direction behind the SDE in y = x - centre of a frame, or for NULL in x, for the exact
 * moments of sde/linear.h; released with limit_direction_free. NULL where there is no frame, and
 * where polynomials do not have the digits of F and Sigma on the frame's scale. */
struct sde_linear_direction *limit_direction_new(const struct limit *limit,
                                                 const struct affine_frame *frame);
void limit_direction_free(struct sde_linear_direction *direction);

/* Multiply-adds, and normals, of a path that one evaluation of its system takes, about. */
double limit_cost(const struct limit *limit);

/* Multiply-adds that a rehearsed limit has left out. */
double limit_cost_left_out(const struct limit *limit);

/* The form that was chosen: limit_forms.h. */
const struct limit_form *limit_form_of(const struct limit *limit);

/* What was chosen, for people: "rho_order 1, noise factor by 442 columns". */
const char *limit_description(const struct limit *limit);

#endif
