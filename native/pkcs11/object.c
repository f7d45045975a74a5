#include "object.h"

#include "module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Objects that are not there now, and keep their handles in case they come back. */
enum { MOST_ABSENT = 256 };

struct objects {
    struct object *all;
    size_t count;
    size_t room;
    bool failed; /* no memory */
};

static struct {
    struct objects now;
    CK_OBJECT_HANDLE last;
    unsigned long asked;   /* numbers of the refreshes that have begun, */
    unsigned long applied; /* and of the newest that has told what there is */
} token;

static void drop(struct object *object)
{
    free(object->der.bytes);
    free(object->key_handle);
    object->der.bytes = NULL;
    object->key_handle = NULL;
}

static void objects_free(struct objects *objects)
{
    while (objects->count > 0)
        drop(&objects->all[--objects->count]);
    free(objects->all);
    memset(objects, 0, sizeof(*objects));
}

static struct object *grow(struct objects *objects)
{
    if (objects->count == objects->room) {
        const size_t room = objects->room == 0 ? 16 : 2 * objects->room;
        struct object *const grown = realloc(objects->all, room * sizeof(*grown));

        if (grown == NULL) {
            objects->failed = true;
            return NULL;
        }
        objects->all = grown;
        objects->room = room;
    }
    return &objects->all[objects->count++];
}

/* What points into the DER. */
static void parse(struct object *object)
{
    const struct span der = {object->der.bytes, object->der.size};

    /* It has been read before, so that it can be: see listing.c. */
    if (object->class == CKO_CERTIFICATE)
        (void)(read_certificate(&der, &object->certificate) &&
               read_public_key(&object->certificate.spki, &object->key));
    else
        (void)read_public_key(&der, &object->key);
}

static void add(struct objects *objects, CK_OBJECT_CLASS class, const char *id, const char *label,
                const struct blob *der, const char *key_handle)
{
    struct object *const object = grow(objects);

    if (object == NULL)
        return;
    memset(object, 0, sizeof(*object));
    object->class = class;
    memcpy(object->id, id, strlen(id) + 1);
    (void)snprintf(object->label, sizeof(object->label), "%s", label);
    object->der.bytes = malloc(der->size);
    object->der.size = der->size;
    object->key_handle = key_handle == NULL ? NULL : strdup(key_handle);
    if (object->der.bytes == NULL || (key_handle != NULL && object->key_handle == NULL)) {
        objects->failed = true;
        return;
    }
    memcpy(object->der.bytes, der->bytes, der->size);
    parse(object);
}

static bool same_bytes(const struct blob *one, const struct blob *other)
{
    return one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0;
}

/* The same object at another time. A CA's certificate has no id that would stay. */
static bool is_same(const struct object *one, const struct object *other)
{
    if (one->class != other->class || strcmp(one->id, other->id) != 0)
        return false;
    if (one->id[0] == '\0')
        return one->der.bytes != NULL && other->der.bytes != NULL && same_bytes(&one->der, &other->der);
    return strcmp(one->label, other->label) == 0;
}

static bool has(const struct objects *objects, const struct object *object)
{
    for (size_t i = 0; i < objects->count; i++)
        if (is_same(&objects->all[i], object))
            return true;
    return false;
}

static void copy(struct objects *objects, const struct object *object)
{
    if (object->der.bytes != NULL && !has(objects, object))
        add(objects, object->class, object->id, object->label, &object->der, object->key_handle);
}

static const struct object *old_certificate(const struct listed_certificate *certificate)
{
    for (size_t i = 0; i < token.now.count; i++) {
        const struct object *const object = &token.now.all[i];

        if (object->class == CKO_CERTIFICATE && object->der.bytes != NULL &&
            strcmp(object->label, certificate->id) == 0 && strcmp(object->id, certificate->key_id) == 0)
            return object;
    }
    return NULL;
}

/* The key of a certificate, as it is told now or, where certd could not be asked, was told before. */
static bool certified_key(const struct listed_certificate *certificate, struct span *spki)
{
    const struct object *old;
    struct certificate parsed;
    struct span der;

    if (certificate->unknown) {
        old = old_certificate(certificate);
        if (old != NULL)
            *spki = old->certificate.spki;
        return old != NULL;
    }
    if (certificate->count == 0)
        return false;
    der.at = certificate->chain[0].bytes;
    der.length = certificate->chain[0].size;
    if (!read_certificate(&der, &parsed))
        return false;
    *spki = parsed.spki;
    return true;
}

/* While a key is changed, the certificate decides which pair is in use: the one that certd serves has its
 * key. */
static const struct pair *pair_in_use(const struct listing *listing, const struct listed_key *key)
{
    const struct pair *current = NULL;
    struct span spki;

    for (int i = 0; i < key->pair_count; i++)
        if (key->pairs[i].current)
            current = &key->pairs[i];
    for (size_t i = 0; i < listing->certificate_count; i++) {
        if (strcmp(listing->certificates[i].id, key->id) != 0 ||
            !certified_key(&listing->certificates[i], &spki))
            continue;
        for (int at = 0; at < key->pair_count; at++)
            if (span_is(&spki, key->pairs[at].spki.bytes, key->pairs[at].spki.size))
                return &key->pairs[at];
    }
    return current;
}

