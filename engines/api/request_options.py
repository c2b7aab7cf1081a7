"""What requests to an engine may hold that not all engines know: settings of its own and marks in the text;
and how much of a text it takes at once.
"""

from __future__ import annotations

import msgspec

SettingValue = bool | float | str
Settings = dict[str, SettingValue]
"""values by the names of settings"""
TURNED = {True: "true", False: "false"}


class Setting(msgspec.Struct, frozen=True, omit_defaults=True):
    """A setting of an engine's own that a request may change.

    It is a number where it has limits, one of some words where it has choices, and true or false otherwise.
    """

    name: str
    low: float | None = None
    high: float | None = None
    default: SettingValue | None = None
    """None: it is the voice's own"""
    about: str = ""
    """what it changes, and which way, in a sentence without a dot"""
    choices: tuple[str, ...] = ()
    whole: bool = False
    """only whole numbers make sense"""

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is None or self.high is None:
            return "true or false"
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"

    @property
    def usual(self) -> str:
        """What it is where no request says otherwise, in words."""
        if self.default is None:
            return "the voice's own"
        if isinstance(self.default, bool):
            return TURNED[self.default]
        return f"{self.default:g}" if isinstance(self.default, float | int) else self.default

    def allows(self, value: SettingValue) -> bool:
        """Return whether it may have a value."""
        if self.choices:
            return value in self.choices
        if self.low is None or self.high is None:
            return isinstance(value, bool)
        if isinstance(value, bool | str):
            return False
        return self.low <= value <= self.high and (not self.whole or float(value).is_integer())

    @property
    def is_sound(self) -> bool:
        """Whether it says of itself what can be: both limits or none, in order, and a default within them."""
        limits = (self.low is None) == (self.high is None) and not (self.choices and self.low is not None)
        ordered = self.low is None or self.high is None or self.low <= self.high
        return limits and ordered and (self.default is None or self.allows(self.default))


def with_default(setting: Setting, value: float) -> Setting:
    """Return a setting whose default is what the options of its engine say, and which can be set to that."""
    low, high = setting.low, setting.high
    if low is not None and high is not None:
        low, high = min(low, value), max(high, value)
    return msgspec.structs.replace(setting, low=low, high=high, default=value)


class RequestOptions(msgspec.Struct, frozen=True):
    """The fields of SpeechCapabilities of that name, where they are known before an engine runs."""

    settings: tuple[Setting, ...] = ()
    marks: tuple[str, ...] = ()
    longest_text: int = 0
    longest_seconds: float = 0.0


NO_OPTIONS = RequestOptions()
