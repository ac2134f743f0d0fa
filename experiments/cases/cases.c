/*
 * Cases: see cases.h.
 */
#include "experiments/cases/cases.h"

#include "experiments/cases/case_optimizer.h"
#include "experiments/cases/case_sde.h"
#include "experiments/cases/sweeps.h"
#include "experiments/recipe/study.h"
#include "sde/quasi.h"

#include <math.h>
#include <string.h>

enum { CASES_MAX = 10000 };

/* Replicates of quasi-random paths: enough for Student's law to be near the normal one, few enough
 * for each to have many points, of which there are at least REPLICATE_LEAST. */
enum { REPLICATES = 16, REPLICATE_LEAST = 32 };

/* The iterates, driven by the Brownian path that their coupled SDEs share. */
static void make_iterates(const struct cases *cases, struct run_case *one)
{
  struct optimizer_coupling coupling = {.resolution = 0};
  for (size_t s = 0; s < cases->recipe->sdes && coupling.resolution == 0; s++) {
    const struct sde_solution *solution = one->sde[s].process->solution;
    if (one->sde[s].coupled) {
      coupling.resolution = solution->resolution;
      coupling.wiener =
          (struct sde_wiener){.stream = solution->stream,
                              .noise_dim = one->optimizer.objective->components,
                              .fine_step = solution->eta / (double)solution->resolution};
    }
  }
  one->iterates =
      optimizer_coupled_process_new(&one->optimizer, case_stream(cases, one, "iterates"),
                                    coupling.resolution > 0 ? &coupling : NULL);
  /* Samples have no negative: their partner is another path. So are the micro-batches' own
   * draws. */
  coupling.wiener.negated = true;
  if (one->antithetic)
    one->iterates_partner =
        optimizer_coupled_process_new(&one->optimizer, case_stream(cases, one, "iterates partner"),
                                      coupling.resolution > 0 ? &coupling : NULL);
}

/* Sobol's points are evenly spread where their number is a power of two. */
static bool set_replicates(const struct recipe *recipe, uint64_t paths, struct run_case *one,
                           struct sde_status *status)
{
  uint64_t points = REPLICATE_LEAST;
  if (!recipe_quasi_random(recipe) || recipe->sdes == 0)
    return true;
  while (points * REPLICATES < paths && points < (uint64_t)1 << SDE_QUASI_BITS)
    points *= 2;
  if (paths < REPLICATES * REPLICATE_LEAST || paths > points * REPLICATES)
    return sde_fail(status, SDE_INVALID,
                    "%s: %.0f paths; variance_reduction: quasi-random takes %d replicates of %d to "
                    "%.0f, so give %d to %.0f",
                    parameters_place(recipe->common, "paths"), (double)paths, REPLICATES,
                    REPLICATE_LEAST, ldexp(1, SDE_QUASI_BITS), REPLICATES * REPLICATE_LEAST,
                    REPLICATES * ldexp(1, SDE_QUASI_BITS));
  one->replicates = REPLICATES;
  one->paths = REPLICATES * points;
  return true;
}

static bool make_case(struct cases *cases, struct run_case *one, struct optimizer optimizer,
                      uint64_t paths, const char *place, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  double time = parameters_real(recipe->common, "time");
  one->optimizer = optimizer;
  one->dim = optimizer_dim(&optimizer);
  one->start = sde_alloc(one->dim, sizeof *one->start);
  optimizer_start(&optimizer, cases->start, one->start);
  one->names_update = recipe_names_updates(recipe);
  one->antithetic = recipe_antithetic(recipe);
  one->paths = one->antithetic ? (paths + 1) / 2 : paths;
  if (paths == 1) /* where nothing is random: two equal ones have a standard error, which is 0 */
    one->paths = 2;
  one->steps = (uint64_t)llround(time / optimizer.eta);
  if (!set_replicates(recipe, paths, one, status))
    return false;
  if (!objective_accepts(cases->objective, optimizer.batch, optimizer.micro_batch, place, status))
    return false;
  if (paths == 1 && optimizer_is_random(&optimizer))
    return sde_fail(
        status, SDE_INVALID,
        "%s: one path of %s has no standard error; paths must be at least 2, or 1 where "
        "nothing is random, as with all samples in each batch without replacement",
        parameters_place(recipe->common, "paths"), optimizer.rule->name);
  one->sde = sde_alloc(recipe->sdes, sizeof *one->sde);
  for (size_t s = 0; s < recipe->sdes; s++)
    if (!case_sde_make(cases, one, s, status))
      return false;
  make_iterates(cases, one);
  return true;
}

