/*
 * Verdicts of the study `order`: see order_judge.h.
 */
#include "experiments/studies/order_judge.h"

#include "experiments/io/text.h"
#include "experiments/studies/exact_line.h"
#include "experiments/studies/judgement.h"
#include "experiments/studies/no_order.h"
#include "experiments/studies/remainder.h"

#include <string.h>

/* Does the SDE leave out a term of first order in rho that this case has? */
static bool lacks_first_order(const struct order_grid *grid, const struct order_line *line)
{
  const struct optimizer *optimizer = &line->one->optimizer;
  return (line->versus == ORDER_VERSUS_RHO || optimizer->rho > 0) &&
         remainder_is_first_order(grid->cases, optimizer, order_options(line));
}

/* The slope that theory predicts; 0 where it predicts none. */
static double predicted_slope(const struct order_grid *grid, const struct order_line *line)
{
  const struct limit_options *options = order_options(line);
  if (line->versus == ORDER_VERSUS_ETA)
    return no_order_is_claimed(line->one, options) ? options->eta_order : 0;
  return lacks_first_order(grid, line) ? 1 : options->rho_order == LIMIT_RHO_ORDER_1 ? 2 : 0;
}

/* Does the predicted slope hold until terms of order rho^2 show only? */
static bool is_reserved(const struct order_grid *grid, const struct order_line *line)
{
  return line->versus == ORDER_VERSUS_ETA &&
         remainder_is_second_order(grid->cases, &line->one->optimizer, order_options(line));
}

static char *claim_of(const struct order_grid *grid, const struct order_line *line, bool plateau)
{
  char *label = order_label(line);
  char *claim =
      plateau ? sde_format("%s: most of the error does not go to zero with eta, since the SDE "
                           "leaves out %s",
                           label,
                           remainder_has_higher_orders(grid->cases, &line->one->optimizer,
                                                       order_options(line))
                               ? "terms in rho"
                               : "a term of order rho")
              : sde_format("%s: the error falls like %s^%g%s", label, order_versus_name(line),
                           predicted_slope(grid, line),
                           is_reserved(grid, line) ? ", until terms of order rho^2 show" : "");
  sde_free(label);
  return claim;
}

/* A copy of the line, with exact errors at smaller eta where they are known. */
static struct error_line judged_line(const struct order_grid *grid, const struct order_line *line)
{
  struct error_line copy = line->errors;
  copy.point = sde_alloc(copy.count, sizeof *copy.point);
  memcpy(copy.point, line->errors.point, copy.count * sizeof *copy.point);
  if (copy.exact && line->versus == ORDER_VERSUS_ETA)
    exact_line_extend(grid->cases, order_smallest_eta(grid, line), line->sde, line->observable,
                      &copy);
  return copy;
}

void order_judge(struct results *results, const struct order_grid *grid,
                 const struct order_line *line, size_t count, double quantile)
{
  double predicted = predicted_slope(grid, line);
  bool plateau = line->versus == ORDER_VERSUS_ETA && lacks_first_order(grid, line);
  if (predicted == 0 || !line->same_rules)
    return;
  struct text evidence = {0};
  size_t yes = 0, no = 0, excused = 0; /* as parts of order rho^2, which deny nothing */
  for (size_t o = 0; o < count; o++) {
    char words[256];
    struct error_line errors = judged_line(grid, &line[o]);
    enum holds one = plateau ? judgement_plateau(&errors, order_options(line)->eta_order, quantile,
                                                 sizeof words, words)
                             : judgement_fall(&errors, predicted, quantile,
                                              (double)line->one->paths, sizeof words, words);
    sde_free(errors.point);
    yes += one == HOLDS_YES;
    no += one == HOLDS_NO && !is_reserved(grid, line);
    excused += one == HOLDS_NO && is_reserved(grid, line);
    text_add(&evidence, "%s%s: %s%s", o == 0 ? "" : "; ",
             grid->cases->observable_name[line[o].observable], words,
             strstr(words, "(undecided") != NULL ? "" : results_flag(one));
  }
  bool denied = plateau ? no == count : no > 0;
  char *claim = claim_of(grid, line, plateau);
  results_verdict(results, claim,
                  denied                                 ? HOLDS_NO
                  : yes > 0 && (plateau || excused == 0) ? HOLDS_YES
                                                         : HOLDS_UNDECIDED,
                  "%s%s", plateau ? "difference " : "", evidence.data);
  sde_free(evidence.data);
  sde_free(claim);
}
