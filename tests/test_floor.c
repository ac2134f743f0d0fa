/*
 * The verdicts of `compare` on the difference as eta falls, on exact differences and on made ones:
 * an SDE that has every term in rho must not earn the floor, one that lacks a term not the fall,
 * and neither may be earned where errors are large or eta is not small.
 */
#include "experiments/cases/case_analysis.h"
#include "experiments/results/verdict_groups.h"
#include "experiments/studies/comparison.h"
#include "tests/study_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum decision { NO, YES, OPEN };

/* SDE 0 has all terms in rho, SDE 1 those of first order, SDE 2 not that of the variance, SDE 3
 * none. */
static const char all_sdes[] =
    "sde=[{rho_order: exact}, {}, {variance_term: false}, {rho_order: 0}]";
static const char golden[] = "experiments/recipes/golden.yaml";
static const char valley[] = "experiments/recipes/valley.yaml";

/* Golden cases at small eta, where the difference of SDE 2 is hardly anything but its floor. */
static struct outcome prepare_golden(const char *sdes)
{
  const char *override[] = {"loss.data=data/quadratic4.csv",
                            "optimizers=[{name: n-usam}, {name: m-usam, micro_batch: 1}]",
                            "eta=[0.0125, 0.00625, 0.003125]",
                            "rho=0.2",
                            "time=0.4",
                            "observables=[loss, x1]",
                            sdes};
  return outcome_prepare(golden, sizeof override / sizeof *override, override);
}

static double exact_mean(const struct cases *cases, const struct run_case *one, size_t side,
                         size_t observable)
{
  const char *why = "";
  struct oracle *oracle = case_oracle_new(cases, one, side, &why);
  ck_assert_msg(oracle != NULL, "%s", why);
  oracle_advance(oracle, one->steps);
  double mean = oracle_mean(oracle, observable);
  oracle_free(oracle);
  return mean;
}

/* A row whose difference is known to a standard error of se. */
static struct comparison row_of(const struct run_case *one, size_t sde, size_t observable,
                                double difference, double se)
{
  return (struct comparison){.one = one,
                             .sde = sde,
                             .observable = observable,
                             .difference = difference,
                             .difference_se = se,
                             .difference_freedom = 1e6,
                             .exact_iterates = NAN,
                             .exact_solution = NAN};
}

/* The verdicts where SDE s has the exact means of SDE solved_as[s], and the iterates those of an
 * optimizer, their own for NULL. */
static void judge_exact(struct outcome *outcome, const size_t *solved_as, const char *iterates,
                        double se)
{
  const struct cases *cases = outcome->cases;
  size_t sdes = outcome->recipe->sdes, observables = cases->observables->count, count = 0;
  struct comparison *rows = sde_alloc(cases->count * sdes * observables, sizeof *rows);
  for (size_t i = 0; i < cases->count; i++)
    for (size_t s = 0; s < sdes; s++)
      for (size_t o = 0; o < observables; o++) {
        struct run_case other = cases->one[i];
        if (iterates != NULL)
          other.optimizer.rule = gradient_rule_named(iterates);
        double difference = exact_mean(cases, &other, CASE_ITERATES, o) -
                            exact_mean(cases, &cases->one[i], case_side_of_sde(solved_as[s]), o);
        rows[count++] = row_of(&cases->one[i], s, o, difference, se);
      }
  comparison_verdicts(outcome->results, cases, rows, count);
  sde_free(rows);
}

/* The one verdict whose claim holds all three. */
static enum decision decision_of(const struct outcome *outcome, const char *variant,
                                 const char *sde, const char *claim)
{
  size_t found = 0;
  enum decision decision = OPEN;
  const json_t *verdicts = results_verdicts(outcome->results);
  for (size_t i = 0; i < json_array_size(verdicts); i++) {
    const json_t *verdict = json_array_get(verdicts, i);
    const char *text = verdict_text(verdict, "claim");
    if (strstr(text, variant) == NULL || strstr(text, sde) == NULL || strstr(text, claim) == NULL)
      continue;
    found++;
    enum holds holds = verdict_holds(verdict);
    decision = holds == HOLDS_YES ? YES : holds == HOLDS_NO ? NO : OPEN;
  }
  ck_assert_msg(found == 1, "%zu verdicts: %s, %s, %s", found, variant, sde, claim);
  return decision;
}

