"""One recording's adaptation as files that load without this project: a PEFT adapter, or a whole Whisper with it."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

from safetensors.torch import save_file

from hyper.compare.comparison import Comparison
from hyper.metrics.percent import percent
from hyper.model.backbone import Backbone
from hyper.model.files import BUNDLED_FOLDER, tensors_to
from hyper.model.lora import LoraWeights

# PEFT's names, https://huggingface.co/docs/peft/developer_guides/checkpoint
ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors"
ADAPTER_CONFIG_FILE = "adapter_config.json"
ADAPTER_PREFIX = "base_model.model."
CARD_FILE = "README.md"

CARD = """\
# {title}

{what}

- written by the hypernetwork `{hypernetwork}`
- for the Whisper `{base}`, whose weights have the fingerprint `{fingerprint}`, and for no other
- from one recording of {seconds:.1f} s and nothing else
- strength {strength:g}, contained in the weights (0 is the base, 1 as the hypernetwork was trained)

It was made for that one recording. How it does on any other, of the same speaker or not, has not been measured.

Not intended to be used for the diagnosis, treatment, mitigation or prevention of any disease; neither the weights nor
their size say anything about a person's health. A transcript can be wrong: check it before anything depends on it.

## Load it

`waveform` is the recording: (n_samples,) float32, mono, 16 kHz, at most {window:g} s. {where}
Transformers hears a whole window of {window:g} s, where HyperWhisper on a CPU hears a short recording in a part of it:
the two texts can differ a little.

```python
{snippet}
```
"""

ADAPTER_SNIPPET = """\
from peft import PeftModel
from transformers import WhisperForConditionalGeneration, WhisperProcessor
base, processor = (kind.from_pretrained("{base}") for kind in (WhisperForConditionalGeneration, WhisperProcessor))
features = processor(waveform, sampling_rate=16_000, return_tensors="pt").input_features
tokens = PeftModel.from_pretrained(base.float(), "{folder}").generate(input_features=features{options})[0]
print(processor.decode(tokens, skip_special_tokens=True))"""

MERGED_SNIPPET = """\
from transformers import WhisperForConditionalGeneration, WhisperProcessor
model, processor = (kind.from_pretrained("{folder}") for kind in (WhisperForConditionalGeneration, WhisperProcessor))
features = processor(waveform, sampling_rate=16_000, return_tensors="pt").input_features
print(processor.decode(model.float().generate(features{options})[0], skip_special_tokens=True))"""


class ExportError(ValueError):
    """The adaptation cannot be written; the message says why."""


def export_adapter(backbone: Backbone, comparison: Comparison, folder: str | Path) -> None:
    """Write the comparison's LoRA row as a folder that `PeftModel.from_pretrained` reads; PEFT itself is not needed.

    Raises `ExportError` where there is no adaptation, or where the folder holds something already.
    """
    lora = _adaptation(comparison).without_gains()
    rank = lora.a[0].shape[1]
    weights = {}
    for site, a, b in zip(lora.sites, lora.a, lora.b, strict=True):
        weights[f"{ADAPTER_PREFIX}{site.name}.lora_A.weight"] = a[0].contiguous()  # (rank, d_in), as here
        weights[f"{ADAPTER_PREFIX}{site.name}.lora_B.weight"] = b[0].contiguous()  # (d_out, rank)
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": backbone.name,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": lora.scaling * rank,  # PEFT's scaling is lora_alpha / r
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": [site.name for site in lora.sites],
    }
    what = (
        f"LoRA weights in PEFT's format: rank {rank}, {len(lora.sites)} layers, {lora.n_parameters:,} numbers "
        f"({percent(lora.n_parameters / backbone.n_parameters, 3)} of the base)."
    )
    card = _card("Adapter for one recording", what, ADAPTER_SNIPPET, backbone, comparison, folder)
    with whole_folder(folder) as partial:
        with tensors_to(partial):
            save_file(weights, partial / ADAPTER_WEIGHTS_FILE)
        (partial / ADAPTER_CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (partial / CARD_FILE).write_text(card, encoding="utf-8")


def export_merged(backbone: Backbone, comparison: Comparison, folder: str | Path) -> None:
    """Write the whole Whisper with the comparison's LoRA row added to its weights, as a Hugging Face folder.

    In half precision the sum is rounded, so a transcript may then differ from the adapted row's. Errors as in
    `export_adapter`.
    """
    lora = _adaptation(comparison)
    merged = {}
    for i, site in enumerate(lora.sites):
        weight = backbone.site_weight(site)  # (d_out, d_in)
        merged[site] = (weight.float() + lora.delta(0, i).to(weight.device)).to(weight.dtype)
    what = f"A whole Whisper whose weights hold the adaptation: {len(lora.sites)} layers differ from the base."
    card = _card("Whisper adapted to one recording", what, MERGED_SNIPPET, backbone, comparison, folder)
    with whole_folder(folder) as partial:
        backbone.save(partial, merged)
        (partial / CARD_FILE).write_text(card, encoding="utf-8")


def write_zip(
    export: Callable[[Backbone, Comparison, Path], None], backbone: Backbone, comparison: Comparison, file: Path
) -> None:
    """What `export` (one of the two above) writes, as a zip that holds one folder of the file's own name."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / file.stem
        export(backbone, comparison, folder)
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            for each in sorted(folder.iterdir()):
                archive.write(each, f"{file.stem}/{each.name}")


def check_free(folder: str | Path) -> None:
    """Raise unless the folder is new or empty."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"There is something in {folder} already; please name a new or an empty folder.")


@contextmanager
def whole_folder(folder: str | Path) -> Iterator[Path]:
    """A folder beside the one wanted, which takes its name when everything is written; after an error none is left."""
    check_free(folder)
    folder = Path(folder).absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            folder.rmdir()  # empty; Windows renames onto nothing that is there
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _adaptation(comparison: Comparison) -> LoraWeights:
    if comparison.lora is None:
        raise ExportError(f"There is no hypernetwork for {comparison.base_model}, so there is no adaptation to write.")
    return comparison.lora


def _card(title: str, what: str, snippet: str, backbone: Backbone, comparison: Comparison, folder: str | Path) -> str:
    """The card in Markdown. It names no file and no word of the recording: the folder may be passed on."""
    base, where = _base_for_readers(backbone)
    folder = Path(folder)
    options = f', language="{comparison.language}", task="transcribe"' if backbone.is_multilingual else ""
    # Of a path from the root only its end: it tells how somebody's disk is laid out.
    name = folder.name if folder.is_absolute() else folder.as_posix()
    return CARD.format(
        title=title,
        what=what,
        hypernetwork=comparison.hypernetwork,
        base=backbone.name,
        fingerprint=backbone.fingerprint,
        seconds=comparison.seconds,
        strength=comparison.strength,
        window=backbone.window_seconds,
        where=where,
        snippet=snippet.format(base=base, folder=name, options=options),
    )


def _base_for_readers(backbone: Backbone) -> tuple[str, str]:
    """What loads the base again, and a sentence on where that works."""
    if backbone.name == BUNDLED_FOLDER.name:
        path = f"{BUNDLED_FOLDER.parent.name}/{BUNDLED_FOLDER.name}"
        return path, f"The base, `{path}`, comes with HyperWhisper: run this in its folder."
    if "/" in backbone.name:
        return backbone.name, f"The base, `{backbone.name}`, comes from the Hugging Face hub."
    return backbone.name, f"The base is a folder named `{backbone.name}`: run this where it lies."
