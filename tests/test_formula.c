/*
 * Formulas: the built-in losses' numbers, the derivatives of random expressions against differences
 * in extended precision, what the grammar means, and what is refused, with its column.
 */
#include "models/formula.h"
#include "sde/block.h"
#include "tests/models_testing.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIST = 12, WIDTH = 2 * SDE_UNIT };

/* Lists are separated by blanks, constants by ';'; 0 samples and no file mean none. */
struct source {
  const char *expression, *parameters, *sample_parameters, *constants, *data;
  double samples;
};

static void add_list(struct parameters *parameters, const char *key, const char *list,
                     const char *separators)
{
  if (list == NULL)
    return;
  char *copy = sde_strdup(list), *rest = NULL;
  const char *items[LIST];
  size_t count = 0;
  for (char *item = strtok_r(copy, separators, &rest); item != NULL;
       item = strtok_r(NULL, separators, &rest)) {
    ck_assert_uint_lt(count, LIST);
    items[count++] = item;
  }
  char *place = sde_format("recipe:%s", key);
  parameters_add_texts(parameters, key, count, items, place);
  sde_free(place);
  sde_free(copy);
}

/* The loss, or NULL where it is refused; then the status must be there. */
static struct loss *formula_new(struct source source, struct sde_status *status)
{
  struct sde_status own = {SDE_OK, ""};
  struct parameters *parameters = parameters_new();
  parameters_add_texts(parameters, "expression", 1, &source.expression, "recipe:expression");
  add_list(parameters, "parameters", source.parameters, " ");
  add_list(parameters, "sample_parameters", source.sample_parameters, " ");
  add_list(parameters, "constants", source.constants, ";");
  add_list(parameters, "data", source.data, " ");
  if (source.samples > 0)
    parameters_add_numbers(parameters, "samples", 1, &source.samples, "recipe:samples");
  struct loss *loss =
      loss_new(loss_type_named("formula"), parameters, status != NULL ? status : &own);
  parameters_free(parameters);
  ck_assert_msg(loss != NULL || status != NULL, "%s: %s", source.expression, own.message);
  return loss;
}

/* Values, gradients and products of a loss at the same random points and samples. */
struct numbers {
  double f[WIDTH];
  double *x, *v, *g, *hv; /* dim * WIDTH */
  uint32_t index[WIDTH];
};

static struct numbers numbers_of(const struct loss *loss, double shift)
{
  size_t size = loss->dim * WIDTH;
  struct numbers at = {.x = sde_alloc(size, sizeof(double)), .v = sde_alloc(size, sizeof(double))};
  at.g = sde_alloc(size, sizeof(double));
  at.hv = sde_alloc(size, sizeof(double));
  struct sde_address address = {sde_stream_named(1, "formula"), 0, 0};
  sde_random_normals(&address, WIDTH, loss->dim, at.x);
  address.step = 1;
  sde_random_normals(&address, WIDTH, loss->dim, at.v);
  sde_random_indices(&address, WIDTH, 1, (uint32_t)loss->samples, at.index);
  for (size_t i = 0; i < size; i++)
    at.x[i] = shift + 0.5 * at.x[i];
  struct loss_samples samples = {at.index, 1};
  loss->type->value(loss, WIDTH, samples, at.x, at.f);
  loss->type->gradient(loss, WIDTH, samples, at.x, at.g);
  loss->type->hessian_vector(loss, WIDTH, samples, at.x, at.v, at.hv);
  return at;
}

static void numbers_free(struct numbers *numbers)
{
  double *all[] = {numbers->x, numbers->v, numbers->g, numbers->hv};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    sde_free(all[i]);
}

/* The largest over the paths of |a - b| / |b|. */
static double difference(size_t dim, const double *a, const double *b)
{
  double worst = 0;
  for (size_t p = 0; p < WIDTH; p++) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < dim; i++) {
      error = hypot(error, a[i * WIDTH + p] - b[i * WIDTH + p]);
      norm = hypot(norm, b[i * WIDTH + p]);
    }
    double here = error == 0 ? 0 : error / norm;
    worst = isnan(here) ? INFINITY : fmax(worst, here);
  }
  return worst;
}

/* The largest of the three differences of two losses. */
static double distance(const struct loss *loss, const struct loss *other)
{
  ck_assert_uint_eq(loss->dim, other->dim);
  ck_assert_uint_eq(loss->samples, other->samples);
  struct numbers one = numbers_of(loss, 0), two = numbers_of(other, 0);
  double worst = fmax(difference(1, one.f, two.f), fmax(difference(loss->dim, one.g, two.g),
                                                        difference(loss->dim, one.hv, two.hv)));
  numbers_free(&one);
  numbers_free(&two);
  return worst;
}

