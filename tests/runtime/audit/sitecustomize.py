"""Loaded by every Python process of a tree that has this folder on PYTHONPATH: writes down who is called.

One file per process in the folder ICV_AUDIT; a line per event: what, and with whom.
"""

import os
import sys

_folder = os.environ.get("ICV_AUDIT")
if _folder:
    _file = os.open(
        os.path.join(_folder, f"{os.getpid()}.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    _ASKED = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")

    def _note(event, arguments):
        if event in _ASKED:
            family = arguments[0].family.name
            os.write(_file, f"{event}\t{family}\t{arguments[1]!r}\n".encode())
        elif event.startswith(("socket.get", "urllib.", "http.", "ftplib.", "smtplib.")):
            os.write(_file, f"{event}\t-\t{arguments!r}\n".encode())

    sys.addaudithook(_note)
    os.write(_file, f"started\t-\t{' '.join(sys.argv[:1])}\n".encode())
