/*
 * Mathematics in a report: see report_mathematics.h. Formulas are MathML put together from the
 * macros below; in those of micro-batches, @ stands for the letter of the subset (I, or B where the
 * micro-batch is the batch) and $ for its size (m or b).
 */
#include "experiments/report/report_mathematics.h"

#include "experiments/report/report_html.h"
#include "experiments/report/report_prose.h"

#include <string.h>

#define ID(x) "<mi>" x "</mi>"
#define UP(x) "<mi mathvariant=\"normal\">" x "</mi>"
#define OP(x) "<mo>" x "</mo>"
#define NUMBER(x) "<mn>" x "</mn>"
#define WORDS(x) "<mtext>" x "</mtext>"
#define ROW(x) "<mrow>" x "</mrow>"
#define SUB(a, b) "<msub>" a b "</msub>"
#define SUP(a, b) "<msup>" a b "</msup>"
#define FRAC(a, b) "<mfrac>" a b "</mfrac>"
#define ROOT(x) "<msqrt>" x "</msqrt>"
#define PAREN(x) ROW(OP("(") x OP(")"))
#define BRACKET(x) ROW(OP("[") x OP("]"))
#define BAR "<mo stretchy=\"false\">‖</mo>"
#define NORM(x) ROW(BAR x BAR)
#define SUM(from) "<munder>" OP("∑") from "</munder>"
#define SPACE "<mspace width=\"1em\"></mspace>"

#define X ID("x")
#define XT ID("X")
#define F_ ID("F")
#define G ID("g")
#define H ID("H")
#define V ID("V")
#define R ID("R")
#define RHO ID("ρ")
#define ETA ID("η")
#define GRAD UP("∇")
#define THIN "<mspace width=\"0.17em\"></mspace>"
#define TRACE_V ROW(ID("tr") THIN V)
#define MEAN UP("E") THIN
#define D ID("d")
#define PLUS OP("+")
#define MINUS OP("−")
#define EQUALS OP("=")
#define HALF FRAC(NUMBER("1"), NUMBER("2"))
#define C_OF(s) ROW(ID("c") PAREN(ID(s)))
#define G_B SUB(G, ID("B"))
#define G_I SUB(G, ID("@"))
#define H_I SUB(H, ID("@"))
#define SIGMA UP("Σ")
#define AT(f, x) ROW(f PAREN(x))
#define UNIT(v) FRAC(v, NORM(v))
#define HG ROW(H G)
#define EFFECTIVE ROW(GRAD PAREN(ID("f") PLUS RHO R))
#define MARKED(x, label) "<munder><mrow class=\"term\">" x "</mrow>" WORDS(label) "</munder>"
#define DG_I SUB(ROW(ID("δ") G), ID("i"))
#define DH_I SUB(ROW(ID("δ") H), ID("i"))
#define A_I SUB(ID("a"), ID("i"))

/* Append a text with @ and $ replaced. */
static void add_template(struct text *page, const char *template, bool micro_is_batch)
{
  size_t plain = 0, length = strlen(template);
  for (size_t i = 0; i < length; i++) {
    if (template[i] != '@' && template[i] != '$')
      continue;
    const char *letter =
        template[i] == '@' ? (micro_is_batch ? "B" : "I") : (micro_is_batch ? "b" : "m");
    text_add(page, "%.*s%s", (int)(i - plain), template + plain, letter);
    plain = i + 1;
  }
  text_add(page, "%s", template + plain);
}

/* Append a formula in its own box. */
static void display(struct text *page, const char *formula, bool micro_is_batch)
{
  text_add(page, "<div class=\"mathematics\"><math display=\"block\"><mrow>");
  add_template(page, formula, micro_is_batch);
  text_add(page, "</mrow></math></div>\n");
}

/* ---- optimizers ---- */

#define UPDATE X OP("←") X MINUS ETA ID("u") OP(",") SPACE ID("u") EQUALS
#define MICRO_MEAN(g) FRAC(ID("m"), ID("b")) SUM(ID("I")) g
#define REGULARIZER SPACE R EQUALS

/* For a perturbation whose formulas are known; else NULL. Micro-batches that are the batch stand
 * apart. */
