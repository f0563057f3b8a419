"""The base from scratch: synthetic speech first, then real speech that the half-trained base has aligned itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hyper.model.delivered import seal
from hyper.model.device import choose_device
from hyper.model.passes import decoder_logits, encode_frames
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.recordings.whole_files import write_whole
from hyper.speech.phone_set import PHONES, SILENCE
from hyper.training.adaptation.teacher_forcing import IGNORED, teacher_batch
from hyper.training.base.features import UNKNOWN_PHONE, FeatureStore
from hyper.training.base.real_speech import PERSON, align_rows
from hyper.training.base.settings import BaseTraining, TrainingError
from hyper.training.base.small_whisper import (
    LABELS_PER_STATE,
    BaseSize,
    ListeningHeads,
    characters_of,
    load_tokenizer,
    make_feature_extractor,
    make_model,
    mel_settings,
    plain_text,
    prompt_of,
    start_model,
    train_tokenizer,
)
from hyper.training.base.teacher_states import Pupil, TeacherStates, teacher_loss
from hyper.training.base.windows import Batch, Pool
from hyper.training.begun_with import manifest_mark, read_index
from hyper.training.progress import (
    Clock,
    Log,
    load_modules,
    load_state,
    random_of_update,
    save_state,
    set_rate,
    warm_hold_decay,
)
from hyper.training.speed import choose_attention, mixed_precision

if TYPE_CHECKING:
    from transformers import WhisperForConditionalGeneration, WhisperTokenizer


SYNTHETIC = "synthetic"  # the store of what synthesisers said


class BaseTrainer:
    """Model, heads, optimizer and data of one run in one folder; made again from the same folder it goes on."""

    def __init__(
        self, manifests: Sequence[Path], run: Path, settings: BaseTraining, size: BaseSize, n_workers: int
    ) -> None:
        self.settings, self.run, self.n_workers = settings, run, n_workers
        rows = [row for manifest in manifests for row in read_manifest(manifest)]
        self.aligned = [row for row in rows if row.phones and row.voice != PERSON]
        self.pieces = [row for row in rows if row.phones and row.voice == PERSON]  # that `align` made
        self.unaligned = [row for row in rows if not row.phones]
        if not self.aligned:
            raise TrainingError(
                "No recording has phone times; give at least one manifest made by `python -m hyper make-speech`."
            )
        self._begun_with = {"recordings": manifest_mark(rows), **settings.begun_with, **asdict(size)}
        self.tokenizer = self._tokenizer(rows, size)
        if not (run / "size.json").exists():
            write_whole(run / "size.json", json.dumps(asdict(size)))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(settings.seed)
        # Initial weights are drawn, or those of the base that this run goes on from.
        self.model = start_model(Path(settings.start)) if settings.start else make_model(size, self.tokenizer)
        self.heads = ListeningHeads(size.d_model)
        # Synthetic speech has phone times from its synthesiser; what people say is where a teacher hears more.
        self.pupil = Pupil(size.d_model, settings.teacher_width, LABELS_PER_STATE) if settings.teacher else None
        for module in self._modules().values():
            module.to(self.device).train()
        choose_attention(self.model)
        parameters = [p for module in self._modules().values() for p in module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            parameters, settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self.clock, self.step = Clock(settings.hours * 3600), 0
        self.log = Log(run / "log.jsonl")
        self.extractor = make_feature_extractor()
        self.mel = mel_settings(self.extractor)
        if (run / "state.safetensors").exists():
            self._resume()
        self.log.go_back_to(self.step if self.step else -1)

    def _tokenizer(self, rows: Sequence[ManifestRow], size: BaseSize) -> WhisperTokenizer:
        folder = self.run / "tokenizer"
        if self.settings.start and not folder.exists():
            load_tokenizer(Path(self.settings.start)).save_pretrained(folder)
        if not (folder / "tokenizer.json").exists():
            train_tokenizer((plain_text(row.reference) for row in rows), size.vocabulary, folder)
        return load_tokenizer(folder)

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "heads": self.heads} | ({"pupil": self.pupil} if self.pupil else {})

    def _resume(self) -> None:
        numbers = load_state(self.run / "state.safetensors", self._modules(), self.optimizer, self._begun_with)
        self.model.tie_weights()
        self.step, self.clock.spent = int(numbers["step"]), numbers["spent"]

    def save(self) -> None:
        save_state(
            self.run / "state.safetensors",
            self._modules(),
            self.optimizer,
            {"step": self.step, "spent": self.clock.spent},
            self._begun_with,
        )

    def train(self) -> None:
        """Run to the end of the budget; saves every few minutes and at the end."""
        saved, pool, has_cut = self.clock.spent, None, False
        while self.clock.progress < 1:
            wants_cut = bool(self.unaligned) and self.clock.progress >= self.settings.clean_until
            if pool is None or wants_cut != has_cut:
                self.save()
                pool, has_cut = self._pool(wants_cut), wants_cut
                tokens = self._tokens(pool)
                self.clock.restart()
            rng = random_of_update(self.settings.seed, self.step)
            batch = pool.draw(self.settings.batch_size, self._distortion(), rng)
            self._update(batch, tokens)
            self.clock.tick()
            if self.clock.spent - saved > self.settings.save_every_seconds:
                self.save()
                saved = self.clock.spent
        self.save()

    def _distortion(self) -> float:
        return min(1.0, max(0.0, (self.clock.progress - self.settings.clean_until) / self.settings.rise))

    def _pool(self, with_cut: bool) -> Pool:
        """Recordings with phone times, and those that the half-trained model cuts, if it can by now."""
        spoken = {SYNTHETIC: self.aligned, "people": self.pieces, "cut": self._cut() if with_cut else []}
        stores = {
            name: FeatureStore.build(rows, self.run / name, self.mel, self.n_workers)
            for name, rows in spoken.items()
            if rows
        }
        self.characters = [characters_of(plain_text(text)) for store in stores.values() for text in store.texts]
        n_people = sum(len(store) for name, store in stores.items() if name != SYNTHETIC)
        share = self.settings.real_share if n_people else 0.0
        shares = [1 - share if name == SYNTHETIC else share * len(store) / n_people for name, store in stores.items()]
        heard = {name: [spoken[name][i] for i in store.rows] for name, store in stores.items()}
        return Pool(list(stores.values()), shares, self._teachers(heard), self.device, self.settings.masks)

    def _cut(self) -> list[ManifestRow]:
        cut = align_rows(self.unaligned, self.model, self.heads, self.mel, self.run / "pieces", self.n_workers)
        self.model.train()
        return cut

    def _teachers(self, heard: Mapping[str, Sequence[ManifestRow]]) -> list[TeacherStates | None]:
        """Of each store, if there is a teacher; all are standardised as the first is."""
        teacher, built = self.settings.teacher, dict[str, TeacherStates]()
        for name, rows in heard.items():
            if teacher and (name != SYNTHETIC or self.settings.teaches_all):
                like = next(iter(built.values()), None)
                built[name] = TeacherStates.build(teacher, rows, self.run / f"teacher-{name}", like)
        return [built.get(name) for name in heard]

    def _tokens(self, pool: Pool) -> list[list[int]]:
        return [self.tokenizer.encode(" " + plain_text(text), add_special_tokens=False) for text in pool.texts]

    def _update(self, batch: Batch, tokens: list[list[int]]) -> None:
        rate = self.settings.learning_rate * warm_hold_decay(self.clock.progress, self.step, self.settings.warm_up)
        set_rate(self.optimizer, rate)
        texts = [tokens[i] for i in batch.utterances]
        losses = self._losses(batch, texts)
        loss = (
            losses["text"]
            + self.settings.phone_weight * losses["phones"]
            + self.settings.character_weight * losses["characters"]
            + self.settings.teacher_weight * losses.get("teacher", 0.0)
        )
        if not math.isfinite(value := float(loss.detach())):
            raise TrainingError(
                f"The loss is {value:g} at update {self.step + 1} of the run in {self.run}: training diverged. Please "
                "begin anew in another folder, with a lower learning rate."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_([p for g in self.optimizer.param_groups for p in g["params"]], 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step % 50 == 0:
            numbers = {name: float(value.detach()) for name, value in losses.items()}
            self.log.write(step=self.step, minutes=self.clock.spent / 60, rate=rate, norm=float(norm), **numbers)

    def _losses(self, batch: Batch, texts: list[list[int]]) -> dict[str, Tensor]:
        features, labels = batch.features, batch.labels
        with mixed_precision(self.device):
            states = encode_frames(self.model, features)
            inputs, targets = self._teacher(texts)
            inputs = self._with_noise(inputs)
            logits = decoder_logits(self.model, states, inputs)
            phones = self.heads.phone_logits(states)
            characters = self.heads.characters(states)
            taught = self._taught(batch, states)
        return taught | {
            "text": nn.functional.cross_entropy(
                logits.float().flatten(0, 1),
                targets.flatten(),
                ignore_index=IGNORED,
                label_smoothing=self.settings.label_smoothing,
            ),
            "phones": nn.functional.cross_entropy(
                phones.float().flatten(0, 1), labels.flatten(), ignore_index=UNKNOWN_PHONE
            ),
            "characters": self._ctc(characters.float(), [self.characters[i] for i in batch.utterances]),
            "phone_accuracy": _speech_accuracy(phones, labels),
        }

    def _teacher(self, texts: list[list[int]]) -> tuple[Tensor, Tensor]:
        config: Any = self.model.config
        inputs, targets = teacher_batch(texts, prompt_of(self.model), config.eos_token_id, config.max_target_positions)
        return inputs.to(self.device), targets.to(self.device)

    def _taught(self, batch: Batch, states: Tensor) -> dict[str, Tensor]:
        if batch.teacher is None or batch.taught is None or self.pupil is None:
            return {}
        return {"teacher": teacher_loss(self.pupil(states), batch.teacher, batch.taught)}

    def _ctc(self, logits: Tensor, characters: list[list[int]]) -> Tensor:
        return nn.functional.ctc_loss(
            logits.log_softmax(dim=2).transpose(0, 1),
            torch.tensor([c for text in characters for c in text], device=logits.device),
            torch.full((len(characters),), logits.shape[1]),
            torch.tensor([len(text) for text in characters]),
            zero_infinity=True,
        )

    def _with_noise(self, inputs: Tensor) -> Tensor:
        """Some of the tokens behind the prompt replaced by others."""
        if not self.settings.token_noise:
            return inputs
        config: Any = self.model.config
        others = torch.randint(config.eos_token_id, inputs.shape, device=inputs.device)
        replaced = torch.rand(inputs.shape, device=inputs.device) < self.settings.token_noise
        replaced[:, : len(prompt_of(self.model))] = False
        return torch.where(replaced, others, inputs)

    def export(self, folder: Path) -> None:
        """Write the ordinary Hugging Face folder, in half precision: on a CPU it computes in full again."""
        self.model.eval()
        halves = {name: value.half() for name, value in self.model.state_dict().items()}
        self.model.save_pretrained(folder, state_dict=halves)
        self.extractor.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        seal(folder)
        self.model.train()


def _speech_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of the frames with a known phone, silence left out, whose phone is the likeliest."""
    known = (labels != UNKNOWN_PHONE) & (labels != PHONES.index(SILENCE))
    right = (logits.argmax(dim=2) == labels) & known
    return right.sum() / known.sum().clamp(min=1)


def load_listener(run: Path) -> tuple[WhisperForConditionalGeneration, ListeningHeads]:
    """Model and heads of a run, as far as it got, for aligning other recordings.

    Errors: TrainingError where the folder holds no run.
    """
    if not (run / "state.safetensors").exists():
        raise TrainingError(
            f"{run} holds no training run with a saved state; train a base there with train-base first."
        )
    size = BaseSize(**read_index(run / "size.json", [field.name for field in fields(BaseSize)]))
    model, heads = make_model(size, load_tokenizer(run / "tokenizer")), ListeningHeads(size.d_model)
    modules: dict[str, nn.Module] = {"model": model, "heads": heads}
    load_modules(run / "state.safetensors", modules)
    for module in modules.values():
        module.to(choose_device(None)).eval()
    return model, heads
