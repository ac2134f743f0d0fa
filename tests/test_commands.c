/*
 * Tests of the command line, run as a user runs it: what is printed where, exit statuses, tables
 * of 80 columns, starter recipes that work. SHARPSDE names the program; without it, it is looked
 * for beside the folder of the tests.
 */
#include "experiments/command/command.h"

#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"
#include "experiments/studies/studies.h"
#include "models/loss.h"
#include "models/observables.h"
#include "models/optimizer.h"
#include "sde/scheme.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COLUMNS = 80 };

struct output {
  int status;
  char *out, *err;
};

static bool save(const char *file, const char *text)
{
  FILE *stream = fopen(file, "wb");
  if (stream == NULL)
    return false;
  bool good = fputs(text, stream) >= 0;
  return fclose(stream) == 0 && good;
}

static char *load(const char *file)
{
  struct text text = {0};
  char line[4096];
  FILE *stream = fopen(file, "rb");
  ck_assert_ptr_nonnull(stream);
  text_add(&text, "%s", "");
  while (fgets(line, sizeof line, stream) != NULL)
    text_add(&text, "%s", line);
  fclose(stream);
  return text.data;
}

/* `sharpsde ARGUMENTS`, its standard output into `out`; the arguments are words for the shell. */
static struct output run_into(const char *out, const char *arguments)
{
  char *command = sde_format("\"$SHARPSDE\" %s > %s 2> err", arguments, out);
  int status = system(command);
  ck_assert_msg(WIFEXITED(status), "%s did not end by itself", command);
  sde_free(command);
  bool kept = strcmp(out, "out") == 0;
  return (struct output){WEXITSTATUS(status), kept ? load(out) : sde_strdup(""), load("err")};
}

static void release(struct output *output)
{
  sde_free(output->out);
  sde_free(output->err);
}

/* Run, expect success and silence on stderr; what was printed, released with sde_free. */
static char *printed(const char *arguments)
{
  struct output output = run_into("out", arguments);
  ck_assert_msg(output.status == SDE_OK && output.err[0] == '\0', "%s: %d %s", arguments,
                output.status, output.err);
  sde_free(output.err);
  return output.out;
}

static void assert_columns(const char *text)
{
  while (*text != '\0') {
    size_t length = strcspn(text, "\n");
    ck_assert_msg(length <= COLUMNS, "a line of %zu columns: %.*s", length, (int)length, text);
    text += length + (text[length] == '\n');
  }
}

static void assert_contains(const char *text, const char *part)
{
  ck_assert_msg(strstr(text, part) != NULL, "no '%s' in\n%.2000s", part, text);
}

/* Wrong input: status 2, one line on stderr, nothing on stdout. `sentence` may end in "...". */
static void assert_refused(const char *arguments, const char *sentence)
{
  struct output output = run_into("out", arguments);
  size_t length = strlen(sentence);
  bool open = length > 3 && strcmp(sentence + length - 3, "...") == 0;
  ck_assert_msg(output.status == SDE_INVALID, "%s: status %d", arguments, output.status);
  ck_assert_str_eq(output.out, "");
  ck_assert_msg(strncmp(output.err, "sharpsde: ", 10) == 0 &&
                    strncmp(output.err + 10, sentence, open ? length - 3 : length) == 0,
                "%s: %s", arguments, output.err);
  ck_assert_msg(strchr(output.err, '\n') == output.err + strlen(output.err) - 1,
                "more than one line: %s", output.err);
  ck_assert(open || strlen(output.err) == 10 + length + 1);
  release(&output);
}

START_TEST(version_and_help)
{
  char *version = printed("--version"), *help = printed("--help"), *word = printed("help");
  ck_assert_str_eq(version, "sharpsde " SHARPSDE_VERSION "\n");
  ck_assert_str_eq(help, word);
  assert_columns(help);
  for (const struct command *command = commands(); command->name != NULL; command++) {
    char *first = sde_format("help %s", command->name);
    char *second = sde_format("%s x --help", command->name);
    char *page = printed(first), *same = printed(second);
    assert_contains(help, command->summary);
    assert_contains(page, command->example);
    assert_contains(page, command->summary + 1); /* which begins with a capital there */
    assert_contains(page, "usage: sharpsde ");
    ck_assert_str_eq(page, same);
    assert_columns(page);
    char *all[] = {first, second, page, same};
    for (size_t i = 0; i < 4; i++)
      sde_free(all[i]);
  }
  sde_free(version);
  sde_free(help);
  sde_free(word);
}
END_TEST

