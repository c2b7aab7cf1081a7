"""What gateway and coder process say to each other: frames of a fixed head and some bytes, answered in order,
one for one.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<cII")
"""call, file number, length"""
ANSWER = struct.Struct("<?dI")
"""whether it went well, seconds of audio, length; the bytes are the file's, or a message"""
OPEN, PUSH, END, FINISH, CLOSE = b"O", b"P", b"E", b"F", b"C"
"""open a file (the Order as JSON), push PCM, push PCM that ends its segment, finish the file, drop it"""
