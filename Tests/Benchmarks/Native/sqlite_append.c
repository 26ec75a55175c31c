// The floor of the store: appends rows like the event log's to SQLite, so many a transaction, each transaction flushed
// (WAL, synchronous = FULL), without the index by stream and version, and without any check.
//
//     sqlite_append FILE ROWS SECONDS
#include <sqlite3.h>
#include <string.h>

#include "clock.h"
#include "failure.h"
#include "histogram.h"

static histogram latencies;
static sqlite3 *database;

static void execute(const char *statement) {
    require(sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", statement,
            sqlite3_errmsg(database));
}

int main(int count, char **arguments) {
    require(count == 4, "usage: sqlite_append FILE ROWS SECONDS");
    unsigned long rows = strtoul(arguments[2], NULL, 10);
    double seconds = strtod(arguments[3], NULL);
    require(rows > 0, "at least one row a transaction");
    require(sqlite3_open(arguments[1], &database) == SQLITE_OK, "%s: %s", arguments[1], sqlite3_errmsg(database));
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = FULL");
    execute("PRAGMA cache_size = -65536");
    execute("PRAGMA journal_size_limit = 67108864");
    execute("PRAGMA wal_autocheckpoint = 16384");
    execute(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, category TEXT NOT NULL, stream TEXT NOT NULL,"
        " version INTEGER NOT NULL, type TEXT NOT NULL, schema_version INTEGER NOT NULL, recorded_at INTEGER NOT NULL,"
        " id BLOB NOT NULL, hash BLOB NOT NULL, metadata TEXT NOT NULL, data TEXT NOT NULL) STRICT");
    sqlite3_stmt *insert;
    require(sqlite3_prepare_v2(database, "INSERT INTO events VALUES (?, 'account', ?, ?, 'MoneyDeposited', 2, ?, ?, ?,"
                               " '', '{\"amount\":\"500.00\"}')", -1, &insert, NULL) == SQLITE_OK,
            "%s", sqlite3_errmsg(database));
    unsigned char id[16] = {0}, hash[32] = {0};
    char stream[32];
    uint64_t position = 0, begin = nanoseconds(), end = begin + (uint64_t)(seconds * 1e9), now = begin;
    while (now < end) {
        uint64_t before = now;
        execute("BEGIN IMMEDIATE");
        for (unsigned long row = 0; row < rows; row++) {
            position++;
            memcpy(id, &position, sizeof position);
            memcpy(hash, &position, sizeof position);
            int length = snprintf(stream, sizeof stream, "acc-%llu", (unsigned long long)(position * 61 % 100000));
            sqlite3_bind_int64(insert, 1, (sqlite3_int64)position);
            sqlite3_bind_text(insert, 2, stream, length, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 3, (sqlite3_int64)(position / 100000 + 1));
            sqlite3_bind_int64(insert, 4, (sqlite3_int64)(before / 1000));
            sqlite3_bind_blob(insert, 5, id, sizeof id, SQLITE_STATIC);
            sqlite3_bind_blob(insert, 6, hash, sizeof hash, SQLITE_STATIC);
            require(sqlite3_step(insert) == SQLITE_DONE, "%s", sqlite3_errmsg(database));
            sqlite3_reset(insert);
        }
        execute("COMMIT");
        now = nanoseconds();
        histogram_record(&latencies, now - before);
    }
    printf("{\"count\":%llu,\"seconds\":%.6f,\"latency\":", (unsigned long long)position,
           (double)(now - begin) / 1e9);
    histogram_print(&latencies);
    printf("}\n");
    sqlite3_finalize(insert);
    require(sqlite3_close(database) == SQLITE_OK, "%s", sqlite3_errmsg(database));
    return 0;
}
