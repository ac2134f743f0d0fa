/*
 * Programs: the gradient rules and update rules that are built in, written as lines, take the same
 * steps; operations have the values of C; draws are addressed; and what is wrong is said with its
 * line and column. Lines of another rule are noticed.
 */
#include "models/program_rule.h"
#include "sde/block.h"
#include "tests/golden.h"
#include "tests/models_testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, STEPS = 5, LINES_MAX = 8, STATE = 2 * PROGRAM_VECTORS_MAX };

static const double eta = 0.07, rho = 0.3;

/* A program from lines separated by '|', with a constant and one more vector. */
static struct program *program_of(const char *lines, struct sde_status *status)
{
  static const struct program_constant constants[] = {{"gamma", 2}, {"c", 0.5}};
  static const double start = 0.25;
  static const struct program_vector vectors[] = {{"p", 1, &start}};
  const char *line[LINES_MAX];
  char *text = sde_strdup(lines);
  struct program_source source = {.place = "recipe:7",
                                  .constants = 2,
                                  .constant = constants,
                                  .vectors = strstr(lines, "p = ") != NULL,
                                  .vector = vectors,
                                  .line = line};
  for (char *part = strtok(text, "|"); part != NULL; part = strtok(NULL, "|")) {
    ck_assert_uint_lt(source.lines, LINES_MAX);
    line[source.lines++] = part;
  }
  struct program *program = program_new(&source, status);
  sde_free(text);
  return program;
}

static struct program *program_right(const char *lines)
{
  struct sde_status status = {SDE_OK, ""};
  struct program *program = program_of(lines, &status);
  ck_assert_msg(program != NULL, "%s: %s", lines, status.message);
  return program;
}

/* STEPS steps of a program from y on, with the batches that iterates of this stream draw. */
static void run_program(const struct program *program, const struct optimizer *optimizer,
                        struct sde_stream stream, size_t width, uint64_t first_path, double *y)
{
  const struct objective *objective = optimizer->objective;
  size_t m = optimizer->micro_batch, count = optimizer->batch / m;
  struct micro_batches batches = micro_batches_new(objective, m, count, width);
  struct program_workspace *workspace =
      program_workspace_new(program, objective, optimizer->batch, m, width);
  for (uint64_t k = 0; k < STEPS; k++) {
    struct sde_address at = {stream, first_path, k};
    struct program_step step = {.objective = objective,
                                .eta = optimizer->eta,
                                .rho = optimizer->rho,
                                .time = (double)k * optimizer->eta,
                                .number = (double)k,
                                .batch = optimizer->batch,
                                .micro_batch = m,
                                .at = &at,
                                .batches = &batches};
    objective_draw(objective, &at, width, &batches);
    program_run(program, workspace, &step, width, y, y);
  }
  program_workspace_free(workspace);
  micro_batches_free(&batches);
}

/* Where the block starts: other points on other paths. */
static void set_start(size_t dim, size_t vectors, double extra, double *y)
{
  for (size_t i = 0; i < dim * vectors; i++)
    for (size_t p = 0; p < WIDTH; p++)
      y[i * WIDTH + p] = i < dim ? golden_start[i % 2] + 0.01 * (double)p : extra;
}

/* ---- the rules that are built in ---- */

struct equal {
  const char *rule, *update, *settings, *lines;
};

static const struct equal equals[] = {
    {"sgd", "sgd", "", "x = x - eta*grad(x)"},
    {"n-usam", "sgd", "", "x = x - eta*grad(x + rho*full_grad(x))"},
    {"n-sam", "sgd", "", "e = unit(full_grad(x))|x = x - eta*grad(x + rho*e)"},
    {"usam", "sgd", "", "g = grad(x)|x = x - eta*grad(x + rho*g)"},
    {"sam", "sgd", "", "x = x - eta*grad(x + rho*grad(x)/norm(grad(x)))"},
    {"m-usam", "sgd", "", "x = x - eta*each(grad(x + rho*grad(x)))"},
    {"m-sam", "sgd", "", "g = each(grad(x + rho*unit(grad(x))))|x = x - eta*g"},
    {"sgd", "heavy-ball", "friction=2", "p = p - eta*(gamma*p + grad(x))|x = x + eta*p"},
    {"m-usam", "heavy-ball", "friction=2",
     "g = each(grad(x + rho*grad(x)))|p = (1 - eta*gamma)*p - eta*g|x = x + eta*p"},
};

