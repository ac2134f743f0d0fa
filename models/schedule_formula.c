/*
 * The schedule of a formula in t, with its derivative by the graph of formula_graph.h.
 */
#include "models/formula_parse.h"
#include "models/formula_tape.h"
#include "models/schedule.h"
#include "sde/block.h"

#include <gsl/gsl_math.h>

static const struct parameter_key keys[] = {
    {.name = "expression",
     .type = PARAMETER_TEXT,
     .required = true,
     .help = "the factor as a formula in t, written as that of the loss `formula`"},
    {.name = NULL}};

/* The graph of the expression; the tape gives the factor and its derivative. */
static struct formula_tape *compile(struct formula_graph *graph, const char *text,
                                    const char *place, struct sde_status *status)
{
  struct formula_name name[] = {{"t", formula_leaf(graph, FORMULA_PARAMETER, 0), false},
                                {"pi", formula_number(graph, M_PI), false}};
  struct formula_names names = {sizeof name / sizeof *name, name};
  uint32_t output[2];
  size_t slots;
  if (!formula_parse(graph, &names, text, place, "expression", &output[0], status))
    return NULL;
  formula_gradient(graph, output[0], 1, &output[1]);
  struct formula_tape *tape = formula_tape_new(graph, 2, output, &slots);
  if (tape == NULL)
    sde_fail(status, SDE_INVALID,
             "%s: expression: it holds %zu intermediate values at once; at most %d are accepted",
             place, slots, FORMULA_SLOTS);
  return tape;
}

static bool read(const struct parameters *given, struct schedule *schedule,
                 struct sde_status *status)
{
  struct formula_graph *graph = formula_graph_new();
  schedule->kept = compile(graph, parameters_text(given, "expression"),
                           parameters_place(given, "expression"), status);
  formula_graph_free(graph);
  return schedule->kept != NULL;
}

static double factor_at(const struct schedule *schedule, double time, double *slope)
{
  static const uint32_t first = 0;
  double t[SDE_UNIT], out[2 * SDE_UNIT];
  sde_block_fill(SDE_UNIT, time, t);
  formula_tape_run(schedule->kept, SDE_UNIT, (struct loss_samples){&first, 0}, NULL, 0, t, NULL,
                   out);
  *slope = out[SDE_UNIT];
  return out[0];
}

static void release(struct schedule *schedule)
{
  if (schedule->kept != NULL)
    formula_tape_free(schedule->kept);
}

extern const struct schedule_shape schedule_formula;
const struct schedule_shape schedule_formula = {.name = "formula",
                                                .summary = "any formula in t",
                                                .formula = "expression",
                                                .keys = keys,
                                                .read = read,
                                                .factor = factor_at,
                                                .release = release};
