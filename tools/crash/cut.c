// Runs the daemons of a device, and kills them all as one of them enters the nth call that writes. On the way
// it keeps account of what is durable (durable.c), and at the end it lays down what a loss of power would
// have left.
//
// usage: cut [-v NAME -c PLACE -n N] [-i OUT] [-s STATE]... [-o OTHER]... [-t TOKEN] [-w SOCKETS] [-l LOGS]
// [-u] -- NAME PROGRAM ARGUMENT... [-- NAME ...]
//   -v NAME -c own|token -n N   who is killed, and at which of its calls on its own files or on the token's;
//   without them the calls are counted -i OUT                      where the images go -s STATE folder whose
//   durable content is judged; -o OTHER: folder whose calls count as own, and are not judged -w SOCKETS -l
//   LOGS          NAME.sock there tells that a daemon serves: the next one starts then; NAME.log takes its
//   lines -u                          the daemons run freely
// It ends, and the daemons with it, at the nth call or when its standard input ends. Then it reports, a line
// each:
//   killed NAME PLACE N CALL PATH        count NAME PLACE N        ended NAME STATUS        image WAY
#include "durable.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_DAEMONS = 4, MOST_FOLDERS = 8, MOST_THREADS = 1024, PATH_SIZE = 4096 };

enum place { OWN, TOKEN, PLACES, NOWHERE };

static const char *const place_names[] = {"own", "token"};

// What a call does to names and content. The arguments are where path and descriptor stand in it, -1 where
// there is none.
enum effect { OPEN, WRITE, SYNC, TRUNCATE, RENAME, LINK, UNLINK, MAKE_FOLDER };

static const struct call {
    int number;
    const char *name;
    enum effect effect;
    int descriptor, folder, path, to_folder, to, flags;
} calls[] = {
#ifdef __NR_open
    {__NR_open, "open", OPEN, -1, -1, 0, -1, -1, 1},
    {__NR_creat, "creat", OPEN, -1, -1, 0, -1, -1, -1},
    {__NR_rename, "rename", RENAME, -1, -1, 0, -1, 1, -1},
    {__NR_link, "link", LINK, -1, -1, 0, -1, 1, -1},
    {__NR_symlink, "symlink", LINK, -1, -1, -1, -1, 1, -1},
    {__NR_unlink, "unlink", UNLINK, -1, -1, 0, -1, -1, -1},
    {__NR_rmdir, "rmdir", UNLINK, -1, -1, 0, -1, -1, -1},
    {__NR_mkdir, "mkdir", MAKE_FOLDER, -1, -1, 0, -1, -1, -1},
#endif
#ifdef __NR_renameat
    {__NR_renameat, "renameat", RENAME, -1, 0, 1, 2, 3, -1},
#endif
    {__NR_openat, "openat", OPEN, -1, 0, 1, -1, -1, 2},
    {__NR_write, "write", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_pwrite64, "pwrite64", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_writev, "writev", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_pwritev, "pwritev", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_pwritev2, "pwritev2", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_sendfile, "sendfile", WRITE, 0, -1, -1, -1, -1, -1},
    {__NR_copy_file_range, "copy_file_range", WRITE, 2, -1, -1, -1, -1, -1},
    {__NR_fallocate, "fallocate", TRUNCATE, 0, -1, -1, -1, -1, -1},
    {__NR_ftruncate, "ftruncate", TRUNCATE, 0, -1, -1, -1, -1, -1},
    {__NR_truncate, "truncate", TRUNCATE, -1, -1, 0, -1, -1, -1},
    {__NR_fsync, "fsync", SYNC, 0, -1, -1, -1, -1, -1},
    {__NR_fdatasync, "fdatasync", SYNC, 0, -1, -1, -1, -1, -1},
    {__NR_renameat2, "renameat2", RENAME, -1, 0, 1, 2, 3, -1},
    {__NR_linkat, "linkat", LINK, -1, 0, 1, 2, 3, -1},
    {__NR_symlinkat, "symlinkat", LINK, -1, -1, -1, 1, 2, -1},
    {__NR_unlinkat, "unlinkat", UNLINK, -1, 0, 1, -1, -1, -1},
    {__NR_mkdirat, "mkdirat", MAKE_FOLDER, -1, 0, 1, -1, -1, -1},
};

enum { CALLS = sizeof calls / sizeof *calls };

