/*
 * Means to a tolerance: see tolerance.h.
 */
#include "experiments/studies/tolerance.h"

#include "experiments/results/case_columns.h"
#include "experiments/results/series.h"
#include "sde/block.h"
#include "sde/multilevel.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* The iterates' variance is first taken from so many paths; no step of an SDE is shorter than
 * eta/SUBSTEPS_MOST. */
enum { PILOT = 1024, GRAIN = 64, SUBSTEPS_MOST = 1 << 20 };

static const double paths_most = 0x1p40;

/* One SDE of a case. */
struct answer {
  struct sde_multilevel *levels;
  struct sde_plain same, euler; /* paths is NAN where plain Euler-Maruyama is not known */
  double normals, evaluations;  /* that all took, with those of schemes tried and not taken */
  uint64_t own_paths, own_work; /* that this rank ran for it, of whatever scheme */
  struct watch *watch;          /* NULL where nobody looks on */
};

struct tolerance_case {
  const struct cases *cases;
  const struct run_case *one;
  struct answer *answer;        /* [sde] */
  struct sde_moments *iterates; /* [observable] */
  uint64_t iterates_diverged;
};

/* ---- How far it is ---- */

/* What runs: of `parts` equal ones, those before this are done, and of this a share. */
struct watch {
  struct progress *progress;
  double parts, part, share;
  char *label;
  double tolerance;
  bool chosen; /* the pilots are over, and the levels know what they will take */
};

static void show(const struct watch *watch, double paths, const char *levels, double error)
{
  char *reached = isfinite(error) ? sde_format(", error %.2g of %.2g", error, watch->tolerance)
                                  : sde_strdup("");
  char *words = sde_format("%s: %s%.3g paths%s", watch->label, levels, paths, reached);
  progress_share(watch->progress, (watch->part + watch->share) / watch->parts, words);
  sde_free(reached);
  sde_free(words);
}

/* The largest root-mean-square error of an observable; NAN while a level is without paths. */
static double levels_error(const struct sde_multilevel *levels)
{
  double largest = 0;
  for (size_t o = 0; o < levels->problem.observables.count; o++) {
    struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, o);
    double error = hypot(estimate.se, estimate.bias);
    largest = isnan(error) || isnan(largest) ? NAN : fmax(largest, error);
  }
  return largest;
}

static void watch_levels(void *context, const struct sde_multilevel *levels, double normals)
{
  struct watch *watch = context;
  if (!progress_is_due(watch->progress))
    return;
  double paths = 0, share = watch->chosen ? normals / sde_multilevel_predicted(levels) : 0;
  watch->share = isnan(share) ? watch->share : fmin(share, 1);
  for (size_t l = 0; l < levels->levels; l++)
    paths += (double)levels->level[l].paths;
  char *finest = sde_format("%s, level %zu, ", levels->problem.scheme->name, levels->levels - 1);
  show(watch, paths, finest, levels_error(levels));
  sde_free(finest);
}

/* The part that is next. */
static void watch_next(struct watch *watch, const struct run_case *one, const char *what)
{
  char *label = case_label(one);
  sde_free(watch->label);
  watch->label = sde_format("%s, eta %g, %s", label, one->optimizer.eta, what);
  watch->part++;
  watch->chosen = false;
  watch->share = 0;
  sde_free(label);
}

/* ---- An SDE ---- */

static struct sde_multilevel *pilot(const struct cases *cases, const struct run_case *one,
                                    size_t sde, const struct sde_scheme *scheme, int threads,
                                    struct answer *answer, struct sde_status *status)
{
  double time = parameters_real(cases->recipe->common, "time");
  struct sde_multilevel_problem problem = {
      .system = &one->sde[sde].system,
      .scheme = scheme,
      .stream = case_stream(cases, one, "sde levels"),
      .time = time,
      .shortest = one->optimizer.eta / SUBSTEPS_MOST,
      .start = one->start,
      .observables = *cases->observables,
      .tolerance = recipe_tolerance(cases->recipe),
      .bound = parameters_real(cases->recipe->common, "divergence_bound"),
      .threads = threads,
      .own_paths = &answer->own_paths,
      .own_work = &answer->own_work,
      .progress = answer->watch == NULL ? NULL : watch_levels,
      .progress_context = answer->watch};
  return sde_multilevel_new(&problem, status);
}