/* wrong is the same but for a change that must be noticed. Logistic margins are small here: in a
 * saturated one the built-in's p - 1 cancels, and its gradient, tiny, has few digits. */
static const struct {
  const char *built_in;
  struct source formula, wrong;
} pairs[] = {
    {"valley samples=7 standard_deviation=0.7",
     {"0.5*(u*v - 1 - sigma*e)^2", "u v", "e", "sigma = 0.7", NULL, 7},
     {"0.5*(u*v - 1 - sigma*e)^2", "u v", "e", "sigma = 0.7000001", NULL, 7}},
    {"quadratic data=data/quadratic4.csv",
     {"(A11*p^2 + 2*A12*p*q + A22*q^2)/2 - b1*p - b2*q", "p q", "A11 A12 A22 b1 b2", NULL,
      "data/quadratic4.csv", 0},
     {"(A11*p^2 + A12*p*q + A22*q^2)/2 - b1*p - b2*q", "p q", "A11 A12 A22 b1 b2", NULL,
      "data/quadratic4.csv", 0}},
    {"linear-regression data=data/diabetes.csv columns=bmi,age target=bp standardize=false "
     "standardize_target=false ridge=0.3",
     {"(a*bmi + b*age + c - bp)^2/2 + r*(a*a + b*b)/2", "a b c", "bmi age bp", "r = 0.3",
      "data/diabetes.csv", 0},
     {"(a*bmi + b*age + c - bp)^2/2 + r*(a*a + b*b + c*c)/2", "a b c", "bmi age bp", "r = 0.3",
      "data/diabetes.csv", 0}},
    {"logistic data=data/breast_cancer.csv columns=mean_symmetry,mean_smoothness standardize=false",
     {"softplus((1 - 2*benign)*(a*mean_symmetry + b*mean_smoothness + c))", "a b c",
      "mean_symmetry mean_smoothness benign", NULL, "data/breast_cancer.csv", 0},
     {"softplus((2*benign - 1)*(a*mean_symmetry + b*mean_smoothness + c))", "a b c",
      "mean_symmetry mean_smoothness benign", NULL, "data/breast_cancer.csv", 0}},
};

START_TEST(built_in_losses_have_the_same_numbers)
{
  struct loss *built_in = models_loss(pairs[_i].built_in, NULL);
  struct loss *formula = formula_new(pairs[_i].formula, NULL),
              *wrong = formula_new(pairs[_i].wrong, NULL);
  ck_assert_double_le(distance(formula, built_in), 1e-10);
  ck_assert_double_gt(distance(wrong, built_in), 1e-8);
  ck_assert_int_eq(formula->quadratic, built_in->quadratic);
  loss_free(built_in);
  loss_free(formula);
  loss_free(wrong);
}
END_TEST

/* What the grammar means, at u = 2. */
static const struct {
  const char *expression;
  double value;
} meanings[] = {
    {"u", 2},
    {"-u^2", -4},
    {"(-u)^2", 4},
    {"2^3^u", 512},
    {"u^3^2", 512},
    {"10-u-3", 5},
    {"10-(u-3)", 11},
    {"12/u/3", 2},
    {"12/u*3", 18},
    {"-u*-3", 6},
    {"--u", 2},
    {"+u - +1", 1},
    {"1 - -u", 3},
    {"1e-3*u", 0.002},
    {"1E+3*u", 2000},
    {".5*u", 1},
    {"2.*u", 4},
    {"\t u\n+ 1 ", 3},
    {"((((u))))", 2},
    {"u^-2", 0.25},
    {"u^0", 1},
    {"u^0.5", M_SQRT2},
    {"u^-0.5", M_SQRT1_2},
    {"u^1.5", 2 * M_SQRT2},
    {"u^u", 4},
    {"1.5^u", 2.25},
    {"u^10", 1024},
    {"u^-10", 1 / 1024.0},
    {"u^1023 / u^1022", 2},
    {"pow(u, 3)", 8},
    {"pow(3, u)", 9},
    {"0*u + 7", 7},
    {"u - u + 3", 3},
    {"2*pi*u", 4 * M_PI},
    {"sqrt(u)", M_SQRT2},
    {"exp(log(u))", 2},
    {"log1p(u - 1)", M_LN2},
    {"sin(pi*u/4) + cos(pi*u)", 2},
    {"4*tan(pi*u/8) + 4*atan(u/2)", 4 + M_PI},
    {"sinh(u) + cosh(u)", 7.38905609893065022723},
    {"tanh(u)", 0.96402758007581688395},
    {"softplus(u)", 2.12692801104297249644},
    {"softplus(-500*u)", 0},
    {"softplus(500*u)", 1000},
};