/* A recipe that is answered from exact moments, at once. */
#define ORDER                                                                                      \
  "study: order\nloss: {name: quadratic, data: quadratic4.csv}\nstart: [1.5, -1.0]\nbatch: 4\n"    \
  "eta: [0.1, 0.05, 0.025]\nrho: 0.1\ntime: 0.1\noptimizers: [{name: m-usam, micro_batch: 2}]\n"

static const struct {
  const char *arguments, *sentence;
} refusals[] = {
    {"", "no command is named; `sharpsde --help` lists them"},
    {"lsit",
     "unknown command 'lsit', nearest is 'list'; accepted are run, plot, report, list, ..."},
    {"--versoin", "unknown command '--versoin', nearest is '--version'; accepted are run, ..."},
    {"help chek", "unknown command 'chek', nearest is 'check'; accepted are run, ..."},
    {"list losss", "unknown topic 'losss', nearest is 'losses'; accepted are losses, noise, ..."},
    {"list losses nothing", "unknown topic 'nothing'; accepted are losses, noise, ..."},
    {"new", "new: no study is named; usage: sharpsde new STUDY [--short]"},
    {"new compare trajectory",
     "new: more than one study is named; usage: sharpsde new STUDY [--short]"},
    {"new --fast", "new: unknown option '--fast'; usage: sharpsde new STUDY [--short]"},
    {"new comparr", "unknown study 'comparr', nearest is 'compare'; accepted are ..."},
    {"explain", "explain: no optimizer is named; usage: sharpsde explain OPTIMIZER"},
    {"explain m_usam", "unknown optimizer 'm_usam', nearest is 'm-usam'; accepted are ..."},
    {"check", "check: no recipe is named; usage: sharpsde check RECIPE [--set KEY=VALUE]..."},
    {"check a.yaml b.yaml", "check: more than one recipe is named; usage: ..."},
    {"check a.yaml --set", "check: a value is missing after --set; usage: ..."},
    {"check a.yaml --force", "check: unknown option '--force'; usage: ..."},
    {"check nothere.yaml", "nothere.yaml: there is no such file; accepted is a recipe file"},
    {"check bad.yaml", "bad.yaml:2: unknown key 'etaa', nearest is 'eta'; accepted are title, ..."},
    {"check noise.yaml --set noise.structure=isotropic",
     "--set noise.structure: structure is given, but has no effect with sampling: "
     "with-replacement; accepted is sampling: gaussian, or no structure"},
    {"check noise.yaml --set noise.standard_deviation=1",
     "--set noise.standard_deviation: standard_deviation is given, but has no effect with "
     "sampling: ..."},
    {"check noise.yaml --set noise.standard_deviations=[1,1]",
     "--set noise.standard_deviations: standard_deviations is given, but has no effect with ..."},
    {"check noise.yaml --set 'noise={sampling: without-replacement, covariance: [[1]]}'",
     "--set noise: covariance is given, but has no effect with sampling: without-replacement; ..."},
    {"check noise.yaml --set noise.sampling=gaussian --set 'noise.covariance=[[1, 0], [0, 1]]'",
     "--set noise.covariance: covariance is given, but has no effect with structure: isotropic; "
     "accepted is structure: dense, or no covariance"},
    {"check noise.yaml --set 'noise={sampling: gaussian, structure: diagonal, "
     "standard_deviation: 1, standard_deviations: [1, 1]}'",
     "--set noise: standard_deviation is given, but has no effect with structure: diagonal; ..."},
    {"check noise.yaml --set 'observables=[loss, loss]'",
     "--set observables: observable 'loss' stands there twice"},
    {"run gaussian.yaml -o never", "gaussian.yaml:11: structure is given, but has no effect with "
                                   "sampling: with-replacement; ..."},
    {"plot", "plot: no directory is named; usage: sharpsde plot DIR "
             "[--format svg|png|pdf|gif]... [--caption TEXT]"},
    {"plot nothere", "nothere/summary.json: unable to open nothere/summary.json: No such ..."},
    {"plot broken", "broken/summary.json:1: ..."},
    {"report", "report: no directory is named; usage: sharpsde report DIR... [-o FILE]"},
    {"report list", "list/summary.json: it holds no object; accepted is ..."},
    {"plot list", "list/summary.json: study or title is missing; accepted is ..."},
};

