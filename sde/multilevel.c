/*
 * Multilevel Monte Carlo: see multilevel.h.
 */
#include "sde/multilevel.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A level is tried with PILOT paths up to PILOT_STEPS steps, then with fewer, so that each costs
 * the same, but no fewer than PILOT_LEAST. Paths come in GRAINs; levels are kept apart by 2^44
 * paths each. The bias is judged by LAST differences. */
enum { PILOT = 1024, PILOT_STEPS = 8, PILOT_LEAST = 128, GRAIN = 64, LEVEL_BITS = 44, LAST = 3 };

static const double paths_most = 0x1p40;

/* The share of the squared tolerance that the bias may take. */
static const double bias_share = 0.25;

bool sde_multilevel_accepts(const struct sde_scheme *scheme, const struct sde_system *system,
                            struct sde_status *status)
{
  if (!sde_scheme_accepts(scheme, system, status))
    return false;
  if (!(scheme->on[system->noise].needs & (SDE_WIENER_LEVY_AREAS | SDE_WIENER_WEAK_AREAS)))
    return true;
  return sde_fail(status, SDE_INVALID,
                  "scheme %s takes Levy areas on %s noise, which have one law drawn for a step and "
                  "another composed of two, so that its levels do not telescope; take "
                  "euler-maruyama",
                  scheme->name, sde_noise_class_name(system->noise));
}

static const struct sde_scheme *scheme_of(const struct sde_multilevel *multilevel)
{
  return multilevel->problem.scheme;
}

static double normals_of(const struct sde_multilevel *multilevel, uint64_t steps)
{
  double dt = multilevel->problem.time / (double)steps;
  return (double)steps * sde_scheme_normals(scheme_of(multilevel), multilevel->problem.system, dt);
}

/* A step's own normals are drawn for the coarse steps as well; increments are shared. */
static double coarse_normals(const struct sde_multilevel *multilevel, uint64_t steps)
{
  const struct sde_scheme *scheme = scheme_of(multilevel);
  const struct sde_system *system = multilevel->problem.system;
  bool own = scheme->on[system->noise].needs & SDE_WIENER_NORMALS;
  return own ? (double)steps * (double)scheme->normals(system) : 0;
}

static double evaluations_of(const struct sde_multilevel *multilevel, uint64_t steps)
{
  return (double)steps * sde_scheme_evaluations(scheme_of(multilevel), multilevel->problem.system);
}

static void add_level(struct sde_multilevel *multilevel)
{
  size_t l = multilevel->levels++, observables = multilevel->problem.observables.count;
  struct sde_level *grown = sde_alloc(multilevel->levels, sizeof *grown);
  if (l > 0)
    memcpy(grown, multilevel->level, l * sizeof *grown);
  uint64_t steps = UINT64_C(1) << l;
  grown[l] = (struct sde_level){.steps = steps,
                                .normals = normals_of(multilevel, steps),
                                .evaluations = evaluations_of(multilevel, steps),
                                .value = sde_alloc(observables, sizeof(struct sde_moments)),
                                .difference = sde_alloc(observables, sizeof(struct sde_moments)),
                                .fine = sde_alloc(observables, sizeof(struct sde_moments)),
                                .coarse = sde_alloc(observables, sizeof(struct sde_moments))};
  if (l > 0) {
    grown[l].normals += coarse_normals(multilevel, steps / 2);
    grown[l].evaluations += evaluations_of(multilevel, steps / 2);
  }
  sde_free(multilevel->level);
  multilevel->level = grown;
}

/* The solutions of a level: process[0] at its own step, process[1] at twice the step. An ensemble
 * goes on by the latter. */
static bool make_processes(const struct sde_multilevel *multilevel, size_t l,
                           struct sde_process *process[2], struct sde_status *status)
{
  const struct sde_multilevel_problem *problem = &multilevel->problem;
  uint64_t steps = multilevel->level[l].steps, each = l > 0 ? 2 : 1;
  struct sde_solution solution = {.system = problem->system,
                                  .scheme = problem->scheme,
                                  .stream = problem->stream,
                                  .eta = problem->time / (double)(steps / each),
                                  .substeps = each,
                                  .resolution = each};
  process[0] = sde_solution_process_new(&solution, status);
  solution.substeps = 1;
  process[1] = process[0] == NULL ? NULL : sde_solution_process_new(&solution, status);
  return process[1] != NULL;
}

