/* A disk that fails on command and loses power: to be preloaded (LD_PRELOAD) into the event-log service.
 *
 * It concerns itself only with what lies below the folder FAULTY_DISK_FOLDER, and stands between the program and those
 * functions of libc with which SQLite and the store change files: open, close, write, pwrite, ftruncate, fdatasync,
 * fsync, unlink, mkdir. SQLite's shared memory (-shm) is left alone: no loss of power leaves it.
 *
 * Faults
 *
 * FAULTY_DISK_CONTROL names a file that is read at every write and flush. It is empty, or holds one line:
 *
 *     CALL FAULT FIRST LAST FILE
 *
 *     CALL   `write` (write, pwrite) or `flush` (fdatasync, fsync)
 *     FAULT  `EIO` or `ENOSPC`: the call fails so; `short`: a write writes only half; `lie`: a flush reports success
 *            and does nothing; `power`: the process is killed before the call does anything
 *     FIRST  the fault begins with this call, counted from 1 since the line was first seen
 *     LAST   the fault ends with this call; 0: it lasts until the line changes
 *     FILE   counts only calls on files whose path ends so (`-wal`, `.db`); `*`: on all of them
 *
 * Power
 *
 * FAULTY_DISK_UNDO names a journal of changes and flushes, from which disk.py, once the process has ended, takes back
 * what was not flushed, as a loss of power would. It outlives the process, because what a killed process wrote is still
 * only in memory. A change is noted before it is made; numbers are in the machine's own byte order:
 *
 *     record = kind(1) path-length(2) path offset(8) old-size(8) old-length(4) new-length(4) old new
 *
 *     kind 'w'  a write of `new` over `old` at offset
 *          't'  the file ends at offset from now on; before, `old` began there
 *          'c'  a file was made
 *          'm'  a folder was made
 *          'u'  a file was deleted that held `old`
 *          'f'  a flush succeeded: of a file, what was written to it is durable; of a folder, the names in it are
 *          'd'  a flush failed: what was written to the file before it never becomes durable, not even by a later flush
 *               that succeeds, because the system counts the pages as clean from then on
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 4096 };

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_unlink)(const char *);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_close)(int);

/* One call at a time, so that the journal has the calls in the order in which they happen. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *control;
static int journal = -1;
/* The paths of the open descriptors that are of concern. */
static char *paths[MOST_FILES];

/* A bench that is not whole would let a test pass that should not. */
static void must(int condition) {
    if (!condition) abort();
}

static void *real(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    must(function != NULL);
    return function;
}

__attribute__((constructor)) static void begin(void) {
    real_open = real("open64");
    real_write = real("write");
    real_pwrite = real("pwrite64");
    real_ftruncate = real("ftruncate64");
    real_fdatasync = real("fdatasync");
    real_fsync = real("fsync");
    real_unlink = real("unlink");
    real_mkdir = real("mkdir");
    real_close = real("close");
    folder = getenv("FAULTY_DISK_FOLDER");
    control = getenv("FAULTY_DISK_CONTROL");
    const char *undo = getenv("FAULTY_DISK_UNDO");
    if (undo) {
        journal = real_open(undo, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        must(journal >= 0);
    }
}

static int ends_with(const char *path, const char *end) {
    size_t length = strlen(path), end_length = strlen(end);
    return length >= end_length && strcmp(path + length - end_length, end) == 0;
}

/* Whether the path is of concern. */
static int is_below(const char *path) {
    if (!folder) return 0;
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != 0)) return 0;
    return !ends_with(path, "-shm");
}

static const char *path_of(int descriptor) {
    return descriptor >= 0 && descriptor < MOST_FILES ? paths[descriptor] : NULL;
}

static void lock(void) { pthread_mutex_lock(&mutex); }

static void unlock(void) {
    int number = errno;
    pthread_mutex_unlock(&mutex);
    errno = number;
}

/* ---- faults */

enum fault { NONE, FAILS, SHORT, LIES };

/* The fault of this call, which `power` never returns from; for one that fails, errno is set. */
static enum fault fault_of(const char *call, const char *path) {
    static char seen[128];
    static long count;
    if (!control) return NONE;
    char line[sizeof seen] = "";
    int file = real_open(control, O_RDONLY | O_CLOEXEC);
    must(file >= 0);
    ssize_t length = read(file, line, sizeof line - 1);
    real_close(file);
    must(length >= 0);
    if (strcmp(line, seen) != 0) {
        strcpy(seen, line);
        count = 0;
    }
    if (length == 0) return NONE;
    char name[16], fault[16], end[64];
    long first, last;
    must(sscanf(line, "%15s %15s %ld %ld %63s", name, fault, &first, &last, end) == 5);
    if (strcmp(name, call) != 0 || (strcmp(end, "*") != 0 && !ends_with(path, end))) return NONE;
    count++;
    if (count < first || (last > 0 && count > last)) return NONE;
    if (strcmp(fault, "short") == 0) return SHORT;
    if (strcmp(fault, "lie") == 0) return LIES;
    if (strcmp(fault, "power") == 0) kill(getpid(), SIGKILL);
    must(strcmp(fault, "EIO") == 0 || strcmp(fault, "ENOSPC") == 0);
    errno = strcmp(fault, "EIO") == 0 ? EIO : ENOSPC;
    return FAILS;
}

