// The floor of publishing: an XPUB sends messages of three frames, a SUB receives them, over TCP on loopback.
//
//     wire_events TOPIC_BYTES HEADER_BYTES DATA_BYTES RATE SECONDS
//
// At RATE messages a second, evenly; RATE 0: as fast as the subscriber takes them. A latency is from just before the
// message is sent until it is received.
#include <pthread.h>
#include <string.h>
#include <zmq.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"

static histogram latencies;
static uint64_t last_receipt;

static void *receive(void *socket) {
    char frame[3][4096];
    for (;;) {
        for (int index = 0; index < 3; index++) {
            require(zmq_recv(socket, frame[index], sizeof frame[index], 0) >= 0, "no message: %s",
                    zmq_strerror(zmq_errno()));
        }
        if (frame[0][0] == 'e') break;
        last_receipt = nanoseconds();
        uint64_t sent;
        memcpy(&sent, frame[1], sizeof sent);
        histogram_record(&latencies, last_receipt - sent);
    }
    zmq_close(socket);
    return NULL;
}

int main(int count, char **arguments) {
    require(count == 6, "usage: wire_events TOPIC_BYTES HEADER_BYTES DATA_BYTES RATE SECONDS");
    size_t sizes[3];
    for (int index = 0; index < 3; index++) {
        sizes[index] = strtoul(arguments[1 + index], NULL, 10);
        require(sizes[index] >= 8 && sizes[index] <= 4096, "a frame has 8 to 4096 bytes");
    }
    double rate = strtod(arguments[4], NULL), seconds = strtod(arguments[5], NULL);

    void *publishing = zmq_ctx_new(), *receiving = zmq_ctx_new();
    void *publisher = zmq_socket(publishing, ZMQ_XPUB), *subscriber = zmq_socket(receiving, ZMQ_SUB);
    int queue = 20000, no_drop = 1, patience = 5000, none = 0;
    zmq_setsockopt(publisher, ZMQ_SNDHWM, &queue, sizeof queue);
    // A message that finds the queue full would otherwise be lost, and the rate that of throwing away.
    zmq_setsockopt(publisher, ZMQ_XPUB_NODROP, &no_drop, sizeof no_drop);
    zmq_setsockopt(publisher, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(subscriber, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(subscriber, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "", 0);
    char endpoint[256];
    size_t length = sizeof endpoint;
    require(zmq_bind(publisher, "tcp://127.0.0.1:*") == 0, "bind: %s", zmq_strerror(zmq_errno()));
    zmq_getsockopt(publisher, ZMQ_LAST_ENDPOINT, endpoint, &length);
    require(zmq_connect(subscriber, endpoint) == 0, "connect: %s", zmq_strerror(zmq_errno()));
    char subscription[8];
    require(zmq_recv(publisher, subscription, sizeof subscription, 0) >= 0, "nobody subscribed");
    pthread_t thread;
    require(pthread_create(&thread, NULL, receive, subscriber) == 0, "no thread");

    char frame[4096] = {0};
    uint64_t begin = nanoseconds(), end = begin + (uint64_t)(seconds * 1e9), sent = 0, now = begin;
    while (now < end) {
        if (rate > 0) {
            uint64_t due = begin + (uint64_t)((double)sent / rate * 1e9);
            if (due >= end) break;
            if (now < due) sleep_until(due);
        }
        now = nanoseconds();
        for (int index = 0; index < 3; index++) {
            memcpy(frame, &now, sizeof now);
            if (index == 0) frame[0] = 'm';
            require(zmq_send(publisher, frame, sizes[index], index < 2 ? ZMQ_SNDMORE : 0) >= 0, "send: %s",
                    zmq_strerror(zmq_errno()));
        }
        sent++;
    }
    for (int index = 0; index < 3; index++) {
        require(zmq_send(publisher, "end", 3, index < 2 ? ZMQ_SNDMORE : 0) >= 0, "send: %s",
                zmq_strerror(zmq_errno()));
    }
    pthread_join(thread, NULL);
    require(latencies.total == sent, "%llu of %llu messages arrived", (unsigned long long)latencies.total,
            (unsigned long long)sent);
    printf("{\"count\":%llu,\"seconds\":%.6f,\"latency\":", (unsigned long long)sent,
           (double)(last_receipt - begin) / 1e9);
    histogram_print(&latencies);
    printf("}\n");
    zmq_close(publisher);
    zmq_ctx_term(publishing);
    zmq_ctx_term(receiving);
    return 0;
}
