"""The served page without a browser: start-up, safe settings, the public endpoint."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
import soundfile
from gradio.blocks import BlocksConfig
from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from served import ROOT, free_port, launched

import app
from hyper.compare.pipeline import PersonalizedAsr
from hyper.metrics.word_errors import word_errors
from hyper.model.files import BackboneError
from hyper.recordings.audio import SAMPLE_RATE
from hyper.ui import server
from hyper.ui.languages import LANGUAGES
from hyper.ui.line import open_line
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_demo
from hyper.ui.port import ServerError, check_port
from hyper.ui.visitors import ending


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Iterator[Path]:
    """The folder in which gradio keeps what visitors send."""
    folder = tmp_path_factory.mktemp("gradio")
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    yield folder
    if before is None:
        del os.environ["GRADIO_TEMP_DIR"]
    else:
        os.environ["GRADIO_TEMP_DIR"] = before


@pytest.fixture(scope="module")
def demo(asr, cache) -> gr.Blocks:
    return build_demo(ModelStore(asr, "bundled", server.load_by_name), [])


def test_what_gradio_asks_each_class_for_each_visitor_is_noted_and_true(demo):
    for kind in {type(block) for block in demo.blocks.values()}:
        code = kind.__init__.__code__ if hasattr(kind.__init__, "__code__") else kind.__init__.__wrapped__.__code__
        noted = vars(kind.__init__)["__signature__"].parameters
        named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        assert set(named) <= set(noted) or "args" in named  # gradio wraps some in a function of any arguments


def test_what_gradio_notes_of_each_component_is_worked_out_once_and_is_each_visitors_own(demo, monkeypatch):
    own = {i: BlocksConfig.config_for_block(i, [], block) for i, block in demo.blocks.items()}
    first = SessionState(demo)
    with monkeypatch.context() as patch:
        patch.setattr(BlocksConfig, "config_for_block", lambda *given: pytest.fail("worked out again"))
        second = SessionState(demo)
    assert first.config_values == second.config_values == own
    box = next(i for i, block in demo.blocks.items() if isinstance(block, gr.Textbox))
    first._update_value_in_config(box, "what only this visitor wrote")
    assert first.config_values[box]["props"]["value"] == "what only this visitor wrote"
    first[box] = gr.Textbox(label="another", render=False)
    first._update_config(box)
    assert first.config_values[box]["props"]["label"] == "another"
    assert second.config_values == SessionState(demo).config_values == own


@pytest.fixture(scope="module")
def address(demo) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradio.utils.get_heartbeat_rate", lambda: 0.25)  # of 15 s: how soon a visitor's leaving is seen
        with launched(demo) as url:
            yield url


@pytest.fixture(scope="module")
def recording(tmp_path_factory, speech_like) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "visit one.wav"
    soundfile.write(path, speech_like(1.5), SAMPLE_RATE)
    return path


def run_app(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_taken_port_is_named_in_one_line():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = run_app("--port", str(port))
    assert result.returncode == 1
    assert result.stderr == (
        f"HyperWhisper cannot start: port {port} is taken by another program; "
        "stop that one, or choose another port with --port.\n"
    )


def test_ended_while_it_starts_it_leaves_no_trace_of_where_it_was(monkeypatch):
    monkeypatch.setattr(app, "open_folder", lambda: Path())
    monkeypatch.setattr(server, "serve", lambda **_: ending.interrupt(signal.SIGTERM, None))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as ended:
            app.main(["--port", str(free_port())])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert ended.value.code == 0


def test_where_it_listens(monkeypatch):
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    args = app.parse([])
    assert (args.host, args.port, args.base, args.hypernet) == ("127.0.0.1", 7860, None, None)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")  # as in a Hugging Face Space
    assert app.parse([]).host == "0.0.0.0"
    args = app.parse(["--host", "::1", "--port", "8000", "--base", "openai/whisper-tiny", "--hypernet", "runs/h"])
    assert (args.host, args.port, args.base, args.hypernet) == ("::1", 8000, "openai/whisper-tiny", "runs/h")


def test_the_stage_alone_takes_a_language(capsys):
    assert ("en", *LANGUAGES) == app.LANGUAGES
    assert app.parse(["--present", "--present-in", "it"]).present_in == "it"
    with pytest.raises(SystemExit):
        app.parse(["--present-in", "it"])
    assert "--present-in is for --present; the page itself is in the browser's language" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("127.0.0.1", 0, "port 0 does not exist; choose one from 1024 to 65535 with --port."),
        ("127.0.0.1", 70_000, "port 70000 does not exist; choose one from 1024 to 65535 with --port."),
        ("192.0.2.1", 7860, "192.0.2.1 is not an address of this computer"),  # a block kept for documents
        ("no such host", 7860, "no such host is not an address of this computer"),
    ],
)
def test_other_bad_addresses_are_explained(host, port, text):
    with pytest.raises(ServerError) as caught:
        check_port(host, port)
    assert text in str(caught.value)


def test_a_missing_bundled_pair_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr("hyper.model.files.BUNDLED_FOLDER", tmp_path)
    with pytest.raises(ServerError, match="python -m hyper train-base"):
        server.serve(lambda: PersonalizedAsr.load("bundled"), "bundled", tmp_path / "m.csv", "127.0.0.1", 0, tmp_path)


def test_a_missing_folder_is_one_sentence(tmp_path):
    missing = str(tmp_path / "whisper")
    with pytest.raises(ServerError, match="There is no folder") as caught:
        server.serve(lambda: PersonalizedAsr.load(missing), missing, tmp_path / "m.csv", "127.0.0.1", 0, tmp_path)
    assert server.MAKE_BUNDLED not in str(caught.value)


def test_a_page_that_does_not_answer_itself_is_one_sentence(monkeypatch, tmp_path, asr):
    monkeypatch.setattr("gradio.networking.url_ok", lambda _url: False)
    with pytest.raises(ServerError, match="the page did not answer at 127.0.0.1, port .* Please start it again."):
        server.serve(lambda: asr, "bundled", tmp_path / "m.csv", "127.0.0.1", free_port(), tmp_path)


def test_unsafe_defaults_are_off():
    options = server.launch_options("127.0.0.1", 7860)
    for name in ("share", "run_history", "enable_monitoring", "ssr_mode", "mcp_server", "show_error", "pwa"):
        assert options[name] is False
    assert options["strict_cors"] is True
    assert options["max_file_size"] == pytest.approx(106e6, rel=0.01)  # ten minutes on a CD
    assert not options.get("allowed_paths")


def test_what_the_running_page_tells_about_itself(demo, address):
    config = Client(address, verbose=False).config
    assert config["analytics_enabled"] is False
    assert demo.enable_monitoring is False and demo.run_history is False
    assert demo.delete_cache == (60, 1800)
    assert gr.analytics.analytics_enabled() is False
    (audio,) = (c["props"] for c in config["components"] if c["props"].get("elem_id") == "hw-recording")
    assert (audio["buttons"], audio["editable"], audio["type"]) == ([], False, "filepath")
    assert "https://" not in demo.theme._get_theme_css()


def test_compare_is_public_and_it_is_described(address):
    api = Client(address, verbose=False).view_api(return_format="dict", print_info=False)
    described = api["named_endpoints"]["/compare"]
    assert described["description"].startswith("Transcribe a recording with Whisper as it is (base)")
    names = [parameter["parameter_name"] for parameter in described["parameters"]]
    assert names == ["recording", "reference", "model", "language", "adaptation", "verbatim", "strength"]
    assert [p["parameter_name"] for p in described["parameters"] if not p["parameter_has_default"]] == ["recording"]


def test_all_work_on_the_model_waits_in_one_line(demo):
    heavy = [fn for fn in demo.fns.values() if fn.concurrency_id == "model"]
    assert {fn.api_name for fn in heavy} == {
        "compare", "speaker", "show", "compare_on_page", "compare_at_strength", "recount", "sweep_on_page",
        "show_place", "count_errors", "adapt_to_speaker", "choose_model", "for_print",
    }  # fmt: skip
    assert {fn.concurrency_limit for fn in heavy} == {48}  # they wait for the scheduler together
    files = [fn for fn in demo.fns.values() if fn.concurrency_id == "files"]
    reports = {"report", "save_report", "save_report_1"}
    assert {fn.api_name for fn in files} == {*reports, "adapter_zip", "merged_zip", "export"}
    assert {fn.concurrency_limit for fn in files} == {1}
    assert not demo.api_open and demo._queue.max_size is None  # each line has its own limit: test_sentences.py


def test_on_a_lent_gpu_no_line_has_one_place_alone(monkeypatch, asr):
    monkeypatch.setattr("gradio.utils.is_zero_gpu_space", lambda: True)
    with gr.Blocks() as demo:
        gr.Markdown("lent")
    assert demo._queue.max_size == 1 and open_line(demo)._queue.max_size is None


def test_compare_gives_what_the_library_gives(address, asr, recording):
    client = Client(address, verbose=False)
    answer = client.predict(handle_file(recording), "turn on the lights", api_name="/compare")
    direct = asr.compare(recording, "turn on the lights")
    assert answer["file"] == "visit one.wav"
    assert (answer["base"], answer["adapted"]) == (direct.base.text, direct.adapted.text)
    assert answer["base"] != answer["adapted"]
    assert answer["base_errors"] == word_errors("turn on the lights", answer["base"]).to_json()
    assert answer["layers"][0]["frobenius"] == pytest.approx(direct.layers[0].frobenius)
    assert set(answer["timings_ms"]) == {"audio", "encode", "generate", "decode"}


def test_without_reference_there_are_no_errors(address, recording):
    answer = Client(address, verbose=False).predict(handle_file(recording), api_name="/compare", reference="  ")
    assert answer["base_errors"] is None and answer["adapted_errors"] is None and answer["reference"] is None


def test_verbatim_and_strength_reach_the_model(address, asr, recording):
    client = Client(address, verbose=False)
    answer = client.predict(handle_file(recording), "", verbatim="t turn on", strength=0.5, api_name="/compare")
    assert (answer["strength"], answer["verbatim"], answer["reference"]) == (0.5, "t turn on", None)
    assert answer["adapted"] == asr.compare(recording, strength=0.5).adapted.text
    assert answer["adapted_verbatim_errors"] == word_errors("t turn on", answer["adapted"]).to_json()
    with pytest.raises(AppError, match=r"The strength is 3, but it must be between 0 \(base\) and 2"):
        client.predict(handle_file(recording), "", strength=3, api_name="/compare")


def test_a_bad_recording_comes_back_as_its_sentence(address, tmp_path):
    silence, text = tmp_path / "silence.wav", tmp_path / "text.wav"
    soundfile.write(silence, np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    text.write_text("these are not samples")
    client = Client(address, verbose=False)
    with pytest.raises(AppError, match="^The recording is silent"):
        client.predict(handle_file(silence), "", api_name="/compare")
    with pytest.raises(AppError, match="^text.wav is not an audio recording"):
        client.predict(handle_file(text), "", api_name="/compare")


def test_an_unknown_language_comes_back_as_its_sentence(address, recording):
    with pytest.raises(AppError, match="does not know the language 'de'"):
        Client(address, verbose=False).predict(handle_file(recording), "", language="de", api_name="/compare")


def test_a_file_of_the_server_cannot_be_asked_for(address, recording):
    own = {"path": str(recording), "meta": {"_type": "gradio.FileData"}}  # not uploaded: merely named
    call = {"data": [own, "", "bundled", "en", "recording", "", 1.0]}
    asked = httpx.post(f"{address}gradio_api/call/compare", json=call).json()["event_id"]
    answer = httpx.get(f"{address}gradio_api/call/compare/{asked}", timeout=20).text
    assert "event: error" in answer and "event: complete" not in answer


def test_a_model_that_is_not_offered_cannot_be_asked_for(address, recording, whisper_folder):
    with pytest.raises(AppError, match="not in the list of choices"):
        Client(address, verbose=False).predict(
            handle_file(recording), "", model=str(whisper_folder), api_name="/compare"
        )


@pytest.mark.parametrize("takes_any", [False, True])
def test_models_are_named_only_on_a_machine_of_ones_own(asr, takes_any):
    config = build_demo(ModelStore(asr, "bundled", server.load_by_name, takes_any=takes_any), []).config
    ids = {component["props"].get("elem_id") for component in config["components"]}
    assert {"hw-models-offered", "hw-models-overview"} <= ids
    assert ("hw-models-base" in ids) is takes_any
    assert ("load_model" in {event["api_name"] for event in config["dependencies"]}) is takes_any


@pytest.mark.parametrize(("host", "is_left_out"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_it_is_said_where_any_model_is_left_out(monkeypatch, capsys, asr, tmp_path, host, is_left_out):
    def store(_asr, _name, _load, takes_any, *_):
        raise BackboneError(f"takes any: {takes_any}")  # so that nothing is served

    monkeypatch.setattr(server, "ModelStore", store)
    with pytest.raises(ServerError, match=f"takes any: {not is_left_out}"):
        server.serve(lambda: asr, "bundled", tmp_path / "m.csv", host, free_port(), tmp_path, takes_any=True)
    assert ("--any-model is left out: others can open this page" in capsys.readouterr().err) == is_left_out


def test_one_adaptation_per_piece_is_a_choice(address, asr, tmp_path, speech_like):
    long = tmp_path / "long.wav"
    soundfile.write(long, speech_like(9.0), SAMPLE_RATE)
    client = Client(address, verbose=False)
    answer = client.predict(handle_file(long), "", adaptation="piece", api_name="/compare")
    assert answer["adapted"] == asr.compare(long, adapt_per_piece=True).adapted.text
    assert answer["adapted"] != asr.compare(long).adapted.text


def test_nothing_stays_on_disk_when_the_visitor_has_gone(address, cache, tmp_path, speech_like):
    own = tmp_path / "of one visitor.wav"  # files of the same content are shared, and the other tests' visitors stay
    soundfile.write(own, speech_like(1.0, seed=5), SAMPLE_RATE)
    client = Client(address, verbose=False)
    client.predict(handle_file(own), "", api_name="/compare")
    (kept,) = cache.rglob(own.name)
    client.close()
    deadline = time.monotonic() + 30
    while kept.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not kept.parent.exists()
