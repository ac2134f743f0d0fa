/*
 * The command `run`: a recipe, read and checked before anything is written, run, written, drawn.
 */
#include "experiments/cases/case_run.h"
#include "experiments/cases/forms.h"
#include "experiments/cases/scheme_choice.h"
#include "experiments/cases/unused.h"
#include "experiments/command/command.h"
#include "experiments/command/threads.h"
#include "experiments/io/interrupt.h"
#include "experiments/io/json.h"
#include "experiments/io/progress.h"
#include "experiments/pictures/plot.h"
#include "experiments/recipe/inputs.h"
#include "experiments/recipe/recipe.h"
#include "experiments/report/report.h"
#include "experiments/results/checkpoint.h"
#include "experiments/results/results.h"
#include "experiments/results/transaction.h"
#include "experiments/results/verdict_groups.h"
#include "experiments/studies/stability_report.h"
#include "experiments/studies/studies.h"
#include "sde/ranks.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct options {
  const char *recipe, *directory;
  size_t overrides;
  const char **override;
  int threads;
  bool force, resume, json, quiet;
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
  if (*text == '\0' || *end != '\0' || value < 1 || value > THREADS_MOST)
    return sde_fail(status, SDE_INVALID, "-j %s: a number of threads from 1 to %d is accepted",
                    text, THREADS_MOST);
  *threads = (int)value;
  return true;
}

/* --seed N is an override like any other. */
static char *seed_override(const char *text)
{
  return sde_format("seed=%s", text);
}

/* --kernels: auto, or the set of a kind of processor, as run.json names it. */
static bool use_kernels(const char *name, struct sde_status *status)
{
  static const struct {
    const char *name, *set;
  } sets[] = {{"v4", "x86-64-v4"}, {"v3", "x86-64-v3"}, {"v2", "x86-64-v2"}, {"portable", "portable"}};
  const struct sde_vector_math *set = NULL;
  bool known = strcmp(name, "auto") == 0;
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    if (strcmp(name, sets[i].name) == 0) {
      known = true;
      set = sde_vector_math_named(sets[i].set);
      if (set == NULL)
        return sde_fail(status, SDE_INVALID,
                        "--kernels %s: this processor, or this build, has no such kernels; auto takes "
                        "the best that it has, %s",
                        name, sde_vector_math()->name);
    }
  sde_vector_math_use(set);
  return known || sde_fail(status, SDE_INVALID,
                           "--kernels %s: accepted are auto, v4, v3, v2, portable", name);
}

enum {
  OPTION_SET = 256,
  OPTION_SEED,
  OPTION_FORCE,
  OPTION_RESUME,
  OPTION_KERNELS,
  OPTION_JSON,
  OPTION_QUIET
};

static bool parse_options(int argc, char **argv, struct options *options, char **seed,
                          struct sde_status *status)
{
  static const struct option names[] = {{"set", required_argument, NULL, OPTION_SET},
                                        {"seed", required_argument, NULL, OPTION_SEED},
                                        {"force", no_argument, NULL, OPTION_FORCE},
                                        {"kernels", required_argument, NULL, OPTION_KERNELS},
{"resume", no_argument, NULL, OPTION_RESUME},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"quiet", no_argument, NULL, OPTION_QUIET},
                                        {NULL, 0, NULL, 0}};
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
    case OPTION_RESUME:
      options->resume = true;
      break;
    case OPTION_KERNELS:
      if (!use_kernels(optarg, status))
        return false;
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
                      "--force, --resume, --kernels SET, --json, --quiet",
                      option == ':' ? "a value is missing after" : "unknown option",
                      argv[optind - 1]);
    }
  }
  if (optind != argc - 1)
    return sde_fail(status, SDE_INVALID, "run: %s; usage: sharpsde run RECIPE [-o DIR] ...",
                    optind == argc ? "no recipe is named" : "more than one recipe is named");
  options->recipe = argv[optind];
  return !(options->force && options->resume) ||
         sde_fail(status, SDE_INVALID,
                  "run: --force begins anew and --resume goes on; give one of them");
}

/* -o, or out/NAME of a recipe file path/NAME.yaml; NULL, and the status says why, where the recipe
 * comes from a pipe, which has no name. */
static char *directory_of(const struct options *options, struct sde_status *status)
{
  const char *recipe = options->recipe;
  struct stat about;
  if (options->directory != NULL)
    return sde_strdup(options->directory);
  if (stat(recipe, &about) != 0 || !S_ISREG(about.st_mode)) {
    sde_fail(status, SDE_INVALID,
             "run: the recipe comes from %s, which names no directory; give -o DIR",
             strcmp(recipe, "-") == 0 ? "standard input" : "a pipe");
    return NULL;
  }
  const char *slash = strrchr(recipe, '/'), *name = slash == NULL ? recipe : slash + 1;
  const char *dot = strrchr(name, '.');
  int length = dot == NULL || dot == name ? (int)strlen(name) : (int)(dot - name);
  return sde_format("out/%.*s", length, name);
}

