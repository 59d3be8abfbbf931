/* A rank ends with its launcher, and not before. */
#include "run/stop.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { STOPPED = 75 };

/* A launcher that starts a rank and then waits to be killed. The rank says its process id, and
 * again after every signal. Both end by themselves, should nothing else end them. */
enum { LIFETIME = 20 };

struct launched {
    pid_t launcher, rank;
};

static int said[2];

static _Noreturn void be_rank(void) {
    pid_t me = getpid();
    sigset_t blocked, before;
    dam_stop_install();
    alarm(LIFETIME);
    /* A signal sent while it still speaks ends its next wait. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGURG);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    while (write(said[1], &me, sizeof me) == sizeof me)
        sigsuspend(&before);
    _exit(1);
}

static void *start_rank(void *unused) {
    (void)unused;
    if (fork() == 0)
        be_rank();
    return NULL;
}

/* The rank is started by a thread that ends, or by the launcher's first. */
static struct launched launch(int by_thread) {
    struct launched launched;
    /* Orphans are this process's to wait for. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(said), 0);
    launched.launcher = fork();
    assert_true(launched.launcher >= 0);
    if (launched.launcher == 0) {
        pthread_t thread;
        if (!by_thread)
            start_rank(NULL);
        else if (pthread_create(&thread, NULL, start_rank, NULL) != 0 ||
                 pthread_join(thread, NULL) != 0)
            _exit(1);
        close(said[1]);
        alarm(LIFETIME);
        for (;;)
            pause();
    }
    close(said[1]);
    assert_int_equal(read(said[0], &launched.rank, sizeof launched.rank), sizeof launched.rank);
    return launched;
}

static int end_of(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_killed_launcher_ends_its_rank(void **state) {
    (void)state;
    assert_int_equal(setenv("OMPI_COMM_WORLD_SIZE", "2", 1), 0);
    struct launched launched = launch(0);
    kill(launched.launcher, SIGKILL);
    end_of(launched.launcher);
    int status = end_of(launched.rank);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STOPPED);
}

/* A launcher's thread may end while the launcher lives. */
static void a_thread_that_ends_is_no_launcher(void **state) {
    (void)state;
    assert_int_equal(setenv("OMPI_COMM_WORLD_SIZE", "2", 1), 0);
    struct launched launched = launch(1);
    /* What its end sends comes again here, with the launcher alive. */
    pid_t alive = 0;
    kill(launched.rank, SIGURG);
    assert_int_equal(read(said[0], &alive, sizeof alive), sizeof alive);
    kill(launched.rank, SIGKILL);
    kill(launched.launcher, SIGKILL);
    end_of(launched.launcher);
    int status = end_of(launched.rank);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Started from a shell, it may outlive it. */
static void without_a_launcher_nobody_is_followed(void **state) {
    (void)state;
    assert_int_equal(unsetenv("OMPI_COMM_WORLD_SIZE"), 0);
    struct launched launched = launch(0);
    kill(launched.launcher, SIGKILL);
    end_of(launched.launcher);
    kill(launched.rank, SIGKILL);
    int status = end_of(launched.rank);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_launcher_ends_its_rank),
        cmocka_unit_test(a_thread_that_ends_is_no_launcher),
        cmocka_unit_test(without_a_launcher_nobody_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
