#include "../../common/base64.h"
#include "../../common/http_head.h"
#include "../../shim/buffer.h"
#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 4648 section 10. */
static void base64(void)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfb", "//77"},
                                           {">>>", "Pj4+"}};
    static const char *const wrong[] = {
        "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zh==", "Zm9=", "Zm8=x", "Zg-_", "Zg=x", "Z", "=", "Zm9v="};
    char out[32];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const size_t length = strlen(pairs[i][0]);

        memset(out, 0, sizeof(out));
        CHECK_INT(base64_length(length), strlen(pairs[i][1]));
        base64_encode(pairs[i][0], length, out);
        CHECK(strcmp(out, pairs[i][1]) == 0);
        CHECK_INT(base64_decode(pairs[i][1], strlen(pairs[i][1]), NULL), length);
        CHECK_INT(base64_decode(pairs[i][1], strlen(pairs[i][1]), out), length);
        CHECK(memcmp(out, pairs[i][0], length) == 0);
    }
    CHECK_INT(base64_decode("Zm9v\r\n Ym\tFy\n", 13, out), 6);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (!CHECK(base64_decode(wrong[i], strlen(wrong[i]), NULL) == -1))
            CHECK_TEXT_HAS(wrong[i], "(the text)");
}

static const char *parse(const char *text, struct http_head *head)
{
    return http_head_parse(text, strlen(text), 1000, head);
}

static void heads(void)
{
    static const char *const bad[][2] = {
        {"", "status line"},
        {"\r\n", "status line"},
        {"HTTP/1.0 200 OK\r\n\r\n", "status line"},
        {"HTTP/1.1 20\r\n\r\n", "status line"},
        {"HTTP/1.1 2x0 OK\r\n\r\n", "status line"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "status line"},
        {"HTTP/1.1 600 X\r\n\r\n", "status line"},
        {"HTTP/1.1 2000\r\n\r\n", "status line"},
        {"HTTP/1.1 200 OK", "line end"},
        {"HTTP/1.1 200 OK\r\nContent-Length", "line end"},
        {"HTTP/1.1 200 OK\r\n\r\n", "no Content-Length"},
        {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "header field"},
        {"HTTP/1.1 200 OK\r\nA\r\n\r\n", "header field"},
        {"HTTP/1.1 200 OK\r\nA B: x\r\n\r\n", "header field"},
        {"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "header field"},
        {"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "control character"},
        {"HTTP/1.1 200 OK\r\nA: x\x7fy\r\n\r\n", "control character"},
        {"HTTP/1.1 200 OK\r\nA: x\ny\r\n\r\n", "control character"},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "Content-Length"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding"},
    };
    struct http_head head;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *const wrong = parse(bad[i][0], &head);

        CHECK_TEXT_HAS(wrong == NULL ? bad[i][0] : wrong, bad[i][1]);
    }
    CHECK(parse("HTTP/1.1 200 OK\r\ncontent-length: \t12\t \r\nX-Y!: a\tb\r\nConnection: keep-alive\r\n"
                "ESTPROV-key-handle: v1.a\r\n\r\n",
                &head) == NULL);
    CHECK_INT(head.status, 200);
    CHECK_INT(head.content_length, 12);
    CHECK(!head.close);
    CHECK(head.key_handle_length == 4 && memcmp(head.key_handle, "v1.a", 4) == 0);
    CHECK(parse("HTTP/1.1 503\r\nContent-Length: 1000\r\nConnection: Close\r\n\r\n", &head) == NULL);
    CHECK(head.close && head.content_length == 1000 && head.status == 503);
    CHECK(parse("HTTP/1.1 204 No Content\r\n\r\n", &head) == NULL);
    CHECK(parse("HTTP/1.1 304 Not Modified\r\n\r\n", &head) == NULL);
    CHECK_INT(http_head_length("a\r\n\r\nb", 6), 5);
    CHECK_INT(http_head_length("a\r\n\r", 4), 0);
}

static void buffers(void)
{
    struct buffer buffer = {0};

    buffer_escaped(&buffer, "aZ09-._~/ %+\xc3\xa9;=");
    buffer_add(&buffer, "", 1);
    CHECK(strcmp(buffer.data, "aZ09-._~%2F%20%25%2B%C3%A9%3B%3D") == 0);
    buffer_clear(&buffer);
    buffer_json(&buffer, "a\"b\\c\n\x01\xc3\xa9");
    buffer_number(&buffer, -42);
    buffer_add(&buffer, "", 1);
    CHECK(strcmp(buffer.data, "\"a\\u0022b\\u005cc\\u000a\\u0001\xc3\xa9\"-42") == 0);
    for (int i = 0; i < 5000; i++)
        buffer_text(&buffer, "0123456789");
    CHECK(!buffer.failed && buffer.length > 50000);
    buffer_clear(&buffer);
    CHECK(buffer.data == NULL && buffer.length == 0);
    buffer_base64(&buffer, "", 0);
    buffer_wipe(&buffer);
    allocations_left = 0;
    buffer_base64(&buffer, "abc", 3);
    buffer_text(&buffer, "more");
    allocations_left = -1;
    CHECK(buffer.failed && buffer.length == 0);
    buffer_text(&buffer, "no memory is remembered");
    CHECK(buffer.length == 0);
    buffer_clear(&buffer);
    buffer_text(&buffer, "secret");
    buffer_wipe(&buffer);
    CHECK(buffer.length == 0 && memcmp(buffer.data, "\0\0\0\0\0\0", 6) == 0);
    buffer_free(&buffer);
}

static void phrases(void)
{
    CHECK_TEXT_HAS(estprov_strerror(0), "success");
    CHECK_TEXT_HAS(estprov_strerror(-ERANGE), "too small");
    CHECK_TEXT_HAS(estprov_strerror(ERANGE), "too small");
    CHECK_TEXT_HAS(estprov_strerror(-123456), "another error");
    CHECK_TEXT_HAS(estprov_version(), ESTPROV_VERSION);
}

void test_texts(void)
{
    run_test("base64 is that of RFC 4648, and nothing else is taken", base64);
    run_test("heads of answers are read strictly", heads);
    run_test("buffers escape, grow, remember failure and are wiped", buffers);
    run_test("errors have phrases", phrases);
}
