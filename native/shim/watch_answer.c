#include "exchange.h"
#include "watch.h"

#include <errno.h>
#include <string.h>

static int wrong(struct estprov_watch *watch, const char *what)
{
    watch->changes.type = JSON_NONE;
    return fail(watch->context, -EPROTO, "the changes of the %s have %s", daemons[watch->daemon].service,
                what);
}

int watch_take(struct estprov_watch *watch)
{
    const size_t head_length = http_head_length(watch->reply.data, watch->reply.length);
    const char *const body = watch->reply.data + head_length;
    const size_t length = watch->reply.length - head_length;
    const struct json answer = json_parse(body, length);
    const struct json lost = json_member(&answer, "lost");
    const struct json number = json_member(&answer, "next");
    int64_t next;

    if (!json_number(&number, &next))
        return wrong(watch, "no number to go on from");
    watch->changes = json_member(&answer, "changes");
    if (watch->changes.type != JSON_ARRAY)
        return wrong(watch, "no list");
    watch->from = 0;
    watch->after = next;
    watch->reread = !watch->begun || (lost.type == JSON_WORD && lost.at[0] == 't');
    /* What was before the watch is not told: who wants to know how things stand looks himself. */
    if (!watch->begun)
        watch->changes.type = JSON_NONE;
    watch->begun = true;
    return 0;
}

static int read_change(struct estprov_watch *watch, const struct json *entry, struct estprov_change *change)
{
    struct estprov *const context = watch->context;
    int error;

    context->answering = watch->daemon;
    error = reply_text(context, entry, "kind", change->kind, sizeof(change->kind));

    if (error == 0)
        error = reply_optional(context, entry, "subject", change->subject, sizeof(change->subject));
    if (error == 0)
        error = reply_optional(context, entry, "time", change->time, sizeof(change->time));
    /* Of most kinds it is prose of any length. */
    if (error == 0 && strcmp(change->kind, "expiring") == 0)
        error = reply_optional(context, entry, "reason", change->reason, sizeof(change->reason));
    return error;
}

bool watch_tell(struct estprov_watch *watch, struct estprov_change *change, int *error)
{
    struct json entry;

    *error = 0;
    memset(change, 0, sizeof(*change));
    if (watch->reread) {
        watch->reread = false;
        memcpy(change->kind, "reread", sizeof("reread"));
        return true;
    }
    entry = json_next(&watch->changes, &watch->from);
    if (entry.type == JSON_NONE)
        return false;
    *error = read_change(watch, &entry, change);
    return true;
}