static const char floor_claim[] = "does not go to zero", falls[] = "falls like eta^1";
static const char n_usam[] = "n-usam,", m_usam[] = "m-usam m=1,";

static const size_t themselves[] = {0, 1, 2, 3};
/* Standard errors that are small beside every part of the exact differences. */
static const double precise = 1e-7;

/* Each SDE is told what theory says of it, and has it. Without the term n-usam lacks nothing. */
START_TEST(each_has_what_theory_leaves)
{
  struct outcome outcome = prepare_golden(all_sdes);
  judge_exact(&outcome, themselves, NULL, precise);
  for (int s = 0; s < 4; s++) {
    char *sde = sde_format("SDE %d ", s);
    ck_assert_int_eq(decision_of(&outcome, n_usam, sde, s == 3 ? floor_claim : falls), YES);
    ck_assert_int_eq(decision_of(&outcome, m_usam, sde, s >= 2 ? floor_claim : falls), YES);
    sde_free(sde);
  }
  outcome_free(&outcome);
}
END_TEST

/* The SDEs that have every term lose the variance term: their difference stays. */
START_TEST(without_the_term_nothing_falls)
{
  static const size_t twin[] = {2, 2, 2, 3};
  struct outcome outcome = prepare_golden(all_sdes);
  judge_exact(&outcome, twin, NULL, precise);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), NO);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 1 ", falls), NO);
  ck_assert_int_eq(decision_of(&outcome, n_usam, "SDE 1 ", falls), YES);
  outcome_free(&outcome);
}
END_TEST

/* The SDEs that lack terms are given all of them: their difference falls, which denies nothing as
 * long as that of the whole SDE falls too, so that the terms may have no effect. */
START_TEST(a_whole_sde_does_not_earn_the_floor)
{
  static const size_t twin[] = {0, 1, 0, 0};
  struct outcome outcome = prepare_golden(all_sdes);
  judge_exact(&outcome, twin, NULL, precise);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), YES);
  ck_assert_int_eq(decision_of(&outcome, n_usam, "SDE 3 ", floor_claim), OPEN);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 2 ", floor_claim), OPEN);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 3 ", floor_claim), OPEN);
  outcome_free(&outcome);
}
END_TEST

/* The iterates are those of sgd: the whole SDE shows what the terms do, and they do not do it. With
 * no whole SDE beside it nothing is known of the terms. */
START_TEST(iterates_without_the_terms_deny_the_floor)
{
  static const size_t first[] = {0};
  struct outcome outcome = prepare_golden(all_sdes);
  judge_exact(&outcome, themselves, "sgd", precise);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), NO);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 3 ", floor_claim), NO);
  ck_assert_int_eq(decision_of(&outcome, n_usam, "SDE 3 ", floor_claim), NO);
  outcome_free(&outcome);
  outcome = prepare_golden("sde=[{rho_order: 0}]");
  judge_exact(&outcome, first, "sgd", precise);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", floor_claim), OPEN);
  outcome_free(&outcome);
}
END_TEST

/* With rho next to nothing nothing stays, whatever the difference looks like where eta is not
 * small: at some of these it is as good as flat. */
START_TEST(no_effect_earns_no_floor)
{
  static const char *const etas[] = {"eta=[0.8, 0.4]", "eta=[0.8, 0.4, 0.2]", "eta=[0.4, 0.2]",
                                     "eta=[0.8, 0.2]", "eta=[0.4, 0.2, 0.1]"};
  static const char *const times[] = {"time=1.6", "time=2.4", "time=4", "time=8"};
  static const size_t first[] = {0};
  for (size_t e = 0; e < sizeof etas / sizeof *etas; e++)
    for (size_t t = 0; t < sizeof times / sizeof *times; t++)
      for (int alone = 0; alone < 2; alone++) {
        const char *override[] = {"loss.data=data/quadratic4.csv",
                                  "optimizers=[{name: m-usam, micro_batch: 1}]",
                                  etas[e],
                                  "rho=1e-9",
                                  times[t],
                                  "observables=[loss, noise-trace, x1, x2]",
                                  alone ? "sde=[{rho_order: 0}]" : all_sdes};
        struct outcome outcome =
            outcome_prepare(golden, sizeof override / sizeof *override, override);
        judge_exact(&outcome, alone ? first : themselves, NULL, precise);
        ck_assert_int_ne(decision_of(&outcome, m_usam, alone ? "SDE 0 " : "SDE 3 ", floor_claim),
                         YES);
        outcome_free(&outcome);
      }
}
END_TEST

