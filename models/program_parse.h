/*
 * The parser of programs: lines to nodes of the graph. Private to the files of program.h.
 */
#ifndef MODELS_PROGRAM_PARSE_H
#define MODELS_PROGRAM_PARSE_H

#include "models/program_graph.h"

/* Read all lines into the program, whose vectors are there; false, and the status says why. */
bool program_parse(struct program *program, const struct program_source *source,
                   struct sde_status *status);

#endif
