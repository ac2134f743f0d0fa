/*
 * The command `run`: a recipe, read and checked before anything is written, run, written, drawn.
 */
#include "experiments/cases/cases.h"
#include "experiments/cases/forms.h"
#include "experiments/cases/scheme_choice.h"
#include "experiments/cases/unused.h"
#include "experiments/command/command.h"
#include "experiments/io/progress.h"
#include "experiments/pictures/plot.h"
#include "experiments/recipe/recipe.h"
#include "experiments/report/report.h"
#include "experiments/results/results.h"
#include "experiments/studies/studies.h"
#include "sde/ranks.h"
#include "sde/status.h"

#include <errno.h>
#include <getopt.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
  const char *recipe, *directory;
  size_t overrides;
  const char **override;
  int threads;
  bool force, json, quiet;
};

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool parse_threads(const char *text, int *threads, struct sde_status *status)
{
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 1 || value > 4096)
    return sde_fail(status, SDE_INVALID, "-j %s: a number of threads from 1 to 4096 is accepted",
                    text);
  *threads = (int)value;
  return true;
}

/* --seed N is an override like any other. */
static char *seed_override(const char *text)
{
  return sde_format("seed=%s", text);
}

enum { OPTION_SET = 256, OPTION_SEED, OPTION_FORCE, OPTION_JSON, OPTION_QUIET };

static bool parse_options(int argc, char **argv, struct options *options, char **seed,
                          struct sde_status *status)
{
  static const struct option names[] = {
      {"set", required_argument, NULL, OPTION_SET}, {"seed", required_argument, NULL, OPTION_SEED},
      {"force", no_argument, NULL, OPTION_FORCE},   {"json", no_argument, NULL, OPTION_JSON},
      {"quiet", no_argument, NULL, OPTION_QUIET},   {NULL, 0, NULL, 0}};
  optind = 1;
  for (int option; (option = getopt_long(argc, argv, ":o:j:", names, NULL)) != -1;) {
    switch (option) {
    case 'o':
      options->directory = optarg;
      break;
    case 'j':
      if (!parse_threads(optarg, &options->threads, status))
        return false;
      break;
    case OPTION_SEED:
      sde_free(*seed);
      *seed = seed_override(optarg);
      options->override[options->overrides++] = *seed;
      break;
    case OPTION_SET:
      options->override[options->overrides++] = optarg;
      break;
    case OPTION_FORCE:
      options->force = true;
      break;
    case OPTION_JSON:
      options->json = true;
      break;
    case OPTION_QUIET:
      options->quiet = true;
      break;
    default:
      return sde_fail(status, SDE_INVALID,
                      "run: %s %s; accepted are -o DIR, --set KEY=VALUE, -j THREADS, --seed N, "
                      "--force, --json, --quiet",
                      option == ':' ? "a value is missing after" : "unknown option",
                      argv[optind - 1]);
    }
  }
  if (optind != argc - 1)
    return sde_fail(status, SDE_INVALID, "run: %s; usage: sharpsde run RECIPE [-o DIR] ...",
                    optind == argc ? "no recipe is named" : "more than one recipe is named");
  options->recipe = argv[optind];
  return true;
}

/* out/NAME of a recipe file path/NAME.yaml. */
static char *default_directory(const char *recipe)
{
  const char *slash = strrchr(recipe, '/'), *name = slash == NULL ? recipe : slash + 1;
  const char *dot = strrchr(name, '.');
  int length = dot == NULL || dot == name ? (int)strlen(name) : (int)(dot - name);
  return sde_format("out/%.*s", length, name);
}

static double total_work(const struct cases *cases, bool companions)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += case_work(&cases->one[i], cases->recipe->sdes, companions);
  return work;
}

/* Pictures are made from the tables and are not worth losing a run for: where they cannot be
 * drawn, that is a warning. */
static bool write_all(struct results *results, const struct recipe *recipe, const char *directory,
                      const struct results_effort *effort, struct sde_status *status)
{
  if (!results_write(results, directory, status))
    return false;
  struct plot_files pictures = {0, NULL};
  struct sde_status drawn = {SDE_OK, ""};
  if (!plot_run(directory, recipe->study->name, parameters_text(recipe->common, "title"), &pictures,
                &drawn)) {
    results_note(results, true, "sharpsde: no pictures: %s\n", drawn.message);
    if (strstr(drawn.message, "disk full") != NULL ||
        strstr(drawn.message, strerror(ENOSPC)) != NULL)
      return sde_fail(status, SDE_FAILED, "%s", drawn.message);
  }
  bool good =
      results_write_run(results, directory, effort, pictures.count, pictures.names, status) &&
      report_write(1, &directory, directory, "report.html", status);
  plot_files_free(&pictures);
  return good;
}

