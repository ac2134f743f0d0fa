/*
 * The choice of a limit's form: what can be asked for of an optimizer, which form of F and Sigma
 * that takes, by which noise factor, and what of it can be said. theory.md section 3. See
 * limit_forms.h.
 */
#include "models/affine_limit.h"
#include "models/generalized_sums.h"
#include "models/limit_forms.h"

#include <stdio.h>
#include <string.h>

enum {
  ENUMERATION_MAX = 1024, /* (micro-)batches beyond which fresh directions are drawn instead */
  PAIRS_MAX = 65536,      /* the same for ordered pairs of disjoint micro-batches */
  DEFAULT_DIRECTIONS = 16
};

/* Disjoint micro-batches drawn without replacement are correlated; for m = 1 c(b) says how much. */
static bool needs_pairs(const struct optimizer *optimizer)
{
  return optimizer->objective->sampling == OBJECTIVE_WITHOUT_REPLACEMENT &&
         optimizer->micro_batch > 1 && optimizer->batch / optimizer->micro_batch > 1;
}

/* What there is too much of for an enumeration; for m = 1 never anything. */
enum excess { EXCESS_NONE, EXCESS_MICRO_BATCHES, EXCESS_PAIRS };

static enum excess excess_of(const struct optimizer *optimizer)
{
  const struct objective *objective = optimizer->objective;
  size_t n = objective->components, m = optimizer->micro_batch;
  if (m == 1)
    return EXCESS_NONE;
  size_t count =
      enumeration_count(n, m, objective->sampling == OBJECTIVE_WITH_REPLACEMENT, ENUMERATION_MAX);
  if (count == SIZE_MAX)
    return EXCESS_MICRO_BATCHES;
  bool pairs =
      needs_pairs(optimizer) && enumeration_count(n - m, m, false, PAIRS_MAX / count) == SIZE_MAX;
  return pairs ? EXCESS_PAIRS : EXCESS_NONE;
}

/* Are there samples to enumerate, and is that all that the directions depend on? */
static bool has_few_draws(const struct limit_form *form)
{
  return form->optimizer->objective->sampling != OBJECTIVE_GAUSSIAN &&
         form->options.directions == 0 &&
         (form->optimizer->program == NULL
              ? form->optimizer->rule->theory.depends != GRADIENT_OF_BATCH
              : !program_draws(form->optimizer->program));
}

static bool can_enumerate(const struct limit_form *form)
{
  return has_few_draws(form) && excess_of(form->optimizer) == EXCESS_NONE;
}

/* All batches: one micro-batch is a multiset or a set, several are an ordered draw. */
static bool can_enumerate_batches(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  size_t n = optimizer->objective->components, b = optimizer->batch;
  bool replacement = optimizer->objective->sampling == OBJECTIVE_WITH_REPLACEMENT;
  size_t count = optimizer->micro_batch == b
                     ? enumeration_count(n, b, replacement, ENUMERATION_MAX)
                     : enumeration_ordered_count(n, b, replacement, ENUMERATION_MAX);
  return has_few_draws(form) && count != SIZE_MAX;
}

/* Choices of a form, each with its noise factor. */
static void use_components(struct limit_form *form, enum limit_form_kind kind, size_t dim)
{
  const struct objective *objective = form->optimizer->objective;
  form->kind = kind;
  form->plan = factor_plan(dim, objective->components, objective->sampling != OBJECTIVE_GAUSSIAN,
                           form->options.factor);
}

static void use_enumeration(struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  form->kind = LIMIT_FORM_ENUMERATED;
  form->pairs = needs_pairs(form->optimizer);
  form->enumeration = enumeration_new(objective->components, form->optimizer->micro_batch,
                                      objective->sampling == OBJECTIVE_WITH_REPLACEMENT);
  form->plan = factor_plan(objective->loss->dim, form->enumeration.count, true,
                           form->pairs ? LIMIT_FACTOR_CHOLESKY : form->options.factor);
}

static void use_batches(struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  size_t n = optimizer->objective->components, b = optimizer->batch;
  bool replacement = optimizer->objective->sampling == OBJECTIVE_WITH_REPLACEMENT;
  form->kind = LIMIT_FORM_ENUMERATED;
  form->enumeration = optimizer->micro_batch == b ? enumeration_new(n, b, replacement)
                                                  : enumeration_ordered_new(n, b, replacement);
  form->plan = factor_plan(form->dim, form->enumeration.count, true, form->options.factor);
}

