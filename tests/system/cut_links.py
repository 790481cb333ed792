"""Connections that can be cut: whoever connects to a link's port reaches its target, as long as the link is open."""

import contextlib
import queue
import selectors
import socket
import threading

from support import PATIENCE

OPEN = "open"
CLOSED = "closed"  # connections break, new ones too
SILENT = "silent"  # nothing arrives any more, and nobody is told; what was sent arrives when the link is open again
MUTE = "mute"  # the same with answers alone

CHUNK = 1 << 16


class _End:
    """One of a connection's two sockets. `other`: where what it sends goes to. `is_caller`: who has connected."""

    def __init__(self, link, end, is_caller):
        self.link, self.socket, self.is_caller = link, end, is_caller
        self.other = None
        self.unsent = b""  # of what it is to receive
        self.has_ended = False

    def may_pass(self):
        """Whether what it sends gets through."""
        return self.link.state == OPEN or (self.link.state == MUTE and self.is_caller)


class _Link:
    def __init__(self, target, change):
        self.target = target
        self.change = change
        self.state = OPEN
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.ends = set()


class Links:
    """All in one thread."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._links = {}
        self._wishes = queue.Queue()
        self._woken, self._waker = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def make(self, name, port, change=lambda data: data):
        """A link to a port of this machine; returns its own one. `change` may change what passes, a piece at a time."""
        link = _Link(port, change)
        self._links[name] = link
        self._do(lambda: self._selector.register(link.listener, selectors.EVENT_READ, link))
        return link.listener.getsockname()[1]

    def set(self, names, state):
        self._do(lambda: [self._set(self._links[n], state) for n in names])

    def close(self):
        self._wishes.put(None)
        self._waker.send(b".")
        self._thread.join(PATIENCE)

    def _do(self, what):
        done = threading.Event()
        self._wishes.put((what, done))
        self._waker.send(b".")
        if not done.wait(PATIENCE):
            raise AssertionError("the thread of the links hangs")

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._woken.recv(CHUNK)
                    while not self._wishes.empty():
                        wish = self._wishes.get()
                        if wish is None:
                            self._end_all()
                            return
                        wish[0]()
                        wish[1].set()
                elif isinstance(key.data, _Link):
                    self._accept(key.data)
                else:
                    self._pass_on(key.data)

    def _end_all(self):
        for link in self._links.values():
            self._break(link)
            link.listener.close()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _set(self, link, state):
        link.state = state
        if state == CLOSED:
            self._break(link)
        for end in list(link.ends):
            self._watch(end)

    def _break(self, link):
        for end in list(link.ends):
            self._drop(end)

    def _accept(self, link):
        with contextlib.suppress(OSError):
            caller, _ = link.listener.accept()
            if link.state == CLOSED:
                caller.close()
                return
            try:
                target = socket.create_connection(("127.0.0.1", link.target), PATIENCE)
            except OSError:
                caller.close()
                return
            ends = _End(link, caller, True), _End(link, target, False)
            for end, other in (ends, ends[::-1]):
                end.socket.setblocking(False)
                end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                end.other = other
                link.ends.add(end)
                self._watch(end)

    def _watch(self, end):
        """For what is to happen with it next."""
        if end not in end.link.ends:
            return
        wanted = 0
        if end.may_pass() and not end.has_ended and not end.other.unsent:
            wanted |= selectors.EVENT_READ
        if end.unsent and end.other.may_pass():
            wanted |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(end.socket.fileno())
        if not wanted and known:
            self._selector.unregister(end.socket)
        elif wanted and known:
            self._selector.modify(end.socket, wanted, end)
        elif wanted:
            self._selector.register(end.socket, wanted, end)

    def _pass_on(self, end):
        if end not in end.link.ends:
            return
        try:
            self._send(end)
            if end.may_pass() and not end.has_ended and not end.other.unsent:
                end.other.unsent = end.link.change(end.socket.recv(CHUNK))
                end.has_ended = not end.other.unsent
                self._send(end.other)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(end)
            return
        if end.has_ended and not end.other.unsent:
            self._drop(end)
            return
        self._watch(end)
        self._watch(end.other)

    @staticmethod
    def _send(end):
        if end.unsent and end.other.may_pass():
            end.unsent = end.unsent[end.socket.send(end.unsent):]

    def _drop(self, end):
        for one in (end, end.other):
            if one in one.link.ends:
                one.link.ends.discard(one)
                with contextlib.suppress(KeyError):
                    self._selector.unregister(one.socket)
                one.socket.close()
