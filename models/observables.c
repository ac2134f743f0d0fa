/*
 * Observables: see observables.h.
 */
#include "models/observables.h"

#include "models/hessian_max.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* scratch has (3 * dim + 1) * width numbers, and those of hessian_max.h where it is used. */
typedef void observe(const struct objective *objective, size_t coordinate, size_t width,
                     const double *x, double *out, double *scratch);

static void observe_loss(const struct objective *objective, size_t coordinate, size_t width,
                         const double *x, double *out, double *scratch)
{
  (void)coordinate;
  loss_mean_value(objective->loss, width, x, out, scratch);
}

static void sum_of_squares(size_t dim, size_t width, const double *v, double *out)
{
  memset(out, 0, width * sizeof *out);
  for (size_t i = 0; i < dim; i++)
    for (size_t p = 0; p < width; p++)
      out[p] += v[i * width + p] * v[i * width + p];
}

static void observe_gradient(const struct objective *objective, size_t coordinate, size_t width,
                             const double *x, double *out, double *scratch)
{
  (void)coordinate;
  size_t dim = objective->loss->dim;
  loss_mean_gradient(objective->loss, width, x, scratch, scratch + dim * width);
  sum_of_squares(dim, width, scratch, out);
}

static void observe_noise_trace(const struct objective *objective, size_t coordinate, size_t width,
                                const double *x, double *out, double *scratch)
{
  (void)coordinate;
  objective_noise_trace(objective, width, x, out, scratch);
}

/* tr H = sum_i e_i . H e_i. */
static void observe_hessian_trace(const struct objective *objective, size_t coordinate,
                                  size_t width, const double *x, double *out, double *scratch)
{
  (void)coordinate;
  size_t dim = objective->loss->dim, size = dim * width;
  double *unit = scratch, *hv = unit + size, *rest = hv + size;
  memset(out, 0, width * sizeof *out);
  for (size_t i = 0; i < dim; i++) {
    memset(unit, 0, size * sizeof *unit);
    for (size_t p = 0; p < width; p++)
      unit[i * width + p] = 1;
    loss_mean_hessian_vector(objective->loss, width, x, unit, hv, rest);
    for (size_t p = 0; p < width; p++)
      out[p] += hv[i * width + p];
  }
}

static void observe_hessian_max(const struct objective *objective, size_t coordinate, size_t width,
                                const double *x, double *out, double *scratch)
{
  (void)coordinate;
  hessian_max(objective->loss, width, x, out, scratch);
}

static void observe_norm(const struct objective *objective, size_t coordinate, size_t width,
                         const double *x, double *out, double *scratch)
{
  (void)coordinate, (void)scratch;
  sum_of_squares(objective->loss->dim, width, x, out);
}

static void observe_coordinate(const struct objective *objective, size_t coordinate, size_t width,
                               const double *x, double *out, double *scratch)
{
  (void)objective, (void)scratch;
  memcpy(out, x + coordinate * width, width * sizeof *out);
}

/* Observables of the state: p begins at `coordinate`. */
static void observe_momentum(const struct objective *objective, size_t coordinate, size_t width,
                             const double *y, double *out, double *scratch)
{
  (void)scratch;
  sum_of_squares(objective->loss->dim, width, y + coordinate * width, out);
}

static void observe_kinetic_energy(const struct objective *objective, size_t coordinate,
                                   size_t width, const double *y, double *out, double *scratch)
{
  observe_momentum(objective, coordinate, width, y, out, scratch);
  for (size_t p = 0; p < width; p++)
    out[p] *= 0.5;
}

static void observe_total_energy(const struct objective *objective, size_t coordinate, size_t width,
                                 const double *y, double *out, double *scratch)
{
  double *loss = scratch, *rest = scratch + width;
  observe_loss(objective, 0, width, y, loss, rest);
  observe_kinetic_energy(objective, coordinate, width, y, out, rest);
  for (size_t p = 0; p < width; p++)
    out[p] += loss[p];
}

/* The mean over what is held out of the value of a sample, or of whether it is in the wrong class.
 */
static void mean_held_out(const struct loss *loss, bool wrong, size_t width, const double *x,
                          double *out, double *scratch)
{
  memset(out, 0, width * sizeof *out);
  for (size_t i = 0; i < loss->held_out; i++) {
    uint32_t index = (uint32_t)(loss->samples + i);
    struct loss_samples one = {&index, 0};
    (wrong ? loss->type->wrong : loss->type->value)(loss, width, one, x, scratch);
    for (size_t p = 0; p < width; p++)
      out[p] += scratch[p] / (double)loss->held_out;
  }
}

static void observe_test_loss(const struct objective *objective, size_t coordinate, size_t width,
                              const double *x, double *out, double *scratch)
{
  (void)coordinate;
  mean_held_out(objective->loss, false, width, x, out, scratch);
}

static void observe_test_error(const struct objective *objective, size_t coordinate, size_t width,
                               const double *x, double *out, double *scratch)
{
  (void)coordinate;
  mean_held_out(objective->loss, true, width, x, out, scratch);
}

