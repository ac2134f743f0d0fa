/*
 * Domains: steps are folded back as often as it takes, or clipped, on one side or both; iterates
 * and SDEs stay in the box, where their twins without a domain leave it; bad boxes are refused.
 * What folding and clipping do to a reflected diffusion, with its orders, tests/test_reflection.c
 * holds.
 */
#include "models/domain.h"
#include "models/optimizer.h"
#include "sde/block.h"
#include "tests/models_testing.h"

#include <math.h>
#include <string.h>

enum { WIDTH = SDE_UNIT, D = 2 };
static const double start[D] = {1.5, -1};

static struct domain *domain_of(const char *text)
{
  struct parameters *given = models_parameters(domain_keys, text);
  struct sde_status status = {SDE_OK, ""};
  struct domain *domain = domain_new(given, D, start, &status);
  ck_assert_msg(domain != NULL, "%s: %s", text, status.message);
  parameters_free(given);
  return domain;
}

/* Reflection at one face after the other, until inside. */
static double bounced(double x, double low, double high)
{
  while (x < low || x > high)
    x = x < low ? 2 * low - x : 2 * high - x;
  return x;
}

static const struct box {
  const char *text;
  double low[D], high[D];
  bool reflects;
} boxes[] = {{"box=-1,2", {-1, -1}, {2, 2}, true},
             {"box=-1,2 boundary=project", {-1, -1}, {2, 2}, false},
             {"low=1,-1 high=2,0.5", {1, -1}, {2, 0.5}, true},
             {"low=-1.5 boundary=reflect", {-1.5, -1.5}, {INFINITY, INFINITY}, true},
             {"high=1.75", {-INFINITY, -INFINITY}, {1.75, 1.75}, true},
             {"high=1.75 boundary=project", {-INFINITY, -INFINITY}, {1.75, 1.75}, false}};
enum { BOXES = sizeof boxes / sizeof *boxes };

START_TEST(steps_come_back_into_the_box)
{
  const struct box *box = &boxes[_i];
  struct domain *domain = domain_of(box->text);
  size_t moved = 0, far = 0;
  ck_assert(domain_reflects(domain) == box->reflects);
  for (size_t k = 0; k < 50; k++) {
    double x[D * WIDTH], y[D * WIDTH];
    for (size_t i = 0; i < D * WIDTH; i++)
      x[i] = y[i] = 20 * sin((double)(k * D * WIDTH + i)) + 0.3;
    domain_apply(domain, WIDTH, y);
    for (size_t i = 0; i < D * WIDTH; i++) {
      double low = box->low[i / WIDTH], high = box->high[i / WIDTH];
      double expected = box->reflects ? bounced(x[i], low, high) : fmin(fmax(x[i], low), high);
      ck_assert_double_eq_tol(y[i], expected, 1e-12);
      ck_assert(y[i] >= low && y[i] <= high);
      moved += y[i] != x[i];
      far += fabs(x[i] - y[i]) > 2 * (high - low); /* more than one period */
      if (x[i] >= low && x[i] <= high)
        ck_assert_double_eq(y[i], x[i]);
    }
  }
  ck_assert_uint_gt(moved, 0);
  ck_assert(far > 0 || isinf(box->high[0]) || isinf(box->low[0]));
  domain_free(domain);
}
END_TEST

/* The largest distance by which a path was outside of [-1, 1.6] after a step. */
static double outside(const struct sde_process *process)
{
  double x[D * WIDTH], most = 0;
  void *workspace = process->workspace_new(process, WIDTH);
  sde_process_start(process, workspace, D, start, 0, WIDTH, x);
  for (uint64_t step = 0; step < 40; step++) {
    process->advance(process, workspace, 0, WIDTH, step, x);
    for (size_t i = 0; i < D * WIDTH; i++)
      most = fmax(most, fmax(-1 - x[i], x[i] - 1.6));
  }
  process->workspace_free(process, workspace);
  return most;
}

/* At an eta where paths run against the faces. */
START_TEST(iterates_and_sdes_stay_inside)
{
  struct models_setup setup = models_setup_new("quadratic data=data/quadratic4.csv",
                                               "sampling=with-replacement", "m-usam", 0.1, 1, 1);
  setup.optimizer.eta = 0.9;
  struct domain *domain = domain_of("box=-1,1.6");
  struct limit *limit = models_limit(
      &setup.optimizer, (struct limit_options){
                            .eta_order = 1, .rho_order = LIMIT_RHO_ORDER_1, .variance_term = true});
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution solution = {.system = limit_system(limit),
                                  .scheme = sde_scheme_named("euler-maruyama"),
                                  .stream = sde_stream_named(1, "domain"),
                                  .eta = 0.9,
                                  .substeps = 4,
                                  .resolution = 4};
  for (int kept = 0; kept < 2; kept++) {
    setup.objective->domain = kept ? domain : NULL;
    solution.projection = domain_projection(setup.objective->domain);
    struct sde_process *iterates =
        optimizer_process_new(&setup.optimizer, sde_stream_named(1, "domain"));
    struct sde_process *solved = sde_solution_process_new(&solution, &status);
    ck_assert_msg(solved != NULL, "%s", status.message);
    ck_assert_msg((outside(iterates) > 0) == !kept, "iterates, domain %d", kept);
    ck_assert_msg((outside(solved) > 0) == !kept, "SDE, domain %d", kept);
    sde_solution_process_free(solved);
    optimizer_process_free(iterates);
  }
  limit_free(limit);
  domain_free(domain);
  models_setup_free(&setup);
}
END_TEST

static const struct {
  const char *text, *key, *words;
} bad[] = {{"boundary=reflect", "boundary", "needs box"},
           {"box=0,1,2", "box", "box is 3 numbers"},
           {"box=-1,2 low=0", "box", "not box besides"},
           {"box=2,2", "box", "coordinate 1 has bounds 2 and 2"},
           {"low=0 high=2", "low", "coordinate 2 starts at -1, outside"},
           {"high=1,2,3", "high", "high is 3 numbers"}};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(bad_boxes_are_refused)
{
  struct parameters *given = models_parameters(domain_keys, bad[_i].text);
  struct sde_status status = {SDE_OK, ""};
  char *place = sde_format("recipe:%s", bad[_i].key);
  ck_assert_ptr_null(domain_new(given, D, start, &status));
  if (strcmp(bad[_i].key, "boundary") != 0)
    models_assert_refused(&status, place, bad[_i].words);
  ck_assert_int_eq(status.code, SDE_INVALID);
  sde_free(place);
  parameters_free(given);
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("domain");
  TCase *box = testing_case(suite, "box");
  tcase_add_loop_test(box, steps_come_back_into_the_box, 0, BOXES);
  tcase_add_test(box, iterates_and_sdes_stay_inside);
  tcase_add_loop_test(box, bad_boxes_are_refused, 0, BAD);
  return testing_run(suite);
}
