/*
 * What the referee makes of its measurements: to which powers of eta and rho drift and diffusion
 * agree, and a sentence for each SDE.
 */
#ifndef EXPERIMENTS_STUDIES_REFEREE_JUDGE_H
#define EXPERIMENTS_STUDIES_REFEREE_JUDGE_H

#include "analysis/referee.h"
#include "experiments/cases/case.h"
#include "experiments/results/results.h"

/* The power with which a mismatch falls as eta or rho does, NAN where there is none to fall, with
 * the spread of its local slopes; and does it vanish? */
struct referee_power {
  double power, se;
  enum holds vanishes;
};

/* From the relative mismatches at one, a half and a quarter. */
struct referee_power referee_power_of(double whole, double half, double quarter);

enum { REFEREE_MISSING_MOST = 3 };

/* What was measured of one SDE: of the drift and of the diffusion, against eta and against rho. */
struct referee_evidence {
  const struct run_case *one;
  size_t sde;
  double relative[2];
  struct referee_power power[2][2];
  size_t count, collinear;
  struct referee_missing missing[REFEREE_MISSING_MOST];
  double trace_ratio;
};

/* Is the drift's mismatch of first order, so that a term may be lacking? And is what was found to
 * be named: does it explain all but a tenth, with intervals that exclude 0? */
bool referee_lacks_first_order(const struct referee_evidence *evidence);
bool referee_is_named(const struct referee_evidence *evidence);

/* A verdict on the drift, and one on the diffusion. */
void referee_judge(struct results *results, const struct referee_evidence *evidence);

#endif
