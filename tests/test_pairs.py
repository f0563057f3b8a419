"""A base finds its hypernetwork; the page starts on the best pair that is here, and offers a real Whisper."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from gradio.exceptions import Error
from served import ROOT

import app
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.verdict import Verdict
from hyper.model.checkpoint import save_hypernet
from hyper.model.files import ASSETS, BUNDLED, BUNDLED_FOLDER, BackboneError
from hyper.model.info import hypernets_in
from hyper.model.pairs import best_base, hub_bases, other_forms
from hyper.ui import panels
from hyper.ui.model_store import HubModel, ModelStore
from hyper.ui.offer import DOWNLOADED_SHARE, taken
from hyper.ui.page import build_demo
from hyper.ui.port import ServerError
from hyper.ui.server import START_BUNDLED, load_by_name, serve
from hyper.ui.space_folder import CARD, space_card
from hyper.ui.tabs.models import ModelsTab

TINY = "openai/whisper-tiny.en"
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def assets(backbone, make_hypernet, tmp_path_factory) -> Path:
    """As assets/ is with a hypernetwork for a hub model, and one that was made for a folder."""
    folder = tmp_path_factory.mktemp("assets")
    for name, base in (("hypernet-own", "runs-base"), ("hypernet-tiny.en", TINY)):
        hypernet = make_hypernet(backbone)
        hypernet.config = type(hypernet.config)(**{**vars(hypernet.config), "base_model": base})
        save_hypernet(hypernet, folder / name)
    (folder / "results").mkdir()
    return folder


@pytest.fixture(scope="module")
def hub(whisper_folder, tmp_path_factory) -> Path:
    """The hub's cache after a download."""
    cache = tmp_path_factory.mktemp("hub")
    downloaded = cache / f"models--{TINY.replace('/', '--')}"
    (downloaded / "refs").mkdir(parents=True)
    (downloaded / "refs" / "main").write_text("abc")
    shutil.copytree(whisper_folder, downloaded / "snapshots" / "abc")
    return cache


def test_the_page_starts_on_a_real_whisper_that_is_here_and_adapts(assets, hub, tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket", None)  # whoever asks the network fails
    assert hub_bases(assets) == [TINY]
    assert best_base(assets, hub) == TINY
    assert best_base(assets, tmp_path) == BUNDLED  # not downloaded
    assert best_base(tmp_path, hub) == BUNDLED  # no hypernetwork
    snapshot = shutil.copytree(hub, tmp_path / "half") / f"models--{TINY.replace('/', '--')}" / "snapshots" / "abc"
    (snapshot / "model.safetensors").unlink()
    assert best_base(assets, tmp_path / "half") == BUNDLED  # the download broke off
    index = snapshot / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}))
    (snapshot / "model-1-of-2.safetensors").touch()
    assert best_base(assets, tmp_path / "half") == BUNDLED  # in the middle of several files
    (snapshot / "model-2-of-2.safetensors").touch()
    assert best_base(assets, tmp_path / "half") == TINY


def test_who_names_a_base_or_a_hypernetwork_gets_it(monkeypatch):
    monkeypatch.setattr("hyper.model.pairs.best_base", lambda: TINY)
    given = app.parse([])
    assert app.with_base(given) == app.parse(["--base", TINY]) and given.base is None
    assert app.with_base(app.parse(["--base", "bundled"])).base == "bundled"
    assert app.with_base(app.parse(["--hypernet", "runs/own"])).base == "bundled"


def test_a_pair_that_cannot_start_names_the_one_that_can(tmp_path):
    def load():
        raise BackboneError("It is damaged.")

    with pytest.raises(ServerError, match="It is damaged") as caught:
        serve(load, TINY, tmp_path / "m.csv", "127.0.0.1", 0, tmp_path)
    assert str(caught.value) == f"It is damaged. {START_BUNDLED}"


def test_a_base_by_any_name_finds_its_hypernetwork(assets, hub, whisper_folder, monkeypatch):
    monkeypatch.setattr("hyper.compare.pipeline.ASSETS", assets)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    for base in (whisper_folder, TINY):
        asr = PersonalizedAsr.load(base, device="cpu")
        assert asr.hypernetwork == "hypernet-own" and asr.hypernet_folder == assets / "hypernet-own"
    assert asr.base_model == TINY


