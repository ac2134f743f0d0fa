/*
 * Tests of experiments/recipe: every kind of mistake with its sentence and line, many spellings of
 * one recipe, the resolved recipe, overrides, data files, and broken files of every sort. All runs
 * in a scratch folder, so that file names in sentences are short.
 */
#include "experiments/recipe/recipe.h"

#include "experiments/io/sha256.h"
#include "experiments/io/text.h"
#include "experiments/studies/studies.h"
#include "tests/testing.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QUADRATIC                                                                                  \
  "A11,A12,A21,A22,b1,b2\n2,0.5,0.5,1,1,0\n1,-0.25,-0.25,0.5,-0.5,1\n1.5,0,0,2,0,-1\n"             \
  "0.5,0.25,0.25,0.5,0.5,0.5\n"
#define QUADRATIC_SHA256 "a1cb15be8d6852d932ee0ef1c645ce1231c13ec13bc04bebfd2e86d90a05d493"

#define NUMBERS " number of at least 0, or a list of them"
#define COUNTS "a whole number from 1 to 1099511627776, or a list of them"

/* A good recipe, line by line. */
static const char *const base[] = {"title: test",
                                   "study: compare",
                                   "loss: {name: quadratic, data: quadratic4.csv}",
                                   "start: [1.5, -1.0]",
                                   "batch: 4",
                                   "eta: [0.1, 0.05]",
                                   "rho: 0.1",
                                   "time: 2",
                                   "optimizers:",
                                   "  - {name: sgd}",
                                   "  - {name: m-usam, micro_batch: [4, 2]}",
                                   "paths: 200"};

enum { LINES = sizeof base / sizeof *base };

static bool save(const char *file, size_t length, const char *bytes)
{
  FILE *stream = fopen(file, "wb");
  if (stream == NULL)
    return false;
  size_t written = fwrite(bytes, 1, length, stream);
  return fclose(stream) == 0 && written == length;
}

static void write_bytes(const char *file, size_t length, const char *bytes)
{
  ck_assert_msg(save(file, length, bytes), "%s cannot be written", file);
}

static struct recipe *read_bytes(size_t length, const char *bytes, struct sde_status *status)
{
  *status = (struct sde_status){SDE_OK, ""};
  write_bytes("r.yaml", length, bytes);
  return recipe_read("r.yaml", study_types(), 0, NULL, status);
}

/* The base recipe with one line (from 1) replaced; 0 for none, a NULL replacement to leave it out.
 * Released with sde_free. */
static char *base_with(size_t line, const char *replacement)
{
  struct text text = {0};
  for (size_t i = 0; i < LINES; i++)
    if (i + 1 != line)
      text_add(&text, "%s\n", base[i]);
    else if (replacement != NULL)
      text_add(&text, "%s\n", replacement);
  return text.data;
}

static struct recipe *read_with(size_t line, const char *replacement, struct sde_status *status)
{
  char *text = base_with(line, replacement);
  struct recipe *recipe = read_bytes(strlen(text), text, status);
  sde_free(text);
  return recipe;
}

static struct recipe *read_base(size_t overrides, const char *const *override,
                                struct sde_status *status)
{
  char *text = base_with(0, NULL);
  *status = (struct sde_status){SDE_OK, ""};
  write_bytes("r.yaml", strlen(text), text);
  sde_free(text);
  return recipe_read("r.yaml", study_types(), overrides, override, status);
}

/* `expected` is the whole sentence, or its beginning where it ends in "...". */
static void assert_sentence(const struct sde_status *status, const char *expected)
{
  size_t length = strlen(expected);
  ck_assert_int_eq(status->code, SDE_INVALID);
  if (length > 3 && strcmp(expected + length - 3, "...") == 0)
    ck_assert_msg(strncmp(status->message, expected, length - 3) == 0, "%s\nis not\n%s",
                  status->message, expected);
  else
    ck_assert_str_eq(status->message, expected);
}

