// A subscriber of Daybook's event log that does nothing but look: it takes what is published, without repair, so that
// whatever is lost on the way shows.
//
//     log_subscribe ENDPOINT SECONDS [TRACE]
//
// Prints `ready` once the first message has proved that the subscription is live. A line with a position on its
// standard input tells where the log ends; it ends there, or where a heartbeat shows that what is missing was lost, or
// after SECONDS.
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "clock.h"
#include "failure.h"
#include "trace.h"

enum { HEADER = 96, EVENT = 1 };

static uint64_t get(const unsigned char *at) {
    uint64_t value = 0;
    for (int index = 0; index < 8; index++) value = value << 8 | at[index];
    return value;
}

int main(int count, char **arguments) {
    require(count == 3 || count == 4, "usage: log_subscribe ENDPOINT SECONDS [TRACE]");
    uint64_t end = nanoseconds() + (uint64_t)(strtod(arguments[2], NULL) * 1e9);
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
    int none = 0, queue = 100000;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    require(zmq_connect(socket, arguments[1]) == 0, "connect: %s", zmq_strerror(zmq_errno()));

    trace received = {NULL, 0, 0};
    uint64_t last = 0, head = 0, events = 0, lost = 0, repeated = 0, until = UINT64_MAX;
    int is_live = 0, input_open = 1;
    while (last < until && head < until && nanoseconds() < end) {
        zmq_pollitem_t items[] = {{.socket = socket, .events = ZMQ_POLLIN}, {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
        require(zmq_poll(items, input_open ? 2 : 1, 100) >= 0, "poll: %s", zmq_strerror(zmq_errno()));
        if (input_open && items[1].revents != 0) {
            char line[64];
            ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
            if (length <= 0) {
                input_open = 0;
            } else {
                line[length] = 0;
                until = strtoull(line, NULL, 10);
            }
        }
        if (!(items[0].revents & ZMQ_POLLIN)) continue;
        for (;;) {
            unsigned char header[HEADER + 4096];
            char other[1024];
            if (zmq_recv(socket, other, sizeof other, ZMQ_DONTWAIT) < 0) break;
            int length = zmq_recv(socket, header, sizeof header, 0);
            require(length >= HEADER && zmq_recv(socket, other, sizeof other, 0) >= 0, "a message of another form");
            uint64_t now = nanoseconds(), position = get(header + 24);
            if (!is_live) {
                is_live = 1;
                last = header[4] == EVENT ? position - 1 : position;
                puts("ready");
                fflush(stdout);
            }
            if (header[4] != EVENT) {
                head = position;
                continue;
            }
            if (position <= last) {
                repeated++;
                continue;
            }
            lost += position - last - 1;
            last = position;
            events++;
            if (count == 4) trace_record(&received, position, now);
        }
    }
    if (head > last) lost += head - last;
    if (count == 4) trace_write(&received, arguments[3]);
    printf("{\"events\":%llu,\"lost\":%llu,\"repeated\":%llu,\"last\":%llu}\n", (unsigned long long)events,
           (unsigned long long)lost, (unsigned long long)repeated, (unsigned long long)last);
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