static void observe_generalization_gap(const struct objective *objective, size_t coordinate,
                                       size_t width, const double *x, double *out, double *scratch)
{
  double *loss = scratch, *rest = scratch + width;
  observe_loss(objective, coordinate, width, x, loss, rest);
  mean_held_out(objective->loss, false, width, x, out, rest);
  for (size_t p = 0; p < width; p++)
    out[p] -= loss[p];
}

static void observe_own(const struct objective *objective, size_t coordinate, size_t width,
                        const double *x, double *out, double *scratch)
{
  (void)scratch;
  objective->loss->type->observables[coordinate].evaluate(objective->loss, width, x, out);
}

struct row {
  struct observable_type type;
  observe *evaluate;
};

static const struct row rows[] = {
    {{"loss", "f, the full loss"}, observe_loss},
    {{"gradient-norm-squared", "|g|^2 of the full gradient"}, observe_gradient},
    {{"noise-trace", "tr V, the trace of the gradient-noise covariance of one sample"},
     observe_noise_trace},
    {{"hessian-trace", "tr H of the full loss"}, observe_hessian_trace},
    {{"hessian-max",
      "the largest eigenvalue of H of the full loss; beyond 64 parameters Lanczos's, "
      "from below"},
     observe_hessian_max},
    {{"norm-squared", "|x|^2"}, observe_norm},
    {{"test-loss", "the mean loss of what is held out (test_data or holdout of the loss)"},
     observe_test_loss},
    {{"test-error", "the share of what is held out that is put into the wrong class"},
     observe_test_error},
    {{"generalization-gap", "test-loss less loss"}, observe_generalization_gap},
    {{"x1, x2, ...", "a coordinate"}, observe_coordinate}};

/* Observables of a momentum p, where all optimizers have one at the same place. */
static const struct row momentum_rows[] = {
    {{"momentum-squared", "|p|^2 of an update rule with momentum"}, observe_momentum},
    {{"kinetic-energy", "|p|^2/2 of an update rule with momentum"}, observe_kinetic_energy},
    {{"total-energy", "f + |p|^2/2 of an update rule with momentum"}, observe_total_energy},
    {{"p1, q1, v1, ...", "a coordinate of a vector that the update rule keeps"}, NULL}};

enum { ROWS = sizeof rows / sizeof *rows };
enum { MOMENTUM_ROWS = sizeof momentum_rows / sizeof *momentum_rows };

const struct observable_type *const *observable_types(void)
{
  static const struct observable_type *const all[] = {
      &rows[0].type,          &rows[1].type,          &rows[2].type,
      &rows[3].type,          &rows[4].type,          &rows[5].type,
      &rows[6].type,          &rows[7].type,          &rows[8].type,
      &rows[9].type,          &momentum_rows[0].type, &momentum_rows[1].type,
      &momentum_rows[2].type, &momentum_rows[3].type, NULL};
  _Static_assert(sizeof all / sizeof *all == ROWS + MOMENTUM_ROWS + 1, "every row is listed");
  return all;
}

struct item {
  observe *evaluate;
  size_t coordinate;
};

struct context {
  const struct objective *objective;
  size_t count;
  struct item *item;
};

static void *workspace_new(const void *context, size_t width)
{
  const struct context *observed = context;
  size_t dim = observed->objective->loss->dim, size = (3 * dim + 1) * width;
  for (size_t i = 0; i < observed->count; i++)
    if (observed->item[i].evaluate == observe_hessian_max && hessian_max_scratch(dim) > size)
      size = hessian_max_scratch(dim);
  return sde_alloc(size, sizeof(double));
}

static void evaluate(const void *context, void *workspace, size_t width, const double *x,
                     double *out)
{
  const struct context *observed = context;
  for (size_t i = 0; i < observed->count; i++)
    observed->item[i].evaluate(observed->objective, observed->item[i].coordinate, width, x,
                               out + i * width, workspace);
}

/* "p12" with prefix "p": 12; else 0. */
static size_t number_after(const char *prefix, const char *name)
{
  size_t length = strlen(prefix);
  char *end;
  if (strncmp(name, prefix, length) != 0 || name[length] < '1' || name[length] > '9')
    return 0;
  unsigned long number = strtoul(name + length, &end, 10);
  return *end == '\0' ? number : 0;
}

/* The item of a name that reads a vector beside x, or one without function. */
static struct item find_in_state(const struct objective *objective,
                                 const struct update_rule *update, const char *name)
{
  size_t dim = objective->loss->dim;
  for (size_t v = 1; update != NULL && v < update_rule_vectors(update); v++) {
    const char *vector = update->extra[v - 1].name;
    size_t coordinate = number_after(vector, name);
    if (coordinate >= 1 && coordinate <= dim)
      return (struct item){observe_coordinate, v * dim + coordinate - 1};
    for (size_t i = 0; strcmp(vector, "p") == 0 && i + 1 < MOMENTUM_ROWS; i++)
      if (strcmp(momentum_rows[i].type.name, name) == 0)
        return (struct item){momentum_rows[i].evaluate, v * dim};
  }
  return (struct item){NULL, 0};
}

