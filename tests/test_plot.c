/*
 * Pictures: tables of every shape become whole pictures, text of the user's is never run, and what
 * goes wrong is said in a sentence. Run from the root of the project, whose plots/ it draws with.
 */
#include "experiments/io/text.h"
#include "experiments/pictures/plot.h"

#include <check.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER                                                                                     \
  "optimizer,micro_batch,batch,eta,rho,process,sde,observable,time,mean,se,n,diverged\n"

/* The folder of a run, new for each test. */
static char directory[] = "/tmp/sharpsde-plot-XXXXXX";

static void set_up(void)
{
  strcpy(directory + strlen(directory) - 6, "XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  setenv("SHARPSDE_PLOTS", "plots", 1);
}

/* How many entries a folder has but . and ..; removes says to remove them with all they hold. */
static size_t visit_entries(const char *folder, bool removes)
{
  DIR *entries = opendir(folder);
  ck_assert_ptr_nonnull(entries);
  size_t count = 0;
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    count++;
    char *path = sde_format("%s/%s", folder, entry->d_name);
    if (removes && unlink(path) != 0) {
      visit_entries(path, true);
      rmdir(path);
    }
    sde_free(path);
  }
  closedir(entries);
  return count;
}

static void tear_down(void)
{
  visit_entries(directory, true);
  rmdir(directory);
}