static const struct {
  size_t line;
  const char *replacement, *sentence;
} mistakes[] = {
    /* keys */
    {6, "etaa: 0.1", "r.yaml:6: unknown key 'etaa', nearest is 'eta'; accepted are title, ..."},
    {6, "learning_rate: 0.1", "r.yaml:6: unknown key 'learning_rate', nearest is 'eta'; ..."},
    {6, "lr: 0.1", "r.yaml:6: unknown key 'lr', nearest is 'eta'; accepted are title, ..."},
    {7, "batch_size: 4", "r.yaml:7: unknown key 'batch_size', nearest is 'batch'; ..."},
    {11, "  - {name: m-usam, m: 2}", "r.yaml:11: unknown key 'm', nearest is 'micro_batch'; ..."},
    {11, "  - {name: SAM}",
     "r.yaml:11: name is 'SAM', nearest is 'sam'; accepted is one of sgd, ..."},
    {11, "  - {name: adamw}", "r.yaml:11: name is 'adamw'; accepted is one of sgd, ..."},
    {7, "whatever: 1", "r.yaml:7: unknown key 'whatever'; accepted are title, study, seed, ..."},
    {7, "<<: {a: 1}", "r.yaml:7: unknown key '<<'; accepted are title, ..."},
    {2, "studdy: compare", "r.yaml:2: unknown key 'studdy', nearest is 'study'; accepted ..."},
    {2, NULL, "r.yaml:1: study is missing; accepted is one of ..."},
    {3, NULL, "r.yaml:1: loss is missing; accepted is a map of keys"},
    {6, NULL, "r.yaml:1: eta is missing; accepted is a finite number above 0, or a list of them"},
    {7, "eta: 0.1", "r.yaml:7: 'eta' is given twice"},
    {7, "\"eta\": 0.1", "r.yaml:7: 'eta' is given twice"},
    {7, "? [rho]\n: 0.1", "r.yaml:7: a key is no plain word; accepted is 'key: value'"},
    {7, ": 0.1", "r.yaml:7: a key is no plain word; accepted is 'key: value'"},
    {3, "loss: {name: quadratic, dta: a.csv}",
     "r.yaml:3: unknown key 'dta', nearest is 'data'; accepted are name, data, data_sha256, "
     "separator, decimal, missing, test_data, test_data_sha256, holdout"},
    {3, "loss: {name: quadratic}", "r.yaml:3: data is missing; accepted is the path of a file"},
    {3, "loss: {data: quadratic4.csv}", "r.yaml:3: name is missing; accepted is one of ..."},
    {3, "loss: {nam: quadratic}", "r.yaml:3: unknown key 'nam', nearest is 'name'; accepted ..."},
    {11, "  - {name: m-usam, micro-batch: 2}",
     "r.yaml:11: unknown key 'micro-batch', nearest is 'micro_batch'; accepted are name, ..."},
    {11, "  - {}", "r.yaml:9: name is missing; accepted is one of ..."},
    {7, "sde:\n  - {rho_order: 0}\n  - substep: 4",
     "r.yaml:9: unknown key 'substep', nearest is 'substeps'; accepted are eta_order, ..."},
    {7, "sde: {substeps: 1, substeps: 2}", "r.yaml:7: 'substeps' is given twice"},
    /* counts */
    {12, "paths: 4.5", "r.yaml:12: paths is '4.5'; accepted is " COUNTS},
    {12, "paths: -1", "r.yaml:12: paths is '-1'; accepted is " COUNTS},
    {12, "paths: 1e3x", "r.yaml:12: paths is '1e3x'; accepted is " COUNTS},
    {12, "paths: 1_000", "r.yaml:12: paths is '1_000'; accepted is " COUNTS},
    {12, "paths: 0x10", "r.yaml:12: paths is '0x10'; accepted is " COUNTS},
    {12, "paths: 1e", "r.yaml:12: paths is '1e'; accepted is " COUNTS},
    {12, "paths: 2e5 3", "r.yaml:12: paths is '2e5 3'; accepted is " COUNTS},
    {12, "paths: \"200\"", "r.yaml:12: paths is the quoted text '200'; accepted is " COUNTS},
    {12, "paths: 0", "r.yaml:12: paths is '0'; accepted is " COUNTS},
    {12, "paths: 1e13", "r.yaml:12: paths is '1e13'; accepted is " COUNTS},
    {12, "paths: true", "r.yaml:12: paths is 'true'; accepted is " COUNTS},
    {12, "paths:\n  - 200\n  - 0", "r.yaml:14: paths is '0'; accepted is " COUNTS},
    {12, "paths: {n: 1}", "r.yaml:12: paths is a map; accepted is " COUNTS},
    {12, "paths: [[200]]", "r.yaml:12: paths is a list; accepted is " COUNTS},
    {12, "paths: []", "r.yaml:12: paths is an empty list; accepted is " COUNTS},
    {12, "seed: 9007199254740993",
     "r.yaml:12: seed is '9007199254740993'; accepted is a whole number from 0 to "
     "9007199254740991"},
    {12, "seed: [1, 2]", "r.yaml:12: seed is a list; accepted is a whole number from 0 to ..."},
    {12, "records: 0", "r.yaml:12: records is '0'; accepted is a whole number from 1 to 100000"},
    {12, "sde: {eta_order: 3}",
     "r.yaml:12: eta_order is '3'; accepted is a whole number from 1 to 2"},
    {12, "sde: {substeps: 0}",
     "r.yaml:12: substeps is '0'; accepted is a whole number from 1 to 1000000"},
    /* real numbers */
    {7, "rho: -0.1", "r.yaml:7: rho is '-0.1'; accepted is a finite" NUMBERS},
    {7, "rho: nan", "r.yaml:7: rho is 'nan'; accepted is a finite" NUMBERS},
    {7, "rho: .nan", "r.yaml:7: rho is '.nan'; accepted is a finite" NUMBERS},
    {7, "rho: inf", "r.yaml:7: rho is 'inf'; accepted is a finite" NUMBERS},
    {7, "rho: .inf", "r.yaml:7: rho is '.inf'; accepted is a finite" NUMBERS},
    {7, "rho: infinity", "r.yaml:7: rho is 'infinity'; accepted is a finite" NUMBERS},
    {7, "rho: 1e999", "r.yaml:7: rho is '1e999'; accepted is a finite" NUMBERS},
    {7, "rho: 1e-999", "r.yaml:7: rho is '1e-999'; accepted is a finite" NUMBERS},
    {7, "rho: 0x1p3", "r.yaml:7: rho is '0x1p3'; accepted is a finite" NUMBERS},
    {7, "rho: 0.1.2", "r.yaml:7: rho is '0.1.2'; accepted is a finite" NUMBERS},
    {7, "rho: .", "r.yaml:7: rho is '.'; accepted is a finite" NUMBERS},
    {7, "rho: text", "r.yaml:7: rho is 'text'; accepted is a finite" NUMBERS},
    {6, "eta: 0", "r.yaml:6: eta is '0'; accepted is a finite number above 0, or a list of them"},
    {7, "level: 0.7",
     "r.yaml:7: level is '0.7'; accepted is a finite number above 0 and at most 0.5"},
    {7, "max_diverged: 2",
     "r.yaml:7: max_diverged is '2'; accepted is a finite number from 0 to 1"},
    /* nothing */
    {7, "rho:", "r.yaml:7: rho is empty; accepted is a finite" NUMBERS},
    {7, "rho: ~", "r.yaml:7: rho is empty; accepted is a finite" NUMBERS},
    {7, "rho: null", "r.yaml:7: rho is empty; accepted is a finite" NUMBERS},
    {7, "rho: [0.1, ~]", "r.yaml:7: rho is empty; accepted is a finite" NUMBERS},
    {1, "title: null", "r.yaml:1: title is empty; accepted is a text"},
    {1, "title:", "r.yaml:1: title is empty; accepted is a text"},
    {3, "loss:", "r.yaml:3: loss is empty; accepted is a map of keys"},
    {7, "sde:", "r.yaml:7: sde is empty; accepted is a map of keys, or a list of maps"},
    /* truths, choices, texts */
    {7, "sde: {variance_term: yes}", "r.yaml:7: variance_term is 'yes'; accepted is true or false"},
    {7, "sde: {variance_term: 1}", "r.yaml:7: variance_term is '1'; accepted is true or false"},
    {7, "sde: {variance_term: True}",
     "r.yaml:7: variance_term is 'True'; accepted is true or false"},
    {7, "sde: {variance_term: 'true'}",
     "r.yaml:7: variance_term is the quoted text 'true'; accepted is true or false"},
    {7, "sde: {rho_order: 2}", "r.yaml:7: rho_order is '2'; accepted is one of 0, 1, exact"},
    {7, "sde: {rho_order: exct}",
     "r.yaml:7: rho_order is 'exct', nearest is 'exact'; accepted is one of 0, 1, exact"},
    {7, "sde: {scheme: milsten}",
     "r.yaml:7: scheme is 'milsten', nearest is 'milstein'; accepted is one of ..."},
    {2, "study: compre", "r.yaml:2: study is 'compre', nearest is 'compare'; accepted is one ..."},
    {2, "study: [compare]", "r.yaml:2: study is a list; accepted is one of ..."},
    {3, "loss: {name: quadratc}",
     "r.yaml:3: name is 'quadratc', nearest is 'quadratic'; accepted is one of ..."},
    {10, "  - {name: sdg}", "r.yaml:10: name is 'sdg', nearest is 'sgd'; accepted is one of ..."},
    {7, "noise: {sampling: gausian}",
     "r.yaml:7: sampling is 'gausian', nearest is 'gaussian'; accepted is one of ..."},
    {1, "title: [a, b]", "r.yaml:1: title is a list; accepted is a text"},
    {1, "title: \"a\\0b\"",
     "r.yaml:1: a text holds a control character; accepted are visible characters"},
    {12, "observables: []",
     "r.yaml:12: observables is an empty list; accepted is a text, or a list of them"},
    /* maps and lists */
    {3, "loss: quadratic", "r.yaml:3: loss is 'quadratic'; accepted is a map of keys"},
    {3, "loss: [quadratic]", "r.yaml:3: loss is a list; accepted is a map of keys"},
    {7, "noise: gaussian", "r.yaml:7: noise is 'gaussian'; accepted is a map of keys"},
    {7, "sde: 1", "r.yaml:7: sde is '1'; accepted is a map of keys, or a list of maps"},
    {7, "sde:\n  - {}\n  - 3", "r.yaml:9: an item of sde is '3'; accepted is a map of keys"},
    {10, "  - sgd", "r.yaml:10: an item of optimizers is 'sgd'; accepted is a map of keys"},
    {7, "noise: {covariance: [[1, 2], [3]]}",
     "r.yaml:7: covariance is not square, with 2 rows and one of 1; accepted is a square matrix, "
     "as a list of lists of numbers"},
    {7, "noise: {covariance: [1, 2]}", "r.yaml:7: covariance is not square, with 2 rows and ..."},
    {7, "noise: {covariance: [[1, 2, 3], [4, 5, 6]]}",
     "r.yaml:7: covariance is not square, with 2 rows and one of 3; ..."},
    {7, "noise:\n  covariance:\n  - [1, 0]\n  - [0, x]",
     "r.yaml:10: covariance is 'x'; accepted is a square matrix, ..."},
    {7, "noise: {covariance: 1}", "r.yaml:7: covariance is '1'; accepted is a square matrix, ..."},
    {7, "noise: {covariance: []}", "r.yaml:7: covariance is an empty list; accepted is a ..."},
    /* steps */
    {6, "eta: 0.3",
     "r.yaml:6: time 2 is 6.666666667 steps of eta 0.3; accepted is a whole number of steps from "
     "1 to 2147483648"},
    {6, "eta: [0.1, 0.03]", "r.yaml:6: time 2 is 66.66666667 steps of eta 0.03; accepted is ..."},
    {6, "eta: 4", "r.yaml:6: time 2 is 0.5 steps of eta 4; accepted is a whole number ..."},
    {6, "eta: 1e-12", "r.yaml:6: time 2 is 2e+12 steps of eta 1e-12; accepted is a whole ..."},
    {8, "time: 2.000001", "r.yaml:6: time 2.000001 is 20.00001 steps of eta 0.1; accepted ..."},
    /* YAML */
    {7, "rho: &a 0.1",
     "r.yaml:7: anchors (&name) and aliases (*name) are not used here; write the value out"},
    {7, "rho: *a",
     "r.yaml:7: anchors (&name) and aliases (*name) are not used here; write the value out"},
    {7, "rho: !!float 0.1", "r.yaml:7: tags (!name) are not used here; leave it out"},
    {1, "title: |\n  text",
     "r.yaml:1: block texts (| and >) are not used here; write the text in quotes"},
    {7, "---", "r.yaml:7: a second document starts here; accepted is one document"},
    {7, "...\nrho: 1", "r.yaml:8: a second document starts here; accepted is one document"},
    {7, "rho: [0.1", "r.yaml:9: missing comma in flow sequence; accepted is YAML"},
    {7, " rho: 0.1", "r.yaml:7: invalid indentation in mapping; accepted is YAML"},
    {7, "\trho: 0.1", "r.yaml:7: ..."},
    {7, "rho: 'a", "r.yaml:7: wrongly indented single-quoted scalar; accepted is YAML"},
    {7, "rho: @", "r.yaml:7: plain scalar cannot start with '@'; accepted is YAML"},
    {7, "rho: a: b", "r.yaml:7: invalid nested block mapping on the same line; accepted is YAML"},
    {7, "title: \xff", "r.yaml:7: byte 0xff is no part of a text; accepted is UTF-8 text"},
    {7, "title: \xed\xa0\x80", "r.yaml:7: byte 0xed is no part of a text; accepted is UTF-8 text"},
    {7, "title: \xc0\x80", "r.yaml:7: byte 0xc0 is no part of a text; accepted is UTF-8 text"},
    {7, "title: a\x01z", "r.yaml:7: byte 0x01 is no part of a text; accepted is UTF-8 text"},
    /* files */
    {3, "loss: {name: quadratic, data: nothere.csv}",
     "r.yaml:3: data: file not found: nothere.csv; searched in ., ./../data, ..."},
    {3, "loss:\n  name: quadratic\n  data: .",
     "r.yaml:5: data: . is a directory; accepted is a regular file"},
    {3, "loss: {name: quadratic, data: /nothere/a.csv}",
     "r.yaml:3: data: file not found: /nothere/a.csv; searched in /nothere"},
    {3, "loss: {name: quadratic, data: [quadratic4.csv]}",
     "r.yaml:3: data is a list; accepted is the path of a file"},
    {3, "loss: {name: quadratic, data: quadratic4.csv, data_sha256: abc}",
     "r.yaml:3: data file changed: ..."},
};

