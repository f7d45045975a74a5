#ifndef ESTPROV_FAKE_KEYD_H
#define ESTPROV_FAKE_KEYD_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* A Key Service on a real socket, in a thread, that signs and decrypts with a key in memory, counts, and
 * misbehaves on demand. */

#define FAKE_HANDLE "v1.cGlubmVk~x"
#define FAKE_ID "device id/1"

struct fake_keyd {
    char socket[100];
    EVP_PKEY *key;
    atomic_int reads;
    atomic_int signatures;
    atomic_int decryptions;
    atomic_int connections;
    /* Sent in place of the next answers when not NULL. */
    const char *_Atomic read_answer;
    const char *_Atomic sign_answer; /* and of a decryption */
    atomic_int scripted_left;        /* so many times, or, where it is 0, always */
    atomic_bool silent;              /* take the request and never answer */
    atomic_int dribble;              /* milliseconds between the bytes of an answer */
    int listener;
    int stop[2];
    pthread_t thread;
    char request[4096]; /* the last one */
};

/* type: "EC" with a curve, or "RSA" with bits as text. The caller stops it. */
struct fake_keyd *fake_keyd_start(const char *type, const char *size);
void fake_keyd_stop(struct fake_keyd *fake);

/* `estprov:HANDLE?socket=PATH` of its key; valid until the next call. */
const char *fake_keyd_uri(const struct fake_keyd *fake);

#endif
