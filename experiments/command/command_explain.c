/*
 * The command `explain`: an optimizer, its SDEs, its regulariser and the theorem, from the row of
 * its gradient rule and what theory knows of its perturbation; or an update rule, from its row.
 * theory.md sections 3 and 12.
 */
#include "experiments/command/command.h"
#include "experiments/io/text.h"
#include "experiments/recipe/schema.h"
#include "models/optimizer.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, RHO_ORDERS = 3 };

/* F = E u and Sigma = Cov u to one order in rho. */
struct expansion {
  const char *rho_order, *drift, *noise, *error;
};

static const struct {
  int order;
  const char *equation, *error;
} eta_orders[] = {{1, "dX = -F dt + sqrt(eta) Sigma^(1/2) dW", "eta"},
                  {2, "dX = -(F + (eta/2) DF F) dt + sqrt(eta) Sigma^(1/2) dW", "eta^2"}};

#define SGD_EXPANSION "g", "c(b) V"

/* The drift from S fresh micro-batches per step is unbiased, and random. */
#define SPURIOUS                                                                                   \
  "; S fresh ones add noise of their own, Sigma/(substeps S), and an error of O(eta/(substeps S))"

#define FRESH_MICRO_BATCHES                                                                        \
  "over all micro-batches I, or fresh ones per step where they are too many"

static const struct expansion plain[] = {{"any", SGD_EXPANSION, ""}, {.rho_order = NULL}};

/* By the perturbation e where its formulas are known; H g/|g| is 0 where g is. */
static const struct expansion known[][RHO_ORDERS] = {
    [GRADIENT_FULL] = {{"0", SGD_EXPANSION, " + rho"},
                       {"1", "g + rho H g = grad (f + rho R)", "c(b) V(x + rho g(x))", " + rho^2"},
                       {"exact", "g(x + rho g(x))", "c(b) V(x + rho g(x))", ""}},
    [GRADIENT_FULL_UNIT] = {{"0", SGD_EXPANSION, " + rho"},
                            {"1", "g + rho H g/|g| = grad (f + rho R)",
                             "c(b) V(x + rho g(x)/|g(x)|)", " + rho^2"},
                            {"exact", "g(x + rho g(x)/|g(x)|)", "c(b) V(x + rho g(x)/|g(x)|)", ""}},
    [GRADIENT_EXPANDED] =
        {{"0", SGD_EXPANSION, " + rho"},
         {"1",
          "g + rho (H g + 1/2 c(m) grad tr V) = grad (f + rho R); `variance_term: false` leaves "
          "the term with tr V out",
          "c(b)/n sum_i a_i a_i^T, a_i = dg_i + rho [H dg_i + dH_i g + theta (dH_i dg_i - mean)], "
          "theta = 1/m with replacement, (n - 2m)/(m (n - 2)) without; of noise potentials "
          "c(b) sum_k a_k a_k^T, a_k = grad phi_k + rho [H grad phi_k + hess phi_k g]",
          " + rho^2"},
         {"exact", "E g_I(x + rho g_I(x)), " FRESH_MICRO_BATCHES,
          "Cov u, from the same micro-batches" SPURIOUS, ""}},
    [GRADIENT_NORM] =
        {{"0", SGD_EXPANSION, " + rho"},
         {"1",
          "g + rho grad E|g_I| = g + rho E[H_I g_I/|g_I|], over all micro-batches I, by the "
          "Gaussian integral (exact for normal noise, a closure for samples), or from fresh ones a "
          "step (`norm`); `variance_term: false` takes |g| "
          "for E|g_I|",
          "that of g_I + rho H_I g_I/|g_I| where all I are enumerated, or Gaussian noise that does "
          "not "
          "depend on x has it in closed form; else, or with `covariance: leading`, the leading "
          "c(b) V, "
          "which leaves an error of O(eta rho) where |g| is large beside the deviation of g_I and "
          "near "
          "a minimum lacks most of the noise",
          " + rho^2"},
         {"exact", "E g_I(x + rho g_I(x)/|g_I(x)|), " FRESH_MICRO_BATCHES,
          "Cov u, from the same micro-batches" SPURIOUS, ""}},
};