/* Processes of a level's ensemble; the pair is their difference. */
enum { FINE, COARSE };

static void add(struct sde_moments *to, struct sde_moments more)
{
  *to = sde_moments_merged(*to, more);
}

static void add_result(struct sde_level *level, bool pair, const struct sde_ensemble_result *result)
{
  for (size_t o = 0; o < result->observables; o++) {
    struct sde_moments fine = sde_ensemble_moments(result, FINE, 0, o);
    add(&level->value[o], fine);
    if (!pair)
      continue;
    add(&level->fine[o], fine);
    add(&level->coarse[o], sde_ensemble_moments(result, COARSE, 0, o));
    add(&level->difference[o], sde_ensemble_difference(result, 0, 0, o));
  }
}

/* An ensemble of a level that runs. */
struct drawing {
  const struct sde_multilevel *multilevel;
  double normals; /* that a path draws */
};

static void tell_progress(void *context, uint64_t paths_done)
{
  const struct drawing *drawing = context;
  const struct sde_multilevel *multilevel = drawing->multilevel;
  multilevel->problem.progress(multilevel->problem.progress_context, multilevel,
                               multilevel->normals + (double)paths_done * drawing->normals);
}

/* So many more paths of a level, of the difference too where it has one and it is asked for. */
static bool draw(struct sde_multilevel *multilevel, size_t l, uint64_t paths, bool difference,
                 struct sde_status *status)
{
  const struct sde_multilevel_problem *problem = &multilevel->problem;
  struct sde_level *level = &multilevel->level[l];
  bool pair = difference && l > 0;
  uint64_t end = l > 0 ? level->steps / 2 : 1;
  assert(level->paths + paths <= UINT64_C(1) << LEVEL_BITS);
  struct sde_process *process[2] = {NULL, NULL};
  bool good = make_processes(multilevel, l, process, status);
  if (good) {
    double normals = pair ? level->normals : normals_of(multilevel, level->steps);
    struct drawing drawing = {multilevel, normals};
    struct sde_ensemble ensemble = {.paths = paths,
                                    .first_path = ((uint64_t)l << LEVEL_BITS) + level->paths,
                                    .dim = problem->system->dim,
                                    .start = problem->start,
                                    .records = 1,
                                    .record_steps = &end,
                                    .processes = pair ? 2 : 1,
                                    .process = (const struct sde_process *const *)process,
                                    .pairs = pair ? 1 : 0,
                                    .pair = &(struct sde_pair){FINE, COARSE},
                                    .observables = problem->observables,
                                    .bound = problem->bound,
                                    .keeper = problem->keeper,
                                    .threads = problem->threads,
                                    .progress = problem->progress == NULL ? NULL : tell_progress,
                                    .progress_context = &drawing};
    struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
    add_result(level, pair, &result);
    level->diverged += pair ? paths - (uint64_t)sde_ensemble_difference(&result, 0, 0, 0).n
                            : sde_ensemble_diverged(&result, FINE, 0);
    if (problem->own_paths != NULL)
      *problem->own_paths += result.own_paths;
    if (problem->own_work != NULL)
      *problem->own_work += result.own_work;
    level->paths += paths;
    multilevel->normals += (double)paths * normals;
    multilevel->evaluations +=
        (double)paths * (pair ? level->evaluations : evaluations_of(multilevel, level->steps));
    sde_ensemble_result_free(&result);
  }
  sde_solution_process_free(process[0]);
  sde_solution_process_free(process[1]);
  return good;
}

/* ---- Variances and numbers of paths ---- */

/* What level l of a sum from level `first` on contributes. */
static struct sde_moments term(const struct sde_multilevel *multilevel, size_t first, size_t l,
                               size_t observable)
{
  const struct sde_level *level = &multilevel->level[l];
  return l == first ? level->value[observable] : level->difference[observable];
}