static const char *update_of(const struct gradient_rule *rule)
{
  bool whole = rule->micro_batch == MICRO_BATCH_WHOLE;
  if (rule->theory.depends == GRADIENT_UNPERTURBED)
    return UPDATE AT(G_B, X);
  switch (rule->theory.closed_form) {
  case GRADIENT_FULL:
    return UPDATE AT(G_B, X PLUS RHO AT(G, X));
  case GRADIENT_FULL_UNIT:
    return UPDATE AT(G_B, X PLUS RHO UNIT(AT(G, X)));
  case GRADIENT_EXPANDED:
    return whole ? UPDATE AT(G_B, X PLUS RHO AT(G_B, X))
                 : UPDATE MICRO_MEAN(AT(G_I, X PLUS RHO AT(G_I, X)));
  case GRADIENT_NORM:
    return whole ? UPDATE AT(G_B, X PLUS RHO UNIT(AT(G_B, X)))
                 : UPDATE MICRO_MEAN(AT(G_I, X PLUS RHO UNIT(AT(G_I, X))));
  case GRADIENT_NO_CLOSED_FORM:
    break;
  }
  return NULL;
}

/* R as the sum of its terms; nothing where it has none or is not known. */
static void add_regularizer(struct text *page, const struct gradient_rule *rule)
{
  static const struct {
    enum regularizer_term term;
    const char *formula;
  } terms[] = {
      {REGULARIZER_HALF_SQUARED_GRADIENT, HALF SUP(NORM(G), NUMBER("2"))},
      {REGULARIZER_HALF_NOISE_TRACE, MARKED(ROW(HALF C_OF("$") TRACE_V), "variance term")},
      {REGULARIZER_GRADIENT_NORM, NORM(G)},
      {REGULARIZER_MEAN_NORM, MEAN NORM(G_I)},
  };
  struct text formula = {0};
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
    if ((rule->theory.regularizer & terms[i].term) != 0)
      text_add(&formula, "%s%s", formula.length == 0 ? R EQUALS : PLUS, terms[i].formula);
  if (formula.length > 0) {
    text_add(page,
             "<p>To first order in ρ its mean direction is the gradient of f + ρR with</p>\n");
    display(page, formula.data, rule->micro_batch == MICRO_BATCH_WHOLE);
  }
  sde_free(formula.data);
}

/* A formula of a row, as it stands there but for its letters and signs. */
static void display_text(struct text *page, const char *formula)
{
  text_add(page, "<div class=\"mathematics\"><math display=\"block\"><mtext>");
  html_prose(page, formula);
  text_add(page, "</mtext></math></div>\n");
}

/* w = ..., from the formula of u, in MathML or as it stands in the row. */
static void display_gradient(struct text *page, const struct gradient_rule *rule)
{
  const char *formula = update_of(rule);
  char *text = formula != NULL ? sde_format(ID("w") EQUALS "%s", formula + strlen(UPDATE))
                               : sde_format("w%s", rule->update + 1);
  if (formula != NULL)
    display(page, text, rule->micro_batch == MICRO_BATCH_WHOLE);
  else
    display_text(page, text);
  sde_free(text);
}

void mathematics_update(struct text *page, const struct gradient_rule *rule,
                        const struct update_rule *update)
{
  const char *formula = update_of(rule);
  if (update != NULL) {
    display_text(page, update->update);
    display_gradient(page, rule);
  } else if (formula != NULL)
    display(page, formula, rule->micro_batch == MICRO_BATCH_WHOLE);
  else
    display_text(page, rule->update);
  add_regularizer(page, rule);
}

/* ---- SDEs ---- */

#define ITO_OF(state, drift)                                                                       \
  D state EQUALS MINUS drift D ID("t") PLUS ROOT(ETA)                                              \
      SUP(SIGMA, ROW(NUMBER("1") OP("/") NUMBER("2"))) D ID("W")
#define ITO(drift) ITO_OF(XT, drift)
#define SECOND_DRIFT PAREN(F_ PLUS FRAC(ETA, NUMBER("2")) ROW(UP("D") F_) F_)
#define SGD_SIGMA SIGMA EQUALS C_OF("b") V

