/*
 * The mathematics of reports and of `sharpsde explain`: every drift, covariance, regulariser and
 * weak error that they print, of every optimizer, has the value of theory.md section 3 in a world
 * where all batches are enumerated; and theory's expansions are those of the update that is
 * printed. With a term left out, a factor wrong, or m and b exchanged they have not.
 */
#include "experiments/command/command.h"
#include "experiments/report/report_mathematics.h"
#include "tests/formula_reader.h"
#include "tests/models_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- theory, by hand ---- */

/* For one optimizer at a point of the world. */
struct theory {
  const struct gradient_rule *type;
  struct world world;
};

static struct theory theory_of(const struct gradient_rule *type, bool gaussian)
{
  bool whole = type->micro_batch == MICRO_BATCH_WHOLE;
  return (struct theory){
      type, {.x = 0.6, .rho = 0.3, .m = whole ? WORLD_BATCH : 2, .gaussian = gaussian}};
}

static double batch_gradient(const struct theory *t, size_t first, size_t count, double x)
{
  double sum = 0;
  for (size_t j = 0; j < count; j++)
    sum += world_sample(t->world.draw[first + j], 1, x);
  return sum / (double)count;
}

static double unit(const struct gradient_rule *type, double g)
{
  return type->theory.normalized ? g / fabs(g) : g;
}

/* The direction u of one mini-batch: theory.md section 2. */
static double direction(const struct theory *t, double rho)
{
  double x = t->world.x, sum = 0, weights = 0, h = 0;
  size_t m = t->world.m;
  switch (models_perturbation(t->type)) {
  case PERTURB_NOTHING:
    return batch_gradient(t, 0, WORLD_BATCH, x);
  case PERTURB_FULL_GRADIENT:
    return batch_gradient(t, 0, WORLD_BATCH, x + rho * unit(t->type, world_loss(1, x)));
  case PERTURB_MICRO_GRADIENT:
    for (size_t j = 0; j < WORLD_BATCH; j += m) {
      double own = unit(t->type, batch_gradient(t, j, m, x));
      sum += batch_gradient(t, j, m, x + rho * own) * (double)m / WORLD_BATCH;
    }
    return sum;
  default:
    for (size_t j = 0; j < WORLD_BATCH; j++) {
      double g = world_sample(t->world.draw[j], 1, x);
      weights += exp(fabs(g));
      h += exp(fabs(g)) * g;
    }
    return batch_gradient(t, 0, WORLD_BATCH, x + rho * unit(t->type, h / weights));
  }
}

/* The same to first order in rho: g_I + rho H_I g_I/|g_I| over micro-batches. */
static double linear_direction(const struct theory *t, double rho)
{
  double x = t->world.x, sum = 0, h = 1e-3;
  for (size_t j = 0; j < WORLD_BATCH; j += t->world.m) {
    double g = batch_gradient(t, j, t->world.m, x);
    double curvature =
        (batch_gradient(t, j, t->world.m, x + h) - batch_gradient(t, j, t->world.m, x - h)) /
        (2 * h);
    sum += (g + rho * curvature * unit(t->type, g)) * (double)t->world.m / WORLD_BATCH;
  }
  return sum;
}

/* Mean and variance over all mini-batches. */
static double moment(struct theory t, double (*of)(const struct theory *t, double rho), double rho,
                     bool variance)
{
  double sum = 0, square = 0, count = 0;
  memset(t.world.draw, 0, sizeof t.world.draw);
  do {
    double value = of(&t, rho);
    sum += value;
    square += value * value;
    count++;
  } while (world_next_batch(&t.world));
  return variance ? square / count - sum / count * (sum / count) : sum / count;
}

static double mean_direction(void *context, double rho)
{
  return moment(*(const struct theory *)context, direction, rho, false);
}

static double norm_of_micro(const struct theory *t, double rho)
{
  (void)rho;
  return fabs(batch_gradient(t, 0, t->world.m, t->world.x));
}

/* R at x: the table of theory.md section 3. c(m) = 1/m with replacement. */
static double regularizer(void *context, double x)
{
  struct theory t = *(const struct theory *)context;
  double g = world_loss(1, x);
  t.world.x = x;
  if (models_perturbation(t.type) == PERTURB_NOTHING)
    return 0;
  if (models_perturbation(t.type) == PERTURB_FULL_GRADIENT)
    return t.type->theory.normalized ? fabs(g) : g * g / 2;
  return t.type->theory.normalized
             ? moment(t, norm_of_micro, 0, false)
             : g * g / 2 + world_variance(&t.world, x) / (double)t.world.m / 2;
}