struct daemon {
    const char *name;
    char **command;
    pid_t process;
    bool ended;
    int status;
    unsigned long count[PLACES];
};

// A thread of a daemon; while a call of it is under way that the account needs the outcome of, that call.
struct thread {
    pid_t id;
    struct daemon *daemon;
    const struct call *call;
    bool existed;
    char path[PATH_SIZE], to[PATH_SIZE];
    struct pending_sync *sync;
};

static struct daemon daemons[MOST_DAEMONS];
static int daemon_count;
static struct thread threads[MOST_THREADS];
static const char *state[MOST_FOLDERS], *other[MOST_FOLDERS], *token;
static int state_count, other_count;
static const char *victim, *images, *sockets, *logs;
static enum place victim_place;
static unsigned long victim_call;
static bool freely, unsynced;
static atomic_bool over;

static void kill_all(void)
{
    atomic_store(&over, true);
    for (int i = 0; i < daemon_count; i++)
        if (daemons[i].process > 0 && !daemons[i].ended)
            kill(daemons[i].process, SIGKILL);
}

static void *wait_for_end_of_input(void *unused)
{
    (void)unused;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    kill_all();
    return NULL;
}

static bool within(const char *path, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;
    return length > 0 && strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static enum place place_of(const char *path)
{
    if (path[0] == '\0')
        return NOWHERE;
    if (within(path, token))
        return TOKEN;
    for (int i = 0; i < state_count; i++)
        if (within(path, state[i]))
            return OWN;
    for (int i = 0; i < other_count; i++)
        if (within(path, other[i]))
            return OWN;
    return NOWHERE;
}

// Only what may write comes here: an open for reading passes in the kernel.
static void install_filter(void)
{
    enum { WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC };
    struct sock_filter filter[2 + CALLS * 5];
    unsigned short n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CALLS; i++) {
        bool asks = calls[i].flags >= 0;
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0,
                                                   asks ? 4 : 1);
        if (asks) {
            uint32_t flags = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)calls[i].flags);
            filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags);
            filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, WRITES, 1, 0);
            filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        }
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        err(71, "seccomp");
}

static void redirect(const char *name)
{
    char path[PATH_SIZE];
    int input = open("/dev/null", O_RDONLY);
    int output = -1;
    if (logs && snprintf(path, sizeof path, "%s/%s.log", logs, name) < (int)sizeof path)
        output = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    else
        output = open("/dev/null", O_WRONLY);
    if (input < 0 || output < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        err(71, "%s: its log", name);
    close(input);
    close(output);
}

static void start(struct daemon *daemon)
{
    int go[2];
    if (pipe2(go, O_CLOEXEC) != 0)
        err(71, "pipe");
    daemon->process = fork();
    if (daemon->process < 0)
        err(71, "fork");
    if (daemon->process == 0) {
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(go[0], &byte, 1) != 1)
            _exit(71);
        redirect(daemon->name);
        if (!freely)
            install_filter();
        execv(daemon->command[0], daemon->command);
        err(71, "%s", daemon->command[0]);
    }
    enum {
        OPTIONS = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                  PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL
    };
    if (!freely && ptrace(PTRACE_SEIZE, daemon->process, NULL, (void *)OPTIONS) != 0)
        err(71, "%s cannot be watched", daemon->name);
    if (write(go[1], "", 1) != 1)
        err(71, "pipe");
    close(go[0]);
    close(go[1]);
}

static bool serves(const struct daemon *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!sockets)
        return true;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", sockets, daemon->name) >=
        (int)sizeof address.sun_path)
        errx(64, "%s: too long a path", sockets);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0;
    if (connection >= 0)
        close(connection);
    return answered;
}

static struct thread *thread_of(pid_t id)
{
    struct thread *unused = NULL;
    for (int i = 0; i < MOST_THREADS; i++) {
        if (threads[i].id == id)
            return &threads[i];
        if (threads[i].id == 0 && !unused)
            unused = &threads[i];
    }
    if (!unused)
        errx(70, "too many threads");
    char path[64], line[256];
    pid_t process = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)id);
    FILE *status = fopen(path, "re");
    while (status && process == 0 && fgets(line, sizeof line, status))
        if (sscanf(line, "Tgid: %d", &process) != 1)
            process = 0;
    if (status)
        fclose(status);
    for (int i = 0; i < daemon_count; i++) {
        if (daemons[i].process != process)
            continue;
        *unused = (struct thread){.id = id, .daemon = &daemons[i]};
        return unused;
    }
    return NULL;
}