/* Does the recipe name the scheme, or leave the choice to the program? An exact scheme, where it is
 * accepted, leaves nothing to choose: no other could do with fewer normals. */
static bool is_candidate(const struct cases *cases, const struct run_case *one, size_t sde,
                         const struct sde_scheme *scheme)
{
  const char *named = parameters_text(cases->recipe->sde[sde], "scheme");
  struct sde_status refused = {SDE_OK, ""};
  const struct sde_system *system = &one->sde[sde].system;
  if (strcmp(named, "auto") != 0)
    return strcmp(scheme->name, named) == 0;
  for (const struct sde_scheme *const *other = sde_schemes(); *other != NULL; other++)
    if ((*other)->exact && !scheme->exact && sde_scheme_accepts(*other, system, &refused))
      return false;
  return sde_multilevel_accepts(scheme, system, &refused);
}

/* Keep what was tried, where it is predicted to take fewer normals than what is kept. */
static void keep_better(struct answer *answer, struct sde_multilevel *tried)
{
  bool better = answer->levels == NULL ||
                sde_multilevel_predicted(tried) < sde_multilevel_predicted(answer->levels);
  struct sde_multilevel *dropped = better ? answer->levels : tried;
  answer->levels = better ? tried : answer->levels;
  if (dropped == NULL)
    return;
  answer->normals += dropped->normals;
  answer->evaluations += dropped->evaluations;
  sde_multilevel_free(dropped);
}

/* Pilot runs of all candidates, and of Euler-Maruyama to compare with, which is counted where it is
 * a candidate. The first refusal is told where no candidate is left. */
static bool choose(const struct cases *cases, const struct run_case *one, size_t sde, int threads,
                   struct answer *answer, struct sde_status *status)
{
  struct sde_status first = {SDE_OK, ""};
  answer->euler.paths = NAN;
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++) {
    struct sde_status refused = {SDE_OK, ""};
    bool candidate = is_candidate(cases, one, sde, *scheme);
    bool euler = strcmp((*scheme)->name, "euler-maruyama") == 0;
    if (!candidate && !euler)
      continue;
    struct sde_multilevel *tried = pilot(cases, one, sde, *scheme, threads, answer, &refused);
    if (tried == NULL && candidate && first.code == SDE_OK)
      first = refused;
    if (tried != NULL && euler)
      answer->euler = sde_multilevel_plain(tried);
    if (tried != NULL && candidate)
      keep_better(answer, tried);
    else
      sde_multilevel_free(tried);
  }
  return answer->levels != NULL ||
         sde_fail(status, first.code, "%s: %s",
                  parameters_place(cases->recipe->common, "tolerance"), first.message);
}

static bool run_sde(const struct cases *cases, const struct run_case *one, size_t sde, int threads,
                    struct answer *answer, struct sde_status *status)
{
  struct sde_status failed = {SDE_OK, ""};
  if (!choose(cases, one, sde, threads, answer, status))
    return false;
  if (answer->watch != NULL)
    answer->watch->chosen = true;
  if (!sde_multilevel_run(answer->levels, &failed))
    return sde_fail(status, failed.code, "%s: %s",
                    parameters_place(cases->recipe->common, "tolerance"), failed.message);
  answer->normals += answer->levels->normals;
  answer->evaluations += answer->levels->evaluations;
  answer->same = sde_multilevel_plain(answer->levels);
  if (strcmp(answer->levels->problem.scheme->name, "euler-maruyama") == 0)
    answer->euler = answer->same;
  return true;
}

/* ---- The iterates ---- */

/* A round of them. */
struct round {
  struct watch *watch;
  const struct tolerance_case *done;
  uint64_t before, wanted;
};

