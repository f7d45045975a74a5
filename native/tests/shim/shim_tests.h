#ifndef ESTPROV_SHIM_TESTS_H
#define ESTPROV_SHIM_TESTS_H

#include "estprov.h"
#include "fake_daemon.h"

#include <stdbool.h>
#include <sys/types.h>

void test_json(void);
void test_texts(void);
void test_calls(void);
void test_sas(void);
void test_connection(void);
void test_hostile(void);
void test_processes(void);
void test_watch(void);

/* One fake of each daemon, and a context for them. */
struct world {
    struct fake_daemon *keyd;
    struct fake_daemon *certd;
    struct fake_daemon *identityd;
    struct estprov *context;
    char folder[40];
};

void world_open(struct world *world, int timeout_ms);
void world_close(struct world *world);

/* What stands in place of libc (--wrap), for the calling thread. */
extern __thread long pretended_uid;  /* of the peer, or -1 */
extern __thread long pretended_self; /* our own, or -1 */
extern __thread int root_answers;    /* so many times uid 0 is the peer first */
extern __thread int last_socket_type;
extern __thread int last_send_flags;
extern __thread int resume_interrupted; /* so many recv and send say EINTR first */
extern __thread int allocations_left;   /* then there is no memory; -1: always */
extern __thread int failing_epoll;      /* 1: epoll_create1, 2: timerfd_create, 3: epoll_ctl */
extern __thread int short_passwd;       /* so many times getpwnam_r wants more room */
extern __thread int failing_passwd;     /* 0, or the error of getpwnam_r; ESRCH: it knows no such user */

/* Milliseconds for what is sure to come, however slow the machine, or valgrind. Nothing waits for its end. */
enum { PLENTY = 120000 };

int open_descriptors(void);
long milliseconds(void);

/* Whether the last request gets this text in it, within PLENTY. */
bool requested_soon(struct fake_daemon *fake, const char *text);

#endif