/* Where errors are as large as the differences, which are below 0.2, everything is open. */
START_TEST(large_errors_leave_all_open)
{
  struct outcome outcome = prepare_golden(all_sdes);
  judge_exact(&outcome, themselves, NULL, 0.2);
  for (int s = 0; s < 4; s++) {
    char *sde = sde_format("SDE %d ", s);
    ck_assert_int_eq(decision_of(&outcome, m_usam, sde, s >= 2 ? floor_claim : falls), OPEN);
    sde_free(sde);
  }
  outcome_free(&outcome);
}
END_TEST

/* Made differences at eta 0.1, 0.05 and 0.025 of the SDE without terms in rho, to 1e-4. */
static const struct {
  double difference[3];
  enum decision floor;
} made[] = {
    {{0.0200, 0.0200, 0.0200}, YES},  {{0.0300, 0.0250, 0.0225}, YES}, /* 0.02 + 0.1 eta */
    {{0.0200, 0.0300, 0.0200}, OPEN}, /* 0.8 (eta - 8 eta^2), which goes to zero */
    {{0.0010, 0.0180, 0.0190}, OPEN}, /* it nearly changes its sign */
    {{-0.020, 0.0200, 0.0200}, OPEN}, {{0.1000, 0.0500, 0.0250}, OPEN}, /* like eta */
    {{0.0004, 0.0004, 0.0004}, OPEN},                                   /* not resolved */
    {{NAN, NAN, NAN}, OPEN},                                            /* none survived */
};

/* Differences of SDE s in observable o at three eta, whose standard errors are 1e-4. */
static struct outcome judge_rows(const char *file, const char *observables, const char *noise,
                                 const char *sdes, const double difference[][3])
{
  const char *override[] = {strcmp(file, golden) == 0 ? "loss.data=data/quadratic4.csv" : "seed=1",
                            "optimizers=[{name: m-usam, micro_batch: 1}]",
                            "eta=[0.1, 0.05, 0.025]",
                            "rho=0.2",
                            "time=1",
                            "batch=4",
                            noise,
                            observables,
                            sdes};
  struct outcome outcome = outcome_prepare(file, sizeof override / sizeof *override, override);
  size_t each = outcome.recipe->sdes * outcome.cases->observables->count, count = 3 * each;
  ck_assert_uint_eq(outcome.cases->count, 3);
  struct comparison *rows = sde_alloc(count, sizeof *rows);
  for (size_t k = 0; k < count; k++)
    rows[k] = row_of(&outcome.cases->one[k / each], k % each / outcome.cases->observables->count,
                     k % outcome.cases->observables->count, difference[k % each][k / each], 1e-4);
  comparison_verdicts(outcome.results, outcome.cases, rows, count);
  sde_free(rows);
  return outcome;
}

static struct outcome judge_made(const char *file, const char *sdes, const double *difference)
{
  double only[1][3];
  memcpy(only[0], difference, sizeof only);
  return judge_rows(file, "observables=[loss]", "seed=1", sdes, only);
}

START_TEST(a_floor_is_flat)
{
  struct outcome outcome = judge_made(golden, "sde=[{rho_order: 0}]", made[_i].difference);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", floor_claim), made[_i].floor);
  outcome_free(&outcome);
}
END_TEST

/* A part of order rho^2 may stay where the loss is not quadratic, and the claim says so; for the
 * SDE with all orders in rho nothing may. */
START_TEST(second_order_in_rho_is_reserved)
{
  static const double flat[] = {0.02, 0.02, 0.02}, falling[] = {0.1, 0.05, 0.025};
  static const char reserve[] = "until terms of order rho^2 show";
  struct outcome outcome = judge_made(valley, "sde=[{}]", flat);
  ck_assert_int_eq(decision_of(&outcome, m_usam, falls, reserve), OPEN);
  outcome_free(&outcome);
  outcome = judge_made(valley, "sde=[{}]", falling);
  ck_assert_int_eq(decision_of(&outcome, m_usam, falls, reserve), YES);
  outcome_free(&outcome);
  outcome = judge_made(golden, "sde=[{}]", flat);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), NO);
  outcome_free(&outcome);
}
END_TEST

