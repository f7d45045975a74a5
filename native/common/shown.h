#ifndef ESTPROV_SHOWN_H
#define ESTPROV_SHOWN_H

#include "json.h"

/* A member that is a text, for one line of a log: cut to size where it is longer, blanks for control
 * characters. Empty where there is none. size is at least 8. */
void shown(const struct json *object, const char *name, char *out, size_t size);

#endif
