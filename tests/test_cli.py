"""The command line: the help page, errors on one line, and each command on a real model."""

from __future__ import annotations

import csv
import json
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
import soundfile
from pypdf import PdfReader

from hyper.__main__ import COMMANDS, build_parser, main
from hyper.compare.bench_rows import BenchRow
from hyper.compare.pipeline import PersonalizedAsr
from hyper.metrics.word_errors import word_errors
from hyper.model.checkpoint import save_hypernet
from hyper.reports.timed_text import KINDS, transcript_text

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
HEAVY = ("torch", "transformers", "librosa", "gradio", "matplotlib", "plotly", "pandas")
UTTERANCE_KEYS = {
    "file", "reference", "speaker", "cohort", "severity",
    "base", "adapted", "base_errors", "adapted_errors", "stopped",
    "verbatim", "base_verbatim_errors", "adapted_verbatim_errors",
}  # fmt: skip


def hyper(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run `python -m hyper` as a user does."""
    command = [sys.executable, "-m", "hyper", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def test_help_lists_every_command_at_once():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = hyper("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0
    for name, summary in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(summary)}$", result.stdout, re.M)
    assert "examples:" in result.stdout
    seconds = after.ru_utime - before.ru_utime  # of the processor: a busy machine must not fail the test
    assert seconds < 1


@pytest.fixture(scope="module")
def help_pages() -> dict[str, tuple[str, str]]:
    """Each command's help page, and the heavy libraries there are after it, in one process for all."""
    code = (
        "import sys; from hyper.__main__ import main\n"
        "for name in sys.argv[1:]:\n"
        "    try: main([name, '--help'])\n"
        "    except SystemExit as end: assert end.code == 0\n"
        f"    print('LOADED', *[heavy for heavy in {HEAVY!r} if heavy in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *COMMANDS], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    found = re.findall(r"(.*?)^LOADED(.*?)$", result.stdout, re.M | re.S)
    return dict(zip(COMMANDS, found, strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_good_help_page_and_loads_nothing_heavy(name, help_pages):
    page, loaded = help_pages[name]
    assert loaded == ""
    assert f"python -m hyper {name}" in page.split("examples:")[1], "the page needs an example"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name):
    subparsers = next(action for action in build_parser(name)._actions if action.dest == "command")
    actions = subparsers.choices[name]._actions
    assert [action.dest for action in actions if not action.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_values_are_called_alike_on_every_help_page(name):
    subparsers = next(action for action in build_parser(name)._actions if action.dest == "command")
    with_value = [each for each in subparsers.choices[name]._actions if each.nargs != 0 and not each.choices]
    assert [each.dest for each in with_value if not each.metavar] == []
    assert {each.metavar for each in with_value if each.dest == "out"} <= {"FOLDER", "MANIFEST.csv", "OUT.html"}
    assert {each.metavar for each in with_value if each.type is int} <= {"N", "PARTS"}


def written_commands() -> list[str]:
    """Every `python -m hyper` line of the code blocks in README and docs, and of the help pages' examples."""
    blocks = [block for text in PAGES for block in re.findall(r"```bash\n(.*?)```", text.read_text(), re.S)]
    pages = [build_parser(name) for name in COMMANDS]
    blocks += [page.epilog for page in pages]
    for name, page in zip(COMMANDS, pages, strict=True):
        blocks.append(next(action for action in page._actions if action.dest == "command").choices[name].epilog)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("python -m hyper ") and "COMMAND" not in line})


@pytest.mark.parametrize("line", written_commands())
def test_commands_that_are_written_down_can_be_given(line):
    words = shlex.split(line.split(" > ")[0], comments=True)[3:]
    if words != ["--help"]:
        assert build_parser(words[0]).parse_args(words).command == words[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_files_that_a_page_points_to_are_there(page):
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
    assert [target for target in targets if "://" not in target and not (page.parent / target).is_file()] == []


def test_the_readme_stays_short():
    assert (ROOT / "README.md").stat().st_size <= 9_000


def test_without_arguments_the_help_page_is_shown(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0 and "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["comparee"], "invalid choice: 'comparee'"),
        (["compare"], "the following arguments are required: FILE"),
        (["evaluate", "m.csv", "--limit", "0"], "argument --limit: 0 is not above zero"),
        (["evaluate", "m.csv", "--batch-size", "x"], "argument --batch-size: x is not a whole number of zero or above"),
        (["make-speech", "--out", "x", "--speakers", "0"], "argument --speakers: 0 is not above zero"),
        (["make-speech", "--out", "x", "--workers", "-1"], "argument --workers: -1 is not a whole number"),
        (["make-speech", "--out", "x", "--seed", "11"], "argument --seed: invalid choice: 11"),
        (["simulate", "m.csv", "--out", "x", "--patients", "0"], "argument --patients: 0 is not above zero"),
        (["simulate", "m.csv", "--out", "x", "--seed", "-1"], "argument --seed: -1 is not a whole number"),
        (["methods", "--data", "m.csv", "--updates", "0"], "argument --updates: 0 is not above zero"),
        (["train", "--data", "m.csv", "--out", "o", "--updates", "0"], "argument --updates: 0 is not above zero"),
        (["bench", "--rounds", "0"], "argument --rounds: 0 is not above zero"),
        (["pair", "b", "--data", "m.csv", "--batch-size", "0"], "argument --batch-size: 0 is not above zero"),
        (["pair", "b", "--data", "m.csv", "--updates", "0"], "argument --updates: 0 is not above zero"),
        (["pair", "b", "--data", "m.csv", "--seed", "-1"], "argument --seed: -1 is not a whole number"),
        (["experiment", "budget", "--data", "m.csv", "--seeds", "1.5"], "argument --seeds: 1.5 is not a whole number"),
    ],
)
def test_usage_errors_take_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    complaint = capsys.readouterr().err
    assert end.value.code == 2
    assert complaint.count("\n") == 1 and words in complaint


def one_line_failure(capsys, arguments, words):
    assert main(list(map(str, arguments))) == 1
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1 and "Traceback" not in complaint
    assert complaint.startswith(f"hyper {arguments[0]}: ") and words in complaint


@pytest.fixture(scope="module")
def models(backbone, whisper_folder, make_hypernet, tmp_path_factory) -> list[str]:
    """Arguments that choose the random Whisper and a hypernetwork for it."""
    folder = tmp_path_factory.mktemp("models") / "hypernet-random"
    save_hypernet(make_hypernet(backbone), folder)
    return ["--base", str(whisper_folder), "--hypernet", str(folder), "--device", "cpu"]


@pytest.fixture
def recording(speech_like, tmp_path) -> Path:
    soundfile.write(tmp_path / "a.wav", speech_like(1.5), 16_000)
    return tmp_path / "a.wav"


def test_compare_prints_the_record_of_its_library_call(models, recording, whisper_folder, capsys):
    reference = "turn on the light"
    assert main(["compare", str(recording), "--reference", reference, "--json", *models]) == 0
    record = json.loads(capsys.readouterr().out)
    expected = PersonalizedAsr.load(whisper_folder, models[3], "cpu").compare(recording, reference)
    assert (record["base"], record["adapted"]) == (expected.base.text, expected.adapted.text)
    assert record["base_errors"] == word_errors(reference, expected.base.text).to_json()
    assert record["base"] != record["adapted"]  # or the hypernetwork was not there
    assert (record["file"], record["hypernetwork"]) == (str(recording), "hypernet-random")
    assert record.keys() >= UTTERANCE_KEYS | {
        "timings_ms", "device", "base_model", "generated_parameters", "generated_share", "layers",
        "words", "confidence_is_calibrated", "no_speech", "flags",
    }  # fmt: skip
    assert record["layers"][0].keys() == {
        "name", "frobenius", "relative_frobenius", "singular_values", "principal_angles_deg"
    }  # fmt: skip


def test_a_verbatim_text_is_a_second_reference(models, recording, capsys):
    """Both commands, against the same count made here."""
    meant, said = "turn on the light", "t t turn on on the light"
    given = [str(recording), "--reference", meant, "--verbatim", said]
    assert main(["compare", *given, "--json", *models]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["reference"], record["verbatim"]) == (meant, said)
    for row in ("base", "adapted"):
        assert record[f"{row}_errors"] == word_errors(meant, record[row]).to_json()
        assert record[f"{row}_verbatim_errors"] == word_errors(said, record[row]).to_json()
    assert record["base_errors"] != record["base_verbatim_errors"]
    assert main(["compare", *given, *models]) == 0
    text = capsys.readouterr().out
    assert f"verbatim   {said}" in text and text.count("verbatim: WER ") == 2
    manifest, out = recording.parent / "m.csv", recording.parent / "report.json"
    manifest.write_text(f"file,reference,verbatim\na.wav,{meant},{said}\na.wav,{meant},\n")
    assert main(["evaluate", str(manifest), "--json", str(out), *models]) == 0
    first, second = json.loads(out.read_text())["utterances"]
    assert {key: first[key] for key in UTTERANCE_KEYS - {"file"}} == {
        key: record[key] for key in UTTERANCE_KEYS - {"file"}
    }
    assert second["verbatim"] is second["base_verbatim_errors"] is second["adapted_verbatim_errors"] is None


def test_compare_in_words(models, recording, whisper_folder, capsys):
    assert main(["compare", str(recording), "--reference", "turn on the light", *models]) == 0
    text = capsys.readouterr().out
    assert "reference  turn on the light" in text and text.count("WER ") == 2 and "substituted" in text
    assert main(["compare", str(recording), *models]) == 0
    assert "WER" not in capsys.readouterr().out
    assert main(["compare", str(recording), "--base", str(whisper_folder)]) == 0
    assert "adapted    no hypernetwork for this Whisper" in capsys.readouterr().out


def test_compare_prints_the_transcript_as_a_file(models, recording, whisper_folder, capsys):
    compared = PersonalizedAsr.load(whisper_folder, models[3], "cpu").compare(recording)
    for kind in KINDS:
        for row in ("base", "adapted"):
            assert main(["compare", str(recording), "--format", kind, "--transcript", row, *models]) == 0
            printed = capsys.readouterr()
            assert printed.out == transcript_text(compared, kind, row)
            assert all(f"caution: {flag.reason}\n" in printed.err for each in compared.rows for flag in each.flags)
    base = ["--base", str(whisper_folder)]
    one_line_failure(capsys, ["compare", recording, "--format", "srt", "--transcript", "adapted", *base], "no adapted")
    one_line_failure(
        capsys,
        ["compare", recording, "--transcript", "base"],
        "--transcript is for --format; without that, both transcripts are printed",
    )


def test_evaluate_writes_the_report_and_lists_the_bad_file(models, recording, capsys):
    folder = recording.parent
    (folder / "bad.wav").write_bytes(b"no sound")
    (folder / "m.csv").write_text(
        "path,text,speaker,duration_s,corpus\na.wav,turn on the light,s1,1.5,home\nbad.wav,stop,s1,1.0,home\n"
    )
    out = folder / "new" / "report.json"
    assert main(["evaluate", str(folder / "m.csv"), "--json", str(out), *models]) == 0
    printed = capsys.readouterr()
    report = json.loads(out.read_text())
    (record,) = report["utterances"]
    assert record.keys() == UTTERANCE_KEYS | {
        "simulated", "note", "seconds", "preferred", "verdict", "flags", "layers", "no_speech"
    }  # fmt: skip
    assert main(["compare", str(recording), "--reference", "turn on the light", "--json", *models]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert {key: record[key] for key in UTTERANCE_KEYS - {"file", "speaker"}} == {
        key: compared[key] for key in UTTERANCE_KEYS - {"file", "speaker"}
    }
    assert record["no_speech"] == compared["no_speech"] and record["no_speech"].keys() == {"base", "adapted"}
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    of_both, of_compare, of_evaluate, around = (
        set(re.findall(r"\w+", keys)) for keys in re.findall(r"^- (?:in both|of `.*): `([^`]+)`", page, re.M)
    )
    assert of_both == record.keys() & compared.keys()
    assert of_compare == compared.keys() - of_both and of_evaluate == record.keys() - of_both
    assert around | {"utterances"} == report.keys()
    names = {row: [flag["name"] for flag in flags] for row, flags in record["flags"].items()}
    assert names == {row: [flag["name"] for flag in flags] for row, flags in compared["flags"].items()}
    assert [layer["relative_frobenius"] for layer in record["layers"]] == pytest.approx(
        [layer["relative_frobenius"] for layer in compared["layers"]], rel=1e-4
    )
    assert [(group["by"], group["value"]) for group in report["groups"]] == [
        ("all", "all"), ("speaker", "s1"), ("corpus", "home")
    ]  # fmt: skip
    assert [failure["file"] for failure in report["failures"]] == ["bad.wav"]
    assert "skipped bad.wav: " in printed.err and "base WER" in printed.out


def test_evaluate_writes_tables_and_reports_of_the_same_evaluation(models, recording, capsys):
    folder = recording.parent
    (folder / "bad.wav").write_bytes(b"no sound")
    (folder / "m.csv").write_text("file,reference,speaker,note\na.wav,turn on the light,s1,=1+1\nbad.wav,stop,s1,\n")
    out = folder / "new"
    files = {"--json": out / "r.json", "--csv": out / "r.csv", "--xlsx": out / "r.xlsx", "--report": out / "r.pdf"}
    asked = [str(each) for pair in files.items() for each in pair]
    assert main(["evaluate", str(folder / "m.csv"), *asked, *models]) == 0
    assert main(["evaluate", str(folder / "m.csv"), "--report", str(out / "r.html"), *models]) == 0
    record = json.loads(files["--json"].read_text())["utterances"][0]
    with files["--csv"].open(newline="", encoding="utf-8-sig") as lines:
        good, bad = csv.DictReader(lines)
    cells = [cell.value for cell in openpyxl.load_workbook(files["--xlsx"])["recordings"][2]]
    assert (good["base"], float(good["base WER"])) == (record["base"], record["base_errors"]["wer"])
    assert good["note"] == "'=1+1" and "=1+1" in cells and record["base_errors"]["wer"] in cells
    assert "bad.wav" in bad["problem"]
    paper = " ".join(page.extract_text() for page in PdfReader(files["--report"]).pages)
    for report in (paper, (out / "r.html").read_text()):
        assert "a.wav" in report and "turn on the light" in report and "hypernet-random" in report


def test_evaluate_refuses_a_report_of_another_kind_and_folders_for_files(recording, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "m.csv", "--report", "r.docx"])
    assert end.value.code == 2 and "r.docx must end in .html or .pdf" in capsys.readouterr().err
    (recording.parent / "m.csv").write_text("file\na.wav\n")
    for option in ("--json", "--csv", "--xlsx"):
        one_line_failure(
            capsys, ["evaluate", recording.parent / "m.csv", option, tmp_path], f"{option} names the folder {tmp_path}"
        )


def test_evaluate_fails_only_when_nothing_could_be_scored(models, recording, capsys):
    manifest = recording.parent / "m.csv"
    manifest.write_text("file,reference\ngone.wav,stop\na.wav,\n")
    assert main(["evaluate", str(manifest), *models]) == 1
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("hyper evaluate: None of the 2 recordings of ")
    assert complaint.endswith(
        "could be scored: 1 could not be used, the others have no reference; what was meant belongs in a column "
        "called `reference`."
    )
    for listed, why in (
        ("file\na.wav\n", "they have no reference; what"),
        ("file\ngone.wav\n", "1 could not be used."),
    ):
        manifest.write_text(listed)
        assert main(["evaluate", str(manifest), *models]) == 1
        assert f"could be scored: {why}" in capsys.readouterr().err


def test_model_and_recording_errors_take_one_line(models, recording, tmp_path, capsys):
    one_line_failure(capsys, ["compare", tmp_path / "none.wav", *models], "none.wav")
    one_line_failure(capsys, ["compare", recording, "--base", tmp_path], "")
    one_line_failure(capsys, ["compare", recording, *models[:2], "--hypernet", tmp_path], "is not a hypernetwork")
    one_line_failure(capsys, ["compare", recording, *models, "--language", "xx"], "does not know the language 'xx'")
    one_line_failure(capsys, ["compare", recording, *models[:4], "--device", "abacus"], "no device 'abacus'")


def test_bench_on_a_given_recording(models, recording, capsys, monkeypatch):
    out = recording.parent / "bench.json"
    monkeypatch.setattr("hyper.compare.bench_rows.QUICK_COMPARES", 3)

    def page_rows(_asr, files, arguments, is_quick):
        given = [f"{name}={value}" for name, value in zip(models[::2], models[1::2], strict=True)]
        assert (files, arguments, is_quick) == ([recording], given, True)
        yield BenchRow("start to the port answering", 3.5, "s", 4.0)

    monkeypatch.setattr("hyper.compare.bench_rows.page_rows", page_rows)
    monkeypatch.setattr("hyper.compare.bench_rows.missing", lambda _asr: "not here")  # of faster-whisper
    assert main(["bench", str(recording), "--rounds", "1", "--json", str(out), "--quick", *models]) == 0
    rows = json.loads(out.read_text())
    assert [row.pop("reason") for row in rows if "reason" in row] == 4 * ["not here"]
    assert all(list(row) == ["name", "value", "unit", "bar", "met"] for row in rows)
    for row in rows:
        is_above = row["unit"] == "× faster"
        met = None if row["value"] is None else (row["value"] >= row["bar"] if is_above else row["value"] <= row["bar"])
        assert row["met"] is met
    assert [row["bar"] for row in rows] == [1.15, 0.5556, None, 1.5, None, 1.5, 3.0, 1.1, 1.03, 4.0, 150.0, 1500.0]
    # Neither faster-whisper nor a GPU.
    assert [row["value"] is None for row in rows] == [False] * 2 + [True] * 4 + [False] * 4 + [True] * 2
    shown = capsys.readouterr().out
    assert f"{rows[0]['value']:.2f} times the base alone" in shown
    assert "start to the port answering" in shown and "3.50 s" in shown and "not measured" in shown


def test_manifest_errors_take_one_line(tmp_path, capsys):
    one_line_failure(capsys, ["evaluate", tmp_path / "none.csv"], "There is no manifest at")
    (tmp_path / "m.csv").write_text("file\na.wav\n")
    one_line_failure(capsys, ["evaluate", tmp_path / "m.csv", "--json", tmp_path], "must name a file")


def test_an_interrupt_is_no_traceback(tmp_path, capsys, monkeypatch):
    def interrupted(_path):
        raise KeyboardInterrupt

    monkeypatch.setattr("hyper.recordings.manifest.read_manifest", interrupted)
    assert main(["evaluate", "m.csv"]) == 130
    assert capsys.readouterr().err == "hyper evaluate: interrupted\n"


def test_our_own_slips_keep_their_traceback(monkeypatch):
    def slip(_path):
        raise ValueError("shapes do not match")

    monkeypatch.setattr("hyper.recordings.manifest.read_manifest", slip)
    with pytest.raises(ValueError, match="shapes do not match"):
        main(["evaluate", "m.csv"])


def test_readme_and_ci_run_the_same_test_command():
    readme = (ROOT / "README.md").read_text().splitlines()
    install = "pip install -r requirements.txt"
    assert [line for line in readme if line.endswith("&& python -m pytest")] == [
        f"{install} -r tests/requirements.txt && python -m pytest"
    ]
    assert f"{install} && python app.py" in readme
    ci = (ROOT / ".ci" / "run").read_text()
    assert (
        "test_command=$(grep '&& python -m pytest$' README.md)" in ci and 'bash -euo pipefail -c "$test_command"' in ci
    )


def test_no_warning_of_a_library_reaches_the_terminal():
    result = hyper("bench", ROOT / "examples" / "typical_1.wav", "--rounds", "1")
    assert (result.returncode, result.stderr) == (0, "")