static void use_samples(struct limit_form *form)
{
  form->kind = LIMIT_FORM_SAMPLED;
  form->plan = factor_plan(form->dim, form->directions, true, form->options.factor);
}

/* m-SAM to first order in rho: by all micro-batches where they are few, else with E|g_I| by the
 * Gaussian integral, which is exact for Gaussian noise, or by fresh micro-batches; and with the
 * covariance of the normalised direction where c(m) V is one for all x, else with leading noise. */
static void use_norm(struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  enum limit_norm_source wanted = form->options.norm;
  if ((wanted == LIMIT_NORM_AUTO || wanted == LIMIT_NORM_ENUMERATE) &&
      form->options.variance_term && can_enumerate(form)) {
    use_enumeration(form);
    return;
  }
  use_components(form, LIMIT_FORM_NORM, objective->loss->dim);
  bool gaussian = objective_is_gaussian(objective);
  form->norm = !form->options.variance_term                          ? LIMIT_NORM_OF_MEAN
               : gaussian && objective_has_constant_noise(objective) ? LIMIT_NORM_OF_GAUSSIAN_NOISE
               : gaussian || wanted == LIMIT_NORM_GAUSSIAN           ? LIMIT_NORM_OF_CLOSURE
                                                                     : LIMIT_NORM_OF_FRESH;
  form->normalized = gaussian && objective_has_constant_noise(objective) &&
                     form->options.covariance != LIMIT_COVARIANCE_LEADING;
  if (form->norm == LIMIT_NORM_OF_GAUSSIAN_NOISE || form->normalized)
    form->basis = limit_norm_basis_new(form->optimizer);
}

bool limit_form_is_perturbed(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  return form->options.rho_order != LIMIT_RHO_ORDER_0 &&
         optimizer->rule->theory.depends != GRADIENT_UNPERTURBED &&
         (optimizer->rho > 0 || optimizer->rule->direction != NULL);
}

/* Is w expanded in the columns of theory.md section 3? Constant noise on a quadratic makes it
 * affine in x and xi: the expansion in rho is then exact. */
static bool is_expanded(const struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  return form->optimizer->rule->theory.closed_form == GRADIENT_EXPANDED &&
         (form->options.rho_order == LIMIT_RHO_ORDER_1 ||
          (objective_has_constant_noise(objective) && objective->loss->quadratic));
}

/* A closed form where the rule has one, else all micro-batches or batches where they are few, else
 * fresh ones. */
static void choose_form(struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct gradient_theory *theory = &optimizer->rule->theory;
  size_t d = optimizer->objective->loss->dim;
  form->whole_batches = optimizer->update->affine == NULL;
  form->dim = form->whole_batches ? optimizer_dim(optimizer) : d;
  form->directions = form->options.directions > 0 ? form->options.directions : DEFAULT_DIRECTIONS;
  if (form->whole_batches && can_enumerate_batches(form))
    use_batches(form);
  else if (form->whole_batches)
    use_samples(form);
  else if (!limit_form_is_perturbed(form) ||
           (theory->depends == GRADIENT_OF_POINT && optimizer->rule->direction == NULL))
    use_components(form, LIMIT_FORM_POINT, d);
  else if (is_expanded(form))
    use_components(form, LIMIT_FORM_EXPANDED,
                   objective_has_constant_noise(optimizer->objective) ? d : 2 * d);
  else if (theory->closed_form == GRADIENT_NORM && form->options.rho_order == LIMIT_RHO_ORDER_1)
    use_norm(form);
  else if (can_enumerate(form))
    use_enumeration(form);
  else
    use_samples(form);
}

/* Can a Cholesky factor be that of generalized_sums.h? */
static bool has_matrix_form(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct loss *loss = optimizer->objective->loss;
  double rho = optimizer->rho;
  if (optimizer->objective->sampling == OBJECTIVE_GAUSSIAN || form->whole_batches)
    return false;
  if (form->kind == LIMIT_FORM_POINT || form->kind == LIMIT_FORM_NORM)
    return generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_EXACT, 0);
  if (form->kind == LIMIT_FORM_EXPANDED)
    return optimizer->micro_batch == 1 && limit_form_theta(optimizer) == 1 &&
           generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_FIRST_ORDER, rho);
  return form->kind == LIMIT_FORM_ENUMERATED && form->enumeration.size == 1 &&
         optimizer->rule->theory.closed_form == GRADIENT_EXPANDED &&
         generalized_linear_has_moments(loss, GENERALIZED_DIRECTIONS_EXACT, rho);
}

