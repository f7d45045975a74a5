#ifndef ESTPROV_FAKE_DAEMON_H
#define ESTPROV_FAKE_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A daemon on a real socket whose answers are scripted, byte for byte. Each connection has a thread. */

enum { FAKE_CONNECTIONS = 2048, FAKE_SCRIPT = 16, FAKE_REQUEST = 160 * 1024 };

/* In place of an answer: hang up; say nothing until the client gives up. */
extern const char fake_hang_up[];
extern const char fake_silence[];

struct fake_daemon {
    char path[120];
    int listener;
    int stop[2];
    pthread_t thread;
    pthread_t connections[FAKE_CONNECTIONS];
    int connection_count;
    pthread_mutex_t mutex;
    const char *script[FAKE_SCRIPT];  /* the next answers */
    const char *matches[FAKE_SCRIPT]; /* in the requests that they are for; NULL: any */
    int script_length;
    const char *otherwise; /* when the script is at its end; NULL: 404 */
    char *request;         /* the last one */
    atomic_int requests;
    atomic_int accepted;
    atomic_int pause_ms; /* between the bytes of an answer */
    atomic_bool closes;  /* hangs up after each answer, without saying so */
    atomic_char zero;    /* goes out as a zero byte, which an answer's text cannot have; 0: none */
};

/* A new folder for sockets; valid until the next call. */
const char *fake_folder(void);

/* name: such as "keyd". */
struct fake_daemon *fake_start(const char *folder, const char *name);
void fake_stop(struct fake_daemon *fake);

/* Adds an answer to the script. The text must stay. */
void fake_next(struct fake_daemon *fake, const char *answer);
/* For the next request that has this text in it. */
void fake_next_to(struct fake_daemon *fake, const char *match, const char *answer);
void fake_otherwise(struct fake_daemon *fake, const char *answer);
/* Answers of the script that are still to come. */
int fake_left(struct fake_daemon *fake);

/* Whole answers with a JSON body; they stay until the end. */
const char *fake_json(const char *status, const char *body);
const char *fake_ok(const char *body);

/* The last request; valid until the next. */
const char *fake_request(struct fake_daemon *fake);

#endif