static void write_file(const char *folder, const char *name, const char *text)
{
  char *path = sde_format("%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  ck_assert_int_eq(fclose(file), 0);
  sde_free(path);
}

static char *read_file(const char *name)
{
  char *path = sde_format("%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s is missing", path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *text = sde_alloc(size + 1, 1);
  ck_assert_uint_eq(fread(text, 1, size, file), size);
  fclose(file);
  sde_free(path);
  return text;
}

/* What a made-up run holds. Lists end with NULL; a variant is "optimizer,micro_batch". */
struct shape {
  const char *const *etas, *const *variants, *const *observables;
  size_t sdes, times;
};

static const char *const one_eta[] = {"0.10000000000000001", NULL};
static const char *const two_etas[] = {"0.10000000000000001", "0.050000000000000003", NULL};
static const char *const family[] = {"sgd,", "n-usam,", "m-usam,4", "m-usam,2", "m-usam,1", NULL};
static const char *const one_variant[] = {"m-usam,2", NULL};
static const char *const six_variants[] = {"m-usam,32", "m-usam,16", "m-usam,8", "m-usam,4",
                                           "m-usam,2",  "m-usam,1",  NULL};
static const char *const four[] = {"loss", "noise-trace", "x1", "x2", NULL};
static const char *const one_observable[] = {"loss", NULL};
static const char *const eight[] = {"loss",      "noise-trace", "x1",       "x2", "gradient-norm",
                                    "sharpness", "u2-minus-v2", "distance", NULL};

static void write_curve(FILE *file, const struct shape *shape, size_t eta, size_t variant,
                        size_t process, size_t observable)
{
  for (size_t k = 0; k < shape->times; k++) {
    double time = shape->times == 1 ? 0 : 2.0 * (double)k / (double)(shape->times - 1);
    double rate = 1 + 0.25 * (double)variant + 0.1 * (double)observable;
    double mean = (1.5 + (double)observable) * exp(-rate * time) + 0.05 * (double)process * time;
    char index[24] = "";
    if (process > 0)
      snprintf(index, sizeof index, "%zu", process - 1);
    fprintf(file, "%s,4,%s,0.10000000000000001,%s,%s,%s,%.17g,%.17g,%.17g,5000,0\n",
            shape->variants[variant], shape->etas[eta], process == 0 ? "iterates" : "sde", index,
            shape->observables[observable], time, mean, 0.01 * (0.2 + time));
  }
}

static void write_run(const struct shape *shape)
{
  char *path = sde_format("%s/series.csv", directory);
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(HEADER, file);
  for (size_t eta = 0; shape->etas[eta] != NULL; eta++)
    for (size_t variant = 0; shape->variants[variant] != NULL; variant++)
      for (size_t process = 0; process <= shape->sdes; process++)
        for (size_t observable = 0; shape->observables[observable] != NULL; observable++)
          write_curve(file, shape, eta, variant, process, observable);
  ck_assert_int_eq(fclose(file), 0);
  sde_free(path);
}

/* Draw a study from this many tables, and check that the result is `names` (separated by spaces)
 * and nothing is left beside. */
static void draw_study(const char *study, size_t tables, const char *title, const char *names)
{
  struct plot_files files;
  struct sde_status status = {0};
  bool ok = plot_run(directory, study, title, &files, &status);
  ck_assert_msg(ok, "%s", status.message);
  char *made = sde_strdup("");
  for (size_t i = 0; i < files.count; i++) {
    char *longer = sde_format("%s%s%s", made, i > 0 ? " " : "", files.names[i]);
    sde_free(made);
    made = longer;
  }
  ck_assert_str_eq(made, names);
  ck_assert_uint_eq(visit_entries(directory, false), files.count + tables);
  sde_free(made);
  plot_files_free(&files);
}

static void draw(const char *title, const char *names)
{
  draw_study("compare", 1, title, names);
}

/* Check that drawing fails so, that the sentence holds `words`, and that no picture is left. */
static void refuse(const char *study, enum sde_code code, const char *words)
{
  size_t before = visit_entries(directory, false);
  struct plot_files files;
  struct sde_status status = {0};
  ck_assert(!plot_run(directory, study, "title", &files, &status));
  ck_assert_int_eq(status.code, code);
  ck_assert_msg(strstr(status.message, words) != NULL, "`%s` is not in: %s", words, status.message);
  ck_assert_uint_eq(files.count, 0);
  ck_assert_uint_eq(visit_entries(directory, false), before);
  plot_files_free(&files);
}

static void check_picture_holds(const char *name, const char *const *texts)
{
  char *picture = read_file(name);
  ck_assert_int_eq(strncmp(picture, "<?xml", 5), 0);
  for (; *texts != NULL; texts++)
    ck_assert_msg(strstr(picture, *texts) != NULL, "`%s` is not in %s", *texts, name);
  sde_free(picture);
}

START_TEST(family_with_two_sdes)
{
  write_run(&(struct shape){two_etas, family, four, 2, 40});
  draw("A finite-sum quadratic", "series-1.svg series-1.png series-2.svg series-2.png");
  static const char *const texts[] = {"A finite-sum quadratic",
                                      "η = 0.1,",
                                      "ρ = 0.1,",
                                      "b = 4,",
                                      "5000 paths",
                                      "mean of loss",
                                      "mean of noise-trace",
                                      "mean of x1",
                                      "mean of x2",
                                      ">time t = kη<",
                                      ">sgd<",
                                      ">n-usam<",
                                      ">m-usam m=4<",
                                      ">m-usam m=2<",
                                      ">m-usam m=1<",
                                      ">iterates<",
                                      ">SDE 0<",
                                      ">SDE 1<",
                                      NULL};
  check_picture_holds("series-1.svg", texts);
  check_picture_holds("series-2.svg", (const char *[]){"η = 0.05,", ">SDE 1<", NULL});
  char *png = read_file("series-2.png");
  ck_assert_int_eq(memcmp(png, "\x89PNG", 4), 0);
  sde_free(png);
}
END_TEST

START_TEST(every_shape)
{
  static const struct shape shapes[] = {{one_eta, one_variant, one_observable, 1, 40},
                                        {one_eta, one_variant, one_observable, 0, 40},
                                        {one_eta, six_variants, one_observable, 1, 40},
                                        {one_eta, six_variants, four, 4, 2000},
                                        {one_eta, family, eight, 2, 40},
                                        {one_eta, family, four, 1, 1}};
  write_run(&shapes[_i]);
  draw("", "series.svg series.png");
  check_picture_holds("series.svg",
                      (const char *[]){">m-usam m=2<", ">iterates<", "mean of loss", NULL});
  if (shapes[_i].sdes == 1)
    check_picture_holds("series.svg", (const char *[]){">SDE<", NULL});
}
END_TEST

/* The text joins those seen, unless it is among them. */
static void note_text(size_t *count, char *seen[], const char *text, size_t length)
{
  for (size_t i = 0; i < *count; i++)
    if (strlen(seen[i]) == length && strncmp(seen[i], text, length) == 0)
      return;
  ck_assert_uint_lt(*count, 16);
  seen[(*count)++] = sde_format("%.*s", (int)length, text);
}

/* Nine processes, iterates and eight SDEs, have nine names in the legend and eight dashes. */
START_TEST(eight_sdes_differ)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 8, 40});
  draw("Many", "series.svg series.png");
  check_picture_holds("series.svg",
                      (const char *[]){">m-usam m=2<", ">iterates<", ">SDE 0<", ">SDE 7<", NULL});
  char *picture = read_file("series.svg"), *seen[16];
  const char *attribute = "stroke-dasharray='";
  size_t count = 0;
  for (char *at = strstr(picture, attribute); at != NULL; at = strstr(at, attribute)) {
    at += strlen(attribute);
    note_text(&count, seen, at, strcspn(at, "'"));
  }
  ck_assert_uint_eq(count, 8);
  for (size_t i = 0; i < count; i++)
    sde_free(seen[i]);
  sde_free(picture);
}
END_TEST

/* Curves that come close to one another in the second half are drawn again there; curves that do
 * not, and a curve alone, are not. */