/* The cost of a sample by columns, beside which the matrix form breaks even: a normal, and a pass
 * over the coordinates; the second gradient of an exact direction takes another, the Hessian
 * products of an expanded one six, by measurement up to 37 dimensions. The matrix form has them for
 * nothing. */
static double column_cost(const struct limit_form *form)
{
  double passes = form->kind == LIMIT_FORM_EXPANDED     ? 7
                  : form->kind == LIMIT_FORM_ENUMERATED ? 2
                                                        : 1;
  return FACTOR_NORMAL_COST + passes * (double)form->optimizer->objective->loss->dim;
}

/* There the Cholesky factor is cheaper than factor_plan knows, and always of d dimensions. */
static void choose_matrix_form(struct limit_form *form)
{
  if (!has_matrix_form(form))
    return;
  size_t dim = form->optimizer->objective->loss->dim;
  double d = (double)dim;
  bool cheaper = FACTOR_MATRIX_COST * d * (d + 1) / 2 <
                 factor_memory_worth(form->plan.columns) * column_cost(form);
  struct factor_plan plan = factor_plan(dim, form->plan.columns, true, form->options.factor);
  form->matrix = plan.cholesky || (form->options.factor == LIMIT_FACTOR_AUTO && cheaper);
  if (form->matrix)
    form->plan = plan;
  form->plan.cholesky = form->plan.cholesky || form->matrix;
}

size_t limit_form_noise_dim(const struct limit_form *form)
{
  return factor_noise_dim(&form->plan) + (form->normalized ? form->dim : 0);
}

/* Noise of linear potentials is additive unless a Hessian that varies carries it, or a direction.
 */
enum sde_noise_class limit_form_noise_class(const struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  if (objective_has_constant_noise(objective) && !form->normalized &&
      (form->kind == LIMIT_FORM_POINT || form->kind == LIMIT_FORM_NORM ||
       (form->kind == LIMIT_FORM_EXPANDED && objective->loss->quadratic)))
    return SDE_NOISE_ADDITIVE;
  if (limit_form_noise_dim(form) == 1)
    return SDE_NOISE_SCALAR;
  bool diagonal = objective->sampling == OBJECTIVE_GAUSSIAN && objective->noise->diagonal;
  bool by_columns = form->kind == LIMIT_FORM_POINT && !form->plan.cholesky;
  return diagonal && by_columns && !limit_form_is_perturbed(form) ? SDE_NOISE_DIAGONAL
                                                                  : SDE_NOISE_GENERAL;
}

double limit_form_cost(const struct limit_form *form)
{
  const struct objective *objective = form->optimizer->objective;
  double d = (double)objective->loss->dim, n = (double)objective->components;
  double columns = (double)form->plan.columns, m = (double)form->optimizer->micro_batch;
  double component = 2 * d, passes = form->kind == LIMIT_FORM_EXPANDED ? 6 * n : 2 * n;
  double factor = form->plan.cholesky
                      ? columns * (double)form->plan.dim * (double)form->plan.dim / 2
                      : columns * (FACTOR_NORMAL_COST + (double)form->plan.dim);
  double direction = form->normalized ? 30 * d * d + 2 * d * d * d / 3 + d * FACTOR_NORMAL_COST : 0;
  return component * passes + factor + direction +
         (form->kind == LIMIT_FORM_ENUMERATED ? 2 * m * columns * component : 0);
}

bool limit_form_is_affine(const struct limit_form *form)
{
  const struct optimizer *optimizer = form->optimizer;
  const struct objective *objective = optimizer->objective;
  bool quadratic = objective->sampling != OBJECTIVE_GAUSSIAN || objective->noise->quadratic;
  return objective->loss->quadratic && quadratic && form->kind != LIMIT_FORM_SAMPLED &&
         !form->whole_batches && (optimizer->rule->theory.affine || !limit_form_is_perturbed(form));
}