START_TEST(mistakes_are_named)
{
  struct sde_status status;
  struct recipe *recipe = read_with(mistakes[_i].line, mistakes[_i].replacement, &status);
  ck_assert_msg(recipe == NULL, "accepted: %s", mistakes[_i].replacement);
  assert_sentence(&status, mistakes[_i].sentence);
  ck_assert_ptr_null(strchr(status.message, '\n'));
}
END_TEST

START_TEST(long_values_are_cut_between_characters)
{
  struct sde_status status;
  ck_assert_ptr_null(
      read_with(12, "paths: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9zz", &status));
  assert_sentence(&status, "r.yaml:12: paths is "
                           "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'; accepted ...");
}
END_TEST

static void assert_whole_file(const char *bytes, const char *sentence)
{
  struct sde_status status;
  ck_assert_ptr_null(read_bytes(strlen(bytes), bytes, &status));
  assert_sentence(&status, sentence);
}

START_TEST(files_that_are_no_map)
{
  static const char empty[] = "r.yaml:1: the recipe is empty; accepted is a map of keys";
  struct sde_status status;
  assert_whole_file("", empty);
  assert_whole_file("# only a comment\n", empty);
  assert_whole_file("---\n", empty);
  assert_whole_file("null\n", empty);
  assert_whole_file("- a\n", "r.yaml:1: the recipe is a list; accepted is a map of keys");
  assert_whole_file("text\n", "r.yaml:1: the recipe is 'text'; accepted is a map of keys");
  assert_whole_file("{}\n",
                    "r.yaml:1: study, loss, eta, time, optimizers are missing; accepted are "
                    "study: one of ...");
  assert_whole_file("study: compare\nloss: {name: valley}\neta: 0.1\n",
                    "r.yaml:1: time, optimizers are missing; accepted are time: a finite number "
                    "above 0; optimizers: a list of maps");
  ck_assert_ptr_null(read_bytes(10, "title: a\0\n", &status));
  assert_sentence(&status, "r.yaml:1: byte 0x00 is no part of a text; accepted is UTF-8 text");
  ck_assert_ptr_null(read_bytes(8,
                                "\xff\xfe"
                                "a\0:\0 \0",
                                &status));
  assert_sentence(&status, "r.yaml:1: byte 0xff is no part of a text; accepted is UTF-8 text");
}
END_TEST

START_TEST(paths_that_are_no_recipe)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(recipe_read("nothere.yaml", study_types(), 0, NULL, &status));
  assert_sentence(&status, "nothere.yaml: there is no such file; accepted is a recipe file");
  status.code = SDE_OK;
  ck_assert_ptr_null(recipe_read(".", study_types(), 0, NULL, &status));
  assert_sentence(&status, ".: this is a directory; accepted is a regular file or a pipe");

  size_t size = (1 << 20) + 1;
  char *blanks = memset(sde_alloc(size, 1), ' ', size);
  ck_assert_ptr_null(read_bytes(size, blanks, &status));
  assert_sentence(&status, "r.yaml: more than 1048576 bytes; accepted is a smaller recipe");
  sde_free(blanks);
}
END_TEST

/* Standard input is read once: so is the comment at its head. */
START_TEST(recipes_come_from_pipes)
{
  struct sde_status status = {SDE_OK, ""};
  struct recipe *recipe = read_base(0, NULL, &status);
  char *text = base_with(0, NULL);
  ck_assert_int_eq(mkfifo("pipe", 0600), 0);
  static const char *const names[] = {"pipe", "-"};
  for (size_t i = 0; i < 2; i++) {
    if (fork() == 0) {
      FILE *writer = fopen("pipe", "w");
      fprintf(writer, "# from a pipe\n%s", text);
      exit(fclose(writer));
    }
    if (i == 1)
      ck_assert_ptr_nonnull(freopen("pipe", "r", stdin));
    struct recipe *other = recipe_read(names[i], study_types(), 0, NULL, &status);
    ck_assert_msg(other != NULL, "%s", status.message);
    ck_assert_str_eq(other->sha256, recipe->sha256);
    ck_assert_str_eq(other->comment, "from a pipe\n");
    ck_assert_str_eq(other->file, i == 0 ? "pipe" : "standard input");
    wait(NULL);
    recipe_free(other);
  }
  unlink("pipe");
  sde_free(text);
  recipe_free(recipe);
}
END_TEST

