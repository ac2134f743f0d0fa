/*
 * What the tests of models/ share. See models_testing.h.
 */
#include "tests/models_testing.h"

#include "tests/golden.h"

#include "sde/block.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The items of a text, cut in place at any of the separators. */
enum { ITEMS = 64 };

static size_t cut(char *text, const char *separators, char *items[ITEMS])
{
  size_t count = 0;
  char *rest = NULL;
  for (char *item = strtok_r(text, separators, &rest); item != NULL;
       item = strtok_r(NULL, separators, &rest)) {
    ck_assert_uint_lt(count, ITEMS);
    items[count++] = item;
  }
  return count;
}

static void add_numbers(struct parameters *parameters, const struct parameter_key *key,
                        size_t count, char *items[ITEMS], const char *place)
{
  double values[ITEMS];
  for (size_t i = 0; i < count; i++)
    values[i] =
        key->type == PARAMETER_BOOL ? strcmp(items[i], "true") == 0 : strtod(items[i], NULL);
  parameters_add_numbers(parameters, key->name, count, values, place);
}

static void add_value(struct parameters *parameters, const struct parameter_key *key,
                      const char *value, const char *place)
{
  char *text = sde_strdup(value), *items[ITEMS];
  size_t rows = 1;
  for (const char *c = text; *c != '\0'; c++)
    rows += *c == ';';
  size_t count = cut(text, ",;", items);
  if (key->type == PARAMETER_MATRIX) {
    double values[ITEMS];
    for (size_t i = 0; i < count; i++)
      values[i] = strtod(items[i], NULL);
    parameters_add_matrix(parameters, key->name, rows, count / rows, values, place);
  } else if (key->type == PARAMETER_COUNT || key->type == PARAMETER_REAL ||
             key->type == PARAMETER_BOOL) {
    add_numbers(parameters, key, count, items, place);
  } else {
    parameters_add_texts(parameters, key->name, count, (const char *const *)items, place);
  }
  sde_free(text);
}

struct parameters *models_parameters(const struct parameter_key *keys, const char *text)
{
  struct parameters *parameters = parameters_new();
  char *copy = sde_strdup(text), *items[ITEMS];
  size_t count = cut(copy, " ", items);
  for (size_t i = 0; i < count; i++) {
    char *value = strchr(items[i], '=');
    ck_assert_ptr_nonnull(value);
    *value++ = '\0';
    const struct parameter_key *key = keys;
    while (key->name != NULL && strcmp(key->name, items[i]) != 0)
      key++;
    ck_assert_msg(key->name != NULL, "no key is named %s", items[i]);
    char *place = sde_format("recipe:%s", key->name);
    add_value(parameters, key, value, place);
    sde_free(place);
  }
  for (const struct parameter_key *key = keys; key->name != NULL; key++)
    if (key->fallback != NULL && !parameters_has(parameters, key->name))
      add_value(parameters, key, key->fallback, "default");
  sde_free(copy);
  return parameters;
}

struct loss *models_loss(const char *text, struct sde_status *status)
{
  struct sde_status own = {SDE_OK, ""};
  size_t length = strcspn(text, " ");
  char *name = sde_strdup(text);
  name[length] = '\0';
  const struct loss_type *type = loss_type_named(name);
  ck_assert_msg(type != NULL, "no loss is named %s", name);
  struct parameters *parameters = models_parameters(type->keys, text + length);
  struct loss *loss = loss_new(type, parameters, status != NULL ? status : &own);
  parameters_free(parameters);
  sde_free(name);
  ck_assert_msg(loss != NULL || status != NULL, "%s: %s", text, own.message);
  return loss;
}

struct objective *models_objective(const struct loss *loss, const char *noise,
                                   struct sde_status *status)
{
  struct sde_status own = {SDE_OK, ""};
  struct parameters *parameters = models_parameters(noise_keys, noise);
  struct objective *objective =
      objective_new(loss, parameters, NULL, status != NULL ? status : &own);
  parameters_free(parameters);
  ck_assert_msg(objective != NULL || status != NULL, "%s: %s", noise, own.message);
  return objective;
}

