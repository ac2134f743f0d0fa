/*
 * Domains: boxes that paths stay in. After each step of the iterates, and of a scheme, what has
 * left the box is folded back at its faces (reflect) or moved to the nearest point of it (project:
 * projected SGD). A reflected SDE is dX = a dt + B dW + dL, L the local time that pushes inwards at
 * the faces. theory.md section 10.
 */
#ifndef MODELS_DOMAIN_H
#define MODELS_DOMAIN_H

#include "models/parameters.h"
#include "sde/process.h"

/* The keys of `domain:`. */
extern const struct parameter_key domain_keys[];

struct domain;

/* The domain of these parameters for states of which the first dim coordinates are x, which starts
 * at `start`, dim numbers. NULL, and the status says why: bounds that are not one, or one for each
 * coordinate, an empty box, a start outside. */
struct domain *domain_new(const struct parameters *parameters, size_t dim, const double *start,
                          struct sde_status *status);
void domain_free(struct domain *domain);

/* Are paths folded back, or else clipped? */
bool domain_reflects(const struct domain *domain);

/* Move x[i*width + p] back into the box. */
void domain_apply(const struct domain *domain, size_t width, double *x);

/* The same as what a solution does after each step; it stands in the domain. */
const struct sde_projection *domain_projection(const struct domain *domain);

#endif