/* The words for any other perturbation e, by what it depends on. */
static const struct expansion unknown[][RHO_ORDERS] = {
    [GRADIENT_OF_POINT] = {{"0", SGD_EXPANSION, " + rho"},
                           {"1", "g + rho H e, e(x) being the perturbation", "c(b) V(x + rho e(x))",
                            " + rho^2"},
                           {"exact", "g(x + rho e(x)), e(x) being the perturbation",
                            "c(b) V(x + rho e(x))", ""}},
    [GRADIENT_OF_MICRO_BATCH] =
        {{"0", SGD_EXPANSION, " + rho"},
         {"1",
          "E [g_I + rho H_I e_I], e_I(x) being the perturbation of micro-batch "
          "I, " FRESH_MICRO_BATCHES,
          "that of (m/b) sum_j (g_Ij + rho H_Ij e_Ij), from the same micro-batches" SPURIOUS,
          " + rho^2"},
         {"exact", "E u, " FRESH_MICRO_BATCHES, "Cov u, from the same micro-batches" SPURIOUS, ""}},
    [GRADIENT_OF_BATCH] = {{"0", SGD_EXPANSION, " + rho"},
                           {"1",
                            "E of (m/b) sum_j (g_Ij + rho H_Ij e_j), from S fresh batches per step "
                            "(`directions`)",
                            "Cov of the same, from the same batches, whose mean adds noise of its "
                            "own, Sigma/(substeps S)",
                            " + rho^2 + eta/(substeps S)"},
                           {"exact", "E u, from S fresh directions per step (`directions`)",
                            "Cov u, from the same directions, whose mean adds noise of "
                            "its own, Sigma/(substeps S)",
                            " + eta/(substeps S)"}},
};

static const struct expansion *expansions_of(const struct gradient_theory *theory)
{
  if (theory->depends == GRADIENT_UNPERTURBED)
    return plain;
  return theory->closed_form != GRADIENT_NO_CLOSED_FORM ? known[theory->closed_form]
                                                        : unknown[theory->depends];
}

static const char smoothness[] =
    "Drifts of normalised forms are not smooth where a gradient vanishes; no order is claimed near "
    "there.";

static const char symbols[] =
    "f, g, H: the full loss, its gradient and Hessian; g_i, H_i those of sample i, dg_i = g_i - g, "
    "dH_i = H_i - H. V = 1/n sum_i dg_i dg_i^T: the gradient noise of one sample (J J^T for "
    "Gaussian noise). B: the mini-batch of b samples; I: a micro-batch of m. c(s) V: the noise of "
    "s samples, c(s) = 1/s, without replacement (n - s)/(s (n - 1)). eta: learning rate; rho: "
    "perturbation radius.";

static const char weak_error[] =
    "The weak error is max_k |E phi(x_k) - E phi(X_(k eta))| against the iterates x_k, for smooth "
    "phi up to a fixed time.";

static void print_field(const char *name, const char *text)
{
  char *first = sde_format("%-13s ", name);
  text_wrap(stdout, WIDTH, first, "              ", text);
  sde_free(first);
}

static void print_expansion(const struct expansion *expansion, int eta_order, const char *eta_error)
{
  bool control = expansion->rho_order[0] == '0';
  char *error =
      sde_format("O(%s%s)%s", eta_error, expansion->error,
                 control ? ": the SGD equation, the control that must fail for rho > 0" : "");
  printf("\neta_order: %d, rho_order: %s\n", eta_order, expansion->rho_order);
  print_field("  F =", expansion->drift);
  print_field("  Sigma =", expansion->noise);
  print_field("  weak error", error);
  sde_free(error);
}

static void explain(const struct gradient_rule *rule)
{
  const struct expansion *expansion = expansions_of(&rule->theory);
  char *heading = sde_format("%s: %s", rule->name, rule->summary);
  text_wrap(stdout, WIDTH, "", "", heading);
  sde_free(heading);
  printf("\n");
  print_field("update", "x <- x - eta u");
  print_field("", rule->update);
  if (rule->micro_batch == MICRO_BATCH_WHOLE)
    print_field("", "m = b in what follows");
  print_field("regulariser", rule->regularizer);
  print_field("theorem", rule->theorem);
  for (size_t i = 0; i < sizeof eta_orders / sizeof *eta_orders; i++) {
    printf("\n");
    print_field("SDE", eta_orders[i].equation);
    print_field("", "F = E u, Sigma = Cov u");
    for (size_t k = 0; k < RHO_ORDERS && expansion[k].rho_order != NULL; k++)
      if (rule->theory.expands || expansion[k].rho_order[0] != '1')
        print_expansion(&expansion[k], eta_orders[i].order, eta_orders[i].error);
  }
  printf("\n");
  text_wrap(stdout, WIDTH, "", "", weak_error);
  if (rule->theory.normalized)
    text_wrap(stdout, WIDTH, "", "", smoothness);
  printf("\n");
  text_wrap(stdout, WIDTH, "", "", symbols);
}