static void watch_iterates(void *context, uint64_t paths_done)
{
  const struct round *round = context;
  struct watch *watch = round->watch;
  if (!progress_is_due(watch->progress))
    return;
  double paths = (double)(round->before + paths_done), error = 0;
  for (size_t o = 0; o < round->done->cases->observables->count; o++) {
    double variance = sde_moments_variance(round->done->iterates[o]);
    error = isnan(variance) ? NAN : fmax(error, sqrt(variance / paths));
  }
  watch->share = paths / (double)round->wanted;
  show(watch, paths, "", error);
}

static void draw_iterates(struct tolerance_case *done, uint64_t first, uint64_t paths, int threads,
                          struct watch *watch)
{
  const struct cases *cases = done->cases;
  const struct sde_process *process = done->one->iterates;
  struct round round = {watch, done, first, first + paths};
  struct sde_ensemble ensemble = {.paths = paths,
                                  .first_path = first,
                                  .dim = done->one->dim,
                                  .start = done->one->start,
                                  .records = 1,
                                  .record_steps = &done->one->steps,
                                  .processes = 1,
                                  .process = &process,
                                  .observables = *cases->observables,
                                  .bound =
                                      parameters_real(cases->recipe->common, "divergence_bound"),
                                  .threads = threads,
                                  .progress = watch_iterates,
                                  .progress_context = &round};
  struct sde_ensemble_result result = sde_ensemble_run(&ensemble);
  for (size_t o = 0; o < cases->observables->count; o++)
    done->iterates[o] =
        sde_moments_merged(done->iterates[o], sde_ensemble_moments(&result, 0, 0, o));
  done->iterates_diverged += sde_ensemble_diverged(&result, 0, 0);
  progress_ran(watch->progress, result.own_paths, result.own_work);
  sde_ensemble_result_free(&result);
}

/* Paths that some observable's standard error still lacks, in whole grains, after `paths` of which
 * not all survived: as many of those to come are taken not to survive. */
static double lacking_iterates(const struct tolerance_case *done, uint64_t paths, double tolerance)
{
  double lacking = 0;
  for (size_t o = 0; o < done->cases->observables->count; o++) {
    double survivors = done->iterates[o].n;
    double wanted = fmax(PILOT, sde_moments_variance(done->iterates[o]) / (tolerance * tolerance));
    if (wanted > survivors && survivors > 0) /* without any there is nothing to go by */
      lacking = fmax(lacking, (wanted - survivors) * (double)paths / survivors);
  }
  return GRAIN * ceil(lacking / GRAIN);
}

/* Paths until every standard error is within the tolerance; the variance is estimated anew after
 * each round. */
static bool run_iterates(struct tolerance_case *done, int threads, struct watch *watch,
                         struct sde_status *status)
{
  const struct recipe *recipe = done->cases->recipe;
  double tolerance = recipe_tolerance(recipe), more = PILOT;
  for (uint64_t paths = 0; more > 0; more = lacking_iterates(done, paths, tolerance)) {
    double wanted = (double)paths + more;
    if (!(wanted < paths_most))
      return sde_fail(status, SDE_INVALID,
                      "%s: tolerance %g would take %.2g paths of the iterates; below %.2g are "
                      "accepted",
                      parameters_place(recipe->common, "tolerance"), tolerance, wanted, paths_most);
    draw_iterates(done, paths, (uint64_t)more, threads, watch);
    paths += (uint64_t)more;
  }
  return true;
}

/* ---- A case ---- */

/* Moments with this mean and standard error. */
static struct sde_moments moments_of(struct sde_multilevel_estimate estimate)
{
  double n = estimate.paths;
  return (struct sde_moments){n, estimate.mean, pow(estimate.se, 2) * n * (n - 1)};
}

static uint64_t sde_diverged(const struct sde_multilevel *levels)
{
  uint64_t diverged = 0;
  for (size_t l = levels->first; l < levels->levels; l++)
    diverged += levels->level[l].diverged;
  return diverged;
}