START_TEST(second_half_where_crowded)
{
  static const char *const words = ">time t = kη,  second half<";
  for (int close = 0; close < 2; close++)
    for (int alone = 0; alone < 2; alone++) {
      struct text table = {0};
      text_add(&table, "%s", HEADER);
      for (int sde = 0; sde < 2 - alone; sde++)
        for (int time = 0; time <= 20; time++)
          text_add(&table, "sgd,,4,0.1,0.1,%s,loss,%d,%.17g,0.001,10,0\n",
                   sde == 0 ? "iterates," : "sde,0", time,
                   close ? exp(-time) + 0.01 * sde : 1 - time / 20. + 0.01 * sde);
      write_file(directory, "series.csv", table.data);
      sde_free(table.data);
      draw("Levels", "series.svg series.png");
      char *picture = read_file("series.svg");
      ck_assert_int_eq(strstr(picture, words) != NULL, close && !alone);
      sde_free(picture);
    }
}
END_TEST

START_TEST(rows_without_mean)
{
  write_file(directory, "series.csv",
             HEADER "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,10,0\n"
                    "sgd,,4,0.1,0.1,iterates,,loss,1,2,,10,0\n"
                    "sgd,,4,0.1,0.1,iterates,,loss,2,,,0,10\n"
                    "sgd,,4,0.1,0.1,sde,0,loss,0,,,0,10\n"
                    "sgd,,4,0.1,0.1,sde,0,loss,1,nan,nan,0,10\n"
                    "sgd,,4,0.1,0.1,sde,0,loss,2,1e300,1e300,4,6\n"
                    "sgd,,4,0.1,0.1,sde,0,x1,2,,,0,10\n");
  draw("Divergence", "series.svg series.png");
  static const char *const texts[] = {"sgd, iterates (10 diverged)", "sgd, SDE (10 diverged)",
                                      "mean of x1", NULL};
  check_picture_holds("series.svg", texts);
}
END_TEST

START_TEST(numbers_of_paths_are_settings)
{
  write_file(directory, "series.csv",
             HEADER "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,10,0\r\n"
                    "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,90,10\r\n"
                    "sgd,,4,0.1,0.1,iterates,,loss,1,2,0.1,8,2\r\n");
  draw("Paths", "series-1.svg series-1.png series-2.svg series-2.png");
  check_picture_holds("series-1.svg", (const char *[]){" 10 paths", "(2 diverged)", NULL});
  check_picture_holds("series-2.svg", (const char *[]){" 100 paths", "(10 diverged)", NULL});
}
END_TEST

START_TEST(title_is_inert)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  char *title = sde_format("`touch %s/pwned` \"q\" 'x' $HOME _a^b{c} @ARG1 & <η> \\n %%s\n\x01"
                           "`\"; system(\"touch %s/pwned\") # ]]>",
                           directory, directory);
  draw(title, "series.svg series.png"); /* nothing touched: draw counts the files */
  sde_free(title);
  static const char *const texts[] = {"`touch /tmp/", "$HOME", "_a^b{c}", "@ARG1",   "&amp;",
                                      "&lt;η>",       "%s",    "]] >",    "system(", NULL};
  check_picture_holds("series.svg", texts);
}
END_TEST

START_TEST(directory_is_inert)
{
  char *parent = sde_strdup(directory);
  char here[4096];
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  char *plots = sde_format("%s/plots", here);
  setenv("SHARPSDE_PLOTS", plots, 1);
  ck_assert_int_eq(chdir(parent), 0);
  static const char *const names[] = {"| touch pwned", "< touch pwned", "`touch pwned`", "'"};
  ck_assert_int_eq(mkdir(names[_i], 0700), 0);
  write_file(names[_i], "series.csv", HEADER "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,10,0\n");
  struct plot_files files;
  struct sde_status status = {0};
  ck_assert_msg(plot_run(names[_i], "trajectory", "title", &files, &status), "%s", status.message);
  ck_assert_uint_eq(visit_entries(names[_i], false), 3);
  ck_assert_uint_eq(visit_entries(".", false), 1);
  plot_files_free(&files);
  ck_assert_int_eq(chdir(here), 0);
  sde_free(plots);
  sde_free(parent);
}
END_TEST

START_TEST(long_title_is_broken_into_lines)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  char title[400] = "";
  for (int i = 0; i < 30; i++)
    strcat(title, i == 10 ? "ηηηηηηηηηη" : "tenletters ");
  draw(title, "series.svg series.png");
  char *picture = read_file("series.svg");
  ck_assert_msg(strstr(picture, "tenletters tenletters<") != NULL, "the title is in one line");
  ck_assert_ptr_null(strstr(picture, "tenletters tenletters tenletters tenletters tenletters "
                                     "tenletters tenletters tenletters tenletters tenletters"));
  sde_free(picture);
}
END_TEST

#define COEFFICIENTS                                                                               \
  "optimizer,micro_batch,batch,eta,rho,coefficient,se,predicted,n\n"                               \
  "m-sam,1,4,0.1,0.1,0.1,0.001,0.1,100\nm-sam,2,4,0.1,0.1,0.1,0.001,0.1,100\n"
#define NORMS "size,mean,se,exact,gaussian,full_gradient,n\n"

