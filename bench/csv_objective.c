/*
 * Objectives from a temporary CSV file: see csv_objective.h.
 */
#include "bench/csv_objective.h"

#include "models/loss.h"
#include "sde/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void end(const char *what, const char *why)
{
  fprintf(stderr, "bench: %s: %s\n", what, why);
  exit(1);
}

static void write_file(char *file, void (*write)(const void *context, FILE *csv),
                       const void *context)
{
  int descriptor = mkstemp(file);
  FILE *csv = descriptor < 0 ? NULL : fdopen(descriptor, "w");
  if (csv == NULL)
    end(file, strerror(errno));
  write(context, csv);
  if (fclose(csv) != 0)
    end(file, strerror(errno));
}

struct objective *csv_objective_new(const char *loss, struct parameters *parameters,
                                    void (*write)(const void *context, FILE *csv),
                                    const void *context)
{
  char file[] = "/tmp/sharpsde-bench-XXXXXX";
  const char *path = file, *sampling = "with-replacement";
  write_file(file, write, context);
  struct parameters *given = parameters == NULL ? parameters_new() : parameters;
  struct parameters *noise = parameters_new();
  parameters_add_texts(given, "data", 1, &path, "bench");
  parameters_add_texts(noise, "sampling", 1, &sampling, "bench");
  struct sde_status status = {SDE_OK, ""};
  struct loss *made = loss_new(loss_type_named(loss), given, &status);
  unlink(file);
  struct objective *objective = made == NULL ? NULL : objective_new(made, noise, NULL, &status);
  if (objective == NULL)
    end(loss, status.message);
  parameters_free(given);
  parameters_free(noise);
  return objective;
}

void csv_objective_free(struct objective *objective)
{
  loss_free((struct loss *)objective->loss);
  objective_free(objective);
}
