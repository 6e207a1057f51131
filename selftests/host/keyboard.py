# SPDX-License-Identifier: GPL-2.0-only
"""Input for the command in the guest: a terminal for --shell, anything else for --stdin."""

import os
import selectors
import termios
import tty

CHUNK = 512
END_OF_FILE = 4
ESCAPE_NEXT = 22
DETACH = b'\x1d'


class Terminal:
    """The user's terminal, raw, so that each key goes to the guest. Control-] leaves."""

    def __init__(self):
        self.saved = termios.tcgetattr(0) if os.isatty(0) else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)

    def settings(self):
        size = {}
        if self.saved:
            columns, rows = os.get_terminal_size(0)
            size = {'ROWS': rows, 'COLS': columns}
        return {'INPUT': 'tty', 'GUEST_TERM': os.environ.get('TERM', 'dumb'), **size}

    def attach(self, session):
        self.session = session
        if self.saved:
            tty.setraw(0)
        session.selector.register(0, selectors.EVENT_READ, self.read)

    def read(self):
        data = os.read(0, CHUNK)
        if not data:
            # The end of a script of keys ends the shell, as at a terminal.
            self.session.selector.unregister(0)
            data = bytes([END_OF_FILE])
        elif self.saved and DETACH in data:
            self.session.detached = True
            return
        self.session.backend.send(data)


class Pipe:
    """Bytes for a tty in its canonical mode: it hands over a line at ^D, and takes any byte after ^V."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def settings(self):
        return {'INPUT': 'pipe'}

    def attach(self, session):
        self.session = session
        session.selector.register(0, selectors.EVENT_READ, self.read)

    def read(self):
        data = os.read(0, CHUNK)
        if not data:
            self.session.selector.unregister(0)
            self.session.backend.send(bytes([END_OF_FILE]))
            return
        escaped = bytearray()
        for byte in data:
            if byte in (END_OF_FILE, ESCAPE_NEXT):
                escaped.append(ESCAPE_NEXT)
            escaped.append(byte)
        if data[-1:] != b'\n':
            escaped.append(END_OF_FILE)
        self.session.backend.send(bytes(escaped))
