#include "listing.h"

#include "../common/base64.h"
#include "../shim/exchange.h"
#include "module.h"
#include "pkix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 256, MOST_CERTIFICATES = 512, LARGEST_SPKI = 4096 };

static const char keys_variable[] = "ESTPROV_PKCS11_KEYS";

/* ---- Key pairs ---- */

/* The key of an id: the last one's where it is the same, or a new one. No list names a key twice, however
 * many pages it has: one that does would not end. */
static int key_of(struct listing *listing, const char *id, struct listed_key **key)
{
    struct listed_key *grown;

    for (size_t i = 0; i < listing->key_count; i++) {
        if (strcmp(listing->keys[i].id, id) != 0)
            continue;
        *key = &listing->keys[i];
        return i + 1 == listing->key_count ? 0 : -EPROTO;
    }
    if (listing->key_count == MOST_KEYS)
        return -E2BIG;
    grown = realloc(listing->keys, (listing->key_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    listing->keys = grown;
    grown += listing->key_count++;
    memset(grown, 0, sizeof(*grown));
    memcpy(grown->id, id, strlen(id) + 1);
    *key = grown;
    return 0;
}

static int no_place(struct estprov *context, int error, const char *id)
{
    if (error == -E2BIG)
        return fail(context, error, "there are more than %d keys: %s and those after it are not offered",
                    MOST_KEYS, id);
    return fail(context, error, "%s stands twice in %s, or there is no memory", id,
                secure_getenv(keys_variable) == NULL ? "the list of the Key Service" : keys_variable);
}

/* A pair of a kind that this module knows; others are passed over, as later versions may have more. */
static int add_pair(struct listed_key *key, bool current, const char *handle, const void *spki, size_t size)
{
    const struct span whole = {spki, size};
    struct pair *const pair = &key->pairs[key->pair_count];
    struct public_key public_key;

    if (key->pair_count == MOST_PAIRS || size > LARGEST_SPKI || !read_public_key(&whole, &public_key))
        return 0;
    pair->handle = strdup(handle);
    pair->spki.bytes = malloc(size);
    key->pair_count++;
    if (pair->handle == NULL || pair->spki.bytes == NULL)
        return -ENOMEM;
    memcpy(pair->spki.bytes, spki, size);
    pair->spki.size = size;
    pair->current = current;
    return 0;
}

static int take_spki(const struct json *entry, struct listed_key *key, bool current, const char *handle)
{
    const struct json value = json_member(entry, "spki");
    char *const text = malloc(value.length + 1);
    size_t length;
    ssize_t size = -1;
    int error = -EPROTO;

    if (text == NULL)
        return -ENOMEM;
    if (json_text(&value, text, value.length + 1, &length) == 0)
        size = base64_decode(text, length, text);
    if (size > 0)
        error = add_pair(key, current, handle, text, (size_t)size);
    free(text);
    return error;
}

static int take_entry(struct estprov *context, const struct json *entry, struct listing *listing)
{
    char id[ID_LONGEST + 1];
    char state[16];
    char handle[HANDLE_LONGEST + 1];
    char words[200];
    struct listed_key *key;
    int error = reply_text(context, entry, "keyId", id, sizeof(id));

    if (error == 0)
        error = reply_text(context, entry, "state", state, sizeof(state));
    if (error == 0)
        error = reply_optional(context, entry, "keyHandle", handle, sizeof(handle));
    if (error != 0)
        return error;
    error = key_of(listing, id, &key);
    if (error != 0)
        return no_place(context, error, id);
    if (handle[0] != '\0') {
        error = take_spki(entry, key, strcmp(state, "current") == 0, handle);
        return error == 0 ? 0 : fail(context, error, "the list of the Key Service has no key under %s", id);
    }
    key->unknown = true;
    shown(entry, "message", words, sizeof(words));
    (void)fail(context, -EAGAIN, "the key %s cannot be looked at: %s", id, words);
    (void)told(context, -EAGAIN);
    return 0;
}

static int ask_page(struct estprov *context, struct listing *listing, bool *more)
{
    struct json answer;
    struct json list = {JSON_NONE, NULL, 0};
    struct json entry;
    struct json word;
    size_t from = 0;
    int error;

    *more = false;
    call_begin(context);
    (void)target_begin(context, ESTPROV_KEYD, "/keypairs", NULL);
    if (listing->key_count > 0)
        target_query(context, "after", listing->keys[listing->key_count - 1].id);
    error = exchange(context, &(struct exchange){.daemon = ESTPROV_KEYD, .method = "GET"});
    if (error == 0)
        error = reply_json(context, &answer);
    if (error != 0)
        return error;
    list = json_member(&answer, "keypairs");
    if (list.type != JSON_ARRAY)
        return fail(context, -EPROTO, "the answer of the Key Service has no list of key pairs");
    while ((entry = json_next(&list, &from)).type != JSON_NONE) {
        error = take_entry(context, &entry, listing);
        if (error != 0)
            return error;
    }
    word = json_member(&answer, "more");
    *more = word.type == JSON_WORD && word.at[0] == 't' && from > 0;
    return 0;
}

static int ask_all_keys(struct estprov *context, struct listing *listing)
{
    bool more = true;
    int error = 0;

    while (more && error == 0) {
        const size_t before = listing->key_count;

        error = ask_page(context, listing, &more);
        /* A page that brings nothing would be asked for again and again. */
        more = more && listing->key_count > before;
    }
    return error;
}

/* One key that the environment names. What keyd refuses of it is an error: it is missed. */
static int ask_key(struct estprov *context, struct listing *listing, const char *id)
{
    char handle[HANDLE_LONGEST + 1];
    const char *body;
    size_t length;
    struct listed_key *key;
    int error;

    call_begin(context);
    (void)target_begin(context, ESTPROV_KEYD, "/publickey", NULL);
    target_query(context, "id", id);
    error = exchange(context, &(struct exchange){.daemon = ESTPROV_KEYD, .method = "GET"});
    if (error != 0)
        return error;
    if (context->head.key_handle == NULL || context->head.key_handle_length > HANDLE_LONGEST)
        return fail(context, -EPROTO, "the answer of the Key Service has no handle for %s", id);
    memcpy(handle, context->head.key_handle, context->head.key_handle_length);
    handle[context->head.key_handle_length] = '\0';
    body = reply_body(context, &length);
    error = key_of(listing, id, &key);
    if (error == 0)
        error = add_pair(key, true, handle, body, length);
    return error == 0 ? 0 : no_place(context, error, id);
}

/* Ids with commas between them. */
static int ask_named_keys(struct estprov *context, struct listing *listing, const char *names)
{
    int error = 0;

    while (error == 0 && *names != '\0') {
        const size_t length = strcspn(names, ",");
        char id[ID_LONGEST + 1];

        if (length > ID_LONGEST)
            return fail(context, -ENAMETOOLONG, "%s has an id of more than %d bytes", keys_variable,
                        ID_LONGEST);
        memcpy(id, names, length);
        id[length] = '\0';
        if (length > 0)
            error = ask_key(context, listing, id);
        names += length;
        names += *names == ',' ? 1 : 0;
    }
    return error;
}

/* Some is better than nothing, and is said. */
static int no_more(struct estprov *context, int error)
{
    (void)told(context, error);
    return 0;
}

/* ---- Certificates ---- */

static int want_certificate(struct listing *listing, const char *id, const char *key_id)
{
    struct listed_certificate *grown;

    if (listing->certificate_count == MOST_CERTIFICATES)
        return -E2BIG;
    grown = realloc(listing->certificates, (listing->certificate_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    listing->certificates = grown;
    grown += listing->certificate_count++;
    memset(grown, 0, sizeof(*grown));
    memcpy(grown->id, id, strlen(id) + 1);
    memcpy(grown->key_id, key_id, strlen(key_id) + 1);
    return 0;
}

static bool has_key(const struct listing *listing, const char *id)
{
    for (size_t i = 0; i < listing->key_count; i++)
        if (strcmp(listing->keys[i].id, id) == 0)
            return true;
    return false;
}

/* Certificates whose key has another id than they have themselves. */
static int want_others(struct estprov *context, struct listing *listing)
{
    struct json answer;
    struct json list;
    struct json entry;
    char id[ID_LONGEST + 1];
    char key_id[ID_LONGEST + 1];
    size_t from = 0;
    int error;

    call_begin(context);
    (void)target_begin(context, ESTPROV_CERTD, "/credentials", NULL);
    error = exchange(context, &(struct exchange){.daemon = ESTPROV_CERTD, .method = "GET"});
    if (error == 0)
        error = reply_json(context, &answer);
    if (error != 0)
        return error;
    list = json_member(&answer, "credentials");
    while (error == 0 && (entry = json_next(&list, &from)).type != JSON_NONE)
        if (reply_text(context, &entry, "id", id, sizeof(id)) == 0 &&
            reply_text(context, &entry, "keyId", key_id, sizeof(key_id)) == 0 && strcmp(id, key_id) != 0 &&
            has_key(listing, key_id) && !has_key(listing, id))
            error = want_certificate(listing, id, key_id);
    return error;
}

/* The certificates between the lines of RFC 7468, leaf first. */
static int take_chain(const char *pem, struct listed_certificate *certificate)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    const char *at = pem;

    while (certificate->count < MOST_CHAIN && (at = strstr(at, begin)) != NULL) {
        struct blob *const blob = &certificate->chain[certificate->count];
        const char *stop;
        struct certificate parsed;
        struct span der;
        ssize_t size;

        at += sizeof(begin) - 1;
        stop = strstr(at, end);
        if (stop == NULL)
            return -EPROTO;
        blob->bytes = malloc((size_t)(stop - at) + 1);
        if (blob->bytes == NULL)
            return -ENOMEM;
        certificate->count++;
        size = base64_decode(at, (size_t)(stop - at), blob->bytes);
        blob->size = size > 0 ? (size_t)size : 0;
        der.at = blob->bytes;
        der.length = blob->size;
        if (!read_certificate(&der, &parsed))
            return -EPROTO;
        at = stop;
    }
    return 0;
}

static void drop_chain(struct listed_certificate *certificate)
{
    while (certificate->count > 0)
        free(certificate->chain[--certificate->count].bytes);
}

static int ask_certificate(struct estprov *context, struct listed_certificate *certificate)
{
    struct json answer;
    char *pem;
    size_t length;
    int error;

    call_begin(context);
    error = target_begin(context, ESTPROV_CERTD, "/certificates/", certificate->id);
    if (error == 0)
        error = exchange(context, &(struct exchange){.daemon = ESTPROV_CERTD, .method = "GET"});
    /* certd's own word that there is none; of an absent certd there is no code. */
    if (error == -ENOENT && context->code[0] != '\0')
        return 0;
    if (error == 0)
        error = reply_json(context, &answer);
    if (error == 0)
        error = reply_in_place(context, &answer, "pem", &pem, &length);
    if (error == 0)
        error = take_chain(pem, certificate);
    if (error != 0)
        drop_chain(certificate);
    return error;
}

static int ask_certificates(struct estprov *context, struct listing *listing)
{
    bool away = false;
    int error = 0;

    for (size_t i = 0; error == 0 && i < listing->key_count; i++)
        error = want_certificate(listing, listing->keys[i].id, listing->keys[i].id);
    if (error != 0 || listing->key_count == 0)
        return error;
    error = want_others(context, listing);
    if (error == -ENOMEM)
        return error;
    if (error == -E2BIG)
        error =
            no_more(context, fail(context, error, "there are more than %d certificates: some are not offered",
                                  MOST_CERTIFICATES));
    away = error != 0 && context->code[0] == '\0';
    if (error != 0)
        (void)told(context, error);
    for (size_t i = 0; i < listing->certificate_count; i++) {
        error = away ? -EAGAIN : ask_certificate(context, &listing->certificates[i]);
        listing->certificates[i].unknown = error != 0;
        if (error == -ENOMEM)
            return error;
        if (error == 0 || away)
            continue;
        /* Who is not there is waited for once, and not once for each id. */
        away = context->code[0] == '\0' && error != -EPROTO;
        (void)told(context, error);
    }
    return 0;
}

int listing_ask(struct estprov *context, struct listing *listing)
{
    const char *const names = secure_getenv(keys_variable);
    int error;

    memset(listing, 0, sizeof(*listing));
    error = names == NULL ? ask_all_keys(context, listing) : ask_named_keys(context, listing, names);
    if (error == -E2BIG)
        error = no_more(context, error);
    if (error == -EACCES && context->code[0] == '\0') {
        /* Every program of the machine may load this module, also those whose users are not in the sockets'
         * group. */
        (void)told(context, error);
        return 0;
    }
    return error == 0 ? ask_certificates(context, listing) : error;
}

void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->key_count; i++)
        for (int at = 0; at < listing->keys[i].pair_count; at++) {
            free(listing->keys[i].pairs[at].handle);
            free(listing->keys[i].pairs[at].spki.bytes);
        }
    for (size_t i = 0; i < listing->certificate_count; i++)
        drop_chain(&listing->certificates[i]);
    free(listing->keys);
    free(listing->certificates);
    memset(listing, 0, sizeof(*listing));
}
