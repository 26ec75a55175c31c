// When which position was seen, kept in memory while measuring and written to a file afterwards: pairs of 8 bytes in
// the machine's order, the position and the time in nanoseconds. The bench joins the traces of two programs.
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdint.h>

#include "failure.h"

typedef struct {
    uint64_t (*pairs)[2];
    size_t count, room;
} trace;

static inline void trace_record(trace *trace, uint64_t position, uint64_t time) {
    if (trace->count == trace->room) {
        trace->room = trace->room ? 2 * trace->room : 1 << 16;
        trace->pairs = realloc(trace->pairs, trace->room * sizeof *trace->pairs);
        require(trace->pairs != NULL, "no memory for the trace");
    }
    trace->pairs[trace->count][0] = position;
    trace->pairs[trace->count][1] = time;
    trace->count++;
}

static inline void trace_write(const trace *trace, const char *path) {
    FILE *file = fopen(path, "wb");
    require(file != NULL, "%s cannot be opened", path);
    size_t written = fwrite(trace->pairs, sizeof *trace->pairs, trace->count, file);
    require(fclose(file) == 0 && written == trace->count, "%s cannot be written", path);
}

#endif