/* "(x, p)", the vectors of the state; released with sde_free. */
static char *state_of(const struct update_rule *rule)
{
  struct text text = {0};
  text_add(&text, "(x");
  for (size_t v = 1; v < update_rule_vectors(rule); v++)
    text_add(&text, ", %s", rule->extra[v - 1].name);
  text_add(&text, ")");
  return text.data;
}

static void explain_update(const struct update_rule *rule)
{
  char *heading = sde_format("%s: %s", rule->name, rule->summary), *state = state_of(rule);
  char *sde =
      sde_format("dY = -F dt + sqrt(eta) Sigma^(1/2) dW, Y = %s, F = E U, Sigma = Cov U", state);
  text_wrap(stdout, WIDTH, "", "", heading);
  printf("\n");
  print_field("used as", "optimizers: [{name: ..., update: {name: ..., keys}}], with any optimizer "
                         "of `sharpsde list optimizers`, whose random gradient is w");
  print_field("update", rule->update);
  print_field("", rule->direction_text);
  print_field("SDE", sde);
  print_field("", "to order 2 in eta with F + (eta/2) DF F for F");
  print_field("F and Sigma", rule->affine != NULL
                                 ? "U is affine in w: they follow from mean and covariance of w, "
                                   "and the Wiener processes are those of w"
                                 : "U is not affine in w: they are from all batches, or from "
                                   "fresh ones per step where these are too many");
  print_field("held fixed", rule->fixed);
  for (const struct parameter_key *key = rule->keys; key != NULL && key->name != NULL; key++)
    print_field(key->name, key->help);
  sde_free(heading);
  sde_free(state);
  sde_free(sde);
}

/* Lines of the recipe, of which theory knows what their steps show. */
static void explain_own_rule(void)
{
  text_wrap(stdout, WIDTH, "", "",
            RECIPE_OWN_RULE ": an update rule of your own, as lines of the recipe");
  printf("\n");
  print_field("used as",
              "optimizers: [{name: rule, label: ..., micro_batch: m, constants: {mu: 0.9}, "
              "state: {v: 0}, step: [lines]}]");
  print_field("step", "lines `name = expression` in order; x and the vectors of `state` take new "
                      "values; docs/own-algorithm.md has the language");
  print_field("SDE",
              "dY = -F dt + sqrt(eta) Sigma^(1/2) dW, F and Sigma the mean and the covariance "
              "of (y - y')/eta; rho_order must be exact. Where that grows like 1/eta as eta "
              "falls there is none");
}

int command_explain(int argc, char **argv)
{
  struct sde_status status = {SDE_OK, ""};
  const char *name = command_word(argc, argv, "optimizer", &status);
  const struct gradient_rule *rule = name == NULL ? NULL : gradient_rule_named(name);
  const struct update_rule *update = name == NULL ? NULL : update_rule_named(name);
  struct text names = {0};
  for (const struct gradient_rule *const *each = gradient_rules(); *each != NULL; each++)
    text_add(&names, "%s ", (*each)->name);
  for (const struct update_rule *const *each = update_rules(); *each != NULL; each++)
    if (gradient_rule_named((*each)->name) == NULL)
      text_add(&names, "%s ", (*each)->name);
  text_add(&names, "%s ", RECIPE_OWN_RULE);
  if (name != NULL && strcmp(name, RECIPE_OWN_RULE) == 0)
    explain_own_rule();
  else if (rule != NULL)
    explain(rule);
  else if (update != NULL)
    explain_update(update);
  else if (name != NULL)
    command_unknown("optimizer", name, names.data, &status);
  sde_free(names.data);
  return command_end(&status);
}