/* Which SDE. */
struct which {
  enum limit_rho_order rho_order;
  bool variance_term;
};

static double drift(struct theory t, struct which which)
{
  struct theory plain = t;
  if (which.rho_order == LIMIT_RHO_ORDER_EXACT)
    return mean_direction(&t, t.world.rho);
  if (which.rho_order == LIMIT_RHO_ORDER_0 || models_perturbation(t.type) == PERTURB_NOTHING)
    return world_loss(1, t.world.x);
  if (!which.variance_term)
    plain.type = gradient_rule_named(t.type->theory.normalized ? "n-sam" : "n-usam");
  return world_loss(1, t.world.x) + t.world.rho * world_derivative(regularizer, &plain, t.world.x);
}

/* The columns of m-usam to first order in rho, theta = 1/m with replacement; of potentials
 * c(b) sum_k (d/dx (phi_k + rho f' phi_k'))^2. */
static double expanded_covariance(const struct theory *t)
{
  double x = t->world.x, rho = t->world.rho, mean = 0, sum = 0;
  double g = world_loss(1, x), h = world_loss(2, x);
  for (size_t i = 0; i < WORLD_SAMPLES; i++)
    mean += (world_sample(i, 2, x) - h) * (world_sample(i, 1, x) - g) / WORLD_SAMPLES;
  for (size_t i = 0; !t->world.gaussian && i < WORLD_SAMPLES; i++) {
    double dg = world_sample(i, 1, x) - g, dh = world_sample(i, 2, x) - h;
    sum += pow(dg + rho * (h * dg + dh * g + (dh * dg - mean) / (double)t->world.m), 2) /
           WORLD_SAMPLES;
  }
  for (size_t k = 0; t->world.gaussian && k < WORLD_POTENTIALS; k++) {
    double first = world_potential(k, 1, x), second = world_potential(k, 2, x);
    sum += pow(first + rho * (h * first + g * second), 2);
  }
  return sum / WORLD_BATCH;
}

static double covariance(struct theory t, struct which which)
{
  const struct gradient_rule *type = t.type;
  double x = t.world.x, g = world_loss(1, x);
  bool none = models_perturbation(type) == PERTURB_NOTHING || which.rho_order == LIMIT_RHO_ORDER_0;
  if (none)
    return world_variance(&t.world, x) / WORLD_BATCH;
  if (models_perturbation(type) == PERTURB_FULL_GRADIENT)
    return world_variance(&t.world, x + t.world.rho * unit(type, g)) / WORLD_BATCH;
  if (which.rho_order == LIMIT_RHO_ORDER_EXACT)
    return moment(t, direction, t.world.rho, true);
  if (!type->theory.normalized)
    return expanded_covariance(&t);
  return which.variance_term ? moment(t, linear_direction, t.world.rho, true)
                             : world_variance(&t.world, x) / WORLD_BATCH;
}

/* O(eta^alpha + rho^beta). */
static const char *weak_error(const struct gradient_rule *type, int eta_order, struct which which)
{
  bool nothing = models_perturbation(type) == PERTURB_NOTHING, second = eta_order == 2;
  bool lacks = !which.variance_term && models_perturbation(type) == PERTURB_MICRO_GRADIENT;
  if (models_perturbation(type) == PERTURB_REWEIGHTED_GRADIENT &&
      which.rho_order == LIMIT_RHO_ORDER_EXACT)
    return second ? "O(eta^2+eta/(substepsS))" : "O(eta+eta/(substepsS))";
  if (nothing || which.rho_order == LIMIT_RHO_ORDER_EXACT)
    return second ? "O(eta^2)" : "O(eta)";
  if (which.rho_order == LIMIT_RHO_ORDER_0 || lacks)
    return second ? "O(eta^2+rho)" : "O(eta+rho)";
  return second ? "O(eta^2+rho^2)" : "O(eta+rho^2)";
}

