/*
 * Mathematics in a report: see report_mathematics.h. Formulas are MathML put together from the
 * macros below; in those of micro-batches, @ stands for the letter of the subset (I, or B where the
 * micro-batch is the batch) and $ for its size (m or b).
 */
#include "experiments/report/report_mathematics.h"

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

/* By perturbation and whether it is normalised; micro-batches that are the batch stand apart. */
static const char *update_of(const struct optimizer_type *type)
{
  bool whole = type->micro_batch == MICRO_IS_BATCH;
  switch (type->perturbation) {
  case PERTURB_NOTHING:
    return UPDATE AT(G_B, X);
  case PERTURB_FULL_GRADIENT:
    return type->normalized ? UPDATE AT(G_B, X PLUS RHO UNIT(AT(G, X)))
                            : UPDATE
                              AT(G_B, X PLUS RHO AT(G, X));
  case PERTURB_MICRO_GRADIENT:
    if (whole)
      return type->normalized ? UPDATE AT(G_B, X PLUS RHO UNIT(AT(G_B, X)))
                              : UPDATE
                                AT(G_B, X PLUS RHO AT(G_B, X));
    return type->normalized ? UPDATE MICRO_MEAN(AT(G_I, X PLUS RHO UNIT(AT(G_I, X))))
                            : UPDATE MICRO_MEAN(AT(G_I, X PLUS RHO AT(G_I, X)));
  default:
    return UPDATE AT(G_B, X PLUS RHO UNIT(ID("h"))) OP(",") SPACE ID("h")
        EQUALS SUM(ROW(ID("i") OP("∈") ID("B"))) SUB(ID("p"), ID("i")) SUB(G, ID("i")) OP(",")
            SPACE SUB(ID("p"), ID("i")) OP("∝") SUP(ID("e"), ROW(ID("λ") SUB(ID("s"), ID("i"))));
  }
}

static const char *regularizer_of(const struct optimizer_type *type)
{
  switch (type->perturbation) {
  case PERTURB_NOTHING:
    return NULL;
  case PERTURB_FULL_GRADIENT:
    return type->normalized ? R EQUALS NORM(G) : R EQUALS HALF SUP(NORM(G), NUMBER("2"));
  case PERTURB_MICRO_GRADIENT:
    return type->normalized ? R EQUALS MEAN NORM(G_I)
                            : R EQUALS HALF SUP(NORM(G), NUMBER("2"))
                                  PLUS MARKED(ROW(HALF C_OF("$") TRACE_V), "variance term");
  default:
    return NULL;
  }
}

void mathematics_update(struct text *page, const struct optimizer_type *type)
{
  bool whole = type->micro_batch == MICRO_IS_BATCH;
  const char *regularizer = regularizer_of(type);
  display(page, update_of(type), whole);
  if (regularizer != NULL) {
    text_add(page,
             "<p>To first order in ρ its mean direction is the gradient of f + ρR with</p>\n");
    display(page, regularizer, whole);
  }
}

/* ---- SDEs ---- */

#define ITO(drift)                                                                                 \
  D XT EQUALS MINUS drift D ID("t") PLUS ROOT(ETA)                                                 \
      SUP(SIGMA, ROW(NUMBER("1") OP("/") NUMBER("2"))) D ID("W")
#define SGD_SIGMA SIGMA EQUALS C_OF("b") V

/* What drives F and Sigma to one order in rho. */
struct form {
  const char *drift, *noise, *words;
};

static const struct form control = {
    F_ EQUALS G, SGD_SIGMA,
    "the equation of SGD, without any term in ρ: the control that must fail for ρ > 0"};

static struct form full_gradient_form(const struct optimizer_type *type, enum limit_rho_order order)
{
  bool exact = order == LIMIT_RHO_ORDER_EXACT;
  if (type->normalized)
    return (struct form){exact ? F_ EQUALS AT(G, X PLUS RHO UNIT(AT(G, X)))
                               : F_ EQUALS G PLUS RHO FRAC(HG, NORM(G)) EQUALS EFFECTIVE,
                         SIGMA EQUALS C_OF("b") AT(V, X PLUS RHO UNIT(AT(G, X))), NULL};
  return (struct form){exact ? F_ EQUALS AT(G, X PLUS RHO AT(G, X))
                             : F_ EQUALS G PLUS RHO HG EQUALS EFFECTIVE,
                       SIGMA EQUALS C_OF("b") AT(V, X PLUS RHO AT(G, X)), NULL};
}

#define USAM_SIGMA                                                                                 \
  SIGMA EQUALS FRAC(C_OF("b"), ID("n")) SUM(ID("i")) A_I SUP(A_I, UP("T")) OP(",")                 \
      SPACE A_I EQUALS DG_I PLUS RHO                                                               \
      BRACKET(H DG_I PLUS DH_I G PLUS ID("θ") PAREN(ROW(DH_I DG_I MINUS WORDS("mean"))))

/* Of noise potentials: the column of each, without the draw of samples. */
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