enum { EQUALS = sizeof equals / sizeof *equals };

static const char *const losses[] = {"logistic", "quadratic", "double-well"};

/* The largest difference of a rule and of lines after some steps, relative to 1 + |y|. */
static double difference(const struct equal *rule, const char *lines, const char *loss)
{
  struct models_setup setup = models_setup_new(
      strcmp(loss, "quadratic") == 0 ? models_golden.loss : models_loss_example(loss),
      "sampling=with-replacement", rule->rule, rho, 4, 2);
  models_set_update(&setup.optimizer, rule->update, rule->settings);
  setup.optimizer.eta = eta;
  models_set_update(&setup.optimizer, rule->update, rule->settings);
  struct program *program = program_right(lines);
  size_t dim = setup.loss->dim, size = dim * program_vectors(program);
  struct sde_stream stream = sde_stream_named(3, "programs");
  struct sde_process *process = optimizer_process_new(&setup.optimizer, stream);
  ck_assert_uint_eq(process->dim, size);
  double *y = sde_alloc(size, WIDTH * sizeof *y), *expected = sde_alloc(size, WIDTH * sizeof *y);
  set_start(dim, program_vectors(program), 0.25, y);
  memcpy(expected, y, size * WIDTH * sizeof *y);
  void *workspace = process->workspace_new(process, WIDTH);
  for (uint64_t k = 0; k < STEPS; k++)
    process->advance(process, workspace, 100, WIDTH, k, expected);
  process->workspace_free(process, workspace);
  run_program(program, &setup.optimizer, stream, WIDTH, 100, y);
  double worst = 0;
  for (size_t i = 0; i < size * WIDTH; i++)
    worst = fmax(worst, fabs(y[i] - expected[i]) / (1 + fabs(expected[i])));
  sde_free(y);
  sde_free(expected);
  optimizer_process_free(process);
  program_free(program);
  models_setup_free(&setup);
  return worst;
}

START_TEST(lines_are_the_rules_that_are_built_in)
{
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
    double off = difference(&equals[_i], equals[_i].lines, losses[i]);
    ck_assert_msg(off <= 1e-13, "%s, %s, %s: off by %g", equals[_i].rule, equals[_i].update,
                  losses[i], off);
  }
}
END_TEST

/* The lines of any other rule, with as many vectors, are not those of this one; but where the batch
 * is the micro-batch, one is the mean of it. */
START_TEST(lines_of_other_rules_are_noticed)
{
  bool whole = gradient_rule_named(equals[_i].rule)->micro_batch == MICRO_BATCH_WHOLE;
  for (size_t k = 0; k < EQUALS; k++)
    if (k != (size_t)_i && strcmp(equals[k].update, equals[_i].update) == 0 &&
        !(whole && strstr(equals[k].lines, "each") != NULL)) {
      double off = difference(&equals[_i], equals[k].lines, "logistic");
      ck_assert_msg(off > 1e-6, "%s passes for %s", equals[k].lines, equals[_i].rule);
    }
}
END_TEST

/* ---- their SDEs ---- */

/* An optimizer of these lines, with the settings of another. */
static struct program_rule *own_rule(const struct equal *rule, struct optimizer *optimizer)
{
  static const double start = 0.25;
  static const struct program_constant constants[] = {{"gamma", 2}, {"c", 0.5}};
  static const struct program_vector vectors[] = {{"p", 1, &start}};
  const char *line[LINES_MAX];
  char *text = sde_strdup(rule->lines);
  struct program_source source = {.place = "recipe:7",
                                  .constants = 2,
                                  .constant = constants,
                                  .vectors = strstr(rule->lines, "p = ") != NULL,
                                  .vector = vectors,
                                  .line = line};
  for (char *part = strtok(text, "|"); part != NULL; part = strtok(NULL, "|"))
    line[source.lines++] = part;
  struct sde_status status = {SDE_OK, ""};
  struct program_rule *made = program_rule_new(&source, "own", &status);
  ck_assert_msg(made != NULL, "%s", status.message);
  program_rule_set(made, optimizer);
  sde_free(text);
  return made;
}