static const char *const equation[] = {"dX=-Fdt+sqrt(eta)Sigma^(1/2)dW",
                                       "dX=-(F+(eta/2)DFF)dt+sqrt(eta)Sigma^(1/2)dW"};

/* ---- theory by itself ---- */

static double variance_of_direction(void *context, double rho)
{
  return moment(*(const struct theory *)context, direction, rho, true);
}

static double expanded_at(void *context, double rho)
{
  struct theory t = *(const struct theory *)context;
  t.world.rho = rho;
  return covariance(t, (struct which){LIMIT_RHO_ORDER_1, true});
}

static double drift_at(void *context, double rho)
{
  struct theory t = *(const struct theory *)context;
  t.world.rho = rho;
  return drift(t, (struct which){LIMIT_RHO_ORDER_1, true});
}

/* A derivative by five points at a step of 1e-3, of values near 1. */
static const double smooth = 1e-8;

/* The formulas above, to first order in rho, are the first order of E u and Cov u by enumeration.
 * The variance term is the whole of what n-usam lacks. */
START_TEST(expansions_are_those_of_the_direction)
{
  for (const struct gradient_rule *const *type = gradient_rules(); *type != NULL; type++) {
    struct theory t = theory_of(*type, false);
    if (models_perturbation(*type) == PERTURB_REWEIGHTED_GRADIENT || !models_is_of_the_paper(*type))
      continue;
    ck_assert_double_eq_tol(drift_at(&t, 0), mean_direction(&t, 0), smooth);
    ck_assert_double_eq_tol(world_derivative(drift_at, &t, 0),
                            world_derivative(mean_direction, &t, 0), smooth);
    ck_assert_double_eq_tol(world_derivative(expanded_at, &t, 0),
                            world_derivative(variance_of_direction, &t, 0), smooth);
  }
}
END_TEST

/* ---- what is printed ---- */

/* Values of printed formulas agree with theory but for rounding and numerical derivatives. */
static bool agrees(double printed, double theory)
{
  return fabs(printed - theory) < smooth;
}

/* Do all members of a chain "A = B = C" have this value? */
static bool chain_is(const struct world *world, const char *chain, double value)
{
  bool all = true;
  char *copy = sde_strdup(chain), *rest = copy;
  while (rest != NULL) {
    char *next = strchr(rest, '=');
    if (next != NULL)
      *next = '\0';
    all &= agrees(formula_value(world, rest), value);
    rest = next == NULL ? NULL : next + 1;
  }
  sde_free(copy);
  return all;
}

/* What is read of an optimizer's page: statements, or "" where there are none. Each is released. */
struct printed {
  char *update, *regularizer; /* of the optimizer */
  char *equation, *drift, *noise, *error, *words;
};

static void printed_free(struct printed *printed)
{
  sde_free(printed->update);
  sde_free(printed->regularizer);
  sde_free(printed->equation);
  sde_free(printed->drift);
  sde_free(printed->noise);
  sde_free(printed->error);
  sde_free(printed->words);
}

static struct world world_of(const struct theory *t, const struct printed *printed,
                             char *definition[3])
{
  static const char *const names[] = {"u", "h", "R"};
  struct world world = t->world;
  size_t count = 0;
  definition[0] = formula_defined(printed->update, "u");
  definition[1] = formula_defined(printed->update, "h");
  definition[2] = formula_defined(printed->regularizer, "R");
  for (size_t i = 0; i < 3; i++)
    if (definition[i] != NULL) {
      world.definition[count].name = names[i];
      world.definition[count++].text = definition[i];
    }
  return world;
}

/* Add the definition of a_i or a_k that stands behind Sigma, if it does; returns it. */
static char *define_columns(struct world *world, const char *noise, const char *name)
{
  char *column = formula_defined(noise, name);
  size_t count = 0;
  while (world->definition[count].name != NULL)
    count++;
  if (column != NULL) {
    world->definition[count].name = name;
    world->definition[count].text = column;
  }
  return column;
}

