#include "durable.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FOLDERS = 8, PATH_SIZE = 4096 };

struct bytes {
    char *data;
    size_t length;
};

struct name {
    char *text;
    struct node *node;
};

struct names {
    struct name *list;
    size_t count;
};

// A change of names in a folder since its last fsync. LINK has no from, UNLINK no to.
struct change {
    char *from, *to;
    struct node *node;
};

// A file or a folder. The descriptor keeps the inode, and with it its number, from being used again.
struct node {
    dev_t device;
    ino_t inode;
    int descriptor;
    bool folder;
    struct bytes synced;
    struct names durable;
    struct change *changes;
    size_t change_count;
    size_t durable_count; // of all changes that there were, so many are durable and not in the list any more
};

struct pending_sync {
    struct node *node;
    struct bytes content;
    size_t changes; // so many of all changes were made before it began
};

// The ways of losing power. Names: none of the changes that were not synced, all, or the last one alone.
// Content that was not synced: none, half, all.
static const struct way {
    const char *name;
    enum { NO_NAMES, ALL_NAMES, LAST_NAME } names;
    enum { NO_DATA, HALF_OF_DATA, ALL_DATA } data;
} ways[] = {
    {"dropped", NO_NAMES, NO_DATA},
    {"names-first", ALL_NAMES, NO_DATA},
    {"torn", ALL_NAMES, HALF_OF_DATA},
    {"last-name-only", LAST_NAME, ALL_DATA},
};

enum { WAYS = sizeof ways / sizeof *ways };

static struct node **nodes;
static size_t node_count;
static struct {
    char *path;
    struct node *node;
} folders[MOST_FOLDERS];
static size_t folder_count;

static void *more(void *list, size_t count, size_t size)
{
    void *longer = realloc(list, (count + 1) * size);
    if (!longer)
        err(70, "no memory");
    return longer;
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        err(70, "no memory");
    return made;
}

static struct bytes read_all(int descriptor)
{
    struct bytes content = {NULL, 0};
    char part[16384];
    ssize_t n;
    while ((n = pread(descriptor, part, sizeof part, (off_t)content.length)) > 0) {
        content.data = more(content.data, content.length + (size_t)n, 1);
        memcpy(content.data + content.length, part, (size_t)n);
        content.length += (size_t)n;
    }
    if (n < 0)
        err(74, "a state file cannot be read");
    return content;
}

static void forget(struct bytes *content)
{
    free(content->data);
    *content = (struct bytes){NULL, 0};
}

static struct node *node_at(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return NULL;
    for (size_t i = 0; i < node_count; i++)
        if (nodes[i]->inode == status.st_ino && nodes[i]->device == status.st_dev)
            return nodes[i];
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return NULL;
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        err(70, "no memory");
    *node = (struct node){.device = status.st_dev, .inode = status.st_ino, .folder = S_ISDIR(status.st_mode)};
    node->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (node->descriptor < 0)
        err(74, "%s cannot be opened", path);
    nodes = more(nodes, node_count, sizeof *nodes);
    nodes[node_count++] = node;
    return node;
}

static size_t find(const struct names *names, const char *text)
{
    size_t i = 0;
    while (i < names->count && strcmp(names->list[i].text, text) != 0)
        i++;
    return i;
}

static void set(struct names *names, const char *text, struct node *node)
{
    size_t i = find(names, text);
    if (i == names->count) {
        names->list = more(names->list, names->count, sizeof *names->list);
        names->list[names->count++] = (struct name){copy(text), node};
    } else {
        names->list[i].node = node;
    }
}

static void unset(struct names *names, const char *text)
{
    size_t i = find(names, text);
    if (i == names->count)
        return;
    free(names->list[i].text);
    names->list[i] = names->list[--names->count];
}

static void apply(struct names *names, const struct change *change)
{
    if (change->from)
        unset(names, change->from);
    if (change->to)
        set(names, change->to, change->node);
}

static void copy_names(struct names *to, const struct names *from)
{
    *to = (struct names){NULL, 0};
    for (size_t i = 0; i < from->count; i++)
        set(to, from->list[i].text, from->list[i].node);
}

static void free_names(struct names *names)
{
    while (names->count > 0)
        free(names->list[--names->count].text);
    free(names->list);
}

static void take_as_durable(struct node *node, const char *path)
{
    if (!node->folder) {
        node->synced = read_all(node->descriptor);
        return;
    }
    DIR *folder = opendir(path);
    if (!folder)
        err(74, "%s cannot be read", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char inner[PATH_SIZE];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner)
            errx(74, "%s: too long a path", path);
        struct node *child = node_at(inner);
        if (!child)
            continue;
        set(&node->durable, entry->d_name, child);
        take_as_durable(child, inner);
    }
    closedir(folder);
}

