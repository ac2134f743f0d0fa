/*
 * The SDE of a case: see case_sde.h.
 */
#include "experiments/cases/case_sde.h"

#include "models/program_rule.h"
#include "sde/control_variate.h"
#include "sde/multilevel.h"
#include "sde/noise_class.h"
#include "sde/quasi.h"

#include <math.h>
#include <string.h>

/* Steps of the finest Wiener increments are addressed with 40 bits. */
static const double FINE_STEPS_MAX = 1e12;

static enum limit_norm_source norm_source(const char *name)
{
  return strcmp(name, "enumerate") == 0  ? LIMIT_NORM_ENUMERATE
         : strcmp(name, "gaussian") == 0 ? LIMIT_NORM_GAUSSIAN
         : strcmp(name, "sample") == 0   ? LIMIT_NORM_SAMPLE
                                         : LIMIT_NORM_AUTO;
}

static enum limit_covariance covariance_of(const struct parameters *sde)
{
  return !parameters_has(sde, "covariance") ? LIMIT_COVARIANCE_AUTO
         : strcmp(parameters_text(sde, "covariance"), "normalized") == 0
             ? LIMIT_COVARIANCE_NORMALIZED
             : LIMIT_COVARIANCE_LEADING;
}

static struct limit_options limit_options(const struct parameters *sde)
{
  const char *rho = parameters_text(sde, "rho_order");
  const char *factor = parameters_text(sde, "noise_factor");
  bool without = parameters_has(sde, "noise") && !parameters_bool(sde, "noise");
  return (struct limit_options){.eta_order = (int)parameters_u64(sde, "eta_order"),
                                .rho_order = strcmp(rho, "0") == 0   ? LIMIT_RHO_ORDER_0
                                             : strcmp(rho, "1") == 0 ? LIMIT_RHO_ORDER_1
                                                                     : LIMIT_RHO_ORDER_EXACT,
                                .variance_term = parameters_bool(sde, "variance_term"),
                                .norm = norm_source(parameters_text(sde, "norm")),
                                .covariance = covariance_of(sde),
                                .factor = without                           ? LIMIT_FACTOR_NONE
                                          : strcmp(factor, "columns") == 0  ? LIMIT_FACTOR_COLUMNS
                                          : strcmp(factor, "cholesky") == 0 ? LIMIT_FACTOR_CHOLESKY
                                                                            : LIMIT_FACTOR_AUTO,
                                .directions = (size_t)parameters_u64(sde, "directions")};
}

/* Where a limit was asked for: the file, where the recipe leaves its SDE to the defaults. */
static const char *sde_place(const struct cases *cases, const struct parameters *sde)
{
  return parameters_given(sde, "rho_order") ? parameters_place(sde, "rho_order")
                                            : cases->recipe->file;
}

/* Beyond this many times what one of its SDEs needs by itself, a common resolution of a case costs
 * more normals than the coupling saves paths. */
enum { COMMON_RESOLUTION_MAX = 4 };

static uint64_t substeps_of(const struct cases *cases, size_t index)
{
  return recipe_scheme(cases->recipe, index).substeps;
}

