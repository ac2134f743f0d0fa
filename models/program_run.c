/*
 * Running a program on a block of paths: each node of its graph in order, those within each() for
 * each micro-batch. See program.h.
 */
#include "models/program_graph.h"

#include "sde/block.h"
#include "sde/vector_math.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct program_workspace {
  const struct program *program;
  const struct objective *objective;
  size_t width;
  double **value;                 /* [node]: 1 or dim rows of width numbers */
  double *memory, *out, *scratch; /* all values; the new state; rows of the state and two of x */
  struct micro_batches *batches;  /* of sample(2) and on, [k - 2] */
};

/* The rows of a node: numbers and scalars have one. */
static size_t rows_of(const struct program_workspace *workspace, enum program_type type)
{
  return type == PROGRAM_VECTOR ? workspace->objective->loss->dim : 1;
}

struct program_workspace *program_workspace_new(const struct program *program,
                                                const struct objective *objective, size_t batch,
                                                size_t micro_batch, size_t width)
{
  struct program_workspace *workspace = sde_alloc(1, sizeof *workspace);
  size_t dim = objective->loss->dim, rows = 0;
  *workspace =
      (struct program_workspace){.program = program, .objective = objective, .width = width};
  for (size_t i = 0; i < program->count; i++)
    rows += rows_of(workspace, program->node[i].type);
  workspace->value = sde_alloc(program->count, sizeof *workspace->value);
  workspace->memory = sde_alloc(rows, width * sizeof(double));
  workspace->out = sde_alloc(program->vectors * dim, width * sizeof(double));
  workspace->scratch = sde_alloc(2 * dim, width * sizeof(double));
  double *free_rows = workspace->memory;
  for (size_t i = 0; i < program->count; i++) {
    workspace->value[i] = free_rows;
    if (program->node[i].op == PROGRAM_LITERAL)
      sde_block_fill(width, program->node[i].number, free_rows);
    free_rows += rows_of(workspace, program->node[i].type) * width;
  }
  workspace->batches = sde_alloc(program->batches, sizeof *workspace->batches);
  for (size_t k = 1; k < program->batches; k++)
    workspace->batches[k] = micro_batches_new(objective, micro_batch, batch / micro_batch, width);
  return workspace;
}

void program_workspace_free(struct program_workspace *workspace)
{
  if (workspace == NULL)
    return;
  for (size_t k = 1; k < workspace->program->batches; k++)
    micro_batches_free(&workspace->batches[k]);
  sde_free(workspace->batches);
  sde_free(workspace->value);
  sde_free(workspace->memory);
  sde_free(workspace->out);
  sde_free(workspace->scratch);
  sde_free(workspace);
}

/* ---- by elements ---- */

/* An operand; row i begins at at[i * stride], and a scalar has stride 0. */
struct operand {
  const double *at;
  size_t stride;
};

#define EACH_ELEMENT(expression)                                                                   \
  for (size_t i = 0; i < rows; i++) {                                                              \
    const double *a = left.at + i * left.stride, *b = right.at + i * right.stride;                 \
    double *o = out + i * width;                                                                   \
    (void)b;                                                                                       \
    for (size_t p = 0; p < width; p++)                                                             \
      o[p] = (expression);                                                                         \
  }                                                                                                \
  (void)0