static double total_work(const struct cases *cases, bool companions)
{
  double work = 0;
  for (size_t i = 0; i < cases->count; i++)
    work += case_work(&cases->one[i], cases->recipe->sdes, companions, cases->one[i].paths);
  return work;
}

/* One run: what it is made of, from the first check to the end. */
struct job {
  const struct options *options;
  struct recipe *recipe;
  struct cases *cases;
  struct cases *read; /* those that read the data, where a pilot's choice made others */
  char *directory;
  struct transaction *transaction; /* rank 0's, while files may be written */
  int threads;
  struct scheme_choice choice;
  struct checkpoint *checkpoint;
};

/* Pictures are made from the tables and are not worth losing a run for: where they cannot be
 * drawn, that is a warning. Whether there is anything to add to the run. */
static bool draw(const struct job *job, struct results *results, struct plot_files *pictures)
{
  struct sde_status drawn = {SDE_OK, ""};
  struct plot_wish wish = {.title = parameters_text(job->recipe->common, "title"),
                           .formats = PLOT_SVG | PLOT_PNG,
                           .folder = transaction_folder(job->transaction)};
  if (!plot_run_as(job->directory, job->recipe->study->name, &wish, pictures, &drawn))
    results_note(results, true, "sharpsde: no pictures: %s\n", drawn.message);
  return pictures->count > 0 || drawn.code != SDE_OK;
}

/* The report of the run that stands in the directory. */
static bool write_report(const struct job *job, struct sde_status *status)
{
  const char *directory = job->directory, *folder = transaction_folder(job->transaction);
  return report_write(1, &directory, folder, "report.html", status) &&
         transaction_commit(job->transaction, status);
}

/* What was computed, and a report of it, are in their place before anything is drawn. */
static bool write_all(const struct job *job, struct results *results,
                      const struct results_effort *effort, struct sde_status *status)
{
  const char *folder = transaction_folder(job->transaction);
  struct plot_files pictures = {0, NULL};
  bool good = results_write(results, folder, status) &&
              results_write_run(results, folder, effort, 0, NULL, status) &&
              transaction_commit(job->transaction, status) && write_report(job, status);
  if (good && draw(job, results, &pictures))
    good = results_write_run(results, folder, effort, pictures.count, pictures.names, status) &&
           transaction_commit(job->transaction, status) && write_report(job, status);
  plot_files_free(&pictures);
  return good;
}

/* The last line: how many checks hold. */
static void print_counts(const struct recipe *recipe, const json_t *verdicts)
{
  char *counts = verdict_counts(verdicts);
  double level = parameters_real(recipe->common, "level");
  if (counts != NULL)
    printf("%s; intervals [a, b] hold together with probability %g %%\n", counts,
           100 * (1 - level));
  sde_free(counts);
}