/* What drives F and Sigma to one order in rho. */
struct form {
  const char *drift, *noise, *words;
};

static const struct form control = {
    F_ EQUALS G, SGD_SIGMA,
    "the equation of SGD, without any term in ρ: the control that must fail for ρ > 0"};

static struct form full_gradient_form(const struct gradient_theory *theory,
                                      enum limit_rho_order order)
{
  bool exact = order == LIMIT_RHO_ORDER_EXACT;
  if (theory->closed_form == GRADIENT_FULL_UNIT)
    return (struct form){exact ? F_ EQUALS AT(G, X PLUS RHO UNIT(AT(G, X)))
                               : F_ EQUALS G PLUS RHO FRAC(HG, NORM(G)) EQUALS EFFECTIVE,
                         SIGMA EQUALS C_OF("b") AT(V, X PLUS RHO UNIT(AT(G, X))), NULL};
  if (theory->closed_form == GRADIENT_FULL)
    return (struct form){exact ? F_ EQUALS AT(G, X PLUS RHO AT(G, X))
                               : F_ EQUALS G PLUS RHO HG EQUALS EFFECTIVE,
                         SIGMA EQUALS C_OF("b") AT(V, X PLUS RHO AT(G, X)), NULL};
  return (struct form){
      exact ? F_ EQUALS AT(G, X PLUS RHO AT(ID("e"), X)) : F_ EQUALS G PLUS RHO H ID("e"),
      SIGMA EQUALS C_OF("b") AT(V, X PLUS RHO AT(ID("e"), X)), "e(x) is the perturbation"};
}

#define USAM_SIGMA                                                                                 \
  SIGMA EQUALS FRAC(C_OF("b"), ID("n")) SUM(ID("i")) A_I SUP(A_I, UP("T")) OP(",")                 \
      SPACE A_I EQUALS DG_I PLUS RHO                                                               \
      BRACKET(H DG_I PLUS DH_I G PLUS ID("θ") PAREN(ROW(DH_I DG_I MINUS WORDS("mean"))))

/* For noise potentials the column of each, without the draw of samples. */
#define PHI_K SUB(ID("φ"), ID("k"))
#define A_K SUB(ID("a"), ID("k"))
#define GAUSSIAN_SIGMA                                                                             \
  SIGMA EQUALS C_OF("b") SUM(ID("k")) A_K SUP(A_K, UP("T")) OP(",") SPACE A_K EQUALS ROW(          \
      GRAD PHI_K) PLUS RHO                                                                         \
  BRACKET(H ROW(GRAD PHI_K) PLUS ROW(SUP(GRAD, NUMBER("2")) PHI_K) G)

#define LINEARISED ROW(G_I PLUS RHO H_I UNIT(G_I))
#define OR_LEADING SPACE WORDS("or its leading part") SPACE C_OF("b") V

#define LEFT_OUT "the variance term is left out on purpose, to show what it does"
#define THETA "θ = 1/$ with replacement, (n − 2$)/($(n − 2)) without"
#define POTENTIALS                                                                                 \
  "φₖ are the noise potentials: a mean over s draws is g + √c(s) Σ ξₖ∇φₖ with "      \
  "normal ξₖ, and V = Σ ∇φₖ∇φₖᵀ"

#define SAMPLED                                                                                    \
  "E and Cov are over all micro-batches or, where they are too many or `directions` asks "         \
  "for it, from S fresh ones per step, which adds an error of O(η/(substeps S))"

/* To first order in rho, by e = g_I, by e = g_I/|g_I|, or by any e. */
static struct form expanded_form(bool variance_term, bool gaussian)
{
  return (struct form){variance_term ? F_ EQUALS G PLUS RHO HG PLUS MARKED(
                                           ROW(FRAC(RHO, NUMBER("2")) C_OF("$") GRAD TRACE_V),
                                           "variance term") EQUALS EFFECTIVE
                                     : F_ EQUALS G PLUS RHO HG,
                       gaussian ? GAUSSIAN_SIGMA : USAM_SIGMA,
                       gaussian        ? (variance_term ? POTENTIALS : LEFT_OUT "; " POTENTIALS)
                       : variance_term ? THETA
                                       : LEFT_OUT "; " THETA};
}