START_TEST(wrong_input_is_refused)
{
  ck_assert(save("bad.yaml", "study: compare\netaa: 1\n"));
  mkdir("broken", 0700);
  mkdir("list", 0700);
  ck_assert(save("broken/summary.json", "{"));
  ck_assert(save("list/summary.json", "[]"));
  ck_assert(save("noise.yaml", ORDER));
  ck_assert(save("gaussian.yaml", ORDER "noise:\n  standard_deviation: 2\n  structure: dense\n"));
  assert_refused(refusals[_i].arguments, refusals[_i].sentence);
}
END_TEST

START_TEST(list_knows_every_registry)
{
  char *all = printed("list"), *losses = printed("list losses"),
       *two = printed("list noise schemes");
  assert_columns(all);
  for (const struct loss_type *const *type = loss_types(); *type != NULL; type++) {
    assert_contains(losses, (*type)->name);
    for (const struct parameter_key *key = (*type)->keys; key->name != NULL; key++)
      assert_contains(losses, key->name);
  }
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++)
    assert_contains(all, (*type)->name);
  for (const struct sde_scheme *const *scheme = sde_schemes(); *scheme != NULL; scheme++)
    assert_contains(two, (*scheme)->name);
  for (const struct study_type *const *study = study_types(); *study != NULL; study++)
    assert_contains(all, (*study)->name);
  for (const struct observable_type *const *type = observable_types(); *type != NULL; type++)
    assert_contains(all, (*type)->name);
  for (const struct parameter_key *key = noise_keys; key->name != NULL; key++)
    assert_contains(two, key->name);
  ck_assert_ptr_null(strstr(two, "linear-regression"));
  ck_assert_ptr_null(strstr(losses, "euler-maruyama"));
  sde_free(all);
  sde_free(losses);
  sde_free(two);
}
END_TEST

/* The text but for its comments. */
static char *without_comments(const char *text)
{
  struct text out = {0};
  text_add(&out, "%s", "");
  while (*text != '\0') {
    int length = (int)strcspn(text, "\n");
    if (*text != '#')
      text_add(&out, "%.*s\n", length, text);
    text += length + (text[length] == '\n');
  }
  return out.data;
}

/* In a dozen lines at most the same recipe. */
START_TEST(short_starters_are_the_same_recipes)
{
  for (const struct study_type *const *study = study_types(); *study != NULL; study++) {
    char *resolved[2];
    for (size_t i = 0; i < 2; i++) {
      char *arguments = sde_format("new %s%s", (*study)->name, i == 0 ? "" : " --short");
      char *starter = printed(arguments);
      ck_assert(save("starter.yaml", starter));
      char *out = printed("check starter.yaml");
      resolved[i] = without_comments(out);
      size_t lines = 0;
      for (const char *at = starter; *at != '\0'; at++)
        lines += *at == '\n';
      ck_assert_msg((lines <= 12) == (i == 1), "%zu lines", lines);
      char *all[] = {arguments, starter, out};
      for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        sde_free(all[k]);
    }
    ck_assert_str_eq(resolved[1], resolved[0]);
    sde_free(resolved[0]);
    sde_free(resolved[1]);
  }
}
END_TEST

