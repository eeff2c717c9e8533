/* The reporter: see reporter.h. SPDX-License-Identifier: MIT */
#include "stats/reporter.h"

#include "core/options.h"
#include "os/fmt.h"
#include "os/os.h"
#include "stats/request.h"

#include <errno.h>

enum { PATH_MAX_LENGTH = RST_OPTION_TEXT_MAX + 32, CHILD_WAITS_MS = 200, BIND_TRIES = 10, BIND_AGAIN_MS = 1000 };

/* As of the steward: who wins the swap from ABSENT starts it; ENDED is for good. OFF: nothing is asked for. */
enum { OFF = 0, ABSENT, STARTING, RUNNING, ENDED };

_Atomic uint32_t rst_reporter_wanted;
static _Atomic uint32_t stage;
static _Atomic uint32_t asked; /* a signal has come: a word to sleep on */
static _Atomic int listener = -1, client = -1;
static _Atomic uint32_t reporter;         /* its thread number; 0: none */
static uint64_t listener_identity;        /* [reporter, until it is joined] */
static uint64_t not_before;               /* [fixed in the child of a fork] ms: most children call exec first */
static uint32_t process;                  /* [STARTING] in which it runs */
static size_t (*purge)(void);             /* [fixed] */
static bool file_failed;                  /* [who writes the file] said so already */
static char file[PATH_MAX_LENGTH];        /* [STARTING, or ENDED] stats_file of this process */
static char socket_path[PATH_MAX_LENGTH]; /* the same of stats_socket */

static bool ends(void)
{
    return rst_load_relaxed(&stage) == ENDED; /* relaxed: it is woken after that was written */
}

/* --- what it does ------------------------------------------------------------------------------------------------------------------- */

/* Written beside the file and put in its place whole. */
static void write_file(void)
{
    char beside[PATH_MAX_LENGTH + 16];
    rst_fmt(beside, sizeof beside, "%s.%u.tmp", file, rst_os_process_id());
    int fd = rst_os_create(beside);
    bool done = fd >= 0 && rst_report_write(fd, rst_format_of_path(file));
    int error = errno;
    if (fd >= 0 && !rst_os_finish(fd, beside, done ? file : NULL) && done) {
        error = errno;
        done = false;
    }
    if (!done && !file_failed)
        rst_say("stats_file %s: %s", file, rst_os_error_text(error));
    file_failed = !done;
}

static void answer_signal(void)
{
    rst_store_relaxed(&asked, 0u); /* relaxed: one that comes now is answered by what is collected next */
    if (file[0] != '\0')
        write_file();
    else
        rst_report_write(RST_TO_ERROR, RST_TEXT);
}

static void answer_client(int fd)
{
    char line[RST_REQUEST_MAX];
    rst_writer writer;
    rst_os_receive_line(fd, line, sizeof line);
    rst_request request = rst_request_of(line);
    if (request < (rst_request)RST_FORMATS) {
        rst_report_write(fd, (rst_format)request);
        return;
    }
    rst_writer_begin(&writer, fd);
    if (request == RST_REQUEST_PURGE)
        rst_write(&writer, "purged %zu bytes\n", purge());
    else
        rst_write(&writer, "error: ask for text, json, metrics, prometheus or purge\n");
    rst_write_end(&writer);
}

/* True: there is a socket to wait at. The one of a parent that is about to end, or of one before us, may still be there. */
static bool open_socket(unsigned *tries)
{
    if (socket_path[0] == '\0' || *tries >= BIND_TRIES)
        return false;
    int fd = rst_load_relaxed(&listener);
    if (fd >= 0 && rst_os_is_socket(fd, listener_identity))
        return true;
    fd = rst_os_listen(socket_path, &listener_identity);
    rst_store_relaxed(&listener, fd);
    *tries = fd >= 0 ? 0 : *tries + 1;
    /* A child may have to wait for its parent to end; children of one that lives on have no say in it. */
    if (*tries == 1 && not_before == 0)
        rst_say("stats_socket %s: %s", socket_path, rst_os_error_text(errno));
    return fd >= 0;
}

/* Wait for a client, a signal, the end, or so many ms. */
static void rest(bool at_socket, uint32_t most_ms)
{
    if (rst_load_relaxed(&asked) != 0 || ends())
        return;
    if (!at_socket) {
        rst_os_let_signal_in((int)rst_option_get(stats_signal), true);
        if (most_ms == UINT32_MAX)
            rst_os_wait(&asked, 0);
        else
            rst_os_wait_ms(&asked, 0, most_ms);
        rst_os_let_signal_in((int)rst_option_get(stats_signal), false);
        return;
    }
    int fd = rst_os_accept(rst_load_relaxed(&listener), most_ms, (int)rst_option_get(stats_signal));
    if (fd < 0)
        return;
    rst_store_relaxed(&client, fd);
    if (!ends())
        answer_client(fd);
    rst_store_relaxed(&client, -1);
    rst_os_close(fd);
}

static void run(void)
{
    unsigned tries = 0;
    uint64_t interval = file[0] != '\0' ? rst_option_get(stats_interval) * 1000 : 0;
    uint64_t due = rst_os_clock_ms() + interval;
    rst_store_release(&reporter, rst_os_thread_id()); /* pairs with on_signal */
    while (!ends()) {
        bool at_socket = open_socket(&tries);
        bool again = !at_socket && socket_path[0] != '\0' && tries < BIND_TRIES;
        uint64_t now = rst_os_clock_ms();
        if (interval != 0 && now >= due) {
            write_file();
            due += (now - due) / interval * interval + interval;
        }
        uint64_t most = interval != 0 ? due - now : UINT32_MAX;
        rest(at_socket, (uint32_t)rst_min(most, again ? BIND_AGAIN_MS : UINT32_MAX));
        if (rst_load_relaxed(&asked) != 0 && !ends())
            answer_signal();
    }
    rst_store_relaxed(&reporter, 0u);
}