/* What a path of it costs: normals, or steps of a system without noise. */
static double cost(const struct sde_multilevel *multilevel, size_t first, size_t l)
{
  const struct sde_level *level = &multilevel->level[l];
  double normals = l == first ? normals_of(multilevel, level->steps) : level->normals;
  return fmax(normals, (double)level->steps);
}

static double sampling_budget(const struct sde_multilevel *multilevel)
{
  double share = scheme_of(multilevel)->exact ? 0 : bias_share;
  return (1 - share) * pow(multilevel->problem.tolerance, 2);
}

/* The paths of level l that are the cheapest way to the sampling error, the most that an observable
 * asks for: sqrt(V_l / C_l) sum_k sqrt(V_k C_k) / budget. */
static double wanted_paths(const struct sde_multilevel *multilevel, size_t first, size_t l)
{
  double most = 0;
  for (size_t o = 0; o < multilevel->problem.observables.count; o++) {
    double sum = 0;
    for (size_t k = first; k < multilevel->levels; k++)
      sum += sqrt(sde_moments_variance(term(multilevel, first, k, o)) * cost(multilevel, first, k));
    double own = sde_moments_variance(term(multilevel, first, l, o)) / cost(multilevel, first, l);
    most = fmax(most, sqrt(own) * sum / sampling_budget(multilevel));
  }
  return GRAIN * ceil(most / GRAIN);
}

static double planned_normals(const struct sde_multilevel *multilevel, size_t first)
{
  double sum = 0;
  for (size_t l = first; l < multilevel->levels; l++) {
    double more = wanted_paths(multilevel, first, l) - (double)multilevel->level[l].paths;
    sum += fmax(more, 0) * cost(multilevel, first, l);
  }
  return sum;
}

double sde_multilevel_predicted(const struct sde_multilevel *multilevel)
{
  return multilevel->normals + planned_normals(multilevel, multilevel->first);
}

static bool is_affordable(const struct sde_multilevel *multilevel, double wanted,
                          struct sde_status *status)
{
  return wanted < paths_most ||
         sde_fail(status, SDE_INVALID,
                  "tolerance %g would take %.2g paths of %s; below %.2g are accepted",
                  multilevel->problem.tolerance, wanted, multilevel->problem.system->name,
                  paths_most);
}

/* Paths of a single solution at the last level's step; 0 where halving the step still changes the
 * variance by a factor, as it does where the scheme is unstable. */
static double settled_paths(const struct sde_multilevel *multilevel)
{
  size_t last = multilevel->levels - 1;
  double most = 0;
  if (last == 0 || last - 1 < multilevel->stable)
    return 0;
  for (size_t o = 0; o < multilevel->problem.observables.count; o++) {
    double variance = sde_moments_variance(multilevel->level[last].value[o]);
    double before = sde_moments_variance(multilevel->level[last - 1].value[o]);
    if (variance > 2 * before || before > 2 * variance)
      return 0;
    most = fmax(most, variance / sampling_budget(multilevel));
  }
  return most;
}

static bool sampled_enough(const struct sde_multilevel *multilevel)
{
  for (size_t o = 0; o < multilevel->problem.observables.count; o++)
    if (pow(sde_multilevel_estimate(multilevel, o).se, 2) > sampling_budget(multilevel))
      return false;
  return true;
}

/* ---- Bias ---- */

/* With E (phi_l - phi_(l-1)) = c 2^(-p l), the bias at the last level is that of the last
 * difference over 2^p - 1, and an earlier one says the same after scaling by 2^-p a level. Noise
 * can make one of them small, hardly all: the largest lies below the bias by more than two of the
 * smallest standard errors with probability 0.023 at most. */
static void set_bias(const struct sde_multilevel *multilevel, size_t observable,
                     struct sde_multilevel_estimate *estimate)
{
  if (scheme_of(multilevel)->exact)
    return;
  double largest = 0, smallest_se = INFINITY, factor = pow(2, -multilevel->weak_order);
  double scale = factor / (1 - factor);
  for (size_t back = 0; back < LAST && back < multilevel->levels - multilevel->stable;
       back++, scale *= factor) {
    size_t l = multilevel->levels - 1 - back;
    if (l == 0)
      break;
    struct sde_moments difference = multilevel->level[l].difference[observable];
    largest = fmax(largest, scale * fabs(sde_moments_mean(difference)));
    smallest_se = fmin(smallest_se, scale * sde_moments_standard_error(difference));
  }
  estimate->bias = largest;
  estimate->bias_bound = largest + 2 * smallest_se;
}

