/*
 * JSON: texts of any bytes. jansson answers what is not UTF-8 with NULL, and a file name, a host
 * name or a sentence that quotes one need not be UTF-8.
 */
#ifndef EXPERIMENTS_IO_JSON_H
#define EXPERIMENTS_IO_JSON_H

#include <jansson.h>

/* A text as JSON, made UTF-8 first (text_utf8); never NULL. For json_pack's "o". */
json_t *json_text(const char *text);

#endif
