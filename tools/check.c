/* `roost check`: rounds of checking, and what is told of them. SPDX-License-Identifier: MIT */
#include "check.h"

#include "cli.h"
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 8, FIRST_PAUSE_MS = 2, SHOWN = 20, STACK_WORDS = 256 };

static void *grown(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *more = realloc(array, wanted * size);
    if (more != NULL)
        *capacity = wanted;
    return more;
}

void round_unreadable(struct round *round, struct finding finding)
{
    if (round->image->target->is_core)
        round->unreadable = finding.evidence;
    else
        round_add(round, finding);
}

void round_add(struct round *round, struct finding finding)
{
    void *more = grown(round->findings, round->count, &round->capacity, sizeof finding);
    if (more == NULL) {
        round->out_of_memory = true;
        return;
    }
    round->findings = more;
    round->findings[round->count++] = finding;
}

void round_travelling(struct round *round, uint64_t block)
{
    void *more = grown(round->travelling, round->travelling_count, &round->travelling_capacity, sizeof block);
    if (more == NULL) {
        round->out_of_memory = true;
        return;
    }
    round->travelling = more;
    round->travelling[round->travelling_count++] = block;
}

static void round_free(struct round *round)
{
    free(round->findings);
    free(round->travelling);
    *round = (struct round){.image = NULL};
}

static int finding_order(const void *a, const void *b)
{
    const struct finding *one = a, *other = b;
    if (one->address != other->address)
        return one->address < other->address ? -1 : 1;
    if (one->what != other->what)
        return one->what < other->what ? -1 : 1;
    if (one->where != other->where)
        return one->where < other->where ? -1 : 1;
    return (one->evidence > other->evidence) - (one->evidence < other->evidence);
}

static int round_run(struct round *round, const struct image *image, struct problem *problem)
{
    *round = (struct round){.image = image};
    check_heaps(round);
    check_pages(round);
    if (round->out_of_memory)
        problem_set(problem, CLI_FAILED, "out of memory");
    else if (round->unreadable != 0)
        image->target->why(image->target, round->unreadable, problem);
    if (problem->code != CLI_OK) {
        round_free(round);
        return problem->code;
    }
    if (round->count != 0)
        qsort(round->findings, round->count, sizeof *round->findings, finding_order);
    return CLI_OK;
}

/* Keep of `round` what `again` has as well; returns how many went. */
static size_t round_intersect(struct round *round, const struct round *again)
{
    size_t kept = 0;
    for (size_t i = 0; i < round->count; i++) {
        if (again->count != 0 &&
            bsearch(&round->findings[i], again->findings, again->count, sizeof *round->findings, finding_order) != NULL)
            round->findings[kept++] = round->findings[i];
    }
    size_t gone = round->count - kept;
    round->count = kept;
    return gone;
}

/* --- live and still ---------------------------------------------------------------------------------------------------- */

/* Read and check a live process again and again, each time after a longer pause, until nothing is left or it is sure. A thread that was
 * interrupted in the midst of a change goes on meanwhile. */
static int confirm(struct view *view, struct round *round, size_t *torn, struct problem *problem)
{
    for (int i = 0; i < ROUNDS && round->count != 0; i++) {
        struct timespec pause = {.tv_nsec = (FIRST_PAUSE_MS << i) * 1000000L};
        struct image image;
        struct round again;
        nanosleep(&pause, NULL);
        if (image_read(&image, &view->target, &view->layout, problem) != CLI_OK)
            return problem->code;
        if (round_run(&again, &image, problem) == CLI_OK) {
            *torn += round_intersect(round, &again);
            round_free(&again);
        }
        image_free(&image);
        if (problem->code != CLI_OK)
            return problem->code;
    }
    return CLI_OK;
}

/* What is known of threads, and what was before the rounds of a live process. */
struct watch {
    const struct view *view;
    const struct target_thread *before; /* NULL: it stands still */
    size_t before_count;
};