struct optimizer models_optimizer(const struct objective *objective, const char *name, double rho,
                                  size_t batch, size_t micro_batch)
{
  const struct gradient_rule *type = gradient_rule_named(name);
  ck_assert_msg(type != NULL, "no optimizer is named %s", name);
  size_t m = type->micro_batch == MICRO_BATCH_GIVEN ? micro_batch : batch;
  struct sde_status status = {SDE_OK, ""};
  ck_assert_msg(objective_accepts(objective, batch, m, name, &status), "%s", status.message);
  return (struct optimizer){
      .rule = type,
      .update = update_rule_named("sgd"),
      .objective = objective,
      .eta = 0.1,
      .rho = rho,
      .batch = batch,
      .micro_batch = m,
      .rule_setting = {[RW_SAM_LAMBDA] = 1, [RW_SAM_DELTA] = 1e-4, [RW_SAM_EXACT_NORMS] = true}};
}

void models_set_update(struct optimizer *optimizer, const char *name, const char *settings)
{
  static const struct parameter_key none[] = {{.name = NULL}};
  struct optimizer with = *optimizer;
  struct sde_status status = {SDE_OK, ""};
  with.update = update_rule_named(name);
  ck_assert_msg(with.update != NULL, "no update rule is named %s", name);
  struct parameters *parameters =
      models_parameters(with.update->keys == NULL ? none : with.update->keys, settings);
  bool good = with.update->read == NULL || with.update->read(parameters, &with, &status);
  parameters_free(parameters);
  ck_assert_msg(good, "%s", status.message);
  *optimizer = with;
}

const char *models_update_example(const char *name)
{
  static const char *const examples[][2] = {{"heavy-ball", "friction=2"},
                                            {"nesterov", "friction=2"},
                                            {"rmsprop", "rate=2 epsilon=0.01"},
                                            {"adam", "rates=1,2 epsilon=0.01"}};
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    if (strcmp(name, examples[i][0]) == 0)
      return examples[i][1];
  return "";
}

struct models_setup models_setup_new(const char *loss, const char *noise, const char *optimizer,
                                     double rho, size_t batch, size_t micro_batch)
{
  struct models_setup setup = {.loss = models_loss(loss, NULL)};
  setup.objective = models_objective(setup.loss, noise, NULL);
  setup.optimizer = models_optimizer(setup.objective, optimizer, rho, batch, micro_batch);
  return setup;
}

void models_setup_free(struct models_setup *setup)
{
  objective_free(setup->objective);
  loss_free(setup->loss);
}

const char *models_loss_example(const char *name)
{
  static const char *const examples[] = {
      "quadratic data=data/quadratic4.csv",
      "linear-regression data=data/diabetes.csv ridge=0.3",
      "logistic data=data/breast_cancer.csv ridge=0.02",
      "valley samples=7 standard_deviation=0.7",
      "double-well sharp_curvature=4 samples=7 curvature_deviation=0.5",
      "saddle samples=6 standard_deviation=0.7 curvature_deviation=0.5",
      "matrix-factorization rows=4 columns=3 labels=3",
      "diagonal-network rows=5 features=4 labels=3",
      "phase-retrieval measurements=20 dimension=3 labels=2 standard_deviation=0.3",
      "mlp data=data/iris.csv output=softmax hidden=3 ridge=0.02",
      "teacher-student rows=9 inputs=3 hidden=4 labels=2 standard_deviation=0.4 ridge=0.1",
      "formula expression=0.5*(u*v-c*y)^2+log1p(z^2*u^2) parameters=u,v sample_parameters=y,z "
      "samples=7 constants=c=0.7",
      "plugin plugin=" TESTS_EXAMPLES "/plugin_loss/rosenbrock.so settings=3,0.5",
  };
  size_t length = strlen(name);
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    if (strncmp(examples[i], name, length) == 0 && examples[i][length] == ' ')
      return examples[i];
  ck_abort_msg("the loss %s has no example for the generic tests; add one to %s", name, __FILE__);
  return NULL;
}

char *models_file(const char *text)
{
  const char *folder = getenv("TMPDIR");
  char *name = sde_format("%s/sharpsde-test-XXXXXX", folder != NULL ? folder : "/tmp");
  int descriptor = mkstemp(name);
  ck_assert_int_ge(descriptor, 0);
  size_t length = strlen(text);
  ck_assert_int_eq(write(descriptor, text, length), length);
  close(descriptor);
  return name;
}

void models_file_remove(char *file)
{
  unlink(file);
  sde_free(file);
}

void models_assert_refused(const struct sde_status *status, const char *place, const char *words)
{
  const char *message = status->message;
  ck_assert_msg(status->code == SDE_INVALID, "accepted, or failed otherwise: %s", message);
  size_t length = strlen(place);
  ck_assert_msg(strncmp(message, place, length) == 0 && strncmp(message + length, ": ", 2) == 0,
                "'%s' does not begin with the place '%s'", message, place);
  char *copy = sde_strdup(words), *items[ITEMS];
  size_t count = cut(copy, "|", items);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(strstr(message + length, items[i]) != NULL, "'%s' does not say '%s'", message,
                  items[i]);
  sde_free(copy);
}