static struct form norm_form(bool variance_term, bool gaussian, bool whole)
{
  return (struct form){
      variance_term ? F_ EQUALS G PLUS RHO GRAD MEAN NORM(G_I) : F_ EQUALS G PLUS RHO GRAD NORM(G),
      !variance_term && !gaussian ? SGD_SIGMA
      : whole                     ? SIGMA EQUALS ID("Cov") PAREN(LINEARISED) OR_LEADING
              : SIGMA EQUALS ID("Cov") PAREN(MICRO_MEAN(PAREN(LINEARISED))) OR_LEADING,
      variance_term
          ? "Σ is the covariance where all micro-batches are enumerated, or Gaussian "
            "noise gives it a closed form; else, or with covariance: leading, the leading "
            "part, which leaves an error of O(ηρ) where ‖g‖ is large beside √(tr c($)V), "
            "and near a minimum lacks most of the noise"
          : LEFT_OUT ": the norm of the mean stands for the mean of the norm"};
}

#define E_I SUB(ID("e"), ID("@"))

static struct form linear_form(bool whole)
{
  return (struct form){F_ EQUALS MEAN BRACKET(ROW(G_I PLUS RHO H_I E_I)),
                       whole ? SIGMA EQUALS ID("Cov") PAREN(ROW(G_I PLUS RHO H_I E_I))
                             : SIGMA EQUALS ID("Cov")
                                   PAREN(MICRO_MEAN(PAREN(ROW(G_I PLUS RHO H_I E_I)))),
                       "e<sub>@</sub> is the perturbation of the micro-batch; " SAMPLED};
}

static struct form micro_form(const struct gradient_rule *rule, enum limit_rho_order order,
                              bool variance_term, bool gaussian)
{
  bool whole = rule->micro_batch == MICRO_BATCH_WHOLE, exact = order == LIMIT_RHO_ORDER_EXACT;
  const char *covariance = SIGMA EQUALS ID("Cov") THIN ID("u");
  switch (rule->theory.closed_form) {
  case GRADIENT_EXPANDED:
    return exact ? (struct form){F_ EQUALS MEAN AT(G_I, X PLUS RHO AT(G_I, X)), covariance, SAMPLED}
                 : expanded_form(variance_term, gaussian);
  case GRADIENT_NORM:
    return exact ? (struct form){F_ EQUALS MEAN AT(G_I, X PLUS RHO UNIT(AT(G_I, X))), covariance,
                                 SAMPLED}
                 : norm_form(variance_term, gaussian, whole);
  case GRADIENT_FULL:
  case GRADIENT_FULL_UNIT:
  case GRADIENT_NO_CLOSED_FORM:
    break;
  }
  return exact ? (struct form){F_ EQUALS MEAN ID("u"), covariance, SAMPLED} : linear_form(whole);
}

/* For a perturbation that depends on the batch as a whole. */
static struct form batch_form(enum limit_rho_order order)
{
  static const char directions[] =
      "both are from S fresh directions per step, whose mean adds its own noise, Σ/(substeps S)";
  if (order == LIMIT_RHO_ORDER_EXACT)
    return (struct form){F_ EQUALS MEAN ID("u"), SIGMA EQUALS ID("Cov") THIN ID("u"), directions};
  return (struct form){F_ EQUALS MEAN BRACKET(MICRO_MEAN(PAREN(ROW(G_I PLUS RHO H_I E_I)))),
                       SIGMA EQUALS ID("Cov") PAREN(MICRO_MEAN(PAREN(ROW(G_I PLUS RHO H_I E_I)))),
                       directions};
}

static struct form form_of(const struct gradient_rule *rule, const struct limit_options *options,
                           bool gaussian)
{
  if (rule->theory.depends == GRADIENT_UNPERTURBED)
    return (struct form){control.drift, control.noise, NULL};
  if (options->rho_order == LIMIT_RHO_ORDER_0)
    return control;
  if (rule->theory.depends == GRADIENT_OF_POINT)
    return full_gradient_form(&rule->theory, options->rho_order);
  if (rule->theory.depends == GRADIENT_OF_MICRO_BATCH)
    return micro_form(rule, options->rho_order, options->variance_term, gaussian);
  return batch_form(options->rho_order);
}

