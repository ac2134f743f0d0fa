/*
 * Rows that are held out of a table, which are not learnt from: those of a file of their own, or a
 * fraction that a seed draws. They stand behind the others, which keep their order.
 */
#ifndef MODELS_DATA_HELD_OUT_H
#define MODELS_DATA_HELD_OUT_H

#include "models/data.h"

/* Hold out what the keys test_data and holdout of format->held_out say, of a table with the columns
 * `wanted`. False, and the status says why. */
bool data_hold_out(struct data_table *table, const struct data_format *format,
                   const struct data_wanted *wanted, struct sde_status *status);

#endif