void models_limit_at(const struct limit *limit, double eta, const double *x, double *f,
                     double *sigma)
{
  const struct sde_system *system = limit_system(limit);
  size_t d = system->dim, k = system->noise_dim;
  size_t width = sde_block_padded(k);
  double *block = sde_alloc(d, width * sizeof(double)), *dw = sde_alloc(k, width * sizeof(double));
  double *drift = sde_alloc(d, width * sizeof(double));
  double *noise = sde_alloc(d, width * sizeof(double));
  for (size_t i = 0; i < d; i++)
    sde_block_fill(width, x[i], block + i * width);
  for (size_t i = 0; i < k; i++)
    dw[i * width + i] = 1;
  void *workspace = sde_system_workspace_new(system, width);
  system->evaluate(system, workspace, &(struct sde_instant){0, 0, 0}, width, block, dw, drift,
                   noise);
  for (size_t i = 0; f != NULL && i < d; i++)
    f[i] = -drift[i * width];
  for (size_t i = 0; sigma != NULL && i < d; i++)
    for (size_t j = 0; j < d; j++) {
      sigma[i * d + j] = 0;
      for (size_t p = 0; p < k; p++)
        sigma[i * d + j] += noise[i * width + p] * noise[j * width + p] / eta;
    }
  sde_system_workspace_free(system, workspace);
  sde_free(block);
  sde_free(dw);
  sde_free(drift);
  sde_free(noise);
}

struct limit *models_limit(const struct optimizer *optimizer, struct limit_options options)
{
  struct sde_status status = {SDE_OK, ""};
  struct limit *limit =
      limit_new(optimizer, &options, sde_stream_named(1, "limit"), "recipe:sde", &status);
  ck_assert_msg(limit != NULL, "%s", status.message);
  return limit;
}

void models_moments(const struct optimizer *optimizer, struct limit_options options,
                    const double *x, double *f, double *sigma)
{
  struct limit *limit = models_limit(optimizer, options);
  models_limit_at(limit, optimizer->eta, x, f, sigma);
  limit_free(limit);
}

enum perturbation models_perturbation(const struct gradient_rule *rule)
{
  static const struct {
    const char *name;
    enum perturbation perturbation;
  } known[] = {{"sgd", PERTURB_NOTHING},           {"n-usam", PERTURB_FULL_GRADIENT},
               {"n-sam", PERTURB_FULL_GRADIENT},   {"usam", PERTURB_MICRO_GRADIENT},
               {"m-usam", PERTURB_MICRO_GRADIENT}, {"sam", PERTURB_MICRO_GRADIENT},
               {"m-sam", PERTURB_MICRO_GRADIENT},  {"rw-sam", PERTURB_REWEIGHTED_GRADIENT},
               {"f-usam", PERTURB_DEVIATION},      {"f-sam", PERTURB_DEVIATION},
               {"unified-sam", PERTURB_UNIFIED},   {"asam", PERTURB_ADAPTIVE}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(rule->name, known[i].name) == 0)
      return known[i].perturbation;
  ck_abort_msg("%s is not coded by hand", rule->name);
}

bool models_is_reweighted(const struct gradient_rule *type)
{
  return models_perturbation(type) == PERTURB_REWEIGHTED_GRADIENT;
}

bool models_is_of_the_paper(const struct gradient_rule *type)
{
  return models_perturbation(type) <= PERTURB_REWEIGHTED_GRADIENT;
}

double models_distance(size_t count, const double *a, const double *b)
{
  double square = 0;
  for (size_t i = 0; i < count; i++)
    square += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrt(square);
}

/* g = A x - b, with A by rows and b after it. */
static void quadratic_gradient(const double numbers[6], const double x[2], double g[2])
{
  g[0] = numbers[0] * x[0] + numbers[1] * x[1] - numbers[4];
  g[1] = numbers[2] * x[0] + numbers[3] * x[1] - numbers[5];
}

static void golden_sum_gradient(const struct models_sum *sum, size_t i, const double x[2],
                                double g[2])
{
  (void)sum;
  quadratic_gradient(golden_samples[i], x, g);
}