static void show(const struct options *options, struct results *results, const char *directory)
{
  if (options->json) {
    json_dumpf(results_summary(results), stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
  } else if (!options->quiet) {
    results_print(results, stdout);
    printf("Results are in %s\nThe report is %s/report.html\n", directory, directory);
  }
  results_print_warnings(results, stderr);
}

static void note_beginnings(struct results *results, const struct cases *cases)
{
  char *unused = unused_keys(cases, ""), *forms = forms_text(cases, "");
  results_note(results, false, "%s%s", unused, forms);
  json_object_set_new(results_about(results), "forms", forms_json(cases));
  sde_free(unused);
  sde_free(forms);
}

/* Of what all ranks have in their hands rank 0 writes and shows its own. */
static bool leave_results(const struct options *options, struct results *results,
                          const struct recipe *recipe, const char *directory,
                          const struct results_effort *effort, struct sde_status *status)
{
  bool first = sde_ranks_rank() == 0;
  if (first)
    write_all(results, recipe, directory, effort, status);
  if (!sde_ranks_agree(status))
    return false;
  if (first)
    show(options, results, directory);
  if (results_failed(results))
    return sde_fail(status, SDE_FAILED,
                    "more than max_diverged: %g of the paths diverged; results over the "
                    "survivors, if any, are in %s",
                    parameters_real(recipe->common, "max_diverged"), directory);
  return true;
}

static bool shows_progress(const struct options *options)
{
  return !options->quiet && sde_ranks_rank() == 0;
}

/* Run the study and write what it leaves; scheme_said is NULL or a line for people, after
 * pilots of so many path-steps. */
static bool run_study(const struct options *options, const struct recipe *recipe,
                      const struct cases *cases, const char *scheme_said, uint64_t pilot_work,
                      const char *directory, struct sde_status *status)
{
  int threads = options->threads > 0 ? options->threads : omp_get_max_threads();
  double begun = seconds_now();
  bool companions = recipe->study->companions;
  struct progress *progress = progress_new(total_work(cases, companions), shows_progress(options));
  progress_ran(progress, 0, pilot_work);
  struct results *results = results_new(recipe);
  note_beginnings(results, cases);
  if (scheme_said != NULL)
    results_note(results, false, "%s", scheme_said);
  recipe->study->run(recipe, threads, progress, cases, results, status);
  progress_end(progress);
  bool good = sde_ranks_agree(status);
  if (good) {
    size_t ranks = sde_ranks_count();
    uint64_t *rank_paths = sde_alloc(2 * ranks, sizeof *rank_paths),
             *rank_work = rank_paths + ranks;
    sde_ranks_gather(progress_own_paths(progress), rank_paths);
    sde_ranks_gather(progress_own_work(progress), rank_work);
    struct results_effort effort = {seconds_now() - begun, threads, ranks, rank_paths, 0};
    for (size_t r = 0; r < ranks; r++)
      effort.path_steps += rank_work[r];
    good = leave_results(options, results, recipe, directory, &effort, status);
    sde_free(rank_paths);
  }
  progress_free(progress);
  results_free(results);
  return good;
}

/* The cases, of all ranks or of none. */
static struct cases *cases_of_all(const struct recipe *recipe, struct sde_status *status)
{
  struct cases *cases = cases_new(recipe, status);
  if (sde_ranks_agree(status))
    return cases;
  cases_free(cases);
  return NULL;
}

/* Have all ranks read one recipe, with the same data? */
static bool is_same_recipe(const struct recipe *recipe, struct sde_status *status)
{
  size_t other = sde_ranks_differing(recipe->resolved, strlen(recipe->resolved));
  return other == 0 || sde_fail(status, SDE_INVALID,
                                "rank %zu reads another recipe or other data than rank 0; the "
                                "files must be the same on every machine",
                                other);
}

/* Whether the directory may be written is rank 0's to say. */
static bool is_prepared(const char *directory, bool force, struct sde_status *status)
{
  if (sde_ranks_rank() == 0)
    results_prepare(directory, force, status);
  return sde_ranks_agree(status);
}

/* The user's mistakes are found before a pilot run takes its time. */
static bool run(const struct options *options, struct recipe *recipe, struct sde_status *status)
{
  struct cases *cases = cases_of_all(recipe, status);
  if (cases == NULL)
    return false;
  char *directory = options->directory != NULL ? sde_strdup(options->directory)
                                               : default_directory(options->recipe);
  struct scheme_choice choice = {NULL, 0, 0, 0};
  bool good = is_prepared(directory, options->force, status);
  if (good) {
    struct progress *progress = progress_new(0, shows_progress(options));
    progress_phase(progress, "pilot: ");
    scheme_choose(recipe, options->threads, progress, &choice, status);
    progress_free(progress);
    good = sde_ranks_agree(status);
  }
  if (good && choice.said != NULL) {
    cases_free(cases);
    cases = cases_of_all(recipe, status);
    good = cases != NULL;
  }
  good = good && run_study(options, recipe, cases, choice.said, choice.own_work, directory, status);
  sde_free(choice.said);
  sde_free(directory);
  cases_free(cases);
  return good;
}

int command_run(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  struct options options = {.override = sde_alloc((size_t)argc, sizeof(char *))};
  char *seed = NULL;
  struct recipe *recipe = NULL;
  if (parse_options(argc, argv, &options, &seed, &status))
    recipe =
        recipe_read(options.recipe, study_types(), options.overrides, options.override, &status);
  if (sde_ranks_agree(&status) && is_same_recipe(recipe, &status))
    run(&options, recipe, &status);
  recipe_free(recipe);
  sde_free(options.override);
  sde_free(seed);
  return command_end(&status);
}
