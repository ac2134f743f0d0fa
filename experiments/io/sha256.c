/*
 * SHA-256 by libmd: see sha256.h.
 */
#include "experiments/io/sha256.h"

#include <sys/types.h>

#include <sha256.h>

_Static_assert(SHA256_HEX_SIZE == SHA256_DIGEST_STRING_LENGTH, "libmd writes as much");

void sha256_bytes(size_t length, const char *bytes, char hex[SHA256_HEX_SIZE])
{
  SHA256Data((const uint8_t *)bytes, length, hex);
}

bool sha256_of_file(const char *path, char hex[SHA256_HEX_SIZE])
{
  return SHA256File(path, hex) != NULL;
}
