/*
 * The study `referee`: does each SDE belong to each optimizer? The drift and the diffusion of one
 * step from all batches beside those that are claimed, at points along the iterates' paths; to
 * which powers of eta and rho they agree; and which terms the drift lacks. theory.md section 13.
 */
#include "analysis/referee.h"
#include "experiments/cases/case_run.h"
#include "experiments/io/text.h"
#include "experiments/recipe/study.h"
#include "experiments/results/case_columns.h"
#include "experiments/results/interval_words.h"
#include "experiments/studies/referee_judge.h"
#include "models/limit_forms.h"
#include "sde/block.h"

#include <math.h>
#include <string.h>

static const struct parameter_key keys[] = {
    {.name = "points",
     .type = PARAMETER_COUNT,
     .low = 2,
     .high = SDE_UNIT,
     .fallback = "8",
     .help =
         "referee: points of the state at which one step is looked at, along the iterates' paths"},
    {.name = NULL}};

/* ---- points ---- */

/* y[k*dim + i]: the start, then points at evenly spread steps, each on a path of its own. */
static double *points_of(const struct run_case *one, size_t points)
{
  const struct sde_process *process = one->iterates;
  size_t d = one->dim;
  double *y = sde_alloc(points, d * sizeof *y);
  double *x = sde_alloc(d, SDE_UNIT * sizeof *x);
  void *workspace = process->workspace_new(process, SDE_UNIT);
  sde_process_start(process, workspace, d, one->start, 0, SDE_UNIT, x);
  uint64_t step = 0;
  for (size_t k = 0; k < points; k++) {
    for (uint64_t until = one->steps * k / points; step < until; step++)
      process->advance(process, workspace, 0, SDE_UNIT, step, x);
    for (size_t i = 0; i < d; i++)
      y[k * d + i] = x[i * SDE_UNIT + k];
  }
  process->workspace_free(process, workspace);
  sde_free(x);
  return y;
}

/* ---- levels ---- */

/* One eta and rho: mismatches of drift and diffusion at all points, and the algorithm's own. */
struct level {
  struct optimizer optimizer;
  double *drift, *own_drift;         /* [point*dim + i] */
  double *diffusion, *own_diffusion; /* [(point*dim + i)*dim + j] */
  double *term;                      /* [(part k of the dictionary*points + point)*d + i] */
};

static double *difference(size_t count, const double *claimed, double sign, const double *own)
{
  double *out = sde_alloc(count, sizeof *out);
  for (size_t i = 0; i < count; i++)
    out[i] = claimed[i] + sign * own[i];
  return out;
}

/* The SDE that is claimed, at this level; the case's own, but for its eta and rho. */
static struct limit *claimed_at(const struct run_case *one, size_t sde,
                                const struct optimizer *optimizer, struct sde_status *status)
{
  struct optimizer claimed = *optimizer;
  claimed.rule = limit_form_of(one->sde[sde].limit)->optimizer->rule;
  claimed.micro_batch = limit_form_of(one->sde[sde].limit)->optimizer->micro_batch;
  return limit_new(&claimed, limit_options_of(one->sde[sde].limit), sde_stream_named(0, "referee"),
                   "referee", status);
}

static bool measure_level(const struct run_case *one, size_t sde, size_t points, const double *y,
                          struct level *level, struct sde_status *status)
{
  const struct optimizer *optimizer = &level->optimizer;
  size_t D = one->dim, d = optimizer->objective->loss->dim;
  int order = limit_options_of(one->sde[sde].limit)->eta_order;
  struct limit *truth = referee_truth(optimizer, order, status);
  struct limit *claim = truth == NULL ? NULL : claimed_at(one, sde, optimizer, status);
  if (claim == NULL) {
    limit_free(truth);
    return false;
  }
  double *a = sde_alloc(points, D * sizeof *a), *b = sde_alloc(points, D * D * sizeof *b);
  double *own = sde_alloc(points, D * sizeof *own), *own_b = sde_alloc(points, D * D * sizeof *b);
  level->term = sde_alloc(REFEREE_TERMS, points * d * sizeof *level->term);
  double *term = sde_alloc(REFEREE_TERMS, d * sizeof *term);
  for (size_t k = 0; k < points; k++) {
    referee_claim(limit_system(claim), optimizer->eta, 0, y + k * D, a + k * D, b + k * D * D);
    referee_claim(limit_system(truth), optimizer->eta, 0, y + k * D, own + k * D,
                  own_b + k * D * D);
    referee_terms(optimizer, y + k * D, term);
    for (size_t t = 0; t < REFEREE_TERMS; t++)
      memcpy(level->term + (t * points + k) * d, term + t * d, d * sizeof *term);
  }
  level->drift = difference(points * D, a, -1, own); /* a + F, F being less the truth's drift */
  level->diffusion = difference(points * D * D, b, -1, own_b);
  level->own_drift = own;
  level->own_diffusion = own_b;
  sde_free(term);
  sde_free(a);
  sde_free(b);
  limit_free(claim);
  limit_free(truth);
  return true;
}

