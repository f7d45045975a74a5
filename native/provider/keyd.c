#include "keyd.h"

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ESTPROV_KEYD_SOCKET
#define ESTPROV_KEYD_SOCKET "/run/estprov/keyd.sock"
#endif
#define KEYD_USER "estprov-keyd"
#define API_VERSION "2021-05-01"

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
static void refused(const struct http_reply *reply, struct problem *problem)
{
    const char *body = (const char *)reply->body;
    char message[280];
    char hint[120];

    if (!http_json_text(body, "message", message, sizeof(message)))
        (void)snprintf(message, sizeof(message), "no reason given");
    if (http_json_text(body, "hint", hint, sizeof(hint)))
        problem_set(problem, REASON_REFUSED, "%s (status %d; %s)", message, reply->status, hint);
    else
        problem_set(problem, REASON_REFUSED, "%s (status %d)", message, reply->status);
}

/* The reply of a successful exchange, to be freed; else NULL with a problem. */
static struct http_reply *ask(const struct http_request *request, struct problem *problem)
{
    struct http_reply *reply = malloc(sizeof(*reply));

    if (reply == NULL) {
        problem_set(problem, REASON_INTERNAL, "out of memory");
        return NULL;
    }
    if (http_exchange(request, reply, problem)) {
        if (reply->status == 200)
            return reply;
        refused(reply, problem);
    }
    free(reply);
    return NULL;
}

static bool wrong_size(struct problem *problem, const char *what, size_t length)
{
    problem_set(problem, REASON_ANSWER, "the Key Service's answer has a %s of %zu bytes", what, length);
    return false;
}

bool keyd_read_public(const struct key_uri *uri, struct keyd_public *out, struct problem *problem)
{
    char name[ESCAPED_NAME_LIMIT];
    char target[HTTP_TARGET_LIMIT];
    struct http_request request = {
        .server_user = KEYD_USER, .timeout_ms = timeout_ms(), .method = "GET", .target = target};
    struct http_reply *reply;
    bool done = false;

    (void)snprintf(out->socket, sizeof(out->socket), "%s",
                   uri->socket[0] != '\0' ? uri->socket : default_socket());
    request.socket_path = out->socket;
    if (!uri_escape(uri->name, name, sizeof(name))) {
        problem_set(problem, REASON_URI, "the key's name is too long");
        return false;
    }
    (void)snprintf(target, sizeof(target), "/publickey?api-version=" API_VERSION "&%s=%s",
                   uri->by_id ? "id" : "handle", name);

    reply = ask(&request, problem);
    if (reply == NULL)
        return false;
    if (reply->key_handle == NULL || reply->key_handle[0] == '\0' ||
        strlen(reply->key_handle) >= sizeof(out->handle)) {
        problem_set(problem, REASON_ANSWER, "the Key Service's answer names no key handle");
    } else if (reply->body_length == 0 || reply->body_length > sizeof(out->spki)) {
        (void)wrong_size(problem, "public key", reply->body_length);
    } else {
        memcpy(out->handle, reply->key_handle, strlen(reply->key_handle) + 1);
        memcpy(out->spki, reply->body, reply->body_length);
        out->spki_length = reply->body_length;
        done = true;
    }
    free(reply);
    return done;
}

bool keyd_sign(const struct keyd_sign_request *what, uint8_t *signature, size_t size, size_t *length,
               struct problem *problem)
{
    char name[ESCAPED_NAME_LIMIT];
    char target[HTTP_TARGET_LIMIT];
    struct http_request request = {.socket_path = what->socket,
                                   .server_user = KEYD_USER,
                                   .timeout_ms = timeout_ms(),
                                   .method = "POST",
                                   .target = target,
                                   .body = what->digest,
                                   .body_length = what->digest_length};
    struct http_reply *reply;
    bool done = false;

    if (!uri_escape(what->handle, name, sizeof(name))) {
        problem_set(problem, REASON_URI, "the key's handle is too long");
        return false;
    }
    (void)snprintf(target, sizeof(target), "/sign?api-version=" API_VERSION "&handle=%s&algorithm=%s&hash=%s",
                   name, what->algorithm, what->hash);

    reply = ask(&request, problem);
    if (reply == NULL)
        return false;
    if (reply->body_length == 0 || reply->body_length > size) {
        (void)wrong_size(problem, "signature", reply->body_length);
    } else {
        memcpy(signature, reply->body, reply->body_length);
        *length = reply->body_length;
        done = true;
    }
    free(reply);
    return done;
}