/* The item of a name, or one without function. */
static struct item find(const struct objective *objective, const struct update_rule *update,
                        const char *name)
{
  const struct loss_observable *own = objective->loss->type->observables;
  for (size_t i = 0; own != NULL && own[i].name != NULL; i++)
    if (strcmp(own[i].name, name) == 0)
      return (struct item){observe_own, i};
  for (size_t i = 0; i < ROWS; i++)
    if (strcmp(rows[i].type.name, name) == 0)
      return (struct item){rows[i].evaluate, 0};
  size_t coordinate = number_after("x", name);
  if (coordinate >= 1 && coordinate <= objective->loss->dim)
    return (struct item){observe_coordinate, coordinate - 1};
  return find_in_state(objective, update, name);
}

/* Is it an observable of some update rule, but not of these? */
static bool is_of_a_state(const struct objective *objective, const char *name)
{
  for (const struct update_rule *const *rule = update_rules(); *rule != NULL; rule++)
    if (find_in_state(objective, *rule, name).evaluate != NULL)
      return true;
  return false;
}

static bool refuse(const struct objective *objective, const char *name, const char *place,
                   struct sde_status *status)
{
  char accepted[512] = "";
  if (is_of_a_state(objective, name))
    return sde_fail(
        status, SDE_INVALID,
        "%s: observable '%s' reads a vector of the update rule; all optimizers must have "
        "the same update rule, with that vector",
        place, name);
  const struct loss_observable *own = objective->loss->type->observables;
  for (size_t i = 0; i + 1 < ROWS; i++) {
    strncat(accepted, rows[i].type.name, sizeof accepted - strlen(accepted) - 1);
    strncat(accepted, ", ", sizeof accepted - strlen(accepted) - 1);
  }
  for (size_t i = 0; own != NULL && own[i].name != NULL; i++) {
    strncat(accepted, own[i].name, sizeof accepted - strlen(accepted) - 1);
    strncat(accepted, ", ", sizeof accepted - strlen(accepted) - 1);
  }
  return sde_fail(status, SDE_INVALID, "%s: unknown observable '%s'; this loss has %sx1 to x%zu",
                  place, name, accepted, objective->loss->dim);
}

static bool check_variance(const struct objective *objective, const struct item *item,
                           const char *name, const char *place, struct sde_status *status)
{
  if (item->evaluate != observe_noise_trace || objective_has_variance(objective))
    return true;
  return sde_fail(status, SDE_INVALID,
                  "%s: %s does not exist: assumptions fail: infinite variance, for Student t with "
                  "degrees_of_freedom %g has none; it must be above 2",
                  place, name, objective->noise->degrees_of_freedom);
}

static bool check_held_out(const struct loss *loss, const struct item *item, const char *name,
                           const char *place, struct sde_status *status)
{
  bool test = item->evaluate == observe_test_loss || item->evaluate == observe_test_error ||
              item->evaluate == observe_generalization_gap;
  if (test && loss->held_out == 0)
    return sde_fail(status, SDE_INVALID,
                    "%s: %s is of samples that are held out, and none are; give the loss test_data "
                    "or holdout, with data",
                    place, name);
  if (item->evaluate == observe_test_error && (loss->classes < 2 || loss->type->wrong == NULL))
    return sde_fail(status, SDE_INVALID, "%s: %s is of classes, which %s has not", place, name,
                    loss->type->name);
  return true;
}

/* Two of one name would be two equal comparisons in a family of verdicts. */
static bool check_twice(size_t count, const char *const *names, const char *place,
                        struct sde_status *status)
{
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++)
      if (strcmp(names[i], names[j]) == 0)
        return sde_fail(status, SDE_INVALID, "%s: observable '%s' stands there twice", place,
                        names[i]);
  return true;
}

struct sde_observables *observables_new(const struct objective *objective, size_t count,
                                        const char *const *names, const char *place,
                                        struct sde_status *status)
{
  return observables_of_state_new(objective, NULL, count, names, place, status);
}

struct sde_observables *observables_of_state_new(const struct objective *objective,
                                                 const struct update_rule *update, size_t count,
                                                 const char *const *names, const char *place,
                                                 struct sde_status *status)
{
  if (!check_twice(count, names, place, status))
    return NULL;
  struct context *context = sde_alloc(1, sizeof *context);
  struct sde_observables *observables = sde_alloc(1, sizeof *observables);
  *context = (struct context){objective, count, sde_alloc(count, sizeof *context->item)};
  *observables = (struct sde_observables){count, context, workspace_new, sde_free, evaluate};
  for (size_t i = 0; i < count; i++) {
    context->item[i] = find(objective, update, names[i]);
    if (context->item[i].evaluate == NULL)
      refuse(objective, names[i], place, status);
    if (context->item[i].evaluate == NULL ||
        !check_held_out(objective->loss, &context->item[i], names[i], place, status) ||
        !check_variance(objective, &context->item[i], names[i], place, status)) {
      observables_free(observables);
      return NULL;
    }
  }
  return observables;
}

void observables_free(struct sde_observables *observables)
{
  if (observables == NULL)
    return;
  struct context *context = (struct context *)observables->context;
  sde_free(context->item);
  sde_free(context);
  sde_free(observables);
}
