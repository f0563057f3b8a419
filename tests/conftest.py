"""Models that the tests run on: small ones with random weights, made when first needed."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from order_of_files import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401  hooks of pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are tiny: more threads would wait for each other
# What lies in the user's own cache must not choose the model that a page starts on.
os.environ["HF_HUB_CACHE"] = str(Path(tempfile.gettempdir()) / "no-hub-cache")

# torch and transformers take seconds to import: only the tests that use a model pay for them.
if TYPE_CHECKING:
    from transformers import WhisperTokenizer

    from hyper.model.backbone import Backbone
    from hyper.model.hypernet import HyperNetwork


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-files", type=int, default=2_500, help="how many damaged files test_fuzz.py reads")
    parser.addoption("--fuzz-models", type=int, default=200, help="how many damaged models test_fuzz.py loads")
    parser.addoption("--kills", type=int, default=4, help="how often test_killed.py kills the page, and training")


SHARED_WHISPER = Path(__file__).parents[2] / "shared" / "whisper"
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>"]
WINDOW_SECONDS = 4  # not Whisper's 30, nor its 10 ms hop: nothing may take those for granted
HOP_LENGTH = 320


def byte_tokenizer(folder: Path) -> WhisperTokenizer:
    """One token for each byte, some pairs, and Whisper's special tokens."""
    from transformers import WhisperTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    pairs = [("Ġ", letter) for letter in "abcdefghijklmnoprstuw"]
    vocabulary = {token: i for i, token in enumerate([*letters, *("".join(pair) for pair in pairs)])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=pairs)
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL[1:]})
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random English-only Whisper in Hugging Face's format, 2 + 2 layers, window 4 s."""
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    from hyper.model.shapes import randomise

    folder = tmp_path_factory.mktemp("models") / "whisper-random"
    tokenizer = byte_tokenizer(folder)
    end, start, no_speech, no_timestamps = (tokenizer.convert_tokens_to_ids(token) for token in SPECIAL)
    extractor = WhisperFeatureExtractor(feature_size=80, hop_length=HOP_LENGTH, chunk_length=WINDOW_SECONDS)
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        max_source_positions=extractor.nb_max_frames // 2,
        max_target_positions=64,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    model = WhisperForConditionalGeneration(config)
    randomise(model, seed=1)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=[start, no_speech, no_timestamps, 40, 41],
        begin_suppress_tokens=[end, 32],
        forced_decoder_ids=[[1, no_timestamps]],
        no_timestamps_token_id=no_timestamps,
        is_multilingual=False,
        max_length=64,
    )
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(whisper_folder: Path) -> Backbone:
    """The random Whisper, loaded as any other."""
    from hyper.model.backbone import Backbone

    return Backbone.load(whisper_folder, device="cpu")


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """openai/whisper-tiny in the hub's own format: its configuration and vocabulary, random weights."""
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    from hyper.model.shapes import randomise

    ranks_file = SHARED_WHISPER / "multilingual.tiktoken"
    if not ranks_file.is_file():
        pytest.skip(f"Whisper's real vocabulary is not here ({ranks_file})")
    folder = tmp_path_factory.mktemp("hub") / "whisper-tiny"
    tokenizer = openai_tokenizer(ranks_file, folder)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in tokenizer.added_tokens_encoder}
    end = ids["<|endoftext|>"]
    config = WhisperConfig(  # openai/whisper-tiny's config.json
        vocab_size=51_865,
        d_model=384,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=6,
        decoder_attention_heads=6,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
        max_source_positions=1500,
        max_target_positions=448,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    model = WhisperForConditionalGeneration(config)
    randomise(model, seed=3)
    # Trained models write no timestamps after <|notimestamps|>; a random one would, and `generate` then seeks by them.
    timestamps = range(ids["<|notimestamps|>"] + 1, config.vocab_size)
    model.generation_config = GenerationConfig(  # openai/whisper-tiny's generation_config.json, its list shortened
        decoder_start_token_id=ids["<|startoftranscript|>"],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=[1, 2, 7, 8, 9, 10, 14, 25, 26, 27, 28, 29, *range(50_358, 50_364), *timestamps],
        begin_suppress_tokens=[220, end],
        forced_decoder_ids=[[1, None], [2, ids["<|transcribe|>"]]],
        no_timestamps_token_id=ids["<|notimestamps|>"],
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": ids[f"<|{code}|>"] for code in list(LANGUAGES)[:99]},
        task_to_id={"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]},
        return_timestamps=False,
        max_initial_timestamp_index=50,
        max_length=448,
    )
    model.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def hub_backbone(hub_folder: Path) -> Backbone:
    """The hub-format model."""
    from hyper.model.backbone import Backbone

    return Backbone.load(hub_folder, device="cpu")


def openai_tokenizer(ranks_file: Path, folder: Path) -> WhisperTokenizer:
    """Whisper's multilingual tokenizer from OpenAI's rank file, special tokens and ids as on the hub."""
    from transformers import WhisperTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    ranks = {}
    for line in ranks_file.read_text().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    letters = bytes_to_unicode()

    def written(token: bytes) -> str:
        return "".join(letters[byte] for byte in token)

    vocabulary = {written(token): rank for token, rank in ranks.items()}
    merges = [tuple(map(written, _halves(token, rank, ranks))) for token, rank in ranks.items() if len(token) > 1]
    languages = [f"<|{code}|>" for code in list(LANGUAGES)[:99]]  # the hundredth came with large-v3
    special = [
        "<|startoftranscript|>",
        *languages,
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
    ]
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{i * 0.02:.2f}|>" for i in range(1501)])
    tokenizer.save_pretrained(folder)
    return tokenizer


def _halves(token: bytes, rank: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens whose merge makes this one: byte-pair encoding with only the earlier merges allowed."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        joined = [ranks.get(parts[i] + parts[i + 1], rank) for i in range(len(parts) - 1)]
        first = joined.index(min(joined))
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
    return parts[0], parts[1]


@pytest.fixture(scope="session")
def make_hypernet() -> Callable[..., HyperNetwork]:
    """Builds a random hypernetwork for a backbone, with `b` away from zero unless told otherwise."""
    import torch

    from hyper.model.checkpoint import config_for
    from hyper.model.hypernet import HyperNetwork

    def make(backbone: Backbone, *, is_trained: bool = True, strength: float = 1.0, **settings: object) -> HyperNetwork:
        torch.manual_seed(7)
        config = config_for(backbone, **{"d_hidden": 16, "n_mixes": 2, **settings})
        hypernet = HyperNetwork(config, backbone.sites(config.targets)).eval()
        if is_trained:
            for parameter in (*hypernet.b_learned, *(head.weight for head in hypernet.b_heads.values())):
                torch.nn.init.normal_(parameter, std=strength)
        return hypernet

    return make


@pytest.fixture(scope="session")
def speech_like() -> Callable[..., np.ndarray]:
    """Makes a recording with syllables: noise and tones that swell and fade, (n_samples,) 16 kHz."""
    from hyper.recordings.audio import SAMPLE_RATE

    def make(seconds: float, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        syllables = 0.55 - 0.45 * np.cos(2 * np.pi * rng.uniform(2, 5) * t)
        tones = sum(rng.normal() * np.sin(2 * np.pi * rng.uniform(100, 3000) * t) for _ in range(6))
        return (0.1 * syllables * (tones + 0.3 * rng.standard_normal(len(t)))).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of twenty recordings by five speakers."""
    from tests.spoken import write_spoken

    return write_spoken(tmp_path_factory.mktemp("spoken"))


@pytest.fixture(scope="session")
def bundled_page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, started as a visitor starts it: with the bundled pair, or a random one where there is none."""
    from hyper.model.checkpoint import save_hypernet
    from hyper.model.files import ASSETS, BUNDLED_FOLDER
    from tests.served import running_app

    models = []
    if not (BUNDLED_FOLDER / "model.safetensors").is_file() or not (ASSETS / "hypernet-mini").is_dir():
        make, backbone = (request.getfixturevalue(name) for name in ("make_hypernet", "backbone"))
        folder = tmp_path_factory.mktemp("pair") / "hypernet"
        save_hypernet(make(backbone), folder)
        models = ["--base", str(request.getfixturevalue("whisper_folder")), "--hypernet", str(folder)]
    with running_app(tmp_path_factory.mktemp("gradio"), *models) as url:
        yield url


def read_json(path: Path) -> dict:
    """The object in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