START_TEST(expressions_mean_what_they_say)
{
  struct loss *loss =
      formula_new((struct source){.expression = meanings[_i].expression, .parameters = "u"}, NULL);
  double x[SDE_UNIT], f[SDE_UNIT], expected = meanings[_i].value;
  uint32_t index = 0;
  sde_block_fill(SDE_UNIT, 2, x);
  loss->type->value(loss, SDE_UNIT, (struct loss_samples){&index, 0}, x, f);
  for (size_t p = 0; p < SDE_UNIT; p++)
    ck_assert_msg(fabs(f[p] - expected) <= 1e-14 * fabs(expected), "%s is %.17g, not %.17g",
                  meanings[_i].expression, f[p], expected);
  loss_free(loss);
}
END_TEST

/* A random expression as text and as a value in extended precision. Functions are composed so that
 * each is smooth everywhere: log(1 + a^2), not log(a). */
enum { SHAPES = 20, NODES = 64, VARIABLES = 4 };

static const char *const shapes[SHAPES] = {"%s + %s",
                                           "%s - %s",
                                           "%s*%s",
                                           "%s/(1 + %s^2)",
                                           "-%s",
                                           "%s^2",
                                           "%s^3",
                                           "(1 + %s^2)^-2",
                                           "sqrt(1 + %s^2)",
                                           "exp(sin(%s))",
                                           "log(2 + cos(%s))",
                                           "log1p(%s^2)",
                                           "sin(%s)",
                                           "cos(%s)",
                                           "tan(sin(%s))",
                                           "atan(%s)",
                                           "tanh(%s)",
                                           "softplus(%s)",
                                           "sinh(sin(%s)) + cosh(cos(%s))",
                                           "pow(1 + %s^2, sin(%s))"};

static long double shape_value(size_t shape, long double a, long double b)
{
  switch (shape) {
  case 0:
    return a + b;
  case 1:
    return a - b;
  case 2:
    return a * b;
  case 3:
    return a / (1 + b * b);
  case 4:
    return -a;
  case 5:
    return a * a;
  case 6:
    return a * a * a;
  case 7:
    return 1 / ((1 + a * a) * (1 + a * a));
  case 8:
    return sqrtl(1 + a * a);
  case 9:
    return expl(sinl(a));
  case 10:
    return logl(2 + cosl(a));
  case 11:
    return log1pl(a * a);
  case 12:
    return sinl(a);
  case 13:
    return cosl(a);
  case 14:
    return tanl(sinl(a));
  case 15:
    return atanl(a);
  case 16:
    return tanhl(a);
  case 17:
    return logl(1 + expl(a));
  case 18:
    return sinhl(sinl(a)) + coshl(cosl(b));
  default:
    return powl(1 + a * a, sinl(b));
  }
}

/* Node k is a variable for k < VARIABLES, else a shape of two earlier nodes. */
struct tree {
  size_t nodes, shape[NODES], operand[NODES][2];
};

static const char *const variables[VARIABLES] = {"u", "v", "w", "y"};

static struct tree tree_new(gsl_rng *rng, size_t nodes)
{
  struct tree tree = {.nodes = nodes};
  for (size_t k = VARIABLES; k < nodes; k++) {
    tree.shape[k] = gsl_rng_uniform_int(rng, SHAPES);
    for (size_t i = 0; i < 2; i++) /* mostly of what is new, so that trees are deep */
      tree.operand[k][i] =
          gsl_rng_uniform(rng) < 0.5 && k > VARIABLES ? k - 1 : gsl_rng_uniform_int(rng, k);
  }
  return tree;
}

