/*
 * Reports: see report.h. The sections of a run and their order stand here.
 */
#include "experiments/report/report.h"

#include "experiments/report/report_attention.h"
#include "experiments/report/report_equations.h"
#include "experiments/report/report_html.h"
#include "experiments/report/report_run.h"
#include "experiments/report/report_svg.h"
#include "experiments/report/report_verdict.h"
#include "experiments/results/files.h"

#include <math.h>
#include <string.h>

/* Rows of a table that are shown at most, and up to which it stands open. */
enum { ROWS_OF_SUMMARY = 100, ROWS_OF_CSV = 40, ROWS_OPEN = 24 };

/* One run on the page: its ids begin with `prefix`, its title is a heading of `level`. */
struct place {
  const struct report_run *run;
  char *prefix;
  int level;
};

static const char *title_of(const struct report_run *run)
{
  return run->title[0] != '\0' ? run->title : "A run without a title";
}

static void add_section(struct text *page, const struct place *place, const char *id,
                        const char *heading)
{
  html_heading(page, place->level + 1, place->prefix, id, heading);
}

/* ---- head ---- */

/* How many paths, or the tolerance that they were to meet. */
static char *paths_text(const struct report_run *run)
{
  double tolerance = report_run_tolerance(run);
  if (!isnan(tolerance))
    return sde_format("as a tolerance of %g took", tolerance);
  const json_t *paths = json_object_get(run->summary, "paths");
  if (json_is_integer(paths))
    return sde_format("%lld", (long long)json_integer_value(paths));
  struct text text = {0};
  text_add(&text, "%s", "");
  for (size_t i = 0; i < json_array_size(paths); i++)
    text_add(&text, "%s%lld", i == 0 ? "" : ", ",
             (long long)json_integer_value(json_array_get(paths, i)));
  return text.data;
}

static char *time_text(const struct report_run *run)
{
  const json_t *seconds = json_object_get(run->about, "seconds");
  return json_is_number(seconds) ? sde_format("%.3g s", json_number_value(seconds))
                                 : sde_strdup("unknown");
}

static void add_facts(struct text *page, const struct report_run *run)
{
  char *paths = paths_text(run), *time = time_text(run);
  char *many = isnan(report_run_tolerance(run))
                   ? sde_format("%s paths", paths)
                   : sde_format("to a tolerance of %g", report_run_tolerance(run));
  char *facts =
      sde_format("Study %s, %s, seed %lld, run time %s", run->study, many,
                 (long long)json_integer_value(json_object_get(run->summary, "seed")), time);
  html_element(page, "p", "class=\"facts\"", facts);
  sde_free(many);
  sde_free(facts);
  sde_free(time);
  sde_free(paths);
}

/* Lines of words are paragraphs; lines that are set in by two blanks or more stay as they are. */
static void add_comment(struct text *page, const struct report_run *run)
{
  const char *line = json_string_value(json_object_get(run->about, "comment"));
  enum { NOTHING, WORDS, TABLE } inside = NOTHING;
  static const char *const ends[] = {"", "</p>\n", "</pre>\n"}, *const begins[] = {"", "<p>",
                                                                                   "<pre>"};
  if (line == NULL || *line == '\0')
    return;
  text_add(page, "<div class=\"comment\">\n");
  while (*line != '\0') {
    size_t length = strcspn(line, "\n");
    int kind = length == 0 ? NOTHING : strncmp(line, "  ", 2) == 0 ? TABLE : WORDS;
    if (kind != (int)inside)
      text_add(page, "%s%s", ends[inside], begins[kind]);
    else if (kind != NOTHING)
      text_add(page, "\n");
    inside = kind;
    char *words = sde_format("%.*s", (int)length, line);
    html_text(page, words);
    sde_free(words);
    line += length + (line[length] == '\n');
  }
  text_add(page, "%s</div>\n", ends[inside]);
}

/* ---- verdicts ---- */

/* Claims name SDEs by their index. */
static void add_names_of_sdes(struct text *page, const struct report_run *run)
{
  const json_t *sdes = json_object_get(run->summary, "sdes");
  for (size_t s = 0; s < json_array_size(sdes); s++) {
    char *description = report_sde_description(run, s);
    char *line = sde_format("SDE %zu: %s.", s, description);
    html_element(page, "p", "class=\"facts\"", line);
    sde_free(line);
    sde_free(description);
  }
}

static void add_verdicts(struct text *page, const struct place *place)
{
  add_section(page, place, "verdicts", "Verdict");
  verdict_list(page, place->run);
  if (place->run->held + place->run->failed + place->run->open > 0)
    add_names_of_sdes(page, place->run);
}