/* The largest difference of F and Sigma of two optimizers at a point of the state. */
static double moments_apart(const struct optimizer *one, const struct optimizer *other)
{
  static const struct limit_options exact = {
      .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_EXACT, .variance_term = true};
  static const double y[4] = {1.5, -1, 0.3, -0.2};
  double f[2][4] = {{0}}, sigma[2][16] = {{0}}, worst = 0;
  models_moments(one, exact, y, f[0], sigma[0]);
  models_moments(other, exact, y, f[1], sigma[1]);
  for (size_t i = 0; i < 4; i++)
    worst = fmax(worst, fabs(f[0][i] - f[1][i]));
  for (size_t i = 0; i < 16; i++)
    worst = fmax(worst, fabs(sigma[0][i] - sigma[1][i]));
  return worst;
}

/* Mean and covariance of lines are those of the rule that they are; of the next rule's lines not. */
START_TEST(lines_have_the_sde_of_their_rule)
{
  const struct equal *rule = &equals[_i];
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=with-replacement", rule->rule, rho, 4, 2);
  setup.optimizer.eta = eta;
  models_set_update(&setup.optimizer, rule->update, rule->settings);
  struct optimizer lines = setup.optimizer;
  struct program_rule *own = own_rule(rule, &lines);
  ck_assert_double_lt(moments_apart(&setup.optimizer, &lines), 1e-11);
  const struct equal *next = &equals[(_i + 1) % (rule->update[0] == 's' ? 7 : EQUALS)];
  if (strcmp(next->update, rule->update) == 0) {
    struct optimizer wrong = setup.optimizer;
    struct program_rule *other = own_rule(next, &wrong);
    ck_assert_double_gt(moments_apart(&setup.optimizer, &wrong), 1e-3);
    program_rule_free(other);
  }
  program_rule_free(own);
  models_setup_free(&setup);
}
END_TEST

/* Momentum held fixed has no SDE as eta falls; with a friction it has, and with sqrt(eta) noise. */
START_TEST(what_grows_like_one_over_eta_is_refused)
{
  static const struct {
    struct equal rule;
    const char *relaxes;
  } rules[] = {{{.lines = "p = 0.9*p + grad(x)|x = x - eta*p"}, "its step of p grows like 1/eta"},
               {{.lines = "p = 0.9*p + 0.1*grad(x)^2|x = x - eta*grad(x)/(sqrt(p) + c)"},
                "its step of p grows like 1/eta"},
               {{.lines = "x = 0.5*x - eta*grad(x)"}, "its step of x grows like 1/eta"},
               {{.lines = "p = p - eta*(gamma*p + grad(x))|x = x + eta*p"}, NULL},
               {{.lines = "x = x - eta*grad(x) + sqrt(eta)*normal()"}, NULL}};
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=with-replacement", "sgd", rho, 4, 2);
  setup.optimizer.eta = eta;
  struct optimizer lines = setup.optimizer;
  struct program_rule *own = own_rule(&rules[_i].rule, &lines);
  struct sde_status status = {SDE_OK, ""};
  bool has = program_rule_has_limit(&lines, golden_start, "recipe:9", &status);
  ck_assert(has == (rules[_i].relaxes == NULL));
  if (!has)
    models_assert_refused(&status, "recipe:9", rules[_i].relaxes);
  program_rule_free(own);
  models_setup_free(&setup);
}
END_TEST

/* ---- values ---- */

