"""The messages between gateway and encoder process: a head of fixed size and some bytes.

The gateway sends requests, the process one reply to each, in order.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<cII")
"""operation, session id, length of the bytes that follow"""
REPLY = struct.Struct("<?dI")
"""whether it succeeded, seconds of audio, length of the bytes that follow: the file's, or an error message"""
DETAIL = "\0"
"""between an error's message and what a library said, which is for the log"""

OPEN = b"O"
"""open a session: the bytes are its TranscodeRequest as JSON"""
PUSH = b"P"
"""encode the PCM that follows"""
PUSH_LAST = b"E"
"""encode the PCM that follows, which ends its segment"""
FINISH = b"F"
"""end the file"""
CLOSE = b"C"
"""drop the session"""
NO_SESSION = 0
"""in a CLOSE of which only the reply is wanted, as a sign of life..."""
COUNT = struct.Struct("<I")
"""...whose bytes are the number of sessions that are open"""