static void draw_norms(const char *rows)
{
  char *table = sde_format("%s%s", NORMS, rows);
  write_file(directory, "regularizer.csv", COEFFICIENTS);
  write_file(directory, "norms.csv", table);
  draw_study("regularizer", 2, "`touch pwned` ‖g‖",
             "regularizer.svg regularizer.png norms.svg norms.png");
  sde_free(table);
}

static bool norms_hold(const char *text)
{
  char *picture = read_file("norms.svg");
  bool holds = strstr(picture, text) != NULL;
  sde_free(picture);
  return holds;
}

/* A size that no row has gets no tic, and the legend has no exact values where there are none. */
START_TEST(norms_against_size)
{
  draw_norms("1,2,0.01,2.01,2.02,1,12345\n2,1.5,0.01,,1.51,1,12345\n16,1.2,0.01,,1.2,1,12345\n");
  static const char *const texts[] = {"`touch pwned` ‖g‖",
                                      "E‖gᵧ‖",
                                      "12345 draws",
                                      ">measured, bars: 95 %<",
                                      ">Gaussian closure<",
                                      ">‖g‖, full gradient<",
                                      ">exact<",
                                      ">16<",
                                      "size s of the batch",
                                      NULL};
  check_picture_holds("norms.svg", texts);
  ck_assert(!norms_hold(">4<"));
  draw_norms("1,2,0.01,,2.02,1,9\n4,1.5,0.01,,1.51,1,9\n");
  ck_assert(norms_hold(">4<"));
  ck_assert(!norms_hold(">exact<"));
}
END_TEST

/* A logarithmic axis of less than a decade has several tics: both coefficients are 1 over rho. */
START_TEST(short_axes_have_tics)
{
  draw_norms("1,2,0.01,2.01,2.02,1,9\n2,1.5,0.01,,1.51,1,9\n");
  check_picture_holds("regularizer.svg", (const char *[]){">0.8<", ">1<", ">1.2<", ">1.4<", NULL});
}
END_TEST

/* One size, all equal to rounding, zeros, and what gnuplot's arithmetic of tics cannot hold. */
START_TEST(norms_of_every_shape)
{
  static const char *const tables[] = {
      "4,1.787,0.001,1.7872,1.7862,1.7688,9\n",
      "4,2,1e-17,2,2,2,9\n",
      "1,1e-05,1e-07,1.01e-05,1.1e-05,1e-06,9\n4,0,0,0,0,0,9\n",
      "1,1e150,1e148,1e150,1.1e150,1e140,9\n4,1e149,1e148,,1.1e149,1e140,9\n",
      "1,1e-150,1e-152,1e-150,1.1e-150,1e-151,9\n4,5e-151,1e-153,,5e-151,1e-151,9\n",
      "1,nan,nan,,inf,1,9\n2,,,,1.8,1,0\n4,1.8,,1.8,1.8,1,1\n1048576,1.1,0.1,,1.1,1,9\n"};
  draw_norms(tables[_i]);
  ck_assert(norms_hold(_i == 5 ? ">1048576<" : ">4<"));
}
END_TEST

/* A run without normalised optimizers leaves no norms; without coefficients it left nothing. */
START_TEST(norms_are_optional)
{
  write_file(directory, "regularizer.csv", COEFFICIENTS);
  draw_study("regularizer", 1, "", "regularizer.svg regularizer.png");
  visit_entries(directory, true);
  write_file(directory, "norms.csv", NORMS "1,2,0.01,2,2,1,9\n");
  refuse("regularizer", SDE_INVALID, "/regularizer.csv: No such file or directory");
}
END_TEST

/* ---- landscapes ---- */

#define CASE "optimizer,micro_batch,batch,eta,rho,"
#define PATHS CASE "process,sde,path,time,x,y\n"
#define MINIMA CASE "function,x,y,value,least_curvature,largest_curvature,flat\n"

/* The grid of one case: f = scale (x^2 + y^2), and f + rho R the same or not known. */
static void write_grid(FILE *file, const char *key, size_t side, double scale, bool known)
{
  for (size_t i = 0; i < side; i++)
    for (size_t j = 0; j < side; j++) {
      double x = -1 + 2 * (double)i / (double)(side - 1);
      double y = -1 + 2 * (double)j / (double)(side - 1), f = scale * (x * x + y * y);
      fprintf(file, "%s,%.17g,%.17g,%.17g,", key, x, y, f);
      if (known)
        fprintf(file, "%.17g", f);
      fputc('\n', file);
    }
}

static void write_landscape(size_t cases, double scale, bool known, const char *paths,
                            const char *minima)
{
  char *name = sde_format("%s/landscape.csv", directory);
  FILE *file = fopen(name, "w");
  ck_assert_ptr_nonnull(file);
  fputs(CASE "x,y,f,effective\n", file);
  for (size_t c = 0; c < cases; c++) {
    char *key = sde_format("m-usam,%zu,4,0.10000000000000001,1e-05", c + 1);
    write_grid(file, key, 21, scale, known);
    sde_free(key);
  }
  ck_assert_int_eq(fclose(file), 0);
  sde_free(name);
  write_file(directory, "paths.csv", paths);
  write_file(directory, "minima.csv", minima);
}