/* --- signal ------------------------------------------------------------------------------------------------------------------------- */

/* Only marks, in the reporter's own thread, to which it is passed on: it lets the signal in where it waits, and there alone, so that each
 * signal is answered once. Where there is no reporter, who allocates next sees to it. */
static void on_signal(int number)
{
    uint32_t thread = rst_load_acquire(&reporter); /* pairs with run */
    if (thread != 0 && thread != rst_os_thread_id()) {
        rst_os_thread_signal(thread, number);
        return;
    }
    rst_store_relaxed(&asked, 1u);
    if (thread == 0)
        rst_store_relaxed(&rst_reporter_wanted, 1u);
}

/* --- its life ----------------------------------------------------------------------------------------------------------------------- */

/* The names in this process. */
static void expand_paths(void)
{
    const struct {
        const char *option, *pattern;
        char *out;
    } paths[] = {{"stats_file", rst_option_text(stats_file), file},
                 {"stats_socket", rst_option_text(stats_socket), socket_path}};
    process = rst_os_process_id();
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        bool wanted = paths[i].pattern[0] != '\0';
        if (wanted && !rst_path_expand(paths[i].pattern, process, paths[i].out, PATH_MAX_LENGTH)) {
            rst_say("%s: \"%s\" is too long, or has a %% that neither p nor %% follows", paths[i].option,
                    paths[i].pattern);
            wanted = false;
        }
        if (!wanted)
            paths[i].out[0] = '\0';
    }
}

/* It has been told to end. */
static void see_it_off(void)
{
    int at = rst_load_relaxed(&listener), with = rst_load_relaxed(&client);
    if (process != rst_os_process_id()) /* the child of a vfork, say */
        return;
    rst_store_relaxed(&asked, 1u);
    rst_os_wake(&asked);
    if (at >= 0 && rst_os_is_socket(at, listener_identity))
        rst_os_hang_up(at);
    if (with >= 0)
        rst_os_hang_up(with);
    rst_os_thread_join(RST_THREAD_REPORTER);
    rst_store_relaxed(&asked, 0u);
    if (at >= 0 && rst_os_is_socket(at, listener_identity)) {
        rst_os_remove(socket_path);
        rst_os_close(at);
    }
    rst_store_relaxed(&listener, -1);
}

static void start(void)
{
    uint32_t seen = ABSENT;
    /* acquire: pairs with the release of whoever failed before. */
    if (!atomic_compare_exchange_strong_explicit(&stage, &seen, STARTING, memory_order_acquire, memory_order_relaxed))
        return;
    expand_paths();
    bool needed = socket_path[0] != '\0' || rst_option_get(stats_signal) != 0 ||
                  (file[0] != '\0' && rst_option_get(stats_interval) != 0);
    bool started = needed && rst_os_thread_start(RST_THREAD_REPORTER, run, "roost-reporter");
    seen = STARTING;
    /* release: the thread's handle, for rst_reporter_end. */
    if (!atomic_compare_exchange_strong_explicit(&stage, &seen, started ? RUNNING : OFF, memory_order_release,
                                                 memory_order_relaxed) &&
        started)
        see_it_off(); /* the library is being unloaded */
}

void rst_reporter_begin(size_t (*purge_all)(void))
{
    int number = (int)rst_option_get(stats_signal);
    purge = purge_all;
    if (number == 0 && rst_option_get(stats_file) == 0 && rst_option_get(stats_socket) == 0)
        return;
    int saved = errno;
    rst_os_keep_error_output();
    rst_store_relaxed(&stage, (uint32_t)ABSENT);
    if (number != 0 && !rst_os_on_signal(number, on_signal))
        rst_say("stats_signal %d: %s", number, rst_os_error_text(errno));
    start();
    errno = saved;
}

void rst_reporter_serve(void)
{
    int saved = errno;
    if (rst_load_relaxed(&stage) == ABSENT && rst_os_clock_ms() < not_before)
        return;
    rst_store_relaxed(&rst_reporter_wanted, 0u);
    start();
    if (rst_load_relaxed(&reporter) == 0 && rst_load_relaxed(&stage) == OFF &&
        atomic_exchange_explicit(&asked, 0u, memory_order_relaxed) != 0)
        answer_signal();
    errno = saved;
}

void rst_reporter_end(void)
{
    /* acquire: pairs with the release in start. */
    uint32_t was = rst_swap_acquire(&stage, (uint32_t)ENDED);
    if (was == RUNNING)
        see_it_off();
    if (rst_option_get(stats_file) == 0)
        return;
    if (was == ABSENT || process != rst_os_process_id())
        expand_paths(); /* the child of a fork that never came to start its own */
    if (file[0] != '\0')
        write_file();
}

RST_COLD void rst_reporter_forget(void)
{
    int at = rst_load_relaxed(&listener);
    if (at < 0 && rst_load_relaxed(&stage) <= ABSENT)
        return;
    rst_store_relaxed(&reporter, 0u);
    rst_store_relaxed(&client, -1);
    rst_store_relaxed(&listener, -1);
    if (at >= 0 && rst_os_is_socket(at, listener_identity))
        rst_os_close(at);
    uint32_t was = rst_load_relaxed(&stage);
    if (was == STARTING || was == RUNNING) {
        rst_store_relaxed(&stage, (uint32_t)ABSENT);
        not_before = rst_os_clock_ms() + CHILD_WAITS_MS;
        rst_store_relaxed(&rst_reporter_wanted, 1u);
    }
}