static const char index_noise[] = "noise={sampling: with-replacement}";

/* On a loss that is not quadratic what stays may be of order rho^2: it is not attributed to the
 * variance term, whose own SDE has as much, but to rho where an exact SDE beside has it not. */
START_TEST(what_stays_is_not_attributed_to_one_term)
{
  static const double both[][3] = {{.02, .02, .02}, {.02, .02, .02}, {.004, .002, .001}};
  struct outcome outcome = judge_rows(valley, "observables=[loss]", "seed=1",
                                      "sde=[{variance_term: false}, {}, {rho_order: exact}]", both);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", "leaves out terms in rho"), YES);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 1 ", falls), OPEN);
  outcome_free(&outcome);
  outcome =
      judge_rows(valley, "observables=[loss]", "seed=1", "sde=[{variance_term: false}, {}]", both);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", "leaves out terms in rho"), OPEN);
  outcome_free(&outcome);
}
END_TEST

/* One observable that falls does not make up for another that does not; and an exact SDE that stays
 * too says that it is not rho. */
START_TEST(an_excuse_keeps_a_claim_open)
{
  static const double mixed[][3] = {{.02, .02, .02}, {.1, .05, .025}};
  static const double same[][3] = {{.02, .02, .02}, {.02, .02, .02}};
  struct outcome outcome =
      judge_rows(valley, "observables=[loss, noise-trace]", "seed=1", "sde=[{}]", mixed);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), OPEN);
  outcome_free(&outcome);
  outcome =
      judge_rows(valley, "observables=[loss]", "seed=1", "sde=[{}, {rho_order: exact}]", same);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), NO);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 1 ", falls), NO);
  outcome_free(&outcome);
}
END_TEST

/* Where V is constant there is no variance term that could be left out: both SDEs are one. */
START_TEST(constant_noise_has_no_variance_term)
{
  static const double falling[][3] = {{.1, .05, .025}, {.1, .05, .025}};
  static const double flat[][3] = {{.02, .02, .02}, {.1, .05, .025}};
  static const char constant[] =
      "noise={sampling: gaussian, structure: isotropic, standard_deviation: 0.3}";
  static const char sdes[] = "sde=[{variance_term: false}, {}]";
  struct outcome outcome = judge_rows(golden, "observables=[loss]", constant, sdes, falling);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), YES);
  outcome_free(&outcome);
  outcome = judge_rows(golden, "observables=[loss]", constant, sdes, flat);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", falls), NO);
  outcome_free(&outcome);
  outcome = judge_rows(golden, "observables=[loss]", index_noise, sdes, flat);
  ck_assert_int_eq(decision_of(&outcome, m_usam, "SDE 0 ", floor_claim), YES);
  outcome_free(&outcome);
}
END_TEST

static Suite *floor_suite(void)
{
  Suite *suite = suite_create("floor");
  TCase *exact = testing_case(suite, "exact differences");
  tcase_add_test(exact, each_has_what_theory_leaves);
  tcase_add_test(exact, without_the_term_nothing_falls);
  tcase_add_test(exact, a_whole_sde_does_not_earn_the_floor);
  tcase_add_test(exact, iterates_without_the_terms_deny_the_floor);
  tcase_add_test(exact, no_effect_earns_no_floor);
  tcase_add_test(exact, large_errors_leave_all_open);
  TCase *others = testing_case(suite, "made differences");
  tcase_add_loop_test(others, a_floor_is_flat, 0, sizeof made / sizeof *made);
  tcase_add_test(others, second_order_in_rho_is_reserved);
  tcase_add_test(others, what_stays_is_not_attributed_to_one_term);
  tcase_add_test(others, an_excuse_keeps_a_claim_open);
  tcase_add_test(others, constant_noise_has_no_variance_term);
  return suite;
}

int main(void)
{
  return testing_run(floor_suite());
}