static void draw_landscape(size_t cases, double scale, bool known, const char *paths,
                           const char *minima)
{
  write_landscape(cases, scale, known, paths, minima);
  draw_study("landscape", 3, "`touch pwned` landscape", "landscape.svg landscape.png");
}

START_TEST(landscape_with_paths_and_minima)
{
#define KEY "m-usam,1,4,0.10000000000000001,1e-05,"
  draw_landscape(2, 1, true,
                 PATHS KEY "iterates,,0,0,0.9,0.9\n" KEY "iterates,,0,1,0.5,0.4\n" KEY
                           "iterates,,0,2,,\n" KEY "iterates,,1,0,0.9,0.9\n" KEY
                           "iterates,,1,1,5,-7\n" KEY "sde,0,0,0,0.9,0.9\n" KEY
                           "sde,0,0,1,0.1,0.2\n",
                 MINIMA KEY "loss,0,0,0,2,2,0\n" KEY "effective,0.1,0.1,0,2,2,0\n" KEY
                            "effective,0.2,0.1,0,0,2,1\n");
#undef KEY
  static const char *const texts[] = {"`touch pwned` landscape",
                                      "learning rate η = 0.1   radius ρ = 1e-05   batch b = 4",
                                      ">the loss f<",
                                      "f + ρR of m-usam m=1",
                                      "f + ρR of m-usam m=2",
                                      "m-usam m=2, iterates (thin: SDE)",
                                      ">a minimum<",
                                      ">minima that fill a curve<",
                                      NULL};
  check_picture_holds("landscape.svg", texts);
}
END_TEST

/* Axes have the names that the loss's coordinates have in the recipe or by themselves, shown and
 * never run; without any they have numbers. */
START_TEST(landscapes_name_their_coordinates)
{
  static const struct {
    const char *recipe, *first, *second;
  } losses[] = {
      {"loss: {name: valley}\n", ">parameter u<", ">parameter v<"},
      {"loss: {name: formula, parameters: [a, b]}\n", ">parameter a<", ">parameter b<"},
      {"loss: {name: formula, parameters: ['`touch_pwned`', '$HOME', c]}\n",
       ">parameter `touch_pwned`<", ">parameter $HOME<"},
      {"loss: {name: formula, parameters: ['a b', c]}\n", ">parameter x₁<", ">parameter x₂<"},
      {"loss: {name: quadratic}\n", ">parameter x₁<", ">parameter x₂<"},
      {"loss: [\n", ">parameter x₁<", ">parameter x₂<"}};
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
    write_landscape(1, 1, true, PATHS, MINIMA);
    write_file(directory, "recipe.yaml", losses[i].recipe);
    draw_study("landscape", 4, "Names", "landscape.svg landscape.png");
    check_picture_holds("landscape.svg", (const char *[]){losses[i].first, losses[i].second, NULL});
  }
}
END_TEST

START_TEST(landscape_lacks_a_table)
{
  write_landscape(1, 1, true, PATHS, MINIMA);
  char *path = sde_format("%s/minima.csv", directory);
  unlink(path);
  sde_free(path);
  refuse("landscape", SDE_INVALID, "/minima.csv: No such file or directory; a finished run");
}
END_TEST

/* Ask for formats; the sentence of a refusal, or "" with the files counted. */
static char *wish_for(const char *study, unsigned formats, const char *caption, size_t *count)
{
  struct plot_wish wish = {.title = "`touch pwned` title", .caption = caption, .formats = formats};
  struct plot_files files;
  struct sde_status status = {0};
  bool ok = plot_run_as(directory, study, &wish, &files, &status);
  ck_assert_int_eq(status.code, ok ? SDE_OK : SDE_INVALID);
  *count = files.count;
  plot_files_free(&files);
  return sde_strdup(ok ? "" : status.message);
}

START_TEST(formats_and_caption)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  size_t count;
  char *said = wish_for("compare", PLOT_PDF | PLOT_SVG | PLOT_GIF,
                        "A claim: `touch pwned` $HOME falls, and a caption is broken into lines "
                        "where it is longer than 130 bytes, at a space, as those of titles are.",
                        &count);
  ck_assert_str_eq(said, "");
  ck_assert_uint_eq(count, 2);
  ck_assert_uint_eq(visit_entries(directory, false), 3); /* nothing touched, no gif */
  char *page = read_file("series.pdf");
  ck_assert_int_eq(memcmp(page, "%PDF-", 5), 0);
  static const char *const texts[] = {"`touch pwned` title", ">A claim: `touch pwned` $HOME falls",
                                      ">titles are.<", NULL};
  check_picture_holds("series.svg", texts);
  sde_free(page);
  sde_free(said);
  said = wish_for("compare", PLOT_SVG, NULL, &count);
  char *picture = read_file("series.svg");
  ck_assert_ptr_null(strstr(picture, "A claim"));
  sde_free(picture);
  sde_free(said);
  said = wish_for("compare", PLOT_GIF, NULL, &count);
  ck_assert_msg(strstr(said, "nothing here moves") != NULL, "%s", said);
  sde_free(said);
}
END_TEST