void durable_begin(const char *folder)
{
    if (folder_count == MOST_FOLDERS)
        errx(64, "too many folders");
    struct node *node = node_at(folder);
    if (!node || !node->folder)
        errx(74, "%s is no folder", folder);
    folders[folder_count].path = copy(folder);
    folders[folder_count++].node = node;
    take_as_durable(node, folder);
}

bool durable_covers(const char *path)
{
    for (size_t i = 0; i < folder_count; i++) {
        size_t length = strlen(folders[i].path);
        if (strncmp(path, folders[i].path, length) == 0 && (path[length] == '\0' || path[length] == '/'))
            return true;
    }
    return false;
}

// The folder of a path and the name in it; NULL where the folder is not ours.
static struct node *parent_of(const char *path, const char **name)
{
    char folder[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length == 0 || length >= sizeof folder)
        return NULL;
    memcpy(folder, path, length);
    folder[length] = '\0';
    *name = slash + 1;
    return durable_covers(folder) ? node_at(folder) : NULL;
}

static void note(struct node *folder, const char *from, const char *to, struct node *node)
{
    folder->changes = more(folder->changes, folder->change_count, sizeof *folder->changes);
    folder->changes[folder->change_count++] =
        (struct change){from ? copy(from) : NULL, to ? copy(to) : NULL, node};
}

void durable_created(const char *path)
{
    const char *name;
    struct node *folder = parent_of(path, &name), *node = node_at(path);
    if (folder && node)
        note(folder, NULL, name, node);
}

void durable_renamed(const char *from, const char *to)
{
    const char *old_name = NULL, *new_name = NULL;
    struct node *source = parent_of(from, &old_name), *target = parent_of(to, &new_name), *node = node_at(to);
    if (source && source == target && node) {
        note(source, old_name, new_name, node);
        return;
    }
    if (source)
        note(source, old_name, NULL, NULL);
    if (target && node)
        note(target, NULL, new_name, node);
}

void durable_removed(const char *path)
{
    const char *name;
    struct node *folder = parent_of(path, &name);
    if (folder)
        note(folder, name, NULL, NULL);
}

struct pending_sync *durable_sync_begins(const char *path)
{
    struct node *node = durable_covers(path) ? node_at(path) : NULL;
    struct pending_sync *sync = node ? calloc(1, sizeof *sync) : NULL;
    if (!sync)
        return NULL;
    sync->node = node;
    sync->changes = node->durable_count + node->change_count;
    if (!node->folder)
        sync->content = read_all(node->descriptor);
    return sync;
}

void durable_sync_ends(struct pending_sync *sync, bool succeeded)
{
    if (!sync)
        return;
    struct node *node = sync->node;
    if (!succeeded) {
        forget(&sync->content);
    } else if (!node->folder) {
        forget(&node->synced);
        node->synced = sync->content;
    } else {
        // Two fsyncs of one folder may overlap: what one has made durable, the other need not.
        size_t newly = sync->changes > node->durable_count ? sync->changes - node->durable_count : 0;
        for (size_t i = 0; i < newly; i++) {
            apply(&node->durable, &node->changes[i]);
            free(node->changes[i].from);
            free(node->changes[i].to);
        }
        node->durable_count += newly;
        node->change_count -= newly;
        memmove(node->changes, node->changes + newly, node->change_count * sizeof *node->changes);
    }
    free(sync);
}

// An image is one run of bytes, so that two can be compared: for each file its path, mode and content, for
// each folder its path and mode.
struct image {
    char *data;
    size_t length;
    FILE *stream;
};

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct name *)one)->text, ((const struct name *)other)->text);
}

static void put(struct image *image, const char *path, mode_t mode, const struct bytes *content)
{
    fprintf(image->stream, "%s%c%o%c%zd%c", path, '\0', (unsigned)mode, '\0',
            content ? (ssize_t)content->length : -1, '\0');
    if (content && content->length > 0)
        fwrite(content->data, 1, content->length, image->stream);
}