/* What does not agree with theory, or NULL. */
static const char *fault_of(const struct theory *t, const struct printed *printed, int eta_order,
                            struct which which)
{
  char *definition[3];
  struct world world = world_of(t, printed, definition);
  const char *column_name = t->world.gaussian ? "a_k" : "a_i";
  char *columns = define_columns(&world, printed->noise, column_name);
  char *f = formula_defined(printed->drift, "F"), *sigma = formula_defined(printed->noise, "Sigma");
  char *compact = formula_compact(printed->equation), *bare = formula_compact(printed->error);
  char *error = formula_replaced(bare, "(eta/(substepsS))", "eta/(substepsS)");
  const char *fault = NULL;
  ck_assert_msg(f != NULL && sigma != NULL, "no F or Sigma: %s, %s", printed->drift,
                printed->noise);
  char *leading = strstr(sigma, " or its");
  if (leading != NULL)
    *leading = '\0';
  if (strcmp(compact, equation[eta_order - 1]) != 0)
    fault = "the equation";
  else if (!chain_is(&world, f, drift(*t, which)))
    fault = "the drift";
  else if (!agrees(formula_value(&world, sigma), covariance(*t, which)))
    fault = "the covariance";
  else if (strcmp(error, weak_error(t->type, eta_order, which)) != 0)
    fault = "the weak error";
  for (size_t i = 0; i < 3; i++)
    sde_free(definition[i]);
  sde_free(columns);
  sde_free(f);
  sde_free(sigma);
  sde_free(compact);
  sde_free(error);
  sde_free(bare);
  return fault;
}

/* The update and the regulariser. */
static const char *fault_of_optimizer(struct theory t, const struct printed *printed)
{
  char *definition[3];
  const char *fault = NULL;
  struct world world = world_of(&t, printed, definition);
  memcpy(world.draw, (const size_t[WORLD_BATCH]){0, 2, 1, 1}, sizeof world.draw);
  memcpy(t.world.draw, world.draw, sizeof world.draw);
  ck_assert_msg(definition[0] != NULL, "no u: %s", printed->update);
  if (!agrees(formula_value(&world, definition[0]), direction(&t, world.rho)))
    fault = "the update";
  else if (definition[2] != NULL &&
           !agrees(formula_value(&world, definition[2]), regularizer(&t, world.x)))
    fault = "the regulariser";
  for (size_t i = 0; i < 3; i++)
    sde_free(definition[i]);
  return fault;
}

/* ---- reports ---- */

/* One thing for another in a page, NULL for none. */
struct change {
  const char *from, *to;
};

static char *changed(char *page, const struct change *change)
{
  if (change == NULL)
    return page;
  char *other = formula_replaced(page, change->from, change->to);
  ck_assert_msg(strcmp(page, other) != 0, "nothing to change: %s", change->from);
  sde_free(page);
  return other;
}

/* The part after "max ... =". */
static char *error_of(const char *formula)
{
  const char *equals = strchr(formula, '=');
  ck_assert_msg(equals != NULL, "no error: %s", formula);
  return sde_strdup(equals + 1);
}

/* The weights of rw-sam are summed over the i in B. */
static char *summed_over_batch(char *update)
{
  char *changed = formula_replaced(update, "sum_i p_i", "sum_B p_i");
  sde_free(update);
  return changed;
}

static struct printed read_report(const struct gradient_rule *type, int eta_order,
                                  struct which which, bool gaussian, const struct change *change)
{
  struct text update = {0}, sde = {0};
  struct printed printed = {0};
  const struct limit_options options = {
      .eta_order = eta_order, .rho_order = which.rho_order, .variance_term = which.variance_term};
  mathematics_update(&update, type, NULL);
  mathematics_sde(&sde, type, &options, gaussian);
  sde.data = changed(sde.data, change);
  const char *at = update.data;
  printed.update = summed_over_batch(formula_of_mathml(at, &at));
  printed.regularizer = formula_of_mathml(at, &at);
  if (printed.regularizer == NULL)
    printed.regularizer = sde_strdup("");
  printed.words = sde_strdup(sde.data);
  at = sde.data;
  char *shown[4];
  for (size_t i = 0; i < 4; i++)
    ck_assert_msg((shown[i] = formula_of_mathml(at, &at)) != NULL, "%zu formulas", i);
  shown[0][strcspn(shown[0], ",")] = '\0';
  printed.equation = shown[0];
  printed.drift = shown[1];
  printed.noise = shown[2];
  printed.error = error_of(shown[3]);
  sde_free(shown[3]);
  sde_free(update.data);
  sde_free(sde.data);
  return printed;
}

