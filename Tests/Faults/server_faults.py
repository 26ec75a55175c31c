"""What breaks of a PostgreSQL server in which the log of a run is, and how it is mended."""

import threading

import postgresql
import psycopg


class FaultyServer:
    """A server of one run, and the database of its log, whose tables have little space if they can be full."""

    def __init__(self, can_be_full=True):
        self.server = postgresql.Server()
        self._space = postgresql.Space(self.server) if can_be_full else None
        place = {"TABLESPACE": postgresql.Space.NAME} if can_be_full else {}
        self.database = self.server.create_database(**place)
        self._storm = None

    @property
    def can_be_full(self):
        """Whether this user may mount what is filled."""
        return self._space is not None and self._space.is_mounted

    def strike(self, kind):
        match kind:
            case "kill server":
                self.server.kill()
            case "restart server":
                # One that is being started does not end in order.
                self.server.wait_until_ready()
                self.server.stop()
            case "freeze server":
                self.server.freeze()
            case "terminate sessions":
                self._storm = _Storm(self.database, "pg_terminate_backend")
            case "cancel sessions":
                self._storm = _Storm(self.database, "pg_cancel_backend")
            case "fill server" if self.can_be_full:
                self._space.fill()

    def mend(self, kind):
        match kind:
            case "kill server" | "restart server":
                self.start()
            case "freeze server":
                self.server.thaw()
            case "terminate sessions" | "cancel sessions":
                self._storm.end()
            case "fill server" if self.can_be_full:
                self._space.free()

    def start(self):
        # Whoever uses it learns by itself when it is there.
        self.server.start(wait=False)

    def kill(self):
        self.server.kill()

    def close(self):
        self.server.close()


class _Storm:
    """Calls a function for all sessions that others have with a database, at once and again and again until its end."""

    PAUSE = 0.03

    def __init__(self, database, function):
        self._statement = (
            f"SELECT {function}(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        self._server = database.server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                with self._server.connect() as connection:
                    connection.execute(self._statement)
            except psycopg.OperationalError:
                # The server is being started: it has no sessions yet.
                pass
            if self._ended.wait(self.PAUSE):
                return

    def end(self):
        self._ended.set()
        self._thread.join()
