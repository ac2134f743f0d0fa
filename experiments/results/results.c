/*
 * Results: tables, summary, verdicts, and the files of a run. See results.h.
 */
#include "experiments/results/results.h"

#include "experiments/io/directory.h"
#include "experiments/io/json.h"
#include "experiments/recipe/study.h"
#include "experiments/results/files.h"
#include "experiments/results/path_file.h"
#include "experiments/results/verdict_groups.h"
#include "sde/ranks.h"
#include "sde/status.h"
#include "sde/vector_math.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The version of the formats of summary.json and the tables. */
enum { SCHEMA = 1, TABLES_MAX = 16 };

struct table {
  const char *name;
  FILE *stream;
  char *text;
  size_t length;
};

struct results {
  const struct recipe *recipe;
  json_t *summary, *verdicts, *about;
  size_t tables;
  struct table table[TABLES_MAX];
  struct path_file *paths; /* NULL without */
  size_t label_width;      /* of the longest label of a case; 0 is not known */
  bool failed;
  FILE *leads, *notes, *warnings;
  char *leads_text, *notes_text, *warnings_text;
  size_t leads_length, notes_length, warnings_length;
};

static FILE *memory_stream(char **text, size_t *length)
{
  FILE *stream = open_memstream(text, length);
  if (stream == NULL)
    sde_ranks_stop("out of memory");
  return stream;
}

static json_t *describe_sde(const struct recipe *recipe, size_t index)
{
  const struct parameters *sde = recipe->sde[index];
  struct recipe_scheme scheme = recipe_scheme(recipe, index);
  const char *rho_order = parameters_text(sde, "rho_order");
  bool own = !isnan(recipe_tolerance(recipe)); /* then each case has its scheme and its levels */
  const char *name = own ? parameters_text(sde, "scheme") : scheme.scheme->name;
  json_t *described = json_pack(
      "{s:i, s:i, s:o, s:b, s:s, s:o}", "index", (int)index, "eta_order",
      (int)parameters_u64(sde, "eta_order"), "rho_order",
      strcmp(rho_order, "exact") == 0 ? json_string(rho_order) : json_integer(atoi(rho_order)),
      "variance_term", parameters_bool(sde, "variance_term"), "scheme", name, "substeps",
      own ? json_null() : json_integer((json_int_t)scheme.substeps));
  if (parameters_has(sde, "noise"))
    json_object_set_new(described, "noise", json_boolean(parameters_bool(sde, "noise")));
  if (parameters_has(sde, "of"))
    json_object_set_new(described, "of", json_string(parameters_text(sde, "of")));
  if (parameters_has(sde, "covariance"))
    json_object_set_new(described, "covariance", json_string(parameters_text(sde, "covariance")));
  return described;
}

static json_t *path_counts(const struct recipe *recipe)
{
  const struct parameters *common = recipe->common;
  size_t count;
  if (!isnan(recipe_tolerance(recipe)))
    return json_null();
  const double *paths = parameters_reals(common, "paths", &count);
  if (count == 1)
    return json_integer((json_int_t)paths[0]);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_integer((json_int_t)paths[i]));
  return list;
}

struct results *results_new(const struct recipe *recipe)
{
  struct results *results = sde_alloc(1, sizeof *results);
  results->recipe = recipe;
  results->leads = memory_stream(&results->leads_text, &results->leads_length);
  results->notes = memory_stream(&results->notes_text, &results->notes_length);
  results->warnings = memory_stream(&results->warnings_text, &results->warnings_length);
  results->verdicts = json_array();
  results->about = json_object();
  json_t *sdes = json_array();
  for (size_t i = 0; i < recipe->sdes; i++)
    json_array_append_new(sdes, describe_sde(recipe, i));
  results->summary = json_pack(
      "{s:s, s:o, s:I, s:o, s:i, s:s, s:s, s:o}", "study", recipe->study->name, "title",
      json_text(parameters_text(recipe->common, "title")), "seed",
      (json_int_t)parameters_u64(recipe->common, "seed"), "paths", path_counts(recipe), "schema",
      SCHEMA, "version", SHARPSDE_VERSION, "recipe_sha256", recipe->sha256, "sdes", sdes);
  if (!isnan(recipe_tolerance(recipe)))
    json_object_set_new(results->summary, "tolerance", json_real(recipe_tolerance(recipe)));
  return results;
}

void results_free(struct results *results)
{
  if (results == NULL)
    return;
  for (size_t i = 0; i < results->tables; i++) {
    fclose(results->table[i].stream);
    free(results->table[i].text);
  }
  fclose(results->leads);
  fclose(results->notes);
  fclose(results->warnings);
  free(results->leads_text);
  free(results->notes_text);
  free(results->warnings_text);
  json_decref(results->verdicts);
  json_decref(results->summary);
  json_decref(results->about);
  path_file_free(results->paths);
  sde_free(results);
}

FILE *results_find_table(struct results *results, const char *name)
{
  for (size_t i = 0; i < results->tables; i++)
    if (strcmp(results->table[i].name, name) == 0)
      return results->table[i].stream;
  return NULL;
}

FILE *results_table(struct results *results, const char *name, const char *header)
{
  FILE *made = results_find_table(results, name);
  if (made != NULL)
    return made;
  if (results->tables == TABLES_MAX || !result_file_is_known(name))
    abort();
  struct table *table = &results->table[results->tables++];
  table->name = name;
  table->stream = memory_stream(&table->text, &table->length);
  fprintf(table->stream, "%s\n", header);
  return table->stream;
}

bool results_name_updates(const struct results *results)
{
  return recipe_names_updates(results->recipe);
}

void results_set_label_width(struct results *results, size_t width)
{
  results->label_width = width;
}

