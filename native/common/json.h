#ifndef ESTPROV_JSON_H
#define ESTPROV_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads JSON (RFC 8259) where it lies, without memory of its own. The text is checked whole once; what is
 * looked up afterwards points into it. */

enum json_type { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_WORD };

struct json {
    enum json_type type;
    const char *at; /* of a string: behind its opening quote */
    size_t length;  /* of a string: without its quotes */
};

/* The whole text as one value; JSON_NONE where it is malformed, nested more than 16 deep, or no UTF-8. */
struct json json_parse(const char *text, size_t length);

/* A member of an object; JSON_NONE where there is none, or this is no object. The first one of its name
 * counts. */
struct json json_member(const struct json *object, const char *name);

/* The elements of an array in turn: *from is 0 at first. JSON_NONE after the last. */
struct json json_next(const struct json *array, size_t *from);

/* A string, unescaped, as UTF-8 with a zero byte behind it. 0; -EPROTO: it is no string, or has a zero in it;
 * -ERANGE: it does not fit. *length may be NULL. */
int json_text(const struct json *value, char *out, size_t size, size_t *length);

/* A whole number from 0 to 2^63-1. */
bool json_number(const struct json *value, int64_t *out);

#endif
