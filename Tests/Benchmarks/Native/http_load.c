// Deposits over HTTP at a fixed rate, whatever the service does: an open loop.
//
//     http_load PORT --rate R --seconds S [--connections N] [--pipeline N] [--accounts N] [--drop] [--drain S]
//
// Request number i is due i / R seconds after the start. It goes to whichever connection has room, of --pipeline
// requests that wait for their answers, and its latency counts from when it was due, so that a service that stalls
// cannot hide what its clients would have waited (coordinated omission). Where no connection has room it waits, or,
// with --drop, is given up and counted, for an overload that does not let up. After the end, --drain seconds are left
// for answers under way; what was due and has none counts with the time that it has waited by then. A connection that
// breaks is counted with what it carried, and made again.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"

enum { MOST_PIPELINED = 64, REQUEST = 256, OUTPUT = MOST_PIPELINED * REQUEST, INPUT = 16384 };
static const char BODY[] = "{\"type\": \"Deposit\", \"amount\": 500.0}";

typedef struct {
    int socket;
    // In the list of those with room.
    int has_room;
    int is_connected;
    // When the requests that wait for an answer were due, in their order: a ring.
    uint64_t due[MOST_PIPELINED];
    unsigned first, waiting;
    char *output;
    size_t output_begin, output_end;
    char *input;
    size_t input_end;
    // What of a body is still to come and to be passed over.
    size_t body_left;
    int status;
} connection;

static struct {
    int port;
    double rate, seconds, drain;
    unsigned long connections, pipeline, accounts;
    int drop;
} options = {0, 0, 0, 5, 64, 1, 100000, 0};

static histogram latencies;
static uint64_t statuses[600], sent, broken, unanswered;
static connection *connections, **with_room;
static unsigned long rooms;
static int events;
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void offer_room(connection *each) {
    if (!each->has_room && each->is_connected && each->waiting < options.pipeline) {
        each->has_room = 1;
        with_room[rooms++] = each;
    }
}

static void listen_for(connection *each, uint32_t interest, int operation) {
    struct epoll_event event = {.events = interest, .data.ptr = each};
    require(epoll_ctl(events, operation, each->socket, &event) == 0, "epoll: %s", strerror(errno));
}

