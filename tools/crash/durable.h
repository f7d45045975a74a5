// What of a state folder would survive the loss of power, by POSIX's word and no more: a file's content after
// fsync of the file, a name after fsync of its folder.
#ifndef ESTPROV_CRASH_DURABLE_H
#define ESTPROV_CRASH_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// A fsync under way: what it will have made durable is what was there when it began.
struct pending_sync;

// Everything under the folder is durable now.
void durable_begin(const char *folder);
bool durable_covers(const char *path);

// After the call of that name has succeeded.
void durable_created(const char *path);
void durable_renamed(const char *from, const char *to);
void durable_removed(const char *path);

// NULL where the path is not of a folder that was begun.
struct pending_sync *durable_sync_begins(const char *path);
void durable_sync_ends(struct pending_sync *sync, bool succeeded);

// Writes under OUT one folder for each way in which a loss of power could have left things other than they
// are and other than in the ways before it; its name goes to the report.
void durable_write_images(const char *out, FILE *report);

#endif