/* SVAG mixes the gradients of two batches, of which other steps than w are no linear function. */
static bool accepts_svag(const struct cases *cases, const struct optimizer *optimizer,
                         struct sde_status *status)
{
  if (cases->objective->svag <= 1)
    return true;
  const char *place = parameters_place(cases->recipe->noise, "svag");
  if (optimizer->program != NULL || !optimizer_steps_along_gradient(optimizer))
    return sde_fail(status, SDE_INVALID,
                    "%s: svag takes steps along the gradients of two batches; %s takes others, so "
                    "svag must be 1",
                    place,
                    optimizer->program != NULL ? optimizer->rule->name : optimizer->update->name);
  return !optimizer_is_scheduled(optimizer) ||
         sde_fail(status, SDE_INVALID,
                  "%s: svag takes no schedule; svag must be 1, or eta and rho "
                  "constant",
                  place);
}

/* One batch, number of paths, eta and rho, with every optimizer and micro-batch. */
static bool make_setting(struct cases *cases, size_t batch, uint64_t paths, double eta, double rho,
                         struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  for (size_t i = 0; i < recipe->optimizers; i++)
    for (size_t j = 0; j < case_optimizer_count(recipe, i); j++) {
      struct optimizer optimizer = {.objective = cases->objective,
                                    .eta = eta,
                                    .rho = rho,
                                    .batch = batch,
                                    .eta_schedule = cases->schedule[RECIPE_ETA],
                                    .rho_schedule = cases->schedule[RECIPE_RHO]};
      struct run_case *one = &cases->one[cases->count++];
      const char *place;
      if (!case_optimizer_make(recipe, i, j, &optimizer, &one->program, &place, status) ||
          !accepts_svag(cases, &optimizer, status) ||
          !make_case(cases, one, optimizer, paths, place, status))
        return false;
    }
  return true;
}

static size_t count_variants(const struct recipe *recipe)
{
  size_t variants = 0;
  for (size_t i = 0; i < recipe->optimizers; i++)
    variants += case_optimizer_count(recipe, i);
  return variants;
}

static bool make_all(struct cases *cases, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  size_t batches, path_counts, etas, rhos;
  const double *batch = parameters_reals(common, "batch", &batches);
  const double *paths = parameters_reals(common, "paths", &path_counts);
  const double *eta = parameters_reals(common, "eta", &etas);
  const double *rho = parameters_reals(common, "rho", &rhos);
  double product = (double)batches * (double)path_counts * (double)etas * (double)rhos *
                   (double)count_variants(cases->recipe);
  if (product > CASES_MAX)
    return sde_fail(status, SDE_INVALID,
                    "%s: the lists of batch, paths, eta, rho and optimizers multiply out to %.0f "
                    "cases; at most %d are accepted",
                    parameters_place(common, "eta"), product, CASES_MAX);
  cases->one = sde_alloc((size_t)product, sizeof *cases->one);
  for (size_t i = 0; i < batches; i++)
    for (size_t j = 0; j < path_counts; j++)
      for (size_t k = 0; k < etas; k++)
        for (size_t l = 0; l < rhos; l++)
          if (!make_setting(cases, (size_t)batch[i], (uint64_t)paths[j], eta[k], rho[l], status))
            return false;
  return sweeps_check_cases(cases, count_variants(cases->recipe), status);
}

