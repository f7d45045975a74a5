#include "keyd.h"

#include "../common/shown.h"
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ESTPROV_KEYD_SOCKET
#define ESTPROV_KEYD_SOCKET "/run/estprov/keyd.sock"
#endif
#define KEYD_USER "estprov-keyd"
#define API_VERSION "2021-05-01"

static atomic_uint keyd_user; /* see exchange.h */

enum {
    /* The Key Service answers within 5 s, if only to say that its token does not: its words are worth the
       wait. */
    TIMEOUT_MS = 8000,
    TIMEOUT_LIMIT_MS = 120000,
    ESCAPED_NAME_LIMIT = URI_NAME_LIMIT * 3
};

static int timeout_ms(void)
{
    const char *text = secure_getenv("ESTPROV_KEYD_TIMEOUT_MS");
    char *end;
    long value;

    if (text == NULL)
        return TIMEOUT_MS;
    value = strtol(text, &end, 10);
    return end != text && *end == '\0' && value > 0 && value <= TIMEOUT_LIMIT_MS ? (int)value : TIMEOUT_MS;
}

static const char *default_socket(void)
{
    const char *path = secure_getenv("ESTPROV_KEYD_SOCKET");

    return path != NULL && path[0] == '/' ? path : ESTPROV_KEYD_SOCKET;
}

/* Turns an error answer, {"message", "hint", "code"}, into the problem. */
static void refused(const struct exchange_reply *reply, struct problem *problem)
{
    const struct json answer = json_parse((const char *)reply->body, reply->head.content_length);
    char message[320];
    char hint[320];

    shown(&answer, "message", message, sizeof(message));
    shown(&answer, "hint", hint, sizeof(hint));
    problem_set(problem, REASON_REFUSED, "%s (status %d%s%s)",
                message[0] != '\0' ? message : "no reason given", reply->head.status,
                hint[0] != '\0' ? "; " : "", hint);
}

/* It may hold a plaintext, or a part of one. */
static void end(struct exchange_reply *reply)
{
    explicit_bzero(reply, sizeof(*reply));
    free(reply);
}

/* The reply of a successful exchange, to be ended; else NULL with a problem. */
static struct exchange_reply *ask(const struct exchange_request *request, struct problem *problem)
{
    struct exchange_reply *reply = malloc(sizeof(*reply));

    if (reply == NULL) {
        problem_set(problem, REASON_INTERNAL, "out of memory");
        return NULL;
    }
    if (exchange(request, reply, problem)) {
        if (reply->head.status == 200)
            return reply;
        refused(reply, problem);
    }
    end(reply);
    return NULL;
}

static bool wrong_size(struct problem *problem, const char *what, size_t length)
{
    problem_set(problem, REASON_ANSWER, "the Key Service's answer has a %s of %zu bytes", what, length);
    return false;
}

static bool take_public(const struct exchange_reply *reply, struct keyd_public *out, struct problem *problem)
{
    const size_t handle_length = reply->head.key_handle_length;
    const size_t length = reply->head.content_length;

    if (reply->head.key_handle == NULL || handle_length == 0 || handle_length >= sizeof(out->handle)) {
        problem_set(problem, REASON_ANSWER, "the Key Service's answer names no key handle");
        return false;
    }
    if (length == 0 || length > sizeof(out->spki))
        return wrong_size(problem, "public key", length);
    memcpy(out->handle, reply->head.key_handle, handle_length);
    out->handle[handle_length] = '\0';
    memcpy(out->spki, reply->body, length);
    out->spki_length = length;
    return true;
}

bool keyd_read_public(const struct key_uri *uri, struct keyd_public *out, struct problem *problem)
{
    char name[ESCAPED_NAME_LIMIT];
    char target[TARGET_LIMIT];
    struct exchange_request request = {.server_user = KEYD_USER,
                                       .known_user = &keyd_user,
                                       .timeout_ms = timeout_ms(),
                                       .method = "GET",
                                       .target = target};
    struct exchange_reply *reply;
    const char *const path = uri->socket[0] != '\0' ? uri->socket : default_socket();
    bool done;

    if (strlen(path) >= sizeof(out->socket)) {
        problem_set(problem, REASON_URI, "the path of the Key Service's socket is too long");
        return false;
    }
    memcpy(out->socket, path, strlen(path) + 1);
    request.socket_path = out->socket;
    if (!uri_escape(uri->name, name, sizeof(name)) || !uri_format(uri, out->uri, sizeof(out->uri))) {
        problem_set(problem, REASON_URI, "the key's name is too long");
        return false;
    }
    (void)snprintf(target, sizeof(target), "/publickey?api-version=" API_VERSION "&%s=%s",
                   uri->by_id ? "id" : "handle", name);

    reply = ask(&request, problem);
    if (reply == NULL)
        return false;
    done = take_public(reply, out, problem);
    end(reply);
    return done;
}

/* least: what an answer has at the least; what: it, in words. */
static bool use_key(const struct keyd_use *use, const char *path, size_t least, const char *what,
                    struct problem *problem)
{
    char name[ESCAPED_NAME_LIMIT];
    char target[TARGET_LIMIT];
    const struct exchange_request request = {.socket_path = use->socket,
                                             .server_user = KEYD_USER,
                                             .known_user = &keyd_user,
                                             .timeout_ms = timeout_ms(),
                                             .method = "POST",
                                             .target = target,
                                             .body = use->input,
                                             .body_length = use->input_length};
    struct exchange_reply *reply;
    bool done = false;

    if (!uri_escape(use->handle, name, sizeof(name))) {
        problem_set(problem, REASON_URI, "the key's handle is too long");
        return false;
    }
    (void)snprintf(target, sizeof(target), "%s?api-version=" API_VERSION "&handle=%s&algorithm=%s&hash=%s",
                   path, name, use->algorithm, use->hash);

    reply = ask(&request, problem);
    if (reply == NULL)
        return false;
    if (reply->head.content_length < least || reply->head.content_length > use->size) {
        (void)wrong_size(problem, what, reply->head.content_length);
    } else {
        memcpy(use->out, reply->body, reply->head.content_length);
        *use->length = reply->head.content_length;
        done = true;
    }
    end(reply);
    return done;
}

bool keyd_sign(const struct keyd_use *use, struct problem *problem)
{
    return use_key(use, "/sign", 1, "signature", problem);
}

bool keyd_decrypt(const struct keyd_use *use, struct problem *problem)
{
    return use_key(use, "/decrypt", 0, "plaintext", problem);
}