/* A key path is no deeper than a file may nest, and a longer one is refused at once. */
START_TEST(paths_of_keys_have_a_depth)
{
  for (size_t depth = 64; depth <= 1 << 19; depth = depth == 64 ? 65 : 16 * depth) {
    struct sde_status status = {SDE_OK, ""};
    struct text path = {0};
    for (size_t i = 1; i < depth; i++)
      text_add(&path, "a.");
    text_add(&path, "b=1");
    clock_t begun = clock();
    struct recipe *recipe = read_base(1, (const char *const[]){path.data}, &status);
    ck_assert_ptr_null(recipe);
    char *words = sde_format(": a path of %zu keys; accepted are at most 64", depth);
    ck_assert_msg((strstr(status.message, words) != NULL) == (depth > 64), "%s", status.message);
    ck_assert_msg(clock() - begun < CLOCKS_PER_SEC / 2, "%zu keys", depth);
    sde_free(words);
    sde_free(path.data);
  }
}
END_TEST

START_TEST(large_files_take_no_time)
{
  struct sde_status status;
  struct text keys = {0}, list = {0};
  for (int i = 0; i < 80000; i++)
    text_add(&keys, "k%d: 1\n", i);
  ck_assert_ptr_null(read_bytes(keys.length, keys.data, &status));
  assert_sentence(&status, "r.yaml:1: study, loss, eta, time, optimizers are missing; ...");
  text_add(&list, "start: [1");
  for (int i = 0; i < 400000; i++)
    text_add(&list, ",1");
  text_add(&list, "]");
  struct recipe *recipe = read_with(4, list.data, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_uint_eq(parameters_count(recipe->common, "start"), 400001);
  recipe_free(recipe);
  struct text nested = {0};
  for (int i = 0; i < 100000; i++)
    text_add(&nested, "[");
  assert_whole_file(nested.data, "r.yaml:1: Max depth (64) exceeded; accepted is YAML");
  sde_free(keys.data);
  sde_free(list.data);
  sde_free(nested.data);
}
END_TEST

START_TEST(the_base_recipe_is_read)
{
  struct sde_status status;
  struct recipe *recipe = read_with(0, NULL, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  size_t length;
  ck_assert_str_eq(recipe->file, "r.yaml");
  ck_assert_str_eq(recipe->study->name, "compare");
  ck_assert_str_eq(recipe->loss_type->name, "quadratic");
  ck_assert_str_eq(parameters_text(recipe->common, "title"), "test");
  ck_assert_str_eq(parameters_text(recipe->common, "study"), "compare");
  ck_assert_uint_eq(parameters_u64(recipe->common, "seed"), 1);
  ck_assert_uint_eq(parameters_u64(recipe->common, "paths"), 200);
  const double *eta = parameters_reals(recipe->common, "eta", &length);
  ck_assert(length == 2 && eta[0] == 0.1 && eta[1] == 0.05);
  ck_assert_str_eq(parameters_place(recipe->common, "eta"), "r.yaml:6");
  ck_assert_str_eq(parameters_place(recipe->common, "seed"), "default");
  ck_assert_uint_eq(recipe->optimizers, 2);
  ck_assert_str_eq(parameters_text(recipe->optimizer[1], "name"), "m-usam");
  ck_assert_uint_eq(parameters_count(recipe->optimizer[1], "micro_batch"), 2);
  ck_assert_str_eq(parameters_place(recipe->optimizer[1], "micro_batch"), "r.yaml:11");
  ck_assert(!parameters_has(recipe->optimizer[0], "micro_batch"));
  ck_assert_uint_eq(recipe->sdes, 1);
  ck_assert_str_eq(parameters_text(recipe->sde[0], "rho_order"), "1");
  ck_assert(parameters_bool(recipe->sde[0], "variance_term"));
  ck_assert_str_eq(parameters_text(recipe->noise, "sampling"), "with-replacement");
  ck_assert_str_eq(parameters_text(recipe->loss, "data_sha256"), QUADRATIC_SHA256);
  ck_assert_str_eq(parameters_place(recipe->loss, "data"), "r.yaml:3");
  recipe_free(recipe);
}
END_TEST

/* Where a key was given, if it was. */
START_TEST(given_keys_have_their_place)
{
  struct sde_status status;
  struct recipe *recipe = read_with(12, "sde: {substeps: 4}", &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_str_eq(recipe_place_given(recipe, "sde"), "r.yaml:12");
  ck_assert_str_eq(recipe_place_given(recipe, "eta"), "r.yaml:6");
  ck_assert_ptr_null(recipe_place_given(recipe, "records"));
  recipe_free(recipe);
  recipe = read_base(1, (const char *[]){"records=100"}, &status);
  ck_assert_ptr_null(recipe_place_given(recipe, "sde"));
  ck_assert_str_eq(recipe_place_given(recipe, "records"), "--set records");
  recipe_free(recipe);
}
END_TEST

/* The same recipe in other words. */
static const char *const spellings[] = {
    "# a comment\n---\npaths: 2e2 # in another order\n\ntime: 2.0\nrho: .1\n"
    "eta:\n- 1e-1\n- +5.0E-2\nbatch: 4.\nstart: [ 1.5,\n  -1 ]\n\"study\": 'compare'\n"
    "loss:\n  data: ./quadratic4.csv\n  name: \"quadratic\"\ntitle: \"t\\x65st\"\n"
    "optimizers:\n- name: sgd\n- micro_batch:\n    - 4\n    - 2\n  name: m-usam\n...\n",
    "{title: test, study: compare, loss: {name: quadratic, data: quadratic4.csv}, start: [1.5, -1],"
    " batch: 4, eta: [0.1, 0.05], rho: 0.1, time: 2, optimizers: [{name: sgd}, {name: m-usam, "
    "micro_batch: [4, 2]}], paths: [200], seed: 1, sde: [{}], noise: {}, observables: loss}",
    "{\"title\": \"test\", \"study\": \"compare\", \"loss\": {\"name\": \"quadratic\",\n"
    "\"data\": \"quadratic4.csv\"}, \"start\": [1.5, -1], \"batch\": 4, \"eta\": [0.1, 0.05],\n"
    "\"rho\": 0.1, \"time\": 2, \"optimizers\": [{\"name\": \"sgd\"}, {\"name\": \"m-usam\",\n"
    "\"micro_batch\": [4, 2]}], \"paths\": 200, \"sde\": {\"rho_order\": \"1\"}}",
};

enum { SPELLINGS = sizeof spellings / sizeof *spellings };

/* The text with other line ends. Released with sde_free. */
static char *with_line_ends(const char *text, const char *end)
{
  struct text out = {0};
  for (; *text != '\0'; text++)
    text_add(&out, "%.*s", *text == '\n' ? 2 : 1, *text == '\n' ? end : text);
  return out.data;
}

static void assert_resolves_to(const char *bytes, const char *resolved)
{
  struct sde_status status;
  struct recipe *recipe = read_bytes(strlen(bytes), bytes, &status);
  ck_assert_msg(recipe != NULL, "%s in\n%s", status.message, bytes);
  ck_assert_str_eq(recipe->resolved, resolved);
  recipe_free(recipe);
}

START_TEST(one_recipe_in_many_spellings)
{
  struct sde_status status;
  struct recipe *recipe = read_with(0, NULL, &status);
  char *text = base_with(0, NULL);
  const char *all[SPELLINGS + 1] = {text, spellings[0], spellings[1], spellings[2]};
  for (size_t i = 0; i <= SPELLINGS; i++) {
    char *windows = with_line_ends(all[i], "\r\n"), *old = with_line_ends(all[i], "\r");
    char *marked = sde_format("\xef\xbb\xbf%s", all[i]);
    assert_resolves_to(all[i], recipe->resolved);
    assert_resolves_to(windows, recipe->resolved);
    assert_resolves_to(old, recipe->resolved);
    assert_resolves_to(marked, recipe->resolved);
    sde_free(windows);
    sde_free(old);
    sde_free(marked);
  }
  sde_free(text);
  recipe_free(recipe);
}
END_TEST

START_TEST(lines_count_with_every_line_end)
{
  static const char *const ends[] = {"\n", "\r\n", "\r"};
  static const char *const wrong[] = {"rho: x", "rho: \xff", "rho: [", "rho: 1\nrho: 2"};
  static const char *const sentence[] = {"r.yaml:7: ...", "r.yaml:7: ...", "r.yaml:8: ...",
                                         "r.yaml:8: ..."};
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 4; j++) {
      struct sde_status status;
      char *text = base_with(7, wrong[j]), *other = with_line_ends(text, ends[i]);
      ck_assert_ptr_null(read_bytes(strlen(other), other, &status));
      assert_sentence(&status, sentence[j]);
      sde_free(text);
      sde_free(other);
    }
}
END_TEST

START_TEST(the_resolved_recipe_is_complete)
{
  struct sde_status status;
  struct recipe *recipe = read_with(0, NULL, &status);
  static const char expected[] =
      "title: test\nstudy: compare\nseed: 1\nloss:\n  name: quadratic\n"
      "  data: \"quadratic4.csv\"\n  data_sha256: " QUADRATIC_SHA256 "\n"
      "noise:\n  sampling: with-replacement\n"
      "start: [1.5, -1]\nbatch: 4\neta: [0.1, 0.05]\n"
      "rho: 0.1\ntime: 2\noptimizers:\n  - name: sgd\n  - name: m-usam\n"
      "    micro_batch: [4, 2]\nsde:\n  eta_order: 1\n  rho_order: 1\n"
      "  variance_term: true\n  scheme: auto\n"
      "  noise_factor: auto\n  norm: auto\n  directions: 0\npaths: 200\n"
      "variance_reduction: none\nobservables: loss\n"
      "records: 100\noutput:\n  paths: 0\nmax_diverged: 0.01\ndivergence_bound: 100000000\n"
      "level: 0.05\n"
      "distance_paths: 0\n";
  ck_assert_str_eq(recipe->resolved, expected);
  char hex[SHA256_HEX_SIZE];
  sha256_bytes(strlen(expected), expected, hex);
  ck_assert_str_eq(recipe->sha256, hex);
  recipe_free(recipe);
}
END_TEST

static bool has_line(const char *text, const char *line)
{
  size_t length = strlen(line);
  for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, line, length) == 0 && at[length] == '\n')
      return true;
  }
  return false;
}