void limit_form_describe(const struct limit_form *form, size_t size, char *text)
{
  text[0] = '\0';
  if (form->kind == LIMIT_FORM_ENUMERATED)
    snprintf(text, size, ", %zu %s enumerated", form->enumeration.count,
             form->whole_batches ? "batches" : "micro-batches");
  else if (form->kind == LIMIT_FORM_SAMPLED)
    snprintf(text, size, ", %zu fresh directions per step", form->directions);
  else if (form->kind == LIMIT_FORM_NORM && form->norm == LIMIT_NORM_OF_MEAN)
    snprintf(text, size, ", |g| instead of E|g_I|");
  else if (form->kind == LIMIT_FORM_NORM && form->norm == LIMIT_NORM_OF_FRESH)
    snprintf(text, size, ", E|g_I| from %zu fresh micro-batches per step", form->directions);
  else if (form->kind == LIMIT_FORM_NORM)
    snprintf(text, size, ", E|g_I| by the Gaussian integral");
  size_t length = strlen(text);
  if (form->kind == LIMIT_FORM_NORM)
    snprintf(text + length, size - length, ", %s",
             form->normalized ? "covariance of g_I/|g_I| with it" : "leading noise c(b) V alone");
}

/* The variance term can be left out where F is known as a sum with it: to first order in rho, in
 * closed form, for w itself. Elsewhere it is one part of E u among others. */
static bool check_variance_term(const struct optimizer *optimizer,
                                const struct limit_options *options, const char *place,
                                struct sde_status *status)
{
  const struct gradient_rule *rule = optimizer->rule;
  if (options->variance_term || options->rho_order == LIMIT_RHO_ORDER_0 ||
      !gradient_rule_sees_noise(rule))
    return true;
  if (rule->theory.closed_form == GRADIENT_NO_CLOSED_FORM &&
      rule->theory.regularizer == REGULARIZER_HALF_NOISE_TRACE)
    return sde_fail(status, SDE_INVALID,
                    "%s: the variance term is all that %s adds to the gradient; rho_order 0 leaves "
                    "it out, and variance_term must be true",
                    place, rule->name);
  if (rule->theory.closed_form == GRADIENT_NO_CLOSED_FORM)
    return sde_fail(status, SDE_INVALID,
                    "%s: the drift of %s has no term of the variance that could be left out; "
                    "variance_term must be true",
                    place, rule->name);
  if (optimizer->update->affine == NULL)
    return sde_fail(
        status, SDE_INVALID,
        "%s: the variance term cannot be told from the rest of the drift of %s with the "
        "update rule %s; variance_term must be true",
        place, rule->name, optimizer->update->name);
  if (options->rho_order == LIMIT_RHO_ORDER_EXACT)
    return sde_fail(status, SDE_INVALID,
                    "%s: variance_term: false needs rho_order 1; with rho_order exact the term "
                    "cannot be told from the rest of the drift of %s",
                    place, rule->name);
  return true;
}

static bool check_variance(const struct objective *objective, const char *place,
                           struct sde_status *status)
{
  if (objective_has_variance(objective))
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: assumptions fail: infinite variance: Student t with degrees_of_freedom %g, "
                  "at most 2, has none, so that no SDE driven by Brownian motion describes the "
                  "iterates; degrees_of_freedom must be above 2, or sde: [] for the iterates alone",
                  place, objective->noise->degrees_of_freedom);
}

/* SVAG approaches the SDE of SGD to first order in eta. The flow of reshuffled batches is known to
 * second order for SGD. */
static bool check_sampling(const struct optimizer *optimizer, const struct limit_options *options,
                           const char *place, struct sde_status *status)
{
  const struct objective *objective = optimizer->objective;
  if (options->eta_order == 1)
    return true;
  if (objective->svag > 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: svag %zu takes steps of eta/%zu, which have the SDE of SGD to first order "
                    "in eta; eta_order must be 1",
                    place, objective->svag, objective->svag);
  bool plain = optimizer->rule->theory.depends == GRADIENT_UNPERTURBED &&
               optimizer_steps_along_gradient(optimizer) && !optimizer_is_scheduled(optimizer);
  return !objective->reshuffled || plain ||
         sde_fail(status, SDE_INVALID,
                  "%s: the flow of reshuffled batches is known to second order in eta for sgd "
                  "without a schedule alone; eta_order must be 1",
                  place);
}