SDE_VECTOR
static void arithmetic(enum program_op op, size_t rows, size_t width, struct operand left,
                       struct operand right, double *restrict out)
{
  switch (op) {
  case PROGRAM_NEGATE:
    EACH_ELEMENT(-a[p]);
    break;
  case PROGRAM_SQRT:
    EACH_ELEMENT(sqrt(a[p]));
    break;
  case PROGRAM_ABS:
    EACH_ELEMENT(fabs(a[p]));
    break;
  case PROGRAM_FLOOR:
    EACH_ELEMENT(floor(a[p]));
    break;
  case PROGRAM_SIGN: /* of NaN it is NaN */
    EACH_ELEMENT(a[p] > 0 ? 1 : a[p] < 0 ? -1 : a[p] * 0);
    break;
  case PROGRAM_ADD:
    EACH_ELEMENT(a[p] + b[p]);
    break;
  case PROGRAM_SUBTRACT:
    EACH_ELEMENT(a[p] - b[p]);
    break;
  case PROGRAM_MULTIPLY:
    EACH_ELEMENT(a[p] * b[p]);
    break;
  case PROGRAM_DIVIDE:
    EACH_ELEMENT(a[p] / b[p]);
    break;
  case PROGRAM_MAXIMUM: /* a NaN on either side stays one */
    EACH_ELEMENT(a[p] > b[p] || a[p] != a[p] ? a[p] : b[p]);
    break;
  default:
    assert(op == PROGRAM_MINIMUM);
    EACH_ELEMENT(a[p] < b[p] || a[p] != a[p] ? a[p] : b[p]);
    break;
  }
}

static void transcendental(enum program_op op, size_t rows, size_t width, struct operand left,
                           struct operand right, double *out)
{
  const struct sde_vector_math *math = sde_vector_math();
  for (size_t i = 0; i < rows; i++) {
    const double *a = left.at + i * left.stride;
    double *o = out + i * width;
    switch (op) {
    case PROGRAM_EXP:
      math->exp(width, a, o);
      break;
    case PROGRAM_LOG:
      math->log(width, a, o);
      break;
    case PROGRAM_SIN:
      math->sin(width, a, o);
      break;
    case PROGRAM_COS:
      math->cos(width, a, o);
      break;
    case PROGRAM_TANH:
      math->tanh(width, a, o);
      break;
    default:
      assert(op == PROGRAM_POWER);
      math->pow(width, a, right.at + i * right.stride, o);
      break;
    }
  }
}

/* ---- of vectors ---- */

/* out[p] = sum_i a_i b_i, in the order of i. */
SDE_VECTOR
static void dot(size_t dim, size_t width, const double *a, const double *b, double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      out[p] += a[i * width + p] * b[i * width + p];
}

SDE_VECTOR
static void reduce(enum program_op op, size_t dim, size_t width, const double *a,
                   double *restrict out)
{
  for (size_t p = 0; p < width; p++)
    out[p] = a[p];
  for (size_t i = 1; i < dim; i++)
    for (size_t p = 0; p < width; p++) {
      double more = a[i * width + p];
      out[p] = op == PROGRAM_LARGEST    ? (more > out[p] || more != more ? more : out[p])
               : op == PROGRAM_SMALLEST ? (more < out[p] || more != more ? more : out[p])
                                        : out[p] + more;
    }
  if (op == PROGRAM_MEAN)
    for (size_t p = 0; p < width; p++)
      out[p] /= (double)dim;
}

/* A vector over its length; zero stays zero. Scratch has width numbers. */
SDE_VECTOR
static void unit(size_t dim, size_t width, const double *a, double *restrict length,
                 double *restrict out)
{
  dot(dim, width, a, a, length);
  for (size_t p = 0; p < width; p++)
    length[p] = length[p] > 0 ? 1 / sqrt(length[p]) : length[p] * 0;
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      out[i * width + p] = a[i * width + p] * length[p];
}

/* ---- of the loss ---- */

/* One run of a program, and within each() the micro-batch. */
struct run {
  struct program_workspace *workspace;
  const struct program_step *step;
  size_t micro_batch;
};

static struct micro_batches *batches_of(const struct run *run, uint32_t batch)
{
  return batch == 0 ? run->step->batches : &run->workspace->batches[batch];
}

/* A value f_I(x) of micro-batch j under index sampling: the mean over its samples. */
static void micro_value(const struct run *run, struct micro_batches *batches, size_t j,
                        const double *x, double *out)
{
  const struct loss *loss = run->workspace->objective->loss;
  size_t width = run->workspace->width;
  double *one = run->workspace->scratch;
  sde_block_fill(width, 0, out);
  for (size_t i = 0; i < batches->size; i++) {
    loss->type->value(loss, width, micro_batches_sample(batches, width, j, i), x, one);
    sde_block_add(width, 1 / (double)batches->size, one, out);
  }
}