START_TEST(unknown_format)
{
  unsigned set = 0;
  struct sde_status status = {0};
  ck_assert(plot_formats_add(&set, "gif", &status) && plot_formats_add(&set, "svg", &status));
  ck_assert_uint_eq(set, PLOT_GIF | PLOT_SVG);
  ck_assert(!plot_formats_add(&set, "tiff", &status));
  ck_assert_str_eq(status.message, "format `tiff` is not known; accepted are svg, png, pdf, gif");
}
END_TEST

/* The bytes of each frame of landscape.gif, told by the blocks that stand before them; returns how
 * many frames there are, of which the first `most` are kept. */
static size_t animate(const char *paths, size_t *bytes, size_t most)
{
  draw_landscape(1, 1, true, paths, MINIMA);
  size_t count;
  char *said = wish_for("landscape", PLOT_GIF, NULL, &count);
  ck_assert_str_eq(said, "");
  ck_assert_uint_eq(count, 1);
  sde_free(said);
  char *path = sde_format("%s/landscape.gif", directory);
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  int before[2] = {0, 0};
  size_t frames = 0;
  for (int byte = getc(file); byte != EOF; byte = getc(file)) {
    frames += before[0] == 0x21 && before[1] == 0xF9 && byte == 4;
    before[0] = before[1];
    before[1] = byte;
    if (frames > 0 && frames <= most)
      bytes[frames - 1]++;
  }
  fclose(file);
  visit_entries(directory, true);
  sde_free(path);
  return frames;
}

/* A path that moves is longer from frame to frame, and so are the frames; one that rests is not. */
START_TEST(paths_move)
{
  char *moving = sde_strdup(PATHS), *resting = sde_strdup(PATHS);
  for (int k = 0; k <= 32; k++) {
    const char *row = "%sm-usam,1,4,0.10000000000000001,1e-05,iterates,,0,%d,%.17g,%.17g\n";
    double x = 0.9 - 0.05 * k, y = k % 2 == 0 ? 0.7 : -0.7;
    char *further = sde_format(row, moving, k, x, y), *same = sde_format(row, resting, k, 0.9, 0.7);
    sde_free(moving);
    sde_free(resting);
    moving = further;
    resting = same;
  }
  size_t bytes[36] = {0}, bytes_at_rest[36] = {0};
  ck_assert_uint_eq(animate(moving, bytes, 36), 36);
  ck_assert_uint_eq(animate(resting, bytes_at_rest, 36), 36);
  for (size_t frame = 8; frame < 32; frame += 8) {
    ck_assert_uint_gt(bytes[frame], bytes[frame - 7] + 512);
    ck_assert_uint_lt(bytes_at_rest[frame], bytes_at_rest[frame - 7] + 512);
  }
  sde_free(moving);
  sde_free(resting);
}
END_TEST

/* One case; more than are shown; values that are equal, not known, or beyond gnuplot; no paths and
 * no minima. */
START_TEST(landscapes_of_every_shape)
{
  static const struct {
    size_t cases;
    double scale;
    bool known;
  } shapes[] = {{1, 1, true},  {10, 1, true},    {1, 0, true},
                {1, 1, false}, {1, 1e150, true}, {1, 1e-150, true}};
  draw_landscape(shapes[_i].cases, shapes[_i].scale, shapes[_i].known, PATHS, MINIMA);
  check_picture_holds("landscape.svg", (const char *[]){"f + ρR of m-usam m=1", NULL});
  if (_i == 1)
    check_picture_holds("landscape.svg",
                        (const char *[]){"m-usam m=8", "(2 more cases are not shown)", NULL});
}
END_TEST

#define DENSITY CASE "sde,x,width,f,effective,exact,simulated,simulated_se,iterates,iterates_se\n"