static void level_free(struct level *level)
{
  sde_free(level->drift);
  sde_free(level->diffusion);
  sde_free(level->own_drift);
  sde_free(level->own_diffusion);
  sde_free(level->term);
}

/* The levels, in the order of the table's rows: smaller eta, the recipe's eta and rho, smaller rho.
 */
enum { QUARTER_ETA, HALF_ETA, WHOLE, HALF_RHO, QUARTER_RHO, LEVELS };
static const double eta_of_level[LEVELS] = {0.25, 0.5, 1, 1, 1},
                    rho_of_level[LEVELS] = {1, 1, 1, 0.5, 0.25};

/* ---- tables ---- */

struct step_row {
  const struct run_case *one;
  size_t sde;
  const char *part;
  double eta, rho, mismatch, se, relative;
};

static const struct columns steps = {
    "referee.csv",
    (const struct column[]){
        COLUMNS_OF_VARIANT(step_row),
        COLUMN_OF_SDE(step_row),
        {"part", NULL, "part", NULL, -10, 0, COLUMN_FIELD(step_row, part)},
        {"eta", NULL, "eta", NULL, -8, 0, COLUMN_FIELD(step_row, eta)},
        {"rho", NULL, "rho", NULL, -8, 0, COLUMN_FIELD(step_row, rho)},
        {"mismatch", NULL, "mismatch", NULL, 11, 4, COLUMN_FIELD(step_row, mismatch)},
        {"se", COLUMN_FIELD(step_row, se)},
        {"relative", NULL, "relative", NULL, 11, 3, COLUMN_FIELD(step_row, relative)},
        {.read = NULL}}};
static const char *const keys_of_steps[] = {KEYS_OF_VARIANT, "sde_index", "part",     "eta", "rho",
                                            "mismatch",      "se",        "relative", NULL};

static double root_mean_square(size_t points, size_t each, const double *value)
{
  double sum = 0;
  for (size_t i = 0; i < points * each; i++)
    sum += value[i] * value[i];
  return sqrt(sum / (double)points);
}

/* The row of a level and a part, in table, summary and on the terminal where it is the recipe's
 * own. */
static double write_step(struct results *results, const struct run_case *one, size_t sde,
                         size_t points, const struct level *level, bool drift, bool shown)
{
  size_t each = drift ? one->dim : one->dim * one->dim;
  double mismatch = root_mean_square(points, each, drift ? level->drift : level->diffusion);
  double size = root_mean_square(points, each, drift ? level->own_drift : level->own_diffusion);
  struct step_row row = {.one = one,
                         .sde = sde,
                         .part = drift ? "drift" : "diffusion",
                         .eta = level->optimizer.eta,
                         .rho = level->optimizer.rho,
                         .mismatch = mismatch,
                         .se = 0,
                         .relative = size > 0       ? mismatch / size
                                     : mismatch > 0 ? INFINITY
                                                    : 0};
  columns_write(results, &steps, &row);
  if (shown)
    columns_print(results, &steps, &row);
  json_t *rows = json_object_get(results_summary(results), "one_step");
  json_array_append_new(rows, columns_json(&steps, keys_of_steps, &row));
  return row.relative;
}

/* ---- the study ---- */

static json_t *variant_json(const struct run_case *one, size_t sde)
{
  struct step_row row = {.one = one, .sde = sde, .part = ""};
  json_t *object = columns_json(&steps, keys_of_steps, &row);
  static const char *const left_out[] = {"part", "eta", "rho", "mismatch", "se", "relative"};
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
    json_object_del(object, left_out[i]);
  return object;
}

