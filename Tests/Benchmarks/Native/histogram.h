// Latencies in buckets of at most 0.1 % width, as HdrHistogram keeps them with three digits. A program prints the
// buckets, and the bench loads them into an HdrHistogram, where those of several programs and rounds can be added.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_BITS = 10, HISTOGRAM_HALF = 1 << HISTOGRAM_BITS, HISTOGRAM_BUCKETS = HISTOGRAM_HALF * 56 };

typedef struct {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
} histogram;

static inline void histogram_record(histogram *histogram, uint64_t value) {
    // Below 2048 a bucket holds one value; each doubling above has 1024 buckets.
    unsigned shift = value < 2 * HISTOGRAM_HALF ? 0 : 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
    uint64_t index = (uint64_t)shift * HISTOGRAM_HALF + (value >> shift);
    histogram->counts[index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1]++;
    histogram->total++;
}

// Prints `[[nanoseconds,count],...]`, each bucket by the middle of the values that it holds.
static inline void histogram_print(const histogram *histogram) {
    const char *separator = "";
    printf("[");
    for (uint64_t index = 0; index < HISTOGRAM_BUCKETS; index++) {
        if (histogram->counts[index] == 0) continue;
        unsigned shift = index < 2 * HISTOGRAM_HALF ? 0 : (unsigned)(index / HISTOGRAM_HALF) - 1;
        uint64_t value = ((index - (uint64_t)shift * HISTOGRAM_HALF) << shift) + ((UINT64_C(1) << shift) >> 1);
        printf("%s[%llu,%llu]", separator, (unsigned long long)value, (unsigned long long)histogram->counts[index]);
        separator = ",";
    }
    printf("]");
}

#endif
