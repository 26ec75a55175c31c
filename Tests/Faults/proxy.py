"""A TCP proxy that stands between two parts of the system and breaks what passes through it."""

import socket
import struct
import threading
import time

from services import Ports

TOWARDS, BACK = "towards", "back"
# Between two steps of what passes bit by bit.
PAUSE_OF_A_TRICKLE = 0.004


class Proxy:
    """Passes connections on to a port of this machine, until it is told not to."""

    def __init__(self, target):
        self.target = target
        self._refuses = False
        # Set while bytes flow in a direction.
        self._flows = {TOWARDS: threading.Event(), BACK: threading.Event()}
        for flow in self._flows.values():
            flow.set()
        self._delay = 0.0
        # How many bytes pass at a time; None: whatever has arrived.
        self._step = None
        self._lock = threading.Lock()
        self._pairs = set()
        # How many bytes may still pass in all before everything is cut; None: any number.
        self._allowance = None
        self.port = Ports.take()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    # What breaks

    def cut(self):
        """Breaks every connection, as a router does that forgets them: with a reset."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
            self._allowance = None
        for pair in pairs:
            for end in pair:
                _reset(end)

    def cut_within_a_message(self, bytes_left):
        """Breaks every connection once so many further bytes have passed."""
        with self._lock:
            self._allowance = bytes_left

    def refuse(self, refuses):
        """Whether new connections are broken at once, and those that there are, now."""
        self._refuses = refuses
        if refuses:
            self.cut()

    def stall(self, stalls, *directions):
        """Whether nothing passes, in these directions or both, without anybody being told."""
        for direction in directions or (TOWARDS, BACK):
            self._flows[direction].clear() if stalls else self._flows[direction].set()

    def delay(self, seconds):
        """How long whatever arrives is kept before it is passed on."""
        self._delay = seconds

    def trickle(self, step):
        """Lets so many bytes pass at a time, so that what was sent together arrives bit by bit."""
        self._step = step

    def heal(self):
        self.refuse(False)
        self.stall(False)
        self.delay(0)
        self.trickle(None)
        with self._lock:
            self._allowance = None

    def close(self):
        # To wake the thread that accepts, which a mere close does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.heal()
        self.cut()

    # What passes

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                # Closed: the end of this proxy.
                return
            if self._refuses:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                # Nobody is there: whoever has connected learns it now.
                _reset(near)
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._join(near, far)

    def _join(self, near, far):
        pair = (near, far)
        with self._lock:
            self._pairs.add(pair)
        left = threading.Semaphore(1)
        for source, sink, direction in ((near, far, TOWARDS), (far, near, BACK)):
            threading.Thread(target=self._pump, args=(source, sink, direction, pair, left), daemon=True).start()

    def _pump(self, source, sink, direction, pair, left):
        try:
            while part := source.recv(65536):
                self._flows[direction].wait()
                if self._delay:
                    time.sleep(self._delay)
                part, is_last = self._let_pass(part)
                self._send(part, sink)
                if is_last:
                    self.cut()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end is gone: then the other goes too.
            _reset(source)
            _reset(sink)
        if not left.acquire(blocking=False):
            # Both directions have ended.
            for end in pair:
                end.close()
            with self._lock:
                self._pairs.discard(pair)

    def _send(self, part, sink):
        while part and (step := self._step):
            sink.sendall(part[:step])
            part = part[step:]
            time.sleep(PAUSE_OF_A_TRICKLE)
        sink.sendall(part)

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
        # Wakes whoever reads from it in another thread. Only this direction: shutting the other would tell the peer
        # that the answer ends here, in good order.
        end.shutdown(socket.SHUT_RD)
    except OSError:
        # Not connected any more.
        pass
    end.close()