/* A default of a key that the study or the noise does not use is left out, for written it would
 * read as given; what is given, or used, is written. */
static const struct {
  const char *given[3], *written, *left_out;
} defaults[] = {
    {{"study=compare"}, "records: 100", "structure"},
    {{"study=order"}, "divergence_bound: 100000000", "records"},
    {{"study=order", "records=100"}, "records: 100", "structure"},
    {{"study=regularizer"}, "time: 2", "sde"},
    {{"study=regularizer", "sde={}"}, "  scheme: auto", "observables"},
    {{"study=regularizer", "sde=[]"}, "sde: []", "max_diverged"},
    {{"noise.sampling=gaussian"}, "  standard_deviation: 1", "covariance"},
    {{"noise.sampling=gaussian"}, "  structure: isotropic", "covariance"},
    {{"noise={sampling: gaussian, structure: dense, covariance: [[1]]}"},
     "  structure: dense",
     "standard_deviation"},
    {{"noise.standard_deviation=2"}, "  standard_deviation: 2", "structure"},
};

START_TEST(defaults_that_do_not_count_are_left_out)
{
  struct sde_status status;
  const char *const *given = defaults[_i].given;
  struct recipe *once = read_base(given[1] == NULL ? 1 : 2, given, &status);
  ck_assert_msg(once != NULL, "%s", status.message);
  char *key = sde_format("%s:", defaults[_i].left_out);
  ck_assert_msg(has_line(once->resolved, defaults[_i].written), "no line '%s' in\n%s",
                defaults[_i].written, once->resolved);
  ck_assert_msg(strstr(once->resolved, key) == NULL, "%s in\n%s", key, once->resolved);
  struct recipe *twice = read_bytes(strlen(once->resolved), once->resolved, &status);
  ck_assert_msg(twice != NULL, "%s in\n%s", status.message, once->resolved);
  ck_assert_str_eq(twice->resolved, once->resolved);
  sde_free(key);
  recipe_free(once);
  recipe_free(twice);
}
END_TEST