static bool has_sde(const struct gradient_rule *type, struct which which)
{
  if (!models_is_of_the_paper(type))
    return false;
  bool reweighted = models_perturbation(type) == PERTURB_REWEIGHTED_GRADIENT;
  bool micro = models_perturbation(type) == PERTURB_MICRO_GRADIENT;
  return (which.rho_order != LIMIT_RHO_ORDER_1 || !reweighted) &&
         (which.variance_term || (micro && which.rho_order == LIMIT_RHO_ORDER_1));
}

static const struct which all_sdes[] = {{LIMIT_RHO_ORDER_0, true},
                                        {LIMIT_RHO_ORDER_1, true},
                                        {LIMIT_RHO_ORDER_1, false},
                                        {LIMIT_RHO_ORDER_EXACT, true}};
enum { SDES = sizeof all_sdes / sizeof *all_sdes };

static const char *fault_of_report(const struct gradient_rule *type, int eta_order,
                                   struct which which, bool gaussian, const struct change *change)
{
  struct theory t = theory_of(type, gaussian);
  struct printed printed = read_report(type, eta_order, which, gaussian, change);
  const char *fault = fault_of(&t, &printed, eta_order, which);
  if (fault == NULL && !gaussian)
    fault = fault_of_optimizer(t, &printed);
  printed_free(&printed);
  return fault;
}

START_TEST(reports_print_theory)
{
  const struct gradient_rule *type = gradient_rules()[_i];
  for (int eta_order = 1; eta_order <= 2; eta_order++)
    for (size_t s = 0; s < SDES; s++) {
      if (!has_sde(type, all_sdes[s]))
        continue;
      const char *fault = fault_of_report(type, eta_order, all_sdes[s], false, NULL);
      ck_assert_msg(fault == NULL, "%s, SDE %zu, order %d: %s", type->name, s, eta_order, fault);
    }
}
END_TEST

/* Of noise potentials V and the columns differ. */
START_TEST(reports_print_theory_of_potentials)
{
  static const char *const names[] = {"usam", "m-usam", "n-usam"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (size_t s = 0; s < SDES - 1; s++)
      if (has_sde(gradient_rule_named(names[i]), all_sdes[s])) {
        const char *fault =
            fault_of_report(gradient_rule_named(names[i]), 1, all_sdes[s], true, NULL);
        ck_assert_msg(fault == NULL, "%s, SDE %zu: %s", names[i], s, fault);
      }
}
END_TEST

/* With an update rule the equation is that of the state, and what is printed of w has the values of
 * F and Sigma. */
START_TEST(reports_print_the_state_of_an_update_rule)
{
  const struct gradient_rule *rule = gradient_rule_named("m-usam");
  const struct limit_options options = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true};
  const struct which which = {LIMIT_RHO_ORDER_1, true};
  struct theory t = theory_of(rule, false);
  struct printed plain = read_report(rule, 1, which, false, NULL);
  struct text sde = {0};
  mathematics_state_sde(&sde, rule, update_rule_named("heavy-ball"), &options, false);
  const char *at = sde.data;
  char *shown[5];
  for (size_t i = 0; i < 5; i++)
    ck_assert_msg((shown[i] = formula_of_mathml(at, &at)) != NULL, "%zu formulas", i);
  char *equation_of_state = formula_compact(shown[0]);
  ck_assert_str_eq(equation_of_state, "dY=-Fdt+sqrt(eta)Sigma^(1/2)dW,");
  ck_assert_ptr_nonnull(strstr(shown[1], "gamma p + w"));
  ck_assert_str_eq(strchr(shown[2], '='), strchr(plain.drift, '='));
  ck_assert_str_eq(strchr(shown[3], '='), strchr(plain.noise, '='));
  ck_assert_ptr_null(fault_of(&t, &plain, 1, which));
  for (size_t i = 0; i < 5; i++)
    sde_free(shown[i]);
  sde_free(equation_of_state);
  sde_free(sde.data);
  printed_free(&plain);
}
END_TEST

#define MI(x) "<mi>" x "</mi>"
#define MO(x) "<mo>" x "</mo>"