/* Increments a learning-rate step that an SDE and its companion need. */
static uint64_t own_resolution(uint64_t substeps)
{
  return substeps % 2 == 0 ? substeps : 2 * substeps;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
  while (b != 0) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* With Gaussian noise the SDEs of a case draw one Brownian path at one resolution, so that the
 * iterates can share it with all of them: the least common multiple of what each needs, without
 * those that would raise it out of proportion. */
static uint64_t common_resolution(const struct cases *cases, const struct run_case *one)
{
  uint64_t common = 1, largest = 1;
  for (size_t s = 0; s < cases->recipe->sdes; s++) {
    uint64_t own = own_resolution(substeps_of(cases, s));
    uint64_t with = common * (own / greatest_common_divisor(common, own));
    largest = own > largest ? own : largest;
    if (with <= COMMON_RESOLUTION_MAX * largest &&
        (double)one->steps * (double)with <= FINE_STEPS_MAX)
      common = with;
  }
  return common;
}

/* Why an SDE cannot share its Brownian path with the iterates; NULL where it can. */
static const char *obstacle_of(const struct cases *cases, const struct limit *limit, uint64_t own,
                               uint64_t common)
{
  if (cases->objective->reshuffled)
    return "it has no noise: that of reshuffled batches is O(eta^4) over an epoch";
  if (limit_options_of(limit)->factor == LIMIT_FACTOR_NONE)
    return "it has no noise";
  if (cases->objective->sampling != OBJECTIVE_GAUSSIAN)
    return "the optimizer draws samples, the SDE a Brownian path";
  if (!objective_is_gaussian(cases->objective))
    return "Brownian increments are normal, its noise is not (law)";
  if (recipe_quasi_random(cases->recipe))
    return "its Brownian paths are quasi-random, those of the iterates are not";
  if (limit_options_of(limit)->factor == LIMIT_FACTOR_CHOLESKY)
    return "noise_factor: cholesky mixes the noise potentials; columns would couple it";
  if (!limit_has_potential_columns(limit))
    return "its noise is that of fresh directions, not a column a noise potential";
  if (common % own != 0)
    return "its substeps and those of the others have no common fine step of reasonable size";
  return NULL;
}

/* How the noise is factored, where the recipe leaves it open. */
static enum limit_factor factor_of(const struct cases *cases, const struct sde_scheme *scheme)
{
  /* The fewer Wiener processes, the more quasi-random coordinates each has; in many dimensions
   * Cholesky's factor, or an affine limit, takes longer than that can save. */
  if (recipe_quasi_random(cases->recipe) && cases->loss->dim <= SDE_QUASI_DIMENSIONS / 2)
    return LIMIT_FACTOR_FEWEST;
  if (cases->objective->sampling == OBJECTIVE_GAUSSIAN)
    return LIMIT_FACTOR_COLUMNS; /* so that iterates and SDE can share a Brownian path */
  return scheme->on[SDE_NOISE_GENERAL].evaluations_a_noise > 0 ? LIMIT_FACTOR_REPEATED
                                                               : LIMIT_FACTOR_AUTO;
}

/* Whose SDE it is: the optimizer's own, or, with `of`, that of another gradient rule with its
 * settings left out. */
static bool optimizer_of_sde(const struct run_case *one, const struct parameters *sde,
                             struct optimizer *optimizer, struct sde_status *status)
{
  *optimizer = one->optimizer;
  if (!parameters_has(sde, "of"))
    return true;
  if (optimizer->program != NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: of offers the SDE of a gradient rule; %s is lines of the recipe, with no "
                    "gradient rule to replace",
                    parameters_place(sde, "of"), optimizer->rule->name);
  optimizer->rule = gradient_rule_named(parameters_text(sde, "of"));
  if (optimizer->rule->micro_batch != MICRO_BATCH_GIVEN)
    optimizer->micro_batch = optimizer->batch;
  memset(optimizer->rule_setting, 0, sizeof optimizer->rule_setting);
  return optimizer->rule->read == NULL || optimizer->rule->read(NULL, optimizer, status);
}

/* made->limit and its system, as the scheme and a tolerance must take it. */
static bool make_limit(const struct cases *cases, const struct run_case *one, struct case_sde *made,
                       struct sde_status *status)
{
  const struct parameters *sde = cases->recipe->sde[made->index];
  struct limit_options options = limit_options(sde);
  if (one->optimizer.program != NULL && !parameters_given(sde, "rho_order"))
    options.rho_order = LIMIT_RHO_ORDER_EXACT; /* lines have no other */
  if (options.factor == LIMIT_FACTOR_AUTO)
    options.factor = factor_of(cases, made->scheme);
  const char *place = objective_has_variance(cases->objective)
                          ? sde_place(cases, sde)
                          : parameters_place(cases->recipe->noise, "degrees_of_freedom");
  if (one->optimizer.program != NULL &&
      !program_rule_has_limit(&one->optimizer, cases->start, place, status))
    return false;
  struct optimizer optimizer;
  if (!optimizer_of_sde(one, sde, &optimizer, status))
    return false;
  made->limit =
      limit_new(&optimizer, &options, case_stream(cases, one, "directions"), place, status);
  if (made->limit == NULL)
    return false;
  made->system = *limit_system(made->limit);
  struct sde_status refused = {SDE_OK, ""};
  /* What is declared must be borne out. What shows to be more special than declared is so around
   * the start alone, and stays general. */
  if (!sde_noise_class_check(&made->system, one->start, &refused))
    return sde_fail(status, refused.code, "%s: %s", sde_place(cases, sde), refused.message);
  if (!isnan(recipe_tolerance(cases->recipe)) &&
      !sde_multilevel_accepts(made->scheme, &made->system, &refused))
    return sde_fail(status, refused.code, "%s: %s", parameters_place(sde, "scheme"),
                    refused.message);
  return true;
}

/* The solution and its companion of `other` substeps, with antithetic partners where paths have
 * them. */
static bool make_processes(const struct run_case *one, struct sde_solution solution, uint64_t other,
                           struct case_sde *made, struct sde_status *refused)
{
  uint64_t substeps = solution.substeps;
  made->process = sde_solution_process_new(&solution, refused);
  solution.substeps = other;
  made->companion = sde_solution_process_new(&solution, refused);
  solution.negated = true;
  if (one->antithetic)
    made->companion_partner = sde_solution_process_new(&solution, refused);
  solution.substeps = substeps;
  if (one->antithetic)
    made->partner = sde_solution_process_new(&solution, refused);
  return refused->code == SDE_OK;
}

bool case_sde_make(const struct cases *cases, struct run_case *one, size_t index,
                   struct sde_status *status)
{
  const struct parameters *sde = cases->recipe->sde[index];
  struct recipe_scheme chosen = recipe_scheme(cases->recipe, index);
  struct case_sde *made = &one->sde[index];
  uint64_t substeps = chosen.substeps;
  bool even = substeps % 2 == 0;
  uint64_t other = even ? substeps / 2 : 2 * substeps;
  if ((double)one->steps * (double)(even ? substeps : other) > FINE_STEPS_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: %g learning-rate steps of %g substeps; their product must be at most %g",
                    parameters_place(sde, parameters_has(sde, "substeps") ? "substeps" : "scheme"),
                    (double)one->steps, (double)substeps, FINE_STEPS_MAX);
  made->index = index;
  if (cases->objective->domain != NULL && strcmp(chosen.scheme->name, "euler-maruyama") != 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: at the boundary of a domain no scheme has a higher order than "
                    "euler-maruyama, which scheme must be; it is %s",
                    parameters_place(sde, "scheme"), chosen.scheme->name);
  made->ratio = even ? 0.5 : 2;
  made->scheme = chosen.scheme;
  if (!make_limit(cases, one, made, status))
    return false;
  struct sde_status refused = {SDE_OK, ""};
  uint64_t own = own_resolution(substeps), common = common_resolution(cases, one);
  made->apart = obstacle_of(cases, made->limit, own, common);
  made->coupled = made->apart == NULL;
  /* An SDE that cannot share the iterates' Brownian path must not draw the same normals, either. */
  bool independent = !made->coupled && cases->objective->sampling == OBJECTIVE_GAUSSIAN;
  struct sde_solution solution = {.system = &made->system,
                                  .scheme = made->scheme,
                                  .stream =
                                      case_stream(cases, one, independent ? "sde apart" : "sde"),
                                  .eta = one->optimizer.eta,
                                  .substeps = substeps,
                                  .resolution = made->coupled ? common : own};
  if (recipe_control_variate(cases->recipe) &&
      !sde_control_variate_accepts(&solution, one->steps, &refused))
    return sde_fail(status, refused.code, "%s: %s",
                    parameters_place(cases->recipe->common, "variance_reduction"), refused.message);
  if (one->replicates > 0)
    made->quasi = sde_quasi_new(case_stream(cases, one, "shifts"), made->system.noise_dim,
                                one->steps * solution.resolution, one->paths / one->replicates);
  solution.quasi = made->quasi;
  solution.projection = domain_projection(cases->objective->domain);
  return make_processes(one, solution, other, made, &refused) ||
         sde_fail(status, refused.code, "%s: %s", parameters_place(sde, "scheme"), refused.message);
}