/* With x = (1.5, -1) and p = (0.25, 0.25): what lines make of both coordinates of x. */
static const struct {
  const char *lines;
  double x1, x2;
} values[] = {
    {"x = 2", NAN, NAN}, /* see refusals: here as a vector */
    {"x = 2 + 0*x", 2, 2},
    {"x = x*x - x/2 + 3^2 - -1", 2.25 - 0.75 + 10, 1 + 0.5 + 10},
    {"x = x^2 + 2^-1 - 2^3^0", 2.25 + 0.5 - 2, 1 + 0.5 - 2},
    {"x = -x^2", -2.25, -1},
    {"x = sqrt(abs(x)) + exp(0*x) + log(exp(x))", 1.2247448713915890 + 1 + 1.5, 1 + 1 - 1},
    {"x = tanh(x) + sin(x) + cos(x)",
     0.90514825364486643 + 0.99749498660405445 + 0.070737201667702906,
     -0.76159415595576489 - 0.84147098480789651 + 0.54030230586813972},
    {"x = sign(x) + 10*sign(0*x)", 1, -1},
    {"x = max(x, 0) + min(x, 0.5, 2)", 1.5 + 0.5, 0 - 1},
    {"x = clip(x, -c, c)", 0.5, -0.5},
    {"x = floor(x) + 10*mod(x, 2)", 1 + 15, -1 + 10},
    {"x = x + dot(x, x) + norm(x)^2", 1.5 + 6.5, -1 + 6.5},
    {"x = unit(x)*norm(x)", 1.5, -1},
    {"x = unit(0*x)", 0, 0},
    {"x = x + sum(x) + mean(x) + max(x) + min(x)", 1.5 + 0.5 + 0.25 + 0.5, -1 + 0.5 + 0.25 + 0.5},
    {"x = 0*x + batch + 10*micro_batch + 100*d + 1000*n", 4 + 20 + 200 + 4000, 4 + 20 + 200 + 4000},
    {"x = 0*x + eta + rho + step + time", 0.37, 0.37},
    {"q = x|x = p|p = q|x = x + 0*p", 0.25, 0.25},
    {"q = x|p = x + 1|x = p + q + c + gamma", 1.5 + 2.5 + 2.5, -1 + 0 + 2.5},
    {"x = full_grad(x) - each(full_grad(x) + 0*grad(x))", 0, 0},
    {"x = each(grad(x)) - grad(x)", 0, 0},
    {"x = each(hess(x, x) - hess(x, x)) + full_hess(x, 0*x)", 0, 0},
    {"x = 0*x + each(loss(x)) - loss(x)", 0, 0},
};

enum { VALUES = sizeof values / sizeof *values };

START_TEST(operations_have_their_values)
{
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=with-replacement", "sgd", rho, 4, 4);
  setup.optimizer.micro_batch = 2;
  setup.optimizer.eta = eta;
  struct program *program = program_right(values[_i].lines);
  struct micro_batches batches = micro_batches_new(setup.objective, 2, 2, WIDTH);
  struct program_workspace *workspace =
      program_workspace_new(program, setup.objective, 4, 2, WIDTH);
  struct sde_address at = {sde_stream_named(1, "values"), 0, 0};
  struct program_step step = {.objective = setup.objective,
                              .eta = eta,
                              .rho = rho,
                              .batch = 4,
                              .micro_batch = 2,
                              .at = &at,
                              .batches = &batches};
  double y[STATE * WIDTH];
  for (size_t i = 0; i < 4; i++)
    sde_block_fill(WIDTH, i < 2 ? golden_start[i] : 0.25, y + i * WIDTH);
  objective_draw(setup.objective, &at, WIDTH, &batches);
  program_run(program, workspace, &step, WIDTH, y, y);
  for (size_t p = 0; p < WIDTH; p++) {
    ck_assert_double_eq_tol(y[p], values[_i].x1, 1e-13);
    ck_assert_double_eq_tol(y[WIDTH + p], values[_i].x2, 1e-13);
  }
  program_workspace_free(workspace);
  micro_batches_free(&batches);
  program_free(program);
  models_setup_free(&setup);
}
END_TEST

/* Full gradient and Hessian are those of the golden case; a NaN is not lost in max, min and sign. */
START_TEST(what_is_no_number_stays_so)
{
  static const char *const lines[] = {"x = max(log(-x*x), 0)", "x = max(0, log(-x*x))",
                                      "x = min(log(-x*x), 0)", "x = min(0, log(-x*x))",
                                      "x = sign(log(-x*x))",   "x = unit(log(-x*x))",
                                      "x = 0*x + max(log(x))", "x = 0*x + min(log(x))"};
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=with-replacement", "sgd", rho, 4, 4);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct program *program = program_right(lines[i]);
    double y[STATE * WIDTH];
    set_start(2, 1, 0, y);
    run_program(program, &setup.optimizer, sde_stream_named(1, "nan"), WIDTH, 0, y);
    ck_assert_msg(isnan(y[0]), "%s: %g", lines[i], y[0]);
    program_free(program);
  }
  models_setup_free(&setup);
}
END_TEST

/* ---- draws ---- */