/* Whether a thread has gone on since; then it is not in the midst of anything that was seen all the time. */
static bool thread_moved(const struct watch *watch, const struct target_thread *thread)
{
    for (size_t i = 0; i < watch->before_count; i++) {
        if (watch->before[i].outer_id == thread->outer_id)
            return watch->before[i].cpu_ns != thread->cpu_ns;
    }
    return watch->before != NULL;
}

static bool in_code(const struct watch *watch, uint64_t address)
{
    return address - watch->view->layout.code_start < watch->view->layout.code_end - watch->view->layout.code_start;
}

/* Whether a thread stands in roost's code, as far as that can be told. Enough for heaps: where they call out they are marked as busy. */
static bool thread_inside(const struct watch *watch, const struct target_thread *thread)
{
    return !thread_moved(watch, thread) && (thread->pc == 0 || in_code(watch, thread->pc));
}

/* The same, or in something that was called from there: then a return address is on its stack. One left over from an earlier call
 * is taken for it as well. */
static bool thread_below(const struct watch *watch, const struct target_thread *thread)
{
    struct target *target = (struct target *)&watch->view->target;
    if (thread_moved(watch, thread))
        return false;
    if (thread_inside(watch, thread))
        return true;
    for (unsigned i = 0; i < STACK_WORDS; i++) {
        uint64_t word;
        if (!target->read(target, thread->sp + i * sizeof word, &word, sizeof word))
            break;
        if (in_code(watch, word))
            return true;
    }
    return false;
}

/* Whether somebody may be in the midst of changing a heap. */
static bool heap_in_motion(const struct watch *watch, const struct image_heap *heap)
{
    const struct view *view = watch->view;
    const struct layout *l = &view->layout;
    bool marked = layout_get(heap->bytes, l->heap_busy) != 0 || layout_get(heap->bytes, l->heap_token) != 0;
    for (size_t i = 0; i < view->target.thread_count; i++) {
        const struct target_thread *thread = &view->target.threads[i];
        if (thread->id == heap->thread_id)
            return (marked && !thread_moved(watch, thread)) || thread_inside(watch, thread);
    }
    /* Else it has no thread; or one that is not known, or did not survive a fork. */
    return marked || heap->state != l->const_heap_idle;
}

static bool anybody_in_motion(const struct watch *watch)
{
    const struct view *view = watch->view;
    for (size_t i = 0; i < view->target.thread_count; i++) {
        if (thread_below(watch, &view->target.threads[i]))
            return true;
    }
    for (size_t i = 0; i < view->image.heap_count; i++) {
        if (heap_in_motion(watch, &view->image.heaps[i]))
            return true;
    }
    return view->target.thread_count == 0;
}

/* Take out what a thread that stands in the midst of a change explains. */
static size_t excuse(const struct watch *watch, struct round *round)
{
    size_t kept = 0;
    bool anybody = anybody_in_motion(watch);
    for (size_t i = 0; i < round->count; i++) {
        const struct finding *finding = &round->findings[i];
        const struct image_heap *heap = image_heap_at(&watch->view->image, finding->by);
        bool excused = finding->by == BY_ANYBODY ? anybody : heap != NULL && heap_in_motion(watch, heap);
        if (!excused)
            round->findings[kept++] = *finding;
    }
    size_t gone = round->count - kept;
    round->count = kept;
    return gone;
}

/* All of it. `torn` and `moving`: how many findings were none. */
static int check(struct view *view, struct round *round, size_t *torn, size_t *moving, struct problem *problem)
{
    struct watch watch = {.view = view};
    struct target_thread *before = NULL;
    *torn = *moving = 0;
    if (round_run(round, &view->image, problem) != CLI_OK)
        return problem->code;
    if (!view->target.still && round->count != 0) {
        before = view->target.threads;
        watch.before_count = view->target.thread_count;
        watch.before = before;
        view->target.threads = NULL; /* kept apart */
        view->target.thread_count = 0;
        confirm(view, round, torn, problem);
        process_find_threads(&view->target);
    }
    *moving = excuse(&watch, round);
    free(before);
    return problem->code;
}