/* Wrong pages: what is wrong in them is seen. */
static const struct {
  const char *optimizer;
  struct which which;
  struct change change;
  const char *fault;
} wrong[] = {
    /* The variance term is left out, loses its half, has the other sign. */
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {MI("c"), "<mn>0</mn>" MI("c")}, "the drift"},
    {"m-usam",
     {LIMIT_RHO_ORDER_1, true},
     {"<mfrac>" MI("ρ") "<mn>2</mn></mfrac>", MI("ρ")},
     "the drift"},
    {"usam", {LIMIT_RHO_ORDER_1, true}, {MO("+") "<munder>", MO("−") "<munder>"}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, false}, {MI("H") MI("g"), MI("g")}, "the drift"},
    /* m and b are exchanged, in the drift and in Sigma. */
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {MI("m"), MI("b")}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {MI("b"), MI("m")}, "the covariance"},
    {"sgd", {LIMIT_RHO_ORDER_0, true}, {MI("b"), MI("m")}, "the covariance"},
    {"m-sam", {LIMIT_RHO_ORDER_1, true}, {MI("m") MI("b"), MI("b") MI("m")}, "the covariance"},
    /* Another perturbation, another side, another order. */
    {"m-sam", {LIMIT_RHO_ORDER_EXACT, true}, {MI("I"), MI("B")}, "the drift"},
    {"n-usam", {LIMIT_RHO_ORDER_EXACT, true}, {MO("+") MI("ρ"), MO("−") MI("ρ")}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {MI("θ"), "<mn>1</mn>"}, "the covariance"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {MO("−") MI("F"), MI("F")}, "the equation"},
    {"m-usam",
     {LIMIT_RHO_ORDER_1, false},
     {MI("ρ") MO(")"), "<msup>" MI("ρ") "<mn>2</mn></msup>" MO(")")},
     "the weak error"},
};

START_TEST(wrong_pages_are_seen)
{
  const char *fault = fault_of_report(gradient_rule_named(wrong[_i].optimizer), 1, wrong[_i].which,
                                      false, &wrong[_i].change);
  ck_assert_msg(fault != NULL && strcmp(fault, wrong[_i].fault) == 0, "%s instead of %s",
                fault == NULL ? "nothing" : fault, wrong[_i].fault);
}
END_TEST

/* ---- explain ---- */

static char *explain(const char *name)
{
  char *page = NULL;
  size_t length = 0;
  char *arguments[] = {"explain", (char *)name, NULL};
  FILE *out = stdout;
  stdout = open_memstream(&page, &length);
  int status = command_explain(2, arguments);
  fclose(stdout);
  stdout = out;
  ck_assert_int_eq(status, 0);
  return page;
}

/* The field of this name from a place on, its lines joined; "" where there is none. */
static char *field_of(const char *page, const char *name)
{
  struct text text = {0};
  char *start = sde_format("\n%s", name);
  const char *at = strstr(page, start);
  text_add(&text, "%s", "");
  at = at == NULL ? "" : at + strlen(start);
  do {
    at += strspn(at, " ");
    size_t length = strcspn(at, "\n");
    text_add(&text, "%s%.*s", text.length == 0 ? "" : " ", (int)length, at);
    at += length + (at[length] == '\n');
  } while (strncmp(at, "              ", 14) == 0);
  sde_free(start);
  return text.data;
}

/* Cut a text before the first of these. */
static void cut(char *text, const char *const *words, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    char *at = strstr(text, words[i]);
    if (at != NULL)
      *at = '\0';
  }
}

/* A field as a statement "NAME = ..." without the words behind it. */
static char *statement(const char *name, char *field)
{
  static const char *const behind[] = {", over all", ", from",    "; `",     "; S ",
                                       "; of noise", ": the SGD", " where ", ", theta"};
  cut(field, behind, sizeof behind / sizeof *behind);
  char *text = sde_format("%s = %s", name, field);
  sde_free(field);
  return text;
}