#define ERROR                                                                                      \
  SUB(ID("max"), ID("k"))                                                                          \
  ROW(OP("|") MEAN ID("φ") PAREN(SUB(X, ID("k"))) MINUS MEAN ID("φ")                               \
          PAREN(SUB(XT, ROW(ID("k") ETA))) OP("|"))                                                \
  EQUALS

/* O(eta^alpha + rho^beta + what fresh directions add). */
static void display_error(struct text *page, const struct gradient_rule *rule,
                          const struct limit_options *options)
{
  enum gradient_dependence on = rule->theory.depends;
  bool expanded = options->rho_order == LIMIT_RHO_ORDER_1;
  bool closed = expanded && rule->theory.closed_form != GRADIENT_NO_CLOSED_FORM;
  bool left_out = !options->variance_term && gradient_rule_sees_noise(rule);
  bool sampled = options->rho_order != LIMIT_RHO_ORDER_0 &&
                 (on == GRADIENT_OF_BATCH ||
                  (on == GRADIENT_OF_MICRO_BATCH && !closed && options->directions > 0));
  const char *rho = on == GRADIENT_UNPERTURBED                            ? ""
                    : options->rho_order == LIMIT_RHO_ORDER_0 || left_out ? PLUS RHO
                    : expanded ? PLUS SUP(RHO, NUMBER("2"))
                               : "";
  char *formula = sde_format(ERROR UP("O") ROW(OP("(") "%s%s%s" OP(")")),
                             options->eta_order == 2 ? SUP(ETA, NUMBER("2")) : ETA, rho,
                             sampled ? PLUS FRAC(ETA, ROW(WORDS("substeps") THIN ID("S"))) : "");
  display(page, formula, rule->micro_batch == MICRO_BATCH_WHOLE);
  sde_free(formula);
}

static void add_words(struct text *page, const char *words, bool whole)
{
  if (words == NULL)
    return;
  text_add(page, "<p class=\"mathnote\">Here ");
  add_template(page, words, whole);
  text_add(page, ".</p>\n");
}

static void add_error(struct text *page, const struct gradient_rule *rule,
                      const struct limit_options *options, bool smooth)
{
  text_add(page, "<p>%s leaves it the weak error, up to a fixed time and for smooth φ,</p>\n",
           smooth ? "Theory" : "Where F and Σ are smooth in y, theory");
  display_error(page, rule, options);
}

void mathematics_sde(struct text *page, const struct gradient_rule *rule,
                     const struct limit_options *options, bool gaussian)
{
  bool whole = rule->micro_batch == MICRO_BATCH_WHOLE;
  struct form form = form_of(rule, options, gaussian);
  display(page, options->eta_order == 2 ? ITO(SECOND_DRIFT) OP(",") : ITO(F_) OP(","), whole);
  display(page, form.drift, whole);
  display(page, form.noise, whole);
  add_words(page, form.words, whole);
  add_error(page, rule, options, true);
}

/* A formula "F = ..." or "Sigma = ..." as the moment of w. */
static void display_moment(struct text *page, const char *moment, const char *formula, bool whole)
{
  char *of_gradient = sde_format("%s%s", moment, strstr(formula, EQUALS));
  display(page, of_gradient, whole);
  sde_free(of_gradient);
}

void mathematics_state_sde(struct text *page, const struct gradient_rule *rule,
                           const struct update_rule *update, const struct limit_options *options,
                           bool gaussian)
{
  bool whole = rule->micro_batch == MICRO_BATCH_WHOLE;
  display(page,
          options->eta_order == 2 ? ITO_OF(ID("Y"), SECOND_DRIFT) OP(",")
                                  : ITO_OF(ID("Y"), F_) OP(","),
          whole);
  text_add(page, "<p>for the state Y = (x");
  for (size_t v = 1; v < update_rule_vectors(update); v++)
    text_add(page, ", %s", update->extra[v - 1].name);
  text_add(page, "), with F and Σ the mean and the covariance of U,</p>\n");
  display_text(page, update->direction_text);
  if (update->affine != NULL) {
    struct form form = form_of(rule, options, gaussian);
    text_add(page, "<p>which follow from those of w:</p>\n");
    display_moment(page, MEAN ID("w"), form.drift, whole);
    display_moment(page, ID("Cov") THIN ID("w"), form.noise, whole);
    add_words(page, form.words, whole);
  } else
    text_add(page,
             "<p>over all batches, or over fresh ones per step where these are too many.</p>\n");
  add_error(page, rule, options, !update->jumps || gaussian);
}

