/*
 * Lines of the study `order`: see order_lines.h.
 */
#include "experiments/studies/order_lines.h"

#include <math.h>

/* An exact error below this share of the means is rounding. */
static const double rounding = 1e-12;

const char *order_versus_name(const struct order_line *line)
{
  return line->versus == ORDER_VERSUS_ETA ? "eta" : "rho";
}

const struct limit_options *order_options(const struct order_line *line)
{
  return limit_options_of(line->one->sde[line->sde].limit);
}

const struct run_case *order_smallest_eta(const struct order_grid *grid,
                                          const struct order_line *line)
{
  const struct run_case *all = grid->cases->one, *smallest = &all[line->first];
  for (size_t i = 1; i < line->cases; i++)
    if (all[line->first + i * line->stride].optimizer.eta < smallest->optimizer.eta)
      smallest = &all[line->first + i * line->stride];
  return smallest;
}

static const struct order_cell *cell_at(const struct order_grid *grid, size_t index,
                                        const struct order_line *line)
{
  const struct cases *cases = grid->cases;
  return &grid->cell[(index * cases->recipe->sdes + line->sde) * cases->observables->count +
                     line->observable];
}

/* A cell's error; `zero` is the cell at rho = 0 that is subtracted, or NULL. */
static struct error_line_point make_point(const struct order_line *line, const struct run_case *one,
                                          const struct order_cell *cell,
                                          const struct order_cell *zero)
{
  static const struct order_cell nothing = {.difference = 0};
  const struct order_cell *less = zero == NULL ? &nothing : zero;
  const struct case_sde *sde = &one->sde[line->sde];
  /* The scheme's error at rho = 0 is that of the same equation to order 1 in rho: it cancels. */
  double step_factor = 1 / case_companion_part(sde);
  return (struct error_line_point){
      .x = line->versus == ORDER_VERSUS_ETA ? one->optimizer.eta : one->optimizer.rho,
      .difference = cell->difference - less->difference,
      .own_se = cell->difference_se,
      .se = hypot(cell->difference_se, less->difference_se),
      .floor = less->difference,
      .floor_se = less->difference_se,
      .scheme_error =
          step_factor * (fabs(cell->pair - less->pair) + 2 * hypot(cell->pair_se, less->pair_se)),
      .rounding = rounding * (fabs(cell->iterates.value) + fabs(less->iterates.value)),
      .exact = cell->iterates.exact && cell->solution.exact};
}

/* The line whose first case is `first`; its cases are `stride` apart, `count` of them. */
static void make_line(const struct order_grid *grid, struct order_line *line, size_t first,
                      size_t stride, size_t count)
{
  const struct run_case *all = grid->cases->one;
  const struct order_cell *zero = NULL;
  if (line->versus == ORDER_VERSUS_RHO)
    for (size_t i = 0; i < count; i++)
      if (all[first + i * stride].optimizer.rho == 0)
        zero = cell_at(grid, first + i * stride, line);
  line->one = &all[first];
  line->first = first;
  line->stride = stride;
  line->cases = count;
  line->same_rules = true;
  line->errors.axis = order_versus_name(line);
  line->errors.point = sde_alloc(count, sizeof *line->errors.point);
  for (size_t i = 0; i < count; i++) {
    size_t index = first + i * stride;
    const struct order_cell *cell = cell_at(grid, index, line);
    line->same_rules &= optimizer_same_rules(&all[index].optimizer, &all[first].optimizer);
    if (cell != zero)
      line->errors.point[line->errors.count++] = make_point(line, &all[index], cell, zero);
  }
  error_line_fit(&line->errors);
}

char *order_label(const struct order_line *line)
{
  char *name = case_label(line->one);
  if (!line->same_rules) {
    const struct run_case *last = line->one + (line->cases - 1) * line->stride;
    char settings[UPDATE_SETTINGS_SIZE];
    optimizer_update_settings(&last->optimizer, settings);
    char *both = sde_format("%s to %s", name, settings);
    sde_free(name);
    name = both;
  }
  const struct optimizer *optimizer = &line->one->optimizer;
  bool eta = line->versus == ORDER_VERSUS_ETA;
  char *label = sde_format("%s, b %zu, %s %g, SDE %zu", name, optimizer->batch, eta ? "rho" : "eta",
                           eta ? optimizer->rho : optimizer->eta, line->sde);
  sde_free(name);
  return label;
}

/* Lines of all SDEs and observables from one case on; `line` is advanced past them. */
static void add_lines(const struct order_grid *grid, struct order_line **line,
                      enum order_versus versus, size_t first, size_t stride, size_t count)
{
  for (size_t s = 0; s < grid->cases->recipe->sdes; s++)
    for (size_t o = 0; o < grid->cases->observables->count; o++) {
      **line = (struct order_line){.versus = versus, .sde = s, .observable = o};
      make_line(grid, (*line)++, first, stride, count);
    }
}

bool order_has_floor(const struct order_grid *grid)
{
  for (size_t r = 0; r < grid->rhos; r++)
    if (grid->rho[r] == 0)
      return true;
  return false;
}

static bool moves(const struct run_case *one)
{
  return one->optimizer.rule->theory.depends != GRADIENT_UNPERTURBED;
}

bool order_has_lines(const struct order_grid *grid)
{
  bool against_rho = false;
  for (size_t k = 0; k < grid->variants; k++)
    against_rho |= moves(&grid->cases->one[k]) && grid->rhos > 2 && order_has_floor(grid);
  return grid->etas > 1 || against_rho;
}

size_t order_lines_make(const struct order_grid *grid, struct order_line *lines)
{
  struct order_line *line = lines;
  size_t v = grid->variants;
  for (size_t i = 0; i < grid->outer; i++)
    for (size_t k = 0; k < v; k++) {
      size_t first = i * grid->etas * grid->rhos * v + k;
      bool moving = moves(&grid->cases->one[first]);
      for (size_t r = 0; r < (moving ? grid->rhos : 1) && grid->etas > 1; r++)
        add_lines(grid, &line, ORDER_VERSUS_ETA, first + r * v, grid->rhos * v, grid->etas);
      for (size_t e = 0; e < grid->etas && moving && grid->rhos > 2 && order_has_floor(grid); e++)
        add_lines(grid, &line, ORDER_VERSUS_RHO, first + e * grid->rhos * v, v, grid->rhos);
    }
  return (size_t)(line - lines);
}
