// Shows ThreadSanitizer the two kinds of locks and the one kind of threads that it cannot see by itself. Preloaded by .ci/run.
//
// C11 threads, by which librdkafka does everything: the sanitizer intercepts pthread_create and its kin, but neither
// thrd_create nor mtx_lock. A thread that it has not seen begin has no state of its own and stalls or crashes the program. In
// glibc thrd_t, mtx_t, cnd_t and once_flag have the size and the meaning of their POSIX counterparts, so that each function
// here is a call of the other.
//
// Swift's Mutex: its fast paths are compiled into our own code and are seen, its slow ones are in libswiftSynchronization.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is not a pthread_t");
_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mtx_t cannot hold a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "cnd_t cannot hold a pthread_cond_t");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "once_flag is not a pthread_once_t");

static int result(int error) {
    switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ENOMEM: case EAGAIN: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}

// MARK: Threads

struct start {
    thrd_start_t function;
    void *argument;
};

static void *run(void *pointer) {
    struct start start = *(struct start *)pointer;
    free(pointer);
    return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    struct start *start = malloc(sizeof *start);
    if (!start) return thrd_nomem;
    *start = (struct start){function, argument};
    int error = pthread_create((pthread_t *)thread, NULL, run, start);
    if (error) free(start);
    return result(error);
}

int thrd_join(thrd_t thread, int *code) {
    void *value = NULL;
    int error = pthread_join((pthread_t)thread, &value);
    if (!error && code) *code = (int)(intptr_t)value;
    return result(error);
}

int thrd_detach(thrd_t thread) { return result(pthread_detach((pthread_t)thread)); }

void thrd_exit(int code) { pthread_exit((void *)(intptr_t)code); }

void call_once(once_flag *flag, void (*function)(void)) { pthread_once((pthread_once_t *)flag, function); }

// MARK: Mutexes

int mtx_init(mtx_t *mutex, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(
        &attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}

void mtx_destroy(mtx_t *mutex) { pthread_mutex_destroy((pthread_mutex_t *)mutex); }
int mtx_lock(mtx_t *mutex) { return result(pthread_mutex_lock((pthread_mutex_t *)mutex)); }
int mtx_trylock(mtx_t *mutex) { return result(pthread_mutex_trylock((pthread_mutex_t *)mutex)); }
int mtx_unlock(mtx_t *mutex) { return result(pthread_mutex_unlock((pthread_mutex_t *)mutex)); }

int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict deadline) {
    return result(pthread_mutex_timedlock((pthread_mutex_t *)mutex, deadline));
}

// MARK: Condition variables

int cnd_init(cnd_t *condition) { return result(pthread_cond_init((pthread_cond_t *)condition, NULL)); }
void cnd_destroy(cnd_t *condition) { pthread_cond_destroy((pthread_cond_t *)condition); }
int cnd_signal(cnd_t *condition) { return result(pthread_cond_signal((pthread_cond_t *)condition)); }
int cnd_broadcast(cnd_t *condition) { return result(pthread_cond_broadcast((pthread_cond_t *)condition)); }

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
    return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict deadline) {
    return result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, deadline));
}

// MARK: Swift's Mutex

// The sanitizer's own; missing in the other programs of a test, such as a database server.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

// _MutexHandle._lockSlow(_: UInt32) and ._unlockSlow(), methods of the lock's word (Synchronization/Mutex/LinuxImpl.swift).
#define lock_slow_symbol "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define unlock_slow_symbol "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

#define swift_method __attribute__((swiftcall))
#define swift_self __attribute__((swift_context))

typedef swift_method void (*lock_slow_function)(uint32_t, swift_self void *);
typedef swift_method void (*unlock_slow_function)(swift_self void *);

swift_method void lock_slow(uint32_t thread, swift_self void *word) __asm__(lock_slow_symbol);
swift_method void unlock_slow(swift_self void *word) __asm__(unlock_slow_symbol);

swift_method void lock_slow(uint32_t thread, swift_self void *word) {
    static _Atomic(lock_slow_function) next;
    if (!next) next = (lock_slow_function)dlsym(RTLD_NEXT, lock_slow_symbol);
    next(thread, word);
    if (__tsan_acquire) __tsan_acquire(word);
}

swift_method void unlock_slow(swift_self void *word) {
    static _Atomic(unlock_slow_function) next;
    if (!next) next = (unlock_slow_function)dlsym(RTLD_NEXT, unlock_slow_symbol);
    if (__tsan_release) __tsan_release(word);
    next(word);
}
