#include "json.h"

#include <errno.h>
#include <string.h>

enum { DEEPEST = 16 };

struct reader {
    const char *at;
    const char *end;
};

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r' || *reader->at == '\n'))
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX, or -1. */
static long hex_four(const char *at, const char *end)
{
    long value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The bytes of the UTF-8 sequence (RFC 3629 section 4) at this place; 0 where it is none. */
static size_t utf8_length(const char *text, const char *end)
{
    const unsigned char *const at = (const unsigned char *)text;
    const size_t left = (size_t)(end - text);
    const unsigned char lead = at[0];
    size_t length;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (left < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    /* Longer than needed, a surrogate, above U+10FFFF. */
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) || (lead == 0xf0 && at[1] < 0x90) ||
        (lead == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

/* The code point of an escape that stands behind its backslash, and the end of it; -1 where it is none. */
static long unescape(const char **at, const char *end)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    long point;
    long low;

    if (*at == end)
        return -1;
    if (**at != 'u') {
        const char *const found = memchr(plain, **at, sizeof(plain) - 1);

        (*at)++;
        return found == NULL ? -1 : meant[found - plain];
    }
    point = hex_four(++*at, end);
    if (point < 0 || (point >= 0xdc00 && point < 0xe000))
        return -1;
    *at += 4;
    if (point < 0xd800 || point >= 0xe000)
        return point;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    low = hex_four(*at + 2, end);
    if (low < 0xdc00 || low >= 0xe000)
        return -1;
    *at += 6;
    return 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
}

/* From behind the opening quote to behind the closing one. */
static bool skip_string(struct reader *reader)
{
    while (reader->at < reader->end) {
        const unsigned char c = (unsigned char)*reader->at;

        if (c == '"') {
            reader->at++;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c == '\\') {
            reader->at++;
            if (unescape(&reader->at, reader->end) < 0)
                return false;
        } else {
            const size_t length = utf8_length(reader->at, reader->end);

            if (length == 0)
                return false;
            reader->at += length;
        }
    }
    return false;
}

static size_t skip_digits(struct reader *reader)
{
    const char *const from = reader->at;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - from);
}

static bool skip_number(struct reader *reader)
{
    (void)take(reader, '-');
    if (!take(reader, '0') && skip_digits(reader) == 0)
        return false;
    if (take(reader, '.') && skip_digits(reader) == 0)
        return false;
    if (take(reader, 'e') || take(reader, 'E')) {
        if (!take(reader, '+'))
            (void)take(reader, '-');
        return skip_digits(reader) > 0;
    }
    return true;
}

static bool skip_word(struct reader *reader)
{
    static const char words[][6] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const size_t length = strlen(words[i]);

        if ((size_t)(reader->end - reader->at) >= length && memcmp(reader->at, words[i], length) == 0) {
            reader->at += length;
            return true;
        }
    }
    return false;
}

/* A value that is neither object nor array, or only the opening of one. */
static struct json read_start(struct reader *reader)
{
    struct json value = {JSON_NONE, reader->at, 0};
    bool good = true;

    if (reader->at == reader->end)
        return value;
    switch (*reader->at) {
    case '{':
        value.type = JSON_OBJECT;
        reader->at++;
        break;
    case '[':
        value.type = JSON_ARRAY;
        reader->at++;
        break;
    case '"':
        value.type = JSON_STRING;
        value.at = ++reader->at;
        good = skip_string(reader);
        value.length = (size_t)(reader->at - value.at) - (good ? 1 : 0);
        break;
    case 't':
    case 'f':
    case 'n':
        value.type = JSON_WORD;
        good = skip_word(reader);
        value.length = (size_t)(reader->at - value.at);
        break;
    default:
        value.type = JSON_NUMBER;
        good = skip_number(reader);
        value.length = (size_t)(reader->at - value.at);
    }
    if (!good)
        value.type = JSON_NONE;
    return value;
}

/* The name and colon that stand before a member's value. */
static bool read_name(struct reader *reader, struct json *name)
{
    skip_space(reader);
    *name = read_start(reader);
    skip_space(reader);
    if (name->type != JSON_STRING || !take(reader, ':'))
        return false;
    skip_space(reader);
    return true;
}

