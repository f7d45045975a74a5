#ifndef ESTPROV_KEY_H
#define ESTPROV_KEY_H

#include "exchange.h"

/* A key as callers name it: a handle, or "id=" and an id, whose handle keyd is asked for once and then kept.
 */
struct key {
    const char *handle;
    bool by_id; /* the handle is a kept one, and may have become void */
};

int key_find(struct estprov *context, const char *name, bool symmetric, struct key *key);

/* Whether the request failed since a kept handle is void (keyd lost what it authenticates handles with): then
 * it is forgotten, and another attempt finds a new one. */
bool key_is_void(struct estprov *context, const struct key *key, int error);

/* HMAC-SHA256, within a call that has begun. */
int make_mac(struct estprov *context, const char *key, const void *message, size_t size,
             uint8_t mac[ESTPROV_MAC_SIZE]);

#endif
