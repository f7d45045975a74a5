#ifndef ESTPROV_KEY_H
#define ESTPROV_KEY_H

#include "provider.h"
#include "uri.h"

#include <openssl/evp.h>
#include <stdbool.h>

/* A key as OpenSSL holds it: the public part, and the name under which the Key Service signs. Never changes
 * once made. */
struct key {
    atomic_int references;
    struct provider *provider;
    bool rsa;         /* else EC */
    EVP_PKEY *public; /* in the inner library context; NULL until imported */
    char *handle;     /* NULL: only a public key */
    char *socket;
    char *uri; /* what a reference to it says */
};

struct key *key_new(struct provider *provider, bool rsa);
struct key *key_share(struct key *key);
void key_free(struct key *key);

struct keyd_public;

/* The key that the Key Service described. NULL with the error on OpenSSL's queue. */
struct key *key_of_public(struct provider *provider, const struct keyd_public *found);

/* Hands the key over, to a store's or a decoder's callback. */
int key_deliver(struct key *key, OSSL_CALLBACK *callback, void *argument);

/* Asks the Key Service once. NULL with the error on OpenSSL's queue. */
struct key *key_open(struct provider *provider, const struct key_uri *uri);

/* The public part alone, as a new key. */
struct key *key_public_only(struct key *key);

/* "EC" or "RSA". */
const char *key_type_name(const struct key *key);

/* Whether this is a kind of public key that the provider serves; false with the error on OpenSSL's queue. */
bool key_is_supported(const struct provider *provider, EVP_PKEY *public, bool rsa);

#endif