START_TEST(starter_recipes_work_for_every_study)
{
  for (const struct study_type *const *study = study_types(); *study != NULL; study++) {
    char *arguments = sde_format("new %s", (*study)->name), *starter = printed(arguments);
    assert_columns(starter);
    ck_assert(save("starter.yaml", starter));
    char *once = printed("check starter.yaml"), *resolved = without_comments(once);
    assert_contains(once, "\n# ");
    ck_assert(save("again.yaml", resolved));
    char *twice = printed("check again.yaml"), *again = without_comments(twice);
    ck_assert_str_eq(again, resolved);
    for (const struct parameter_key *key = (*study)->keys; key != NULL && key->name != NULL; key++)
      assert_contains(starter, key->name);
    char *all[] = {arguments, starter, once, resolved, twice, again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      sde_free(all[i]);
  }
}
END_TEST

#define CHECK_STARTER "check starter.yaml --set 'optimizers=[{name: usam}]'"

/* The same with every key given as its default that has one; rho, whose default a study may refuse,
 * by another value. */
static char *check_all_given(const struct schema *schema)
{
  struct text arguments = {0};
  text_add(&arguments, "%s", CHECK_STARTER);
  for (size_t i = 0; i < schema->count; i++) {
    const struct parameter_key *key = &schema->row[i].key;
    if (key->fallback != NULL)
      text_add(&arguments, " --set %s=\"%s\"", key->name, key->fallback);
  }
  text_add(&arguments, " --set rho=0.1");
  char *out = printed(arguments.data);
  sde_free(arguments.data);
  return out;
}

/* Every key that a study does not use is noted where it is given, even as its default, and else is
 * not; a starter gives none but those that every recipe must. */
START_TEST(unused_keys_of_every_study_are_noted)
{
  for (const struct study_type *const *study = study_types(); *study != NULL; study++) {
    struct schema *schema = schema_recipe(study_types(), *study);
    char *arguments = sde_format("new %s", (*study)->name), *starter = printed(arguments);
    ck_assert(save("starter.yaml", starter));
    char *plain = printed(CHECK_STARTER), *given = check_all_given(schema);
    for (size_t i = 0; i < schema->count; i++) {
      const struct parameter_key *key = &schema->row[i].key;
      bool unused = !study_uses(*study, key->name);
      bool gives = key->required || key->fallback != NULL;
      char *note = sde_format(": %s is not used by the study %s\n", key->name, (*study)->name);
      ck_assert_msg((strstr(plain, note) != NULL) == (unused && key->required), "%s", plain);
      ck_assert_msg((strstr(given, note) != NULL) == (unused && gives), "%s", given);
      sde_free(note);
    }
    schema_free(schema);
    char *all[] = {arguments, starter, plain, given};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      sde_free(all[k]);
  }
}
END_TEST

/* What `run` says first, and `check` behind "# ". */
static void assert_notes(const char *recipe, const char *const *notes)
{
  char *check = sde_format("check %s", recipe), *checked = printed(check);
  char *run = sde_format("run %s -o again --force", recipe);
  struct output output = run_into("out", run);
  ck_assert_msg(output.status == SDE_OK, "%s", output.err);
  const char *rest = output.out;
  for (; *notes != NULL; notes++) {
    char *comment = sde_format("\n# %s\n", *notes);
    assert_contains(checked, comment);
    ck_assert_msg(strncmp(rest, *notes, strlen(*notes)) == 0, "no '%s' in\n%s", *notes, rest);
    rest += strlen(*notes) + 1;
    sde_free(comment);
  }
  while (strncmp(rest, "SDE ", 4) == 0) { /* the forms of the SDEs */
    size_t length = strcspn(rest, "\n");
    char *comment = sde_format("\n# %.*s\n", (int)length, rest);
    assert_contains(checked, comment);
    rest += length + 1;
    sde_free(comment);
  }
  ck_assert_msg(strncmp(rest, "Weak error", 10) == 0, "more notes: %s", rest);
  release(&output);
  sde_free(check);
  sde_free(checked);
  sde_free(run);
}

static void assert_same_files(void)
{
  ck_assert_int_eq(system("for file in recipe.yaml summary.json order.csv; do "
                          "cmp once/$file again/$file || exit 1; done"),
                   0);
}

/* A resolved recipe has the notes of the first run and no others, and leaves the same bytes. */
START_TEST(notes_of_a_run)
{
  static const char *const none[] = {NULL};
  static const char *const first[] = {
      "given.yaml:10: records is not used by the study order",
      "given.yaml:9: norm has no effect: SDE 0 needs E|g_I| in no case",
      "given.yaml:9: covariance has no effect: SDE 0 needs the noise of SAM or m-SAM, without "
      "enumeration, in no case",
      "given.yaml:9: directions has no effect: SDE 0 draws nothing afresh in any case", NULL};
  static const char *const second[] = {
      "once/recipe.yaml:29: records is not used by the study order",
      "once/recipe.yaml:24: norm has no effect: SDE 0 needs E|g_I| in no case",
      "once/recipe.yaml:25: covariance has no effect: SDE 0 needs the noise of SAM or m-SAM, "
      "without "
      "enumeration, in no case",
      "once/recipe.yaml:26: directions has no effect: SDE 0 draws nothing afresh in any case",
      NULL};
  setenv("SHARPSDE_PLOTS", "/nonexistent", 1);
  ck_assert(save("plain.yaml", ORDER "sde: {norm: auto, directions: 0}\n"));
  ck_assert(save("given.yaml",
                 ORDER "sde: {norm: gaussian, covariance: leading, directions: 4}\nrecords: 7\n"));
  assert_notes("plain.yaml", none);
  ck_assert_int_eq(system("mv again once"), 0);
  assert_notes("once/recipe.yaml", none);
  assert_same_files();
  ck_assert_int_eq(system("rm -r once"), 0);
  assert_notes("given.yaml", first);
  ck_assert_int_eq(system("mv again once"), 0);
  assert_notes("once/recipe.yaml", second);
  assert_same_files();
}
END_TEST

/* An option is used where one case of a sweep uses it. */
static const struct {
  const char *settings;
  bool norm, directions;
} effects[] = {
    {"--set sde.norm=gaussian --set sde.directions=4", false, false},
    {"--set sde.norm=gaussian --set 'optimizers=[{name: sgd}, {name: sam}]'", true, true},
    {"--set sde.norm=gaussian --set sde.directions=4 --set 'optimizers=[{name: sam}]'", true,
     false},
    {"--set sde.norm=sample --set sde.directions=4 --set 'optimizers=[{name: sam}]'", true, true},
    {"--set sde.norm=sample --set 'optimizers=[{name: sam}]' --set sde.variance_term=false", false,
     true},
    {"--set sde.norm=sample --set 'optimizers=[{name: n-sam}]'", false, true},
    {"--set sde.norm=sample --set 'optimizers=[{name: sam}]' --set sde.rho_order=0", false, true},
    {"--set sde.norm=sample --set 'optimizers=[{name: sam}]' --set rho=[0]", false, true},
    {"--set sde.norm=sample --set 'optimizers=[{name: sam}]' --set rho=[0,0.1]", true, true},
    {"--set sde.directions=4 --set sde.rho_order=exact", true, true},
    {"--set sde.directions=4 --set sde.rho_order=exact --set noise.sampling=gaussian", true, false},
};

START_TEST(options_without_effect_are_noted)
{
  ck_assert(save("plain.yaml", ORDER));
  char *arguments = sde_format("check plain.yaml %s", effects[_i].settings);
  char *out = printed(arguments);
  ck_assert_msg((strstr(out, ": norm has no effect: ") == NULL) == effects[_i].norm, "%s", out);
  ck_assert_msg((strstr(out, ": directions has no effect: ") == NULL) == effects[_i].directions,
                "%s", out);
  sde_free(arguments);
  sde_free(out);
}
END_TEST

START_TEST(check_takes_overrides)
{
  char *starter = printed("new compare");
  ck_assert(save("starter.yaml", starter));
  char *out = printed("check starter.yaml --set paths=256 --set=sde.substeps=32 --set seed=9");
  assert_contains(out, "\npaths: 256\n");
  assert_contains(out, "\n  substeps: 32\n");
  assert_contains(out, "\nseed: 9\n");
  assert_refused("check starter.yaml --set paths=256 --set seed=x",
                 "--set seed: seed is 'x'; accepted is a whole number from 0 to 9007199254740991");
  assert_refused("check starter.yaml --set optimizers.2.micro_batch=3",
                 "--set optimizers.2.micro_batch: ...");
  sde_free(starter);
  sde_free(out);
}
END_TEST

START_TEST(shipped_recipes_are_good)
{
  char *pattern = sde_format("%s/experiments/recipes/*.yaml", getenv("SHARPSDE_TEST_ROOT"));
  glob_t found;
  ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
  ck_assert_uint_ge(found.gl_pathc, 4);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    char *arguments = sde_format("check '%s'", found.gl_pathv[i]), *out = printed(arguments);
    assert_contains(out, "\nstudy: ");
    sde_free(arguments);
    sde_free(out);
  }
  globfree(&found);
  sde_free(pattern);
}
END_TEST

