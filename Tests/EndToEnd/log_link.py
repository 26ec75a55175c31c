"""A link between a service and the log that understands the protocol: it can hold back, alter and answer single requests.

So a test says in which order things happen that otherwise meet by chance.
"""

import struct
import threading
import time

import zmq

import secured
from services import wait_until

APPEND, KEEP, READ_STREAM, STATUS, OUTCOME, LOAD = 0x10, 0x11, 0x21, 0x22, 0x23, 0x24
APPEND_REPLY, STATUS_REPLY, LOAD_REPLY = 0x90, 0xA2, 0xA4


def kind_of(frame):
    return frame[4]


def number_of(frame):
    return struct.unpack(">Q", frame[8:16])[0]


def conflict(frame, actual):
    """The log's answer to an append: others were faster on its first stream, and nothing is told of what they did."""
    stream = 17
    if key := frame[16]:
        stream += key + 32
        stream += 4 + struct.unpack(">I", frame[stream : stream + 4])[0] + 2
    else:
        stream += 2
    end = stream
    for _ in ("category", "name"):
        end += 1 + frame[end]
    told = b"\x03" + struct.pack(">HH", 1, 0) + frame[stream:end] + struct.pack(">QI", actual, 0)
    return b"DBK1" + bytes([APPEND_REPLY, 0, 0, 0]) + frame[8:16] + told


class LogLink:
    """Passes requests on to a socket of the log, and replies back, one by one.

    `on_request` and `on_reply` see each as (frame) and give: the frame to pass on; None to hold it back; or, of a request,
    ("answer", frame). They run on the link's thread, under its lock.
    """

    def __init__(self, port):
        self._target = f"tcp://127.0.0.1:{port}"
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self._front.linger = 0
        secured.stand_in(self._front)
        self.port = self._front.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self._backs = {}
        self._lock = threading.Lock()
        self._releases = []
        self._ended = False
        self.on_request = self.on_reply = lambda frame: frame
        self.requests, self.replies = [], []
        """What is held back."""
        self.seen = []
        """The kinds of all requests that came, with the time."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def count(self, kind):
        with self._lock:
            return sum(1 for seen, _ in self.seen if seen == kind)

    def wait_for_held(self, requests=None, replies=None, deadline=60):
        wait_until(
            lambda: (requests is None or len(self.requests) >= requests)
            and (replies is None or len(self.replies) >= replies),
            f"{requests} requests and {replies} replies are held back: {self.requests} {self.replies}", deadline,
        )  # fmt: skip

    def hold(self, requests=(), replies=()):
        """From now on, holds back requests and replies of these kinds."""
        with self._lock:
            self.on_request = lambda frame: None if kind_of(frame) in requests else frame
            self.on_reply = lambda frame: None if kind_of(frame) in replies else frame

    def pass_on(self, on_reply=lambda frame: frame):
        """Passes on what is held back, in its order, and holds back nothing more, but for what is said of replies."""
        with self._lock:
            self.on_request, self.on_reply = lambda frame: frame, on_reply
            self._releases.append(True)

    def close(self):
        self._ended = True
        self._thread.join()
        self._context.destroy(0)

    def _run(self):
        while not self._ended:
            poller = zmq.Poller()
            for socket in [self._front, *self._backs.values()]:
                poller.register(socket, zmq.POLLIN)
            ready = dict(poller.poll(5))
            with self._lock:
                if self._releases:
                    self._releases.clear()
                    requests, self.requests = self.requests, []
                    replies, self.replies = self.replies, []
                    for peer, frame in requests:
                        self._backs[peer].send(frame)
                    for peer, frame in replies:
                        self._front.send_multipart([peer, frame])
                if self._front in ready:
                    peer, *frames = self._front.recv_multipart()
                    for frame in frames:
                        self._request(peer, frame)
                for peer, back in list(self._backs.items()):
                    if back in ready:
                        for frame in back.recv_multipart():
                            self._reply(peer, frame)

    def _request(self, peer, frame):
        self.seen.append((kind_of(frame), time.monotonic()))
        if peer not in self._backs:
            back = self._backs[peer] = self._context.socket(zmq.DEALER)
            back.linger = 0
            secured.connect_socket(back, self._target)
        match self.on_request(frame):
            case None:
                self.requests.append((peer, frame))
            case ("answer", reply):
                self._front.send_multipart([peer, reply])
            case passed:
                self._backs[peer].send(passed)

    def _reply(self, peer, frame):
        passed = self.on_reply(frame)
        if passed is None:
            self.replies.append((peer, frame))
        else:
            self._front.send_multipart([peer, passed])