/* ---- the journal */

static void put(const void *bytes, size_t length) {
    must(length == 0 || real_write(journal, bytes, length) == (ssize_t)length);
}

static void note(char kind, const char *path, uint64_t offset, uint64_t size, const void *old, uint32_t old_length,
                 const void *new, uint32_t new_length) {
    if (journal < 0) return;
    int number = errno;
    uint16_t length = strlen(path);
    put(&kind, 1), put(&length, 2), put(path, length), put(&offset, 8), put(&size, 8);
    put(&old_length, 4), put(&new_length, 4), put(old, old_length), put(new, new_length);
    errno = number;
}

static void note_call(char kind, const char *path) { note(kind, path, 0, 0, NULL, 0, NULL, 0); }

/* Notes what stands in a file from an offset on, at most `length` bytes, which is about to be changed. */
static void note_change(char kind, const char *path, int descriptor, uint64_t offset, uint64_t length, const void *new,
                        size_t new_length) {
    if (journal < 0) return;
    struct stat status;
    must(fstat(descriptor, &status) == 0);
    uint64_t size = status.st_size;
    uint64_t old_length = offset >= size ? 0 : length < size - offset ? length : size - offset;
    char *old = malloc(old_length + 1);
    must(old && pread(descriptor, old, old_length, offset) == (ssize_t)old_length);
    note(kind, path, offset, size, old, old_length, new, new_length);
    free(old);
}

/* ---- what stands between */

static int open_file(const char *path, int flags, mode_t mode) {
    if (!is_below(path)) return real_open(path, flags, mode);
    lock();
    if ((flags & O_CREAT) && access(path, F_OK) != 0) note_call('c', path);
    int descriptor = real_open(path, flags, mode);
    if (descriptor >= 0) {
        must(descriptor < MOST_FILES);
        free(paths[descriptor]);
        paths[descriptor] = strdup(path);
    }
    unlock();
    return descriptor;
}

static mode_t mode_of(int flags, va_list arguments) { return flags & O_CREAT ? va_arg(arguments, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_file(path, flags, mode);
}

int close(int descriptor) {
    if (!path_of(descriptor)) return real_close(descriptor);
    lock();
    free(paths[descriptor]);
    paths[descriptor] = NULL;
    unlock();
    return real_close(descriptor);
}

/* A write at an offset, or where the descriptor stands where that is negative. */
static ssize_t write_at(int descriptor, const void *bytes, size_t length, off64_t offset) {
    const char *path = path_of(descriptor);
    if (!path) {
        return offset < 0 ? real_write(descriptor, bytes, length) : real_pwrite(descriptor, bytes, length, offset);
    }
    lock();
    ssize_t result = -1;
    enum fault fault = fault_of("write", path);
    if (fault != FAILS) {
        if (fault == SHORT && length > 1) length /= 2;
        off64_t place = offset < 0 ? lseek64(descriptor, 0, SEEK_CUR) : offset;
        must(place >= 0);
        note_change('w', path, descriptor, place, length, bytes, length);
        result = offset < 0 ? real_write(descriptor, bytes, length) : real_pwrite(descriptor, bytes, length, offset);
    }
    unlock();
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return write_at(descriptor, bytes, length, -1); }

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    return write_at(descriptor, bytes, length, offset);
}

int ftruncate64(int descriptor, off64_t length) {
    const char *path = path_of(descriptor);
    if (!path) return real_ftruncate(descriptor, length);
    lock();
    note_change('t', path, descriptor, length, UINT64_MAX, NULL, 0);
    int result = real_ftruncate(descriptor, length);
    unlock();
    return result;
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

int unlink(const char *path) {
    if (!is_below(path)) return real_unlink(path);
    lock();
    /* A descriptor of its own, whose closing drops the POSIX locks of this process on the file: it is at its end. */
    int descriptor = real_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (descriptor >= 0) {
        note_change('u', path, descriptor, 0, UINT64_MAX, NULL, 0);
        real_close(descriptor);
    }
    int result = real_unlink(path);
    unlock();
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (!is_below(path)) return real_mkdir(path, mode);
    lock();
    if (access(path, F_OK) != 0) note_call('m', path);
    int result = real_mkdir(path, mode);
    unlock();
    return result;
}

static int flush(int descriptor, int (*real_flush)(int)) {
    const char *path = path_of(descriptor);
    if (!path) return real_flush(descriptor);
    lock();
    enum fault fault = fault_of("flush", path);
    int result = fault == FAILS ? -1 : fault == LIES ? 0 : real_flush(descriptor);
    if (fault != LIES) note_call(result == 0 ? 'f' : 'd', path);
    unlock();
    return result;
}

int fdatasync(int descriptor) { return flush(descriptor, real_fdatasync); }

int fsync(int descriptor) { return flush(descriptor, real_fsync); }
