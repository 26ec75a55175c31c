"""A peer of the log with pyzmq alone, which shows a key or none. None of its calls waits without an end."""

import zmq

import daybook_frames as frames


class LogPeer:
    """By a name of the peers file, or with keys of its own; `server` is what it takes for the log's public key."""

    def __init__(self, daybook, kind, port, name=None, keys=None, server=None):
        self.context = zmq.Context()
        self.context.linger = 0
        self.socket = self.context.socket(kind)
        # A request is sent only to a log that lets the peer in. Of a subscription, libzmq would drop what was received when
        # its connection ends: also the rest of a message whose first frame `poll` has taken, and that is then waited for.
        self.socket.immediate = kind != zmq.SUB
        if name or keys:
            daybook.secrets.make_client(self.socket, name or "subscriber")
        if keys:
            self.socket.curve_publickey, self.socket.curve_secretkey = keys
        if server:
            self.socket.curve_serverkey = server
        if kind == zmq.SUB:
            self.socket.subscribe(b"")
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def ask(self, kind=frames.STATUS, body=b"", wait=5.0):
        """The kind of the reply and what follows its head; None if there is none in time."""
        if not self.socket.poll(int(wait * 1000), zmq.POLLOUT):
            return None
        self.socket.send(frames.HEAD.pack(frames.MAGIC, kind, 0, 0, 1) + body)
        if not (message := self.receive(wait)):
            return None
        (reply,) = message
        return reply[4], reply[frames.HEAD.size :]

    def receive(self, wait=5.0):
        """The frames of a message; None if there is none in time."""
        if not self.socket.poll(int(wait * 1000)):
            return None
        try:
            # The frames of a message arrive together: none is waited for.
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def is_answered(self, wait=5.0):
        """Whether the log tells it how it stands."""
        reply = self.ask(wait=wait)
        return reply is not None and reply[0] == frames.STATUS | 0x80

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=0)
