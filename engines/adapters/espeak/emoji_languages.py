"""The languages in which eSpeak NG reads the older emoji by their names; in others it is silent at them."""

CODES = """
af am az bg bn bs ca cs cy da el et eu fi ga gd gu hi hr hu hy is ka kn ky lt ltg lv mk ml mr
ms my nl or pa pl ro sd si sk sl sq sr sv sw ta te ti ur vi
"""
"""as its phonemes show; it is given the names that the gateway has"""
EMOJI_LANGUAGES = tuple(CODES.split())
