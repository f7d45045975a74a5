#ifndef ESTPROV_PKCS11_LISTING_H
#define ESTPROV_PKCS11_LISTING_H

#include "../shim/context.h"

#include <stdbool.h>
#include <stddef.h>

/* What the daemons have for this caller: key pairs that he may use, and the certificates of their ids. */

enum { MOST_PAIRS = 3, MOST_CHAIN = 8 };

struct blob {
    unsigned char *bytes;
    size_t size;
};

struct pair {
    bool current;
    char *handle; /* of this very pair */
    struct blob spki;
};

struct listed_key {
    char id[ID_LONGEST + 1];
    bool unknown; /* keyd cannot look at it now */
    int pair_count;
    struct pair pairs[MOST_PAIRS];
};

struct listed_certificate {
    char id[ID_LONGEST + 1];
    char key_id[ID_LONGEST + 1];
    bool unknown; /* certd could not be asked */
    int count;    /* leaf first; 0: there is none */
    struct blob chain[MOST_CHAIN];
};

struct listing {
    struct listed_key *keys;
    size_t key_count;
    struct listed_certificate *certificates;
    size_t certificate_count;
};

/* Asks both. 0, or what keeps keyd from telling. certd's absence only makes certificates unknown, and a
 * caller who may not even connect to keyd has no keys. */
int listing_ask(struct estprov *context, struct listing *listing);

void listing_free(struct listing *listing);

#endif