static void read_text(pid_t id, uint64_t address, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t at = 0; at + sizeof(long) < size; at += sizeof(long)) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKDATA, id, (void *)(uintptr_t)(address + at), NULL);
        if (word == -1 && errno != 0) {
            text[at] = '\0';
            return;
        }
        memcpy(text + at, &word, sizeof word);
        if (memchr(&word, 0, sizeof word))
            return;
    }
    text[0] = '\0';
}

static void read_link(const char *link, char *path, size_t size)
{
    ssize_t length = readlink(link, path, size - 1);
    path[length > 0 ? length : 0] = '\0';
}

static void path_of_descriptor(pid_t id, int descriptor, char *path, size_t size)
{
    char link[64];
    if (descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)id);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)id, descriptor);
    read_link(link, path, size);
}

static void path_of_argument(pid_t id, const uint64_t *arguments, int folder, int text, char *path)
{
    path[0] = '\0';
    if (text < 0)
        return;
    char given[PATH_SIZE];
    read_text(id, arguments[text], given, sizeof given);
    if (given[0] == '/' || given[0] == '\0') {
        memcpy(path, given, strlen(given) + 1);
        return;
    }
    char base[PATH_SIZE];
    path_of_descriptor(id, folder < 0 ? AT_FDCWD : (int)arguments[folder], base, sizeof base);
    if (snprintf(path, PATH_SIZE, "%s/%s", base, given) >= PATH_SIZE)
        path[0] = '\0';
}

static const struct call *call_of(uint64_t number)
{
    for (size_t i = 0; i < CALLS; i++)
        if ((uint64_t)calls[i].number == number)
            return &calls[i];
    return NULL;
}

static void begin(struct thread *thread)
{
    const struct call *call = thread->call;
    struct stat status;
    thread->existed = call->effect == OPEN && lstat(thread->path, &status) == 0;
    thread->sync = call->effect == SYNC ? durable_sync_begins(thread->path) : NULL;
}

static void end(struct thread *thread, bool succeeded)
{
    const struct call *call = thread->call;
    thread->call = NULL;
    if (call->effect == SYNC)
        durable_sync_ends(thread->sync, succeeded && !unsynced);
    thread->sync = NULL;
    if (!succeeded)
        return;
    switch (call->effect) {
    case OPEN:
        if (!thread->existed)
            durable_created(thread->path);
        break;
    case MAKE_FOLDER:
        durable_created(thread->path);
        break;
    case LINK:
        durable_created(thread->to);
        break;
    case RENAME:
        durable_renamed(thread->path, thread->to);
        break;
    case UNLINK:
        durable_removed(thread->path);
        break;
    case WRITE:
    case TRUNCATE:
    case SYNC:
        // Content is looked at when a file is synced, and at the end.
        break;
    }
}

// A call that may write is about to be made. False where this is the end.
static bool enter(struct thread *thread, bool *watch)
{
    struct __ptrace_syscall_info info;
    *watch = false;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->id, (void *)sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_SECCOMP)
        return true;
    const struct call *call = call_of(info.seccomp.nr);
    if (!call)
        return true;
    if (call->descriptor >= 0)
        path_of_descriptor(thread->id, (int)info.seccomp.args[call->descriptor], thread->path,
                           sizeof thread->path);
    else
        path_of_argument(thread->id, info.seccomp.args, call->folder, call->path, thread->path);
    path_of_argument(thread->id, info.seccomp.args, call->to_folder, call->to, thread->to);
    const char *path = place_of(thread->path) != NOWHERE ? thread->path : thread->to;
    enum place place = place_of(path);
    if (place == NOWHERE)
        return true;
    unsigned long n = ++thread->daemon->count[place];
    if (victim && place == victim_place && n == victim_call && strcmp(thread->daemon->name, victim) == 0) {
        printf("killed %s %s %lu %s %s\n", victim, place_names[place], n, call->name, path);
        return false;
    }
    *watch = durable_covers(thread->path) || durable_covers(thread->to);
    if (*watch) {
        thread->call = call;
        begin(thread);
    }
    return true;
}

