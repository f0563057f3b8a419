"""A small speaker-verification network, taught to tell the training speakers apart; its last layer is an embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hyper.model.backbone import Backbone
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.probes import area_under_curve
from hyper.study.experiments.workbench import cached_array
from hyper.study.methods.method import Workshop
from hyper.training.adaptation.batches import split_speakers
from hyper.training.adaptation.states import FRAMES_PER_STATE, SILENT_STATES
from hyper.training.adaptation.stores import LogMelStore
from hyper.training.progress import cosine, load_modules, save_state, set_rate

D_EMBEDDING = 128
_WIDTH = 128
_RATE, _WARM_UP = 2e-3, 50
_AT_ONCE = 64  # recordings embedded together


class SpeakerNetwork(nn.Module):
    """Dilated convolutions over log-mel, mean and deviation over time, one linear layer: a small x-vector network
    (Snyder and others, ICASSP 2018)."""

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        shapes = ((n_mels, 5, 1), (_WIDTH, 3, 2), (_WIDTH, 3, 3))
        self.layers = nn.ModuleList(
            nn.Conv1d(n_in, _WIDTH, size, dilation=dilation, padding=dilation * (size // 2))
            for n_in, size, dilation in shapes
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(_WIDTH) for _ in shapes)
        self.embedding = nn.Linear(2 * _WIDTH, D_EMBEDDING)

    def forward(self, log_mel: Tensor, n_frames: Tensor) -> Tensor:
        """(batch, n_mels, n_frames) and how many of them are speech, (batch,), to (batch, 128)."""
        hidden = log_mel
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = norm(nn.functional.relu(layer(hidden)))
        is_speech = (torch.arange(hidden.shape[2], device=hidden.device) < n_frames[:, None])[:, None]
        count = n_frames[:, None].to(hidden.dtype)
        mean = (hidden * is_speech).sum(dim=2) / count
        variance = ((hidden - mean[:, :, None]).square() * is_speech).sum(dim=2) / count
        return self.embedding(torch.cat([mean, (variance + 1e-5).sqrt()], dim=1))


class Verification:
    """The listener that hears the network's embedding of each recording."""

    d_embedding = D_EMBEDDING

    def embed(self, workshop: Workshop, rows: Sequence[ManifestRow]) -> Tensor:
        """(n_rows, 128) float32; the network is trained when first asked for."""
        network = trained_network(workshop)
        make = lambda rows: _embed(network, workshop.backbone, rows)  # noqa: E731
        return torch.from_numpy(cached_array(workshop.folder / "verification", rows, make))


def trained_network(workshop: Workshop) -> SpeakerNetwork:
    """As many updates as every method has, on the speakers that every method is trained on; kept."""
    torch.manual_seed(0)
    network = SpeakerNetwork(workshop.backbone.extractor.feature_size).to(workshop.backbone.device)
    file = workshop.folder / "verification" / "state.safetensors"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        save_state(file, {"network": network}, _train(network, workshop), {"step": workshop.settings.updates})
    load_modules(file, {"network": network})
    return network.eval()


def _train(network: SpeakerNetwork, workshop: Workshop) -> torch.optim.Optimizer:
    """Cross-entropy over the training speakers."""
    print("speaker-verification network", flush=True)
    states, settings, device = workshop.states, workshop.settings, workshop.backbone.device
    store = LogMelStore(workshop.backbone, workshop.rows, states)
    training, _ = split_speakers(store, settings.validation_share)
    names = sorted({store.speakers[i] for i in training})
    labels = torch.tensor([names.index(speaker) if speaker in names else -1 for speaker in store.speakers])
    head = nn.Linear(D_EMBEDDING, len(names)).to(device)
    optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()], _RATE)
    rng = np.random.default_rng(0)
    network.train()
    for step in range(settings.updates):
        set_rate(optimizer, _RATE * cosine(step / settings.updates, step, _WARM_UP))
        batch = store.batch(rng.choice(training, size=settings.batch_size))
        n_frames = torch.from_numpy(FRAMES_PER_STATE * (store.lengths[batch.chosen] - SILENT_STATES))
        guess = head(network(batch.states.to(device), n_frames.to(device)))
        loss = nn.functional.cross_entropy(guess, labels[torch.from_numpy(batch.chosen)].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The head is of no use for other speakers: only the network's moments are kept with it.
    return torch.optim.AdamW(network.parameters(), _RATE)


@torch.inference_mode()
def _embed(network: SpeakerNetwork, backbone: Backbone, rows: Sequence[ManifestRow]) -> np.ndarray:
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        waveforms = [load_audio(row.path) for row in rows[start : start + _AT_ONCE]]
        n_frames = torch.tensor([backbone.speech_frames(len(waveform)).stop for waveform in waveforms])
        log_mel = backbone.log_mel([waveform[: backbone.extractor.n_samples] for waveform in waveforms])
        parts.append(network(log_mel.to(backbone.device), n_frames.to(backbone.device)).cpu())
    return torch.cat(parts).numpy()


def same_speaker_auc(embeddings: np.ndarray, speakers: Sequence[str]) -> float | None:
    """How well the cosine of two embeddings tells pairs of one speaker from pairs of two."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True).clip(min=1e-9)
    first, second = np.triu_indices(len(unit), k=1)
    names = np.asarray(speakers)
    return area_under_curve((unit @ unit.T)[first, second], names[first] == names[second])