static struct printed read_explained(const struct gradient_rule *type, int eta_order,
                                     struct which which, const struct change *change)
{
  static const char *const orders[] = {"0", "1", "exact"};
  bool any = models_perturbation(type) == PERTURB_NOTHING;
  char *page = changed(explain(type->name), change);
  char *place = sde_format("\neta_order: %d, rho_order: %s\n", eta_order,
                           any ? "any" : orders[which.rho_order]);
  const char *at = strstr(page, place);
  ck_assert_msg(at != NULL, "%s: no%s", type->name, place);
  at += strlen(place) - 1;
  const char *sde = strstr(page, "\nSDE ");
  if (eta_order == 2)
    sde = strstr(sde + 1, "\nSDE ");
  struct printed printed = {.regularizer = field_of(page, "regulariser"),
                            .equation = field_of(sde, "SDE"),
                            .drift = statement("F", field_of(at, "  F =")),
                            .noise = field_of(at, "  Sigma ="),
                            .error = field_of(at, "  weak error"),
                            .words = sde_strdup("")};
  char *update = field_of(page, "update");
  printed.update = summed_over_batch(formula_replaced(update, "x <- x - eta u u =", "u ="));
  sde_free(update);
  static const char *const behind[] = {" m = b", " F = E u"};
  cut(printed.update, behind, 1);
  cut(printed.equation, behind + 1, 1);
  printed.error[strcspn(printed.error, ":")] = '\0';
  sde_free(place);
  sde_free(page);
  return printed;
}

/* Sigma of normalised forms to first order is told by its direction. */
static const char *fault_of_linear(const struct theory *t, const struct printed *printed)
{
  static const char start[] = "that of ";
  struct world world = t->world;
  struct theory one = *t;
  if (strncmp(printed->noise, start, strlen(start)) != 0)
    return "the covariance";
  char *told = sde_strdup(printed->noise + strlen(start));
  const char *const behind[] = {" where "};
  cut(told, behind, 1);
  /* All micro-batches alike, so that their mean is one of them. */
  bool same = true;
  for (size_t i = 0; i < WORLD_SAMPLES; i++) {
    for (size_t j = 0; j < WORLD_BATCH; j++)
      one.world.draw[j] = world.draw[j] = (i + j % t->world.m) % WORLD_SAMPLES;
    same &= agrees(formula_value(&world, told), linear_direction(&one, world.rho));
  }
  sde_free(told);
  return same ? NULL : "the covariance";
}

static const char *fault_of_explained(const struct gradient_rule *type, int eta_order,
                                      struct which which, const struct change *change)
{
  struct theory t = theory_of(type, false);
  struct printed printed = read_explained(type, eta_order, which, change);
  bool told = type->theory.normalized && models_perturbation(type) == PERTURB_MICRO_GRADIENT &&
              which.rho_order == LIMIT_RHO_ORDER_1;
  const char *fault = told ? fault_of_linear(&t, &printed) : NULL;
  sde_free(told ? printed.noise : NULL);
  if (told)
    printed.noise = sde_strdup("Sigma = Cov ((m/b) sum_I (g_I + rho H_I g_I/|g_I|))");
  else
    printed.noise = statement("Sigma", printed.noise);
  /* Behind the first comma of E and Cov there are words. */
  if (which.rho_order == LIMIT_RHO_ORDER_EXACT) {
    const char *const behind[] = {", from", ","};
    cut(printed.noise, behind, 2);
    cut(printed.drift, behind, 2);
  }
  fault = fault != NULL ? fault : fault_of(&t, &printed, eta_order, which);
  fault = fault != NULL ? fault : fault_of_optimizer(t, &printed);
  printed_free(&printed);
  return fault;
}

START_TEST(explain_prints_theory)
{
  const struct gradient_rule *type = gradient_rules()[_i];
  for (int eta_order = 1; eta_order <= 2; eta_order++)
    for (size_t s = 0; s < SDES; s++) {
      if (!has_sde(type, all_sdes[s]) || !all_sdes[s].variance_term)
        continue;
      const char *fault = fault_of_explained(type, eta_order, all_sdes[s], NULL);
      ck_assert_msg(fault == NULL, "%s, SDE %zu, order %d: %s", type->name, s, eta_order, fault);
    }
}
END_TEST