static bool make_start(struct cases *cases, struct sde_status *status)
{
  const struct parameters *common = cases->recipe->common;
  size_t dim = cases->loss->dim, length = dim;
  const double *start = cases->loss->start;
  if (parameters_has(common, "start"))
    start = parameters_reals(common, "start", &length);
  if (start == NULL)
    return sde_fail(status, SDE_INVALID,
                    "%s: start is missing; the loss %s has no default, give a list of %zu numbers",
                    cases->recipe->file, cases->loss->type->name, dim);
  double bound = parameters_real(common, "divergence_bound");
  for (size_t i = 0; i < length; i++)
    if (!(fabs(start[i]) <= bound))
      return sde_fail(status, SDE_INVALID,
                      "%s: start entry %zu is %g, beyond divergence_bound %g; it must be within",
                      parameters_place(common, "start"), i + 1, start[i], bound);
  if (length != dim)
    return sde_fail(status, SDE_INVALID,
                    "%s: start has %zu entries; the loss %s has %zu coordinates",
                    parameters_place(common, "start"), length, cases->loss->type->name, dim);
  cases->start = sde_alloc(dim, sizeof *cases->start);
  memcpy(cases->start, start, dim * sizeof *cases->start);
  const struct loss_type *type = cases->loss->type;
  return type->accepts_start == NULL || type->accepts_start(cases->loss, cases->start, status);
}

/* Schedules are for studies that follow paths over time, by processes that know the time. */
static bool make_schedules(struct cases *cases, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  double time = parameters_real(recipe->common, "time");
  for (size_t i = 0; i < RECIPE_SCHEDULES; i++) {
    if (recipe->schedule[i] == NULL)
      continue;
    if (!recipe->study->takes_schedules)
      return sde_fail(status, SDE_INVALID,
                      "%s: the study %s takes no schedule; trajectory, compare and order do",
                      recipe->schedule_place, recipe->study->name);
    if (recipe_control_variate(recipe))
      return sde_fail(status, SDE_INVALID,
                      "%s: variance_reduction: control-variate takes no schedule; none, antithetic "
                      "and quasi-random do",
                      recipe->schedule_place);
    cases->schedule[i] = schedule_new(recipe->schedule[i], time, status);
    if (cases->schedule[i] == NULL)
      return false;
  }
  return true;
}

/* The update rule of all optimizers, whose vectors observables may read; NULL where they differ. */
static const struct update_rule *common_update(const struct recipe *recipe)
{
  const struct update_rule *common = NULL;
  for (size_t i = 0; i < recipe->optimizers; i++) {
    const struct update_rule *update = case_optimizer_update(recipe, i);
    if (update == NULL || (common != NULL && update != common))
      return NULL;
    common = update;
  }
  return common;
}

/* A domain is for studies that follow paths over time and know of no closed form. */
static bool make_domain(struct cases *cases, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  if (recipe->domain == NULL)
    return true;
  if (!recipe->study->takes_schedules)
    return sde_fail(status, SDE_INVALID,
                    "%s: the study %s takes no domain; trajectory, compare and order do",
                    recipe->domain_place, recipe->study->name);
  if (!isnan(recipe_tolerance(recipe)) || recipe_control_variate(recipe))
    return sde_fail(status, SDE_INVALID,
                    "%s: a domain goes with paths, and variance_reduction none, antithetic or "
                    "quasi-random; not with %s",
                    recipe->domain_place,
                    recipe_control_variate(recipe) ? "control-variate" : "tolerance");
  cases->domain = domain_new(recipe->domain, cases->loss->dim, cases->start, status);
  cases->objective->domain = cases->domain;
  return cases->domain != NULL;
}

