/*
 * Schedules in a report: see report_schedule.h.
 */
#include "experiments/report/report_schedule.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"
#include "models/schedule.h"

#include <string.h>

/* "η is 0.1 times s(t), cosine: end + ... (end 0.1, warmup 0.2)." */
static void add_schedule(struct text *page, struct fy_node *map, const char *symbol,
                         const char *factor)
{
  const char *name = yaml_scalar(yaml_get(map, "shape"));
  const struct schedule_shape *shape = name == NULL ? NULL : schedule_shape_named(name);
  void *previous = NULL;
  struct fy_node_pair *pair;
  struct text line = {0};
  if (shape == NULL)
    return;
  text_add(&line,
           "At the time t the iterates and the SDE take %s times the factor %s(t) of the "
           "schedule `%s`: %s",
           symbol, factor, shape->name, shape->formula);
  while ((pair = fy_node_mapping_iterate(map, &previous)) != NULL) {
    const char *key = yaml_scalar(fy_node_pair_key(pair));
    const char *value = yaml_scalar(fy_node_pair_value(pair));
    if (value != NULL && strcmp(key, "shape") != 0)
      text_add(&line, "; %s %s", key, value);
  }
  text_add(&line, ".");
  html_prose_element(page, "p", "class=\"mathnote\"", line.data);
  sde_free(line.data);
}

void report_schedules(struct text *page, const struct report_run *run)
{
  struct fy_node *schedule = yaml_get(yaml_root(run->recipe), "schedule");
  struct fy_node *eta = yaml_get(schedule, "eta"), *rho = yaml_get(schedule, "rho");
  if (schedule == NULL)
    return;
  if (eta != NULL)
    add_schedule(page, eta, "η", "s");
  if (rho != NULL)
    add_schedule(page, rho, "ρ", "r");
  html_prose_element(page, "p", "class=\"mathnote\"",
                     "In the equations below s multiplies F and Σ^(1/2) of x, and r multiplies ρ; "
                     "to second order in η the drift is −(F + (η/2)(DF F − ∂F/∂t)).");
}