int results_label_excess(const struct results *results)
{
  size_t held = strlen("m-usam m=128");
  return results->label_width > held ? (int)(results->label_width - held) : 0;
}

struct path_file *results_path_file(struct results *results)
{
  if (results->paths == NULL)
    results->paths = path_file_new(results->recipe);
  return results->paths;
}

void results_number(FILE *table, double value)
{
  if (isnan(value))
    return;
  for (int digits = 15; digits <= 17; digits++) {
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (digits == 17 || strtod(text, NULL) == value) {
      fputs(text, table);
      return;
    }
  }
}

json_t *results_summary(struct results *results)
{
  return results->summary;
}

json_t *results_about(struct results *results)
{
  return results->about;
}

json_t *results_json(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

/* A verdict with its evidence, the format and what it takes. */
static json_t *verdict_new(const char *claim, enum holds holds, const char *evidence,
                           va_list arguments)
{
  char *text = NULL;
  size_t length = 0;
  FILE *stream = memory_stream(&text, &length);
  vfprintf(stream, evidence, arguments);
  fclose(stream);
  json_t *verdict =
      json_pack("{s:o, s:o, s:o}", "claim", json_text(claim), "holds",
                holds == HOLDS_UNDECIDED ? json_null() : json_boolean(holds == HOLDS_YES),
                "evidence", json_text(text));
  free(text);
  return verdict;
}

void results_verdict(struct results *results, const char *claim, enum holds holds,
                     const char *evidence, ...)
{
  va_list arguments;
  va_start(arguments, evidence);
  json_array_append_new(results->verdicts, verdict_new(claim, holds, evidence, arguments));
  va_end(arguments);
}

void results_self_check(struct results *results, const char *claim, enum holds holds,
                        const char *evidence, ...)
{
  va_list arguments;
  va_start(arguments, evidence);
  json_t *verdict = verdict_new(claim, holds, evidence, arguments);
  va_end(arguments);
  json_object_set_new(verdict, "self_check", json_true());
  json_array_append_new(results->verdicts, verdict);
}

const json_t *results_verdicts(const struct results *results)
{
  return results->verdicts;
}

const char *results_flag(enum holds holds)
{
  return holds == HOLDS_NO ? " (fails)" : holds == HOLDS_UNDECIDED ? " (undecided)" : "";
}

void results_note(struct results *results, bool warning, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vfprintf(warning ? results->warnings : results->notes, format, arguments);
  va_end(arguments);
}

void results_lead(struct results *results, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vfprintf(results->leads, format, arguments);
  va_end(arguments);
}

void results_fail(struct results *results)
{
  results->failed = true;
}

bool results_failed(const struct results *results)
{
  return results->failed;
}

void results_print(const struct results *results, FILE *out)
{
  fflush(results->leads);
  fputs(results->leads_text, out);
  fflush(results->notes);
  fputs(results->notes_text, out);
  verdict_groups_print(results->verdicts, out);
}

void results_print_warnings(const struct results *results, FILE *out)
{
  fflush(results->warnings);
  fputs(results->warnings_text, out);
}

bool results_write(struct results *results, const char *directory, struct sde_status *status)
{
  const char *resolved = results->recipe->resolved;
  if (!directory_make(directory, NULL, status))
    return false;
  bool good = results_write_file(directory, "recipe.yaml", resolved, strlen(resolved), status);
  for (size_t i = 0; good && i < results->tables; i++) {
    if (fflush(results->table[i].stream) != 0 || ferror(results->table[i].stream))
      return sde_fail(status, SDE_FAILED, "%s: out of memory", results->table[i].name);
    good = results_write_file(directory, results->table[i].name, results->table[i].text,
                              results->table[i].length, status);
  }
  if (results->paths != NULL)
    good = good && path_file_write(results->paths, directory, status);
  json_object_set(results->summary, "verdicts", results->verdicts);
  return good && result_write_json(directory, "summary.json", results->summary, status);
}

bool results_write_run(const struct results *results, const char *directory,
                       const struct results_effort *effort, size_t pictures, char *const *picture,
                       struct sde_status *status)
{
  char host[256] = "", when[64];
  gethostname(host, sizeof host - 1);
  time_t now = time(NULL);
  struct tm utc;
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  json_t *files =
      json_pack("[s, s, s, s]", "recipe.yaml", "summary.json", "run.json", "report.html");
  for (size_t i = 0; i < results->tables; i++)
    json_array_append_new(files, json_string(results->table[i].name));
  if (results->paths != NULL)
    json_array_append_new(files, json_string("paths.nc"));
  for (size_t i = 0; i < pictures; i++)
    json_array_append_new(files, json_text(picture[i]));
  json_t *rank_paths = json_array();
  for (size_t r = 0; r < effort->ranks; r++)
    json_array_append_new(rank_paths, json_integer((json_int_t)effort->rank_paths[r]));
  fflush(results->leads);
  fflush(results->notes);
  fflush(results->warnings);
  json_t *run = json_pack(
      "{s:s, s:f, s:o, s:i, s:i, s:o, s:I, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "finished",
      when, "seconds", effort->seconds, "host", json_text(host), "threads", effort->threads,
      "ranks", (int)effort->ranks, "rank_paths", rank_paths, "path_steps",
      (json_int_t)effort->path_steps, "version", SHARPSDE_VERSION, "vector_math",
      sde_vector_math()->name, "failed", (int)results->failed, "comment",
      json_text(results->recipe->comment), "leads", json_text(results->leads_text), "warnings",
      json_text(results->warnings_text), "notes", json_text(results->notes_text), "files", files);
  json_object_update(run, results->about);
  bool good = result_write_json(directory, "run.json", run, status);
  json_decref(run);
  return good;
}
