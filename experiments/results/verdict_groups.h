/*
 * Verdicts in the order in which people read them: claims of theory before checks of the simulation
 * by itself, what fails before what is undecided and what holds; and claims that differ in the
 * micro-batch alone, with one outcome, as one.
 */
#ifndef EXPERIMENTS_RESULTS_VERDICT_GROUPS_H
#define EXPERIMENTS_RESULTS_VERDICT_GROUPS_H

#include "experiments/results/results.h"

struct verdict_group {
  enum holds holds;
  bool self_check;
  char *claim; /* "m-usam m=4, 2, 1: …" of several */
  size_t count;
  const json_t **verdict;
};

struct verdict_groups {
  size_t count;
  struct verdict_group *group;
};

/* Groups of the summary's array "verdicts", which must outlive them. Release with
 * verdict_groups_free. */
struct verdict_groups verdict_groups_new(const json_t *verdicts);
void verdict_groups_free(struct verdict_groups *groups);

/* "m=2", by which a verdict differs from the others of its group, released with sde_free; "" where
 * the group is of one. */
char *verdict_group_name(const struct verdict_group *group, size_t member);

/* A field of a verdict: what it says, whether it is a check of the simulation by itself, a text. */
enum holds verdict_holds(const json_t *verdict);
bool verdict_is_self_check(const json_t *verdict);
const char *verdict_text(const json_t *verdict, const char *key);

/* How many verdicts have an outcome, and of all of them "8 of 9 checks hold, 1 undecided", released
 * with sde_free; NULL where there are none. */
size_t verdict_count(const json_t *verdicts, enum holds holds);
char *verdict_counts(const json_t *verdicts);

/* Print them for people; checks of the simulation that hold are counted, where there are claims of
 * theory beside them. */
void verdict_groups_print(const json_t *verdicts, FILE *out);

#endif