static const char *factor_of(const char *sampling)
{
  if (strcmp(sampling, "without-replacement") == 0)
    return C_OF("s")
        EQUALS FRAC(ROW(ID("n") MINUS ID("s")), ROW(ID("s") PAREN(ROW(ID("n") MINUS NUMBER("1")))));
  return sampling[0] == '\0' ? NULL : C_OF("s") EQUALS FRAC(NUMBER("1"), ID("s"));
}

void mathematics_symbols(struct text *page, const char *sampling)
{
  const char *factor = factor_of(sampling);
  bool gaussian = strcmp(sampling, "gaussian") == 0;
  text_add(page,
           "<p class=\"mathnote\">f, g, H are the full loss, its gradient and its Hessian; "
           "%sB is the mini-batch of b %s, I "
           "a micro-batch of m. V is the covariance of one %s gradient, c(s) V that of "
           "a mean over s. η is the learning rate, ρ the perturbation radius, DF "
           "the Jacobian of F; E and Cov are over the draw of the batch. Theorems are those of "
           "<a href=\"https://arxiv.org/abs/2509.18001\">arXiv 2509.18001</a>.%s</p>\n",
           gaussian ? ""
                    : "g<sub>i</sub> and H<sub>i</sub> those of sample i, δg<sub>i</sub> and "
                      "δH<sub>i</sub> their deviations from g and H. ",
           gaussian ? "draws" : "samples", gaussian ? "draw’s" : "sample’s",
           factor == NULL ? "" : " In this run");
  if (factor != NULL)
    display(page, factor, false);
}

/* ---- equations of the study `converge` ---- */

#define W ID("W")
#define X1 SUB(ID("X"), NUMBER("1"))
#define X2 SUB(ID("X"), NUMBER("2"))
#define W1 SUB(W, NUMBER("1"))
#define W2 SUB(W, NUMBER("2"))
#define T ID("t")

static const struct {
  const char *name, *formula;
} equations_shown[] = {
    {"ornstein-uhlenbeck", D XT EQUALS MINUS XT D T PLUS NUMBER("0.5") D W},
    {"pendulum", D XT EQUALS ID("sin") XT D T PLUS NUMBER("1.5") D W},
    {"geometric", D XT EQUALS XT PAREN(MINUS D T PLUS NUMBER("0.5") D W)},
    {"hyperbolic",
     X1 EQUALS ID("sinh") PAREN(ID("arsinh") NUMBER("0.5") PLUS T PLUS W1) OP(",")
         SPACE X2 EQUALS ID("sinh") PAREN(ID("arsinh") NUMBER("1") PLUS T PLUS NUMBER("0.8") W2)},
    {"commutative", D X1 EQUALS X1 PAREN(MINUS D T PLUS NUMBER("0.4") D W1 PLUS NUMBER("0.3") D W2)
                        OP(",") SPACE D X2 EQUALS X2 PAREN(MINUS NUMBER("0.8") D T MINUS NUMBER(
                            "0.2") D W1 PLUS NUMBER("0.4") D W2)},
    {"noncommutative",
     X1 EQUALS ID("sinh") W1 OP(",") SPACE X2 EQUALS SUP(ID("e"), ROW(MINUS NUMBER("4") T))
         V ID("cosh") W1 OP(",") SPACE V EQUALS NUMBER("4") PLUS NUMBER("4") OP("∫") W1 D W2},
};

bool mathematics_equation(struct text *page, const char *name)
{
  for (size_t i = 0; i < sizeof equations_shown / sizeof *equations_shown; i++)
    if (strcmp(equations_shown[i].name, name) == 0) {
      display(page, equations_shown[i].formula, false);
      return true;
    }
  return false;
}
