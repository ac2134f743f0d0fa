/*
 * Fuzzing the parser and the type checker of programs (models/program.h): any bytes are either a
 * program, which then runs one step on a small loss, or are refused with a sentence that has a place.
 * The first line holds constants, the others are lines of the program.
 */
#include "models/loss.h"
#include "models/parameters.h"
#include "models/program.h"
#include "sde/block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 64, WIDTH = SDE_UNIT, STATE = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* f = (x^2 + y^2)/2 of one sample, for programs to run on. */
static void value(const struct loss *loss, size_t width, struct loss_samples samples,
                  const double *x, double *out)
{
  (void)loss, (void)samples;
  for (size_t p = 0; p < width; p++)
    out[p] = (x[p] * x[p] + x[width + p] * x[width + p]) / 2;
}

static void gradient(const struct loss *loss, size_t width, struct loss_samples samples,
                     const double *x, double *out)
{
  (void)loss, (void)samples;
  memcpy(out, x, 2 * width * sizeof *out);
}

static void hessian_vector(const struct loss *loss, size_t width, struct loss_samples samples,
                           const double *x, const double *v, double *out)
{
  (void)loss, (void)samples, (void)x;
  memcpy(out, v, 2 * width * sizeof *out);
}

static void run(const struct program *program)
{
  static const struct loss_type type = {
      .name = "round", .value = value, .gradient = gradient, .hessian_vector = hessian_vector};
  const struct loss loss = {.type = &type, .dim = 2, .samples = 1};
  const struct objective objective = {.loss = &loss, .components = 1};
  struct micro_batches batches = micro_batches_new(&objective, 1, 2, WIDTH);
  struct program_workspace *workspace = program_workspace_new(program, &objective, 2, 1, WIDTH);
  struct sde_address at = {sde_stream_named(1, "fuzz"), 0, 0};
  struct program_step step = {.objective = &objective,
                              .eta = 0.1,
                              .rho = 0.1,
                              .batch = 2,
                              .micro_batch = 1,
                              .at = &at,
                              .batches = &batches};
  double y[STATE * WIDTH];
  sde_block_fill(STATE * WIDTH, 0.5, y);
  objective_draw(&objective, &at, WIDTH, &batches);
  program_run(program, workspace, &step, WIDTH, y, y);
  program_workspace_free(workspace);
  micro_batches_free(&batches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const double zero = 0;
  static const struct program_vector vector = {"v", 1, &zero};
  static const struct program_constant constant = {"c", 1};
  const char *line[LINES_MAX];
  char *text = malloc(size + 1);
  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  struct program_source source = {.place = "fuzz:1",
                                  .line = line,
                                  .constants = 1,
                                  .constant = &constant,
                                  .vectors = 1,
                                  .vector = &vector};
  for (char *part = strtok(text, "\n"); part != NULL && source.lines < LINES_MAX;
       part = strtok(NULL, "\n"))
    line[source.lines++] = part;
  struct sde_status status = {SDE_OK, ""};
  struct program *program = program_new(&source, &status);
  if (program != NULL)
    run(program);
  else
    assert(status.code == SDE_INVALID && strncmp(status.message, "fuzz:1: ", 8) == 0);
  program_free(program);
  free(text);
  return 0;
}
