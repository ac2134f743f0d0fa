/*
 * The columns that rows of cases begin with: see case_columns.h.
 */
#include "experiments/results/case_columns.h"

static const struct run_case *case_of(const void *field)
{
  return *(const struct run_case *const *)field;
}

struct cell cell_case_label(const void *field)
{
  return cell_of_made_text(case_label(case_of(field)));
}

struct cell cell_case_optimizer(const void *field)
{
  return cell_of_text(case_of(field)->optimizer.rule->name);
}

struct cell cell_case_update(const void *field)
{
  const struct run_case *one = case_of(field);
  return one->names_update ? cell_of_text(one->optimizer.update->name)
                           : (struct cell){.kind = CELL_ABSENT};
}

struct cell cell_case_update_settings(const void *field)
{
  const struct run_case *one = case_of(field);
  char settings[UPDATE_SETTINGS_SIZE];
  if (!one->names_update)
    return (struct cell){.kind = CELL_ABSENT};
  optimizer_update_settings(&one->optimizer, settings);
  return settings[0] == '\0' ? cell_of_text(NULL) : cell_of_made_text(sde_strdup(settings));
}

struct cell cell_case_micro_batch(const void *field)
{
  const struct optimizer *optimizer = &case_of(field)->optimizer;
  return optimizer->rule->micro_batch == MICRO_BATCH_NONE ? (struct cell){.kind = CELL_MISSING}
                                                          : cell_of_whole(optimizer->micro_batch);
}

struct cell cell_case_batch(const void *field)
{
  return cell_of_whole(case_of(field)->optimizer.batch);
}

struct cell cell_case_eta(const void *field)
{
  return cell_of_real(case_of(field)->optimizer.eta);
}

struct cell cell_case_rho(const void *field)
{
  return cell_of_real(case_of(field)->optimizer.rho);
}

struct cell cell_side(const void *field)
{
  return cell_of_text(*(const size_t *)field == CASE_ITERATES ? "iterates" : "sde");
}

struct cell cell_side_sde(const void *field)
{
  size_t side = *(const size_t *)field;
  return side == CASE_ITERATES ? (struct cell){.kind = CELL_MISSING}
                               : cell_of_whole(case_sde_of_side(side));
}

struct cell cell_side_label(const void *field)
{
  return cell_of_made_text(case_side_label(*(const size_t *)field));
}
