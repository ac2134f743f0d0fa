/*
 * SHA-256 checksums in hexadecimal, of texts and files; a thin layer on libmd.
 */
#ifndef EXPERIMENTS_IO_SHA256_H
#define EXPERIMENTS_IO_SHA256_H

#include <stdbool.h>
#include <stddef.h>

enum { SHA256_HEX_SIZE = 65 }; /* 64 digits and the closing zero */

/* The checksum of length bytes. */
void sha256_bytes(size_t length, const char *bytes, char hex[SHA256_HEX_SIZE]);

/* The hash of a file's bytes; false, and errno says why, where it cannot be read. */
bool sha256_of_file(const char *path, char hex[SHA256_HEX_SIZE]);

#endif
