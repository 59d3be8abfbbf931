#include "run/mark.h"
#include "run/checksum.h"
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static struct dam_mark_slot *volatile slot_in_hand;
static volatile uint32_t seed_in_hand;
static volatile sig_atomic_t descriptor_in_hand = -1;
static volatile off_t offset_in_hand;
static const char *volatile path_without_rows;
static const char *volatile task_label;

static uint32_t checksum_of(const struct dam_mark_slot *slot, uint32_t seed) {
    return dam_checksum(seed, &slot->mark, sizeof slot->mark);
}

void dam_mark_seal(struct dam_mark_slot *slot, uint32_t seed) {
    slot->checksum = checksum_of(slot, seed);
}

bool dam_mark_sound(const struct dam_mark_slot *slot, uint32_t seed) {
    return slot->mark.row.start_begin < slot->mark.row.start_end &&
           slot->checksum == checksum_of(slot, seed);
}

void dam_mark_watch(struct dam_mark_slot *slot, uint32_t seed, int descriptor, off_t offset,
                    const char *path) {
    slot_in_hand = NULL;
    path_without_rows = path;
    seed_in_hand = seed;
    descriptor_in_hand = descriptor;
    offset_in_hand = offset;
    slot_in_hand = slot;
}

void dam_mark_keep(void) {
    path_without_rows = NULL;
}

void dam_mark_task(const char *label) {
    task_label = label;
}

/* Write how it ended. Nothing can be done where that fails, and a rank that dies has no time. */
static void write_ending(enum dam_ending ending, int signal) {
    struct dam_mark_slot *slot = slot_in_hand;
    if (slot == NULL)
        return;
    slot->mark.ending = ending;
    slot->mark.signal = (uint32_t)signal;
    dam_mark_seal(slot, seed_in_hand);
    if (pwrite(descriptor_in_hand, slot, sizeof *slot, offset_in_hand) < 0)
        return;
    fsync(descriptor_in_hand);
}

void dam_mark_leave(void) {
    if (path_without_rows == NULL || unlink(path_without_rows) != 0)
        write_ending(DAM_ENDING_LEFT, 0);
}

/* ---- fatal signals ---- */

static const struct {
    int number;
    const char *name;
} fatal_signals[] = {{SIGSEGV, "SIGSEGV"},
                     {SIGBUS, "SIGBUS"},
                     {SIGFPE, "SIGFPE"},
                     {SIGILL, "SIGILL"},
                     {SIGABRT, "SIGABRT"}};
enum { FATAL_COUNT = sizeof fatal_signals / sizeof fatal_signals[0] };

/* Is it the task's own? A fault of its thread is, and so is abort(); what others send is not. */
static bool is_of_task(const siginfo_t *about) {
    bool raised = about->si_code > 0 || (about->si_signo == SIGABRT && about->si_pid == getpid());
    return raised && task_label != NULL && gettid() == getpid();
}

static void say(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

/* The handler is gone when it is called: on return a fault happens again, and ends the process. */
static void on_fatal(int number, siginfo_t *about, void *context) {
    (void)context;
    if (is_of_task(about)) {
        write_ending(DAM_ENDING_CRASHED, number);
        say("dam: a task crashed with ");
        for (size_t s = 0; s < FATAL_COUNT; s++)
            if (fatal_signals[s].number == number)
                say(fatal_signals[s].name);
        say(" in cell ");
        say(task_label);
        say("; start the same command again: after a few tries it goes on without that task\n");
    }
    if (about->si_code <= 0)
        raise(number);
}

void dam_mark_install(void) {
    /* A stack that overflows leaves no room for a handler. */
    static char stack[1 << 16];
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fatal,
                               .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER};
    if (sigaltstack(&alternative, NULL) == 0)
        action.sa_flags |= SA_ONSTACK;
    /* Who is told to end meanwhile still ends by the crash. */
    sigfillset(&action.sa_mask);
    for (size_t s = 0; s < FATAL_COUNT; s++)
        sigdelset(&action.sa_mask, fatal_signals[s].number);
    for (size_t s = 0; s < FATAL_COUNT; s++)
        sigaction(fatal_signals[s].number, &action, NULL);
}
