#include "key.h"

#include <errno.h>

enum { IV_LONGEST = 128 };

/* What goes into one request: encrypt or decrypt, plaintext or ciphertext. */
struct cipher {
    const char *path;
    const char *input_name;
    const char *output_name;
    const void *iv;
    size_t iv_size;
    const void *aad;
    size_t aad_size;
    const void *input;
    size_t input_size;
};

static int cipher_by(struct estprov *context, const struct key *key, const struct cipher *what)
{
    struct buffer *const body = &context->body;

    (void)target_begin(context, ESTPROV_KEYD, what->path, NULL);
    buffer_text(body, "{\"keyHandle\":");
    buffer_json(body, key->handle);
    buffer_text(body, ",\"algorithm\":\"AEAD\",\"parameters\":{\"iv\":\"");
    buffer_base64(body, what->iv, what->iv_size);
    buffer_text(body, "\",\"aad\":\"");
    buffer_base64(body, what->aad, what->aad_size);
    buffer_text(body, "\"},\"");
    buffer_text(body, what->input_name);
    buffer_text(body, "\":\"");
    buffer_base64(body, what->input, what->input_size);
    buffer_text(body, "\"}");
    return exchange(context, &(struct exchange){.daemon = ESTPROV_KEYD, .method = "POST", .secret = true});
}

static int cipher_with(struct estprov *context, const char *name, const struct cipher *what, void *output,
                       size_t *size)
{
    struct json answer;
    struct key key;
    char *bytes;
    size_t length;
    int error;

    call_begin(context);
    if (what->iv_size < 1 || what->iv_size > IV_LONGEST)
        return fail(context, -EINVAL, "an iv has 1 to %d bytes, not %zu", IV_LONGEST, what->iv_size);
    error = check_size(context, ESTPROV_KEYD, what->input_size);
    if (error == 0)
        error = check_size(context, ESTPROV_KEYD, what->aad_size);
    if (error == 0)
        error = key_find(context, name, true, &key);
    if (error == 0) {
        error = cipher_by(context, &key, what);
        if (key_is_void(context, &key, error)) {
            error = key_find(context, name, true, &key);
            if (error == 0)
                error = cipher_by(context, &key, what);
        }
    }
    if (error == 0)
        error = reply_json(context, &answer);
    if (error == 0)
        error = reply_bytes(context, &answer, what->output_name, &bytes, &length);
    if (error == 0)
        error = give(context, bytes, length, output, size);
    buffer_wipe(&context->reply);
    return error;
}

int estprov_encrypt(struct estprov *context, const char *key, const void *iv, size_t iv_size, const void *aad,
                    size_t aad_size, const void *plaintext, size_t plaintext_size, void *ciphertext,
                    size_t *size)
{
    return cipher_with(context, key,
                       &(struct cipher){"/encrypt", "plaintext", "ciphertext", iv, iv_size, aad, aad_size,
                                        plaintext, plaintext_size},
                       ciphertext, size);
}

int estprov_decrypt(struct estprov *context, const char *key, const void *iv, size_t iv_size, const void *aad,
                    size_t aad_size, const void *ciphertext, size_t ciphertext_size, void *plaintext,
                    size_t *size)
{
    return cipher_with(context, key,
                       &(struct cipher){"/decrypt", "ciphertext", "plaintext", iv, iv_size, aad, aad_size,
                                        ciphertext, ciphertext_size},
                       plaintext, size);
}