/* Normals have mean 0 and variance 1, each call, micro-batch and coordinate its own; a second batch
 * is independent of the first; and all have the same bits in blocks of another width. */
START_TEST(draws_are_addressed_and_independent)
{
  static const struct {
    const char *lines;
    double second; /* E x1^2 after one step from 0, of unit normals; NAN: only addressed */
  } draws[] = {{"x = normal()", 1},
               {"x = normal() + normal()", 2},
               {"x = normal() - normal()", 2},
               {"z = normal()|x = z + z", 4},
               {"x = each(normal() + 0*grad(x))", 0.5},
               {"x = each(normal()) + each(normal())", 1},
               {"x = normal() + each(normal())", 1.5},
               {"x = normal() + 0*grad(x, sample(2))", 1},
               {"x = grad(x, sample(2)) - grad(x)", NAN},
               {"x = grad(x, sample(2)) - grad(x, sample(3))", NAN}};
  struct models_setup setup =
      models_setup_new(models_golden.loss, "sampling=with-replacement", "sgd", rho, 4, 4);
  setup.optimizer.micro_batch = 2;
  enum { PATHS = 4096 };
  struct program *program = program_right(draws[_i].lines);
  ck_assert(program_draws(program));
  double *wide = sde_alloc(2 * PATHS, sizeof *wide), square = 0;
  struct sde_stream stream = sde_stream_named(5, "draws");
  run_program(program, &setup.optimizer, stream, PATHS, 32, wide);
  for (size_t first = 0; first < 2 * WIDTH; first += WIDTH) {
    double narrow[STATE * WIDTH] = {0};
    run_program(program, &setup.optimizer, stream, WIDTH, 32 + first, narrow);
    for (size_t i = 0; i < 2; i++)
      ck_assert_mem_eq(narrow + i * WIDTH, wide + i * PATHS + first, WIDTH * sizeof *wide);
  }
  for (size_t k = 0; k < 2 * PATHS; k++)
    square += wide[k] * wide[k] / (2 * PATHS);
  if (!isnan(draws[_i].second))
    ck_assert_double_eq_tol(square, draws[_i].second, 6 * draws[_i].second / sqrt(PATHS));
  else
    ck_assert_double_gt(square, 0.01);
  sde_free(wide);
  program_free(program);
  models_setup_free(&setup);
}
END_TEST

/* ---- what is wrong ---- */

static const struct {
  const char *lines, *words;
} mistakes[] = {
    {"x = 2", "step 1, column 1: x is a vector, and its new value is a number"},
    {"x = x - eta*gard(x)", "step 1, column 13: unknown function 'gard'; known are each, sqrt"},
    {"g = grad(x)|x = x - eta*h",
     "step 2, column 13: unknown name 'h'; known here are x, g, gamma, "
     "c, eta, rho, batch, micro_batch, step, time, d, n"},
    {"x = x - eta*grad(rho)", "step 1, column 18: grad takes a vector, and this is a number"},
    {"x = x - eta*grad(norm(x))", "step 1, column 18: grad takes a vector, and this is a scalar"},
    {"x = x - eta*grad()", "grad has 1 argument, not 0"},
    {"x = x - eta*hess(x)", "hess has 2 arguments, not 1"},
    {"x = x - eta*grad(x", "step 1, column 19: expected an operator, ',' or ')' for the '(' in "
                           "column 17, found the end"},
    {"x = x - (eta*grad(x)", "expected an operator or ')', found the end"},
    {"x = x - eta grad(x)", "step 1, column 13: expected an operator or the end, found 'grad'"},
    {"x = x - 2 eta*grad(x)", "expected an operator after the number (a product is written 2*x)"},
    {"x - eta*grad(x)", "step 1, column 3: expected '=' after the name that takes the value"},
    {"= x", "expected a line `name = expression`, found '='"},
    {"eta = 3|x = x - eta*grad(x)", "'eta' is known already and takes no new value"},
    {"c = 3|x = x - eta*grad(x)", "'c' is a constant and takes no new value"},
    {"grad = x|x = x - eta*grad", "'grad' is a function"},
    {"g = grad(x)|g = norm(g)|x = x - eta*g", "step 2, column 1: g is a vector, and its new value "
                                              "is a scalar"},
    {"g = grad(x)", "no line gives x a new value; one such as `x = x - eta*grad(x)` is needed"},
    {"x = each(x)", "nothing within it is taken of one, as grad(x) is"},
    {"x = each(each(grad(x)))", "each() stands within each()"},
    {"x = each(grad(x, sample(2)))", "the micro-batches are those of the batch that is drawn"},
    {"x = grad(x, sample(12))", "expected the number of a batch from 1 to 9"},
    {"x = x - eta*grad", "expected '(' after a function"},
    {"x = x - 1e400*x", "the number is beyond the range"},
    {"x = x - 1e*x", "the exponent of a number needs digits, as in 1e-3"},
    {"x = x ** 2", "expected a number, a name or '(', found '*'"},
    {"x = max(norm(x))*x", "max takes a vector, and this is a scalar"},
};

enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

START_TEST(what_is_wrong_is_said)
{
  struct sde_status status = {SDE_OK, ""};
  ck_assert_ptr_null(program_of(mistakes[_i].lines, &status));
  models_assert_refused(&status, "recipe:7", mistakes[_i].words);
}
END_TEST

START_TEST(names_are_checked)
{
  static const struct {
    const char *constant, *vector, *words;
  } names[] = {{"eta", "p", "the name 'eta' is taken"},
               {"c", "c", "the name 'c' is taken"},
               {"c", "x", "the name 'x' is taken"},
               {"c", "grad", "the name 'grad' is taken"},
               {"2c", "p", "'2c' is no name: letters, digits and _"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct sde_status status = {SDE_OK, ""};
    const char *const line = "x = x - eta*grad(x)";
    const double zero = 0;
    struct program_source source = {.place = "recipe:7",
                                    .lines = 1,
                                    .line = &line,
                                    .constants = 1,
                                    .constant = &(struct program_constant){names[i].constant, 1},
                                    .vectors = 1,
                                    .vector = &(struct program_vector){names[i].vector, 1, &zero}};
    ck_assert_ptr_null(program_new(&source, &status));
    models_assert_refused(&status, "recipe:7", names[i].words);
  }
}
END_TEST

/* Deep nesting and long programs end in a sentence, not in a crash. */
START_TEST(what_is_too_large_is_said)
{
  char *deep = sde_alloc(5000, 1);
  struct sde_status status = {SDE_OK, ""};
  memset(deep, '(', 4000);
  memcpy(deep, "x = ", 4);
  ck_assert_ptr_null(program_of(deep, &status));
  models_assert_refused(&status, "recipe:7", "nested more than 200 deep");
  sde_free(deep);
  status = (struct sde_status){SDE_OK, ""};
  char *wide = sde_alloc(100000, 1);
  size_t length = (size_t)sprintf(wide, "x = x");
  for (size_t i = 0; i < 5000; i++)
    length += (size_t)sprintf(wide + length, " + %zu*x", i);
  ck_assert_ptr_null(program_of(wide, &status));
  models_assert_refused(&status, "recipe:7", "more than 4096 operations");
  sde_free(wide);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("program");
  TCase *same = tcase_create("rules"), *values_of = tcase_create("values");
  TCase *drawn = tcase_create("draws"), *wrong = tcase_create("mistakes");
  tcase_add_loop_test(same, lines_are_the_rules_that_are_built_in, 0, EQUALS);
  tcase_add_loop_test(same, lines_of_other_rules_are_noticed, 0, EQUALS);
  tcase_add_loop_test(same, lines_have_the_sde_of_their_rule, 0, EQUALS);
  tcase_add_loop_test(same, what_grows_like_one_over_eta_is_refused, 0, 5);
  tcase_add_loop_test(values_of, operations_have_their_values, 1, VALUES);
  tcase_add_test(values_of, what_is_no_number_stays_so);
  tcase_add_loop_test(drawn, draws_are_addressed_and_independent, 0, 10);
  tcase_add_loop_test(wrong, what_is_wrong_is_said, 0, MISTAKES);
  tcase_add_test(wrong, names_are_checked);
  tcase_add_test(wrong, what_is_too_large_is_said);
  suite_add_tcase(suite, same);
  suite_add_tcase(suite, values_of);
  suite_add_tcase(suite, drawn);
  suite_add_tcase(suite, wrong);
  return testing_run(suite);
}
