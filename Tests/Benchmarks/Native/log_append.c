// Appends to Daybook's event log through its append socket, as its specification says, and measures the replies.
//
//     log_append ENDPOINT [--writes W] [--events E] [--in-flight N] [--rate R] [--seconds S] [--total N]
//                [--streams N] [--first N] [--any-version] [--keys] [--trace FILE]
//
// A request has W writes, each of E events for another account, with the version that its stream must have. What comes
// next follows from its number alone: write number i is for the account (i x stride) mod streams, and its events follow
// the i / streams x E events before; the first of all opens the account. So any two writes nearer than the number of
// accounts are for different ones, requests in flight never meet, and a run goes on at --first where another ended.
// --any-version takes the streams as they are, if others have written to them too. --keys gives each request a command
// key of 36 bytes that no other has, and an outcome as short as a gateway's.
//
// Closed loop: --in-flight requests at a time; those that fall due together share one message, as a gateway's do. With
// --rate, R requests a second are sent evenly instead, and a latency counts from the moment at which the request was
// due. A message is at most 1 ms late then.
#include <getopt.h>
#include <string.h>
#include <sys/random.h>
#include <zmq.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"
#include "trace.h"

enum { MOST_FRAMES = 64, MOST_EVENTS = 10000, HEAD = 16, LARGEST_EVENT = 128, LARGEST_STREAM = 64 };
enum { COMMITTED_REPLY = HEAD + 1 + 8, KEY = 36, KEPT = 32 };
static const uint64_t PATIENCE = 30000000000u;
static const char OPENED[] = "AccountOpened", DEPOSITED[] = "MoneyDeposited";
static const char OPENING[] = "{\"owner\":\"Alice\",\"initial_balance\":\"1000.00\",\"currency\":\"USD\"}";
static const char DEPOSIT[] = "{\"amount\":\"500.00\"}";

static struct {
    unsigned long writes, events, in_flight, total, streams, first;
    double rate, seconds;
    int any_version, keys;
    const char *trace;
} options = {1, 1, 1, 0, 100000, 0, 0, 0, 0, 0, NULL};

static histogram latencies;
static trace acknowledged;
// When each request in flight was sent or due, by its number modulo the size, which is a power of two.
static uint64_t *moments, moments_mask;
static uint64_t requests_sent, requests_answered, next_write, last_position;
static unsigned char random_part[8];

static char *put(char *at, uint64_t value, int size) {
    for (int index = size - 1; index >= 0; index--, value >>= 8) at[index] = (char)value;
    return at + size;
}

static char *put_bytes(char *at, const void *bytes, size_t count) {
    memcpy(at, bytes, count);
    return at + count;
}

