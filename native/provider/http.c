#include "http.h"

#include "unix_socket.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool bad_answer(struct problem *problem, const char *what)
{
    problem_set(problem, REASON_ANSWER, "the Key Service's answer %s", what);
    return false;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool parse_status_line(const char *line, int *status)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t skip = sizeof(version) - 1;

    if (strncmp(line, version, skip) != 0)
        return false;
    line += skip;
    *status = 0;
    for (int i = 0; i < 3; i++, line++) {
        if (*line < '0' || *line > '9')
            return false;
        *status = *status * 10 + (*line - '0');
    }
    return *status >= 200 && *status <= 599 && (*line == ' ' || *line == '\0');
}

static bool parse_length(const char *text, size_t *length)
{
    size_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (size_t)(*text - '0');
        if (value > HTTP_BODY_LIMIT)
            return false;
    }
    *length = value;
    return true;
}

static char *trim(char *text)
{
    size_t length;

    while (*text == ' ' || *text == '\t')
        text++;
    length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

static bool parse_field(char *line, struct http_reply *reply, bool *has_length, struct problem *problem)
{
    char *colon = line;
    char *value;

    while (is_token_char(*colon))
        colon++;
    if (colon == line || *colon != ':')
        return bad_answer(problem, "has a malformed header field");
    *colon = '\0';
    value = trim(colon + 1);
    for (const char *c = value; *c != '\0'; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return bad_answer(problem, "has a control character in a header field");

    if (strcasecmp(line, "Content-Length") == 0) {
        if (*has_length || !parse_length(value, &reply->content_length))
            return bad_answer(problem, "has a wrong or too large Content-Length");
        *has_length = true;
    } else if (strcasecmp(line, "Transfer-Encoding") == 0) {
        return bad_answer(problem, "has a Transfer-Encoding");
    } else if (strcasecmp(line, "Estprov-Key-Handle") == 0) {
        reply->key_handle = value;
    }
    return true;
}

bool http_parse_head(struct http_reply *reply, size_t head_length, struct problem *problem)
{
    char *line = reply->buffer;
    char *const end = reply->buffer + head_length;
    bool first = true;
    bool has_length = false;

    reply->key_handle = NULL;
    reply->content_length = 0;
    if (memchr(reply->buffer, '\0', head_length) != NULL)
        return bad_answer(problem, "has a zero byte in its header");
    while (line < end) {
        char *stop = memchr(line, '\r', (size_t)(end - line));

        if (stop == NULL || stop + 1 >= end || stop[1] != '\n')
            return bad_answer(problem, "has a malformed line end");
        *stop = '\0';
        if (first) {
            if (!parse_status_line(line, &reply->status))
                return bad_answer(problem, "does not begin with an HTTP/1.1 status line");
        } else if (stop == line) {
            break;
        } else if (!parse_field(line, reply, &has_length, problem)) {
            return false;
        }
        first = false;
        line = stop + 2;
    }
    if (!has_length && reply->status != 204)
        return bad_answer(problem, "has no Content-Length");
    return true;
}

static bool send_request(int descriptor, const struct http_request *request, int64_t deadline,
                         struct problem *problem)
{
    char text[HTTP_TARGET_LIMIT + HTTP_REQUEST_BODY_LIMIT + 256];
    int length = snprintf(text, sizeof(text),
                          "%s %s HTTP/1.1\r\nHost: keyd\r\nConnection: close\r\n"
                          "Accept: application/octet-stream\r\n",
                          request->method, request->target);
    size_t used;

    if (length < 0 || length > HTTP_TARGET_LIMIT + 100 || request->body_length > HTTP_REQUEST_BODY_LIMIT) {
        problem_set(problem, REASON_URI, "the key's name is too long");
        return false;
    }
    used = (size_t)length;
    if (request->body != NULL)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n",
                                 request->body_length);
    memcpy(text + used, "\r\n", 2);
    used += 2;
    if (request->body != NULL) {
        memcpy(text + used, request->body, request->body_length);
        used += request->body_length;
    }
    return socket_send(descriptor, text, used, deadline, problem);
}

static bool receive_reply(int descriptor, struct http_reply *reply, int64_t deadline, struct problem *problem)
{
    size_t used = 0;
    size_t head_length = 0;

    while (head_length == 0) {
        size_t got;
        const char *end;

        if (used >= HTTP_HEAD_LIMIT)
            return bad_answer(problem, "has too long a header");
        if (!socket_receive(descriptor, reply->buffer + used, HTTP_HEAD_LIMIT - used, &got, deadline,
                            problem))
            return false;
        if (got == 0)
            return bad_answer(problem, used == 0 ? "did not come: it hung up" : "ends within its header");
        used += got;
        end = memmem(reply->buffer, used, "\r\n\r\n", 4);
        if (end != NULL)
            head_length = (size_t)(end - reply->buffer) + 4;
    }
    if (!http_parse_head(reply, head_length, problem))
        return false;
    while (used - head_length < reply->content_length) {
        size_t got;

        if (!socket_receive(descriptor, reply->buffer + used, reply->content_length - (used - head_length),
                            &got, deadline, problem))
            return false;
        if (got == 0)
            return bad_answer(problem, "is shorter than its Content-Length");
        used += got;
    }
    if (used - head_length != reply->content_length)
        return bad_answer(problem, "is longer than its Content-Length");
    reply->body = (const uint8_t *)reply->buffer + head_length;
    reply->body_length = reply->content_length;
    reply->buffer[used] = '\0';
    return true;
}

bool http_exchange(const struct http_request *request, struct http_reply *reply, struct problem *problem)
{
    const int64_t deadline = socket_deadline(request->timeout_ms);
    const int descriptor = socket_open(request->socket_path, request->server_user, deadline, problem);
    bool done;

    if (descriptor < 0)
        return false;
    done = send_request(descriptor, request, deadline, problem) &&
           receive_reply(descriptor, reply, deadline, problem);
    (void)close(descriptor);
    return done;
}