static void show(const struct job *job, struct results *results)
{
  if (job->options->json) {
    json_dumpf(results_summary(results), stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
  } else if (!job->options->quiet) {
    results_print(results, stdout);
    printf("Results are in %s\nThe report is %s/report.html\n", job->directory, job->directory);
    print_counts(job->recipe, results_verdicts(results));
  }
  results_print_warnings(results, stderr);
}

static void add_path(void *array, const char *path)
{
  json_array_append_new(array, json_text(path));
}

static void note_beginnings(struct results *results, const struct job *job)
{
  char *unused = unused_keys(job->cases, ""), *forms = forms_text(job->cases, "");
  results_note(results, false, "%s%s", unused, forms);
  results_set_label_width(results, case_label_width(job->cases));
  json_object_set_new(results_about(results), "forms", forms_json(job->cases));
  json_t *files = json_array();
  recipe_each_file(job->recipe, add_path, files);
  json_object_set_new(results_about(results), "data", files);
  sde_free(unused);
  sde_free(forms);
  if (job->choice.said != NULL)
    results_note(results, false, "%s", job->choice.said);
}

/* All ranks hold the same results; rank 0 alone writes and shows them. The directory is free again
 * before anything is shown, which may be to nobody. */
static bool leave_results(struct job *job, struct results *results,
                          const struct results_effort *effort, struct sde_status *status)
{
  bool first = sde_ranks_rank() == 0;
  if (first)
    write_all(job, results, effort, status);
  if (first && status->code == SDE_OK)
    checkpoint_remove(job->directory);
  transaction_end(job->transaction);
  job->transaction = NULL;
  if (!sde_ranks_agree(status))
    return false;
  if (first)
    show(job, results);
  if (results_failed(results))
    return sde_fail(status, SDE_FAILED,
                    "more than max_diverged: %g of the paths diverged; results over the "
                    "survivors, if any, are in %s",
                    parameters_real(job->recipe->common, "max_diverged"), job->directory);
  return true;
}

static bool shows_progress(const struct options *options)
{
  return !options->quiet && sde_ranks_rank() == 0;
}

/* Run the study and write what it leaves. */
static bool run_study(struct job *job, struct sde_status *status)
{
  const struct study_type *study = job->recipe->study;
  double begun = seconds_now();
  struct progress *progress =
      progress_new(total_work(job->cases, study->companions), shows_progress(job->options));
  progress_ran(progress, 0, job->choice.own_work);
  progress_set_keeper(progress, checkpoint_keeper(job->checkpoint));
  struct results *results = results_new(job->recipe);
  note_beginnings(results, job);
  stability_report(results, job->cases);
  study->run(job->recipe, job->threads, progress, job->cases, results, status);
  progress_end(progress);
  bool good = sde_ranks_agree(status);
  if (good) {
    size_t ranks = sde_ranks_count();
    uint64_t *rank_paths = sde_alloc(2 * ranks, sizeof *rank_paths),
             *rank_work = rank_paths + ranks;
    sde_ranks_gather(progress_own_paths(progress), rank_paths);
    sde_ranks_gather(progress_own_work(progress), rank_work);
    struct results_effort effort = {seconds_now() - begun, job->threads, ranks, rank_paths, 0};
    for (size_t r = 0; r < ranks; r++)
      effort.path_steps += rank_work[r];
    good = leave_results(job, results, &effort, status);
    sde_free(rank_paths);
  }
  progress_free(progress);
  results_free(results);
  return good;
}

/* The cases, of all ranks or of none; what was read for the first is not read again. */
static bool make_cases(struct job *job, struct sde_status *status)
{
  job->read = job->cases;
  job->cases = cases_sharing(job->read, job->recipe, status);
  return sde_ranks_agree(status);
}

/* Does the study take them? All ranks come to the same answer, or to an end. */
static bool check_cases(const struct job *job, struct sde_status *status)
{
  study_check(job->recipe->study, job->cases, status);
  return sde_ranks_agree(status);
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

/* An input that a run must not overwrite. */
struct sparing {
  const struct transaction *transaction;
  struct sde_status *status;
};

static bool spare_input(void *context, const char *file, const char *place)
{
  const struct sparing *sparing = context;
  return transaction_spare(sparing->transaction, file, place, sparing->status);
}

/* The directory is rank 0's to lock and to write. */
static bool take_directory(struct job *job, struct sde_status *status)
{
  bool goes_on = job->options->resume && checkpoint_is_in(job->directory);
  enum transaction_mode mode =
      job->options->force || goes_on ? TRANSACTION_REPLACE : TRANSACTION_NEW;
  if (sde_ranks_rank() == 0)
    job->transaction = transaction_begin(job->directory, mode, status);
  struct sparing sparing = {job->transaction, status};
  if (job->transaction != NULL &&
      transaction_spare(job->transaction, job->recipe->file, NULL, status))
    recipe_each_input(job->recipe, spare_input, &sparing);
  return sde_ranks_agree(status);
}

/* Begin a checkpoint, from that of the run that is resumed, if there is any. */
static bool take_checkpoint(struct job *job, struct sde_status *status)
{
  if (sde_ranks_rank() == 0 && job->options->force)
    checkpoint_remove(job->directory);
  job->checkpoint = checkpoint_new(job->recipe, job->directory, job->cases->count);
  return !job->options->resume || checkpoint_read(job->checkpoint, status);
}

static bool start_threads(struct job *job, struct sde_status *status)
{
  job->threads = threads_start(job->options->threads, status);
  return sde_ranks_agree(status);
}

/* By a pilot run, where the recipe leaves it open. */
static bool choose_scheme(struct job *job, struct sde_status *status)
{
  struct progress *progress = progress_new(0, shows_progress(job->options));
  progress_phase(progress, "pilot: ");
  scheme_choose(job->recipe, job->cases, job->threads, progress, &job->choice, status);
  progress_free(progress);
  return sde_ranks_agree(status) && (job->choice.said == NULL || make_cases(job, status));
}

/* The user's mistakes are found before a pilot run takes its time. */
static void run(const struct options *options, struct recipe *recipe, struct sde_status *status)
{
  struct job job = {.options = options, .recipe = recipe};
  job.directory = directory_of(options, status);
  interrupt_begin();
  if (sde_ranks_agree(status) && make_cases(&job, status) && check_cases(&job, status) &&
      take_directory(&job, status) && start_threads(&job, status) && choose_scheme(&job, status) &&
      take_checkpoint(&job, status))
    run_study(&job, status);
  transaction_end(job.transaction);
  checkpoint_free(job.checkpoint);
  cases_free(job.cases);
  cases_free(job.read);
  sde_free(job.choice.said);
  sde_free(job.directory);
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