static void put_node(struct image *image, const struct node *node, const char *path, const struct way *way)
{
    struct stat status;
    if (fstat(node->descriptor, &status) != 0)
        err(74, "%s", path);
    if (!node->folder) {
        struct bytes current = read_all(node->descriptor);
        bool synced = current.length == node->synced.length &&
                      (current.length == 0 || memcmp(current.data, node->synced.data, current.length) == 0);
        struct bytes half = {current.data, current.length / 2};
        put(image, path, status.st_mode & 07777,
            synced || way->data == ALL_DATA ? &current
            : way->data == NO_DATA          ? &node->synced
                                            : &half);
        forget(&current);
        return;
    }
    put(image, path, status.st_mode & 07777, NULL);
    struct names names;
    copy_names(&names, &node->durable);
    size_t first = way->names == ALL_NAMES                             ? 0
                   : way->names == LAST_NAME && node->change_count > 0 ? node->change_count - 1
                                                                       : node->change_count;
    for (size_t i = first; i < node->change_count; i++)
        apply(&names, &node->changes[i]);
    if (names.count > 0)
        qsort(names.list, names.count, sizeof *names.list, by_name);
    for (size_t i = 0; i < names.count; i++) {
        char inner[PATH_SIZE];
        if (snprintf(inner, sizeof inner, "%s/%s", path, names.list[i].text) >= (int)sizeof inner)
            errx(74, "%s: too long a path", path);
        put_node(image, names.list[i].node, inner, way);
    }
    free_names(&names);
}

static void put_actual(struct image *image, const char *real, const char *path)
{
    struct stat status;
    if (lstat(real, &status) != 0)
        err(74, "%s", real);
    if (S_ISREG(status.st_mode)) {
        int descriptor = open(real, O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            err(74, "%s", real);
        struct bytes content = read_all(descriptor);
        close(descriptor);
        put(image, path, status.st_mode & 07777, &content);
        forget(&content);
        return;
    }
    if (!S_ISDIR(status.st_mode))
        return;
    put(image, path, status.st_mode & 07777, NULL);
    struct dirent **entries;
    int count = scandir(real, &entries, NULL, NULL);
    if (count < 0)
        err(74, "%s", real);
    struct names names = {NULL, 0};
    for (int i = 0; i < count; i++) {
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
            set(&names, entries[i]->d_name, NULL);
        free(entries[i]);
    }
    free(entries);
    if (names.count > 0)
        qsort(names.list, names.count, sizeof *names.list, by_name);
    for (size_t i = 0; i < names.count; i++) {
        char real_inner[PATH_SIZE], inner[PATH_SIZE];
        if (snprintf(real_inner, sizeof real_inner, "%s/%s", real, names.list[i].text) >=
                (int)sizeof real_inner ||
            snprintf(inner, sizeof inner, "%s/%s", path, names.list[i].text) >= (int)sizeof inner)
            errx(74, "%s: too long a path", real);
        put_actual(image, real_inner, inner);
    }
    free_names(&names);
}

static struct image open_image(void)
{
    return (struct image){NULL, 0, NULL};
}

static void begin_image(struct image *image)
{
    image->stream = open_memstream(&image->data, &image->length);
    if (!image->stream)
        err(70, "no memory");
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool same(const struct image *one, const struct image *other)
{
    return one->length == other->length && memcmp(one->data, other->data, one->length) == 0;
}

static void unfold(const struct image *image, const char *out)
{
    const char *at = image->data, *end = image->data + image->length;
    while (at < end) {
        char path[PATH_SIZE];
        if (snprintf(path, sizeof path, "%s/%s", out, at) >= (int)sizeof path)
            errx(74, "%s: too long a path", at);
        at += strlen(at) + 1;
        mode_t mode = (mode_t)strtoul(at, NULL, 8);
        at += strlen(at) + 1;
        ssize_t length = strtol(at, NULL, 10);
        at += strlen(at) + 1;
        if (length < 0) {
            if (mkdir(path, mode | 0700) != 0)
                err(73, "%s", path);
            continue;
        }
        int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (descriptor < 0 || write(descriptor, at, (size_t)length) != length ||
            fchmod(descriptor, mode) != 0)
            err(74, "%s", path);
        close(descriptor);
        at += length;
    }
}

void durable_write_images(const char *out, FILE *report)
{
    struct image images[WAYS + 1];
    for (size_t i = 0; i <= WAYS; i++) {
        images[i] = open_image();
        begin_image(&images[i]);
        for (size_t f = 0; f < folder_count; f++) {
            if (i == 0)
                put_actual(&images[i], folders[f].path, base_of(folders[f].path));
            else
                put_node(&images[i], folders[f].node, base_of(folders[f].path), &ways[i - 1]);
        }
        fclose(images[i].stream);
        bool known = false;
        for (size_t before = 0; before < i && !known; before++)
            known = same(&images[before], &images[i]);
        if (i == 0 || known)
            continue;
        char path[PATH_SIZE];
        if (snprintf(path, sizeof path, "%s/%s", out, ways[i - 1].name) >= (int)sizeof path)
            errx(74, "%s: too long a path", out);
        if (mkdir(path, 0700) != 0)
            err(73, "%s", path);
        unfold(&images[i], path);
        fprintf(report, "image %s\n", ways[i - 1].name);
    }
    for (size_t i = 0; i <= WAYS; i++)
        free(images[i].data);
}
