#ifndef ESTPROV_BASE64_H
#define ESTPROV_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* RFC 4648 section 4, with padding. */

/* The characters that encode so many bytes, without a zero byte. */
size_t base64_length(size_t bytes);

/* Writes base64_length(size) characters. */
void base64_encode(const void *data, size_t size, char *out);

/* Strict, but for blanks and line ends between (PEM). out may be text itself, and NULL to learn the length
 * only. The number of bytes, or -1. */
ssize_t base64_decode(const char *text, size_t length, void *out);

#endif
