/*
 * Levy areas: see levy_area.h.
 */
#include "sde/levy_area.h"