/* Loss, objective, observables and start. */
static bool make_common(struct cases *cases, struct sde_status *status)
{
  const struct recipe *recipe = cases->recipe;
  size_t count;
  if (sweeps_check_lists(recipe, status))
    cases->loss = loss_new(recipe->loss_type, recipe->loss, status);
  if (cases->loss != NULL && make_start(cases, status))
    cases->objective = objective_new(cases->loss, recipe->noise, cases->start, status);
  if (cases->objective == NULL || !make_domain(cases, status))
    return false;
  cases->observable_name = parameters_texts(recipe->common, "observables", &count);
  cases->observables = observables_of_state_new(
      cases->objective, common_update(recipe), count, cases->observable_name,
      parameters_place(recipe->common, "observables"), status);
  if (cases->objective->reshuffled && !recipe->study->takes_schedules)
    return sde_fail(status, SDE_INVALID,
                    "%s: the study %s takes independent batches, not reshuffle, whose batches are "
                    "parts of an epoch; trajectory, compare and order do",
                    parameters_place(recipe->noise, "sampling"), recipe->study->name);
  return cases->observables != NULL && make_schedules(cases, status);
}

static struct cases *make(const struct cases *other, bool rehearsed, const struct recipe *recipe,
                          struct sde_status *status)
{
  struct cases *cases = sde_alloc(1, sizeof *cases);
  if (other != NULL)
    *cases = *other;
  cases->rehearsed = rehearsed;
  cases->recipe = recipe;
  cases->shared = other != NULL;
  cases->count = 0;
  cases->one = NULL;
  if ((cases->shared || make_common(cases, status)) && make_all(cases, status))
    return cases;
  cases_free(cases);
  return NULL;
}

struct cases *cases_sharing(const struct cases *other, const struct recipe *recipe,
                            struct sde_status *status)
{
  return make(other, other != NULL && other->rehearsed, recipe, status);
}

struct cases *cases_new(const struct recipe *recipe, struct sde_status *status)
{
  return make(NULL, false, recipe, status);
}

/* A tolerance and control variates look at what the SDEs do. */
struct cases *cases_rehearsed(const struct recipe *recipe, struct sde_status *status)
{
  bool looked_at = !isnan(recipe_tolerance(recipe)) || recipe_control_variate(recipe);
  return make(NULL, !looked_at, recipe, status);
}

void cases_free(struct cases *cases)
{
  if (cases == NULL)
    return;
  for (size_t i = 0; i < cases->count; i++) {
    struct run_case *one = &cases->one[i];
    sde_free(one->start);
    optimizer_process_free(one->iterates);
    optimizer_process_free(one->iterates_partner);
    for (size_t s = 0; one->sde != NULL && s < cases->recipe->sdes; s++) {
      sde_solution_process_free(one->sde[s].process);
      sde_solution_process_free(one->sde[s].companion);
      sde_solution_process_free(one->sde[s].partner);
      sde_solution_process_free(one->sde[s].companion_partner);
      sde_quasi_free(one->sde[s].quasi);
      limit_free(one->sde[s].limit);
    }
    sde_free(one->sde);
    program_rule_free(one->program);
  }
  sde_free(cases->one);
  if (!cases->shared) {
    for (size_t i = 0; i < RECIPE_SCHEDULES; i++)
      schedule_free(cases->schedule[i]);
    sde_free(cases->start);
    observables_free(cases->observables);
    objective_free(cases->objective);
    domain_free(cases->domain);
    loss_free(cases->loss);
  }
  sde_free(cases);
}

double case_companion_part(const struct case_sde *sde)
{
  return fabs(1 - pow(sde->ratio, -sde_scheme_weak_order(sde->scheme, &sde->system)));
}

double case_scheme_error(const struct case_sde *sde, struct sde_moments moments)
{
  double factor = 1 / case_companion_part(sde);
  double half = sde_student_quantile(2, moments.n - 1) * sde_moments_standard_error(moments);
  return factor * (fabs(sde_moments_mean(moments)) + half);
}

uint64_t *case_record_steps(const struct cases *cases, const struct run_case *one, size_t *records)
{
  uint64_t wanted = parameters_u64(cases->recipe->common, "records");
  uint64_t count = wanted < one->steps ? wanted : one->steps;
  uint64_t *steps = sde_alloc((size_t)count + 1, sizeof *steps);
  for (uint64_t i = 0; i <= count; i++)
    steps[i] = (uint64_t)llround((double)one->steps * (double)i / (double)count);
  *records = (size_t)count + 1;
  return steps;
}
