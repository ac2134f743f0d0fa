/*
 * Recipes: a YAML file read against the schema table, with overrides from the command line, into
 * typed parameters. Every mistake is a sentence with file and line.
 */
#ifndef EXPERIMENTS_RECIPE_RECIPE_H
#define EXPERIMENTS_RECIPE_RECIPE_H

#include "models/loss.h"
#include "models/parameters.h"
#include "sde/scheme.h"
#include "sde/status.h"

struct study_type;

/* Where neither the recipe nor a pilot run says. */
enum { SUBSTEPS_DEFAULT = 16 };

/* How an SDE is solved: the time step is eta/substeps. */
struct recipe_scheme {
  const struct sde_scheme *scheme;
  uint64_t substeps;
};

/* What may have a schedule: the learning rate, the radius. */
enum recipe_schedule { RECIPE_ETA, RECIPE_RHO, RECIPE_SCHEDULES };

struct recipe {
  char *file;                              /* as given on the command line, for messages */
  char *comment;                           /* at its head: recipe_comment.h */
  const struct study_type *const *studies; /* that it may name, ended by NULL */
  const struct study_type *study;
  const struct loss_type *loss_type;
  struct parameters *common; /* every top-level key but the sections below */
  struct parameters *loss;   /* keys of loss_type, without name */
  struct parameters *noise;
  struct parameters *output;
  struct parameters *domain; /* NULL where it gives none */
  size_t optimizers, sdes;
  struct parameters **optimizer; /* each with "name" */
  struct parameters **update;    /* its update rule, with "name"; NULL where it gives none */
  struct parameters **sde;
  struct recipe_scheme automatic;                /* for an SDE that leaves it to the program */
  struct parameters *schedule[RECIPE_SCHEDULES]; /* NULL where it gives none */
  char *sde_place, *output_place, *schedule_place,
      *domain_place; /* of these keys, as parameters_place has it */
  char *resolved;    /* the recipe with every default that counts filled in, as YAML text */
  char sha256[65];   /* of resolved, in hexadecimal */
};

/* Read a recipe file, which may name one of these studies (ended by NULL), and apply overrides
 * "key.path=value" in order; NULL, and the status says why with FILE:LINE. Release with
 * recipe_free. */
struct recipe *recipe_read(const char *file, const struct study_type *const *studies,
                           size_t overrides, const char *const *override,
                           struct sde_status *status);
/* How the recipe, or `automatic` where the recipe does not say, wants an SDE solved. */
struct recipe_scheme recipe_scheme(const struct recipe *recipe, size_t sde);

/* The error that the recipe asks for instead of paths; NAN where it does not, or its study
 * takes no tolerance. */
double recipe_tolerance(const struct recipe *recipe);

/* Seconds between checkpoints, and before the first. */
double recipe_checkpoint_seconds(const struct recipe *recipe);

/* Does some optimizer name its update rule? Results then say which it is in every row. */
bool recipe_names_updates(const struct recipe *recipe);

/* Does it ask for antithetic paths, and does its study take them? */
bool recipe_antithetic(const struct recipe *recipe);

/* The same for control variates. */
bool recipe_control_variate(const struct recipe *recipe);

/* The same for quasi-random paths of SDEs. */
bool recipe_quasi_random(const struct recipe *recipe);

void recipe_free(struct recipe *recipe);

/* The files that the loss reads, where they were found: calls `each` with every path. */
void recipe_each_file(const struct recipe *recipe, void (*each)(void *context, const char *path),
                      void *context);

/* Where a common key stands that may be left out, sde and output included: "FILE:LINE", "--set
 * KEY", or NULL where it is not given. */
const char *recipe_place_given(const struct recipe *recipe, const char *key);

#endif