START_TEST(densities)
{
  static const char *const tables[] = {
      "sgd,,4,0.1,1e-05,0,0,1,0,0,0.25,0.3,0.01,0.2,0.01\n"
      "sgd,,4,0.1,1e-05,0,1,1,1,1,0.75,0.7,0.01,0.8,0.01\n"
      "m-usam,2,4,0.1,1e-05,0,0,1,0,0.1,0.2,0.3,0.01,0.2,0.01\n"
      "m-usam,2,4,0.1,1e-05,0,1,1,1,1.1,0.8,0.7,0.01,0.8,0.01\n",
      "m-usam,2,4,0.1,0.1,0,0,1,0,,,0.3,,,\nm-usam,2,4,0.1,0.1,0,1,1,1,,,0.7,,,\n",
      "m-usam,2,4,0.1,0.1,0,0,1,1e200,1,1e200,0.3,0,0,0\nm-usam,2,4,0.1,0.1,0,1,1,2,1,0,0,0,0,0\n",
      ("m-usam,2,4,0.1,0.1,0,0,1e-150,0,0,0,0,0,0,0\n"
       "m-usam,2,4,0.1,0.1,0,1,1e-150,0,0,0,0,0,0,0\n")};
  char *table = sde_format("%s%s", DENSITY, tables[_i]);
  write_file(directory, "density.csv", table);
  sde_free(table);
  draw_study("landscape", 1, "`touch pwned` <ρ>", "density.svg density.png");
  check_picture_holds("density.svg",
                      (const char *[]){"m-usam m=2", "paths of the SDE", "&lt;ρ>", NULL});
  if (_i == 0)
    check_picture_holds("density.svg",
                        (const char *[]){">sgd<", "radius ρ = 1e-05", ">exact density<", NULL});
  if (_i == 1)
    check_picture_holds("density.svg", (const char *[]){">no exact density<", NULL});
}
END_TEST

#define ERRORS                                                                                     \
  "equation,noise_class,scheme,kind,observable,forced,steps,resolution,paths,step,error,se,"       \
  "resolved,declared,slope,slope_se\n"
#define EXACT_ERROR(kind, observable)                                                              \
  "flat,additive,sure," kind "," observable ",false,8,16,9,0.125,1e-16,0,false,inf,,\n"

/* Strong panels come first whatever the table's order, an exact scheme is named and not drawn; and
 * tables of no resolved point, of an error without order, of exact schemes alone. */
START_TEST(errors_against_the_step)
{
  static const char *const tables[] = {
      ERRORS "bent,general,slow,weak,x1 x2,false,8,16,9,0.125,0.1,0.01,true,1,1,0.1\n"
             "bent,general,slow,weak,x1 x2,false,16,32,9,0.0625,0.05,0.01,true,1,1,0.1\n"
             "bent,general,slow,strong,,true,8,16,9,0.125,0.2,0.01,true,0,0.5,0.1\n" EXACT_ERROR(
                 "strong", "") EXACT_ERROR("weak", "x1"),
      ERRORS "bent,general,slow,weak,x1,false,8,16,9,0.125,0.1,0.3,false,1,,\n",
      ERRORS "bent,general,slow,strong,,true,8,16,9,0.125,0,nan,false,0,,\n",
      ERRORS EXACT_ERROR("strong", "")};
  write_file(directory, "converge.csv", tables[_i]);
  draw_study("converge", 1, "`touch pwned` orders", "converge.svg converge.png");
  static const char *const texts[] = {
      "`touch pwned` orders",      ">strong error,  E|x − X|<", ">weak error,  |E φ(x) − E φ(X)|<",
      ">bent, general noise<",     ">flat, additive noise<",    ">slow<",
      ">sure (exact: not drawn)<", "forced: slow on bent",      NULL};
  if (_i > 0)
    return;
  check_picture_holds("converge.svg", texts);
  char *picture = read_file("converge.svg");
  ck_assert(strstr(picture, ">strong error,") < strstr(picture, ">weak error,"));
  sde_free(picture);
}
END_TEST

START_TEST(missing_table)
{
  refuse("compare", SDE_INVALID, "/series.csv: No such file or directory");
}
END_TEST

START_TEST(unknown_study)
{
  refuse("nothing", SDE_INVALID,
         "`nothing`; there are for compare, trajectory, regularizer, order, ");
  refuse("order", SDE_INVALID, "/order.csv: No such file or directory");
}
END_TEST

START_TEST(broken_table)
{
  static const struct {
    const char *text, *words;
  } tables[] = {
      {"", "no rows"},
      {HEADER, "no rows"},
      {"optimizer,batch\n", "series.csv:1: this is not the header"},
      {HEADER "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,10\n", "series.csv:2: the row has 12 fields"},
      {HEADER "sgd,,4,0.1,0.1,iterates,,loss,0,1,0.1,10,0,\n", "the row has 14 fields"},
      {HEADER "sgd,,4,0.1x,0.1,iterates,,loss,0,1,0.1,10,0\n", "eta is `0.1x`; a number is"},
      {HEADER "sgd,,4,inf,0.1,iterates,,loss,0,1,0.1,10,0\n", "eta is `inf`; a number is"},
      {HEADER "sgd,,,0.1,0.1,iterates,,loss,0,1,0.1,10,0\n", "batch is ``; a number is"},
      {HEADER "s\"d,,4,0.1,0.1,iterates,,loss,0,1,0.1,10,0\n", "a name of a-z, 0-9 and -"},
      {HEADER "sgd,,4,0.1,0.1,iterates,,lo ss,0,1,0.1,10,0\n", "observable is `lo ss`"},
      {HEADER "sgd,,4,0.1,0.1,path,,loss,0,1,0.1,10,0\n", "`iterates` or `sde` is accepted"},
      {HEADER "sgd,,4,0.1,0.1,iterates,0,loss,0,1,0.1,10,0\n", "nothing for iterates"},
      {HEADER "sgd,,4,0.1,0.1,sde,,loss,0,1,0.1,10,0\n", "an index from 0"},
      {HEADER "sgd,,4,0.1,0.1,sde,-1,loss,0,1,0.1,10,0\n", "an index from 0"},
      {HEADER "sgd,,4,0.1,0.1,sde,0,loss,0,one,0.1,10,0\n", "a number or nothing is accepted"}};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    write_file(directory, "series.csv", tables[i].text);
    refuse("compare", SDE_INVALID, tables[i].words);
  }
}
END_TEST