/* --- the command --------------------------------------------------------------------------------------------------------- */

struct check_options {
    bool freeze, quiet;
};

static const char help_text[] =
    "Usage: roost check [OPTION...] PID|CORE\n"
    "\n"
    "Walks the heap of a process that runs on roost, or of a core file of one: pages, free lists, lists of pages,\n"
    "messages between threads, slices. Tells what is damaged, and by what it may have been: a write after free, a\n"
    "second free. A live process goes on meanwhile; what looks wrong is read again, and counts only when it "
    "stays.\n"
    "\n"
    "  -f, --freeze    stop the process while it is read (ptrace)\n"
    "  -q, --quiet     print nothing, only the exit code\n"
    "  -h, --help      print this\n"
    "\n"
    "Exit code: 0 the heap is sound, 1 it is not; 2 wrong usage, 3 no such process or core file, 4 no permission,\n"
    "5 it does not use roost, 6 a version of roost that this command cannot read, 7 it ended meanwhile, or the\n"
    "core is not whole.";

static void print_finding(const struct finding *finding)
{
    const char *mark = strstr(finding->what, "%ll");
    if (finding->block_size != 0)
        printf("page at %#" PRIx64 " of %" PRIu32 " byte blocks: ", finding->address, finding->block_size);
    else
        printf("at %#" PRIx64 ": ", finding->address);
    if (mark == NULL) {
        puts(finding->what);
        return;
    }
    printf("%.*s", (int)(mark - finding->what), finding->what);
    if (mark[3] == 'x')
        printf("%#" PRIx64, finding->evidence);
    else
        printf("%" PRIu64, finding->evidence);
    puts(mark + 4);
}

static void print_round(const struct view *view, const struct round *round, size_t torn, size_t moving)
{
    for (size_t i = 0; i < round->count && i < SHOWN; i++)
        print_finding(&round->findings[i]);
    if (round->count > SHOWN)
        printf("and %zu more\n", round->count - SHOWN);
    printf("%s: %" PRIu64 " pages, %" PRIu64 " free blocks, %zu heaps, %" PRIu64 " large blocks: ", view->target.label,
           round->pages, round->blocks, view->image.heap_count, view->image.large_blocks);
    if (round->count == 0)
        puts("sound");
    else
        printf("%zu finding%s\n", round->count, round->count == 1 ? "" : "s");
    if (torn != 0)
        printf("note: %zu times it was read in the midst of a change; read again, all was well\n", torn);
    if (moving != 0)
        printf("note: %zu things do not hold where a thread may stand in the midst of a change\n", moving);
    if (view->target.still && round->unclaimed != 0)
        printf("note: %" PRIu64 " slices are claimed and not in use: in the midst of a change, or lost by a fork\n",
               round->unclaimed);
}

int cli_check(int argc, char **argv)
{
    struct check_options options = {.freeze = false};
    struct problem problem = {.code = CLI_OK};
    struct view view;
    struct round round = {.image = NULL};
    size_t torn, moving;
    const struct cli_option known[] = {
        {"freeze", 'f', &options.freeze, NULL}, {"quiet", 'q', &options.quiet, NULL}, {NULL, 0, NULL, NULL}};
    int code = cli_parse_target(argc, argv, help_text, known);
    if (code != CLI_OK)
        return code;
    if (view_open(&view, argv[optind], options.freeze, &problem) != CLI_OK)
        return cli_error(problem.code, "%s", problem.text);
    if (check(&view, &round, &torn, &moving, &problem) == CLI_OK && !options.quiet)
        print_round(&view, &round, torn, moving);
    code = round.count != 0 ? CLI_FAILED : CLI_OK;
    round_free(&round);
    view_close(&view);
    return problem.code != CLI_OK ? cli_error(problem.code, "%s", problem.text) : code;
}
