/*
 * Gradient rules: the random vector w(x) that an update rule turns into a step. A rule perturbs the
 * point at which each micro-batch takes its gradient, w = (m/b) sum_j g_Ij(x + rho e_j), and says
 * what theory knows of it. theory.md sections 2, 3 and 12; arXiv 2509.18001.
 *
 * To add one: write models/rule_NAME.c with its `const struct gradient_rule gradient_rule_NAME`,
 * and give it a row in gradient_rules.def. Nothing else asks which rule it is.
 */
#ifndef MODELS_GRADIENT_RULE_H
#define MODELS_GRADIENT_RULE_H

#include "models/objective.h"
#include "models/parameters.h"

struct optimizer;

/* How the size of the micro-batches is given: there are none, they are the batch, or by a key. */
enum micro_batch_size { MICRO_BATCH_NONE, MICRO_BATCH_WHOLE, MICRO_BATCH_GIVEN };

/* What e_j is a function of. It decides what F and Sigma follow from. */
enum gradient_dependence {
  GRADIENT_OF_BATCH,      /* x and the batch, draws of the rule's own, or not known: from fresh
                           directions */
  GRADIENT_UNPERTURBED,   /* e = 0: F = g, Sigma = c(b) V */
  GRADIENT_OF_POINT,      /* x alone: g and c(b) V at x + rho e(x) */
  GRADIENT_OF_MICRO_BATCH /* x and I_j: from the directions of all micro-batches */
};

/* Perturbations whose formulas are known: those of micro-batches have forms of F and Sigma besides
 * their enumeration, limit_forms.h; and `explain` and reports print them. */
enum gradient_closed_form {
  GRADIENT_NO_CLOSED_FORM,
  GRADIENT_FULL,      /* e = g */
  GRADIENT_FULL_UNIT, /* e = g/|g| */
  GRADIENT_EXPANDED,  /* e_j = g_Ij: to first order in rho by the columns of theory.md section 3 */
  GRADIENT_NORM       /* e_j = g_Ij/|g_Ij|: the drift to first order is g + rho grad E|g_I| */
};

/* Terms of the regulariser R, F = grad(f + rho R) to first order in rho: a set of bits. */
enum regularizer_term {
  REGULARIZER_HALF_SQUARED_GRADIENT = 1, /* 1/2 |g|^2 */
  REGULARIZER_HALF_NOISE_TRACE = 2,      /* 1/2 c(m) tr V, the variance term */
  REGULARIZER_GRADIENT_NORM = 4,         /* |g| */
  REGULARIZER_MEAN_NORM = 8              /* E|g_I|, the variance term with |g| taken off */
};
enum {
  REGULARIZER_VARIANCE_TERMS = REGULARIZER_HALF_NOISE_TRACE | REGULARIZER_MEAN_NORM,
  REGULARIZER_NORMS = REGULARIZER_GRADIENT_NORM | REGULARIZER_MEAN_NORM
};

/* What theory knows of a rule. All that is not set is unknown, and taken for nothing else. */
struct gradient_theory {
  enum gradient_dependence depends;
  enum gradient_closed_form closed_form;
  unsigned regularizer; /* terms of R; 0 where R is 0 or has no closed form */
  bool normalized;      /* not smooth where a gradient vanishes: no order is claimed near there */
  bool affine;          /* w is affine in x where every f_i is quadratic */
  bool expands;         /* F and Sigma have a first order in rho */
};

/* One micro-batch of a step, as its rule sees it. */
struct gradient_draw {
  const struct optimizer *optimizer;
  const struct sde_address *at;  /* of the step, for draws of the rule's own; NULL for a point */
  struct micro_batches *batches; /* of the step; NULL for a point */
  size_t micro_batch;            /* j */
  void *workspace;               /* the rule's own; NULL where it has none */
  double *scratch;               /* dim * width numbers */
};

/* A rule: a row of the registry. Optional functions are NULL where there is nothing to do. */
struct gradient_rule {
  const char *name, *summary;
  const char *other_name; /* accepted for it as well; NULL: none */
  enum micro_batch_size micro_batch;
  struct gradient_theory theory;
  /* e_j in e[i*width + p], of unit scale, at x. What comes in: g at x for GRADIENT_OF_POINT, g_Ij
   * at x for GRADIENT_OF_MICRO_BATCH, and nothing else for the others. NULL leaves what comes in.
   */
  void (*perturb)(const struct gradient_draw *draw, size_t width, const double *x, double *e);
  /* For a rule that is no gradient at a perturbed point, and so does not expand in rho: in place of
   * perturb, w_j of micro-batch j at x, of which w is the mean. Else NULL. */
  void (*direction)(const struct gradient_draw *draw, size_t width, const double *x, double *w);
  /* Scratch of one thread for blocks of this width. */
  void *(*workspace_new)(const struct optimizer *optimizer, size_t width);
  void (*workspace_free)(void *workspace);
  /* Its own keys; `read` sets optimizer->rule_setting from those that are given (`given` NULL:
   * the defaults), the rest of the optimizer being set. False, and the status says why, where the
   * rule does not accept them or the objective. */
  const struct parameter_key *keys;
  bool (*read)(const struct parameters *given, struct optimizer *optimizer,
               struct sde_status *status);
  /* For people: the update direction, R, the theorem of arXiv 2509.18001. */
  const char *update, *regularizer, *theorem;
};

/* All rules, ended by NULL; the one of a name, its other name included, or NULL. */
const struct gradient_rule *const *gradient_rules(void);
const struct gradient_rule *gradient_rule_named(const char *name);

/* Does the perturbation see the noise, so that R may have a variance term? */
bool gradient_rule_sees_noise(const struct gradient_rule *rule);

/* Is R known in closed form, be it 0? */
bool gradient_rule_has_regularizer(const struct gradient_rule *rule);

/* Divide each path's vector v[i*width + p] by its length; zero stays zero. */
void gradient_normalize(size_t dim, size_t width, double *v);

#endif
