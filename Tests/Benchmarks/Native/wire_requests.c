// The floor of the wire: a DEALER asks, a ROUTER answers at once, over TCP on loopback, so many requests in flight.
//
//     wire_requests REQUEST_BYTES REPLY_BYTES IN_FLIGHT SECONDS
#include <pthread.h>
#include <string.h>
#include <zmq.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"

static histogram latencies;
static size_t request_size, reply_size;

static void *answer(void *socket) {
    char peer[64], *bytes = calloc(1, request_size > reply_size ? request_size : reply_size);
    require(bytes != NULL, "no memory");
    for (;;) {
        int length = zmq_recv(socket, peer, sizeof peer, 0);
        if (length < 0) break;
        if (zmq_recv(socket, bytes, request_size, 0) < 0) break;
        if (zmq_send(socket, peer, (size_t)length, ZMQ_SNDMORE) < 0) break;
        if (zmq_send(socket, bytes, reply_size, 0) < 0) break;
    }
    // The context of the bench's end; any other failure would show as requests without replies.
    require(zmq_errno() == ETERM, "the answering side: %s", zmq_strerror(zmq_errno()));
    zmq_close(socket);
    free(bytes);
    return NULL;
}

int main(int count, char **arguments) {
    require(count == 5, "usage: wire_requests REQUEST_BYTES REPLY_BYTES IN_FLIGHT SECONDS");
    request_size = strtoul(arguments[1], NULL, 10);
    reply_size = strtoul(arguments[2], NULL, 10);
    unsigned long window = strtoul(arguments[3], NULL, 10);
    double seconds = strtod(arguments[4], NULL);
    require(request_size >= 8 && reply_size >= 8 && window > 0, "8 bytes and one request in flight at least");

    // Two contexts, as two processes would have: nothing goes past TCP.
    void *answering = zmq_ctx_new(), *asking = zmq_ctx_new();
    void *router = zmq_socket(answering, ZMQ_ROUTER), *dealer = zmq_socket(asking, ZMQ_DEALER);
    int none = 0, patience = 5000;
    zmq_setsockopt(router, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    char endpoint[256];
    size_t length = sizeof endpoint;
    require(zmq_bind(router, "tcp://127.0.0.1:*") == 0, "bind: %s", zmq_strerror(zmq_errno()));
    zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &length);
    require(zmq_connect(dealer, endpoint) == 0, "connect: %s", zmq_strerror(zmq_errno()));
    pthread_t thread;
    require(pthread_create(&thread, NULL, answer, router) == 0, "no thread");

    char *request = calloc(1, request_size), *reply = malloc(reply_size);
    require(request != NULL && reply != NULL, "no memory");
    uint64_t begin = nanoseconds(), end = begin + (uint64_t)(seconds * 1e9), now = begin;
    unsigned long in_flight = 0;
    while (now < end || in_flight > 0) {
        while (now < end && in_flight < window) {
            uint64_t sent = nanoseconds();
            memcpy(request, &sent, sizeof sent);
            require(zmq_send(dealer, request, request_size, 0) >= 0, "send: %s", zmq_strerror(zmq_errno()));
            in_flight++;
        }
        require(zmq_recv(dealer, reply, reply_size, 0) >= 0, "no reply: %s", zmq_strerror(zmq_errno()));
        in_flight--;
        now = nanoseconds();
        uint64_t sent;
        memcpy(&sent, reply, sizeof sent);
        histogram_record(&latencies, now - sent);
    }
    printf("{\"count\":%llu,\"seconds\":%.6f,\"latency\":", (unsigned long long)latencies.total,
           (double)(now - begin) / 1e9);
    histogram_print(&latencies);
    printf("}\n");
    zmq_close(dealer);
    zmq_ctx_term(asking);
    zmq_ctx_shutdown(answering);
    pthread_join(thread, NULL);
    zmq_ctx_term(answering);
    free(request);
    free(reply);
    return 0;
}
