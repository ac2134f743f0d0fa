/*
 * Schedules: factors of the learning rate and of the radius over time, eta_k = eta s(k eta) and
 * rho_k = rho r(k eta). A shape gives the factor after a warm-up, over which it grows linearly from
 * 0 to 1. theory.md section 12.
 *
 * To add a shape: write models/schedule_NAME.c with its `const struct schedule_shape schedule_NAME`
 * and give it a row in schedules.def. Nothing else asks which shape it is.
 */
#ifndef MODELS_SCHEDULE_H
#define MODELS_SCHEDULE_H

#include "models/parameters.h"
#include "sde/status.h"

struct schedule;

/* A shape: a row of the registry. */
struct schedule_shape {
  const char *name, *summary;
  const char *formula; /* for people: the factor at the time t since the warm-up, of T in all */
  /* Its own keys, ended by one without a name; NULL: it has none. */
  const struct parameter_key *keys;
  /* Sets what the shape keeps from its keys. False, and the status says why, where they are not
   * accepted. NULL where the shape has no keys. */
  bool (*read)(const struct parameters *given, struct schedule *schedule,
               struct sde_status *status);
  /* The factor at this time since the end of the warm-up, and its derivative. */
  double (*factor)(const struct schedule *schedule, double time, double *slope);
  void (*release)(struct schedule *schedule); /* of what `read` allocated; or NULL */
};

/* A schedule: its shape and what that keeps. */
struct schedule {
  const struct schedule_shape *shape;
  double warmup, span; /* the horizon is the sum of both */
  double setting;      /* the shape's number: end or rate */
  void *kept;          /* the shape's own; NULL where it has none */
};

/* All shapes, ended by NULL; the one of a name, or NULL. */
const struct schedule_shape *const *schedule_shapes(void);
const struct schedule_shape *schedule_shape_named(const char *name);

/* The keys that every shape has besides its own: warmup. */
extern const struct parameter_key schedule_keys[];

/* The schedule of these parameters, "shape" among them, up to the horizon. NULL, and the status
 * says why: a key is not accepted, or at one of 10001 evenly spread times a factor is negative or
 * it or its derivative is not a finite number. Released with schedule_free; NULL is allowed. */
struct schedule *schedule_new(const struct parameters *given, double horizon,
                              struct sde_status *status);
void schedule_free(struct schedule *schedule);

/* The factor at a time, and its derivative to *slope; 1 and 0 where the schedule is NULL. */
double schedule_factor(const struct schedule *schedule, double time, double *slope);

#endif