static void of_micro_batch(const struct run *run, const struct program_node *node,
                           struct micro_batches *batches, size_t j, double *out)
{
  struct program_workspace *w = run->workspace;
  const double *x = w->value[node->a], *v = w->value[node->b];
  if (node->op == PROGRAM_GRADIENT)
    objective_micro_gradient(w->objective, w->width, batches, j, x, out, w->scratch);
  else if (node->op == PROGRAM_HESSIAN)
    objective_micro_hessian_vector(w->objective, w->width, batches, j, x, v, out, w->scratch);
  else
    micro_value(run, batches, j, x, out);
}

/* The gradient of one micro-batch within each(), else the mean over those of the batch. */
static void of_batch(const struct run *run, const struct program_node *node, double *out)
{
  struct program_workspace *w = run->workspace;
  struct micro_batches *batches = batches_of(run, node->which);
  size_t size = rows_of(w, node->type) * w->width, count = batches->count;
  if (node->inside || count == 1) {
    of_micro_batch(run, node, batches, node->inside ? run->micro_batch : 0, out);
    return;
  }
  double *one = w->scratch + w->objective->loss->dim * w->width;
  sde_block_fill(size, 0, out);
  for (size_t j = 0; j < count; j++) {
    of_micro_batch(run, node, batches, j, one);
    sde_block_add(size, 1 / (double)count, one, out);
  }
}

static void of_full_loss(const struct run *run, const struct program_node *node, double *out)
{
  struct program_workspace *w = run->workspace;
  const struct loss *loss = w->objective->loss;
  const double *x = w->value[node->a], *v = w->value[node->b];
  if (node->op == PROGRAM_FULL_GRADIENT)
    loss_mean_gradient(loss, w->width, x, out, w->scratch);
  else if (node->op == PROGRAM_FULL_HESSIAN)
    loss_mean_hessian_vector(loss, w->width, x, v, out, w->scratch);
  else
    loss_mean_value(loss, w->width, x, out, w->scratch);
}

/* The stream of what a program draws beside its batch: for 1 its normals, for k batch k. */
static struct sde_address address_of(const struct program_step *step, uint64_t purpose)
{
  struct sde_address at = *step->at;
  const uint64_t both[] = {at.stream.stream, purpose};
  at.stream.stream = sde_hash(both, sizeof both);
  return at;
}

/* Draw `which`, of which one within each() has as many as there are micro-batches. Lanes are even.
 */
static void draw(const struct run *run, const struct program_node *node, double *out)
{
  const struct program *program = run->workspace->program;
  size_t dim = run->workspace->objective->loss->dim, lanes = dim + dim % 2;
  size_t count = run->step->batches->count;
  size_t place =
      node->inside ? program->draws + node->which * count + run->micro_batch : (size_t)node->which;
  struct sde_address at = address_of(run->step, 1);
  sde_random_normals_from(&at, run->workspace->width, place * lanes, dim, out);
}

/* ---- nodes ---- */

static double setting(const struct run *run, uint32_t which)
{
  const struct program_step *step = run->step;
  const double values[PROGRAM_SETTINGS] = {[PROGRAM_ETA] = step->eta,
                                           [PROGRAM_RHO] = step->rho,
                                           [PROGRAM_BATCH] = (double)step->batch,
                                           [PROGRAM_MICRO_BATCH] = (double)step->micro_batch,
                                           [PROGRAM_STEP] = step->number,
                                           [PROGRAM_TIME] = step->time,
                                           [PROGRAM_DIMENSION] = (double)step->objective->loss->dim,
                                           [PROGRAM_SAMPLES] = (double)step->objective->components};
  return values[which];
}

static void evaluate(struct run *run, uint32_t index);