static void begin_connection(connection *each) {
    each->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(each->socket >= 0, "a socket: %s", strerror(errno));
    int one = 1;
    setsockopt(each->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    each->is_connected = 0;
    each->first = each->waiting = 0;
    each->output_begin = each->output_end = each->input_end = each->body_left = 0;
    int result = connect(each->socket, (struct sockaddr *)&address, sizeof address);
    require(result == 0 || errno == EINPROGRESS, "connect: %s", strerror(errno));
    listen_for(each, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

static void end_connection(connection *each) {
    broken++;
    unanswered += each->waiting;
    close(each->socket);
    if (each->has_room) {
        for (unsigned long index = 0; index < rooms; index++) {
            if (with_room[index] == each) with_room[index] = with_room[--rooms];
        }
        each->has_room = 0;
    }
    begin_connection(each);
}

// False where the connection broke.
static int flush_output(connection *each) {
    while (each->output_begin < each->output_end) {
        ssize_t written = send(each->socket, each->output + each->output_begin, each->output_end - each->output_begin,
                               MSG_NOSIGNAL);
        if (written < 0) {
            if (errno != EAGAIN) return 0;
            listen_for(each, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return 1;
        }
        each->output_begin += (size_t)written;
    }
    each->output_begin = each->output_end = 0;
    return 1;
}

static void send_request(uint64_t due) {
    connection *each = with_room[--rooms];
    each->has_room = 0;
    if (each->output_end + REQUEST > OUTPUT) {
        memmove(each->output, each->output + each->output_begin, each->output_end - each->output_begin);
        each->output_end -= each->output_begin;
        each->output_begin = 0;
    }
    int is_idle = each->output_end == 0;
    each->output_end += (size_t)snprintf(
        each->output + each->output_end, REQUEST,
        "POST /accounts/acc-%llu HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        (unsigned long long)(next_random() % options.accounts), sizeof BODY - 1, BODY);
    each->due[(each->first + each->waiting++) % MOST_PIPELINED] = due;
    sent++;
    if (is_idle && !flush_output(each)) {
        end_connection(each);
        return;
    }
    offer_room(each);
}

static void take_answer(connection *each) {
    histogram_record(&latencies, nanoseconds() - each->due[each->first]);
    statuses[each->status]++;
    each->first = (each->first + 1) % MOST_PIPELINED;
    each->waiting--;
    offer_room(each);
}

static size_t body_length(const char *head, const char *end) {
    static const char name[] = "content-length:";
    for (const char *line = head; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (strncasecmp(line, name, sizeof name - 1) == 0) return strtoul(line + sizeof name - 1, NULL, 10);
        if (next == NULL) break;
        line = next + 1;
    }
    fail("an answer has no Content-Length: %.*s", (int)(end - head), head);
}

// Takes whole answers out of the input. False where what came is no answer to anything.
static int take_answers(connection *each) {
    size_t begin = 0;
    for (;;) {
        size_t rest = each->input_end - begin;
        if (each->body_left > 0) {
            size_t part = each->body_left < rest ? each->body_left : rest;
            each->body_left -= part, begin += part;
            if (each->body_left > 0) break;
            take_answer(each);
            continue;
        }
        char *head = each->input + begin, *end = memmem(head, rest, "\r\n\r\n", 4);
        if (end == NULL) break;
        if (each->waiting == 0 || rest < 12 || strncmp(head, "HTTP/1.1 ", 9) != 0) return 0;
        each->status = atoi(head + 9);
        if (each->status < 100 || each->status > 599) return 0;
        each->body_left = body_length(head, end);
        begin += (size_t)(end - head) + 4;
        if (each->body_left == 0) take_answer(each);
    }
    memmove(each->input, each->input + begin, each->input_end - begin);
    each->input_end -= begin;
    return each->input_end < INPUT;
}

// False where the connection broke.
static int read_input(connection *each) {
    for (;;) {
        ssize_t received = recv(each->socket, each->input + each->input_end, INPUT - each->input_end, 0);
        if (received < 0 && errno == EAGAIN) return 1;
        if (received <= 0) return 0;
        each->input_end += (size_t)received;
        if (!take_answers(each)) return 0;
    }
}

static void handle(connection *each, uint32_t happened) {
    if (happened & EPOLLOUT) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(each->socket, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error == 0) {
            each->is_connected = 1;
            listen_for(each, EPOLLIN, EPOLL_CTL_MOD);
            if (!flush_output(each)) happened |= EPOLLHUP;
            offer_room(each);
        } else {
            happened |= EPOLLERR;
        }
    }
    if (happened & EPOLLIN && !read_input(each)) happened |= EPOLLHUP;
    if (happened & (EPOLLHUP | EPOLLERR)) end_connection(each);
}

static void wait_for_events(int64_t patience) {
    struct epoll_event happened[256];
    if (patience < 0) patience = 0;
    struct timespec time = {patience / 1000000000, patience % 1000000000};
    int count = epoll_pwait2(events, happened, 256, &time, NULL);
    require(count >= 0 || errno == EINTR, "epoll: %s", strerror(errno));
    for (int index = 0; index < count; index++) handle(happened[index].data.ptr, happened[index].events);
}

static void read_options(int count, char **arguments) {
    static const struct option known[] = {
        {"rate", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'}, {"pipeline", required_argument, NULL, 'p'},
        {"accounts", required_argument, NULL, 'a'}, {"drop", no_argument, NULL, 'd'},
        {"drain", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
            case 'r': options.rate = strtod(optarg, NULL); break;
            case 's': options.seconds = strtod(optarg, NULL); break;
            case 'c': options.connections = strtoul(optarg, NULL, 10); break;
            case 'p': options.pipeline = strtoul(optarg, NULL, 10); break;
            case 'a': options.accounts = strtoul(optarg, NULL, 10); break;
            case 'd': options.drop = 1; break;
            case 'w': options.drain = strtod(optarg, NULL); break;
            default: exit(1);
        }
    }
    require(optind + 1 == count, "one port is needed");
    options.port = atoi(arguments[optind]);
    require(options.rate > 0 && options.seconds > 0, "--rate and --seconds are needed");
    require(options.connections > 0 && options.accounts > 0, "at least one connection, and one account");
    require(options.pipeline > 0 && options.pipeline <= MOST_PIPELINED, "--pipeline is 1 to %d", MOST_PIPELINED);
}

static void connect_all(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    events = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof *connections);
    with_room = calloc(options.connections, sizeof *with_room);
    require(events >= 0 && connections != NULL && with_room != NULL, "no memory");
    uint64_t patience = nanoseconds() + 10000000000u;
    for (unsigned long index = 0; index < options.connections; index++) {
        connection *each = &connections[index];
        each->output = malloc(OUTPUT), each->input = malloc(INPUT);
        require(each->output != NULL && each->input != NULL, "no memory");
        begin_connection(each);
        // Not more at once than the service's queue of connections to accept is sure to hold.
        while (rooms + 64 <= index && nanoseconds() < patience) wait_for_events(1000000);
    }
    while (rooms < options.connections && nanoseconds() < patience) wait_for_events(1000000);
    require(rooms > 0, "nobody accepts connections at port %d", options.port);
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    connect_all();
    uint64_t open = rooms, begin = nanoseconds(), end = begin + (uint64_t)(options.seconds * 1e9), issued = 0;
    // Only what breaks under load counts.
    broken = 0;
    for (uint64_t now = begin; now < end; now = nanoseconds()) {
        uint64_t due = begin;
        for (;;) {
            due = begin + (uint64_t)((double)issued / options.rate * 1e9);
            if (due > now || (rooms == 0 && !options.drop)) break;
            issued++;
            if (rooms > 0) send_request(due);
        }
        int64_t until = (int64_t)((due > now && due < end ? due : end) - now);
        wait_for_events(due <= now && until > 10000000 ? 10000000 : until);
    }
    uint64_t last = nanoseconds(), drained = last + (uint64_t)(options.drain * 1e9);
    for (uint64_t waiting = 1; waiting > 0 && nanoseconds() < drained;) {
        wait_for_events(1000000);
        waiting = 0;
        for (unsigned long index = 0; index < options.connections; index++) waiting += connections[index].waiting;
    }
    uint64_t answered = latencies.total, given_up = nanoseconds();
    for (unsigned long index = 0; index < options.connections; index++) {
        connection *each = &connections[index];
        unanswered += each->waiting;
        for (; each->waiting > 0; each->first = (each->first + 1) % MOST_PIPELINED, each->waiting--) {
            histogram_record(&latencies, given_up - each->due[each->first]);
        }
    }
    // With --drop, what was never sent is counted as such and waits for nothing.
    for (uint64_t due; !options.drop && (due = begin + (uint64_t)((double)issued / options.rate * 1e9)) < end; issued++) {
        histogram_record(&latencies, given_up - due);
    }
    uint64_t offered = (uint64_t)(options.rate * options.seconds);
    printf("{\"offered\":%llu,\"sent\":%llu,\"not_sent\":%llu,\"unanswered\":%llu,\"broken\":%llu,"
           "\"connections\":%llu,\"count\":%llu,\"seconds\":%.6f,\"statuses\":{",
           (unsigned long long)offered, (unsigned long long)sent,
           (unsigned long long)(offered > sent ? offered - sent : 0),
           (unsigned long long)unanswered, (unsigned long long)broken, (unsigned long long)open,
           (unsigned long long)answered, (double)(last - begin) / 1e9);
    const char *separator = "";
    for (int status = 0; status < 600; status++) {
        if (statuses[status] == 0) continue;
        printf("%s\"%d\":%llu", separator, status, (unsigned long long)statuses[status]);
        separator = ",";
    }
    printf("},\"latency\":");
    histogram_print(&latencies);
    printf("}\n");
    return 0;
}
