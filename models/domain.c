/*
 * Domains: see domain.h.
 */
#include "models/domain.h"

#include <math.h>
#include <string.h>

#define LARGEST 1e300

const struct parameter_key domain_keys[] = {
    {.name = "box",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -LARGEST,
     .high = LARGEST,
     .help = "[lo, hi] of every coordinate"},
    {.name = "low",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -LARGEST,
     .high = LARGEST,
     .help = "in place of box: the lower bound, or one for each coordinate; without it, none"},
    {.name = "high",
     .type = PARAMETER_REAL,
     .list = true,
     .low = -LARGEST,
     .high = LARGEST,
     .help = "in place of box: the upper bound, or one for each coordinate; without it, none"},
    {.name = "boundary",
     .type = PARAMETER_CHOICE,
     .choices = "reflect project",
     .fallback = "reflect",
     .help = "what becomes of a step that leaves the box: folded back at the face, or clipped"},
    {.name = NULL}};

struct domain {
  size_t dim;
  bool reflects;
  double *low, *high;
  struct sde_projection projection;
};

/* Set a bound of all coordinates from one number, or from one each. */
static bool set_bound(const struct parameters *parameters, const char *key, size_t dim,
                      double *bound, struct sde_status *status)
{
  size_t count;
  if (!parameters_has(parameters, key))
    return true;
  const double *given = parameters_reals(parameters, key, &count);
  for (size_t i = 0; i < dim; i++)
    bound[i] = given[count == dim ? i : 0];
  return count == 1 || count == dim ||
         sde_fail(status, SDE_INVALID,
                  "%s: %s is %zu numbers; accepted is one, or one for each of %zu coordinates",
                  parameters_place(parameters, key), key, count, dim);
}

static bool set_bounds(const struct parameters *parameters, struct domain *domain,
                       struct sde_status *status)
{
  bool box = parameters_has(parameters, "box"), low = parameters_has(parameters, "low");
  bool high = parameters_has(parameters, "high");
  const char *place = parameters_place(parameters, box    ? "box"
                                                   : low  ? "low"
                                                   : high ? "high"
                                                          : "boundary");
  if (box == (low || high))
    return sde_fail(status, SDE_INVALID, "%s: a domain needs box: [lo, hi], or low, high or both%s",
                    place, box ? ", not box besides" : "");
  if (!box)
    return set_bound(parameters, "low", domain->dim, domain->low, status) &&
           set_bound(parameters, "high", domain->dim, domain->high, status);
  size_t count;
  const double *given = parameters_reals(parameters, "box", &count);
  for (size_t i = 0; count == 2 && i < domain->dim; i++) {
    domain->low[i] = given[0];
    domain->high[i] = given[1];
  }
  return count == 2 ||
         sde_fail(status, SDE_INVALID,
                  "%s: box is %zu numbers; accepted is [lo, hi] of every coordinate, or low and "
                  "high with one for each",
                  place, count);
}

static bool is_filled(const struct parameters *parameters, const struct domain *domain,
                      const double *start, struct sde_status *status)
{
  const char *place = parameters_place(parameters, parameters_has(parameters, "box")   ? "box"
                                                   : parameters_has(parameters, "low") ? "low"
                                                                                       : "high");
  for (size_t i = 0; i < domain->dim; i++) {
    if (!(domain->low[i] < domain->high[i]))
      return sde_fail(status, SDE_INVALID,
                      "%s: coordinate %zu has bounds %g and %g; the lower must be below the upper",
                      place, i + 1, domain->low[i], domain->high[i]);
    if (!(start[i] >= domain->low[i] && start[i] <= domain->high[i]))
      return sde_fail(
          status, SDE_INVALID,
          "%s: coordinate %zu starts at %g, outside the box from %g to %g; the start must "
          "be inside",
          place, i + 1, start[i], domain->low[i], domain->high[i]);
  }
  return true;
}

static void project(const void *context, size_t width, double *x)
{
  domain_apply(context, width, x);
}

struct domain *domain_new(const struct parameters *parameters, size_t dim, const double *start,
                          struct sde_status *status)
{
  struct domain *domain = sde_alloc(1, sizeof *domain);
  *domain =
      (struct domain){.dim = dim,
                      .reflects = strcmp(parameters_text(parameters, "boundary"), "reflect") == 0,
                      .low = sde_alloc(dim, sizeof(double)),
                      .high = sde_alloc(dim, sizeof(double)),
                      .projection = {domain, project}};
  for (size_t i = 0; i < dim; i++) {
    domain->low[i] = -INFINITY;
    domain->high[i] = INFINITY;
  }
  if (set_bounds(parameters, domain, status) && is_filled(parameters, domain, start, status))
    return domain;
  domain_free(domain);
  return NULL;
}

void domain_free(struct domain *domain)
{
  if (domain == NULL)
    return;
  sde_free(domain->low);
  sde_free(domain->high);
  sde_free(domain);
}

bool domain_reflects(const struct domain *domain)
{
  return domain->reflects;
}

/* Fold a number back at the faces, as often as it takes: period twice the length, w = u - 2
 * floor(u/2), then min(w, 2 - w). */
static double folded(double x, double low, double high)
{
  if (isinf(low) && isinf(high))
    return x;
  if (isinf(high))
    return low + fabs(x - low);
  if (isinf(low))
    return high - fabs(high - x);
  double length = high - low, u = (x - low) / length, w = u - 2 * floor(u / 2);
  return low + length * fmin(w, 2 - w);
}

/* A number that is none stays so. */
void domain_apply(const struct domain *domain, size_t width, double *x)
{
  for (size_t i = 0; i < domain->dim; i++) {
    double low = domain->low[i], high = domain->high[i], *row = x + i * width;
    for (size_t p = 0; p < width; p++) {
      if (!(row[p] < low) && !(row[p] > high))
        continue;
      row[p] = domain->reflects ? folded(row[p], low, high) : row[p] < low ? low : high;
    }
  }
}

const struct sde_projection *domain_projection(const struct domain *domain)
{
  return domain == NULL ? NULL : &domain->projection;
}