static void add_authorities(struct objects *fresh, const struct listed_certificate *certificate)
{
    for (int i = 1; i < certificate->count; i++) {
        struct object authority;

        memset(&authority, 0, sizeof(authority));
        authority.class = CKO_CERTIFICATE;
        authority.der = certificate->chain[i];
        (void)snprintf(authority.label, sizeof(authority.label), "%s CA %d", certificate->id, i);
        copy(fresh, &authority);
    }
}

static void add_certificate(struct objects *fresh, const struct listed_certificate *certificate,
                            const struct pair *pair)
{
    struct span spki;

    if (!certified_key(certificate, &spki) || !span_is(&spki, pair->spki.bytes, pair->spki.size))
        return;
    if (certificate->unknown) {
        copy(fresh, old_certificate(certificate));
        for (size_t i = 0; i < token.now.count; i++)
            if (token.now.all[i].id[0] == '\0')
                copy(fresh, &token.now.all[i]);
        return;
    }
    add(fresh, CKO_CERTIFICATE, certificate->key_id, certificate->id, &certificate->chain[0], NULL);
    add_authorities(fresh, certificate);
}

static void add_key(struct objects *fresh, const struct listing *listing, const struct listed_key *key)
{
    const struct pair *const pair = pair_in_use(listing, key);

    if (pair == NULL)
        return;
    add(fresh, CKO_PRIVATE_KEY, key->id, key->id, &pair->spki, pair->handle);
    add(fresh, CKO_PUBLIC_KEY, key->id, key->id, &pair->spki, NULL);
    for (size_t i = 0; i < listing->certificate_count; i++)
        if (strcmp(listing->certificates[i].key_id, key->id) == 0)
            add_certificate(fresh, &listing->certificates[i], pair);
}

static void keep_old(struct objects *fresh, const char *id)
{
    for (size_t i = 0; i < token.now.count; i++)
        if (strcmp(token.now.all[i].id, id) == 0 || token.now.all[i].id[0] == '\0')
            copy(fresh, &token.now.all[i]);
}

/* Each object's handle of before, or a new one; and those of what is not there now. */
static void give_handles(struct objects *fresh)
{
    size_t absent = 0;

    for (size_t i = 0; i < token.now.count; i++) {
        struct object *const old = &token.now.all[i];
        struct object *kept = NULL;

        for (size_t at = 0; kept == NULL && at < fresh->count; at++)
            if (is_same(&fresh->all[at], old))
                kept = &fresh->all[at];
        if (kept == NULL && old->id[0] != '\0' && absent++ < MOST_ABSENT) {
            kept = grow(fresh);
            if (kept == NULL)
                return;
            *kept = *old;
            kept->der.bytes = NULL;
            kept->key_handle = NULL;
        }
        if (kept != NULL)
            kept->handle = old->handle;
    }
    for (size_t i = 0; i < fresh->count; i++)
        if (fresh->all[i].handle == CK_INVALID_HANDLE)
            fresh->all[i].handle = ++token.last;
}

/* All that was told takes the place of what there was, or, without memory, nothing. */
static CK_RV apply(const struct listing *listing)
{
    struct objects fresh = {NULL, 0, 0, false};

    for (size_t i = 0; i < listing->key_count; i++) {
        if (listing->keys[i].unknown)
            keep_old(&fresh, listing->keys[i].id);
        else
            add_key(&fresh, listing, &listing->keys[i]);
    }
    give_handles(&fresh);
    if (fresh.failed) {
        objects_free(&fresh);
        return CKR_HOST_MEMORY;
    }
    objects_free(&token.now);
    token.now = fresh;
    return CKR_OK;
}

static bool any_present(void)
{
    for (size_t i = 0; i < token.now.count; i++)
        if (token.now.all[i].der.bytes != NULL)
            return true;
    return false;
}

CK_RV objects_refresh(void)
{
    struct listing listing;
    struct lease lease;
    unsigned long number;
    CK_RV value = module_enter();
    int error;

    if (value != CKR_OK)
        return value;
    number = ++token.asked;
    (void)module_leave(CKR_OK);
    memset(&listing, 0, sizeof(listing));
    context_borrow(&lease);
    error = lease.context == NULL ? lease.error : listing_ask(lease.context, &listing);
    value = error == 0 ? CKR_OK : told(lease.context, error);
    context_return(&lease);
    if (module_enter() != CKR_OK) {
        listing_free(&listing);
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (error != 0) {
        value = any_present() ? CKR_OK : value;
    } else if (number > token.applied) {
        /* Another thread's may have been quicker. */
        value = apply(&listing);
        token.applied = number;
    }
    listing_free(&listing);
    return module_leave(value);
}

const struct object *object_at(size_t index)
{
    const struct object *const object = &token.now.all[index];

    return object->der.bytes == NULL ? NULL : object;
}

size_t object_count(void)
{
    return token.now.count;
}

const struct object *object_find(CK_OBJECT_HANDLE handle)
{
    for (size_t i = 0; i < token.now.count; i++)
        if (token.now.all[i].handle == handle)
            return object_at(i);
    return NULL;
}

void objects_forget(void)
{
    objects_free(&token.now);
}