static void each(struct run *run, const struct program_node *node, double *out)
{
  struct program_workspace *w = run->workspace;
  const struct program_loop *loop = &w->program->loop[node->which];
  size_t size = rows_of(w, node->type) * w->width, count = run->step->batches->count;
  sde_block_fill(size, 0, out);
  for (run->micro_batch = 0; run->micro_batch < count; run->micro_batch++) {
    for (size_t k = 0; k < loop->count; k++)
      evaluate(run, loop->node[k]);
    sde_block_add(size, 1 / (double)count, w->value[node->a], out);
  }
}

static void of_vectors(const struct run *run, const struct program_node *node, double *out)
{
  struct program_workspace *w = run->workspace;
  size_t dim = w->objective->loss->dim, width = w->width;
  const double *a = w->value[node->a], *b = w->value[node->b];
  switch (node->op) {
  case PROGRAM_DOT:
    dot(dim, width, a, b, out);
    break;
  case PROGRAM_NORM:
    dot(dim, width, a, a, w->scratch);
    arithmetic(PROGRAM_SQRT, 1, width, (struct operand){w->scratch, 0},
               (struct operand){w->scratch, 0}, out);
    break;
  case PROGRAM_UNIT:
    unit(dim, width, a, w->scratch, out);
    break;
  default:
    reduce(node->op, dim, width, a, out);
    break;
  }
}

static void elementwise(const struct run *run, const struct program_node *node, double *out)
{
  struct program_workspace *w = run->workspace;
  const struct program_node *of = w->program->node;
  struct operand a = {w->value[node->a], of[node->a].type == PROGRAM_VECTOR ? w->width : 0};
  struct operand b = {w->value[node->b], of[node->b].type == PROGRAM_VECTOR ? w->width : 0};
  bool simple = node->op == PROGRAM_NEGATE || node->op == PROGRAM_SQRT || node->op == PROGRAM_ABS ||
                node->op == PROGRAM_SIGN || node->op == PROGRAM_FLOOR ||
                (node->op >= PROGRAM_ADD && node->op != PROGRAM_POWER);
  (simple ? arithmetic : transcendental)(node->op, rows_of(w, node->type), w->width, a, b, out);
}

static void evaluate(struct run *run, uint32_t index)
{
  const struct program_node *node = &run->workspace->program->node[index];
  double *out = run->workspace->value[index];
  if (node->op == PROGRAM_EACH)
    each(run, node, out);
  else if (node->op == PROGRAM_NORMAL)
    draw(run, node, out);
  else if (node->op >= PROGRAM_FULL_GRADIENT)
    of_full_loss(run, node, out);
  else if (node->op >= PROGRAM_GRADIENT)
    of_batch(run, node, out);
  else if (node->op >= PROGRAM_DOT)
    of_vectors(run, node, out);
  else if (node->op >= PROGRAM_NEGATE)
    elementwise(run, node, out);
  else if (node->op == PROGRAM_SETTING)
    sde_block_fill(run->workspace->width, setting(run, node->which), out);
}

void program_run(const struct program *program, struct program_workspace *workspace,
                 const struct program_step *step, size_t width, const double *y, double *next)
{
  struct run run = {workspace, step, 0};
  size_t size = workspace->objective->loss->dim * width;
  assert(width == workspace->width && (step->at != NULL || !program_draws(program)));
  for (size_t k = 1; k < program->batches; k++) {
    struct sde_address at = address_of(step, 1 + k);
    objective_draw(workspace->objective, &at, width, &workspace->batches[k]);
  }
  for (uint32_t i = 0; i < program->count; i++) {
    const struct program_node *node = &program->node[i];
    if (node->op == PROGRAM_STATE)
      workspace->value[i] = (double *)(y + node->which * size);
    else if (program->needed[i] && !node->inside)
      evaluate(&run, i);
  }
  for (size_t v = 0; v < program->vectors; v++)
    memcpy(workspace->out + v * size, workspace->value[program->next[v]], size * sizeof *next);
  memcpy(next, workspace->out, program->vectors * size * sizeof *next);
}