/* ---- pictures ---- */

/* What each kind of picture shows, by the name of its file up to - or a point. */
static const struct {
  const char *name, *caption;
} captions[] = {
    {"series", "Means over the paths against time, of the iterates and of the SDEs beside them; "
               "shaded, their 95 % bands"},
    {"distances", "Wasserstein distances between the laws of iterates and SDE over time"},
    {"order", "The weak error against the learning rate η or the radius ρ, both logarithmic"},
    {"regularizer", "The measured coefficient of the variance term beside its prediction"},
    {"norms", "The mean norm of the gradient of a batch against its size"},
    {"converge", "Errors of the schemes against the step, both logarithmic"},
    {"escape", "Shares of paths that have not left over time, and below the mean times of escape"},
    {"landscape", "Contours of the loss, and of f + ρR, with paths over them"},
    {"density", "The loss, and below it the stationary density, exact and simulated"},
};

static const char *caption_of(const char *file)
{
  size_t length = strcspn(file, "-.");
  for (size_t i = 0; i < sizeof captions / sizeof *captions; i++)
    if (strlen(captions[i].name) == length && strncmp(captions[i].name, file, length) == 0)
      return captions[i].caption;
  return "A picture of the run";
}

/* One picture; why it cannot be shown goes to `refused`. */
static void add_picture(struct text *page, const struct place *place, size_t index,
                        struct sde_status *refused)
{
  const char *name = place->run->picture[index].name, *caption = caption_of(name);
  char *path = sde_format("%s/%s", place->run->directory, name);
  char *source = report_run_file(place->run, name, refused);
  char *label = sde_format("%s: %s", title_of(place->run), caption);
  char *prefix = sde_format("%spicture-%zu-", place->prefix, index + 1);
  struct text svg = {0};
  if (source != NULL && svg_inline(&svg, source, prefix, label, path, refused)) {
    text_add(page, "<figure>\n<div class=\"card\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, name);
    text_add(page, "\">\n%s</div>\n<figcaption>", svg.data);
    html_text(page, caption);
    text_add(page, " (<code>");
    html_text(page, name);
    text_add(page, "</code>).</figcaption>\n</figure>\n");
  }
  sde_free(svg.data);
  sde_free(prefix);
  sde_free(label);
  sde_free(source);
  sde_free(path);
}

/* ---- tables ---- */

/* A list of a summary, by its key. */
static const char *list_title(const char *key)
{
  static const struct {
    const char *key, *title;
  } titles[] = {{"rows", "Results, a row a case"}, {"fits", "Fitted orders"},
                {"decays", "Rates of decay"},      {"distances", "Distances between laws"},
                {"norms", "Norms of gradients"},   {"minima", "Minima"}};
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    if (strcmp(titles[i].key, key) == 0)
      return titles[i].title;
  return key;
}

static void add_tables(struct text *page, const struct place *place)
{
  const struct report_run *run = place->run;
  const char *key;
  json_t *value;
  add_section(page, place, "tables", "Tables");
  text_add(page, "<p class=\"quiet\">Numbers are rounded to five digits, or to the second digit of "
                 "their standard error (se); the files have all digits.</p>\n");
  json_object_foreach(run->summary, key, value)
  {
    struct report_table table;
    if (!json_is_object(json_array_get(value, 0)) || strcmp(key, "sdes") == 0 ||
        strcmp(key, "verdicts") == 0)
      continue;
    report_table_json(&table, value);
    report_table_html(page, &table, list_title(key), "summary.json", ROWS_OF_SUMMARY,
                      table.rows <= ROWS_OPEN);
    report_table_free(&table);
  }
  for (size_t i = 0; i < run->tables; i++)
    report_table_html(page, &run->table[i].table, run->table[i].name, run->table[i].name,
                      ROWS_OF_CSV, false);
}

/* ---- how to run it again ---- */

static void add_fact(struct text *page, const char *name, const char *value)
{
  if (value == NULL)
    return;
  html_element(page, "dt", "", name);
  html_element(page, "dd", "", value);
}

/* A word as a shell reads it. */
static void add_shell_word(struct text *text, const char *word)
{
  static const char plain[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=";
  if (word[0] != '\0' && word[0] != '-' && word[strspn(word, plain)] == '\0') {
    text_add(text, "%s", word);
    return;
  }
  text_add(text, "'");
  for (; *word != '\0'; word++)
    text_add(text, *word == '\'' ? "'\\''" : "%c", *word);
  text_add(text, "'");
}

static void add_command(struct text *page, const struct report_run *run)
{
  struct text command = {0};
  char *recipe = sde_format("%s/recipe.yaml", run->directory);
  char *again = sde_format("%s-again", run->directory);
  text_add(&command, "sharpsde run ");
  add_shell_word(&command, recipe);
  text_add(&command, " -o ");
  add_shell_word(&command, again);
  text_add(page, "<p>The resolved recipe gives the same bytes of tables and summary again:</p>\n");
  html_element(page, "pre", "", command.data);
  sde_free(again);
  sde_free(recipe);
  sde_free(command.data);
}

static void add_origin(struct text *page, const struct place *place)
{
  const struct report_run *run = place->run;
  const json_t *threads = json_object_get(run->about, "threads");
  char *seed =
      sde_format("%lld", (long long)json_integer_value(json_object_get(run->summary, "seed")));
  char *time = time_text(run), *paths = paths_text(run);
  char *used = json_is_integer(threads)
                   ? sde_format("%s on %lld threads", time, (long long)json_integer_value(threads))
                   : sde_strdup(time);
  add_section(page, place, "again", "Run it again");
  add_command(page, run);
  text_add(page, "<dl>\n");
  add_fact(page, "Version", json_string_value(json_object_get(run->summary, "version")));
  add_fact(page, "Seed", seed);
  add_fact(page, "Paths", paths);
  add_fact(page, "Run time", used);
  add_fact(page, "Finished", json_string_value(json_object_get(run->about, "finished")));
  add_fact(page, "Vector kernels", json_string_value(json_object_get(run->about, "vector_math")));
  add_fact(page, "SHA-256 of the recipe",
           json_string_value(json_object_get(run->summary, "recipe_sha256")));
  add_fact(page, "Directory", run->directory);
  text_add(page, "</dl>\n<details open><summary>The recipe, with every default</summary>\n");
  html_element(page, "pre", "", run->recipe_text);
  text_add(page, "</details>\n");
  const char *notes = json_string_value(json_object_get(run->about, "notes"));
  if (notes != NULL && notes[0] != '\0') {
    text_add(page, "<details><summary>What the run said</summary>\n");
    html_element(page, "pre", "", notes);
    text_add(page, "</details>\n");
  }
  sde_free(used);
  sde_free(paths);
  sde_free(time);
  sde_free(seed);
}

/* ---- a run ---- */

static void add_contents(struct text *page, const struct place *place)
{
  static const char *const sections[][2] = {{"verdicts", "Verdict"},
                                            {"pictures", "Pictures"},
                                            {"equations", "Equations"},
                                            {"tables", "Tables"},
                                            {"again", "Run it again"}};
  text_add(page, "<nav aria-label=\"Sections\"><p>");
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    text_add(page, "%s<a href=\"#%s%s\">%s</a>", i == 0 ? "" : " · ", place->prefix, sections[i][0],
             sections[i][1]);
  text_add(page, "</p></nav>\n");
}

static void add_attention(struct text *page, const struct place *place, const char *refused)
{
  struct text items = {0};
  if (report_attention(&items, place->run, refused) > 0) {
    text_add(page, "<section class=\"attention\" aria-labelledby=\"%sattention\">\n",
             place->prefix);
    html_heading(page, place->level + 1, place->prefix, "attention", "Read this first");
    text_add(page, "<ul>\n%s</ul>\n</section>\n", items.data);
  }
  sde_free(items.data);
}

/* What must be known first stands before everything but the title, so that the pictures are made
 * before their place is known. */
static void add_run(struct text *page, const struct place *place)
{
  struct text pictures = {0};
  struct sde_status refused = {SDE_OK, ""};
  text_add(&pictures, "%s", "");
  for (size_t i = 0; i < place->run->pictures; i++)
    add_picture(&pictures, place, i, &refused);
  html_heading(page, place->level, place->prefix, "title", title_of(place->run));
  add_facts(page, place->run);
  add_attention(page, place, refused.code == SDE_OK ? NULL : refused.message);
  verdict_sentence(page, place->run);
  add_comment(page, place->run);
  add_contents(page, place);
  add_verdicts(page, place);
  add_section(page, place, "pictures", "Pictures");
  text_add(page, "%s",
           pictures.data[0] != '\0' ? pictures.data : "<p>There are no pictures.</p>\n");
  add_section(page, place, "equations", "Equations");
  report_equations(page, place->run, place->prefix, place->level + 2);
  add_tables(page, place);
  add_origin(page, place);
  sde_free(pictures.data);
}

/* ---- several runs ---- */

static void add_overview_row(struct text *page, const struct place *place)
{
  const struct report_run *run = place->run;
  char *paths = paths_text(run), *time = time_text(run);
  text_add(page, "<tr><td><a href=\"#%stitle\">", place->prefix);
  html_text(page, title_of(run));
  text_add(page, "</a></td><td>");
  html_text(page, run->study);
  text_add(page,
           "</td><td class=\"number\">%zu</td><td class=\"number\">%zu</td>"
           "<td class=\"number\">%zu</td><td class=\"number\">%lld</td><td class=\"number\">",
           run->held, run->failed, run->open,
           (long long)json_integer_value(json_object_get(run->summary, "seed")));
  html_text(page, paths);
  text_add(page, "</td><td class=\"number\">");
  html_text(page, time);
  text_add(page, "</td></tr>\n");
  sde_free(time);
  sde_free(paths);
}

/* The sentence of each run, which leads to it. */
static void add_overview_sentences(struct text *page, size_t runs, const struct place *place)
{
  text_add(page, "<ul class=\"sentences\">\n");
  for (size_t i = 0; i < runs; i++) {
    text_add(page, "<li><a href=\"#%stitle\">", place[i].prefix);
    html_text(page, title_of(place[i].run));
    text_add(page, "</a>\n");
    verdict_sentence(page, place[i].run);
    text_add(page, "</li>\n");
  }
  text_add(page, "</ul>\n");
}

/* Which runs have something to be known first. */
static void add_overview_attention(struct text *page, size_t runs, const struct place *place)
{
  struct text list = {0};
  for (size_t i = 0; i < runs; i++) {
    struct text items = {0};
    size_t count = report_attention(&items, place[i].run, NULL);
    if (count > 0) {
      text_add(&list, "<li><a href=\"#%sattention\">", place[i].prefix);
      html_text(&list, title_of(place[i].run));
      text_add(&list, "</a><ul>\n%s</ul></li>\n", items.data);
    }
    sde_free(items.data);
  }
  if (list.length > 0)
    text_add(page,
             "<section class=\"attention\" aria-labelledby=\"attention\">\n"
             "<h2 id=\"attention\">Read this first</h2>\n<ul>\n%s</ul>\n</section>\n",
             list.data);
  sde_free(list.data);
}

static void add_overview(struct text *page, size_t runs, const struct place *place)
{
  text_add(page, "<h1>Comparison of %zu runs</h1>\n", runs);
  add_overview_attention(page, runs, place);
  add_overview_sentences(page, runs, place);
  text_add(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">"
                 "<table class=\"runs\"><thead><tr><th scope=\"col\">run</th>"
                 "<th scope=\"col\">study</th>");
  static const char *const words[] = {"✓ hold", "✗ fail", "? open", "seed", "paths", "time"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    text_add(page, "<th scope=\"col\" class=\"number\">%s</th>", words[i]);
  text_add(page, "</tr></thead>\n<tbody>\n");
  for (size_t i = 0; i < runs; i++)
    add_overview_row(page, &place[i]);
  text_add(page, "</tbody></table></div>\n");
}

static void add_page(struct text *page, size_t runs, const struct report_run *run)
{
  struct place *place = sde_alloc(runs, sizeof *place);
  char *title =
      runs == 1 ? sde_strdup(title_of(&run[0])) : sde_format("Comparison of %zu runs", runs);
  for (size_t i = 0; i < runs; i++)
    place[i] = (struct place){&run[i], runs == 1 ? sde_strdup("") : sde_format("run-%zu-", i + 1),
                              runs == 1 ? 1 : 2};
  html_begin(page, title);
  if (runs > 1)
    add_overview(page, runs, place);
  for (size_t i = 0; i < runs; i++) {
    text_add(page, "<article%s>\n", runs > 1 ? " class=\"run\"" : "");
    add_run(page, &place[i]);
    text_add(page, "</article>\n");
    sde_free(place[i].prefix);
  }
  html_end(page);
  sde_free(title);
  sde_free(place);
}

bool report_write(size_t runs, const char *const *directory, const char *folder, const char *name,
                  struct sde_status *status)
{
  struct report_run *run = sde_alloc(runs, sizeof *run);
  struct text page = {0};
  bool good = true;
  for (size_t i = 0; good && i < runs; i++)
    good = report_run_read(&run[i], directory[i], status);
  if (good) {
    add_page(&page, runs, run);
    good = results_write_file(folder, name, page.data, page.length, status);
  }
  for (size_t i = 0; i < runs; i++)
    report_run_free(&run[i]);
  sde_free(page.data);
  sde_free(run);
  return good;
}
