/* A disk that fails on command and loses power: to be preloaded (LD_PRELOAD) into the event-log service.
 *
 * It concerns itself only with files below the folder FAULTY_DISK_FOLDER, and stands between the program and libc's open,
 * write, pwrite, ftruncate, fdatasync, fsync, unlink and close, which are all that SQLite changes its files with (its
 * shared memory aside, which no power loss leaves).
 *
 * Faults. FAULTY_DISK_CONTROL names a file that is looked at before every call. It is empty, or holds one line:
 *
 *     CALL FAULT N
 *
 * CALL is `write` (write, pwrite) or `flush` (fdatasync, fsync). FAULT is the name of an error, EIO or ENOSPC, with which the
 * call fails; or for a write `short`: half of the bytes are written; or for a flush `lie`: it reports success and does nothing.
 * The Nth call after the line was first seen has the fault, and so has every one after it, until the line changes.
 *
 * Power. FAULTY_DISK_UNDO names a journal of everything that is not flushed yet. Before a file is changed, what stands there is
 * added; a flush of the file takes it out. What the journal holds after the process was killed is what a loss of power could
 * take with it; disk.py takes it back. All integers of the journal are in the machine's own byte order:
 *
 *     record  = kind(1) path-length(2) path offset(8) old-size(8) old-length(4) new-length(4) old new
 *     kind    = 'w' (a write at offset), 't' (a truncation to offset), 'u' (a deletion), 'f' (all before it is flushed)
 *
 * A deletion is flushed by a flush of the folder that held the file's name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 4096, LONGEST_PATH = 1024, MOST_NAMES = 16 };

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_unlink)(const char *);
static int (*real_close)(int);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *control;
static int journal = -1;
/* The paths of the descriptors that are of concern, and which names have something in the journal. */
static char *paths[MOST_FILES];
static char *pending[MOST_NAMES];

