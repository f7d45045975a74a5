#include "../common/shown.h"
#include "check.h"
#include "exchange.h"
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct http_head head;

/* On the heap, where a read behind the end is seen. */
static bool parses(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    bool done;

    if (copy == NULL)
        abort();
    memcpy(copy, text, length);
    done = http_head_parse(copy, length, REPLY_BODY_LIMIT, &head) == NULL;
    if (head.key_handle != NULL)
        head.key_handle = text + (head.key_handle - copy);
    free(copy);
    return done;
}

static bool parses_text(const char *text)
{
    return parses(text, strlen(text));
}

static void accepts(void)
{
    CHECK(parses_text("HTTP/1.1 200 OK\r\ncontent-length:  12 \r\nEstprov-Key-Handle: v1.x\r\nX: y\r\n\r\n"));
    CHECK_INT(head.status, 200);
    CHECK_INT(head.content_length, 12);
    CHECK(head.key_handle_length == 4 && memcmp(head.key_handle, "v1.x", 4) == 0);
    CHECK(parses_text("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"));
    CHECK_INT(head.status, 503);
    CHECK(head.key_handle == NULL);
    CHECK(parses_text("HTTP/1.1 204\r\n\r\n"));
    CHECK_INT(head.content_length, 0);
}

static void refuses(void)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 16385\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 1\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!CHECK(!parses_text(bad[i])))
            (void)fprintf(stderr, "accepted: %s\n", bad[i]);
}

static void zero_byte(void)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 1\r\n\r\n";

    CHECK(!parses(text, sizeof(text) - 1));
}

/* The message of an error's body, as it is shown. */
static const char *message_of(const char *body)
{
    static char out[16];
    char *copy = strdup(body);
    struct json object;

    if (copy == NULL)
        abort();
    object = json_parse(copy, strlen(copy));
    shown(&object, "message", out, sizeof(out));
    free(copy);
    return out;
}

static void messages(void)
{
    CHECK(strcmp(message_of(" { \"code\" : \"c\" , \"message\":\"a \\\"b\\\\\"}"), "a \"b\\") == 0);
    CHECK(strcmp(message_of("{\"message\":\"x\\ny\\u00e4z\"}"), "x y\xc3\xa4z") == 0);
    CHECK(strcmp(message_of("{\"message\":\"0123456789abcdefghij\"}"), "0123456789ab...") == 0);
    CHECK(strcmp(message_of("{\"hint\":[1,{\"message\":\"no\"}],\"message\":\"yes\"}"), "yes") == 0);
}

static void no_message(void)
{
    static const char *const bad[] = {
        "",
        "x",
        "{",
        "{\"",
        "{\"message",
        "{\"message\"",
        "{\"message\":",
        "{\"message\":1}",
        "[]",
        "{\"a\":1}",
        "{\"message\":\"",
        "{\"message\":\"\\",
        "{\"message\":\"\\u12\"}",
        "{\"message\":\"a\\u0000b\"}",
        "{\"message\":\"\xff\"}",
        "{\"message\":\"x\"} y",
        "{\"a\":\"b\"}",
        "{\"message\":\"\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(message_of(bad[i])[0] == '\0');
}

void test_http(void)
{
    run_test("a well-formed answer's head is read", accepts);
    run_test("a malformed answer's head is refused", refuses);
    run_test("a zero byte in a head is refused", zero_byte);
    run_test("the daemon's message is found in its error body, and can be shown", messages);
    run_test("a body that is no JSON object has no message", no_message);
}
