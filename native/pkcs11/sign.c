#include "functions.h"
#include "module.h"
#include "object.h"
#include "session.h"

#include "../shim/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a signature is made of, apart from the session and the objects, which others may change meanwhile. */
struct job {
    CK_OBJECT_HANDLE object;
    const struct mechanism *mechanism;
    CK_KEY_TYPE type;
    size_t unit;
    size_t size; /* of the signature */
    char handle[HANDLE_LONGEST + 1];
};

CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *given, CK_OBJECT_HANDLE key)
{
    const CK_RV value = module_enter();
    struct session *session;
    const struct mechanism *mechanism;
    const struct object *object;

    if (value != CKR_OK)
        return value;
    session = session_find(handle);
    if (session == NULL)
        return module_leave(CKR_SESSION_HANDLE_INVALID);
    if (session->signing.active)
        return module_leave(CKR_OPERATION_ACTIVE);
    if (given == NULL)
        return module_leave(CKR_ARGUMENTS_BAD);
    mechanism = mechanism_find(given->mechanism);
    if (mechanism == NULL)
        return module_leave(CKR_MECHANISM_INVALID);
    if (!mechanism_takes(mechanism, given))
        return module_leave(CKR_MECHANISM_PARAM_INVALID);
    object = object_find(key);
    if (object == NULL)
        return module_leave(CKR_KEY_HANDLE_INVALID);
    if (object->class != CKO_PRIVATE_KEY || object->key.type != mechanism->key_type)
        return module_leave(CKR_KEY_TYPE_INCONSISTENT);
    session->signing.active = true;
    session->signing.mechanism = mechanism;
    session->signing.key = key;
    session->signing.pss_length = mechanism_pss_length(mechanism, given);
    return module_leave(CKR_OK);
}

/* With the lock held. */
static CK_RV prepare(CK_OBJECT_HANDLE key, const struct mechanism *mechanism, struct job *job)
{
    const struct object *const object = object_find(key);

    if (object == NULL || object->key_handle == NULL || strlen(object->key_handle) > HANDLE_LONGEST)
        return CKR_KEY_HANDLE_INVALID;
    job->object = key;
    job->mechanism = mechanism;
    job->type = object->key.type;
    job->unit = object->key.unit;
    job->size = signature_size(&object->key);
    memcpy(job->handle, object->key_handle, strlen(object->key_handle) + 1);
    return CKR_OK;
}

static int ask(struct estprov *context, const struct job *job, const struct to_sign *input)
{
    call_begin(context);
    (void)target_begin(context, ESTPROV_KEYD, "/sign", NULL);
    target_query(context, "handle", job->handle);
    target_query(context, "algorithm", job->mechanism->algorithm);
    if (input->hash != NULL) {
        target_query(context, "hash", input->hash);
        target_query(context, "input", job->mechanism->input == INPUT_MESSAGE ? "message" : "digest");
    }
    buffer_add(&context->body, input->data, input->length);
    return exchange(context, &(struct exchange){.daemon = ESTPROV_KEYD,
                                                .method = "POST",
                                                .media_type = "application/octet-stream"});
}

static CK_RV take_signature(struct estprov *context, const struct job *job, unsigned char *out)
{
    size_t length;
    const void *const body = reply_body(context, &length);
    const struct span signature = {body, length};

    if (job->type == CKK_EC ? write_ecdsa(&signature, job->unit, out) : length == job->size) {
        if (job->type != CKK_EC)
            memcpy(out, body, length);
        return CKR_OK;
    }
    return told(context, fail(context, -EPROTO, "the answer of the Key Service is no such signature"));
}

/* keyd has lost this very pair: the id has another one now, or none. */
static bool is_gone(const struct estprov *context, int error)
{
    return (error == -ENOENT && strcmp(context->code, "key_not_found") == 0) ||
           (error == -EINVAL && strcmp(context->code, "handle_invalid") == 0);
}

static CK_RV refused(const struct estprov *context, int error)
{
    const CK_RV value = told(context, error);

    if (is_gone(context, error))
        return CKR_KEY_HANDLE_INVALID;
    if (strcmp(context->code, "mechanism_missing") == 0)
        return CKR_MECHANISM_INVALID;
    return strcmp(context->code, "key_usage") == 0 ? CKR_KEY_FUNCTION_NOT_PERMITTED : value;
}

static CK_RV sign_once(const struct job *job, const struct to_sign *input, unsigned char *out, bool *gone)
{
    struct lease lease;
    CK_RV value;

    *gone = false;
    context_borrow(&lease);
    if (lease.context == NULL) {
        value = told(NULL, lease.error);
    } else {
        const int error = ask(lease.context, job, input);

        *gone = is_gone(lease.context, error);
        value = error == 0 ? take_signature(lease.context, job, out) : refused(lease.context, error);
    }
    context_return(&lease);
    return value;
}

