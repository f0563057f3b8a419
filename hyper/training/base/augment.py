"""Generic distortion of log-mel features while the base is trained: channel, band, noise, room, tempo, masks.

None of it imitates a disorder; it is what rooms, microphones and ordinary speakers do. Everything acts on log10 mel
power, where a filter is an addition and noise a sum of powers, so that a batch costs milliseconds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hyper.training.base.features import FLOOR

_FRAME_MS = 20.0


def warp_frequency(
    mel: Tensor,  # (batch, n_frames, n_mels)
    factors: Tensor,  # (batch,) above 1 moves formants up
) -> Tensor:  # (batch, n_frames, n_mels)
    """Another vocal-tract length: mel bands are read at a stretched position."""
    n_mels = mel.shape[2]
    position = (torch.arange(n_mels, device=mel.device) / factors[:, None]).clamp(max=n_mels - 1)  # (batch, n_mels)
    left = position.long()
    weight = (position - left)[:, None]
    right = (left + 1).clamp(max=n_mels - 1)
    expand = (-1, mel.shape[1], -1)
    return (1 - weight) * mel.gather(2, left[:, None].expand(expand)) + weight * mel.gather(
        2, right[:, None].expand(expand)
    )


def distort(
    mel: Tensor,  # (batch, n_frames, n_mels) log10 mel power, padding at FLOOR
    strength: float,  # 0 leaves it as it is, 1 is the whole range
) -> Tensor:
    """Random channel, level, room and noise for each utterance of a batch, drawn from torch's own numbers."""
    if strength <= 0:
        return mel
    batch, _, n_mels = mel.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(batch, *shape, device=mel.device)

    padding = mel.amax(dim=2, keepdim=True) <= FLOOR + 1e-3
    mel = warp_frequency(mel, 1 + strength * uniform(-0.08, 0.08))
    mel = mel + strength * _channel(uniform(-1, 1, 6), n_mels)[:, None]
    mel = mel + strength * uniform(-1.5, 1.0, 1, 1)  # level: -15 to +10 dB
    mel = torch.where(uniform(0, 1, 1, 1) < 0.3 * strength, _reverberate(mel, uniform(0.08, 0.4, 1)), mel)
    mel = _add_noise(mel, uniform(0, 1, 1), uniform(-1, 1, 2), uniform(1.5, 4.5, 1, 1), strength)
    narrow = _limit_band(mel, uniform(0.0, 0.1, 1), uniform(0.7, 0.9, 1))
    mel = torch.where(uniform(0, 1, 1, 1) < 0.2 * strength, narrow, mel)
    return torch.where(padding, torch.full_like(mel, FLOOR), mel)


def _channel(knots: Tensor, n_mels: int) -> Tensor:
    """Smooth filter through six random gains of ±6 dB over the bands: (batch, n_mels) in log10 power."""
    curve = torch.nn.functional.interpolate(0.6 * knots[:, None], n_mels, mode="linear", align_corners=True)
    return curve[:, 0]


def _limit_band(mel: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Telephones and small microphones: nothing below and above two places on the mel axis, each (batch, 1) in 0..1.

    On Whisper's axis up to 8 kHz, 0.7 is about 3 kHz and 0.9 about 5.7 kHz; 0.1 is 300 Hz.
    """
    place = torch.linspace(0, 1, mel.shape[2], device=mel.device)
    outside = (place < lowest) | (place > highest)  # (batch, n_mels)
    return torch.where(outside[:, None], (mel - 6.0).clamp(min=FLOOR), mel)


def _reverberate(mel: Tensor, decay_seconds: Tensor) -> Tensor:
    """Energy that decays by 60 dB in `decay_seconds` (batch, 1) after each frame, added at -6 dB."""
    n_taps = 16
    per_frame = 10 ** (-6.0 * (_FRAME_MS / 1000) / decay_seconds)  # power factor of one frame
    taps = 0.25 * per_frame ** torch.arange(1, n_taps + 1, device=mel.device)  # (batch, n_taps)
    kernel = torch.cat([torch.ones_like(per_frame), taps], dim=1).flip(1)[:, None]  # (batch, 1, n_taps + 1)
    power = (10**mel).permute(2, 0, 1)  # (n_mels, batch, n_frames)
    padded = torch.nn.functional.pad(power, (n_taps, 0))
    return torch.nn.functional.conv1d(padded, kernel, groups=len(mel)).clamp(min=10**FLOOR).log10().permute(1, 2, 0)


def _add_noise(mel: Tensor, share: Tensor, colour: Tensor, depth: Tensor, strength: float) -> Tensor:
    """Stationary noise of random colour, 20 to 50 dB under the loudest band, in three of five utterances."""
    n_mels = mel.shape[2]
    slope = torch.linspace(-1, 1, n_mels, device=mel.device)
    shape = colour[:, :1] * slope + 0.5 * colour[:, 1:] * slope.square()  # (batch, n_mels)
    loudest = mel.amax(dim=(1, 2), keepdim=True)
    level = loudest - 0.5 - depth.clamp(min=4.5 - 3.0 * strength)
    flutter = 0.15 * torch.randn_like(mel)  # a periodogram's own scatter
    noise = level + shape[:, None] + flutter
    noisy = (10**mel + 10**noise).log10()
    return torch.where((share < 0.6 * strength)[:, :, None], noisy, mel)


def mask(
    features: Tensor,  # (batch, n_mels, n_frames) scaled features
    strength: float,
) -> Tensor:
    """SpecAugment (arXiv:1904.08779): two frequency and two time masks an utterance, set to the utterance's mean."""
    if strength <= 0:
        return features
    batch, n_mels, n_frames = features.shape
    keep = torch.ones_like(features, dtype=torch.bool)
    for size, widest, dim in ((n_mels, 10, 1), (n_mels, 10, 1), (n_frames, 8, 2), (n_frames, 8, 2)):
        width = torch.rand(batch, device=features.device) * widest * strength
        start = torch.rand(batch, device=features.device) * (size - width)
        place = torch.arange(size, device=features.device)
        hidden = (place >= start[:, None]) & (place < (start + width)[:, None])
        keep &= ~(hidden[:, :, None] if dim == 1 else hidden[:, None, :])
    return torch.where(keep, features, features.mean(dim=(1, 2), keepdim=True))
