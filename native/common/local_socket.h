#ifndef ESTPROV_LOCAL_SOCKET_H
#define ESTPROV_LOCAL_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Unix sockets of daemons. What fails returns a negative errno; EINTR never comes out. Needs libc only. */

/* CLOCK_MONOTONIC in milliseconds. Deadlines are such times. */
int64_t local_now(void);

/* Sleeps, unless the deadline comes first: -ETIMEDOUT then. */
int local_pause(int milliseconds, int64_t deadline);

/* A connected, non-blocking, close-on-exec socket. -EAGAIN: the listener's queue is full; -ENAMETOOLONG. It
 * stands in *descriptor as soon as it exists, so that a cancelled thread's cleanup finds it; -1 after an
 * error. */
int local_connect(const char *path, int *descriptor);

/* The user of the process that listens. */
int local_peer(int descriptor, uid_t *uid);

/* Looks a user up, in room of the caller's. -ENOENT: there is none; -ERANGE: the room is too small;
 * else what kept it from being looked up. */
int local_find_user(const char *name, char *room, size_t size, uid_t *uid);

/* Until one of the events of poll(2), at most until the deadline: -ETIMEDOUT. */
int local_wait(int descriptor, short events, int64_t deadline);

/* Sends all of it, and raises no signal. */
int local_send(int descriptor, const void *data, size_t length, int64_t deadline);

/* What there is, 1 to size bytes; 0 at the end of the stream. */
ssize_t local_receive(int descriptor, void *data, size_t size, int64_t deadline);

#endif