static const struct {
  const char *optimizer;
  struct which which;
  struct change change;
  const char *fault;
} wrong_words[] = {
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {"H g + 1/2 c(m) grad tr V)", "H g)"}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {"1/2 c(m) grad", "1/2 c(b) grad"}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {"1/2 c(m) tr V", "1/2 c(b) tr V"}, "the drift"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {"c(b)/n", "c(m)/n"}, "the covariance"},
    {"m-usam", {LIMIT_RHO_ORDER_1, true}, {"dH_i g +", "dH_i g -"}, "the covariance"},
    {"m-usam", {LIMIT_RHO_ORDER_0, true}, {"(m/b) sum_j", "(b/m) sum_j"}, "the update"},
    {"sam", {LIMIT_RHO_ORDER_1, true}, {"rho grad E|g_I|", "rho grad |g|"}, "the drift"},
    {"m-sam",
     {LIMIT_RHO_ORDER_1, true},
     {"g_I + rho H_I g_I/|g_I|", "g_I - rho H_I g_I/|g_I|"},
     "the covariance"},
    {"n-usam",
     {LIMIT_RHO_ORDER_EXACT, true},
     {"c(b) V(x + rho g(x))", "c(b) V(x)"},
     "the covariance"},
    {"n-sam", {LIMIT_RHO_ORDER_0, true}, {"O(eta + rho)", "O(eta)"}, "the weak error"},
};

START_TEST(wrong_explanations_are_seen)
{
  const char *fault = fault_of_explained(gradient_rule_named(wrong_words[_i].optimizer), 1,
                                         wrong_words[_i].which, &wrong_words[_i].change);
  ck_assert_msg(fault != NULL && strcmp(fault, wrong_words[_i].fault) == 0, "%s instead of %s",
                fault == NULL ? "nothing" : fault, wrong_words[_i].fault);
}
END_TEST

/* ---- c(s) and theta ---- */

/* What stands for theta in words, and c(s), with the draw of samples: m = 2, n = 3, s = b = 4. */
START_TEST(factors_of_the_draw)
{
  struct world world = theory_of(gradient_rule_named("m-usam"), false).world;
  struct printed printed = read_report(gradient_rule_named("m-usam"), 1,
                                       (struct which){LIMIT_RHO_ORDER_1, true}, false, NULL);
  const char *with = strstr(printed.words, "θ = 1/m with"),
             *without = "(n − 2m)/(m(n − 2)) without";
  ck_assert(with != NULL && strstr(with, without) != NULL);
  char *page = explain("m-usam");
  char *noise = field_of(strstr(page, "rho_order: 1"), "  Sigma =");
  ck_assert_msg(strstr(noise, "theta = 1/m with replacement, (n - 2m)/(m (n - 2)) without") != NULL,
                "%s", noise);
  ck_assert(agrees(formula_value(&world, "(n - 2m)/(m (n - 2))"), (3 - 4.) / (2 * (3 - 2))));
  static const struct {
    const char *sampling, *factor;
  } draws[] = {{"with-replacement", "c(s)=(1/s)"},
               {"without-replacement", "c(s)=((n-s)/(s(n-1)))"},
               {"gaussian", "c(s)=(1/s)"}};
  for (size_t i = 0; i < 3; i++) {
    struct text symbols = {0};
    mathematics_symbols(&symbols, draws[i].sampling);
    const char *end;
    char *formula = formula_of_mathml(symbols.data, &end), *compact = formula_compact(formula);
    ck_assert_str_eq(compact, draws[i].factor);
    sde_free(compact);
    sde_free(formula);
    sde_free(symbols.data);
  }
  sde_free(noise);
  free(page);
  printed_free(&printed);
}
END_TEST

static Suite *mathematics_suite(void)
{
  int types = 0;
  while (gradient_rules()[types] != NULL)
    types++;
  Suite *suite = suite_create("mathematics");
  TCase *theory = testing_case(suite, "theory");
  tcase_add_test(theory, expansions_are_those_of_the_direction);
  TCase *reports = testing_case(suite, "reports");
  tcase_add_loop_test(reports, reports_print_theory, 0, types);
  tcase_add_test(reports, reports_print_theory_of_potentials);
  tcase_add_test(reports, reports_print_the_state_of_an_update_rule);
  tcase_add_loop_test(reports, wrong_pages_are_seen, 0, sizeof wrong / sizeof *wrong);
  tcase_add_test(reports, factors_of_the_draw);
  TCase *words = testing_case(suite, "explain");
  tcase_add_loop_test(words, explain_prints_theory, 0, types);
  tcase_add_loop_test(words, wrong_explanations_are_seen, 0,
                      sizeof wrong_words / sizeof *wrong_words);
  return suite;
}

int main(void)
{
  return testing_run(mathematics_suite());
}