/* The powers of a part, by the relative mismatches of all levels. */
static void write_powers(struct results *results, const struct run_case *one, size_t sde,
                         const char *part, const struct referee_power power[2])
{
  static const char *const versus[] = {"eta", "rho"};
  json_t *rows = json_object_get(results_summary(results), "powers");
  for (size_t k = 0; k < 2; k++) {
    json_t *row = variant_json(one, sde);
    json_object_set_new(row, "part", json_string(part));
    json_object_set_new(row, "versus", json_string(versus[k]));
    json_object_set_new(row, "power", results_json(power[k].power));
    json_object_set_new(row, "se", results_json(power[k].se));
    json_object_set_new(row, "vanishes",
                        power[k].vanishes == HOLDS_UNDECIDED
                            ? json_null()
                            : json_boolean(power[k].vanishes == HOLDS_YES));
    json_array_append_new(rows, row);
  }
}

/* The vector of the state whose drift is off the most. */
static size_t worst_part(const struct run_case *one, size_t points, const struct level *level)
{
  size_t d = one->optimizer.objective->loss->dim, worst = 0;
  double most = -1;
  for (size_t v = 0; v < one->dim / d; v++) {
    double sum = 0;
    for (size_t k = 0; k < points; k++)
      for (size_t i = 0; i < d; i++)
        sum += pow(level->drift[k * one->dim + v * d + i], 2);
    if (sum > most) {
      most = sum;
      worst = v;
    }
  }
  return worst;
}

/* What part v of the state lacks in its drift, over the levels that tell eta from rho. */
static size_t find_missing(const struct run_case *one, size_t points, const struct level *level,
                           size_t vector, struct referee_missing *missing, size_t *collinear)
{
  static const size_t used[] = {WHOLE, HALF_ETA, HALF_RHO};
  enum { USED = sizeof used / sizeof *used };
  size_t d = one->optimizer.objective->loss->dim, each = points * d, rows = USED * each;
  double *mismatch = sde_alloc(rows, sizeof *mismatch);
  double *term = sde_alloc(REFEREE_TERMS, rows * sizeof *term);
  for (size_t u = 0; u < USED; u++)
    for (size_t k = 0; k < points; k++)
      for (size_t i = 0; i < d; i++) {
        size_t row = u * each + k * d + i;
        mismatch[row] = level[used[u]].drift[k * one->dim + vector * d + i];
        for (size_t t = 0; t < REFEREE_TERMS; t++)
          term[t * rows + row] = level[used[u]].term[(t * points + k) * d + i];
      }
  size_t count = referee_find(rows, mismatch, term, REFEREE_MISSING_MOST, missing, collinear);
  sde_free(mismatch);
  sde_free(term);
  return count;
}

static void write_missing(struct results *results, const struct run_case *one, size_t sde,
                          size_t count, const struct referee_missing *missing)
{
  json_t *rows = json_object_get(results_summary(results), "missing");
  for (size_t i = 0; i < count; i++) {
    json_t *row = variant_json(one, sde);
    json_object_set_new(row, "part", json_string("drift"));
    json_object_set_new(row, "term", json_string(referee_term_names[missing[i].term]));
    json_object_set_new(row, "coefficient", results_json(missing[i].coefficient));
    json_object_set_new(row, "se", results_json(missing[i].se));
    json_object_set_new(row, "explained", results_json(missing[i].explained));
    json_array_append_new(rows, row);
  }
}

/* The trace of the claimed noise over that of the algorithm's. */
static double trace_ratio(const struct run_case *one, size_t points, const struct level *level)
{
  double claimed = 0, own = 0;
  size_t D = one->dim;
  for (size_t k = 0; k < points; k++)
    for (size_t i = 0; i < D; i++) {
      own += level->own_diffusion[(k * D + i) * D + i];
      claimed += level->own_diffusion[(k * D + i) * D + i] + level->diffusion[(k * D + i) * D + i];
    }
  return own > 0 ? claimed / own : NAN;
}