static void skewed_sum_gradient(const struct models_sum *sum, size_t i, const double x[2],
                                double g[2])
{
  static const double samples[][6] = {{2, 0.5, 0.5, 1, 1, 0}, {1, -0.25, -0.25, 0.5, -0.5, 1},
                                      {1.5, 0, 0, 2, 0, -1},  {0.5, 0.25, 0.25, 0.5, 0.5, 0.5},
                                      {3, 1, 1, 0.25, 2, -2}, {0.75, 0, 0, -0.5, -1, 0.25}};
  (void)sum;
  quadratic_gradient(samples[i], x, g);
}

const struct models_sum models_golden = {"quadratic data=data/quadratic4.csv", true, GOLDEN_SAMPLES,
                                         golden_sum_gradient};
const struct models_sum models_skewed6 = {"quadratic data=tests/skewed6.csv", true, 6,
                                          skewed_sum_gradient};

static const double VALLEY_DEVIATION = 0.7;

/* The normal scores Phi^-1((i + 1/2) / n) of n = 2, 3 and 6 samples. */
static const double scores2[] = {-0.674489750196081743, 0.674489750196081743};
static const double scores3[] = {-0.967421566101701036, 0, 0.967421566101701036};
static const double scores6[] = {-1.38299412710063869, -0.674489750196081743, -0.210428394247924649,
                                 0.210428394247924649, 0.674489750196081743,  1.38299412710063869};

static void valley_sum_gradient(const struct models_sum *sum, size_t i, const double x[2],
                                double g[2])
{
  size_t n = sum->samples;
  const double *scores = n == 2 ? scores2 : n == 3 ? scores3 : scores6;
  double square = 0;
  for (size_t k = 0; k < n; k++)
    square += scores[k] * scores[k] / (double)n;
  double label = 1 + VALLEY_DEVIATION * scores[i] / sqrt(square);
  g[0] = (x[0] * x[1] - label) * x[1];
  g[1] = (x[0] * x[1] - label) * x[0];
}

const struct models_sum models_valley2 = {"valley samples=2 standard_deviation=0.7", false, 2,
                                          valley_sum_gradient};
const struct models_sum models_valley3 = {"valley samples=3 standard_deviation=0.7", false, 3,
                                          valley_sum_gradient};
const struct models_sum models_valley6 = {"valley samples=6 standard_deviation=0.7", false, 6,
                                          valley_sum_gradient};

/* The batch of a number in base n; false where a sample stands in it twice and may not. */
static bool batch_of(size_t code, size_t n, const struct models_draw *draw, size_t *batch)
{
  bool seen[ITEMS] = {false}, twice = false;
  for (size_t i = 0; i < draw->batch; i++, code /= n) {
    batch[i] = code % n;
    twice = twice || seen[batch[i]];
    seen[batch[i]] = true;
  }
  return draw->replacement || !twice;
}

static void mean_gradient(const struct models_sum *sum, size_t count, const size_t *index,
                          const double x[2], double g[2])
{
  g[0] = g[1] = 0;
  for (size_t i = 0; i < count; i++) {
    double gi[2];
    sum->gradient(sum, index == NULL ? i : index[i], x, gi);
    g[0] += gi[0] / (double)count;
    g[1] += gi[1] / (double)count;
  }
}

/* Is what perturbs divided by its norm, last of all? */
static bool is_divided(const struct gradient_rule *rule)
{
  enum perturbation by = models_perturbation(rule);
  return rule->theory.normalized && by != PERTURB_UNIFIED && by != PERTURB_ADAPTIVE;
}

struct models_draw models_draw_of(const struct optimizer *optimizer)
{
  return (struct models_draw){.perturbation = models_perturbation(optimizer->rule),
                              .normalized = is_divided(optimizer->rule),
                              .replacement =
                                  optimizer->objective->sampling == OBJECTIVE_WITH_REPLACEMENT,
                              .batch = optimizer->batch,
                              .micro_batch = optimizer->micro_batch,
                              .rho = optimizer->rho,
                              .lambda = optimizer->rule_setting[RW_SAM_LAMBDA],
                              .exact_norms = optimizer->rule_setting[RW_SAM_EXACT_NORMS],
                              .delta = optimizer->rule_setting[RW_SAM_DELTA]};
}

/* rw-sam's s_i; for a quadratic f_i(x + delta z) - f_i(x) is delta z times the gradient halfway. */
static double score(const struct models_sum *sum, const struct models_draw *draw, size_t i,
                    const double x[2], const double z[2])
{
  double g[2], y[2] = {x[0] + draw->delta / 2 * z[0], x[1] + draw->delta / 2 * z[1]};
  sum->gradient(sum, i, draw->exact_norms ? x : y, g);
  return draw->exact_norms ? hypot(g[0], g[1]) : fabs(g[0] * z[0] + g[1] * z[1]);
}

