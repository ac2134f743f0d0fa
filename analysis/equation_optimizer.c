/*
 * The SDE of an optimizer as an equation to measure schemes on: see equation.h. Its noise, of the
 * size of sqrt(eta), is small: what schemes show of it at steps that anyone takes is said there.
 */
#include "analysis/equation.h"

#include "models/affine_frame.h"
#include "sde/linear.h"

#include <math.h>
#include <string.h>

/* The moments of dX = -D dt + sqrt(eta) Sigma^(1/2) dW close where D is affine and Sigma quadratic:
 * with D for F and eta Sigma / h for Sigma, they are those of a first order SDE
 * at a learning rate h, whatever h is. They are followed in y = x - the centre of a frame. */
struct optimizer_equation {
  struct equation equation;
  char *formula;
  size_t dim;
  struct affine_frame *frame;
  double *matrix, *constant, *covariance; /* D and eta Sigma; NULL where moments do not close */
};

static const struct equation_observable observables[] = {{"x1", 0, EQUATION_ALONE}, {"x1^2", 0, 0}};

static size_t covariance_size(size_t dim)
{
  return dim * (dim + 1) / 2 * (dim + 1) * (dim + 2) / 2;
}

/* D = F for order 1 in eta, F + (eta/2) DF F for order 2. */
static void learn_moments(const struct limit *limit, double eta, struct optimizer_equation *made)
{
  made->frame = limit_frame_new(limit);
  struct sde_linear_direction *direction =
      made->frame == NULL ? NULL : limit_direction_new(limit, made->frame);
  if (direction == NULL)
    return;
  size_t d = made->dim = direction->dim, size = covariance_size(d);
  double half = limit_options_of(limit)->eta_order == 2 ? eta / 2 : 0;
  made->matrix = sde_alloc(d, d * sizeof(double));
  made->constant = sde_alloc(d, sizeof(double));
  made->covariance = sde_alloc(size, sizeof(double));
  for (size_t i = 0; i < d; i++) {
    const double *row = direction->matrix + i * d;
    made->constant[i] = direction->constant[i];
    for (size_t k = 0; k < d; k++) {
      made->constant[i] += half * row[k] * direction->constant[k];
      made->matrix[i * d + k] += row[k];
      for (size_t j = 0; j < d; j++)
        made->matrix[i * d + j] += half * row[k] * direction->matrix[k * d + j];
    }
  }
  for (size_t k = 0; k < size; k++)
    made->covariance[k] = eta * direction->covariance[k];
  limit_direction_free(direction);
}

/* What makes a map of a direction at a learning rate h. */
typedef struct sde_linear_map *(*map_maker)(const struct sde_linear_direction *direction, double h);

static struct sde_linear_map *sde_map(const struct sde_linear_direction *direction, double h)
{
  struct sde_status status = {SDE_OK, ""};
  return sde_linear_sde_new(direction, h, 1, "optimizer", &status);
}

static struct sde_linear_map *euler_map(const struct sde_linear_direction *direction, double h)
{
  struct sde_status status = {SDE_OK, ""};
  return sde_linear_euler_new(direction, h, 1, 1, "optimizer", &status);
}

/* E x_a or E x_a x_b from the moments of y = x - centre. */
static double expectation(size_t dim, const double *centre, const double *moments,
                          const struct equation_observable *observable)
{
  int a = observable->i, b = observable->j;
  const double *mean = moments + dim * (dim + 1) / 2;
  if (b == EQUATION_ALONE)
    return centre[a] + mean[a];
  size_t row = (size_t)(a > b ? a : b), column = (size_t)(a < b ? a : b);
  return centre[a] * centre[b] + centre[a] * mean[b] + centre[b] * mean[a] +
         moments[row * (row + 1) / 2 + column];
}

static void follow(const struct equation *equation, map_maker make, uint64_t steps, double *value)
{
  const struct optimizer_equation *own = equation->context;
  size_t dim = own->dim, size = covariance_size(dim);
  double h = equation->time / (double)steps;
  double *covariance = sde_alloc(size, sizeof *covariance);
  for (size_t k = 0; k < size; k++)
    covariance[k] = own->covariance[k] / h;
  struct sde_linear_direction direction = {dim, own->matrix, own->constant, covariance};
  struct sde_linear_map *map = make(&direction, h);
  double *moments = sde_alloc(sde_linear_size(dim), sizeof *moments);
  sde_linear_point(dim, own->frame->offset, moments);
  if (map != NULL)
    sde_linear_advance(map, steps, moments);
  for (size_t k = 0; k < equation->observables; k++)
    value[k] =
        map == NULL ? NAN : expectation(dim, own->frame->centre, moments, &equation->observable[k]);
  sde_free(moments);
  sde_free(covariance);
  sde_linear_map_free(map);
}

static void expectations(const struct equation *equation, double *value)
{
  follow(equation, sde_map, 1, value);
}

static void euler_expectations(const struct equation *equation, uint64_t steps, double *value)
{
  follow(equation, euler_map, steps, value);
}

static void set_plan(uint64_t fewest, struct equation_plan *plan)
{
  for (size_t i = 0; i < EQUATION_STEPS; i++)
    plan->steps[i] = fewest << i;
  plan->paths = 0.1;
}

/* From steps of a dozen learning-rate steps on; the noise being small, a tenth of the paths tells
 * the errors. */
struct equation *equation_optimizer_new(const struct optimizer *optimizer,
                                        const struct limit *limit, const char *label,
                                        const double *start, double time, uint64_t steps)
{
  struct optimizer_equation *made = sde_alloc(1, sizeof *made);
  made->formula = sde_format("SDE of %s, order %d in eta, eta %g, rho %g, batch %zu", label,
                             limit_options_of(limit)->eta_order, optimizer->eta, optimizer->rho,
                             optimizer->batch);
  learn_moments(limit, optimizer->eta, made);
  made->equation = (struct equation){
      .name = "optimizer",
      .formula = made->formula,
      .system = *limit_system(limit),
      .time = time,
      .start = start,
      .observables = sizeof observables / sizeof *observables,
      .observable = observables,
      .strong_from = 1,
      .strong_to = 1,
      .strong_why = "its noise is so small that the drift's errors, of whole orders, hide others",
      .expectations = made->matrix == NULL ? NULL : expectations,
      .euler_expectations = made->matrix == NULL ? NULL : euler_expectations,
      .context = made,
  };
  uint64_t strong = steps * 2 / 25 > 16 ? steps * 2 / 25 : 16;
  set_plan(strong, &made->equation.plan[EQUATION_STRONG]);
  set_plan(2 * strong, &made->equation.plan[EQUATION_WEAK_1]);
  set_plan(2 * strong, &made->equation.plan[EQUATION_WEAK_2]);
  return &made->equation;
}

void equation_optimizer_free(struct equation *equation)
{
  if (equation == NULL)
    return;
  struct optimizer_equation *made = (struct optimizer_equation *)equation->context;
  affine_frame_free(made->frame);
  sde_free(made->matrix);
  sde_free(made->constant);
  sde_free(made->covariance);
  sde_free(made->formula);
  sde_free(made);
}