static uint64_t get(const unsigned char *at, int size) {
    uint64_t value = 0;
    for (int index = 0; index < size; index++) value = value << 8 | at[index];
    return value;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

// A step through the accounts that meets each once before it meets one again, far from its neighbours.
static uint64_t stride(void) {
    static uint64_t found = 0;
    if (found == 0) {
        found = (uint64_t)((double)options.streams * 0.618) | 1;
        while (greatest_common_divisor(found, options.streams) != 1) found += 2;
    }
    return found;
}

static char *put_event(char *at, uint64_t number, int opens, uint64_t milliseconds) {
    // UUID version 7: time, then what makes it differ from all others: the number, and a part drawn at the start.
    at = put(at, milliseconds, 6), at = put(at, 0x7000 | (number >> 24 & 0xfff), 2);
    at = put(at, 0x80, 1), at = put(at, number, 3), at = put_bytes(at, random_part, 4);
    const char *type = opens ? OPENED : DEPOSITED, *data = opens ? OPENING : DEPOSIT;
    at = put(at, strlen(type), 1), at = put_bytes(at, type, strlen(type));
    at = put(at, 2, 2), at = put(at, 0, 4);
    at = put(at, strlen(data), 4);
    return put_bytes(at, data, strlen(data));
}

static char *put_write(char *at, uint64_t number, uint64_t milliseconds) {
    char name[32];
    uint64_t version = number / options.streams * options.events;
    size_t length = (size_t)snprintf(name, sizeof name, "acc-%llu",
                                     (unsigned long long)(number * stride() % options.streams));
    at = put(at, 7, 1), at = put_bytes(at, "account", 7);
    at = put(at, length, 1), at = put_bytes(at, name, length);
    at = put(at, options.any_version && version > 0 ? UINT64_MAX : version, 8), at = put(at, 0, 1);
    at = put(at, options.events, 2);
    for (unsigned long event = 0; event < options.events; event++) {
        at = put_event(at, number * options.events + event, version + event == 0, milliseconds);
    }
    return at;
}

// A command key as clients make them, a UUID as text, of random looks; what binds it, and what is kept with it.
static char *put_command(char *at, uint64_t number) {
    if (!options.keys) return put(at, 0, 1);
    uint64_t high = get(random_part, 8) + number * 0x9e3779b97f4a7c15u, low = (high ^ high >> 29) * 0xbf58476d1ce4e5b9u;
    char key[KEY + 1], fingerprint[32] = {0}, kept[KEPT] = {0};
    snprintf(key, sizeof key, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(low >> 32), (unsigned)(low >> 16 & 0xffff),
             (unsigned)(low >> 4 & 0xfff), (unsigned)(high >> 52), (unsigned long long)(number & 0xffffffffffff));
    memcpy(fingerprint, &low, sizeof low);
    at = put(at, KEY, 1), at = put_bytes(at, key, KEY), at = put_bytes(at, fingerprint, sizeof fingerprint);
    at = put(at, KEPT, 4);
    return put_bytes(at, kept, KEPT);
}

static void send_requests(void *socket, unsigned count, const uint64_t *due) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t milliseconds = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
    for (unsigned frame = 0; frame < count; frame++) {
        zmq_msg_t message;
        size_t room = HEAD + 3 + KEY + 32 + 4 + KEPT + options.writes * (LARGEST_STREAM + options.events * LARGEST_EVENT);
        require(zmq_msg_init_size(&message, room) == 0, "no memory");
        char *begin = zmq_msg_data(&message), *at = put_bytes(begin, "DBK1\x10\0\0\0", 8);
        at = put(at, requests_sent, 8), at = put_command(at, next_write), at = put(at, options.writes, 2);
        for (unsigned long write = 0; write < options.writes; write++) at = put_write(at, next_write++, milliseconds);
        // The room was for the longest events; a frame may only be made shorter by a copy.
        zmq_msg_t exact;
        require(zmq_msg_init_size(&exact, (size_t)(at - begin)) == 0, "no memory");
        memcpy(zmq_msg_data(&exact), begin, (size_t)(at - begin));
        zmq_msg_close(&message);
        moments[requests_sent & moments_mask] = due[frame];
        requests_sent++;
        require(zmq_msg_send(&exact, socket, frame + 1 < count ? ZMQ_SNDMORE : 0) >= 0, "send: %s",
                zmq_strerror(zmq_errno()));
    }
}

static void take_reply(const unsigned char *reply, size_t size, uint64_t now) {
    require(size >= HEAD + 1 && memcmp(reply, "DBK1\x90\0\0\0", 8) == 0, "the log refused an append");
    require(reply[HEAD] == 0, "an append was not committed, but has the result %d", reply[HEAD]);
    require(size >= COMMITTED_REPLY, "a reply is cut short");
    uint64_t number = get(reply + 8, 8), position = get(reply + HEAD + 1, 8);
    histogram_record(&latencies, now - moments[number & moments_mask]);
    requests_answered++;
    if (position > last_position) last_position = position;
    if (options.trace != NULL) {
        uint64_t events = options.writes * options.events;
        for (uint64_t event = 0; event < events; event++) trace_record(&acknowledged, position - event, now);
    }
}

// Waits at most so many milliseconds for a reply, and takes all that are there.
static void take_replies(void *socket, long patience) {
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, patience) <= 0) return;
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) {
            require(zmq_errno() == EAGAIN, "receive: %s", zmq_strerror(zmq_errno()));
            return;
        }
        take_reply(zmq_msg_data(&message), zmq_msg_size(&message), nanoseconds());
        zmq_msg_close(&message);
    }
}

