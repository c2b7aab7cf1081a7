"""The library's watch over a text's alignment, which it forgets to take away, and which ends texts too early.

The multilingual model looks, at each token, at which part of the text three of its attention heads attend to,
and ends the speech where they stay at the end of the text or go back. `AlignmentStreamAnalyzer` hooks these
layers for each text anew and leaves the hooks there: each text then is slower than the one before, and holds
memory for ever (resemble-ai/chatterbox#504). It also ends the speech at two equal tokens in a row wherever
they are, in a pause in mid-text too (resemble-ai/chatterbox#327, jamiepine/voicebox#587), though the
condition that the text must be over stands there as a comment.
"""

from __future__ import annotations

from typing import Any

REPEATED_FRAMES = 5
"""frames in a row, of 40 ms, that are said again: as many as have the library end the speech"""
LAST_TOKENS = 5
"""of a text, which may be attended to in its end"""


def mended(analyzer: type[Any]) -> type[Any]:
    """Return the library's class with both mended."""

    class MendedAnalyzer(analyzer):  # type: ignore[misc] # the library's class has no types
        """The library's analyzer, whose hooks `close` takes away."""

        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own
            self._left_hooks: list[tuple[dict[int, Any], int]] = []
            super().__init__(*args, **options)

        def _add_attention_spy(self, network: Any, *place: int) -> None:  # noqa: ANN401 - as above
            """Hook a layer, and remember the hook, which the library does not."""
            layer_number = place[1]
            hooks = network.layers[layer_number].self_attn._forward_hooks
            before = set(hooks)
            super()._add_attention_spy(network, *place)
            self._left_hooks += [(hooks, key) for key in hooks if key not in before]

        def step(self, logits: Any, next_token: int | None = None) -> Any:  # noqa: ANN401 - as above
            """Have equal tokens count only once the text is over."""
            return super().step(logits, next_token=next_token if self.complete else None)

        def close(self) -> None:
            """Take the hooks away."""
            for hooks, key in self._left_hooks:
                hooks.pop(key, None)
            self._left_hooks.clear()

    return MendedAnalyzer


def repeated_tokens(analyzer: Any) -> int:  # noqa: ANN401 - an AlignmentStreamAnalyzer
    """Return how many tokens at the end of the speech say again what was said: all the last ones that attend
    to the text before its end, once that was reached; 0 where they are few.

    The last row of its alignment is that of the token that was drawn last.
    """
    alignment, over = analyzer.alignment, analyzer.completed_at
    if over is None or alignment.shape[1] <= LAST_TOKENS:
        return 0
    places = alignment[over:].argmax(dim=1)
    back = (places < alignment.shape[1] - LAST_TOKENS).flip(0).long()
    count = int(back.cumprod(dim=0).sum())
    return count if count >= REPEATED_FRAMES else 0
