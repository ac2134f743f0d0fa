/*
 * An equation with affine drift and constant noise, learned from its system. See affine_equation.h.
 */
#include "sde/affine_equation.h"

#include "sde/block.h"
#include "sde/random.h"

#include <math.h>

sde_wide *sde_wide_new(size_t rows, size_t columns)
{
  return sde_alloc(rows, columns * sizeof(sde_wide));
}

/* A system and a unit of points. */
struct probe {
  const struct sde_system *system;
  void *workspace;
  double *x, *dw, *drift, *noise;
};

static struct sde_affine_equation blank(const struct sde_system *system)
{
  size_t dim = system->dim, noise_dim = system->noise_dim;
  return (struct sde_affine_equation){dim, noise_dim, sde_wide_new(dim, dim), sde_wide_new(dim, 1),
                                      sde_wide_new(dim, noise_dim)};
}

void sde_affine_equation_free(struct sde_affine_equation *equation)
{
  sde_free(equation->slope);
  sde_free(equation->constant);
  sde_free(equation->s);
}

static struct probe probe_new(const struct sde_system *system)
{
  size_t state = system->dim * SDE_UNIT, noise = system->noise_dim * SDE_UNIT;
  return (struct probe){.system = system,
                        .workspace = sde_system_workspace_new(system, SDE_UNIT),
                        .x = sde_alloc(state, sizeof(double)),
                        .dw = sde_alloc(noise, sizeof(double)),
                        .drift = sde_alloc(state, sizeof(double)),
                        .noise = sde_alloc(state, sizeof(double))};
}

static void probe_free(struct probe *probe)
{
  sde_system_workspace_free(probe->system, probe->workspace);
  sde_free(probe->x);
  sde_free(probe->dw);
  sde_free(probe->drift);
  sde_free(probe->noise);
}

static void evaluate(const struct probe *probe, const struct sde_instant *at)
{
  probe->system->evaluate(probe->system, probe->workspace, at, SDE_UNIT, probe->x, probe->dw,
                          probe->drift, probe->noise);
}

/* The start, and instants at other times, in other steps, on other paths. */
static const struct sde_instant instants[] = {
    {0, 0, 0}, {0.7310586, 4096, 117}, {61.803399, 1 << 20, 9001}, {47123.89, 1 << 24, 1 << 20}};
enum { INSTANTS = sizeof instants / sizeof *instants };

/* matrix = what output gains from units of `size` in each row of input, which is zero before and
 * after. */
static void learn_columns(const struct probe *probe, size_t columns, double size, double *input,
                          const double *output, const sde_wide *constant, sde_wide *matrix)
{
  for (size_t first = 0; first < columns; first += SDE_UNIT) {
    size_t count = columns - first < SDE_UNIT ? columns - first : SDE_UNIT;
    for (size_t p = 0; p < count; p++)
      input[(first + p) * SDE_UNIT + p] = size;
    evaluate(probe, &instants[0]);
    for (size_t i = 0; i < probe->system->dim; i++)
      for (size_t p = 0; p < count; p++)
        matrix[i * columns + first + p] =
            (output[i * SDE_UNIT + p] - (constant == NULL ? 0 : constant[i])) / size;
    for (size_t p = 0; p < count; p++)
      input[(first + p) * SDE_UNIT + p] = 0;
  }
}

/* Points so far out that the constant does not round the slope, and a power of two. */
static void learn(const struct probe *probe, struct sde_affine_equation *equation)
{
  const double far = 0x1p60;
  evaluate(probe, &instants[0]);
  for (size_t i = 0; i < equation->dim; i++)
    equation->constant[i] = probe->drift[i * SDE_UNIT];
  learn_columns(probe, equation->dim, far, probe->x, probe->drift, equation->constant,
                equation->slope);
  learn_columns(probe, equation->noise_dim, 1, probe->dw, probe->noise, NULL, equation->s);
}

/* ---- Is that the equation? ---- */

/* Normals times 2^-10, 2^-5, .., 2^10, which is about 1e-3 to 1e3, path by path. */
static void scatter(uint64_t step, size_t lanes, double *out)
{
  struct sde_address at = {sde_stream_named(0, "exponential euler"), 0, step};
  sde_random_normals(&at, SDE_UNIT, lanes, out);
  for (size_t k = 0; k < lanes * SDE_UNIT; k++)
    out[k] = ldexp(out[k], 5 * (int)(k % SDE_UNIT % 5) - 10);
}

/* Row i of constant + matrix input at point p, and the sum of the sizes of its terms. */
static sde_wide row_at(size_t i, size_t p, size_t columns, const sde_wide *matrix,
                       const sde_wide *constant, const double *input, sde_wide *size)
{
  sde_wide sum = constant == NULL ? 0 : constant[i];
  *size = fabsl(sum);
  for (size_t j = 0; j < columns; j++) {
    sde_wide term = matrix[i * columns + j] * input[j * SDE_UNIT + p];
    sum += term;
    *size += fabsl(term);
  }
  return sum;
}

/* Is output = constant + matrix input at all points? A row may be off by 1e-11 of its own size,
 * which leaves a system room to sum over many samples and is less than the scheme promises, and by
 * the rounding of the largest row, which a system may have computed it from. */
static bool is_affine(size_t rows, size_t columns, const sde_wide *matrix, const sde_wide *constant,
                      const double *input, const double *output)
{
  for (size_t p = 0; p < SDE_UNIT; p++) {
    sde_wide size, largest = 0;
    for (size_t i = 0; i < rows; i++) {
      row_at(i, p, columns, matrix, constant, input, &size);
      largest = fmaxl(largest, size);
    }
    for (size_t i = 0; i < rows; i++) {
      sde_wide value = row_at(i, p, columns, matrix, constant, input, &size);
      if (!(fabsl(output[i * SDE_UNIT + p] - value) <= 1e-11L * size + 1e-14L * largest))
        return false;
    }
  }
  return true;
}

static bool refuse(const struct sde_system *system, const char *finding, struct sde_status *status)
{
  return sde_fail(
      status, SDE_INVALID,
      "scheme exponential-euler is exact where the drift is affine in x, the noise does "
      "not depend on x and neither depends on time, and for nothing else; %s: %s; take "
      "euler-maruyama or milstein",
      system->name, finding);
}

static bool holds(const struct probe *probe, const struct sde_affine_equation *equation,
                  struct sde_status *status)
{
  const struct sde_system *system = probe->system;
  size_t dim = equation->dim, noise_dim = equation->noise_dim;
  scatter(0, dim, probe->x);
  scatter(1, noise_dim, probe->dw);
  for (size_t t = 0; t < INSTANTS; t++) {
    evaluate(probe, &instants[t]);
    if (!is_affine(dim, dim, equation->slope, equation->constant, probe->x, probe->drift))
      return refuse(system,
                    t == 0 ? "the drift is not affine in x" : "the drift depends on the time",
                    status);
    if (system->noise != SDE_NOISE_ADDITIVE ||
        !is_affine(dim, noise_dim, equation->s, NULL, probe->dw, probe->noise))
      return refuse(system, t == 0 ? "the noise depends on x" : "the noise depends on the time",
                    status);
  }
  return true;
}

bool sde_affine_equation_learn(const struct sde_system *system,
                               struct sde_affine_equation *equation, struct sde_status *status)
{
  struct probe probe = probe_new(system);
  *equation = blank(system);
  learn(&probe, equation);
  bool good = holds(&probe, equation, status);
  probe_free(&probe);
  return good;
}