static struct form micro_form(const struct optimizer_type *type, enum limit_rho_order order,
                              bool variance_term, bool gaussian)
{
  static const char sampled[] =
      "E and Cov are over all micro-batches or, where they are too many or `directions` asks "
      "for it, from S fresh ones a step, which adds an error of O(η/(substeps S))";
  if (order == LIMIT_RHO_ORDER_EXACT)
    return (struct form){type->normalized ? F_ EQUALS MEAN AT(G_I, X PLUS RHO UNIT(AT(G_I, X)))
                                          : F_ EQUALS MEAN AT(G_I, X PLUS RHO AT(G_I, X)),
                         SIGMA EQUALS ID("Cov") THIN ID("u"), sampled};
  if (type->normalized)
    return (struct form){
        variance_term ? F_ EQUALS G PLUS RHO GRAD MEAN NORM(G_I)
                      : F_ EQUALS G PLUS RHO GRAD NORM(G),
        !variance_term                        ? SGD_SIGMA
        : type->micro_batch == MICRO_IS_BATCH ? SIGMA EQUALS ID("Cov") PAREN(LINEARISED) OR_LEADING
                                              : SIGMA EQUALS ID("Cov")
                                                    PAREN(MICRO_MEAN(PAREN(LINEARISED))) OR_LEADING,
        variance_term ? "Σ is the covariance where all micro-batches are enumerated, else the "
                        "leading part, which leaves an error of O(ηρ)"
                      : LEFT_OUT ": the norm of the mean stands for the mean of the norm"};
  return (struct form){variance_term ? F_ EQUALS G PLUS RHO HG PLUS MARKED(
                                           ROW(FRAC(RHO, NUMBER("2")) C_OF("$") GRAD TRACE_V),
                                           "variance term") EQUALS EFFECTIVE
                                     : F_ EQUALS G PLUS RHO HG,
                       gaussian ? GAUSSIAN_SIGMA : USAM_SIGMA,
                       gaussian        ? (variance_term ? POTENTIALS : LEFT_OUT "; " POTENTIALS)
                       : variance_term ? THETA
                                       : LEFT_OUT "; " THETA};
}

static struct form form_of(const struct optimizer_type *type, const struct limit_options *options,
                           bool gaussian)
{
  static const struct form directions = {F_ EQUALS MEAN ID("u"),
                                         SIGMA EQUALS ID("Cov") THIN ID("u"),
                                         "both are from S fresh directions a step, whose mean adds "
                                         "noise of its own, Σ/(substeps S)"};
  if (type->perturbation == PERTURB_NOTHING)
    return (struct form){control.drift, control.noise, NULL};
  if (options->rho_order == LIMIT_RHO_ORDER_0)
    return control;
  if (type->perturbation == PERTURB_FULL_GRADIENT)
    return full_gradient_form(type, options->rho_order);
  if (type->perturbation == PERTURB_MICRO_GRADIENT)
    return micro_form(type, options->rho_order, options->variance_term, gaussian);
  return directions;
}

#define ORDER_OF(x) UP("O") PAREN(x)
#define ERROR                                                                                      \
  SUB(ID("max"), ID("k"))                                                                          \
  ROW(OP("|") MEAN ID("φ") PAREN(SUB(X, ID("k"))) MINUS MEAN ID("φ")                               \
          PAREN(SUB(XT, ROW(ID("k") ETA))) OP("|"))                                                \
  EQUALS
#define ETA_SQUARED SUP(ETA, NUMBER("2"))

static const char *error_of(const struct optimizer_type *type, const struct limit_options *options)
{
  bool second = options->eta_order == 2;
  bool sgd = type->perturbation == PERTURB_NOTHING;
  bool left_out = !options->variance_term && type->perturbation == PERTURB_MICRO_GRADIENT;
  bool sampled = type->perturbation == PERTURB_REWEIGHTED_GRADIENT
                     ? options->rho_order != LIMIT_RHO_ORDER_0
                     : type->perturbation == PERTURB_MICRO_GRADIENT &&
                           options->rho_order == LIMIT_RHO_ORDER_EXACT && options->directions > 0;
  if (sampled)
    return second ? ERROR ORDER_OF(ETA_SQUARED PLUS FRAC(ETA, ROW(WORDS("substeps") THIN ID("S"))))
                  : ERROR
                    ORDER_OF(ETA PLUS FRAC(ETA, ROW(WORDS("substeps") THIN ID("S"))));
  if (!sgd && (options->rho_order == LIMIT_RHO_ORDER_0 || left_out))
    return second ? ERROR ORDER_OF(ETA_SQUARED PLUS RHO) : ERROR ORDER_OF(ETA PLUS RHO);
  if (!sgd && options->rho_order == LIMIT_RHO_ORDER_1)
    return second ? ERROR ORDER_OF(ETA_SQUARED PLUS SUP(RHO, NUMBER("2")))
                  : ERROR
                    ORDER_OF(ETA PLUS SUP(RHO, NUMBER("2")));
  return second ? ERROR ORDER_OF(ETA_SQUARED) : ERROR ORDER_OF(ETA);
}

void mathematics_sde(struct text *page, const struct optimizer_type *type,
                     const struct limit_options *options, bool gaussian)
{
  bool whole = type->micro_batch == MICRO_IS_BATCH;
  struct form form = form_of(type, options, gaussian);
  display(page,
          options->eta_order == 2 ? ITO(PAREN(F_ PLUS FRAC(ETA, NUMBER("2")) ROW(UP("D") F_) F_))
                                        OP(",")
                                  : ITO(F_) OP(","),
          whole);
  display(page, form.drift, whole);
  display(page, form.noise, whole);
  if (form.words != NULL) {
    text_add(page, "<p class=\"mathnote\">Here ");
    add_template(page, form.words, whole);
    text_add(page, ".</p>\n");
  }
  text_add(page, "<p>Theory leaves it the weak error, up to a fixed time and for smooth φ,</p>\n");
  display(page, error_of(type, options), whole);
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