/* Measure and judge one SDE of one case. */
static bool referee(const struct cases *cases, const struct run_case *one, size_t sde,
                    struct results *results, struct sde_status *status)
{
  size_t points = (size_t)parameters_u64(cases->recipe->common, "points");
  double *y = points_of(one, points), relative[2][LEVELS];
  struct level level[LEVELS] = {0};
  bool good = true;
  for (size_t l = 0; good && l < LEVELS; l++) {
    level[l].optimizer = one->optimizer;
    level[l].optimizer.eta *= eta_of_level[l];
    level[l].optimizer.rho *= rho_of_level[l];
    good = measure_level(one, sde, points, y, &level[l], status);
  }
  for (size_t part = 0; good && part < 2; part++)
    for (size_t l = 0; l < LEVELS; l++)
      relative[part][l] = write_step(results, one, sde, points, &level[l], part == 0, l == WHOLE);
  if (good) {
    struct referee_evidence evidence = {.one = one, .sde = sde};
    for (size_t part = 0; part < 2; part++) {
      const double *r = relative[part];
      evidence.relative[part] = r[WHOLE];
      evidence.power[part][0] = referee_power_of(r[WHOLE], r[HALF_ETA], r[QUARTER_ETA]);
      evidence.power[part][1] = referee_power_of(r[WHOLE], r[HALF_RHO], r[QUARTER_RHO]);
      write_powers(results, one, sde, part == 0 ? "drift" : "diffusion", evidence.power[part]);
    }
    if (referee_lacks_first_order(&evidence))
      evidence.count = find_missing(one, points, level, worst_part(one, points, &level[WHOLE]),
                                    evidence.missing, &evidence.collinear);
    if (!referee_is_named(&evidence))
      evidence.count = 0;
    write_missing(results, one, sde, evidence.count, evidence.missing);
    evidence.trace_ratio = trace_ratio(one, points, &level[WHOLE]);
    referee_judge(results, &evidence);
  }
  for (size_t l = 0; l < LEVELS; l++)
    level_free(&level[l]);
  sde_free(y);
  return good;
}

/* Has each optimizer few batches? The levels differ in eta and rho alone. */
static bool check(const struct cases *cases, struct sde_status *status)
{
  if (cases->recipe->sdes == 0)
    return sde_fail(status, SDE_INVALID, "%s: the referee needs an sde, which is claimed",
                    parameters_place(cases->recipe->common, "study"));
  if (cases->objective->reshuffled || cases->objective->sampling == OBJECTIVE_GAUSSIAN)
    return sde_fail(
        status, SDE_INVALID,
        "%s: the referee goes through all batches of samples; sampling must be with- or "
        "without-replacement",
        parameters_place(cases->recipe->noise, "sampling"));
  for (size_t i = 0; i < cases->count; i++) {
    struct sde_status refused = {SDE_OK, ""};
    struct limit *truth = referee_truth(&cases->one[i].optimizer, 1, &refused);
    limit_free(truth);
    if (truth == NULL)
      return sde_fail(status, refused.code, "%s: %s", cases->recipe->file, refused.message);
    for (size_t s = 0; s < cases->recipe->sdes; s++)
      if (cases->one[i].sde[s].system.draws)
        return sde_fail(status, SDE_INVALID,
                        "%s: SDE %zu of %s draws fresh directions; the referee needs an sde whose "
                        "drift and diffusion are known at a point",
                        cases->recipe->file, s, cases->one[i].optimizer.rule->name);
  }
  return true;
}

static bool run(const struct recipe *recipe, int threads, struct progress *progress,
                const struct cases *cases, struct results *results, struct sde_status *status)
{
  (void)threads, (void)progress;
  static const char *const lists[] = {"one_step", "powers", "missing"};
  if (!check(cases, status))
    return false;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    json_object_set_new(results_summary(results), lists[i], json_array());
  results_note(
      results, false,
      "One step against each SDE: root mean square over the points of a + F and of B B^T/eta - "
      "Sigma\n");
  columns_begin(results, &steps);
  columns_print_headings(results, &steps);
  bool good = true;
  for (size_t i = 0; good && i < cases->count; i++)
    for (size_t s = 0; good && s < recipe->sdes; s++)
      good = referee(cases, &cases->one[i], s, results, status);
  results_note(
      results, false,
      "How the laws agree over a fixed time, the study `order` measures with the same recipe\n\n");
  return good;
}

/* No path is followed but the points' own. */
static bool estimate(const struct cases *cases, struct estimate *estimate,
                     struct sde_status *status)
{
  (void)cases, (void)estimate, (void)status;
  return true;
}

static const char *const unused[] = {"paths",        "observables",        "records",
                                     "max_diverged", "divergence_bound",   "tolerance",
                                     "output",       "variance_reduction", NULL};

extern const struct study_type study_referee;
const struct study_type study_referee = {
    .name = "referee",
    .summary =
        "does the SDE belong to the algorithm: drift and diffusion of one step, and what they lack",
    .keys = keys,
    .unused = unused,
    .check = check,
    .estimate = estimate,
    .run = run,
};