__attribute__((constructor)) static void begin(void) {
    real_open = dlsym(RTLD_NEXT, "open64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_close = dlsym(RTLD_NEXT, "close");
    folder = getenv("FAULTY_DISK_FOLDER");
    control = getenv("FAULTY_DISK_CONTROL");
    const char *undo = getenv("FAULTY_DISK_UNDO");
    if (undo) journal = real_open(undo, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static const char *path_of(int descriptor) {
    return descriptor >= 0 && descriptor < MOST_FILES ? paths[descriptor] : NULL;
}

static int is_memory(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

/* ---- faults */

/* Whether this call has a fault; then its name is in `fault`. */
static int has_fault(const char *call, char fault[16]) {
    static char seen[64];
    static long count;
    if (!control) return 0;
    char line[64] = "", name[16];
    long nth;
    int file = real_open(control, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, line, sizeof line - 1);
    real_close(file);
    line[length > 0 ? length : 0] = 0;
    if (strcmp(line, seen) != 0) {
        strcpy(seen, line);
        count = 0;
    }
    if (sscanf(line, "%15s %15s %ld", name, fault, &nth) != 3 || strcmp(name, call) != 0) return 0;
    return ++count >= nth;
}

static int error_of(const char *fault) { return strcmp(fault, "ENOSPC") == 0 ? ENOSPC : EIO; }

/* ---- the journal */

static void must(int condition) {
    /* A journal that is not whole would let a test pass that should not. */
    if (!condition) abort();
}

static void put(const void *bytes, size_t length) {
    must(length == 0 || real_write(journal, bytes, length) == (ssize_t)length);
}

static void note(char kind, const char *path, uint64_t offset, uint64_t size, const void *old, uint32_t old_length,
                 const void *new, uint32_t new_length) {
    uint16_t length = strlen(path);
    put(&kind, 1), put(&length, 2), put(path, length), put(&offset, 8), put(&size, 8);
    put(&old_length, 4), put(&new_length, 4), put(old, old_length), put(new, new_length);
    if (kind == 'f') return;
    int free_place = -1;
    for (int i = 0; i < MOST_NAMES; i++) {
        if (pending[i] && strcmp(pending[i], path) == 0) return;
        if (!pending[i]) free_place = i;
    }
    must(free_place >= 0);
    pending[free_place] = strdup(path);
}

/* Notes what stands in a file from an offset on, at most `length` bytes, before it is changed. */
static void note_change(char kind, const char *path, uint64_t offset, uint64_t length, const void *new, size_t new_length) {
    if (journal < 0 || is_memory(path)) return;
    int file = real_open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat status;
    must(fstat(file, &status) == 0);
    uint64_t size = status.st_size, end = offset + length;
    uint32_t old_length = offset >= size ? 0 : (end < size ? length : size - offset);
    char *old = malloc(old_length + 1);
    must(old && pread(file, old, old_length, offset) == (ssize_t)old_length);
    note(kind, path, offset, size, old, old_length, new, new_length);
    free(old);
    real_close(file);
}

/* Whether a flush of `path`, a file or a folder, settles what is noted of a name. */
static int settles(const char *path, const char *name) {
    const char *slash = strrchr(name, '/');
    int is_folder_of = slash && strlen(path) == (size_t)(slash - name) && strncmp(path, name, slash - name) == 0;
    return strcmp(path, name) == 0 || (is_folder_of && access(name, F_OK) != 0);
}

static void note_flush(const char *path) {
    if (journal < 0) return;
    int others = 0;
    for (int i = 0; i < MOST_NAMES; i++) {
        if (!pending[i]) continue;
        if (settles(path, pending[i])) {
            free(pending[i]);
            pending[i] = NULL;
        } else {
            others = 1;
        }
    }
    if (others) note('f', path, 0, 0, NULL, 0, NULL, 0);
    else must(ftruncate(journal, 0) == 0);
}

/* ---- what stands between */

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    int descriptor = real_open(path, flags, mode);
    if (folder && descriptor >= 0 && descriptor < MOST_FILES && strncmp(path, folder, strlen(folder)) == 0) {
        pthread_mutex_lock(&mutex);
        free(paths[descriptor]);
        paths[descriptor] = strdup(path);
        pthread_mutex_unlock(&mutex);
    }
    return descriptor;
}

int close(int descriptor) {
    if (path_of(descriptor)) {
        pthread_mutex_lock(&mutex);
        free(paths[descriptor]);
        paths[descriptor] = NULL;
        pthread_mutex_unlock(&mutex);
    }
    return real_close(descriptor);
}

static ssize_t change(int descriptor, const void *bytes, size_t length, off64_t offset, int is_at) {
    const char *path = path_of(descriptor);
    if (!path) return is_at ? real_pwrite(descriptor, bytes, length, offset) : real_write(descriptor, bytes, length);
    pthread_mutex_lock(&mutex);
    char fault[16];
    ssize_t result;
    if (!is_at) offset = lseek64(descriptor, 0, SEEK_CUR);
    int is_faulty = has_fault("write", fault);
    if (is_faulty && strcmp(fault, "short") != 0) {
        errno = error_of(fault);
        result = -1;
    } else {
        if (is_faulty && length > 1) length /= 2;
        note_change('w', path, offset, length, bytes, length);
        result = is_at ? real_pwrite(descriptor, bytes, length, offset) : real_write(descriptor, bytes, length);
    }
    int number = errno;
    pthread_mutex_unlock(&mutex);
    errno = number;
    return result;
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return change(descriptor, bytes, length, 0, 0); }

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    return change(descriptor, bytes, length, offset, 1);
}

int ftruncate64(int descriptor, off64_t length) {
    const char *path = path_of(descriptor);
    if (path) {
        pthread_mutex_lock(&mutex);
        struct stat status;
        must(fstat(descriptor, &status) == 0);
        if (status.st_size > length) note_change('t', path, length, status.st_size - length, NULL, 0);
        pthread_mutex_unlock(&mutex);
    }
    return real_ftruncate(descriptor, length);
}

int unlink(const char *path) {
    if (folder && strncmp(path, folder, strlen(folder)) == 0) {
        pthread_mutex_lock(&mutex);
        struct stat status;
        if (stat(path, &status) == 0) note_change('u', path, 0, status.st_size, NULL, 0);
        pthread_mutex_unlock(&mutex);
    }
    return real_unlink(path);
}

static int flush(int descriptor, int (*real)(int)) {
    const char *path = path_of(descriptor);
    if (!path) return real(descriptor);
    pthread_mutex_lock(&mutex);
    char fault[16];
    int result;
    if (has_fault("flush", fault)) {
        result = strcmp(fault, "lie") == 0 ? 0 : -1;
        errno = error_of(fault);
    } else {
        result = real(descriptor);
        if (result == 0) note_flush(path);
    }
    int number = errno;
    pthread_mutex_unlock(&mutex);
    errno = number;
    return result;
}

int fdatasync(int descriptor) { return flush(descriptor, real_fdatasync); }

int fsync(int descriptor) { return flush(descriptor, real_fsync); }
