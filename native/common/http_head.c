#include "http_head.h"

#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t length;
};

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is(const struct span *text, const char *word)
{
    return text->length == strlen(word) && strncasecmp(text->at, word, text->length) == 0;
}

/* RFC 9112 section 4: HTTP/1.1, a blank, three digits, and a blank before the phrase. */
static bool parse_status(const struct span *line, int *status)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t skip = sizeof(version) - 1;

    if (line->length < skip + 3 || memcmp(line->at, version, skip) != 0)
        return false;
    *status = 0;
    for (size_t i = skip; i < skip + 3; i++) {
        if (line->at[i] < '0' || line->at[i] > '9')
            return false;
        *status = *status * 10 + (line->at[i] - '0');
    }
    return *status >= 200 && *status <= 599 && (line->length == skip + 3 || line->at[skip + 3] == ' ');
}

static bool parse_length(const struct span *text, size_t limit, size_t *length)
{
    size_t value = 0;

    if (text->length == 0)
        return false;
    for (size_t i = 0; i < text->length; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        value = value * 10 + (size_t)(text->at[i] - '0');
        if (value > limit)
            return false;
    }
    *length = value;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *parse_field(const struct span *line, size_t body_limit, struct http_head *head,
                               bool *has_length)
{
    struct span name = {line->at, 0};
    struct span value;

    while (name.length < line->length && is_token_char(line->at[name.length]))
        name.length++;
    if (name.length == 0 || name.length == line->length || line->at[name.length] != ':')
        return "has a malformed header field";
    value.at = line->at + name.length + 1;
    value.length = line->length - name.length - 1;
    for (; value.length > 0 && is_blank(value.at[0]); value.length--)
        value.at++;
    while (value.length > 0 && is_blank(value.at[value.length - 1]))
        value.length--;
    for (size_t i = 0; i < value.length; i++)
        if (((unsigned char)value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f)
            return "has a control character in a header field";

    if (is(&name, "Content-Length")) {
        if (*has_length || !parse_length(&value, body_limit, &head->content_length))
            return "has a wrong or too large Content-Length";
        *has_length = true;
    } else if (is(&name, "Transfer-Encoding")) {
        return "has a Transfer-Encoding";
    } else if (is(&name, "Connection")) {
        head->close = head->close || is(&value, "close");
    } else if (is(&name, "Estprov-Key-Handle")) {
        head->key_handle = value.at;
        head->key_handle_length = value.length;
    }
    return NULL;
}

size_t http_head_length(const char *text, size_t length)
{
    const char *const end = memmem(text, length, "\r\n\r\n", 4);

    return end == NULL ? 0 : (size_t)(end - text) + 4;
}

const char *http_head_parse(const char *text, size_t length, size_t body_limit, struct http_head *head)
{
    const char *const end = text + length;
    bool first = true;
    bool has_length = false;

    memset(head, 0, sizeof(*head));
    while (text < end) {
        const char *const stop = memmem(text, (size_t)(end - text), "\r\n", 2);
        struct span line = {text, 0};
        const char *wrong = NULL;

        if (stop == NULL)
            return "has a malformed line end";
        line.length = (size_t)(stop - text);
        text = stop + 2;
        if (line.length == 0)
            break;
        if (!first)
            wrong = parse_field(&line, body_limit, head, &has_length);
        else if (!parse_status(&line, &head->status))
            wrong = "does not begin with an HTTP/1.1 status line";
        if (wrong != NULL)
            return wrong;
        first = false;
    }
    if (first)
        return "does not begin with an HTTP/1.1 status line";
    if (!has_length && head->status != 204 && head->status != 304)
        return "has no Content-Length";
    return NULL;
}
