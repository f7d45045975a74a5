#include "../../common/json.h"
#include "../../common/shown.h"
#include "check.h"
#include "shim_tests.h"

#include <errno.h>
#include <string.h>

static enum json_type type_of(const char *text)
{
    return json_parse(text, strlen(text)).type;
}

static void good(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " {\"a\" : [ 1 , -0.5e+3, 0, 1E-2 ] , \"b\":null } ",
        "\"\"",
        "true",
        "false",
        "null",
        "[[],{}]",
        "\"\\u00e9 \\ud83d\\ude00 \\\" \\\\ \\/ \\b \\f \\n \\r \\t\"",
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "\xe0\xa0\x80",
    };
    const size_t count = sizeof(texts) / sizeof(texts[0]) - 1;

    for (size_t i = 0; i < count; i++)
        if (!CHECK(type_of(texts[i]) != JSON_NONE))
            CHECK_TEXT_HAS(texts[i], "(the text)");
}

static void bad(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "}",
        "]",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,]",
        "{,}",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "'a'",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\n\"",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc3\"",
        "\"\xc3(\"",
        "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x80\x80\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "tru",
        "truth",
        "nul",
        "falsE",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1 2",
        "{} {}",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
        "{\"a\" 1}",
        "[1",
        "{\"a\":1",
        "{\"a\":\"",
        "{\"a",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!CHECK(type_of(texts[i]) == JSON_NONE))
            CHECK_TEXT_HAS(texts[i], "(the text)");
    CHECK(json_parse("{}\0", 3).type == JSON_NONE);
}

static struct json member(const char *text, const char *name)
{
    const struct json object = json_parse(text, strlen(text));

    return json_member(&object, name);
}

static void members(void)
{
    static const char text[] =
        "{\"a\":{\"b\":\"inner\"},\"b\":\"outer\",\"b\":\"again\",\"ab\":7,\"n\":null}";
    struct json value = member(text, "b");
    const struct json inner = member(text, "a");
    char out[16];

    CHECK_INT(json_text(&value, out, sizeof(out), NULL), 0);
    CHECK(strcmp(out, "outer") == 0);
    value = json_member(&inner, "b");
    CHECK_INT(json_text(&value, out, sizeof(out), NULL), 0);
    CHECK(strcmp(out, "inner") == 0);
    CHECK(member(text, "c").type == JSON_NONE);
    CHECK(member("{}", "c").type == JSON_NONE);
    CHECK(member("[]", "c").type == JSON_NONE);
    CHECK(member("{\"\\u0061\":1}", "a").type == JSON_NONE);
    CHECK(member(text, "n").type == JSON_WORD);
}

static void texts(void)
{
    struct json value = member("{\"a\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\"}", "a");
    char out[16];
    size_t length;

    CHECK_INT(json_text(&value, out, sizeof(out), &length), 0);
    CHECK_INT(length, 11);
    CHECK(strcmp(out, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n") == 0);
    CHECK_INT(json_text(&value, out, 12, NULL), 0);
    CHECK_INT(json_text(&value, out, 11, NULL), -ERANGE);
    value = member("{\"a\":\"x\\u0000y\"}", "a");
    CHECK_INT(json_text(&value, out, sizeof(out), NULL), -EPROTO);
    value = member("{\"a\":1}", "a");
    CHECK_INT(json_text(&value, out, sizeof(out), NULL), -EPROTO);
}

static bool number(const char *text, int64_t *out)
{
    const struct json value = json_parse(text, strlen(text));

    return json_number(&value, out);
}

static void numbers(void)
{
    int64_t out = -1;

    CHECK(number("0", &out) && out == 0);
    CHECK(number("9223372036854775807", &out) && out == INT64_MAX);
    CHECK(!number("9223372036854775808", &out));
    CHECK(!number("99999999999999999999", &out));
    CHECK(!number("-1", &out));
    CHECK(!number("1.5", &out));
    CHECK(!number("1e3", &out));
    CHECK(!number("\"1\"", &out));
}

static void arrays(void)
{
    static const char text[] = "[ 1 , [2,3] ,\"x\" ]";
    const struct json array = json_parse(text, strlen(text));
    const struct json empty = json_parse("[ ]", 3);
    size_t from = 0;

    CHECK(json_next(&array, &from).type == JSON_NUMBER);
    CHECK(json_next(&array, &from).type == JSON_ARRAY);
    CHECK(json_next(&array, &from).type == JSON_STRING);
    CHECK(json_next(&array, &from).type == JSON_NONE);
    CHECK(json_next(&array, &from).type == JSON_NONE);
    from = 0;
    CHECK(json_next(&empty, &from).type == JSON_NONE);
}

/* Under UBSan: nothing is reckoned from its NULL. */
static void nothing(void)
{
    const struct json object = json_parse("{}", 2);
    const struct json none = json_member(&object, "a");
    const struct json inner = json_member(&none, "b");
    size_t from = 0;

    CHECK(none.type == JSON_NONE && inner.type == JSON_NONE);
    CHECK(json_next(&none, &from).type == JSON_NONE);
    from = 7;
    CHECK(json_next(&none, &from).type == JSON_NONE);
}

static void cut(void)
{
    static const char text[] = "{\"a\":\"1234\\ud83d\\ude00567\",\"b\":\"12\xc3\xa9\xc3\xa9"
                               "89\",\"c\":\"1234567\"}";
    const struct json object = json_parse(text, strlen(text));
    char out[8];

    /* Bytes that would be taken for the middle of a character. */
    memset(out, 0x80, sizeof(out));
    shown(&object, "a", out, sizeof(out));
    CHECK(strcmp(out, "1234...") == 0);
    memset(out, 0x80, sizeof(out));
    shown(&object, "b", out, sizeof(out));
    CHECK(strcmp(out, "12\xc3\xa9...") == 0);
    memset(out, 0x80, sizeof(out));
    shown(&object, "c", out, sizeof(out));
    CHECK(strcmp(out, "1234567") == 0);
    shown(&object, "d", out, sizeof(out));
    CHECK(out[0] == '\0');
}

void test_json(void)
{
    run_test("json that is right is taken", good);
    run_test("json that is wrong is refused", bad);
    run_test("json members are found, the first of a name, in their own object", members);
    run_test("json texts are unescaped to UTF-8, without zeros, within their room", texts);
    run_test("json numbers are whole and positive", numbers);
    run_test("json arrays are walked through", arrays);
    run_test("what is not there has no members and no elements", nothing);
    run_test("texts are cut for a log between characters, whatever was in their room", cut);
}