static const struct {
  size_t line;
  const char *replacement;
} variants[] = {
    {0, NULL},
    {1, "title: ''"},
    {1, "title: 123"},
    {1, "title: 'null'"},
    {1, "title: 'true'"},
    {1, "title: \"- a: b # c\""},
    {1, "title: \"quote \\\" backslash \\\\ tab \\t line \\n end\""},
    {1, "title: \"\\x85 \\u2028 \\ufeff \\u00a0 \\x7f\""},
    {1, "title: caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
    {1, "title: '  spaces  '"},
    {2, "study: trajectory"},
    {3, "loss: {name: valley, samples: 3, standard_deviation: 0.1}"},
    {4, "seed: 9007199254740991"},
    {6, "eta: [0.1, 0.0333333333333333333, 1e-3, 3.3333333333333335e-5]"},
    {7, "rho: [0, -0, 5e-324, 1.7976931348623157e290, 0.1, 123456789.123456789]"},
    {7, "sde: []"},
    {7, "sde: [{}]"},
    {7, "sde: [{rho_order: 0}, {variance_term: false, scheme: milstein}, {rho_order: exact}]"},
    {7, "noise: {sampling: gaussian, structure: dense, covariance: [[1, 0.1], [0.1, 1e-20]]}"},
    {7, "noise: {sampling: gaussian, structure: diagonal, standard_deviations: [0.3, 1]}"},
    {7, "noise: {covariance: [[0.3]]}"},
    {12, "observables: [loss, noise-trace, x1, 'odd name']"},
};

START_TEST(resolving_again_changes_nothing)
{
  struct sde_status status;
  struct recipe *once = read_with(variants[_i].line, variants[_i].replacement, &status);
  ck_assert_msg(once != NULL, "%s", status.message);
  struct recipe *twice = read_bytes(strlen(once->resolved), once->resolved, &status);
  ck_assert_msg(twice != NULL, "%s in\n%s", status.message, once->resolved);
  ck_assert_str_eq(twice->resolved, once->resolved);
  ck_assert_str_eq(twice->sha256, once->sha256);
  ck_assert_str_eq(parameters_text(twice->common, "title"), parameters_text(once->common, "title"));
  size_t length;
  const double *first = parameters_reals(once->common, "rho", &length);
  ck_assert_mem_eq(parameters_reals(twice->common, "rho", &length), first, length * sizeof *first);
  recipe_free(once);
  recipe_free(twice);
}
END_TEST

/* Overrides, the second one NULL or applied after the first; a line of the resolved recipe. */
static const struct {
  const char *first, *second, *line;
} overrides[] = {
    {"paths=300", NULL, "paths: 300"},
    {"paths=[2e2, 300]", NULL, "paths: [200, 300]"},
    {"paths=300", "paths=400", "paths: 400"},
    {"seed=7", NULL, "seed: 7"},
    {"eta.1=0.025", NULL, "eta: [0.1, 0.025]"},
    {"eta=0.2", NULL, "eta: 0.2"},
    {"optimizers.1.micro_batch=[4,2,1]", NULL, "    micro_batch: [4, 2, 1]"},
    {"optimizers.1.micro_batch.0=1", NULL, "    micro_batch: [1, 2]"},
    {"optimizers.0={name: usam}", NULL, "  - name: usam"},
    {"optimizers=[{name: n-usam}]", NULL, "  - name: n-usam"},
    {"sde.substeps=32", NULL, "  substeps: 32"},
    {"sde=[{}, {rho_order: 0}]", "sde.1.substeps=4", "    substeps: 4"},
    {"sde=[]", NULL, "sde: []"},
    {"noise.sampling=without-replacement", NULL, "  sampling: without-replacement"},
    {"loss={name: linear-regression, data: other.csv}", "loss.ridge=0.1", "  ridge: 0.1"},
    {"loss={name: valley}", NULL, "  samples: 16"},
    {"title=a", NULL, "title: a"},
    {"title=\"a: b\"", NULL, "title: \"a: b\""},
    {"title=a=b", NULL, "title: \"a=b\""},
    {"title=''", NULL, "title: \"\""},
    {"observables=[loss, x1]", NULL, "observables: [loss, x1]"},
};

START_TEST(overrides_change_the_recipe)
{
  struct sde_status status;
  const char *given[] = {overrides[_i].first, overrides[_i].second};
  struct recipe *recipe = read_base(given[1] == NULL ? 1 : 2, given, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_msg(has_line(recipe->resolved, overrides[_i].line), "no line '%s' in\n%s",
                overrides[_i].line, recipe->resolved);
  recipe_free(recipe);
}
END_TEST

static const struct {
  const char *given, *sentence;
} bad_overrides[] = {
    {"paths", "--set paths: there is no value; accepted is key.path=value"},
    {"paths=", "--set paths: there is no value; accepted is key.path=value"},
    {"paths= # none", "--set paths: there is no value; accepted is key.path=value"},
    {"paths=null", "--set paths: paths is empty; accepted is " COUNTS},
    {"paths=4.5", "--set paths: paths is '4.5'; accepted is " COUNTS},
    {"pathss=3", "--set pathss: unknown key 'pathss', nearest is 'paths'; accepted are title, ..."},
    {"=3", "--set : unknown key ''; accepted are title, ..."},
    {"a..b=3", "--set a..b: unknown key 'a'; accepted are title, ..."},
    {"optimzers.1.micro_batch=3",
     "--set optimzers.1.micro_batch: unknown key 'optimzers', nearest is 'optimizers'; ..."},
    {"optimizers.1.micro_bath=3",
     "--set optimizers.1.micro_bath: unknown key 'micro_bath', nearest is 'micro_batch'; ..."},
    {"sde.substep=3", "--set sde.substep: unknown key 'substep', nearest is 'substeps'; ..."},
    {"loss.ridge=1", "--set loss.ridge: unknown key 'ridge'; accepted are name, data, ..."},
    {"optimizers.2.name=sgd",
     "--set optimizers.2.name: '2' is no item of this list; accepted is 0 to 1"},
    {"optimizers.-1.name=sgd",
     "--set optimizers.-1.name: '-1' is no item of this list; accepted is 0 to 1"},
    {"optimizers.name=sgd",
     "--set optimizers.name: 'name' is no item of this list; accepted is 0 to 1"},
    {"optimizers.=sgd", "--set optimizers.: '' is no item of this list; accepted is 0 to 1"},
    {"optimizers=[]", "--set optimizers: optimizers is an empty list; accepted is a list of maps"},
    {"optimizers=sgd", "--set optimizers: optimizers is 'sgd'; accepted is a list of maps"},
    {"rho.0=1", "--set rho.0: '0.1' has no '0' below it; accepted is a new value for all of it"},
    {"rho.a.b=1", "--set rho.a.b: '0.1' has no 'a' below it; accepted is a new value ..."},
    {"eta=[1", "--set eta: flow sequence without a closing bracket; accepted is YAML"},
    {"eta=1\n---\n2", "--set eta: a second document starts here; accepted is one document"},
    {"eta=&a 1", "--set eta: anchors (&name) and aliases (*name) are not used here; ..."},
    {"eta=!!float 1", "--set eta: tags (!name) are not used here; leave it out"},
    {"title=a: b", "--set title: title is a map; accepted is a text"},
    {"title=\xff", "--set title: byte 0xff is no part of a text; accepted is UTF-8 text"},
    {"title=>\n ", "--set title: block texts (| and >) are not used here; ..."},
    {"sde={substeps: 1, substeps: 2}", "--set sde: 'substeps' is given twice"},
    {"loss.data=nothere.csv", "--set loss.data: data: file not found: nothere.csv; ..."},
    {"eta=0.3", "--set eta: time 2 is 6.666666667 steps of eta 0.3; accepted is ..."},
};

START_TEST(bad_overrides_are_named)
{
  struct sde_status status;
  struct recipe *recipe = read_base(1, &bad_overrides[_i].given, &status);
  ck_assert_msg(recipe == NULL, "accepted: %s", bad_overrides[_i].given);
  assert_sentence(&status, bad_overrides[_i].sentence);
}
END_TEST

START_TEST(an_override_has_its_place)
{
  struct sde_status status;
  static const char *const given[] = {"optimizers.1.micro_batch=2", "noise.structure=diagonal"};
  struct recipe *recipe = read_base(2, given, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_str_eq(parameters_place(recipe->optimizer[1], "micro_batch"),
                   "--set optimizers.1.micro_batch");
  ck_assert_str_eq(parameters_place(recipe->optimizer[1], "name"), "r.yaml:11");
  ck_assert_str_eq(parameters_place(recipe->noise, "structure"), "--set noise.structure");
  ck_assert_str_eq(parameters_place(recipe->noise, "sampling"), "default");
  recipe_free(recipe);
}
END_TEST

START_TEST(files_are_found_beside_the_recipe_first)
{
  struct sde_status status = {SDE_OK, ""};
  char *text = base_with(0, NULL);
  ck_assert_int_eq(mkdir("folder", 0700), 0);
  write_bytes("folder/r.yaml", strlen(text), text);
  struct recipe *recipe = recipe_read("folder/r.yaml", study_types(), 0, NULL, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message); /* in the current folder */
  ck_assert_ptr_null(strstr(parameters_text(recipe->loss, "data"), "folder"));
  recipe_free(recipe);

  write_bytes("folder/quadratic4.csv", strlen(QUADRATIC), QUADRATIC);
  recipe = recipe_read("folder/r.yaml", study_types(), 0, NULL, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_ptr_nonnull(strstr(parameters_text(recipe->loss, "data"), "/folder/quadratic4.csv"));
  recipe_free(recipe);

  ck_assert_int_eq(mkdir("folder/recipes", 0700), 0);
  ck_assert_int_eq(mkdir("folder/data", 0700), 0);
  ck_assert_int_eq(rename("folder/quadratic4.csv", "folder/data/special.csv"), 0);
  write_bytes("folder/recipes/r.yaml", strlen(text), text);
  recipe = recipe_read("folder/recipes/r.yaml", study_types(), 1,
                       (const char *[]){"loss.data=special.csv"}, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_ptr_nonnull(strstr(parameters_text(recipe->loss, "data"), "/folder/data/special.csv"));
  recipe_free(recipe);
  sde_free(text);
  unlink("folder/r.yaml");
  unlink("folder/recipes/r.yaml");
  unlink("folder/data/special.csv");
  rmdir("folder/recipes");
  rmdir("folder/data");
  rmdir("folder");
}
END_TEST

START_TEST(a_resolved_recipe_notices_changed_data)
{
  struct sde_status status;
  static const char with_copy[] = "loss: {name: quadratic, data: copy.csv}";
  static const char sum_of_copy[] =
      "loss: {name: quadratic, data: copy.csv, data_sha256: " QUADRATIC_SHA256 "}";
  write_bytes("copy.csv", strlen(QUADRATIC), QUADRATIC);
  struct recipe *recipe = read_with(3, sum_of_copy, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  recipe_free(recipe);

  write_bytes("copy.csv", strlen(QUADRATIC) - 1, QUADRATIC);
  ck_assert_ptr_null(read_with(3, sum_of_copy, &status));
  assert_sentence(&status, "r.yaml:3: data file changed: ...");
  ck_assert_ptr_nonnull(strstr(status.message, "; accepted is the file as it was, or no "
                                               "data_sha256"));
  recipe = read_with(3, with_copy, &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_str_ne(parameters_text(recipe->loss, "data_sha256"), QUADRATIC_SHA256);
  recipe_free(recipe);

  /* Another file, asked for by name, is meant. */
  recipe = read_base(0, NULL, &status);
  write_bytes("resolved.yaml", strlen(recipe->resolved), recipe->resolved);
  recipe_free(recipe);
  recipe = recipe_read("resolved.yaml", study_types(), 1, (const char *[]){"loss.data=copy.csv"},
                       &status);
  ck_assert_msg(recipe != NULL, "%s", status.message);
  ck_assert_str_ne(parameters_text(recipe->loss, "data_sha256"), QUADRATIC_SHA256);
  recipe_free(recipe);
}
END_TEST

/* Files of a recipe that was moved to folder/in: which of those there are is the file of the
 * recorded checksum, "good", and which another of its name, "bad". */
static const struct moved {
  const char *name, *data, *good[3], *bad[3], *found; /* NULL: it is not */
} moved_files[] = {
    {"a path of another machine", "/on/another/machine/p.csv", {"in/p.csv"}, {NULL}, "in/p.csv"},
    {"a folder of another machine", "../data/p.csv", {"in/p.csv"}, {NULL}, "in/p.csv"},
    {"in the current folder", "/elsewhere/p.csv", {"p.csv"}, {NULL}, "p.csv"},
    {"in the current folder, by a path", "sub/p.csv", {"p.csv"}, {NULL}, "p.csv"},
    {"another beside the recipe", "p.csv", {"p.csv"}, {"in/p.csv"}, "p.csv"},
    {"another as named", "sub/p.csv", {"in/p.csv"}, {"in/sub/p.csv", "p.csv"}, "in/p.csv"},
    {"as named, and beside", "sub/p.csv", {"in/sub/p.csv", "in/p.csv"}, {NULL}, "in/sub/p.csv"},
    {"another name", "/elsewhere/p.csv", {"in/q.csv"}, {NULL}, NULL},
    {"another file", "/elsewhere/p.csv", {NULL}, {"in/p.csv", "p.csv"}, NULL},
    {"where the run found it", "p.csv", {"far/p.csv"}, {NULL}, "far/p.csv"},
    {"another where the run found it", "p.csv", {NULL}, {"far/p.csv"}, NULL},
};
enum { MOVED = sizeof moved_files / sizeof *moved_files };

static void write_moved(const struct moved *moved)
{
  static const char *const folders[] = {"folder", "folder/in", "folder/in/sub", "folder/far"};
  char at[1024];
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
    ck_assert_int_eq(mkdir(folders[i], 0700), 0);
  ck_assert_int_eq(chdir("folder"), 0);
  for (size_t i = 0; i < 3 && moved->good[i] != NULL; i++)
    write_bytes(moved->good[i], strlen(QUADRATIC), QUADRATIC);
  for (size_t i = 0; i < 3 && moved->bad[i] != NULL; i++)
    write_bytes(moved->bad[i], strlen(QUADRATIC) - 1, QUADRATIC);
  ck_assert_ptr_nonnull(getcwd(at, sizeof at));
  char *run = sde_format("{\"data\": [\"%s/other.csv\", \"%s/far/p.csv\"]}", at, at);
  write_bytes("in/run.json", strlen(run), run);
  sde_free(run);
}

START_TEST(moved_files_are_found_by_name_and_checksum)
{
  const struct moved *moved = &moved_files[_i];
  struct sde_status status = {SDE_OK, ""};
  write_moved(moved);
  char *loss = sde_format("loss: {name: quadratic, data: %s, data_sha256: " QUADRATIC_SHA256 "}",
                          moved->data),
       *text = base_with(3, loss);
  write_bytes("in/r.yaml", strlen(text), text);
  struct recipe *recipe = recipe_read("in/r.yaml", study_types(), 0, NULL, &status);
  if (moved->found != NULL) {
    char *end = sde_format("/folder/%s", moved->found);
    ck_assert_msg(recipe != NULL, "%s: %s", moved->name, status.message);
    const char *found = strstr(parameters_text(recipe->loss, "data"), "/folder/");
    ck_assert_str_eq(found, end);
    ck_assert_ptr_null(strstr(recipe->resolved, "/folder"));
    sde_free(end);
    recipe_free(recipe);
  } else {
    ck_assert_msg(recipe == NULL, "%s", moved->name);
    ck_assert_ptr_nonnull(strstr(status.message, "in/r.yaml:3: data"));
  }
  sde_free(text);
  text = base_with(3, "loss: {name: quadratic, data: /on/another/machine/p.csv}");
  write_bytes("in/r.yaml", strlen(text), text);
  status = (struct sde_status){SDE_OK, ""};
  ck_assert_ptr_null(
      recipe_read("in/r.yaml", study_types(), 0, NULL, &status)); /* no checksum, no search */
  sde_free(text);
  sde_free(loss);
  ck_assert_int_eq(system("cd .. && rm -r folder"), 0);
  ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

/* The recipe is the same wherever it stands and its file was found, and its own resolved text too.
 */
START_TEST(a_recipe_is_the_same_in_every_folder)
{
  struct sde_status status;
  char at[1024];
  ck_assert_ptr_nonnull(getcwd(at, sizeof at));
  struct recipe *recipe = read_base(0, NULL, &status);
  char *absolute = sde_format("loss.data=%s/quadratic4.csv", at);
  struct recipe *other = read_base(1, (const char *const[]){absolute}, &status);
  ck_assert_ptr_nonnull(other);
  ck_assert_str_eq(other->sha256, recipe->sha256);
  recipe_free(other);
  ck_assert_int_eq(mkdir("folder", 0700), 0);
  write_bytes("folder/moved.yaml", strlen(recipe->resolved), recipe->resolved);
  write_bytes("folder/quadratic4.csv", strlen(QUADRATIC), QUADRATIC);
  other = recipe_read("folder/moved.yaml", study_types(), 0, NULL, &status);
  ck_assert_ptr_nonnull(other);
  ck_assert_str_eq(other->sha256, recipe->sha256);
  recipe_free(other);
  recipe_free(recipe);
  sde_free(absolute);
  ck_assert_int_eq(system("rm -r folder"), 0);
}
END_TEST

START_TEST(what_is_no_regular_file_is_named)
{
  struct sde_status status;
  ck_assert_int_eq(mkdir("d.csv", 0700), 0);
  ck_assert_ptr_null(read_with(3, "loss: {name: quadratic, data: d.csv}", &status));
  assert_sentence(&status, "r.yaml:3: data: d.csv is a directory; accepted is a regular file");
  rmdir("d.csv");
  ck_assert_int_eq(mkfifo("d.csv", 0600), 0);
  ck_assert_ptr_null(read_with(3, "loss: {name: quadratic, data: d.csv}", &status));
  assert_sentence(&status, "r.yaml:3: data: d.csv is a pipe; accepted is a regular file");
  unlink("d.csv");
  ck_assert_ptr_null(read_with(3, "loss: {name: quadratic, data: /dev/null}", &status));
  assert_sentence(&status, "r.yaml:3: data: /dev/null is a device; accepted is a regular file");
  ck_assert_int_eq(symlink("nothing", "d.csv"), 0);
  ck_assert_ptr_null(read_with(3, "loss: {name: quadratic, data: d.csv}", &status));
  assert_sentence(&status, "r.yaml:3: data: file not found: d.csv; searched in ...");
  unlink("d.csv");
}
END_TEST

/* Whatever the bytes: a recipe that resolves to itself, or a sentence in one line. */
static void assert_sane(size_t length, const char *bytes)
{
  struct sde_status status;
  struct recipe *recipe = read_bytes(length, bytes, &status);
  if (recipe == NULL) {
    ck_assert_int_eq(status.code, SDE_INVALID);
    ck_assert_msg(strncmp(status.message, "r.yaml:", 7) == 0 &&
                      strchr(status.message, '\n') == NULL && strstr(status.message, "; ") != NULL,
                  "%s", status.message);
    return;
  }
  struct recipe *again = read_bytes(strlen(recipe->resolved), recipe->resolved, &status);
  ck_assert_msg(again != NULL, "%s", status.message);
  ck_assert_str_eq(again->resolved, recipe->resolved);
  recipe_free(again);
  recipe_free(recipe);
}

START_TEST(truncated_recipes)
{
  char *text = base_with(0, NULL);
  size_t length = strlen(text), step = 256 / testing_size(256);
  for (size_t i = 0; i <= length; i += step)
    assert_sane(i, text);
  sde_free(text);
}
END_TEST

START_TEST(recipes_with_one_wrong_bit)
{
  char *text = base_with(0, NULL);
  size_t bits = 8 * strlen(text), tries = testing_size(bits);
  for (size_t k = 0; k < tries; k++) {
    size_t bit = k * bits / tries;
    text[bit / 8] ^= (char)(1 << bit % 8);
    assert_sane(bits / 8, text);
    text[bit / 8] ^= (char)(1 << bit % 8);
  }
  sde_free(text);
}
END_TEST

START_TEST(nearest_names)
{
  static const struct {
    const char *word, *nearest;
  } cases[] = {{"etaa", "eta"},
               {"tiem", "time"},
               {"obsevrables", "observables"},
               {"abc", NULL},
               {"", NULL},
               {"b", NULL},
               {"Rho", "rho"},
               {"RHO", "rho"},
               {"rhos", "rho"},
               {"observable", "observables"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *nearest = text_nearest(cases[i].word, "eta rho time observables");
    if (cases[i].nearest == NULL)
      ck_assert_msg(nearest == NULL, "%s is near %s", cases[i].word, nearest);
    else
      ck_assert_str_eq(nearest == NULL ? "" : nearest, cases[i].nearest);
    sde_free(nearest);
  }
}
END_TEST

START_TEST(numbers_are_short_and_exact)
{
  static const struct {
    double number;
    const char *text;
  } cases[] = {{0.1, "0.1"},
               {1e8, "100000000"},
               {-1, "-1"},
               {1.0 / 3, "0.3333333333333333"},
               {2.0 / 3, "0.6666666666666666"},
               {5e-324, "4.94065645841247e-324"},
               {1e22, "1e+22"},
               {0.1 + 0.2, "0.30000000000000004"}};
  char buffer[TEXT_NUMBER_SIZE];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_str_eq(text_number(cases[i].number, buffer), cases[i].text);
    ck_assert(strtod(buffer, NULL) == cases[i].number);
  }
}
END_TEST

START_TEST(checksums)
{
  char hex[SHA256_HEX_SIZE];
  sha256_bytes(3, "abc", hex); /* FIPS 180-2, appendix B.1 */
  ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha256_bytes(0, "", hex);
  ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  ck_assert(sha256_of_file("quadratic4.csv", hex));
  ck_assert_str_eq(hex, QUADRATIC_SHA256);
  ck_assert(!sha256_of_file("nothere", hex) && errno == ENOENT);
}
END_TEST

static Suite *recipe_suite(void)
{
  Suite *suite = suite_create("recipe");
  TCase *bad = testing_case(suite, "mistakes");
  tcase_add_loop_test(bad, mistakes_are_named, 0, sizeof mistakes / sizeof *mistakes);
  tcase_add_test(bad, long_values_are_cut_between_characters);
  tcase_add_test(bad, files_that_are_no_map);
  tcase_add_test(bad, paths_that_are_no_recipe);
  tcase_add_test(bad, recipes_come_from_pipes);
  tcase_add_test(bad, paths_of_keys_have_a_depth);
  tcase_add_test(bad, large_files_take_no_time);
  TCase *good = testing_case(suite, "good recipes");
  tcase_add_test(good, the_base_recipe_is_read);
  tcase_add_test(good, given_keys_have_their_place);
  tcase_add_test(good, one_recipe_in_many_spellings);
  tcase_add_test(good, lines_count_with_every_line_end);
  tcase_add_test(good, the_resolved_recipe_is_complete);
  tcase_add_loop_test(good, defaults_that_do_not_count_are_left_out, 0,
                      sizeof defaults / sizeof *defaults);
  tcase_add_loop_test(good, resolving_again_changes_nothing, 0, sizeof variants / sizeof *variants);
  TCase *set = testing_case(suite, "overrides");
  tcase_add_loop_test(set, overrides_change_the_recipe, 0, sizeof overrides / sizeof *overrides);
  tcase_add_loop_test(set, bad_overrides_are_named, 0,
                      sizeof bad_overrides / sizeof *bad_overrides);
  tcase_add_test(set, an_override_has_its_place);
  TCase *files = testing_case(suite, "files");
  tcase_add_test(files, files_are_found_beside_the_recipe_first);
  tcase_add_test(files, a_resolved_recipe_notices_changed_data);
  tcase_add_loop_test(files, moved_files_are_found_by_name_and_checksum, 0, MOVED);
  tcase_add_test(files, a_recipe_is_the_same_in_every_folder);
  tcase_add_test(files, what_is_no_regular_file_is_named);
  TCase *broken = testing_case(suite, "broken bytes");
  tcase_add_test(broken, truncated_recipes);
  tcase_add_test(broken, recipes_with_one_wrong_bit);
  TCase *texts = testing_case(suite, "texts");
  tcase_add_test(texts, nearest_names);
  tcase_add_test(texts, numbers_are_short_and_exact);
  tcase_add_test(texts, checksums);
  return suite;
}

int main(void)
{
  static const char *const files[] = {"quadratic4.csv", "other.csv", "copy.csv", "r.yaml",
                                      "resolved.yaml"};
  char folder[] = "/tmp/sharpsde-recipe-XXXXXX";
  if (mkdtemp(folder) == NULL || chdir(folder) != 0 ||
      !save("quadratic4.csv", strlen(QUADRATIC), QUADRATIC) ||
      !save("other.csv", strlen(QUADRATIC), QUADRATIC))
    return EXIT_FAILURE;
  int result = testing_run(recipe_suite());
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    unlink(files[i]);
  return rmdir(folder) == 0 ? result : EXIT_FAILURE;
}