/* The text, with all variables in it; released with sde_free. */
static char *tree_text(const struct tree *tree)
{
  char *text[NODES];
  for (size_t k = 0; k < tree->nodes; k++)
    if (k < VARIABLES)
      text[k] = sde_strdup(variables[k]);
    else {
      const size_t *operand = tree->operand[k];
      char pattern[64];
      snprintf(pattern, sizeof pattern, "(%s)", shapes[tree->shape[k]]);
      /* Too few arguments never stand here: a shape of one operand leaves the second unused. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      text[k] = sde_format(pattern, text[operand[0]], text[operand[1]]);
#pragma GCC diagnostic pop
    }
  char *whole = sde_format("%s + u*v*w*y", text[tree->nodes - 1]);
  for (size_t k = 0; k < tree->nodes; k++)
    sde_free(text[k]);
  return whole;
}

static long double tree_value(const struct tree *tree, const long double x[VARIABLES])
{
  long double value[NODES];
  for (size_t k = 0; k < tree->nodes; k++)
    value[k] = k < VARIABLES ? x[k]
                             : shape_value(tree->shape[k], value[tree->operand[k][0]],
                                           value[tree->operand[k][1]]);
  return value[tree->nodes - 1] + x[0] * x[1] * x[2] * x[3];
}

/* d/dt at 0 of the value at x + t v by the central difference of sixth order. */
static long double tree_slope(const struct tree *tree, const long double x[VARIABLES],
                              const double v[VARIABLES])
{
  static const long double weight[] = {45 / 60.0L, -9 / 60.0L, 1 / 60.0L}, step = 1e-3L;
  long double slope = 0;
  for (int k = 1; k <= 3; k++)
    for (int sign = -1; sign <= 1; sign += 2) {
      long double y[VARIABLES];
      for (size_t i = 0; i < VARIABLES; i++)
        y[i] = x[i] + sign * k * step * v[i];
      slope += sign * weight[k - 1] * tree_value(tree, y);
    }
  return slope / step;
}

/* v.Hw at x: the slope along v of the slope along w. */
static long double tree_bend(const struct tree *tree, const long double x[VARIABLES],
                             const double v[VARIABLES], const double w[VARIABLES])
{
  static const long double weight[] = {45 / 60.0L, -9 / 60.0L, 1 / 60.0L}, step = 1e-3L;
  long double slope = 0;
  for (int k = 1; k <= 3; k++)
    for (int sign = -1; sign <= 1; sign += 2) {
      long double y[VARIABLES];
      for (size_t i = 0; i < VARIABLES; i++)
        y[i] = x[i] + sign * k * step * v[i];
      slope += sign * weight[k - 1] * tree_slope(tree, y, w);
    }
  return slope / step;
}

struct worst {
  double value, gradient, bend;
};

/* The formula's numbers at one path against the tree's, relative to the largest number at hand. */
static void compare_path(const struct tree *tree, const struct numbers *at, size_t p,
                         struct worst *worst)
{
  long double x[VARIABLES];
  double v[VARIABLES], unit[VARIABLES], size = 1;
  for (size_t i = 0; i < VARIABLES; i++) {
    x[i] = at->x[i * WIDTH + p];
    v[i] = at->v[i * WIDTH + p];
    size = fmax(size, fmax(fabs(at->g[i * WIDTH + p]), fabs(at->hv[i * WIDTH + p])));
  }
  size = fmax(size, fabs(at->f[p]));
  worst->value = fmax(worst->value, (double)fabsl(at->f[p] - tree_value(tree, x)) / size);
  for (size_t i = 0; i < VARIABLES; i++) {
    for (size_t j = 0; j < VARIABLES; j++)
      unit[j] = i == j;
    double gradient = (double)fabsl(at->g[i * WIDTH + p] - tree_slope(tree, x, unit));
    double bend = (double)fabsl(at->hv[i * WIDTH + p] - tree_bend(tree, x, v, unit));
    worst->gradient = fmax(worst->gradient, isnan(gradient) ? INFINITY : gradient / size);
    worst->bend = fmax(worst->bend, isnan(bend) ? INFINITY : bend / size);
  }
}

/* Differences of sixth order with steps of 1e-3 in extended precision are off by 1e-18 f^(7) / 140
 * and 1e-16 f: what remains is how steep random expressions are. Among these, a derivative is wrong
 * by far more where a rule is; see the twin. */
START_TEST(random_expressions_are_differentiated)
{
  enum { EXPRESSIONS = 40, PATHS = 4 };
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 1 + (unsigned long)_i);
  for (size_t k = 0; k < EXPRESSIONS; k++) {
    struct tree tree = tree_new(rng, VARIABLES + 2 + k % 8);
    char *text = tree_text(&tree);
    struct loss *loss =
        formula_new((struct source){.expression = text, .parameters = "u v w y"}, NULL);
    struct numbers at = numbers_of(loss, 0.3);
    struct worst worst = {0, 0, 0};
    for (size_t p = 0; p < PATHS; p++)
      compare_path(&tree, &at, p, &worst);
    ck_assert_msg(worst.value < 1e-12 && worst.gradient < 1e-9 && worst.bend < 1e-7,
                  "%s: off by %g, gradient %g, second derivatives %g", text, worst.value,
                  worst.gradient, worst.bend);
    numbers_free(&at);
    loss_free(loss);
    sde_free(text);
  }
  gsl_rng_free(rng);
}
END_TEST

/* The twin: of each shape by itself, the slope of another function in its place is far off. */
START_TEST(wrong_slopes_would_be_noticed)
{
  size_t other = ((size_t)_i + 1) % SHAPES;
  struct tree tree = {VARIABLES + 1, {0}, {{0}}}, wrong;
  tree.shape[VARIABLES] = (size_t)_i;
  tree.operand[VARIABLES][1] = 1;
  wrong = tree;
  wrong.shape[VARIABLES] = other;
  char *text = tree_text(&tree);
  struct loss *loss =
      formula_new((struct source){.expression = text, .parameters = "u v w y"}, NULL);
  struct numbers at = numbers_of(loss, 0.3);
  struct worst right = {0, 0, 0}, worst = {0, 0, 0};
  for (size_t p = 0; p < WIDTH; p++) {
    compare_path(&tree, &at, p, &right);
    compare_path(&wrong, &at, p, &worst);
  }
  ck_assert_msg(right.value < 1e-15 && right.gradient < 1e-11 && right.bend < 1e-10,
                "%s: off by %g, gradient %g, second derivatives %g", text, right.value,
                right.gradient, right.bend);
  ck_assert_double_gt(worst.gradient, 1e-2);
  if (_i > 0) /* u + v and u - v have no second derivatives */
    ck_assert_double_gt(worst.bend, 1e-2);
  numbers_free(&at);
  loss_free(loss);
  sde_free(text);
}
END_TEST

/* Every f_i quadratic, whatever way it is written, or not. */
START_TEST(quadratic_formulas_are_known)
{
  static const struct {
    const char *expression;
    bool quadratic;
  } cases[] = {{"(u - y)^2/2 + v", true},      {"u*v*exp(y)", true},
               {"(u + v)*(u - v) + y", true},  {"3*u + v + y", true},
               {"(2*u - 3*v + y)^2", true},    {"u^2*v + y", false},
               {"sqrt(1 + u^2) + v*y", false}, {"u^3 - u^3 + v^2 + y", true},
               {"(u*v - y)^2", false},         {"-(u - v)*(v - u)/y", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct loss *loss = formula_new((struct source){.expression = cases[i].expression,
                                                    .parameters = "u v",
                                                    .sample_parameters = "y",
                                                    .samples = 4},
                                    NULL);
    ck_assert_msg(loss->quadratic == cases[i].quadratic, "%s", cases[i].expression);
    loss_free(loss);
  }
}
END_TEST

/* A formula y u has y_i as its derivative: scores of mean 0 and variance 1, uncorrelated, the first
 * being the valley's. */
START_TEST(generated_values_are_uncorrelated_scores)
{
  enum { SAMPLES = 50, NAMES = 3 };
  struct loss *loss = formula_new((struct source){.expression = "a*u + b*v + c*w",
                                                  .parameters = "u v w",
                                                  .sample_parameters = "a b c",
                                                  .samples = SAMPLES},
                                  NULL);
  struct loss *valley = models_loss("valley samples=50 standard_deviation=1", NULL);
  double x[NAMES * SDE_UNIT], g[NAMES * SDE_UNIT], sum[NAMES] = {0}, product[NAMES][NAMES] = {{0}};
  sde_block_fill(NAMES * SDE_UNIT, 1, x);
  for (uint32_t i = 0; i < SAMPLES; i++) {
    double label[2 * SDE_UNIT];
    loss->type->gradient(loss, SDE_UNIT, (struct loss_samples){&i, 0}, x, g);
    valley->type->gradient(valley, SDE_UNIT, (struct loss_samples){&i, 0}, x, label);
    ck_assert_double_eq_tol(g[0], -label[0], 1e-15);
    for (size_t a = 0; a < NAMES; a++) {
      sum[a] += g[a * SDE_UNIT] / SAMPLES;
      ck_assert_double_lt(fabs(g[a * SDE_UNIT]), 4);
      for (size_t b = 0; b < NAMES; b++)
        product[a][b] += g[a * SDE_UNIT] * g[b * SDE_UNIT] / SAMPLES;
    }
  }
  for (size_t a = 0; a < NAMES; a++) {
    ck_assert_double_lt(fabs(sum[a]), 1e-14);
    for (size_t b = 0; b < NAMES; b++)
      ck_assert_double_eq_tol(product[a][b], a == b, 1e-13);
  }
  loss_free(loss);
  loss_free(valley);
}
END_TEST

static const char names[] = "u v";

static const struct {
  struct source source;
  const char *place, *words;
} refusals[] = {
    {{.expression = "0.5*(u*w - v)^2"},
     "expression",
     "expression, column 8: unknown name 'w'; known are pi, u, v"},
    {{.expression = "u + θ*v"}, "expression", "column 5: unknown name 'θ'"},
    {{.expression = "θ*u + w*v", .parameters = "u v θ"}, "expression", "column 7|'w'|θ"},
    {{.expression = "u + + v)"}, "expression", "column 8: expected an operator|found ')'"},
    {{.expression = "(u + v"},
     "expression",
     "column 7: expected|')' for the '(' in column 1|the end"},
    {{.expression = "exp(u*(v)"}, "expression", "column 10|')' for the '(' in column 4|the end"},
    {{.expression = ""}, "expression", "column 1: expected a number|the end"},
    {{.expression = "u +"}, "expression", "column 4: expected a number, a name or '('|the end"},
    {{.expression = "u ** v"}, "expression", "column 4|found '*'|a^b"},
    {{.expression = "u v"}, "expression", "column 3: expected an operator|'v'"},
    {{.expression = "2u + v"}, "expression", "column 2|2*x|found 'u'"},
    {{.expression = "1.2.3*u*v"}, "expression", "column 4|found '.'"},
    {{.expression = "1e*u*v"}, "expression", "column 2|1e-3"},
    {{.expression = "0x10*u*v"}, "expression", "column 2"},
    {{.expression = "1e999*u*v"}, "expression", "column 1|range"},
    {{.expression = "u*v + $"}, "expression", "column 7|found '$'"},
    {{.expression = "u*v = 1"}, "expression", "column 5|found '='"},
    {{.expression = "erf(u)*v"},
     "expression",
     "column 1: unknown function 'erf'; known are sqrt, exp"},
    {{.expression = "v + abs(u)"},
     "expression",
     "column 5: abs is not differentiable|sqrt(a^2 + c^2)"},
    {{.expression = "max(u, v)"}, "expression", "column 1: max is not differentiable|softplus"},
    {{.expression = "log(u, v)"}, "expression", "column 6: log has one argument"},
    {{.expression = "pow(u)*v"}, "expression", "column 6|pow has two arguments"},
    {{.expression = "exp*u*v"}, "expression", "column 4|'(' after a function"},
    {{.expression = "u(2)*v"}, "expression", "column 1: unknown function 'u'"},
    {{.expression = "u^2"}, "expression", "does not contain 'v'"},
    {{.expression = "u*v*y", .sample_parameters = "y z", .samples = 5},
     "expression",
     "does not contain 'z'"},
    {{.expression = "u*v", .constants = "c = 2"}, "expression", "does not contain 'c'"},
    {{.expression = "u*v", .parameters = "u v u"}, "parameters", "'u' is taken"},
    {{.expression = "u*v", .parameters = "u v exp"}, "parameters", "'exp' cannot be a name"},
    {{.expression = "u*v", .parameters = "u v 2x"}, "parameters", "'2x' cannot be a name"},
    {{.expression = "u*v", .parameters = "u v pi"}, "parameters", "'pi' is taken"},
    {{.expression = "u*v", .sample_parameters = "v", .samples = 5},
     "sample_parameters",
     "'v' is taken"},
    {{.expression = "c*u*v", .constants = "c"}, "constants", "'c' is no constant|name = value"},
    {{.expression = "c*u*v", .constants = "c = 2*d"},
     "constants",
     "value of the constant c, column 4: unknown name 'd'"},
    {{.expression = "c*u*v", .constants = "c = 1/0"}, "constants", "constant c|finite"},
    {{.expression = "c*u*v", .constants = "1 = 2"}, "constants", "'1' cannot be a name"},
    {{.expression = "u*v*y", .sample_parameters = "y"}, "expression", "data|samples"},
    {{.expression = "u*v", .samples = 5}, "samples", "no effect without sample_parameters"},
    {{.expression = "u*v", .data = "data/iris.csv"}, "data", "no effect without sample_parameters"},
    {{.expression = "u*v*y", .sample_parameters = "y", .samples = 1},
     "samples",
     "1 samples|at least 2"},
    {{.expression = "u*v*y", .sample_parameters = "y", .data = "data/iris.csv", .samples = 4},
     "samples",
     "beside data"},
    {{.expression = "u*v*y", .sample_parameters = "y", .data = "data/iris.csv"},
     "sample_parameters",
     "iris.csv has no column 'y'"},
};

START_TEST(mistakes_are_refused_with_their_column)
{
  struct source source = refusals[_i].source;
  source.parameters = source.parameters == NULL ? names : source.parameters;
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(formula_new(source, &status));
  char *place = sde_format("recipe:%s", refusals[_i].place);
  models_assert_refused(&status, place, refusals[_i].words);
  ck_assert_ptr_null(strchr(status.message, '\n'));
  sde_free(place);
}
END_TEST

/* `count` times `piece`, between `before` and `after`; released with sde_free. */
static char *repeated(const char *before, size_t count, const char *piece, const char *after)
{
  size_t length = strlen(piece);
  char *middle = sde_alloc(count * length + 1, 1);
  for (size_t i = 0; i < count; i++)
    memcpy(middle + i * length, piece, length);
  char *text = sde_format("%s%s%s", before, middle, after);
  sde_free(middle);
  return text;
}

static void assert_too_much(char *expression, const char *words)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(
      formula_new((struct source){.expression = expression, .parameters = "u"}, &status));
  models_assert_refused(&status, "recipe:expression", words);
  sde_free(expression);
}

START_TEST(what_is_too_deep_or_too_long_is_refused)
{
  assert_too_much(repeated("", 100000, "(", "u"), "column 201|nested more than 200");
  assert_too_much(repeated("", 100000, "-", "u"), "nested more than 200");
  assert_too_much(repeated("u", 100000, "^u", ""), "nested more than 200");
  assert_too_much(repeated("u", 100000, "*sin(u+1)", ")"), "found ')'");
  assert_too_much(repeated("u", 6000, "*u", ""), "operations; at most 5000");
}
END_TEST

/* Long sums need few intermediate values; a product of many factors needs all its parts. */
START_TEST(intermediate_values_are_counted)
{
  char *sum = sde_strdup("u"), *product = sde_strdup("u");
  for (size_t k = 1; k <= 400; k++) {
    char *more[] = {sde_format("%s + sin(%zu*u)^2", sum, k),
                    sde_format("%s*sin(%zu*u)", product, k)};
    sde_free(sum);
    sde_free(product);
    sum = more[0];
    product = more[1];
  }
  struct loss *loss = formula_new((struct source){.expression = sum, .parameters = "u"}, NULL);
  double x[SDE_UNIT], g[SDE_UNIT], expected = 1;
  uint32_t index = 0;
  sde_block_fill(SDE_UNIT, 0.7, x);
  loss->type->gradient(loss, SDE_UNIT, (struct loss_samples){&index, 0}, x, g);
  for (int k = 1; k <= 400; k++)
    expected += k * sin(2 * k * 0.7);
  ck_assert_double_eq_tol(g[5], expected, 1e-9);
  loss_free(loss);
  sde_free(sum);
  assert_too_much(product, "intermediate values at once; at most 256");
}
END_TEST

static const struct {
  const char *expression;
  double u, v;
  const char *words; /* NULL: accepted */
} starts[] = {
    {"v + sqrt(u)", 0, 1,
     "expression, column 5: at the start u = 0, v = 1, sample 1, sqrt(0) is not twice "
     "differentiable"},
    {"v + sqrt(u)", 1e-9, 1, NULL},
    {"v + sqrt(u)", -1, 1, "column 5|sqrt(-1) is not a finite number"},
    {"v*log(u*v)", 1, -2, "column 3|log(-2) is not a finite number"},
    {"v*log(u*v)", 1, 0, "column 3|log(0) is not a finite number"},
    {"v + 1/(u - 1)", 1, 1, "column 6|(1) / (0) is not a finite number"},
    {"v + u^-3", 0, 1, "column 6|not a finite number"},
    {"v + u^1.5", 0, 1, "column 6|(0)^(1.5) is not twice differentiable"},
    {"v + u^2.5", 0, 1, NULL},
    {"v + u^3", 0, 1, NULL},
    {"v + (u^2)^0.5", 0, 1, "column 10|sqrt(0) is not twice differentiable"},
    {"v + exp(u)", 800, 1, "column 5|exp(800) is not a finite number"},
    {"v + u*log(3 + y)", 1, 1, NULL},
    {"v + u*log(1.5 + y)", 1, 1, NULL},
    {"v + u*log(1 + y)", 1, 1, "column 7|sample 1, log(-0.3|finite"},
    {"v + u*log(1 - y)", 1, 1, "column 7|sample 4, log(-0.3|finite"},
};

START_TEST(starts_without_derivatives_are_refused)
{
  bool samples = strchr(starts[_i].expression, 'y') != NULL;
  struct loss *loss = formula_new((struct source){.expression = starts[_i].expression,
                                                  .parameters = "u v",
                                                  .sample_parameters = samples ? "y" : NULL,
                                                  .samples = samples ? 4 : 0},
                                  NULL);
  double x[] = {starts[_i].u, starts[_i].v};
  struct sde_status status = {SDE_OK, ""};
  bool accepted = loss->type->accepts_start(loss, x, &status);
  if (starts[_i].words != NULL)
    models_assert_refused(&status, "recipe:expression", starts[_i].words);
  ck_assert_msg(accepted == (starts[_i].words == NULL), "%s: %s", starts[_i].expression,
                status.message);
  loss_free(loss);
}
END_TEST

/* Operations without a value for some u, where they vary; what stands twice is one operation. */
static const char *const partials[][2] = {
    {"exp(u) + v*atan(u) + tan(v)", NULL},
    {"u^3 + v^-2.0", "/ in column 8 of the expression at recipe:expression"},
    {"log(2)*u + sqrt(y^2 + 1)*v", NULL},
    {"u/2 + (2/v) + 2^u", "/ in column 9 of the expression at recipe:expression"},
    {"log1p(u) + pow(v, 0.3)", "log1p in column 1, pow in column 12 of"},
    {"log(u)*sqrt(v) + log(u)", "log in column 1, sqrt in column 8 of"},
    {"log(u) + log(v) + log(u+v) + log(u-v) + log(2*u) + log(3*u) + log(4*v)",
     "log in column 52, ... of"},
};

START_TEST(operations_without_a_value_are_named)
{
  const char *expression = partials[_i][0], *words = partials[_i][1];
  bool samples = strchr(expression, 'y') != NULL;
  struct loss *loss = formula_new((struct source){.expression = expression,
                                                  .parameters = "u v",
                                                  .sample_parameters = samples ? "y" : NULL,
                                                  .samples = samples ? 4 : 0},
                                  NULL);
  char *partial = formula_partial(loss);
  ck_assert_msg((partial == NULL) == (words == NULL), "%s: %s", expression, partial);
  ck_assert_msg(words == NULL || strstr(partial, words) != NULL, "%s: %s", expression, partial);
  sde_free(partial);
  loss_free(loss);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("formula");
  TCase *values = testing_case(suite, "values");
  tcase_add_loop_test(values, built_in_losses_have_the_same_numbers, 0,
                      sizeof pairs / sizeof *pairs);
  tcase_add_loop_test(values, expressions_mean_what_they_say, 0,
                      sizeof meanings / sizeof *meanings);
  tcase_add_test(values, quadratic_formulas_are_known);
  tcase_add_test(values, generated_values_are_uncorrelated_scores);
  TCase *derivatives = testing_case(suite, "derivatives");
  tcase_add_loop_test(derivatives, random_expressions_are_differentiated, 0, 32);
  tcase_add_loop_test(derivatives, wrong_slopes_would_be_noticed, 0, SHAPES);
  TCase *mistakes = testing_case(suite, "mistakes");
  tcase_add_loop_test(mistakes, mistakes_are_refused_with_their_column, 0,
                      sizeof refusals / sizeof *refusals);
  tcase_add_test(mistakes, what_is_too_deep_or_too_long_is_refused);
  tcase_add_test(mistakes, intermediate_values_are_counted);
  tcase_add_loop_test(mistakes, starts_without_derivatives_are_refused, 0,
                      sizeof starts / sizeof *starts);
  tcase_add_loop_test(mistakes, operations_without_a_value_are_named, 0,
                      sizeof partials / sizeof *partials);
  return testing_run(suite);
}