START_TEST(explain_says_what_the_row_says)
{
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++) {
    char *arguments = sde_format("explain %s", (*type)->name), *page = printed(arguments);
    char *update = sde_format("%.20s", (*type)->update);
    assert_columns(page);
    assert_contains(page, (*type)->name);
    assert_contains(page, update);
    assert_contains(page, (*type)->regularizer);
    assert_contains(page, (*type)->theorem);
    assert_contains(page, "dX = -F dt + sqrt(eta) Sigma^(1/2) dW");
    bool expands = (*type)->theory.expands && (*type)->theory.depends != GRADIENT_UNPERTURBED;
    ck_assert(expands == (strstr(page, "rho^2)") != NULL));
    bool ratio = strstr(page, "g_I/|g_I|") != NULL || strstr(page, "g/|g|") != NULL;
    ck_assert(!models_is_of_the_paper(*type) || ratio == ((*type)->theory.normalized && expands));
    /* Fresh directions add noise of their own, whatever the order in eta. */
    bool fresh = models_perturbation(*type) == PERTURB_REWEIGHTED_GRADIENT;
    ck_assert(fresh == (strstr(page, "O(eta^2 + eta/(substeps S))") != NULL));
    sde_free(arguments);
    sde_free(update);
    sde_free(page);
  }
}
END_TEST

