#include "check.h"
#include "tests.h"
#include "uri.h"

#include <stdio.h>
#include <string.h>

static bool parses(const char *text, struct key_uri *uri)
{
    struct problem problem = {REASON_NONE, ""};

    return uri_parse(text, uri, &problem);
}

static void accepts(void)
{
    struct key_uri uri;

    CHECK(parses("estprov:v1.abc-_", &uri));
    CHECK(!uri.by_id && strcmp(uri.name, "v1.abc-_") == 0 && uri.socket[0] == '\0');
    CHECK(parses("ESTPROV:id=device%20id%2f1", &uri));
    CHECK(uri.by_id && strcmp(uri.name, "device id/1") == 0);
    CHECK(parses("estprov:v1.a?socket=/run/my%20dir/keyd.sock", &uri));
    CHECK(strcmp(uri.socket, "/run/my dir/keyd.sock") == 0);
    CHECK(parses("estprov:id=%C3%A4", &uri));
    CHECK(strcmp(uri.name, "\xc3\xa4") == 0);
}

static void refuses(void)
{
    static const char *const bad[] = {
        "",
        "estprov",
        "estprov:",
        "estprov:?socket=/a",
        "estprov:id=",
        "file:x",
        "estprov:a%",
        "estprov:a%4",
        "estprov:a%zz",
        "estprov:a%00b",
        "estprov:a?",
        "estprov:a?path=/x",
        "estprov:a?b",
        "estprov:a\nb",
        "estprov:a?socket=",
        "estprov:a%0a",
        "estprov:a?socket=relative",
        "estprov:a?socket=/a&x=y",
    };
    struct key_uri uri;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!CHECK(!parses(bad[i], &uri)))
            (void)fprintf(stderr, "accepted: %s\n", bad[i]);
}

static void bounds(void)
{
    struct key_uri uri;
    char text[2048];

    (void)snprintf(text, sizeof(text), "estprov:%0*d", URI_NAME_LIMIT - 1, 0);
    CHECK(parses(text, &uri));
    (void)snprintf(text, sizeof(text), "estprov:%0*d", URI_NAME_LIMIT, 0);
    CHECK(!parses(text, &uri));
    (void)snprintf(text, sizeof(text), "estprov:a?socket=/%0*d", URI_SOCKET_LIMIT - 2, 0);
    CHECK(parses(text, &uri));
    (void)snprintf(text, sizeof(text), "estprov:a?socket=/%0*d", URI_SOCKET_LIMIT - 1, 0);
    CHECK(!parses(text, &uri));
}

static void escapes(void)
{
    char out[16];

    CHECK(uri_escape("a /~", out, sizeof(out)) && strcmp(out, "a%20%2F~") == 0);
    CHECK(uri_escape("\xc3", out, sizeof(out)) && strcmp(out, "%C3") == 0);
    CHECK(uri_escape("", out, sizeof(out)) && out[0] == '\0');
    CHECK(!uri_escape("////", out, 12));
    CHECK(uri_escape("///", out, 10));
}

void test_uri(void)
{
    run_test("a URI names a key by handle or id, and a socket", accepts);
    run_test("a malformed URI is refused", refuses);
    run_test("a URI's parts have limits", bounds);
    run_test("names are escaped for the request", escapes);
}