static bool check_options(const struct optimizer *optimizer, const struct limit_options *options,
                          const char *place, struct sde_status *status)
{
  if (options->eta_order != 1 && options->eta_order != 2)
    return sde_fail(status, SDE_INVALID, "%s: eta_order %d is not known; it must be 1 or 2", place,
                    options->eta_order);
  if (optimizer->program != NULL && options->rho_order != LIMIT_RHO_ORDER_EXACT)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s is lines of the recipe, which have no expansion in rho; rho_order must "
                    "be exact",
                    place, optimizer->rule->name);
  if (optimizer->rule->direction != NULL && !optimizer->rule->theory.expands &&
      options->rho_order == LIMIT_RHO_ORDER_0)
    return sde_fail(
        status, SDE_INVALID,
        "%s: %s is no gradient at a perturbed point, so that SGD's SDE is not its own at "
        "rho 0; rho_order must be exact",
        place, optimizer->rule->name);
  if (!optimizer->rule->theory.expands && options->rho_order == LIMIT_RHO_ORDER_1)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s has no expansion in rho; rho_order must be 0 or exact", place,
                    optimizer->rule->name);
  if (options->directions == 1)
    return sde_fail(status, SDE_INVALID,
                    "%s: one direction a step has no covariance; directions must be at least 2, or "
                    "0 for the default",
                    place);
  return check_sampling(optimizer, options, place, status) &&
         check_variance_term(optimizer, options, place, status) &&
         check_variance(optimizer->objective, place, status);
}

/* Is E|g_I| computed in the way that was asked for? */
static bool check_norm(const struct limit_form *form, const char *place, struct sde_status *status)
{
  const struct optimizer *optimizer = form->optimizer;
  enum limit_norm_source wanted = form->options.norm;
  if (form->kind != LIMIT_FORM_NORM || form->norm == LIMIT_NORM_OF_MEAN)
    return true;
  bool gaussian = objective_is_gaussian(optimizer->objective);
  if (optimizer->objective->sampling == OBJECTIVE_GAUSSIAN &&
      (wanted == LIMIT_NORM_ENUMERATE || (gaussian && wanted == LIMIT_NORM_SAMPLE)))
    return sde_fail(status, SDE_INVALID,
                    "%s: norm: %s needs micro-batches of samples, which %s noise has not; norm "
                    "must be auto%s or %s",
                    place, wanted == LIMIT_NORM_ENUMERATE ? "enumerate" : "sample",
                    gaussian ? "Gaussian" : "Student t", gaussian ? "" : ", gaussian",
                    gaussian ? "gaussian" : "sample");
  if (wanted != LIMIT_NORM_ENUMERATE)
    return true;
  if (form->options.directions > 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: norm: enumerate draws no directions; directions must be 0", place);
  bool pairs = excess_of(optimizer) == EXCESS_PAIRS;
  return sde_fail(status, SDE_INVALID,
                  "%s: norm: enumerate: %s has more than %d %smicro-batches of %zu of %zu samples; "
                  "norm must be auto, gaussian or sample",
                  place, optimizer->rule->name, pairs ? PAIRS_MAX : ENUMERATION_MAX,
                  pairs ? "ordered pairs of disjoint " : "", optimizer->micro_batch,
                  optimizer->objective->components);
}

/* Has Sigma the closed form that was asked for? */
static bool check_covariance(const struct limit_form *form, const char *place,
                             struct sde_status *status)
{
  if (form->kind != LIMIT_FORM_NORM || form->normalized ||
      form->options.covariance != LIMIT_COVARIANCE_NORMALIZED)
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: covariance: normalized has a closed form for Gaussian noise that does not "
                  "depend on x; here covariance must be leading or left out, or rho_order exact",
                  place);
}

bool limit_form_choose(struct limit_form *form, const char *place, struct sde_status *status)
{
  if (!check_options(form->optimizer, &form->options, place, status))
    return false;
  choose_form(form);
  choose_matrix_form(form);
  return check_norm(form, place, status) && check_covariance(form, place, status);
}

/* A run evaluates its SDEs at least so many times: 64 paths of 100 steps of 16 substeps. */
static const double EVALUATIONS_LEAST = 1e5;

bool limit_form_is_cheaper_affine(const struct limit_form *form, double learning)
{
  double d = (double)form->dim, own = limit_form_cost(form);
  double affine = affine_limit_cost(form->dim, FACTOR_NORMAL_COST) + learning / EVALUATIONS_LEAST;
  if (form->options.factor == LIMIT_FACTOR_REPEATED || form->options.factor == LIMIT_FACTOR_FEWEST)
    return d * affine <= (double)factor_noise_dim(&form->plan) * own;
  return form->options.factor == LIMIT_FACTOR_AUTO && affine <= own;
}
