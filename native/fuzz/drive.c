/*
 * Where there is no libFuzzer: replays a corpus, and, given seconds, mutates it, keeping what takes an edge
 * that nothing took before (gcc's -fsanitize-coverage=trace-pc). The input in hand is written to OUT/crash
 * when a sanitizer ends the process. usage: TARGET CORPUS [SECONDS OUT]
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 8192, MOST_INPUTS = 20000, MAP = 1 << 16, HANG_S = 20 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input inputs[MOST_INPUTS];
static size_t input_count;
static uint8_t current[LONGEST];
static size_t current_size;
static const char *out;
static uint8_t seen[MAP];
static uint8_t hit[MAP];
static uintptr_t previous;
static uint64_t state;

void __sanitizer_cov_trace_pc(void);
void __asan_set_death_callback(void (*callback)(void));
void __sanitizer_print_stack_trace(void);

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
    const uintptr_t here = (uintptr_t)__builtin_return_address(0);

    hit[(here ^ previous >> 1) % MAP] = 1;
    previous = here;
}

/* xorshift64* */
static uint64_t draw(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dULL;
}

static void save(const char *folder, const char *name)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (file == NULL)
        return;
    (void)fwrite(current, 1, current_size, file);
    (void)fclose(file);
}

static void on_death(void)
{
    if (out != NULL)
        save(out, "crash");
}

static void on_alarm(int number)
{
    (void)number;
    (void)fprintf(stderr, "hangs\n");
    __sanitizer_print_stack_trace();
    on_death();
    abort();
}

static bool run(void)
{
    bool new_edge = false;

    memset(hit, 0, sizeof(hit));
    previous = 0;
    (void)alarm(HANG_S);
    (void)LLVMFuzzerTestOneInput(current, current_size);
    for (size_t i = 0; i < MAP; i++) {
        if (hit[i] && !seen[i]) {
            seen[i] = 1;
            new_edge = true;
        }
    }
    return new_edge;
}

static void keep(void)
{
    struct input *const input = &inputs[input_count];

    if (input_count == MOST_INPUTS)
        return;
    input->data = malloc(current_size + 1);
    if (input->data == NULL)
        abort();
    memcpy(input->data, current, current_size);
    input->size = current_size;
    input_count++;
}

static int read_corpus(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    if (entries == NULL)
        return 0;
    while ((entry = readdir(entries)) != NULL) {
        char path[1024];
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        file = fopen(path, "rb");
        if (file == NULL)
            continue;
        current_size = fread(current, 1, sizeof(current), file);
        (void)fclose(file);
        (void)run();
        keep();
        count++;
    }
    (void)closedir(entries);
    return count;
}

static void mutate_once(void)
{
    static const char *const words[] = {"\r\n\r\n", "\\u0000",          "\\ud83d\\ude00", "[[",  "{\"",
                                        "null",     "Content-Length: ", "\"lost\":true,", "%00", "-----"};
    const size_t at = current_size == 0 ? 0 : draw() % current_size;
    const struct input *const other = &inputs[draw() % input_count];
    const char *const word = words[draw() % (sizeof(words) / sizeof(words[0]))];
    size_t length;

    switch (draw() % 7) {
    case 0:
        if (current_size > 0)
            current[at] ^= (uint8_t)(1U << draw() % 8);
        break;
    case 1:
        if (current_size > 0)
            current[at] = (uint8_t)draw();
        break;
    case 2: /* cut out */
        length = current_size == 0 ? 0 : draw() % (current_size - at) % 16 + 1;
        if (current_size > 0 && length <= current_size - at) {
            memmove(current + at, current + at + length, current_size - at - length);
            current_size -= length;
        }
        break;
    case 3: /* repeat */
        length = current_size - at < 32 ? current_size - at : 32;
        if (current_size + length <= LONGEST) {
            memmove(current + at + length, current + at, current_size - at);
            current_size += length;
        }
        break;
    case 4:
        length = strlen(word);
        if (current_size + length <= LONGEST) {
            memmove(current + at + length, current + at, current_size - at);
            memcpy(current + at, word, length);
            current_size += length;
        }
        break;
    case 5: /* the end of another */
        if (other->size > 0) {
            const size_t from = draw() % other->size;

            length = other->size - from < LONGEST - at ? other->size - from : LONGEST - at;
            memcpy(current + at, other->data + from, length);
            current_size = at + length;
        }
        break;
    default:
        if (draw() % 8 == 0)
            current_size = at;
    }
}

int main(int argc, char **argv)
{
    unsigned long executions = 0;
    time_t end;
    int count;

    if (argc != 2 && argc != 4) {
        (void)fprintf(stderr, "usage: %s CORPUS [SECONDS OUT]\n", argv[0]);
        return 64;
    }
    out = argc == 4 ? argv[3] : NULL;
    __asan_set_death_callback(on_death);
    (void)signal(SIGALRM, on_alarm);
    count = read_corpus(argv[1]);
    if (count == 0) {
        (void)fprintf(stderr,
                      "error: there is no corpus in %s\nhint: native/fuzz/corpora has one for each target\n",
                      argv[1]);
        return 1;
    }
    if (out == NULL) {
        (void)printf("%s: %d inputs\n%d passed, 0 failed, 0 skipped\n", argv[1], count, count);
        return 0;
    }
    state = (uint64_t)time(NULL) * 2654435761U | 1;
    end = time(NULL) + atol(argv[2]);
    while (time(NULL) < end) {
        for (int i = 0; i < 200; i++, executions++) {
            const struct input *const from = &inputs[draw() % input_count];
            char name[40];

            memcpy(current, from->data, from->size);
            current_size = from->size;
            for (uint64_t steps = draw() % 6 + 1; steps > 0; steps--)
                mutate_once();
            if (run()) {
                keep();
                (void)snprintf(name, sizeof(name), "input-%05zu", input_count);
                save(out, name);
            }
        }
    }
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].data);
    (void)printf("%lu executions, %zu inputs kept of which %d were there, nothing found\n", executions,
                 input_count, count);
    return 0;
}