START_TEST(gnuplot_is_missing)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  char *path = sde_strdup(getenv("PATH"));
  setenv("PATH", directory, 1);
  refuse("compare", SDE_FAILED, "gnuplot is not found on PATH");
  setenv("PATH", path, 1);
  sde_free(path);
}
END_TEST

START_TEST(scripts_are_missing)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  setenv("SHARPSDE_PLOTS", directory, 1);
  refuse("compare", SDE_FAILED, "series.gp, which is not in /tmp/");
}
END_TEST

START_TEST(script_fails)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 3});
  write_file(directory, "series.gp", "do for [i = 1:200] { print 'a long complaint' }\nset no\n");
  setenv("SHARPSDE_PLOTS", directory, 1);
  refuse("compare", SDE_FAILED, "line 2: Unrecognized option");
}
END_TEST

START_TEST(disk_is_full)
{
  write_run(&(struct shape){one_eta, one_variant, one_observable, 1, 9});
  write_file(directory, "series.svg", "the old picture");
  struct rlimit before, small = {0};
  getrlimit(RLIMIT_FSIZE, &before);
  small.rlim_max = before.rlim_max;
  small.rlim_cur = (rlim_t)_i * 1024;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  struct plot_files files;
  struct sde_status status = {0};
  bool ok = plot_run(directory, "compare", "title", &files, &status);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_DFL);
  ck_assert(!ok);
  ck_assert_int_eq(status.code, SDE_FAILED);
  ck_assert_msg(strstr(status.message, _i == 0 ? "curves.dat: " : "is the disk full?") != NULL,
                "%s", status.message);
  ck_assert_uint_eq(visit_entries(directory, false), 2);
  char *picture = read_file("series.svg");
  ck_assert_str_eq(picture, "the old picture");
  sde_free(picture);
  plot_files_free(&files);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("plot");
  TCase *pictures = tcase_create("pictures");
  tcase_set_timeout(pictures, 120);
  tcase_add_checked_fixture(pictures, set_up, tear_down);
  tcase_add_test(pictures, family_with_two_sdes);
  tcase_add_loop_test(pictures, every_shape, 0, 6);
  tcase_add_test(pictures, eight_sdes_differ);
  tcase_add_test(pictures, second_half_where_crowded);
  tcase_add_test(pictures, rows_without_mean);
  tcase_add_test(pictures, numbers_of_paths_are_settings);
  tcase_add_test(pictures, title_is_inert);
  tcase_add_loop_test(pictures, directory_is_inert, 0, 4);
  tcase_add_test(pictures, long_title_is_broken_into_lines);
  tcase_add_test(pictures, norms_against_size);
  tcase_add_test(pictures, short_axes_have_tics);
  tcase_add_loop_test(pictures, norms_of_every_shape, 0, 6);
  tcase_add_test(pictures, norms_are_optional);
  tcase_add_test(pictures, landscape_with_paths_and_minima);
  tcase_add_loop_test(pictures, landscapes_of_every_shape, 0, 6);
  tcase_add_test(pictures, landscapes_name_their_coordinates);
  tcase_add_test(pictures, formats_and_caption);
  tcase_add_test(pictures, unknown_format);
  tcase_add_test(pictures, paths_move);
  tcase_add_loop_test(pictures, densities, 0, 4);
  tcase_add_loop_test(pictures, errors_against_the_step, 0, 4);
  suite_add_tcase(suite, pictures);

  TCase *failures = tcase_create("failures");
  tcase_set_timeout(failures, 120);
  tcase_add_checked_fixture(failures, set_up, tear_down);
  tcase_add_test(failures, missing_table);
  tcase_add_test(failures, landscape_lacks_a_table);
  tcase_add_test(failures, unknown_study);
  tcase_add_test(failures, broken_table);
  tcase_add_test(failures, gnuplot_is_missing);
  tcase_add_test(failures, scripts_are_missing);
  tcase_add_test(failures, script_fails);
  tcase_add_loop_test(failures, disk_is_full, 0, 1);
  tcase_add_loop_test(failures, disk_is_full, 4, 5);
  suite_add_tcase(suite, failures);

  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
