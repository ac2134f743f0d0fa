/*
 * Verdicts in a report: see report_verdict.h.
 */
#include "experiments/report/report_verdict.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Parts of the evidence up to which they stand in one line. */
enum { PARTS_IN_LINE = 3 };

/* What can become of a claim, the worst first; `flag` is what a study adds to the part of its
 * evidence that makes it so. */
enum { FAILS, OPEN, HOLDS, OUTCOMES };
static const struct mark {
  const char *class, *sign, *word, *flag;
} marks[OUTCOMES] = {{"no", "✗", "fails", "(fails"},
                     {"open", "?", "undecided", "(undecided"},
                     {"yes", "✓", "holds", NULL}};

static size_t outcome_of(const json_t *verdict)
{
  const json_t *holds = json_object_get(verdict, "holds");
  return json_is_true(holds) ? HOLDS : json_is_false(holds) ? FAILS : OPEN;
}

static const char *text_of(const json_t *verdict, const char *key)
{
  return json_string_value(json_object_get(verdict, key));
}

/* ---- parts of the evidence ---- */

/* Some of a text; of what stands between "; " the next part, from the end of the last one. */
struct part {
  const char *start;
  size_t length;
};

static bool next_part(struct part *part)
{
  const char *start = part->start + part->length;
  if (part->length > 0 && *start == '\0')
    return false;
  start += part->length > 0 ? 2 : 0;
  const char *end = strstr(start, "; ");
  *part = (struct part){start, end == NULL ? strlen(start) : (size_t)(end - start)};
  return part->length > 0;
}

static size_t count_parts(const char *text)
{
  size_t parts = 0;
  for (struct part part = {text, 0}; next_part(&part);)
    parts++;
  return parts;
}

/* How far an interval "[low, high]" is from zero, in units of its half width; 0 of another text. */
static double distance_of(const char *interval)
{
  char *end;
  double low = strtod(interval + 1, &end);
  if (strncmp(end, ", ", 2) != 0)
    return 0;
  double high = strtod(end + 2, &end);
  return *end == ']' && high > low ? fabs(high + low) / (high - low) : 0;
}

/* The largest distance of a part's intervals, 0 where it has none. */
static double clearness(struct part part)
{
  double clear = 0;
  for (const char *at = part.start; at < part.start + part.length; at++)
    if (*at == '[')
      clear = fmax(clear, distance_of(at));
  return clear;
}

static bool has_flag(struct part part, const char *flag)
{
  char *text = sde_format("%.*s", (int)part.length, part.start);
  bool has = strstr(text, flag) != NULL;
  sde_free(text);
  return has;
}

/* A part less the flag at its end. */
static struct part without_flag(struct part part)
{
  for (size_t k = 0; k < HOLDS; k++) {
    char *end = sde_format(" %s)", marks[k].flag);
    size_t length = strlen(end);
    if (part.length > length && strncmp(part.start + part.length - length, end, length) == 0)
      part.length -= length;
    sde_free(end);
  }
  return part;
}

/* Does a part say what the verdict says? One that agrees must not stand for a claim that fails. */
static bool speaks_for(struct part part, size_t outcome)
{
  if (outcome == HOLDS)
    return !has_flag(part, marks[FAILS].flag) && !has_flag(part, marks[OPEN].flag);
  return has_flag(part, marks[outcome].flag);
}

/* The part of the evidence that the outcome rests on, or all of it where no part is flagged;
 * returns its clearness. */
static double clearest_part(const json_t *verdict, struct part *clearest)
{
  const char *evidence = text_of(verdict, "evidence");
  size_t outcome = outcome_of(verdict);
  double most = -1;
  *clearest = (struct part){evidence, strlen(evidence)};
  for (struct part part = {evidence, 0}; next_part(&part);)
    if (speaks_for(part, outcome) && clearness(part) > most) {
      most = clearness(part);
      *clearest = part;
    }
  return most < 0 ? clearness(*clearest) : most;
}

/* ---- the sentence ---- */

static bool is_check(const json_t *verdict)
{
  return strstr(text_of(verdict, "claim"), "exact mean") != NULL;
}

/* The clearest verdict of an outcome, among checks of the simulation or among the others. */
static const json_t *clearest_of(const struct report_run *run, size_t outcome, bool check)
{
  const json_t *verdicts = json_object_get(run->summary, "verdicts"), *clearest = NULL;
  double most = -1;
  for (size_t i = 0; i < json_array_size(verdicts); i++) {
    const json_t *verdict = json_array_get(verdicts, i);
    struct part part;
    if (outcome_of(verdict) != outcome || is_check(verdict) != check)
      continue;
    double clear = clearest_part(verdict, &part);
    if (clear > most) {
      most = clear;
      clearest = verdict;
    }
  }
  return clearest;
}

static const json_t *clearest_verdict(const struct report_run *run)
{
  static const struct {
    size_t outcome;
    bool check;
  } order[] = {{FAILS, false}, {FAILS, true}, {HOLDS, false},
               {OPEN, false},  {HOLDS, true}, {OPEN, true}};
  const json_t *found = NULL;
  for (size_t i = 0; found == NULL && i < sizeof order / sizeof *order; i++)
    found = clearest_of(run, order[i].outcome, order[i].check);
  return found;
}