START_TEST(a_full_disk_is_a_failure)
{
  static const char *const arguments[] = {
      "list", "new compare", "explain sgd", "check starter.yaml", "--help", "--version"};
  char *starter = printed("new compare");
  ck_assert(save("starter.yaml", starter));
  for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
    struct output output = run_into("/dev/full", arguments[i]);
    ck_assert_int_eq(output.status, SDE_FAILED);
    ck_assert_str_eq(output.err,
                     "sharpsde: standard output cannot be written: No space left on device\n");
    release(&output);
  }
  sde_free(starter);
}
END_TEST

/* The program of the build that this test belongs to. */
static bool name_program(void)
{
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
  for (int up = 0; length > 0 && up < 2;)
    up += path[--length] == '/';
  if (length <= 0)
    return false;
  strcpy(path + length, "/sharpsde");
  return setenv("SHARPSDE", path, 0) == 0;
}

/* A scratch folder with the project's data beside its recipes, wherever the build is. */
static bool enter_scratch(char *folder)
{
  char root[4096];
  if (getcwd(root, sizeof root) == NULL || setenv("SHARPSDE_TEST_ROOT", root, 1) != 0 ||
      mkdtemp(folder) == NULL || chdir(folder) != 0)
    return false;
  return system("ln -s \"$SHARPSDE_TEST_ROOT\"/data/*.csv .") == 0;
}

static Suite *commands_suite(void)
{
  Suite *suite = suite_create("commands");
  TCase *refused = testing_case(suite, "wrong input");
  tcase_add_loop_test(refused, wrong_input_is_refused, 0, sizeof refusals / sizeof *refusals);
  tcase_add_test(refused, a_full_disk_is_a_failure);
  TCase *pages = testing_case(suite, "pages");
  tcase_add_test(pages, version_and_help);
  tcase_add_test(pages, list_knows_every_registry);
  tcase_add_test(pages, explain_says_what_the_row_says);
  TCase *recipes = testing_case(suite, "recipes");
  tcase_add_test(recipes, short_starters_are_the_same_recipes);
  tcase_add_test(recipes, starter_recipes_work_for_every_study);
  tcase_add_test(recipes, unused_keys_of_every_study_are_noted);
  tcase_add_test(recipes, notes_of_a_run);
  tcase_add_loop_test(recipes, options_without_effect_are_noted, 0,
                      sizeof effects / sizeof *effects);
  tcase_add_test(recipes, check_takes_overrides);
  tcase_add_test(recipes, shipped_recipes_are_good);
  return suite;
}

int main(void)
{
  char folder[] = "/tmp/sharpsde-commands-XXXXXX";
  if (!name_program() || !enter_scratch(folder)) {
    fputs("test_commands: run it in the project's folder\n", stderr);
    return EXIT_FAILURE;
  }
  int result = testing_run(commands_suite());
  char *command = sde_format("rm -r %s", folder);
  if (chdir("/") != 0 || system(command) != 0)
    result = EXIT_FAILURE;
  sde_free(command);
  return result;
}
