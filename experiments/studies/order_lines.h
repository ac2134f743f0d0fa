/*
 * Lines of the study `order`: the weak errors of a recipe's cases, laid out along eta and along
 * rho, each line with its fit.
 */
#ifndef EXPERIMENTS_STUDIES_ORDER_LINES_H
#define EXPERIMENTS_STUDIES_ORDER_LINES_H

#include "analysis/error_line.h"
#include "experiments/cases/cases.h"

/* A mean at the end time; without standard error where it is exact. */
struct order_mean {
  double value, se;
  bool exact;
};

/* One case, one SDE, one observable. */
struct order_cell {
  struct order_mean iterates, solution;
  double pair, pair_se;             /* solution minus companion; 0 where nothing was simulated */
  double difference, difference_se; /* iterates minus solution */
};

enum order_versus { ORDER_VERSUS_ETA, ORDER_VERSUS_RHO };

/* The recipe multiplied out: case ((outer*etas + e)*rhos + r)*variants + v, where outer counts
 * batches and numbers of paths, and v optimizers and micro-batches. */
struct order_grid {
  const struct cases *cases;
  size_t outer, etas, rhos, variants;
  const double *rho;
  struct order_cell *cell; /* [(case*sdes + sde)*observables + observable] */
};

/* The errors of one variant, SDE and observable along one axis, ascending. */
struct order_line {
  enum order_versus versus;
  const struct run_case *one; /* any of its cases */
  bool same_rules; /* its cases differ in eta and rho alone: not where a momentum is held fixed */
  size_t sde, observable;
  struct error_line errors;
  size_t first, stride, cases; /* its cases: first, first + stride, ..., `cases` of them */
};

/* "eta" or "rho". */
const char *order_versus_name(const struct order_line *line);

/* The line's case at the smallest eta. */
const struct run_case *order_smallest_eta(const struct order_grid *grid,
                                          const struct order_line *line);

/* The SDE that the line compares. */
const struct limit_options *order_options(const struct order_line *line);

/* "m-usam m=2, b 4, rho 0.1, SDE 0", with what the line holds fixed; released with sde_free. */
char *order_label(const struct order_line *line);

/* Is rho = 0 among the recipe's, the floor that is subtracted against rho? */
bool order_has_floor(const struct order_grid *grid);

/* Is there any line? The cells do not count. */
bool order_has_lines(const struct order_grid *grid);

/* Every line of the recipe, fitted; returns how many. There is room for two a cell; points are to
 * be released with sde_free. */
size_t order_lines_make(const struct order_grid *grid, struct order_line *lines);

#endif
