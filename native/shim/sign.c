#include "key.h"

#include <errno.h>
#include <string.h>

static const char octets[] = "application/octet-stream";

static const char algorithms[][10] = {
    [ESTPROV_ECDSA] = "ECDSA",
    [ESTPROV_RSA_PKCS1] = "RSA-PKCS1",
    [ESTPROV_RSA_PSS] = "RSA-PSS",
    [ESTPROV_EDDSA] = "EdDSA",
};

static const char *hash_of(size_t digest_size)
{
    switch (digest_size) {
    case 32:
        return "sha256";
    case 48:
        return "sha384";
    case 64:
        return "sha512";
    default:
        return NULL;
    }
}

/* POST /sign with raw bytes both ways. hash may be NULL. */
static int sign_by(struct estprov *context, const struct key *key, const char *algorithm, const char *hash,
                   const void *input, size_t input_size)
{
    (void)target_begin(context, ESTPROV_KEYD, "/sign", NULL);
    target_query(context, "handle", key->handle);
    target_query(context, "algorithm", algorithm);
    if (hash != NULL)
        target_query(context, "hash", hash);
    buffer_add(&context->body, input, input_size);
    return exchange(context,
                    &(struct exchange){.daemon = ESTPROV_KEYD, .method = "POST", .media_type = octets});
}

static int sign_with(struct estprov *context, const char *name, bool symmetric, const char *algorithm,
                     const char *hash, const void *input, size_t input_size)
{
    struct key key;
    int error = check_size(context, ESTPROV_KEYD, input_size);

    if (error == 0)
        error = key_find(context, name, symmetric, &key);
    if (error != 0)
        return error;
    error = sign_by(context, &key, algorithm, hash, input, input_size);
    if (!key_is_void(context, &key, error))
        return error;
    error = key_find(context, name, symmetric, &key);
    return error == 0 ? sign_by(context, &key, algorithm, hash, input, input_size) : error;
}

int estprov_sign(struct estprov *context, const char *key, enum estprov_algorithm algorithm,
                 const void *digest, size_t digest_size, void *signature, size_t *size)
{
    const char *const hash = hash_of(digest_size);
    const char *answer;
    size_t length;
    int error;

    call_begin(context);
    if ((unsigned int)algorithm > ESTPROV_EDDSA)
        return fail(context, -EINVAL, "the algorithm %d is unknown", (int)algorithm);
    if (hash == NULL && algorithm != ESTPROV_EDDSA)
        return fail(context, -EINVAL, "a digest of %zu bytes is none of SHA-256, SHA-384, SHA-512",
                    digest_size);
    error = sign_with(context, key, false, algorithms[algorithm], algorithm == ESTPROV_EDDSA ? NULL : hash,
                      digest, digest_size);
    if (error != 0)
        return error;
    answer = reply_body(context, &length);
    if (length == 0)
        return fail(context, -EPROTO, "the answer of the Key Service has no signature");
    return give(context, answer, length, signature, size);
}

int make_mac(struct estprov *context, const char *key, const void *message, size_t size,
             uint8_t mac[ESTPROV_MAC_SIZE])
{
    const char *answer;
    size_t length;
    const int error = sign_with(context, key, true, "HMAC-SHA256", NULL, message, size);

    if (error != 0)
        return error;
    answer = reply_body(context, &length);
    if (length != ESTPROV_MAC_SIZE)
        return fail(context, -EPROTO, "the answer of the Key Service has a MAC of %zu bytes", length);
    memcpy(mac, answer, ESTPROV_MAC_SIZE);
    return 0;
}

int estprov_hmac(struct estprov *context, const char *key, const void *message, size_t message_size,
                 uint8_t mac[ESTPROV_MAC_SIZE])
{
    call_begin(context);
    return make_mac(context, key, message, message_size, mac);
}