static void ended(pid_t id, int status)
{
    for (int i = 0; i < daemon_count; i++) {
        if (daemons[i].process != id)
            continue;
        daemons[i].ended = true;
        daemons[i].status = status;
        // One that ends by itself is a finding; it goes on without the others.
        if (!atomic_load(&over))
            printf("ended %s %d\n", daemons[i].name,
                   WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        kill_all();
    }
    for (int i = 0; i < MOST_THREADS; i++)
        if (threads[i].id == id)
            threads[i].id = 0;
}

static void stopped(pid_t id, int status)
{
    struct thread *thread = thread_of(id);
    int signal = WSTOPSIG(status), event = status >> 16;
    enum __ptrace_request on = PTRACE_CONT;
    long deliver = 0;
    if (event == PTRACE_EVENT_SECCOMP) {
        bool watch = false;
        if (thread && !atomic_load(&over) && !enter(thread, &watch)) {
            kill_all();
            return;
        }
        if (watch)
            on = PTRACE_SYSCALL;
    } else if (event == PTRACE_EVENT_STOP) {
        if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
            on = PTRACE_LISTEN;
    } else if (event == 0 && signal == (SIGTRAP | 0x80)) {
        struct __ptrace_syscall_info info;
        if (thread && thread->call && ptrace(PTRACE_GET_SYSCALL_INFO, id, (void *)sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_EXIT)
            end(thread, !info.exit.is_error);
        else if (thread && thread->call)
            on = PTRACE_SYSCALL;
    } else if (event == 0) {
        deliver = signal;
    }
    ptrace(on, id, NULL, (void *)deliver);
}

static void run(void)
{
    int started = 0;
    while (true) {
        bool starting = started < daemon_count && !atomic_load(&over);
        if (starting && (started == 0 || serves(&daemons[started - 1]))) {
            start(&daemons[started++]);
            // Whoever closed the input meanwhile has not seen this one.
            if (atomic_load(&over))
                kill_all();
            continue;
        }
        int status = 0;
        pid_t id = waitpid(-1, &status, __WALL | (starting ? WNOHANG : 0));
        if (id < 0 && errno == ECHILD)
            return;
        if (id < 0 && errno != EINTR)
            err(71, "waitpid");
        if (id == 0)
            poll(NULL, 0, 1);
        else if (id > 0 && WIFSTOPPED(status))
            stopped(id, status);
        else if (id > 0)
            ended(id, status);
    }
}

static const char *add(const char **list, int *count, const char *folder)
{
    if (*count == MOST_FOLDERS)
        errx(64, "too many folders");
    return list[(*count)++] = folder;
}

static void read_arguments(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+v:c:n:i:s:o:t:w:l:ux")) != -1) {
        switch (option) {
        case 'v':
            victim = optarg;
            break;
        case 'c':
            victim_place = strcmp(optarg, place_names[TOKEN]) == 0 ? TOKEN : OWN;
            break;
        case 'n':
            victim_call = strtoul(optarg, NULL, 10);
            break;
        case 'i':
            images = optarg;
            break;
        case 's':
            add(state, &state_count, optarg);
            break;
        case 'o':
            add(other, &other_count, optarg);
            break;
        case 't':
            token = optarg;
            break;
        case 'w':
            sockets = optarg;
            break;
        case 'l':
            logs = optarg;
            break;
        case 'u':
            freely = true;
            break;
        case 'x':
            unsynced = true;
            break;
        default:
            errx(64, "the usage stands at the head of cut.c");
        }
    }
    for (int at = optind; at < argc; at++) {
        if (daemon_count == MOST_DAEMONS || at + 1 >= argc)
            errx(64, "too many daemons, or one without a command");
        struct daemon *daemon = &daemons[daemon_count++];
        daemon->name = argv[at];
        daemon->command = &argv[at + 1];
        while (at < argc && strcmp(argv[at], "--") != 0)
            at++;
        if (at < argc)
            argv[at] = NULL;
    }
}

int main(int argc, char **argv)
{
    pthread_t watcher;
    read_arguments(argc, argv);
    for (int i = 0; i < state_count && !freely; i++)
        durable_begin(state[i]);
    if (pthread_create(&watcher, NULL, wait_for_end_of_input, NULL) != 0)
        errx(71, "no thread");
    run();
    for (int i = 0; i < daemon_count && !freely; i++)
        for (int place = 0; place < PLACES; place++)
            printf("count %s %s %lu\n", daemons[i].name, place_names[place], daemons[i].count[place]);
    if (images)
        durable_write_images(images, stdout);
    return 0;
}