/* With the key pair that was looked at last; where that is gone, with the one that its id has now. */
static CK_RV sign_job(struct job *job, const struct to_sign *input, unsigned char *out)
{
    const size_t size = job->size;
    const CK_KEY_TYPE type = job->type;
    bool gone;
    CK_RV value = sign_once(job, input, out, &gone);

    if (!gone)
        return value;
    value = objects_refresh();
    if (value == CKR_OK)
        value = module_enter();
    if (value != CKR_OK)
        return value;
    value = module_leave(prepare(job->object, job->mechanism, job));
    if (value != CKR_OK)
        return value;
    /* The room was reckoned, and the mechanism chosen, for the key before. */
    return job->size == size && job->type == type ? sign_once(job, input, out, &gone) : CKR_KEY_CHANGED;
}

static CK_RV check_digest(const struct signing *signing, size_t length)
{
    const size_t digest = signing->pss_length;

    return digest != 0 && signing->mechanism->input == INPUT_DIGEST && length != digest ? CKR_DATA_LEN_RANGE
                                                                                        : CKR_OK;
}

/* With the lock held, which it gives back. The operation ends, unless the caller asks for the size or has too
 * little room. */
static CK_RV finish(struct session *session, const unsigned char *data, size_t length,
                    unsigned char *signature, CK_ULONG *size)
{
    unsigned char out[LONGEST_SIGNATURE];
    struct signing signing;
    struct to_sign input;
    struct job job;
    CK_RV value = prepare(session->signing.key, session->signing.mechanism, &job);
    const CK_ULONG room = *size;

    if (value == CKR_OK) {
        *size = job.size;
        if (signature == NULL)
            return module_leave(CKR_OK);
        if (room < job.size)
            return module_leave(CKR_BUFFER_TOO_SMALL);
        value = check_digest(&session->signing, length);
    }
    if (value == CKR_OK)
        value = mechanism_input(session->signing.mechanism, data, length, &input);
    signing = session->signing;
    memset(&session->signing, 0, sizeof(session->signing));
    (void)module_leave(CKR_OK);
    if (value == CKR_OK)
        value = sign_job(&job, &input, out);
    signing_end(&signing);
    if (value == CKR_OK)
        memcpy(signature, out, job.size);
    return value;
}

/* The session with its operation, and the lock; or without it, NULL and why. */
static struct session *enter_signing(CK_SESSION_HANDLE handle, CK_RV *value)
{
    struct session *session;

    *value = module_enter();
    if (*value != CKR_OK)
        return NULL;
    session = session_find(handle);
    if (session != NULL && session->signing.active)
        return session;
    *value = module_leave(session == NULL ? CKR_SESSION_HANDLE_INVALID : CKR_OPERATION_NOT_INITIALIZED);
    return NULL;
}

CK_RV sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG length, CK_BYTE *signature, CK_ULONG *size)
{
    CK_RV value;
    struct session *const session = enter_signing(handle, &value);

    if (session == NULL)
        return value;
    if (size == NULL || (data == NULL && length > 0) || session->signing.length > 0) {
        signing_end(&session->signing);
        return module_leave(CKR_ARGUMENTS_BAD);
    }
    if (length > mechanism_most(session->signing.mechanism)) {
        signing_end(&session->signing);
        return module_leave(CKR_DATA_LEN_RANGE);
    }
    return finish(session, data, length, signature, size);
}

static CK_RV append(struct signing *signing, const unsigned char *part, size_t length)
{
    if (length > mechanism_most(signing->mechanism) - signing->length)
        return CKR_DATA_LEN_RANGE;
    if (length > signing->room - signing->length) {
        const size_t room = 2 * (signing->length + length);
        unsigned char *const grown = realloc(signing->data, room);

        if (grown == NULL)
            return CKR_HOST_MEMORY;
        signing->data = grown;
        signing->room = room;
    }
    if (length > 0)
        memcpy(signing->data + signing->length, part, length);
    signing->length += length;
    return CKR_OK;
}

/* What is given in parts is kept and sent whole, as keyd takes it. */
CK_RV sign_update(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG length)
{
    CK_RV value;
    struct session *const session = enter_signing(handle, &value);

    if (session == NULL)
        return value;
    value = part == NULL && length > 0 ? CKR_ARGUMENTS_BAD : append(&session->signing, part, length);
    if (value != CKR_OK)
        signing_end(&session->signing);
    return module_leave(value);
}

CK_RV sign_final(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG *size)
{
    CK_RV value;
    struct session *const session = enter_signing(handle, &value);

    if (session == NULL)
        return value;
    if (size == NULL) {
        signing_end(&session->signing);
        return module_leave(CKR_ARGUMENTS_BAD);
    }
    return finish(session, session->signing.data, session->signing.length, signature, size);
}
