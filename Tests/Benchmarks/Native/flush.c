// The floor of the disk: writes so many bytes, flushes them with fdatasync, and again.
//
//     flush FILE BYTES SECONDS append|overwrite
//
// `append` makes the file longer each time, so that each flush carries the file's new length too, as a write-ahead log
// that begins anew does; `overwrite` goes round in 64 MiB that are on disk already.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"

enum { ROUND = 64 << 20 };

static histogram latencies;

static void write_whole(int file, const char *bytes, size_t count, off_t offset) {
    while (count > 0) {
        ssize_t written = pwrite(file, bytes, count, offset);
        require(written > 0, "the file cannot be written: %s", strerror(errno));
        bytes += written, count -= (size_t)written, offset += written;
    }
}

int main(int count, char **arguments) {
    require(count == 5, "usage: flush FILE BYTES SECONDS append|overwrite");
    size_t size = strtoul(arguments[2], NULL, 10);
    double seconds = strtod(arguments[3], NULL);
    int overwrite = strcmp(arguments[4], "overwrite") == 0;
    require(size > 0 && size <= ROUND, "from 1 byte to %d bytes a flush", ROUND);
    char *bytes = malloc(size);
    require(bytes != NULL, "no memory for %zu bytes", size);
    memset(bytes, 'x', size);
    int file = open(arguments[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(file >= 0, "%s cannot be opened: %s", arguments[1], strerror(errno));
    if (overwrite) {
        for (off_t offset = 0; offset + (off_t)size <= ROUND; offset += (off_t)size) {
            write_whole(file, bytes, size, offset);
        }
        require(fdatasync(file) == 0, "fdatasync: %s", strerror(errno));
    }
    off_t offset = 0;
    uint64_t begin = nanoseconds(), end = begin + (uint64_t)(seconds * 1e9), now = begin;
    while (now < end) {
        if (overwrite && offset + (off_t)size > ROUND) offset = 0;
        write_whole(file, bytes, size, offset);
        offset += (off_t)size;
        uint64_t before = nanoseconds();
        require(fdatasync(file) == 0, "fdatasync: %s", strerror(errno));
        now = nanoseconds();
        histogram_record(&latencies, now - before);
    }
    printf("{\"count\":%llu,\"seconds\":%.6f,\"latency\":", (unsigned long long)latencies.total,
           (double)(now - begin) / 1e9);
    histogram_print(&latencies);
    printf("}\n");
    return 0;
}
