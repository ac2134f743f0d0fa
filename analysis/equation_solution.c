/*
 * Solutions of equations: see equation_solution.h.
 */
#include "analysis/equation_solution.h"

#include <math.h>

/* Finest increments to a step of the scheme. Two beside an exact solution, so that steps are
 * composed. A reference has the scheme's order p or a higher one, so that its own error is at most
 * about 16^-p of the scheme's (1/16 for strong order 1, 1/64 for 3/2), 4^-p for weak errors (1/16
 * for order 2), and the same share of it at each step size, which does not bend a slope. */
enum { FINER_EXACT = 2, FINER_MOMENTS = 4, FINER_STRONG = 16, FINER_WEAK = 4 };

/* ---- the exact flow ---- */

struct flow {
  const struct equation *equation;
  struct sde_wiener wiener;
  uint64_t calls, stride; /* of the flow, to the end of time, and finest increments in each */
};

static void *flow_workspace_new(const struct sde_process *process, size_t width)
{
  const struct flow *flow = process->context;
  return sde_wiener_workspace_new(&flow->wiener, width);
}

static void flow_workspace_free(const struct sde_process *process, void *workspace)
{
  (void)process;
  sde_wiener_workspace_free(workspace);
}

static void flow_advance(const struct sde_process *process, void *workspace, uint64_t first_path,
                         size_t width, uint64_t step, double *x)
{
  const struct flow *flow = process->context;
  double dt = (double)flow->stride * flow->wiener.fine_step;
  for (uint64_t i = step * flow->calls; i < (step + 1) * flow->calls; i++) {
    struct sde_increments increments = sde_wiener_draw(&flow->wiener, workspace, first_path, width,
                                                       i * flow->stride, flow->stride);
    flow->equation->flow(flow->equation, dt, &increments, width, x);
  }
}

static struct sde_process *flow_process_new(const struct equation *equation, unsigned needs,
                                            uint64_t resolution, struct sde_stream stream)
{
  bool by_finest = equation->flow_needs & SDE_WIENER_NORMALS;
  struct flow *flow = sde_alloc(1, sizeof *flow);
  *flow =
      (struct flow){.equation = equation,
                    .wiener = {.stream = stream,
                               .noise_dim = equation->system.noise_dim,
                               .fine_step = equation->time / (double)resolution,
                               .needs = equation->flow_needs | (needs & SDE_WIENER_TIME_INTEGRALS),
                               .normals = by_finest ? 1 : 0},
                    .calls = by_finest ? resolution : 1,
                    .stride = by_finest ? 1 : resolution};
  struct sde_process *process = sde_alloc(1, sizeof *process);
  *process = (struct sde_process){.dim = equation->system.dim,
                                  .context = flow,
                                  .workspace_new = flow_workspace_new,
                                  .workspace_free = flow_workspace_free,
                                  .advance = flow_advance,
                                  .fingerprint = sde_hash(&stream, sizeof stream),
                                  .substeps = resolution};
  return process;
}

static void flow_process_free(struct sde_process *process)
{
  sde_free((void *)process->context);
  sde_free(process);
}

/* ---- solutions by schemes ---- */

/* The scheme of the highest order that takes the class of noise; of two, the one with the other
 * order higher, then the first. One with a plan may refuse the equation yet, and is left out. */
static const struct sde_scheme *best_scheme(const struct equation *equation,
                                            enum equation_error kind)
{
  const struct sde_scheme *best = NULL;
  double best_order = 0, best_other = 0;
  for (const struct sde_scheme *const *each = sde_schemes(); *each != NULL; each++) {
    double strong = (*each)->on[equation->system.noise].strong_order, weak = (*each)->weak_order;
    double order = kind == EQUATION_ERROR_STRONG ? strong : weak,
           other = kind == EQUATION_ERROR_STRONG ? weak : strong;
    if ((*each)->plan_new != NULL || strong == 0)
      continue;
    if (order > best_order || (order == best_order && other > best_other)) {
      best = *each;
      best_order = order;
      best_other = other;
    }
  }
  return best;
}

