#ifndef ESTPROV_UNIX_SOCKET_H
#define ESTPROV_UNIX_SOCKET_H

#include "problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A deadline of CLOCK_MONOTONIC in milliseconds, timeout_ms from now. */
int64_t socket_deadline(int timeout_ms);

/* A connected, non-blocking, close-on-exec socket whose peer has been checked; -1 with a problem. */
int socket_open(const char *path, const char *server_user, int64_t deadline, struct problem *problem);

bool socket_send(int descriptor, const void *data, size_t length, int64_t deadline, struct problem *problem);

/* Receives 1 to size bytes; *got is 0 at the end of the stream. */
bool socket_receive(int descriptor, void *data, size_t size, size_t *got, int64_t deadline,
                    struct problem *problem);

#endif
