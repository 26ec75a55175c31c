"""A TCP proxy that stands between two parts of the system and breaks what passes through it."""

import socket
import struct
import threading

from services import Ports


class Proxy:
    """Passes connections on to a port of this machine, until it is told not to."""

    def __init__(self, target):
        self.target = target
        self._refuses = False
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._pairs = []
        # How many bytes may still pass in all before everything is cut; None: any number.
        self._allowance = None
        self.port = Ports.take()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    # What breaks

    def cut(self):
        """Breaks every connection, as a router does that forgets them: with a reset."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
            self._allowance = None
        for pair in pairs:
            for end in pair:
                _reset(end)

    def cut_within_a_message(self, bytes_left):
        """Breaks every connection once so many further bytes have passed."""
        with self._lock:
            self._allowance = bytes_left

    def refuse(self, refuses):
        """Whether new connections are broken at once."""
        self._refuses = refuses
        if refuses:
            self.cut()

    def stall(self, stalls):
        """Whether nothing passes, without anybody being told."""
        self._flows.clear() if stalls else self._flows.set()

    def heal(self):
        self.refuse(False)
        self.stall(False)
        with self._lock:
            self._allowance = None

    def close(self):
        self.heal()
        self._listener.close()
        self.cut()

    # What passes

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        try:
            while part := source.recv(65536):
                self._flows.wait()
                part, is_last = self._let_pass(part)
                sink.sendall(part)
                if is_last:
                    self.cut()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end is gone: then the other goes too.
            _reset(source)
            _reset(sink)

    def _let_pass(self, part):
        with self._lock:
            if self._allowance is None:
                return part, False
            passing = part[: self._allowance]
            self._allowance -= len(passing)
            return passing, self._allowance == 0


def _reset(end):
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Not connected any more.
        pass
    end.close()