struct sde_multilevel_estimate sde_multilevel_estimate(const struct sde_multilevel *multilevel,
                                                       size_t observable)
{
  struct sde_multilevel_estimate estimate = {.mean = 0};
  double variance = 0;
  for (size_t l = multilevel->first; l < multilevel->levels; l++) {
    struct sde_moments moments = term(multilevel, multilevel->first, l, observable);
    estimate.mean += sde_moments_mean(moments);
    variance += sde_moments_variance(moments) / moments.n;
    estimate.paths += moments.n;
  }
  estimate.se = sqrt(variance);
  set_bias(multilevel, observable, &estimate);
  return estimate;
}

static bool bias_is_small(const struct sde_multilevel *multilevel, bool surely)
{
  double allowed = sqrt(bias_share) * multilevel->problem.tolerance;
  for (size_t o = 0; o < multilevel->problem.observables.count; o++) {
    struct sde_multilevel_estimate estimate = sde_multilevel_estimate(multilevel, o);
    if (!((surely ? estimate.bias_bound : estimate.bias) <= allowed))
      return false;
  }
  return true;
}

/* ---- The pilot ---- */

static bool can_halve(const struct sde_multilevel *multilevel)
{
  const struct sde_multilevel_problem *problem = &multilevel->problem;
  return problem->time / (double)(UINT64_C(1) << multilevel->levels) >= problem->shortest;
}

/* One more level, with a few paths. */
static bool try_level(struct sde_multilevel *multilevel, struct sde_status *status)
{
  add_level(multilevel);
  uint64_t steps = multilevel->level[multilevel->levels - 1].steps;
  uint64_t paths = steps <= PILOT_STEPS ? PILOT : PILOT * PILOT_STEPS / steps;
  return draw(multilevel, multilevel->levels - 1, paths > PILOT_LEAST ? paths : PILOT_LEAST, true,
              status);
}

static void choose_first(struct sde_multilevel *multilevel)
{
  double least = INFINITY;
  for (size_t first = multilevel->stable; first < multilevel->levels; first++) {
    double normals = planned_normals(multilevel, first);
    if (normals < least) {
      least = normals;
      multilevel->first = first;
    }
  }
}

/* Levels until LAST differences are stable and say that the bias is small. */
static bool pilot(struct sde_multilevel *multilevel, struct sde_status *status)
{
  const struct sde_multilevel_problem *problem = &multilevel->problem;
  bool enough = false;
  while (!enough && (multilevel->levels == 0 || can_halve(multilevel))) {
    if (!try_level(multilevel, status))
      return false;
    if (multilevel->level[multilevel->levels - 1].diverged > 0)
      multilevel->stable = multilevel->levels;
    multilevel->first = multilevel->stable;
    size_t stable = multilevel->levels - multilevel->stable;
    if (!is_affordable(multilevel, settled_paths(multilevel), status))
      return false;
    enough = scheme_of(multilevel)->exact || (stable > LAST && bias_is_small(multilevel, false));
  }
  if (multilevel->stable == multilevel->levels)
    return sde_fail(status, SDE_FAILED,
                    "paths of %s diverge under %s at every step down to %g, so no tolerance can be "
                    "met",
                    problem->system->name, problem->scheme->name,
                    problem->time / (double)multilevel->level[multilevel->levels - 1].steps);
  choose_first(multilevel);
  return true;
}

struct sde_multilevel *sde_multilevel_new(const struct sde_multilevel_problem *problem,
                                          struct sde_status *status)
{
  if (!sde_multilevel_accepts(problem->scheme, problem->system, status))
    return NULL;
  struct sde_multilevel *multilevel = sde_alloc(1, sizeof *multilevel);
  multilevel->problem = *problem;
  multilevel->weak_order = sde_scheme_weak_order(problem->scheme, problem->system);
  if (pilot(multilevel, status))
    return multilevel;
  sde_multilevel_free(multilevel);
  return NULL;
}

