/*
 * A program as an optimizer: see program_rule.h.
 */
#include "models/program_rule.h"

#include "sde/block.h"

#include <math.h>
#include <string.h>

struct program_rule {
  struct gradient_rule rule;
  struct update_rule update;
  struct program *program;
  char *label;
};

struct program_rule *program_rule_new(const struct program_source *source, const char *label,
                                      struct sde_status *status)
{
  struct program *program = program_new(source, status);
  if (program == NULL)
    return NULL;
  struct program_rule *made = sde_alloc(1, sizeof *made);
  made->program = program;
  made->label = sde_strdup(label);
  made->rule = (struct gradient_rule){
      .name = made->label,
      .summary = "lines of the recipe",
      .micro_batch = MICRO_BATCH_GIVEN,
      .theory = {.depends = GRADIENT_OF_BATCH, .normalized = !program_is_smooth(program)},
      .update = "the lines of `step` in the recipe",
      .regularizer = "not known",
      .theorem = "none"};
  made->update = (struct update_rule){.name = "rule",
                                      .summary = "lines of the recipe",
                                      .update = "the lines of `step` in the recipe",
                                      .direction_text = "U = (y - y')/eta",
                                      .fixed = "the constants of the recipe"};
  for (size_t v = 1; v < program_vectors(program); v++)
    made->update.extra[v - 1] = (struct update_vector){program_vector_name(program, v), 0};
  return made;
}

void program_rule_free(struct program_rule *rule)
{
  if (rule == NULL)
    return;
  program_free(rule->program);
  sde_free(rule->label);
  sde_free(rule);
}

bool program_rule_takes_batch_loss(const struct program_rule *rule)
{
  return program_takes_batch_loss(rule->program);
}

void program_rule_set(const struct program_rule *rule, struct optimizer *optimizer)
{
  optimizer->rule = &rule->rule;
  optimizer->update = &rule->update;
  optimizer->program = rule->program;
  for (size_t v = 1; v < program_vectors(rule->program); v++)
    optimizer->extra_start[v].value =
        program_vector_start(rule->program, v, &optimizer->extra_start[v].count);
}

/* The size of (y - y')/eta by vector, [vector], after a step of length eta from near the start. */
static void sizes_of(const struct optimizer *optimizer, double eta, const double *x, double *size)
{
  struct optimizer one = *optimizer;
  one.eta = eta;
  size_t dim = optimizer_dim(&one), d = one.objective->loss->dim;
  struct sde_process *process = optimizer_process_new(&one, sde_stream_named(0, "has limit"));
  void *workspace = process->workspace_new(process, SDE_UNIT);
  double *y = sde_alloc(2 * dim, SDE_UNIT * sizeof *y), *start = y + dim * SDE_UNIT;
  optimizer_start(&one, x, start);
  for (size_t i = 0; i < dim; i++)
    sde_block_fill(SDE_UNIT, start[i] + 0.01 * (double)(1 + i % 3), y + i * SDE_UNIT);
  memcpy(start, y, dim * SDE_UNIT * sizeof *y);
  process->advance(process, workspace, 0, SDE_UNIT, 0, y);
  for (size_t v = 0; v < dim / d; v++) {
    size[v] = 0;
    for (size_t k = v * d * SDE_UNIT; k < (v + 1) * d * SDE_UNIT; k++)
      size[v] += fabs(start[k] - y[k]) / eta;
  }
  sde_free(y);
  process->workspace_free(process, workspace);
  optimizer_process_free(process);
}

bool program_rule_has_limit(const struct optimizer *optimizer, const double *x, const char *place,
                            struct sde_status *status)
{
  static const double smaller = 1024, allowed = 32; /* sqrt(1024) */
  double now[PROGRAM_VECTORS_MAX], later[PROGRAM_VECTORS_MAX];
  sizes_of(optimizer, optimizer->eta, x, now);
  sizes_of(optimizer, optimizer->eta / smaller, x, later);
  for (size_t v = 0; v < program_vectors(optimizer->program); v++)
    if (later[v] > allowed * now[v])
      return sde_fail(
          status, SDE_INVALID,
          "%s: %s has no SDE as eta falls: its step of %s grows like 1/eta, so that %s "
          "relaxes within O(eta); what is held fixed in it (a momentum mu, a beta) must "
          "scale with eta, as mu = 1 - eta*gamma does, or sde: [] runs the iterates "
          "alone",
          place, optimizer->rule->name, program_vector_name(optimizer->program, v),
          program_vector_name(optimizer->program, v));
  return true;
}
