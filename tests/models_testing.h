/*
 * What the tests of models/ share: losses, objectives and optimizers from short texts, files of
 * data, the limit at a point, and finite sums coded apart from models/ for brute force.
 */
#ifndef TESTS_MODELS_TESTING_H
#define TESTS_MODELS_TESTING_H

#include "models/limit.h"
#include "models/rule_rw_sam.h"
#include "tests/testing.h"

/* Parameters for a table of keys from "key=value key=value": items of a list are separated by
 * commas, rows of a matrix by semicolons. Keys left out get their fallbacks. A given value stands
 * at "recipe:KEY". */
struct parameters *models_parameters(const struct parameter_key *keys, const char *text);

/* A loss from "NAME key=value ...", an objective from noise keys, an optimizer (rw-sam with lambda
 * = 1 and exact norms, so that its directions can be enumerated). The loss and the objective may
 * be refused, where the status is not NULL; else that fails the test. */
struct loss *models_loss(const char *text, struct sde_status *status);
struct objective *models_objective(const struct loss *loss, const char *noise,
                                   struct sde_status *status);
struct optimizer models_optimizer(const struct objective *objective, const char *name, double rho,
                                  size_t batch, size_t micro_batch);

/* Gives the optimizer an update rule, by its name, with settings "key=value ..."; or fails the
 * test. The settings of an example of each rule that needs some, else "". */
void models_set_update(struct optimizer *optimizer, const char *name, const char *settings);
const char *models_update_example(const char *name);

/* All three at once; micro_batch is ignored where the optimizer has none. Free what was made. */
struct models_setup {
  struct loss *loss;
  struct objective *objective;
  struct optimizer optimizer;
};
struct models_setup models_setup_new(const char *loss, const char *noise, const char *optimizer,
                                     double rho, size_t batch, size_t micro_batch);
void models_setup_free(struct models_setup *setup);

/* The text of an example of each loss in the registry; fails the test where there is none. */
const char *models_loss_example(const char *name);

/* A temporary file with this text, and its name; removed and released by models_file_remove. */
char *models_file(const char *text);
void models_file_remove(char *file);

/* Was the input refused with a sentence that begins with `place` and ": ", and contains each of the
 * words, separated by '|'? Says what was found where not. */
void models_assert_refused(const struct sde_status *status, const char *place, const char *words);

/* A limit, and the test fails where it is refused. */
struct limit *models_limit(const struct optimizer *optimizer, struct limit_options options);

/* F and Sigma (d x d) at x of a limit that draws no random numbers, from its drift and its noise
 * for unit increments. Either may be NULL. */
void models_limit_at(const struct limit *limit, double eta, const double *x, double *f,
                     double *sigma);

/* The same for the limit of an optimizer and options. */
void models_moments(const struct optimizer *optimizer, struct limit_options options,
                    const double *x, double *f, double *sigma);

/* What perturbs in the rules that these tests code by hand, apart from models/. A rule that they do
 * not know fails the test. */
enum perturbation {
  PERTURB_NOTHING,
  PERTURB_FULL_GRADIENT,
  PERTURB_MICRO_GRADIENT,
  PERTURB_REWEIGHTED_GRADIENT,
  PERTURB_DEVIATION, /* g_I - g */
  PERTURB_UNIFIED,   /* ((1 - lambda) + lambda/|g_I|) g_I */
  PERTURB_ADAPTIVE   /* T^2 g_I/|T g_I| */
};
enum perturbation models_perturbation(const struct gradient_rule *rule);

/* Noise potentials have no weights for rw-sam, nor is its SDE known by enumeration or by
 * expansion in rho. */
bool models_is_reweighted(const struct gradient_rule *type);

/* Is it a rule of arXiv 2509.18001, whose expansions in rho these tests code by hand? The others
 * are in test_further_rules.c. */
bool models_is_of_the_paper(const struct gradient_rule *type);

/* The norm of a - b. */
double models_distance(size_t count, const double *a, const double *b);

/* A finite sum in d = 2 by its own code, and the same sum as a text for models_loss. */
struct models_sum {
  const char *loss;
  bool quadratic;
  size_t samples;
  void (*gradient)(const struct models_sum *sum, size_t i, const double x[2], double g[2]);
};
extern const struct models_sum models_golden;  /* theory.md section 9 */
extern const struct models_sum models_skewed6; /* six quadratics, of skewed gradient noise */
/* Valleys of two, three and six labels of standard deviation 0.7. */
extern const struct models_sum models_valley2, models_valley3, models_valley6;

/* What is drawn and where the gradient is taken. */
struct models_draw {
  enum perturbation perturbation;
  bool normalized, replacement;
  size_t batch, micro_batch;
  double rho, lambda;
  bool exact_norms; /* else rw-sam's estimate |g.z| with any delta, right for quadratics only */
  double delta;
};
struct models_draw models_draw_of(const struct optimizer *optimizer);

/* E u and Cov u by enumeration of all ordered batches, cut into micro-batches, and of all z. */
void models_enumerate(const struct models_sum *sum, struct models_draw draw, const double x[2],
                      double mean[2], double covariance[4]);

/* Many draws of a random vector in d = 2: of its entries, and of the products (0,0), (0,1), (1,1)
 * of its deviations from the mean that is expected. */
struct models_sample {
  struct sde_moments entry[2], product[3];
};
void models_sample_add(struct models_sample *sample, size_t width, const double *u,
                       const double mean[2]);

/* Compares with that mean and a covariance, five comparisons. */
void models_sample_compare(const struct models_sample *sample, const double mean[2],
                           const double covariance[4], struct testing_family *family,
                           const char *name);

/* Compares the entries alone, two comparisons. */
void models_compare_means(const struct models_sample *sample, const double mean[2],
                          struct testing_family *family, const char *name);

/* The sample of minus the drift of an optimizer's limit that draws fresh directions, over many
 * paths (a multiple of 64) and steps. */
struct models_sample models_drift_sample(const struct optimizer *optimizer,
                                         struct limit_options options, const double x[2],
                                         size_t paths, const double mean[2]);

/* The sample of directions of an optimizer from one x, of this many paths (a multiple of 64). */
struct models_sample models_directions(const struct optimizer *optimizer, const double x[2],
                                       size_t paths, const double mean[2]);

#endif