static double start_of(const struct cases *cases, size_t observable)
{
  const struct sde_observables *observables = cases->observables;
  size_t dim = cases->loss->dim;
  double *x = sde_alloc(dim * SDE_UNIT, sizeof *x);
  double *value = sde_alloc(observables->count * SDE_UNIT, sizeof *value);
  void *workspace = observables->workspace_new(observables->context, SDE_UNIT);
  for (size_t i = 0; i < dim; i++)
    sde_block_fill(SDE_UNIT, cases->start[i], x + i * SDE_UNIT);
  observables->evaluate(observables->context, workspace, SDE_UNIT, x, value);
  double start = value[observable * SDE_UNIT];
  observables->workspace_free(workspace);
  sde_free(x);
  sde_free(value);
  return start;
}

static struct comparison row_of(const struct tolerance_case *done, size_t sde, size_t observable)
{
  const struct sde_multilevel *levels = done->answer[sde].levels;
  struct sde_multilevel_estimate estimate = sde_multilevel_estimate(levels, observable);
  struct sde_moments iterates = done->iterates[observable], solution = moments_of(estimate);
  double iterates_se = sde_moments_standard_error(iterates);
  return (struct comparison){.one = done->one,
                             .sde = sde,
                             .observable = observable,
                             .name = done->cases->observable_name[observable],
                             .time = (double)done->one->steps * done->one->optimizer.eta,
                             .iterates = iterates,
                             .solution = solution,
                             .iterates_diverged = done->iterates_diverged,
                             .solution_diverged = sde_diverged(levels),
                             .start = start_of(done->cases, observable),
                             .difference = sde_moments_mean(iterates) - estimate.mean,
                             .difference_se = hypot(iterates_se, estimate.se),
                             .difference_freedom = sde_welch_freedom(iterates_se, iterates.n - 1,
                                                                     estimate.se, solution.n - 1),
                             .variance_reduction = NAN,
                             .iterates_gain = NAN,
                             .solution_gain = NAN,
                             .quasi_gain = NAN,
                             .control = {NAN, NAN, NAN},
                             .exact_iterates = NAN,
                             .exact_solution = NAN,
                             .scheme_error = estimate.bias_bound};
}

static void report_divergence(struct results *results, const struct tolerance_case *done,
                              const char *what, uint64_t diverged, double paths)
{
  double allowed = parameters_real(done->cases->recipe->common, "max_diverged");
  if (diverged == 0)
    return;
  char *label = case_label(done->one);
  results_note(results, true,
               "sharpsde: %s, eta %g, rho %g, %s: %" PRIu64 " of %.0f paths diverged; %s\n", label,
               done->one->optimizer.eta, done->one->optimizer.rho, what, diverged, paths,
               series_survivors(diverged, paths));
  sde_free(label);
  if ((double)diverged > allowed * paths)
    results_fail(results);
}

static void report(struct results *results, const struct tolerance_case *done)
{
  double paths = done->iterates[0].n + (double)done->iterates_diverged;
  report_divergence(results, done, "iterates", done->iterates_diverged, paths);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++) {
    const struct sde_multilevel *levels = done->answer[s].levels;
    char *name = sde_format("SDE %zu", s);
    paths = 0;
    for (size_t l = levels->first; l < levels->levels; l++)
      paths += (double)levels->level[l].paths;
    report_divergence(results, done, name, sde_diverged(levels), paths);
    if (!levels->reached)
      results_note(results, true,
                   "sharpsde: SDE %zu, eta %g: the tolerance is not met: the bias is not surely "
                   "below half of it at the shortest step\n",
                   s, done->one->optimizer.eta);
    sde_free(name);
  }
}

