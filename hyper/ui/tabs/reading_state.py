"""How far a visitor is in reading aloud: one frozen record, and what each button makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Reading:
    """Phrases to read and the recordings made so far; kept only for the visit."""

    phrases: tuple[str, ...]
    recordings: tuple[str | None, ...]  # of each phrase the file, or None
    position: int = 0  # of the phrase that is shown; at the end as many as there are phrases

    @classmethod
    def begin(cls, phrases: tuple[str, ...]) -> Reading:
        """Nothing read yet."""
        return cls(phrases, (None,) * len(phrases))

    @property
    def is_finished(self) -> bool:
        """Whether all phrases were shown."""
        return self.position >= len(self.phrases)

    @property
    def is_last(self) -> bool:
        """Whether no phrase follows the one that is shown."""
        return self.position == len(self.phrases) - 1

    @property
    def recording(self) -> str | None:
        """What was recorded of the phrase that is shown."""
        return None if self.is_finished else self.recordings[self.position]

    def keep(self, recording: str) -> Reading:
        """Keep this recording of the phrase and go on."""
        return self._with(recording)._next()

    def skip(self) -> Reading:
        """Go on without a recording of this phrase."""
        return self._with(None)._next()

    def redo(self) -> Reading:
        """Forget the recording of this phrase."""
        return self._with(None)

    def back(self) -> Reading:
        """The phrase before, with its recording; at the first there is none before."""
        return replace(self, position=max(0, self.position - 1))

    def finish(self) -> Reading:
        """Leave the rest unread."""
        return replace(self, position=len(self.phrases))

    def read(self) -> list[tuple[str, str]]:
        """(phrase, file) of all that was recorded, in the order of the phrases."""
        return [(phrase, file) for phrase, file in zip(self.phrases, self.recordings, strict=True) if file]

    def _next(self) -> Reading:
        return replace(self, position=min(self.position + 1, len(self.phrases)))

    def _with(self, recording: str | None) -> Reading:
        if self.is_finished:  # a button pressed twice at the last phrase
            return self
        files = list(self.recordings)
        files[self.position] = recording
        return replace(self, recordings=tuple(files))