static void read_options(int count, char **arguments) {
    static const struct option known[] = {
        {"writes", required_argument, NULL, 'b'}, {"events", required_argument, NULL, 'e'},
        {"in-flight", required_argument, NULL, 'i'},
        {"rate", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'},
        {"total", required_argument, NULL, 't'}, {"streams", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'}, {"any-version", no_argument, NULL, 'a'},
        {"keys", no_argument, NULL, 'k'}, {"trace", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
            case 'b': options.writes = strtoul(optarg, NULL, 10); break;
            case 'e': options.events = strtoul(optarg, NULL, 10); break;
            case 'i': options.in_flight = strtoul(optarg, NULL, 10); break;
            case 'r': options.rate = strtod(optarg, NULL); break;
            case 's': options.seconds = strtod(optarg, NULL); break;
            case 't': options.total = strtoul(optarg, NULL, 10); break;
            case 'n': options.streams = strtoul(optarg, NULL, 10); break;
            case 'f': options.first = strtoul(optarg, NULL, 10); break;
            case 'a': options.any_version = 1; break;
            case 'k': options.keys = 1; break;
            case 'w': options.trace = optarg; break;
            default: exit(1);
        }
    }
    require(optind + 1 == count, "one endpoint is needed");
    require(options.writes > 0 && options.events > 0 && options.writes * options.events <= MOST_EVENTS,
            "1 to %d events a request", MOST_EVENTS);
    require(options.in_flight > 0 && options.streams > 0, "at least one request in flight, and one stream");
    require(options.seconds > 0 || options.total > 0, "--seconds or --total is needed");
    if (options.rate > 0) options.in_flight = options.streams / options.writes;
    require(options.in_flight > 0 && options.in_flight * options.writes <= options.streams,
            "requests in flight would meet in a stream: more --streams are needed");
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    next_write = options.first;
    require(getrandom(random_part, sizeof random_part, 0) == (ssize_t)sizeof random_part, "no random bytes");
    for (moments_mask = 1; moments_mask < options.in_flight; moments_mask <<= 1) {}
    moments = calloc(moments_mask, sizeof *moments);
    require(moments != NULL, "no memory");
    moments_mask--;

    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
    int none = 0, patience = 10000, queue = 0;
    int64_t largest = 16 << 20;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &patience, sizeof patience);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    require(zmq_connect(socket, arguments[optind]) == 0, "connect: %s", zmq_strerror(zmq_errno()));

    uint64_t begin = nanoseconds(), now = begin, last_answer = begin;
    uint64_t end = options.seconds > 0 ? begin + (uint64_t)(options.seconds * 1e9) : UINT64_MAX;
    uint64_t size = options.writes * options.events;
    uint64_t most = options.total > 0 ? (options.total + size - 1) / size : UINT64_MAX;
    int goes_on = 1;
    while (goes_on || requests_answered < requests_sent) {
        uint64_t due[MOST_FRAMES];
        unsigned ready = 0;
        long wait = 1000;
        now = nanoseconds();
        goes_on = goes_on && now < end && requests_sent < most;
        while (goes_on && ready < MOST_FRAMES && requests_sent + ready < most
               && requests_sent + ready - requests_answered < options.in_flight) {
            due[ready] = options.rate > 0
                ? begin + (uint64_t)((double)(requests_sent + ready) / options.rate * 1e9) : now;
            if (due[ready] > now) {
                // A reply ends the wait at once; a request that falls due meanwhile is up to 1 ms late.
                wait = 1;
                break;
            }
            ready++;
        }
        if (ready > 0) send_requests(socket, ready, due);
        uint64_t before = requests_answered;
        int is_full = requests_sent - requests_answered >= options.in_flight;
        take_replies(socket, is_full || !goes_on ? 1000 : options.rate > 0 && ready == 0 ? wait : 0);
        now = nanoseconds();
        if (requests_answered > before) last_answer = now;
        require(requests_answered == requests_sent || now - last_answer < PATIENCE, "no reply for 30 s");
    }
    if (options.trace != NULL) trace_write(&acknowledged, options.trace);
    printf("{\"count\":%llu,\"requests\":%llu,\"seconds\":%.6f,\"next\":%llu,\"position\":%llu,\"latency\":",
           (unsigned long long)(requests_answered * size), (unsigned long long)requests_answered,
           (double)(last_answer - begin) / 1e9, (unsigned long long)next_write, (unsigned long long)last_position);
    histogram_print(&latencies);
    printf("}\n");
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
}
