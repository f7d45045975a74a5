#include "key.h"

#include <errno.h>
#include <string.h>

static const char prefix[] = "id=";

static int ask_handle(struct estprov *context, const char *id, bool symmetric)
{
    struct known_handle *const known = &context->known;
    struct json answer;
    int error = target_begin(context, ESTPROV_KEYD, symmetric ? "/key/" : "/keypair/", id);

    known->handle[0] = '\0';
    if (error == 0)
        error = exchange(context, &(struct exchange){.daemon = ESTPROV_KEYD, .method = "GET"});
    if (error == 0)
        error = reply_json(context, &answer);
    if (error == 0)
        error = reply_text(context, &answer, "keyHandle", known->handle, sizeof(known->handle));
    if (error != 0) {
        known->handle[0] = '\0';
        return error;
    }
    memcpy(known->id, id, strlen(id) + 1);
    known->symmetric = symmetric;
    buffer_clear(&context->target);
    return 0;
}

int key_find(struct estprov *context, const char *name, bool symmetric, struct key *key)
{
    struct known_handle *const known = &context->known;
    const char *id;

    if (name == NULL || name[0] == '\0')
        return fail(context, -EINVAL, "no key was named");
    key->by_id = strncmp(name, prefix, sizeof(prefix) - 1) == 0;
    key->handle = name;
    if (!key->by_id)
        return strlen(name) <= HANDLE_LONGEST ? 0
                                              : fail(context, -ENAMETOOLONG, "the key's handle is too long");
    id = name + sizeof(prefix) - 1;
    key->handle = known->handle;
    if (known->handle[0] != '\0' && known->symmetric == symmetric && strcmp(known->id, id) == 0)
        return 0;
    return ask_handle(context, id, symmetric);
}

bool key_is_void(struct estprov *context, const struct key *key, int error)
{
    if (error != -EINVAL || !key->by_id || strcmp(context->code, "handle_invalid") != 0)
        return false;
    context->known.handle[0] = '\0';
    buffer_clear(&context->target);
    buffer_clear(&context->body);
    return true;
}