void sde_multilevel_free(struct sde_multilevel *multilevel)
{
  if (multilevel == NULL)
    return;
  for (size_t l = 0; l < multilevel->levels; l++) {
    sde_free(multilevel->level[l].value);
    sde_free(multilevel->level[l].difference);
    sde_free(multilevel->level[l].fine);
    sde_free(multilevel->level[l].coarse);
  }
  sde_free(multilevel->level);
  sde_free(multilevel);
}

/* ---- The run ---- */

/* Paths until the sampling error is small enough, variances being estimated anew after each round
 * and paths that diverged being drawn anew. Where rounding alone leaves it too large, a grain
 * more. */
static bool sample(struct sde_multilevel *multilevel, struct sde_status *status)
{
  size_t first = multilevel->first;
  while (!sampled_enough(multilevel)) {
    bool drawn = false;
    for (size_t l = first; l < multilevel->levels; l++) {
      double most = wanted_paths(multilevel, first, l);
      if (!is_affordable(multilevel, most, status))
        return false;
      uint64_t wanted = (uint64_t)most, have = (uint64_t)term(multilevel, first, l, 0).n;
      if (wanted > have && !draw(multilevel, l, wanted - have, l > first, status))
        return false;
      drawn |= wanted > have;
    }
    if (!drawn && !draw(multilevel, first, GRAIN, false, status))
      return false;
  }
  return true;
}

bool sde_multilevel_run(struct sde_multilevel *multilevel, struct sde_status *status)
{
  for (;;) {
    if (!sample(multilevel, status))
      return false;
    multilevel->reached = bias_is_small(multilevel, true);
    if (multilevel->reached || !can_halve(multilevel))
      return true;
    if (!try_level(multilevel, status))
      return false;
  }
}

/* The bias at the last level for comparisons, where it should be neither too large nor too small:
 * from the last difference that is known to a tenth. */
static double central_bias(const struct sde_multilevel *multilevel, size_t observable)
{
  double factor = pow(2, -multilevel->weak_order), scale = factor / (1 - factor);
  for (size_t l = multilevel->levels - 1; l > multilevel->first; l--, scale *= factor) {
    struct sde_moments difference = multilevel->level[l].difference[observable];
    double mean = fabs(sde_moments_mean(difference));
    if (mean > 10 * sde_moments_standard_error(difference))
      return scale * mean;
  }
  return sde_multilevel_estimate(multilevel, observable).bias;
}

/* The variance of a single solution at a level. Fine levels have too few paths to know it, but
 * their pairs know by how much it differs from that of their coarse steps: it telescopes like the
 * mean. */
static double single_variance(const struct sde_multilevel *multilevel, size_t l, size_t observable)
{
  size_t from = l < multilevel->first ? l : multilevel->first;
  double variance = sde_moments_variance(multilevel->level[from].value[observable]);
  for (size_t k = from + 1; k <= l; k++)
    variance += sde_moments_variance(multilevel->level[k].fine[observable]) -
                sde_moments_variance(multilevel->level[k].coarse[observable]);
  return fmax(variance, 0);
}

/* Paths of a single solution at a level, where its bias leaves room for sampling. */
static double plain_paths(const struct sde_multilevel *multilevel, size_t l)
{
  double paths = 0, back = (double)(multilevel->levels - 1 - l);
  for (size_t o = 0; o < multilevel->problem.observables.count; o++) {
    double bias = central_bias(multilevel, o);
    if (bias > 0)
      bias *= pow(2, multilevel->weak_order * back);
    double rest = pow(multilevel->problem.tolerance, 2) - bias * bias;
    paths = fmax(paths, rest > 0 ? single_variance(multilevel, l, o) / rest : INFINITY);
  }
  return paths;
}

struct sde_plain sde_multilevel_plain(const struct sde_multilevel *multilevel)
{
  struct sde_plain best = {.normals = INFINITY};
  for (size_t l = multilevel->stable; l < multilevel->levels; l++) {
    uint64_t steps = multilevel->level[l].steps;
    double paths = plain_paths(multilevel, l), normals = paths * normals_of(multilevel, steps);
    if (normals < best.normals)
      best = (struct sde_plain){steps, paths, normals, paths * evaluations_of(multilevel, steps)};
  }
  return best;
}
