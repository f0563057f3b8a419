"""What a comparison found, as a person reads it on a terminal."""

from __future__ import annotations

from hyper.compare.comparison import Comparison
from hyper.compare.evaluation import error_summary
from hyper.compare.row import Row
from hyper.compare.speaker import LEVELS, SpeakerComparison, SpeakerRecording
from hyper.compare.verdict import Verdict, unreliable_text
from hyper.metrics.normalize import counting_note
from hyper.metrics.percent import percent


def comparison_text(comparison: Comparison, file: str) -> str:
    """One recording, base and adapted."""
    pieces = f", {comparison.n_pieces} pieces" if comparison.n_pieces > 1 else ""
    lines = [f"recording  {file} ({comparison.seconds:.1f} s{pieces})"]
    if comparison.reference is not None:
        lines.append(f"reference  {comparison.reference}")
    if comparison.verbatim is not None:
        lines.append(f"verbatim   {comparison.verbatim}")
    lines.append(_row_lines("base", comparison.base))
    if comparison.adapted is None:
        lines.append("adapted    no hypernetwork for this Whisper; `python -m hyper train --help` says how to make one")
    else:
        lines.append(_row_lines("adapted", comparison.adapted))
        if comparison.strength != 1:
            lines.append(f"strength   {comparison.strength:g} times the update (0 is the base, 1 as trained)")
    if text := _verdict_text(comparison.verdict):
        lines.append(f"verdict    {text}")
    if comparison.base.errors is not None and (note := counting_note(comparison.language)):
        lines.append(f"counting   {note}")
    lines.append(f"models     {comparison.base_model} + {comparison.hypernetwork or 'nothing'} on {comparison.device}")
    if comparison.adapted is not None:
        share = f"{percent(comparison.generated_share, 3)} of the base"
        lines.append(f"generated  {comparison.generated_parameters:,} parameters for this recording ({share})")
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in comparison.timings_ms.items())
    lines.append(f"time       {stages} ms")
    return "\n".join(lines)


def _row_lines(name: str, row: Row) -> str:
    """One transcript, with its errors where there is a reference, and a line for each sign that it may be wrong."""
    lines = [f"{name:<10} {row.text}"]
    if row.transcript.stopped != "end":
        lines[0] += f"  [cut off: {row.transcript.stopped}]"
    if row.errors is not None:
        lines.append(error_summary(row.errors))
    if row.verbatim_errors is not None:
        lines.append(f"verbatim: {error_summary(row.verbatim_errors)}")
    lines += [f"caution: {flag.reason}" for flag in row.flags]
    return f"\n{'':<10} ".join(lines)


def _verdict_text(verdict: Verdict) -> str:
    """What can be said of the recording; "" where nobody can tell."""
    return f"{verdict.outcome}: {' '.join(verdict.reasons)}" if verdict.doubts else verdict.outcome or ""


def speaker_text(comparison: SpeakerComparison) -> str:
    """Several recordings of one speaker at every level of adaptation."""
    lines = [line for recording in comparison.recordings for line in (*_recording_lines(recording), "")]
    if comparison.pooled is not None:
        lines += [f"{f'all, {level}':<15} {error_summary(comparison.pooled[level])}" for level in LEVELS]
    if unreliable := unreliable_text([recording.verdict.doubts for recording in comparison.recordings]):
        lines.append(f"{'reliability':<15} {unreliable}")
    agreement = comparison.agreement
    lines += [
        f"{'agreement':<15} mean angle between the recordings' adaptations: {agreement.mean_written_deg:.1f}° in what "
        f"they write, {agreement.mean_read_deg:.1f}° in what they read (0° same, 90° nothing in common)",
        f"{'models':<15} {comparison.base_model} + {comparison.hypernetwork} on {comparison.device}",
    ]
    return "\n".join(lines)


def _recording_lines(recording: SpeakerRecording) -> list[str]:
    """One recording: what was meant, and each level's transcript with its errors and cautions."""
    lines = [f"{'recording':<15} {recording.file} ({recording.seconds:.1f} s)"]
    if recording.reference:
        lines.append(f"{'reference':<15} {recording.reference}")
    for level, row in recording.rows.items():
        lines.append(f"{level:<15} {row.text}")
        if row.errors is not None:
            lines.append(f"{'':<15} {error_summary(row.errors)}")
        lines += [f"{'':<15} caution: {flag.reason}" for flag in row.flags]
    if text := _verdict_text(recording.verdict):
        lines.append(f"{'verdict':<15} {text}")
    return lines
