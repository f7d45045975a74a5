#include "check.h"
#include "http.h"
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct http_reply reply;
static struct problem problem;

static bool parses(const char *head)
{
    (void)snprintf(reply.buffer, sizeof(reply.buffer), "%s", head);
    return http_parse_head(&reply, strlen(head), &problem);
}

static void accepts(void)
{
    CHECK(parses("HTTP/1.1 200 OK\r\ncontent-length:  12 \r\nEstprov-Key-Handle: v1.x\r\nX: y\r\n\r\n"));
    CHECK_INT(reply.status, 200);
    CHECK_INT(reply.content_length, 12);
    CHECK(reply.key_handle != NULL && strcmp(reply.key_handle, "v1.x") == 0);
    CHECK(parses("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"));
    CHECK_INT(reply.status, 503);
    CHECK(reply.key_handle == NULL);
    CHECK(parses("HTTP/1.1 204\r\n\r\n"));
    CHECK_INT(reply.content_length, 0);
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
        if (!CHECK(!parses(bad[i])))
            (void)fprintf(stderr, "accepted: %s\n", bad[i]);
    CHECK_INT(problem.reason, REASON_ANSWER);
}

static void zero_byte(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 1\r\n\r\n";

    memcpy(reply.buffer, head, sizeof(head));
    CHECK(!http_parse_head(&reply, sizeof(head) - 1, &problem));
}

static void json(void)
{
    char out[16];

    CHECK(http_json_text(" { \"code\" : \"c\" , \"message\":\"a \\\"b\\\\\"}", "message", out, sizeof(out)));
    CHECK(strcmp(out, "a \"b\\") == 0);
    CHECK(http_json_text("{\"message\":\"x\\ny\\u00e4z\"}", "message", out, sizeof(out)));
    CHECK(strcmp(out, "x y?z") == 0);
    CHECK(http_json_text("{\"message\":\"0123456789abcdefghij\"}", "message", out, sizeof(out)));
    CHECK(strcmp(out, "0123456789abcde") == 0);
}

static void json_bad(void)
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
        "{\"a\":\"b\"}",
        "{\"message\":\"\"}",
    };
    char out[16];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* On the heap, where a read behind the end is seen. */
        char *copy = strdup(bad[i]);

        CHECK(copy != NULL && !http_json_text(copy, "message", out, sizeof(out)));
        free(copy);
    }
}

void test_http(void)
{
    run_test("a well-formed answer's head is read", accepts);
    run_test("a malformed answer's head is refused", refuses);
    run_test("a zero byte in a head is refused", zero_byte);
    run_test("the daemon's message is found in its error body", json);
    run_test("a body that is no flat JSON object has no message", json_bad);
}