struct tolerance_case *tolerance_run(const struct cases *cases, const struct run_case *one,
                                     int threads, struct progress *progress,
                                     struct results *results, struct comparison *rows,
                                     struct sde_status *status)
{
  size_t sdes = cases->recipe->sdes, observables = cases->observables->count;
  struct tolerance_case *done = sde_alloc(1, sizeof *done);
  *done = (struct tolerance_case){.cases = cases,
                                  .one = one,
                                  .answer = sde_alloc(sdes, sizeof *done->answer),
                                  .iterates = sde_alloc(observables, sizeof *done->iterates)};
  struct watch watch = {.progress = progress,
                        .parts = (double)(cases->count * (1 + sdes)),
                        .part = (double)((size_t)(one - cases->one) * (1 + sdes)) - 1,
                        .tolerance = recipe_tolerance(cases->recipe)};
  watch_next(&watch, one, "iterates");
  bool good = run_iterates(done, threads, &watch, status);
  for (size_t s = 0; good && s < sdes; s++) {
    char *what = sde_format("SDE %zu", s);
    watch_next(&watch, one, what);
    sde_free(what);
    done->answer[s].watch = &watch;
    good = run_sde(cases, one, s, threads, &done->answer[s], status);
    progress_ran(progress, done->answer[s].own_paths, done->answer[s].own_work);
    done->answer[s].watch = NULL;
  }
  sde_free(watch.label);
  if (!good) {
    tolerance_case_free(done);
    return NULL;
  }
  for (size_t s = 0; s < sdes; s++)
    for (size_t o = 0; o < observables; o++)
      rows[s * observables + o] = row_of(done, s, o);
  report(results, done);
  return done;
}

void tolerance_case_free(struct tolerance_case *done)
{
  if (done == NULL)
    return;
  for (size_t s = 0; s < done->cases->recipe->sdes; s++)
    sde_multilevel_free(done->answer[s].levels);
  sde_free(done->answer);
  sde_free(done->iterates);
  sde_free(done);
}

/* ---- What is told of it ---- */

static double substeps_of(const struct tolerance_case *done, const struct sde_multilevel *levels,
                          uint64_t steps)
{
  return done->one->optimizer.eta * (double)steps / levels->problem.time;
}

/* The moments that level l adds to the sum, and the normals that one path of it draws. */
static struct sde_moments level_moments(const struct sde_multilevel *levels, size_t l, size_t o)
{
  const struct sde_level *level = &levels->level[l];
  return l == levels->first ? level->value[o] : level->difference[o];
}

/* A level of the estimate of an observable's mean. */
struct level_row {
  const struct run_case *one;
  size_t sde;
  const char *scheme, *observable;
  double substeps;
  uint64_t steps, paths;
  struct sde_moments moments;
  double cost; /* normals that a path draws */
};

static struct cell variance(const void *moments)
{
  return cell_of_real(sde_moments_variance(*(const struct sde_moments *)moments));
}

static const struct columns level_columns = {
    "multilevel.csv",
    (const struct column[]){
        COLUMNS_OF_CASE(level_row),
        COLUMN_OF_SDE(level_row),
        {"scheme", COLUMN_FIELD(level_row, scheme)},
        COLUMN_OF_OBSERVABLE(level_row, observable),
        {"substeps", COLUMN_FIELD(level_row, substeps)},
        {"steps", COLUMN_FIELD(level_row, steps)},
        {"paths", COLUMN_FIELD(level_row, paths)},
        {"mean", COLUMN_READ(level_row, moments, struct sde_moments, cell_mean)},
        {"variance", COLUMN_READ(level_row, moments, struct sde_moments, variance)},
        {"cost", COLUMN_FIELD(level_row, cost)},
        {.read = NULL}}};

static const char *const keys_of_levels[] = {"substeps", "steps", "paths", "mean",
                                             "variance", "cost",  NULL};

static struct level_row level_row_of(const struct tolerance_case *done, size_t sde,
                                     size_t observable, size_t l)
{
  const struct sde_multilevel *levels = done->answer[sde].levels;
  const struct sde_level *level = &levels->level[l];
  return (struct level_row){.one = done->one,
                            .sde = sde,
                            .scheme = levels->problem.scheme->name,
                            .observable = done->cases->observable_name[observable],
                            .substeps = substeps_of(done, levels, level->steps),
                            .steps = level->steps,
                            .paths = level->paths,
                            .moments = level_moments(levels, l, observable),
                            .cost = level->normals};
}

static json_t *plain_json(const struct tolerance_case *done, const struct answer *answer,
                          const char *scheme, const struct sde_plain *plain)
{
  return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "scheme", scheme, "substeps",
                   results_json(substeps_of(done, answer->levels, plain->steps)), "steps",
                   (json_int_t)plain->steps, "paths", results_json(ceil(plain->paths)), "normals",
                   results_json(plain->normals), "evaluations", results_json(plain->evaluations));
}

