/*
 * Verdicts in a report: see report_verdict.h.
 */
#include "experiments/report/report_verdict.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"
#include "experiments/results/verdict_groups.h"

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
  enum holds holds = verdict_holds(verdict);
  return holds == HOLDS_YES ? HOLDS : holds == HOLDS_NO ? FAILS : OPEN;
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
  const char *evidence = verdict_text(verdict, "evidence");
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

/* The clearest verdict of an outcome, among checks of the simulation or among the others. */
static const json_t *clearest_of(const struct report_run *run, size_t outcome, bool check)
{
  const json_t *verdicts = json_object_get(run->summary, "verdicts"), *clearest = NULL;
  double most = -1;
  for (size_t i = 0; i < json_array_size(verdicts); i++) {
    const json_t *verdict = json_array_get(verdicts, i);
    struct part part;
    if (outcome_of(verdict) != outcome || verdict_is_self_check(verdict) != check)
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
    text_add(page, "<p class=\"sum\">This run tests nothing yet.</p>\n");
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
           verdict_text(clearest, "claim"), (int)part.length, part.start);
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

/* One claim; of several micro-batches the evidence of each. */
static void add_group(struct text *page, const struct verdict_group *group)
{
  const struct mark *mark = &marks[outcome_of(group->verdict[0])];
  text_add(page, "<li class=\"%s\"><span class=\"mark\">%s %s</span><strong>", mark->class,
           mark->sign, mark->word);
  html_prose(page, group->claim);
  text_add(page, ":</strong> ");
  for (size_t i = 0; i < group->count; i++) {
    char *name = verdict_group_name(group, i);
    if (*name != '\0') {
      char *lead = sde_format("%s: ", name);
      text_add(page, "<div class=\"member\">");
      html_prose(page, lead);
      sde_free(lead);
    }
    add_evidence(page, verdict_text(group->verdict[i], "evidence"), outcome_of(group->verdict[i]));
    text_add(page, "%s", *name == '\0' ? "" : "</div>");
    sde_free(name);
  }
  text_add(page, "</li>\n");
}

/* The groups of an outcome, of theory, of self-checks or of both; returns how many claims they are. */
static size_t add_groups(struct text *page, const struct verdict_groups *groups, enum holds holds,
                         bool theory, bool self_checks)
{
  size_t count = 0;
  for (size_t g = 0; g < groups->count; g++) {
    const struct verdict_group *group = &groups->group[g];
    if (group->holds == holds && (group->self_check ? self_checks : theory)) {
      text_add(page, "%s", count == 0 ? "<ul class=\"verdicts\">\n" : "");
      count += group->count;
      add_group(page, group);
    }
  }
  text_add(page, "%s", count == 0 ? "" : "</ul>\n");
  return count;
}

/* Claims that hold, folded away under their number. */
static void add_folded(struct text *page, const struct verdict_groups *groups, bool self_checks)
{
  struct text list = {0};
  size_t count = add_groups(&list, groups, HOLDS_YES, !self_checks, self_checks);
  if (count > 0)
    text_add(page,
             "<details><summary class=\"yes\"><span class=\"mark\">✓</span>%zu %s%s, with "
             "the numbers</summary>\n%s</details>\n",
             count, self_checks ? "check" : "claim",
             self_checks
                 ? count == 1 ? " of the simulation that holds" : "s of the simulation that hold"
             : count == 1 ? " that holds"
                          : "s that hold",
             list.data);
  sde_free(list.data);
}

void verdict_list(struct text *page, const struct report_run *run)
{
  const json_t *verdicts = json_object_get(run->summary, "verdicts");
  struct verdict_groups groups = verdict_groups_new(verdicts);
  if (groups.count == 0)
    text_add(page, "<p>This run tests nothing yet.</p>\n");
  add_groups(page, &groups, HOLDS_NO, true, true);
  add_groups(page, &groups, HOLDS_UNDECIDED, true, true);
  add_folded(page, &groups, false);
  add_folded(page, &groups, true);
  verdict_groups_free(&groups);
}