/* "Of 5 claims 1 fails, 2 are undecided and 2 hold", without what there is none of. */
static void add_counts(struct text *text, const size_t count[OUTCOMES])
{
  static const char *const words[OUTCOMES][2] = {
      {"fails", "fail"}, {"is undecided", "are undecided"}, {"holds", "hold"}};
  size_t all = count[FAILS] + count[OPEN] + count[HOLDS], kinds = 0, told = 0;
  for (size_t k = 0; k < OUTCOMES; k++)
    kinds += count[k] > 0;
  for (size_t k = 0; k < OUTCOMES; k++) {
    if (count[k] == 0)
      continue;
    if (kinds == 1 && all == 2)
      text_add(text, "Both claims %s", words[k][1]);
    else if (kinds == 1 && all > 2)
      text_add(text, "All %zu claims %s", all, words[k][1]);
    else if (kinds == 1)
      text_add(text, "The one claim %s", words[k][0]);
    else
      text_add(text, "%s%zu %s",
               told == 0           ? ""
               : told + 1 == kinds ? " and "
                                   : ", ",
               count[k], words[k][count[k] > 1]);
    told++;
  }
}

void verdict_sentence(struct text *page, const struct report_run *run)
{
  const size_t count[OUTCOMES] = {run->failed, run->open, run->held};
  size_t all = run->held + run->failed + run->open;
  const json_t *clearest = clearest_verdict(run);
  if (clearest == NULL) {
    text_add(page, "<p class=\"sum\">This run puts no claim to the test.</p>\n");
    return;
  }
  static const char *const words[OUTCOMES] = {
      ". Strongest evidence against one: ", ". Nearest to a decision: ", ". Strongest evidence: "};
  const struct mark *worst = &marks[run->failed > 0 ? FAILS : run->open > 0 ? OPEN : HOLDS];
  struct text text = {0};
  struct part part;
  clearest_part(clearest, &part);
  part = without_flag(part);
  if (run->held < all && run->failed < all && run->open < all)
    text_add(&text, "Of %zu claims ", all);
  add_counts(&text, count);
  text_add(&text, "%s%s – %.*s.", all == 1 ? ": " : words[outcome_of(clearest)],
           text_of(clearest, "claim"), (int)part.length, part.start);
  text_add(page, "<p class=\"sum %s\"><span class=\"mark\">%s</span>", worst->class, worst->sign);
  html_prose(page, text.data);
  text_add(page, "</p>\n");
  sde_free(text.data);
}

/* ---- the list ---- */

/* Are all parts flagged with the outcome of the whole? Then the flags say nothing. */
static bool is_flagged_throughout(const char *evidence, size_t outcome)
{
  bool all = outcome != HOLDS;
  for (struct part part = {evidence, 0}; all && next_part(&part);)
    all = has_flag(part, marks[outcome].flag);
  return all;
}

static void add_evidence(struct text *page, const char *evidence, size_t outcome)
{
  bool in_line = count_parts(evidence) <= PARTS_IN_LINE;
  bool flagged = is_flagged_throughout(evidence, outcome);
  text_add(page, "%s", in_line ? "" : "<ul class=\"evidence\">\n");
  for (struct part part = {evidence, 0}; next_part(&part);) {
    struct part shown = flagged ? without_flag(part) : part;
    char *words = sde_format("%s%.*s", in_line && part.start > evidence ? "; " : "",
                             (int)shown.length, shown.start);
    if (in_line)
      html_prose(page, words);
    else
      html_prose_element(page, "li", "", words);
    sde_free(words);
  }
  text_add(page, "%s", in_line ? "" : "</ul>\n");
}

static void add_verdict(struct text *page, const json_t *verdict)
{
  size_t outcome = outcome_of(verdict);
  const struct mark *mark = &marks[outcome];
  text_add(page, "<li class=\"%s\"><span class=\"mark\">%s %s</span><strong>", mark->class,
           mark->sign, mark->word);
  html_prose(page, text_of(verdict, "claim"));
  text_add(page, ":</strong> ");
  add_evidence(page, text_of(verdict, "evidence"), outcome);
  text_add(page, "</li>\n");
}

static void add_outcome(struct text *page, const struct report_run *run, size_t outcome)
{
  size_t i;
  json_t *verdict;
  text_add(page, "<ul class=\"verdicts\">\n");
  json_array_foreach(json_object_get(run->summary, "verdicts"), i,
                     verdict) if (outcome_of(verdict) == outcome) add_verdict(page, verdict);
  text_add(page, "</ul>\n");
}

void verdict_list(struct text *page, const struct report_run *run)
{
  if (run->failed + run->open + run->held == 0)
    text_add(page, "<p>This run puts no claim to the test.</p>\n");
  if (run->failed > 0)
    add_outcome(page, run, FAILS);
  if (run->open > 0)
    add_outcome(page, run, OPEN);
  if (run->held == 0)
    return;
  text_add(page,
           "<details><summary class=\"yes\"><span class=\"mark\">✓</span>%zu claim%s, with "
           "the numbers</summary>\n",
           run->held, run->held == 1 ? " that holds" : "s that hold");
  add_outcome(page, run, HOLDS);
  text_add(page, "</details>\n");
}
