"""A peer of the log with pyzmq alone, which shows a key or none."""

import zmq

import daybook_frames as frames


class LogPeer:
    """By a name of the peers file, or with keys of its own; `server` is what it takes for the log's public key."""

    def __init__(self, daybook, kind, port, name=None, keys=None, server=None):
        self.context = zmq.Context()
        self.context.linger = 0
        self.socket = self.context.socket(kind)
        self.socket.immediate = True
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
        if not self.socket.poll(int(wait * 1000)):
            return None
        (reply,) = self.socket.recv_multipart()
        return reply[4], reply[frames.HEAD.size :]

    def is_answered(self, wait=5.0):
        """Whether the log tells it how it stands."""
        reply = self.ask(wait=wait)
        return reply is not None and reply[0] == frames.STATUS | 0x80

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=0)