/* sum_i exp(lambda s_i) g_i / sum_i exp(lambda s_i) over the batch. */
static void reweighted_gradient(const struct models_sum *sum, const struct models_draw *draw,
                                const size_t *batch, const double x[2], const double z[2],
                                double by[2])
{
  double total = 0;
  by[0] = by[1] = 0;
  for (size_t i = 0; i < draw->batch; i++) {
    double gi[2], weight = exp(draw->lambda * score(sum, draw, batch[i], x, z));
    sum->gradient(sum, batch[i], x, gi);
    total += weight;
    by[0] += weight * gi[0];
    by[1] += weight * gi[1];
  }
  by[0] /= total;
  by[1] /= total;
}

/* Those made of the gradient of a micro-batch, but for a last division by the norm. */
static void further_perturbation(const struct models_sum *sum, const struct models_draw *draw,
                                 const size_t *micro_batch, const double x[2], double by[2])
{
  double full[2];
  mean_gradient(sum, draw->micro_batch, micro_batch, x, by);
  mean_gradient(sum, sum->samples, NULL, x, full);
  bool is_full = hypot(by[0] - full[0], by[1] - full[1]) < 1e-13 * hypot(full[0], full[1]);
  double length = hypot(by[0], by[1]), scaled = hypot(x[0] * by[0], x[1] * by[1]);
  for (size_t i = 0; i < 2; i++)
    if (draw->perturbation == PERTURB_DEVIATION)
      by[i] = is_full ? 0 : by[i] - full[i];
    else if (draw->perturbation == PERTURB_UNIFIED)
      by[i] = length > 0 ? (1 - draw->lambda) * by[i] + draw->lambda * by[i] / length : 0;
    else
      by[i] = scaled > 0 ? x[i] * x[i] * by[i] / scaled : 0;
}

static void direction(const struct models_sum *sum, const struct models_draw *draw,
                      const size_t *batch, const double x[2], const double z[2], double u[2])
{
  u[0] = u[1] = 0;
  for (size_t start = 0; start < draw->batch; start += draw->micro_batch) {
    double by[2] = {0, 0}, g[2];
    if (draw->perturbation == PERTURB_FULL_GRADIENT)
      mean_gradient(sum, sum->samples, NULL, x, by);
    else if (draw->perturbation == PERTURB_MICRO_GRADIENT)
      mean_gradient(sum, draw->micro_batch, batch + start, x, by);
    else if (draw->perturbation == PERTURB_REWEIGHTED_GRADIENT)
      reweighted_gradient(sum, draw, batch, x, z, by);
    else if (draw->perturbation != PERTURB_NOTHING)
      further_perturbation(sum, draw, batch + start, x, by);
    double length = draw->normalized ? hypot(by[0], by[1]) : 1;
    for (size_t i = 0; i < 2; i++)
      by[i] = length > 0 ? by[i] / length : 0;
    double y[2] = {x[0] + draw->rho * by[0], x[1] + draw->rho * by[1]};
    mean_gradient(sum, draw->micro_batch, batch + start, y, g);
    for (size_t i = 0; i < 2; i++)
      u[i] += g[i] * (double)draw->micro_batch / (double)draw->batch;
  }
}