/* One whole value; containers are followed without recursion, by a stack of their kinds. */
static struct json read_value(struct reader *reader)
{
    static const struct json none = {JSON_NONE, NULL, 0};
    bool in_object[DEEPEST];
    int depth = 0;
    struct json whole = read_start(reader);
    struct json value = whole;
    struct json name;

    if (value.type == JSON_NONE)
        return none;
    for (;;) {
        /* Here a value has been begun, and is complete unless it is a container. */
        if (value.type == JSON_OBJECT || value.type == JSON_ARRAY) {
            const bool object = value.type == JSON_OBJECT;

            if (depth == DEEPEST)
                return none;
            in_object[depth++] = object;
            skip_space(reader);
            if (!take(reader, object ? '}' : ']')) {
                if (object && !read_name(reader, &name))
                    return none;
                value = read_start(reader);
                if (value.type == JSON_NONE)
                    return none;
                continue;
            }
            depth--;
        }
        /* Behind a complete value: the ends of what it was the last of. */
        for (skip_space(reader); depth > 0; depth--, skip_space(reader))
            if (!take(reader, in_object[depth - 1] ? '}' : ']'))
                break;
        if (depth == 0)
            break;
        if (!take(reader, ','))
            return none;
        skip_space(reader);
        if (in_object[depth - 1] && !read_name(reader, &name))
            return none;
        value = read_start(reader);
        if (value.type == JSON_NONE)
            return none;
    }
    if (whole.type == JSON_OBJECT || whole.type == JSON_ARRAY)
        whole.length = (size_t)(reader->at - whole.at);
    return whole;
}

struct json json_parse(const char *text, size_t length)
{
    struct reader reader = {text, text + length};
    struct json value;

    skip_space(&reader);
    value = read_value(&reader);
    if (reader.at != reader.end)
        value.type = JSON_NONE;
    return value;
}

struct json json_member(const struct json *object, const char *name)
{
    struct json value = {JSON_NONE, NULL, 0};
    struct reader reader;
    struct json key;

    if (object->type != JSON_OBJECT)
        return value;
    reader.at = object->at + 1;
    reader.end = object->at + object->length;
    do {
        if (!read_name(&reader, &key))
            break;
        value = read_value(&reader);
        if (key.length == strlen(name) && memcmp(key.at, name, key.length) == 0)
            return value;
    } while (take(&reader, ','));
    value.type = JSON_NONE;
    return value;
}

struct json json_next(const struct json *array, size_t *from)
{
    struct json value = {JSON_NONE, NULL, 0};
    struct reader reader;

    if (array->type != JSON_ARRAY)
        return value;
    reader.at = array->at + *from;
    reader.end = array->at + array->length;
    /* Before the first stands the bracket, before the others a comma. */
    if (!take(&reader, '[') && !take(&reader, ','))
        return value;
    skip_space(&reader);
    if (reader.at < reader.end && *reader.at == ']')
        return value;
    value = read_value(&reader);
    *from = (size_t)(reader.at - array->at);
    return value;
}

/* RFC 3629 section 3. */
static size_t write_utf8(long point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

int json_text(const struct json *value, char *out, size_t size, size_t *length)
{
    const char *at = value->at;
    const char *const end = value->at + value->length;
    size_t used = 0;

    if (value->type != JSON_STRING)
        return -EPROTO;
    while (at < end) {
        char bytes[4] = {*at++, 0, 0, 0};
        size_t count = 1;

        if (bytes[0] == '\\') {
            const long point = unescape(&at, end);

            if (point <= 0)
                return -EPROTO;
            count = write_utf8(point, bytes);
        }
        if (used + count >= size)
            return -ERANGE;
        memcpy(out + used, bytes, count);
        used += count;
    }
    out[used] = '\0';
    if (length != NULL)
        *length = used;
    return 0;
}

bool json_number(const struct json *value, int64_t *out)
{
    int64_t number = 0;

    if (value->type != JSON_NUMBER)
        return false;
    for (size_t i = 0; i < value->length; i++) {
        const int digit = value->at[i] - '0';

        if (digit < 0 || digit > 9 || number > (INT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}