def test_each_hypernetwork_that_is_delivered_names_a_base_that_can_be_had():
    for info in hypernets_in(ASSETS):
        assert info.base_model in (BUNDLED_FOLDER.name, *hub_bases())


@pytest.fixture
def models(backbone, make_hypernet) -> ModelStore:
    return ModelStore(
        PersonalizedAsr(backbone, make_hypernet(backbone), "random"), BUNDLED, load_by_name, False, [TINY]
    )


def test_a_real_whisper_is_offered_where_it_adapts_and_the_page_runs_the_bundled_pair(models, backbone):
    assert models.offer.name == TINY and models.offers(BUNDLED) and not models.offers(TINY)
    assert (f"{TINY} · 38 M · 151 MB · downloaded once · adapts", TINY) in models.choices()
    assert not models.is_multilingual(TINY)
    asr = models.get(BUNDLED)
    assert ModelStore(asr, BUNDLED, load_by_name).offer is None
    on_real = ModelStore(asr, TINY, load_by_name, adapting=[TINY])
    assert on_real.offer is None
    assert [name for _, name in on_real.choices()][:2] == [TINY, BUNDLED]
    assert not on_real.is_multilingual(BUNDLED)


def test_one_press_downloads_loads_and_chooses(models, hub, monkeypatch):
    downloaded = []

    def download(name, **_):
        downloaded.append(name)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))  # from now on it is here
        return hub / f"models--{TINY.replace('/', '--')}" / "snapshots" / "abc"

    monkeypatch.setattr("hyper.model.files._ask_hub", lambda _: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    said = []
    chosen = taken(models, lambda share, desc: said.append(desc))
    assert (chosen["value"], downloaded) == (TINY, [TINY])
    assert set(said) <= {f"Downloading {TINY}: 0 MB of 151 MB", f"Loading {TINY}"}
    assert models.is_loaded(TINY)


def test_the_bundled_base_is_offered_with_each_of_its_hypernetworks(backbone, make_hypernet, tmp_path):
    for name, base in (
        ("hypernet-mini", BUNDLED_FOLDER.name),
        ("hypernet-mini-paper", BUNDLED_FOLDER.name),
        ("x", TINY),
    ):
        hypernet = make_hypernet(backbone)
        hypernet.config = type(hypernet.config)(**{**vars(hypernet.config), "base_model": base})
        save_hypernet(hypernet, tmp_path / name)
    forms = other_forms(tmp_path)
    assert forms == [tmp_path / "hypernet-mini-paper"]
    loaded = []

    def load(*named):
        loaded.append(named)
        return PersonalizedAsr(backbone, None, None)

    models = ModelStore(PersonalizedAsr(backbone, None, None), BUNDLED, load, forms=forms)
    choice = f"{BUNDLED} + hypernet-mini-paper"
    assert ("Bundled pair · as in the paper", choice) in models.choices()
    assert models.base_of(choice) == BUNDLED and not models.is_multilingual(choice)
    assert models.is_paper_form(choice) and not models.is_paper_form(BUNDLED)
    models.takes_any = True  # of a folder that somebody names nobody knows the form
    assert not models.is_paper_form(models.open(BUNDLED, str(tmp_path / "hypernet-mini")))
    loaded.clear()
    models.get(choice)
    assert loaded == [(BUNDLED, str(forms[0]))] and models.is_loaded(choice)


def by_offer(models: ModelStore, progress: Callable[..., None]) -> None:
    assert taken(models, progress)["value"] == TINY


def from_list(models: ModelStore, progress: Callable[..., None]) -> None:
    tab = SimpleNamespace(models=models, _loaded=lambda name: name)
    assert ModelsTab.choose_model(tab, TINY, progress) == TINY


@pytest.mark.parametrize("choose", [by_offer, from_list])
def test_who_waits_for_a_download_is_told_how_far_it_is(choose, models, whisper_folder, tmp_path, monkeypatch):
    """With the hub's own downloader, from a hub that sends the first half of the weights and then waits to be seen."""
    seen = threading.Event()
    told: list[tuple[float, str]] = []

    def progress(share: float, desc: str) -> None:
        told.append((share, desc))
        if share > (len(weights) / 3) / 1e6 * DOWNLOADED_SHARE:
            seen.set()

    weights = (whisper_folder / "model.safetensors").read_bytes()
    assert len(weights) < 1e6
    small = HubModel(TINY, 1, 1)  # so that these weights are a good part of it
    monkeypatch.setattr("hyper.ui.model_store.HUB_MODELS", (small,))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    monkeypatch.setattr("hyper.ui.offer.STEP_SECONDS", 0.02)
    with hub_of(whisper_folder, lambda: seen.wait(PATIENCE_SECONDS)) as address:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        choose(models, progress)
    assert seen.is_set() and models.is_loaded(TINY)  # its weights were under way when that was told
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == DOWNLOADED_SHARE
    assert [told[0][1], told[-1][1]] == [f"Downloading {TINY}: 0 MB of 1 MB", f"Loading {TINY}"]


@contextmanager
def hub_of(folder: Path, at_half: Callable[[], object]) -> Iterator[str]:
    """The address of a hub that has one model; in the middle of a model's weights it stops for `at_half`."""
    files = {file.name: file.read_bytes() for file in folder.iterdir()}

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, etag = self._asked()
            self.send_response(200 if body else 404)
            for name, value in (("Content-Length", len(body)), ("ETag", f'"{etag}"'), ("X-Repo-Commit", "a" * 40)):
                self.send_header(name, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2])
                if self.path.endswith(".safetensors"):
                    at_half()
                self.wfile.write(body[len(body) // 2 :])

        do_HEAD = do_GET

        def _asked(self) -> tuple[bytes, str]:
            path = self.path.split("?")[0]
            if "/tree/" in path:
                listed = [{"type": "file", "path": n, "size": len(b), "oid": "0" * 40} for n, b in files.items()]
                return json.dumps(listed).encode(), ""
            if path.startswith("/api/models/"):
                siblings = [{"rfilename": name} for name in files]
                return json.dumps({"id": TINY, "sha": "a" * 40, "siblings": siblings}).encode(), ""
            name = path.rpartition("/")[2]
            return files.get(name, b""), name.replace(".", "-")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_without_a_network_the_press_gives_one_sentence(models, monkeypatch):
    def no_network(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", no_network)
    with pytest.raises(Error) as caught:
        taken(models, lambda *_, **__: None)
    assert caught.value.message == (
        f"{TINY} is not on this machine and the Hugging Face hub cannot be reached; connect to the network once to "
        "download it, or use the bundled model."
    )
    assert not models.is_loaded(TINY)


def components(models: ModelStore) -> dict[str, dict]:
    return {each["props"].get("elem_id"): each["props"] for each in build_demo(models, []).config["components"]}


def test_the_page_shows_the_offer_only_where_there_is_one(models, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    shown = components(models)
    assert shown["hw-models-offer"]["value"] == "Get real Whisper for open speech (151 MB)"
    assert shown["hw-offer-in-settings"]["visible"] and "hw-offer-in-result" not in str(shown)
    nothing = components(ModelStore(models.get(BUNDLED), BUNDLED, load_by_name))
    assert "hw-models-offer" not in nothing and not nothing["hw-offer-in-settings"]["visible"]


def test_a_result_that_is_not_reliable_asks_for_another_model():
    for doubt, sentence in panels.DOUBTS.items():
        asked = panels.asks_for_another_model(Verdict("not reliable", (doubt,)))
        assert asked is ("another model" in sentence)
    assert not panels.asks_for_another_model(Verdict("better"))


def test_labels_of_the_examples_are_of_the_bundled_pair_alone(models, backbone, make_hypernet, tmp_path):
    assert models.came_with_page(BUNDLED) and not models.came_with_page(TINY)
    own = PersonalizedAsr(backbone, make_hypernet(backbone), "own", tmp_path / "own")
    assert not ModelStore(own, BUNDLED, load_by_name).came_with_page(BUNDLED)
    delivered = PersonalizedAsr(backbone, make_hypernet(backbone), "mini", ASSETS / "hypernet-mini")
    assert ModelStore(delivered, BUNDLED, load_by_name).came_with_page(BUNDLED)
    assert ModelStore(delivered, TINY, load_by_name).came_with_page(BUNDLED)


def test_the_space_has_the_real_whisper_from_the_start():
    card = (ROOT / CARD).read_text(encoding="utf-8")
    assert space_card(card, []) == card
    front = yaml.safe_load(space_card(card, [TINY]).split("---\n")[1])
    assert front["models"][0] == TINY
    files = front["preload_from_hub"][0].split()
    assert files[0] == TINY and set(files[1].split(",")) == set(front["preload_from_hub"][1].split()[1].split(","))
