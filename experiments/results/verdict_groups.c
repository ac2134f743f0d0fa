/*
 * Verdicts in groups: see verdict_groups.h.
 */
#include "experiments/results/verdict_groups.h"

#include "experiments/io/text.h"

#include <ctype.h>
#include <string.h>

enum holds verdict_holds(const json_t *verdict)
{
  const json_t *holds = json_object_get(verdict, "holds");
  return json_is_true(holds) ? HOLDS_YES : json_is_false(holds) ? HOLDS_NO : HOLDS_UNDECIDED;
}

bool verdict_is_self_check(const json_t *verdict)
{
  return json_is_true(json_object_get(verdict, "self_check"));
}

const char *verdict_text(const json_t *verdict, const char *key)
{
  return json_string_value(json_object_get(verdict, key));
}

/* The "m=16" of "…, m-usam m=16, b 4: …", with its length; NULL where no micro-batch is named. */
static const char *find_micro_batch(const char *claim, size_t *length)
{
  const char *at = strstr(claim, " m=");
  *length = 0;
  if (at == NULL || !isdigit((unsigned char)at[3]))
    return NULL;
  *length = 2 + strspn(at + 3, "0123456789");
  return at + 1;
}

/* Do two claims differ in the micro-batch alone? */
static bool is_like(const json_t *a, const json_t *b)
{
  const char *x = verdict_text(a, "claim"), *y = verdict_text(b, "claim");
  size_t of_x, of_y;
  const char *m = find_micro_batch(x, &of_x), *n = find_micro_batch(y, &of_y);
  return m != NULL && n != NULL && m - x == n - y && strncmp(x, y, (size_t)(m - x)) == 0 &&
         strcmp(m + of_x, n + of_y) == 0;
}

static bool is_of(const struct verdict_group *group, const json_t *verdict)
{
  return group->holds == verdict_holds(verdict) &&
         group->self_check == verdict_is_self_check(verdict) && is_like(group->verdict[0], verdict);
}

static void add_verdict(struct verdict_groups *groups, size_t from, const json_t *verdict,
                        size_t most)
{
  size_t g = from;
  while (g < groups->count && !is_of(&groups->group[g], verdict))
    g++;
  struct verdict_group *group = &groups->group[g];
  if (g == groups->count) {
    groups->count++;
    *group = (struct verdict_group){verdict_holds(verdict), verdict_is_self_check(verdict), NULL, 0,
                                    sde_alloc(most, sizeof *group->verdict)};
  }
  group->verdict[group->count++] = verdict;
}

/* The claim of all: the micro-batches in a row where the first one's stands. */
static char *claim_of(const struct verdict_group *group)
{
  const char *claim = verdict_text(group->verdict[0], "claim");
  struct text text = {0};
  size_t length;
  const char *m = find_micro_batch(claim, &length);
  if (group->count == 1 || m == NULL)
    return sde_strdup(claim);
  text_add(&text, "%.*s", (int)(m - claim + (ptrdiff_t)length), claim);
  for (size_t i = 1; i < group->count; i++) {
    size_t digits;
    const char *other = find_micro_batch(verdict_text(group->verdict[i], "claim"), &digits);
    text_add(&text, ", %.*s", (int)digits - 2, other + 2);
  }
  text_add(&text, "%s", m + length);
  return text.data;
}

struct verdict_groups verdict_groups_new(const json_t *verdicts)
{
  static const enum holds order[] = {HOLDS_NO, HOLDS_UNDECIDED, HOLDS_YES};
  size_t all = json_array_size(verdicts);
  struct verdict_groups groups = {0, sde_alloc(all, sizeof *groups.group)};
  for (size_t kind = 0; kind < 2; kind++)
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
      size_t from = groups.count;
      for (size_t i = 0; i < all; i++) {
        const json_t *verdict = json_array_get(verdicts, i);
        if (verdict_is_self_check(verdict) == (kind == 1) && verdict_holds(verdict) == order[k])
          add_verdict(&groups, from, verdict, all);
      }
    }
  for (size_t g = 0; g < groups.count; g++)
    groups.group[g].claim = claim_of(&groups.group[g]);
  return groups;
}

void verdict_groups_free(struct verdict_groups *groups)
{
  for (size_t g = 0; g < groups->count; g++) {
    sde_free(groups->group[g].claim);
    sde_free(groups->group[g].verdict);
  }
  sde_free(groups->group);
}

char *verdict_group_name(const struct verdict_group *group, size_t member)
{
  size_t length;
  const char *m = find_micro_batch(verdict_text(group->verdict[member], "claim"), &length);
  return group->count == 1 || m == NULL ? sde_strdup("") : sde_format("%.*s", (int)length, m);
}

size_t verdict_count(const json_t *verdicts, enum holds holds)
{
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(verdicts); i++)
    count += verdict_holds(json_array_get(verdicts, i)) == holds;
  return count;
}

char *verdict_counts(const json_t *verdicts)
{
  size_t all = json_array_size(verdicts), hold = verdict_count(verdicts, HOLDS_YES);
  size_t fail = verdict_count(verdicts, HOLDS_NO), open = all - hold - fail;
  struct text text = {0};
  if (all == 0)
    return NULL;
  text_add(&text, "%zu of %zu check%s hold%s", hold, all, all == 1 ? "" : "s",
           hold == 1 ? "s" : "");
  if (fail > 0)
    text_add(&text, ", %zu fail%s", fail, fail == 1 ? "s" : "");
  if (open > 0)
    text_add(&text, ", %zu undecided", open);
  return text.data;
}

static const char *word_of(enum holds holds)
{
  return holds == HOLDS_YES ? "holds:" : holds == HOLDS_NO ? "fails:" : "undecided:";
}

static void print_group(const struct verdict_group *group, FILE *out)
{
  fprintf(out, "%-10s %s\n", word_of(group->holds), group->claim);
  for (size_t i = 0; i < group->count; i++) {
    char *name = verdict_group_name(group, i);
    fprintf(out, "           %s%s%s\n", name, *name == '\0' ? "" : ": ",
            verdict_text(group->verdict[i], "evidence"));
    sde_free(name);
  }
}

void verdict_groups_print(const json_t *verdicts, FILE *out)
{
  struct verdict_groups groups = verdict_groups_new(verdicts);
  bool theory = groups.count > 0 && !groups.group[0].self_check;
  size_t folded = 0;
  for (size_t g = 0; g < groups.count; g++) {
    const struct verdict_group *group = &groups.group[g];
    if (theory && group->self_check && group->holds == HOLDS_YES)
      folded += group->count;
    else
      print_group(group, out);
  }
  if (folded > 0)
    fprintf(out,
            "%-10s the simulation has the exact means in %zu check%s, whose numbers are in the "
            "report\n",
            word_of(HOLDS_YES), folded, folded == 1 ? "" : "s");
  verdict_groups_free(&groups);
}
