/*
 * The sides of a case, and what it is called: by people, and by the streams of its random numbers.
 * See case.h.
 */
#include "experiments/cases/case.h"

#include <assert.h>
#include <string.h>

size_t case_sides(const struct cases *cases)
{
  return 1 + cases->recipe->sdes;
}

size_t case_side_of_sde(size_t sde)
{
  return 1 + sde;
}

size_t case_sde_of_side(size_t side)
{
  assert(side != CASE_ITERATES);
  return side - 1;
}

char *case_label(const struct run_case *one)
{
  const struct gradient_rule *rule = one->optimizer.rule;
  char *update = optimizer_update_label(&one->optimizer);
  char *size = rule->micro_batch == MICRO_BATCH_GIVEN
                   ? sde_format(" m=%zu", one->optimizer.micro_batch)
                   : sde_strdup("");
  char *label = sde_format("%s%s%s%s", rule->name, size, update == NULL ? "" : ", ",
                           update == NULL ? "" : update);
  sde_free(size);
  sde_free(update);
  return label;
}

size_t case_label_width(const struct cases *cases)
{
  size_t width = 0;
  for (size_t i = 0; i < cases->count; i++) {
    char *label = case_label(&cases->one[i]);
    width = strlen(label) > width ? strlen(label) : width;
    sde_free(label);
  }
  return width;
}

char *case_side_label(size_t side)
{
  return side == CASE_ITERATES ? sde_strdup("iterates")
                               : sde_format("SDE %zu", case_sde_of_side(side));
}

/* For two purposes the draws are independent; SDEs that share a purpose and a resolution share one
 * Brownian path. */
struct sde_stream case_stream(const struct cases *cases, const struct run_case *one,
                              const char *purpose)
{
  const struct optimizer *optimizer = &one->optimizer;
  char *update = optimizer_update_label(optimizer);
  char *name =
      sde_format("%s %s m=%zu b=%zu eta=%.17g rho=%.17g%s%s", purpose, optimizer->rule->name,
                 optimizer->micro_batch, optimizer->batch, optimizer->eta, optimizer->rho,
                 update == NULL ? "" : " ", update == NULL ? "" : update);
  sde_free(update);
  struct sde_stream stream = sde_stream_named(parameters_u64(cases->recipe->common, "seed"), name);
  sde_free(name);
  return stream;
}
