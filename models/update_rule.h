/*
 * Update rules: what turns the random vector w of a gradient rule into a step of a state
 * y = (x, extra), y <- y - eta U(y, w, t). The state has 1 + extra vectors of the dimension d of x,
 * one after the other: component i of vector v of path p of a block at y[(v*d + i)*width + p].
 * F = E U and Sigma = Cov U make the SDE of y. theory.md section 12.
 *
 * To add one: write models/update_NAME.c with its `const struct update_rule update_rule_NAME`, and
 * give it a row in update_rules.def. Nothing else asks which rule it is.
 */
#ifndef MODELS_UPDATE_RULE_H
#define MODELS_UPDATE_RULE_H

#include "models/parameters.h"
#include "sde/status.h"

struct optimizer;

/* The most vectors of a state, x among them; and of bytes of an update rule's settings. */
enum { UPDATE_VECTORS_MAX = 8, UPDATE_SETTINGS_SIZE = 80 };

/* U = state y + gradient w, vector by vector: U_v = sum_s state[v][s] y_s + gradient[v] w. */
struct update_affine {
  double state[UPDATE_VECTORS_MAX][UPDATE_VECTORS_MAX], gradient[UPDATE_VECTORS_MAX];
};

/* A vector beside x, and the value of all its coordinates where paths start. */
struct update_vector {
  const char *name;
  double start;
};

/* A rule: a row of the registry. It has either `affine` or `direction`. */
struct update_rule {
  const char *name, *summary;
  struct update_vector extra[UPDATE_VECTORS_MAX]; /* ended by one without a name */
  /* Where U is affine in y and w, with constant coefficients (of eta and the settings): mean,
   * covariance and exact moments of w carry over. */
  void (*affine)(const struct optimizer *optimizer, struct update_affine *affine);
  /* Else U at time t, which is k eta for the iterates: u[i*width + p], i below the dimension of the
   * state, from y and w. No array overlaps another. */
  void (*direction)(const struct optimizer *optimizer, double time, size_t width, const double *y,
                    const double *w, double *u);
  /* U jumps where a coordinate of w is 0: F and Sigma are then smooth only where the law of w has a
   * density, and else no order in eta is claimed. */
  bool jumps;
  /* Does U depend on the time? NULL: it does not. */
  bool (*varies)(const struct optimizer *optimizer);
  /* y <- y - eta U in place, where that is faster than U first; else NULL. */
  void (*step)(const struct optimizer *optimizer, double time, size_t width, const double *w,
               double *y);
  /* Its own keys; `read` sets optimizer->update_setting from those that are given (`given` NULL:
   * none are), the rest of the optimizer being set. False, and the status says why, where they are
   * not accepted. NULL: it has none. */
  const struct parameter_key *keys;
  bool (*read)(const struct parameters *given, struct optimizer *optimizer,
               struct sde_status *status);
  /* Its settings for people, "friction 2"; NULL: it has none. */
  void (*describe)(const struct optimizer *optimizer, char text[UPDATE_SETTINGS_SIZE]);
  /* For people: the step, U, and what is held fixed as eta goes to 0. */
  const char *update, *direction_text, *fixed;
};

/* All rules, ended by NULL; the one of a name, or NULL. */
const struct update_rule *const *update_rules(void);
const struct update_rule *update_rule_named(const char *name);

/* Vectors of the state, x among them. */
size_t update_rule_vectors(const struct update_rule *rule);

/* u = factor * state y + gradient w, of vectors of `size` numbers each; y may be NULL where the
 * factor is 0. */
void update_affine_apply(const struct update_affine *affine, size_t vectors, size_t size,
                         double factor, const double *y, const double *w, double *u);

/* U of the optimizer's update rule, as `direction` above, for affine rules too. */
void update_rule_direction(const struct optimizer *optimizer, double time, size_t width,
                           const double *y, const double *w, double *u);

/* y <- y - eta U, with U_x times the factor of a schedule; u is scratch of the state's size. */
void update_rule_step(const struct optimizer *optimizer, double time, double factor, size_t width,
                      const double *w, double *y, double *u);

#endif
