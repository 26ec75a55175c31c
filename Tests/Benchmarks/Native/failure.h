// The end of a program of the bench that cannot measure: one line that says why, and exit code 1.
#ifndef BENCH_FAILURE_H
#define BENCH_FAILURE_H

#include <stdio.h>
#include <stdlib.h>

#define fail(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))
#define require(condition, ...) \
    do { \
        if (!(condition)) fail(__VA_ARGS__); \
    } while (0)

#endif
