/*
 * Programs: the graph, and how one is made from its source. See program.h.
 */
#include "models/program_parse.h"

#include "sde/status.h"

#include <string.h>

const char *const program_setting_names[PROGRAM_SETTINGS] = {
    [PROGRAM_ETA] = "eta",     [PROGRAM_RHO] = "rho",
    [PROGRAM_BATCH] = "batch", [PROGRAM_MICRO_BATCH] = "micro_batch",
    [PROGRAM_STEP] = "step",   [PROGRAM_TIME] = "time",
    [PROGRAM_DIMENSION] = "d", [PROGRAM_SAMPLES] = "n"};

static bool is_same(const struct program_node *one, const struct program_node *other)
{
  return one->op == other->op && one->a == other->a && one->b == other->b &&
         one->which == other->which && one->number == other->number && one->inside == other->inside;
}

static void grow(struct program *program)
{
  program->capacity = 2 * program->capacity + 32;
  struct program_node *longer = sde_alloc(program->capacity, sizeof *longer);
  if (program->count > 0)
    memcpy(longer, program->node, program->count * sizeof *longer);
  sde_free(program->node);
  program->node = longer;
}

bool program_make(struct program *program, struct program_node node, uint32_t *made)
{
  uint32_t i = 0;
  while (i < program->count && !is_same(&program->node[i], &node))
    i++;
  if (i == program->count) {
    if (program->count == PROGRAM_NODES_MAX)
      return false;
    if (program->count == program->capacity)
      grow(program);
    program->node[program->count++] = node;
  }
  *made = i;
  return true;
}

static void make_vectors(struct program *program, const struct program_source *source)
{
  program->vectors = 1 + source->vectors;
  program->name = sde_alloc(program->vectors, sizeof *program->name);
  program->start = sde_alloc(program->vectors, sizeof *program->start);
  program->starts = sde_alloc(program->vectors, sizeof *program->starts);
  program->next = sde_alloc(program->vectors, sizeof *program->next);
  program->name[0] = sde_strdup("x");
  for (size_t v = 1; v < program->vectors; v++) {
    program->name[v] = sde_strdup(source->vector[v - 1].name);
    program->starts[v] = source->vector[v - 1].count;
    program->start[v] = sde_alloc(program->starts[v], sizeof(double));
    memcpy(program->start[v], source->vector[v - 1].start, program->starts[v] * sizeof(double));
  }
  for (size_t v = 0; v < program->vectors; v++)
    program_make(
        program,
        (struct program_node){.op = PROGRAM_STATE, .type = PROGRAM_VECTOR, .which = (uint32_t)v},
        &program->next[v]);
}

/* Mark what the node is made from, itself included; of each() not what is within. */
static void mark(const struct program *program, uint32_t node, bool *needed)
{
  needed[node] = true;
  for (uint32_t i = node + 1; i-- > 0;) {
    const struct program_node *of = &program->node[i];
    if (needed[i] && of->op >= PROGRAM_NEGATE && of->op != PROGRAM_NORMAL)
      needed[of->a] = needed[of->b] = true;
  }
}

/* What is needed, and the loops of each(): what is taken of a micro-batch is evaluated there alone. */
static void plan(struct program *program)
{
  size_t count = program->count;
  program->needed = sde_alloc(count, sizeof *program->needed);
  program->loop = sde_alloc(program->loops, sizeof *program->loop);
  for (size_t v = 0; v < program->vectors; v++)
    mark(program, program->next[v], program->needed);
  for (uint32_t i = 0; i < count; i++) {
    if (program->node[i].op != PROGRAM_EACH)
      continue;
    struct program_loop *loop = &program->loop[program->node[i].which];
    bool *needed = sde_alloc(count, sizeof *needed);
    mark(program, program->node[i].a, needed);
    loop->node = sde_alloc(count, sizeof *loop->node);
    for (uint32_t k = 0; k < i; k++)
      if (needed[k] && program->node[k].inside)
        loop->node[loop->count++] = k;
    sde_free(needed);
  }
}

struct program *program_new(const struct program_source *source, struct sde_status *status)
{
  if (source->vectors >= PROGRAM_VECTORS_MAX) {
    sde_fail(status, SDE_INVALID, "%s: a state of %zu vectors beside x; at most %d are accepted",
             source->place, source->vectors, PROGRAM_VECTORS_MAX - 1);
    return NULL;
  }
  struct program *program = sde_alloc(1, sizeof *program);
  program->batches = 1;
  make_vectors(program, source);
  if (program_parse(program, source, status)) {
    plan(program);
    return program;
  }
  program_free(program);
  return NULL;
}

void program_free(struct program *program)
{
  if (program == NULL)
    return;
  for (size_t v = 0; v < program->vectors; v++)
    sde_free(program->name[v]);
  for (size_t v = 1; v < program->vectors; v++)
    sde_free(program->start[v]);
  for (size_t i = 0; program->loop != NULL && i < program->loops; i++)
    sde_free(program->loop[i].node);
  sde_free(program->loop);
  sde_free(program->needed);
  sde_free(program->name);
  sde_free(program->start);
  sde_free(program->starts);
  sde_free(program->next);
  sde_free(program->node);
  sde_free(program);
}

size_t program_vectors(const struct program *program)
{
  return program->vectors;
}

const char *program_vector_name(const struct program *program, size_t vector)
{
  return program->name[vector];
}

const double *program_vector_start(const struct program *program, size_t vector, size_t *count)
{
  *count = program->starts[vector];
  return program->start[vector];
}

uint64_t program_hash(const struct program *program)
{
  uint64_t hash = sde_hash(program->next, program->vectors * sizeof *program->next);
  for (size_t i = 0; i < program->count; i++) {
    const struct program_node *node = &program->node[i];
    uint64_t number;
    memcpy(&number, &node->number, sizeof number);
    const uint64_t all[] = {hash, node->op, node->a, node->b, node->which, node->inside, number};
    hash = sde_hash(all, sizeof all);
  }
  return hash;
}

bool program_draws(const struct program *program)
{
  return program->draws + program->inside_draws > 0 || program->batches > 1;
}

bool program_takes_batch_loss(const struct program *program)
{
  for (size_t i = 0; i < program->count; i++)
    if (program->node[i].op == PROGRAM_LOSS)
      return true;
  return false;
}

bool program_is_smooth(const struct program *program)
{
  for (size_t i = 0; i < program->count; i++) {
    enum program_op op = program->node[i].op;
    if (op == PROGRAM_ABS || op == PROGRAM_SIGN || op == PROGRAM_FLOOR || op == PROGRAM_MAXIMUM ||
        op == PROGRAM_MINIMUM || op == PROGRAM_NORM || op == PROGRAM_LARGEST ||
        op == PROGRAM_SMALLEST || op == PROGRAM_UNIT)
      return false;
  }
  return true;
}

bool program_names(const struct program *program, const char *name)
{
  for (size_t i = 0; i < PROGRAM_SETTINGS; i++)
    if (strcmp(program_setting_names[i], name) == 0)
      return program->named[i];
  return false;
}