void models_enumerate(const struct models_sum *sum, struct models_draw draw, const double x[2],
                      double mean[2], double covariance[4])
{
  size_t codes = 1, count = 0, batch[ITEMS];
  for (size_t i = 0; i < draw.batch; i++)
    codes *= sum->samples;
  static const double signs[][2] = {{1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
  size_t z_count = draw.perturbation == PERTURB_REWEIGHTED_GRADIENT && !draw.exact_norms ? 4 : 1;
  double *u = sde_alloc(codes, z_count * 2 * sizeof *u);
  for (size_t code = 0; code < codes; code++)
    for (size_t z = 0; z < z_count && batch_of(code, sum->samples, &draw, batch); z++)
      direction(sum, &draw, batch, x, signs[z], u + 2 * count++);
  for (size_t i = 0; i < 2; i++) {
    long double sum_u = 0; /* so that rounding does not grow with the number of batches */
    for (size_t c = 0; c < count; c++)
      sum_u += u[2 * c + i];
    mean[i] = (double)(sum_u / (long double)count);
  }
  for (size_t i = 0; i < 2; i++)
    for (size_t j = 0; j < 2; j++) {
      long double products = 0;
      for (size_t c = 0; c < count; c++)
        products += (u[2 * c + i] - mean[i]) * (u[2 * c + j] - mean[j]);
      covariance[2 * i + j] = (double)(products / (long double)count);
    }
  sde_free(u);
}

static void add_moments(struct sde_moments *moments, const double *values)
{
  bool alive[SDE_UNIT];
  for (size_t p = 0; p < SDE_UNIT; p++)
    alive[p] = true;
  *moments = sde_moments_merged(*moments, sde_moments_of_unit(values, alive));
}

void models_sample_add(struct models_sample *sample, size_t width, const double *u,
                       const double mean[2])
{
  for (size_t start = 0; start < width; start += SDE_UNIT) {
    const double *u0 = u + start, *u1 = u0 + width;
    double product[3][SDE_UNIT];
    for (size_t p = 0; p < SDE_UNIT; p++) {
      product[0][p] = (u0[p] - mean[0]) * (u0[p] - mean[0]);
      product[1][p] = (u0[p] - mean[0]) * (u1[p] - mean[1]);
      product[2][p] = (u1[p] - mean[1]) * (u1[p] - mean[1]);
    }
    add_moments(&sample->entry[0], u0);
    add_moments(&sample->entry[1], u1);
    for (size_t k = 0; k < 3; k++)
      add_moments(&sample->product[k], product[k]);
  }
}

/* What does not vary must be right to rounding. */
static void compare(struct sde_moments sample, double exact, struct testing_family *family,
                    const char *name, const char *what)
{
  double off = sample.mean - exact, scale = fmax(1, fabs(exact));
  testing_add(family, fabs(off) < 1e-12 * scale ? 0 : off / sde_moments_standard_error(sample),
              "%s, %s", name, what);
}

void models_sample_compare(const struct models_sample *sample, const double mean[2],
                           const double covariance[4], struct testing_family *family,
                           const char *name)
{
  compare(sample->entry[0], mean[0], family, name, "mean of 1");
  compare(sample->entry[1], mean[1], family, name, "mean of 2");
  compare(sample->product[0], covariance[0], family, name, "variance of 1");
  compare(sample->product[1], covariance[1], family, name, "covariance");
  compare(sample->product[2], covariance[3], family, name, "variance of 2");
}

struct models_sample models_directions(const struct optimizer *optimizer, const double x[2],
                                       size_t paths, const double mean[2])
{
  enum { WIDTH = 64 };
  struct models_sample sample = {0};
  struct optimizer_workspace *workspace = optimizer_workspace_new(optimizer, WIDTH);
  double block[2 * WIDTH], u[2 * WIDTH];
  sde_block_fill(WIDTH, x[0], block);
  sde_block_fill(WIDTH, x[1], block + WIDTH);
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_address at = {sde_stream_named(1, "directions"), path, path % 1024};
    optimizer_gradient(optimizer, workspace, &at, WIDTH, block, u);
    models_sample_add(&sample, WIDTH, u, mean);
  }
  optimizer_workspace_free(workspace);
  return sample;
}

void models_compare_means(const struct models_sample *sample, const double mean[2],
                          struct testing_family *family, const char *name)
{
  testing_add_mean(family, sample->entry[0], mean[0], name);
  testing_add_mean(family, sample->entry[1], mean[1], name);
}

struct models_sample models_drift_sample(const struct optimizer *optimizer,
                                         struct limit_options options, const double x[2],
                                         size_t paths, const double mean[2])
{
  enum { WIDTH = 64 };
  struct models_sample sample = {0};
  struct limit *limit = models_limit(optimizer, options);
  const struct sde_system *system = limit_system(limit);
  void *workspace = sde_system_workspace_new(system, WIDTH);
  double block[2 * WIDTH], drift[2 * WIDTH];
  sde_block_fill(WIDTH, x[0], block);
  sde_block_fill(WIDTH, x[1], block + WIDTH);
  for (size_t path = 0; path < paths; path += WIDTH) {
    struct sde_instant at = {0, path, path / WIDTH % 32};
    system->evaluate(system, workspace, &at, WIDTH, block, NULL, drift, NULL);
    sde_block_scale(2 * WIDTH, -1, drift);
    models_sample_add(&sample, WIDTH, drift, mean);
  }
  sde_system_workspace_free(system, workspace);
  limit_free(limit);
  return sample;
}