static void use_scheme(const struct equation *equation, const struct sde_scheme *scheme,
                       uint64_t resolution, struct sde_stream stream,
                       struct equation_solution *solution)
{
  struct sde_status status = {SDE_OK, ""};
  struct sde_solution finest = {.system = &equation->system,
                                .scheme = scheme,
                                .stream = stream,
                                .eta = equation->time,
                                .substeps = resolution,
                                .resolution = resolution};
  solution->scheme = scheme;
  solution->resolution = resolution;
  solution->process = sde_solution_process_new(&finest, &status);
}

/* Every class of noise has a scheme, so there is a reference. */
static void use_reference(const struct equation *equation, enum equation_error kind, uint64_t steps,
                          struct sde_stream stream, struct equation_solution *solution)
{
  solution->source = EQUATION_SOLUTION_REFERENCE;
  use_scheme(equation, best_scheme(equation, kind),
             steps * (kind == EQUATION_ERROR_STRONG ? FINER_STRONG : FINER_WEAK), stream, solution);
}

/* Euler-Maruyama's own moments are known too, so that the path need not be fine: it only takes the
 * scatter out of the difference. False where the moments leave the range of numbers. */
static bool use_moments(const struct equation *equation, uint64_t steps, struct sde_stream stream,
                        struct equation_solution *solution)
{
  uint64_t resolution = FINER_MOMENTS * steps;
  bool good = true;
  equation->expectations(equation, solution->excess);
  equation->euler_expectations(equation, resolution, solution->expectation);
  for (size_t k = 0; k < equation->observables; k++) {
    solution->excess[k] = solution->expectation[k] - solution->excess[k];
    good = good && isfinite(solution->excess[k]);
  }
  if (!good)
    return false;
  solution->source = EQUATION_SOLUTION_MOMENTS;
  use_scheme(equation, sde_scheme_named("euler-maruyama"), resolution, stream, solution);
  return true;
}

static void forget_moments(const struct equation *equation, struct equation_solution *solution)
{
  for (size_t k = 0; k < equation->observables; k++) {
    solution->excess[k] = 0;
    solution->expectation[k] = NAN;
  }
}

struct equation_solution *equation_solution_new(const struct equation *equation,
                                                enum equation_error kind, unsigned needs,
                                                uint64_t steps, struct sde_stream stream)
{
  struct equation_solution *solution = sde_alloc(1, sizeof *solution);
  solution->excess = sde_alloc(equation->observables, sizeof *solution->excess);
  solution->expectation = sde_alloc(equation->observables, sizeof *solution->expectation);
  forget_moments(equation, solution);
  if (equation->flow != NULL) {
    solution->source = EQUATION_SOLUTION_EXACT;
    solution->resolution = FINER_EXACT * steps;
    solution->process = flow_process_new(equation, needs, solution->resolution, stream);
    if (equation->expectations != NULL)
      equation->expectations(equation, solution->expectation);
  } else if (kind == EQUATION_ERROR_STRONG || equation->euler_expectations == NULL ||
             !use_moments(equation, steps, stream, solution)) {
    forget_moments(equation, solution);
    use_reference(equation, kind, steps, stream, solution);
  }
  return solution;
}

void equation_solution_free(struct equation_solution *solution)
{
  if (solution == NULL)
    return;
  if (solution->source == EQUATION_SOLUTION_EXACT)
    flow_process_free(solution->process);
  else
    sde_solution_process_free(solution->process);
  sde_free(solution->excess);
  sde_free(solution->expectation);
  sde_free(solution);
}

char *equation_solution_described(const struct equation_solution *solution, uint64_t steps)
{
  if (solution->source == EQUATION_SOLUTION_EXACT)
    return sde_strdup("exact");
  if (solution->source == EQUATION_SOLUTION_MOMENTS)
    return sde_strdup("exact moments");
  return sde_format("%s at 1/%d of the step", solution->scheme->name,
                    (int)(solution->resolution / steps));
}
