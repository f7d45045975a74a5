#ifndef ESTPROV_WATCH_H
#define ESTPROV_WATCH_H

#include "../common/json.h"
#include "context.h"

/*
 * A long poll of GET /changes as a held connection. What the caller polls is an epoll instance, which stays
 * the same while connections come and go: in it are the connection and a timer, for the next attempt or for
 * the answer's time-out.
 */
struct estprov_watch {
    struct estprov *context;
    pid_t owner;
    uid_t user; /* for whom the connection was made */
    enum estprov_daemon daemon;
    int epoll;
    int timer;
    int socket;    /* or -1 */
    int64_t asked; /* when */
    int64_t due;   /* when the timer ends, of CLOCK_MONOTONIC */
    int failures;  /* since the last answer */
    struct buffer target;
    struct buffer request;
    struct buffer reply;
    bool begun;          /* after is a number of the daemon's */
    int64_t after;       /* the last change that was seen */
    bool reread;         /* to be told first */
    struct json changes; /* in reply; those from `from` on are to be told */
    size_t from;
};

/* Takes in an answer that stands whole in watch->reply: what is to be told next, or an errno. */
int watch_take(struct estprov_watch *watch);

/* The next thing to tell; false when there is none. *error is that of a malformed one. */
bool watch_tell(struct estprov_watch *watch, struct estprov_change *change, int *error);

/* Waits for the next change. -ETIMEDOUT when the deadline comes first; then the message is what it was. */
int watch_await(struct estprov_watch *watch, int64_t deadline, struct estprov_change *change);

#endif