json_t *tolerance_json(const struct tolerance_case *done, size_t sde, size_t observable)
{
  const struct answer *answer = &done->answer[sde];
  const struct sde_multilevel *levels = answer->levels;
  json_t *list = json_array(), *plain = json_array();
  for (size_t l = levels->first; l < levels->levels; l++) {
    struct level_row row = level_row_of(done, sde, observable, l);
    json_array_append_new(list, columns_json(&level_columns, keys_of_levels, &row));
  }
  const char *scheme = levels->problem.scheme->name;
  json_array_append_new(plain, plain_json(done, answer, scheme, &answer->same));
  if (strcmp(scheme, "euler-maruyama") != 0 && !isnan(answer->euler.paths))
    json_array_append_new(plain, plain_json(done, answer, "euler-maruyama", &answer->euler));
  return json_pack(
      "{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "scheme", scheme, "tolerance",
      levels->problem.tolerance, "reached", levels->reached, "levels", list, "normals",
      results_json(answer->normals), "evaluations", results_json(answer->evaluations), "plain",
      plain, "gain", results_json(answer->same.normals / answer->normals), "gain_evaluations",
      results_json(answer->same.evaluations / answer->evaluations), "gain_over_euler_maruyama",
      results_json(answer->euler.normals / answer->normals));
}

void tolerance_write(struct results *results, const struct tolerance_case *done)
{
  columns_begin(results, &level_columns);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++)
    for (size_t o = 0; o < done->cases->observables->count; o++) {
      const struct sde_multilevel *levels = done->answer[s].levels;
      for (size_t l = levels->first; l < levels->levels; l++) {
        struct level_row row = level_row_of(done, s, o, l);
        columns_write(results, &level_columns, &row);
      }
    }
}

static void print_plain(struct results *results, const struct tolerance_case *done,
                        const struct answer *answer, const char *scheme,
                        const struct sde_plain *plain)
{
  results_note(results, false,
               "  plain Monte Carlo, %s, %" PRIu64 " steps (%g substeps): %.3g paths, %.3g normal "
               "draws, %.3g times as many\n",
               scheme, plain->steps, substeps_of(done, answer->levels, plain->steps), plain->paths,
               plain->normals, plain->normals / answer->normals);
}

void tolerance_print(struct results *results, const struct tolerance_case *done)
{
  char *label = case_label(done->one);
  for (size_t s = 0; s < done->cases->recipe->sdes; s++) {
    const struct answer *answer = &done->answer[s];
    const struct sde_multilevel *levels = answer->levels;
    const char *scheme = levels->problem.scheme->name;
    results_note(results, false,
                 "Multilevel, %s, eta %g, SDE %zu, %s: %.3g normal draws\n  steps:paths", label,
                 done->one->optimizer.eta, s, scheme, answer->normals);
    for (size_t l = levels->first; l < levels->levels; l++)
      results_note(results, false, " %" PRIu64 ":%" PRIu64, levels->level[l].steps,
                   levels->level[l].paths);
    results_note(results, false, "\n");
    print_plain(results, done, answer, scheme, &answer->same);
    if (strcmp(scheme, "euler-maruyama") != 0 && !isnan(answer->euler.paths))
      print_plain(results, done, answer, "euler-maruyama", &answer->euler);
  }
  sde_free(label);
}

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool tolerance_estimate(const struct cases *cases, FILE *out, struct sde_status *status)
{
  double normals = 0, taken = 0, begun = seconds_now();
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < cases->recipe->sdes; s++) {
      struct answer answer = {.levels = NULL};
      if (!choose(cases, &cases->one[i], s, 0, &answer, status))
        return false;
      normals += answer.normals + sde_multilevel_predicted(answer.levels);
      taken += answer.normals + answer.levels->normals;
      sde_multilevel_free(answer.levels);
    }
  double seconds = seconds_now() - begun;
  if (taken > 0)
    fprintf(out,
            "# %zu cases; after a pilot of their SDEs about %.2g normal draws, about %.0f s; the "
            "iterates come on top\n",
            cases->count, normals, seconds * normals / taken);
  return true;
}
