"""The map of training speakers: distances by brute force, its file, its figure, its command."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_cli import one_line_failure

from hyper.__main__ import main
from hyper.compare import voice_map as module
from hyper.compare.make_map import choose_speakers, held_out, make_map
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.voice_map import (
    MAP_FILE,
    Kind,
    MapError,
    VoiceMap,
    find_map,
    fit_map,
    whereabouts_of,
)
from hyper.model.checkpoint import save_hypernet
from hyper.plots.agreement import READ, WRITTEN, agreement_figure, agreement_print
from hyper.plots.voice_map import Visitor, map_caption, map_figure
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow, read_manifest, source_speaker
from hyper.speech.simulate_manifest import assign_patients

COHORTS = ("typical", "stuttering", "dysarthria", "parkinsons")


def cloud(n: int = 40, d: int = 60, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Speakers along three directions, three recordings each."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((3, d))
    centres = rng.standard_normal((n, 3)) * [5.0, 2.0, 1.0] @ directions + 3.0
    return {f"s{i:02d}": [centre + 0.1 * rng.standard_normal(d) for _ in range(3)] for i, centre in enumerate(centres)}


def kinds_of(embeddings) -> dict[str, Kind]:
    return {
        name: Kind(COHORTS[i % 4], ("", "mild", "severe")[i % 3] if i % 4 else "", i % 4 > 0)
        for i, name in enumerate(embeddings)
    }


@pytest.fixture(scope="module")
def embeddings():
    return cloud()


@pytest.fixture(scope="module")
def fitted(embeddings) -> VoiceMap:
    return fit_map(embeddings, kinds_of(embeddings), {f"s{i:02d}" for i in range(0, 40, 5)}, ("base", "hypernet"))


def test_directions_are_those_of_the_covariance_of_the_speakers_means(fitted, embeddings):
    means = np.stack([np.mean(own, axis=0) for name, own in embeddings.items() if int(name[1:]) % 5])
    values, vectors = np.linalg.eigh(np.cov(means.T))
    assert abs(vectors[:, -1] @ fitted.components[0]) == pytest.approx(1, abs=1e-3)
    assert abs(vectors[:, -2] @ fitted.components[1]) == pytest.approx(1, abs=1e-3)
    assert fitted.explained == pytest.approx((values[-1] / values.sum(), values[-2] / values.sum()), rel=1e-2)
    np.testing.assert_allclose(fitted.components @ fitted.components.T, np.eye(len(fitted.components)), atol=2e-3)


def test_the_map_leads_back_to_what_it_shows(fitted):
    place = np.arange(1.0, 1 + len(fitted.components))
    np.testing.assert_allclose(fitted.place(fitted.embedding_at(place)), place, rtol=5e-3)


def test_distance_is_that_to_the_speakers_as_the_map_keeps_them(fitted):
    embedding = np.random.default_rng(3).standard_normal(60) * 4
    kept = np.stack([fitted.embedding_at(point) for point in fitted.points])
    by_hand = np.sort(np.sqrt(np.mean((kept - embedding) ** 2, axis=1)))[:5].mean()
    assert fitted.distance(embedding) == pytest.approx(by_hand, rel=5e-3)


def test_what_lies_outside_of_the_map_counts(fitted):
    """A voice that differs where no training speaker does falls on a training speaker on the map, and is still far."""
    rng = np.random.default_rng(4)
    aside = rng.standard_normal(60)
    aside -= fitted.components.T @ (fitted.components @ aside)
    on_top = fitted.embedding_at(fitted.points[0])
    moved = on_top + 20 * aside
    near, far = (fitted.whereabouts(embedding, is_mean=False) for embedding in (on_top, moved))
    assert (far.x, far.y) == pytest.approx((near.x, near.y), abs=0.2)
    assert far.is_far and not near.is_far and far.share_nearer == 1


def test_the_limit_is_what_95_of_100_held_out_recordings_stay_below(fitted, embeddings):
    single = sorted(fitted.distance(each) for i in range(0, 40, 5) for each in embeddings[f"s{i:02d}"])
    means = sorted(fitted.distance(np.mean(embeddings[f"s{i:02d}"], axis=0)) for i in range(0, 40, 5))
    of_recording = fitted.whereabouts(embeddings["s01"][0], is_mean=False)
    assert of_recording.limit == pytest.approx(np.percentile(single, 95))
    assert of_recording.share_nearer == np.mean(np.array(single) < of_recording.distance)
    assert fitted.whereabouts(embeddings["s01"][0], is_mean=True).limit == pytest.approx(np.percentile(means, 95))


def test_the_file_gives_the_same_map(fitted, tmp_path):
    fitted.save(tmp_path / MAP_FILE)
    again = VoiceMap.load(tmp_path / MAP_FILE)
    embedding = np.random.default_rng(5).standard_normal(60)
    np.testing.assert_array_equal(again.points, fitted.points)
    assert again.distance(embedding) == fitted.distance(embedding)
    assert (again.kinds, again.explained) == (fitted.kinds, fitted.explained)
    assert [file.name for file in tmp_path.iterdir()] == [MAP_FILE]


def test_the_file_stays_small_for_the_largest_whisper():
    large = cloud(n=60, d=4 * 3 * 1280)
    fitted = fit_map(large, kinds_of(large), {"s00", "s10"}, ("b", "h"))
    assert len(fitted.components) >= 2
    assert 2 * fitted.components.size + 2 * fitted.mean.size <= module.MAX_COMPONENT_BYTES


def test_a_file_that_is_no_map_says_what_to_run(tmp_path):
    (tmp_path / MAP_FILE).write_bytes(b"no tensors")
    with pytest.raises(MapError, match="cannot be read; make it again: `python -m hyper make-map"):
        VoiceMap.load(tmp_path / MAP_FILE)


def test_of_too_many_speakers_each_kind_stays():
    cohorts = ["stuttering"] * 81 + ["typical"] * 9
    rows = [ManifestRow(f"{i}.wav", None, "x", f"s{i // 3:02d}", cohort) for i, cohort in enumerate(cohorts)]
    chosen = choose_speakers(rows, 6, 2)
    assert len(chosen) == 6 and {len(own) for own in chosen.values()} == {2}
    cohorts = [own[0].cohort for own in chosen.values()]
    assert cohorts.count("typical") == 3  # all of three, beside 27 who stutter


def test_held_out_speakers_share_no_typical_speaker_with_the_map():
    names = [f"known{i:02d}" for i in range(20)]
    patients = [p for own in assign_patients(names, 3, ("stuttering", "dysarthria"), 0).values() for p in own]
    rows = [ManifestRow("f.wav", None, speaker=p.name, cohort=p.cohort, simulated=True) for p in patients]
    rows += [ManifestRow("f.wav", None, speaker=name) for name in names]
    sources = {row.speaker: source_speaker(row) for row in rows}
    assert set(sources.values()) == set(names)
    off = held_out(sources)
    assert len(off) == 4 * 4  # of four of twenty: the typical speaker and three patients
    assert not {sources[name] for name in off} & {sources[name] for name in sources if name not in off}


def test_too_few_speakers_make_no_map(embeddings):
    few = {name: embeddings[name] for name in list(embeddings)[:9]}
    with pytest.raises(MapError, match="name 9 speakers that can be used; a map needs 10 or more"):
        fit_map(few, kinds_of(few), {"s00"}, ("b", "h"))


def test_marks_tell_cohort_by_shape_and_severity_by_size(fitted):
    where = fitted.whereabouts(fitted.embedding_at(fitted.points[0]), is_mean=False)
    figure = map_figure(fitted, [Visitor("this recording", where, is_main=True)])
    by_name = {trace.name: trace for trace in figure.data}
    assert set(by_name) == {
        "typical speech", "simulated stuttering", "simulated dysarthria", "simulated Parkinson's", "this recording",
    }  # fmt: skip
    assert len({(trace.marker.symbol, trace.marker.color) for trace in figure.data}) == 5
    stuttering = by_name["simulated stuttering"]
    sizes = dict(zip(stuttering.customdata, stuttering.marker.size, strict=True))
    assert sizes["severe"] > sizes["mild"]
    assert sum(len(trace.x) for trace in figure.data) == len(fitted.points) + 1
    two = map_figure(fitted, [Visitor("this speaker", where, is_main=True), Visitor("1", where)]).data[-2:]
    assert [trace.mode for trace in two] == ["markers", "text"]  # no label lies over a mark
    assert (by_name["this recording"].x[0], by_name["this recording"].y[0]) == (where.x, where.y)


def test_the_matrix_and_its_printed_twin_show_the_same_angles():
    degrees = np.array([[0.0, 30.0], [30.0, np.nan]])
    (heat,) = agreement_figure(degrees, ["1", "2"]).data
    np.testing.assert_array_equal(np.array(heat.z, dtype=float), degrees)
    axes, other, _ = agreement_print(degrees, degrees + 1, ["1", "2"]).axes
    np.testing.assert_array_equal(np.ma.filled(axes.images[0].get_array(), np.nan), degrees)
    assert [text.get_text() for text in axes.texts] == ["0°", "30°", "30°", "–"]
    assert [text.get_text() for text in other.texts] == ["1°", "31°", "31°", "–"]
    assert [a.get_title(loc="left") for a in (axes, other)] == [WRITTEN.title, READ.title]


@pytest.fixture(scope="module")
def pair(backbone, make_hypernet, whisper_folder, tmp_path_factory):
    """Folders of a base and its hypernetwork."""
    folder = tmp_path_factory.mktemp("pair") / "hypernet"
    save_hypernet(make_hypernet(backbone), folder)
    return whisper_folder, folder


@pytest.fixture(scope="module")
def many(spoken, tmp_path_factory):
    """The twenty recordings as those of ten speakers."""
    rows = read_manifest(spoken)
    return [replace(row, speaker=f"s{i % 10}") for i, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("kinds", "ending"),
    [
        ([("typical", False), ("stuttering", True)], "speakers (atypical ones are simulated)"),
        ([("als", False), ("als", True)], "speakers (some atypical ones are simulated)"),
        ([("typical", False), ("als", False)], "speakers"),  # patients
        ([("typical", False)], "speakers"),
    ],
)
def test_a_map_says_how_many_of_its_speakers_are_simulated(fitted, kinds, ending):
    drawn = replace(fitted, kinds=tuple(Kind(cohort, "", simulated) for cohort, simulated in kinds))
    assert map_caption(drawn).title == f"Where this voice lies among the training {ending}"
    assert "simulated" not in map_caption(drawn).reading


def test_the_command_puts_a_map_beside_the_hypernetwork(pair, many, spoken, tmp_path, capsys):
    base, hypernet = pair
    lines = ["file,reference,speaker,cohort,simulated"]
    lines += [f"{row.path},{row.reference},{row.speaker},{row.cohort},{int(row.simulated)}" for row in many]
    (tmp_path / "ten.csv").write_text("\n".join([*lines, f"{tmp_path / 'gone.wav'},x,s1,typical,0"]) + "\n")
    asked = ["make-map", "--data", tmp_path / "ten.csv", "--base", base, "--hypernet", hypernet]
    assert main(list(map(str, asked))) == 0
    assert "8 speakers on the map, 2 held out; left out 1 recordings" in capsys.readouterr().out
    asr = PersonalizedAsr.load(base, hypernet)
    voice_map = find_map(asr)
    assert sum(kind.simulated for kind in voice_map.kinds) > 0
    embedding = asr.compare(load_audio(many[0].path)).embedding
    x, y = (embedding - voice_map.mean) @ voice_map.components[:2].T
    where = voice_map.whereabouts(embedding, is_mean=False)
    assert (where.x, where.y) == pytest.approx((x, y))


def test_another_pairs_map_is_not_shown(pair, many, backbone, make_hypernet, tmp_path):
    asr = PersonalizedAsr.load(*pair)
    with pytest.raises(MapError, match="There is no map for this model yet"):
        find_map(PersonalizedAsr(backbone, make_hypernet(backbone), "random", tmp_path))
    voice_map, _ = make_map(asr, many)
    voice_map.save(tmp_path / MAP_FILE)
    other = PersonalizedAsr(backbone, make_hypernet(backbone, strength=0.5), "other", tmp_path)
    with pytest.raises(MapError, match="was made with another pair"):
        find_map(other)
    assert find_map(PersonalizedAsr(backbone, asr.hypernet, "same", tmp_path)).hypernet_fingerprint


def test_a_map_is_read_once_and_again_where_it_changed(pair, many, backbone, make_hypernet, tmp_path, monkeypatch):
    asr = PersonalizedAsr.load(*pair)
    voice_map, _ = make_map(asr, many)
    voice_map.save(tmp_path / MAP_FILE)
    read, load = [], VoiceMap.load
    monkeypatch.setattr(VoiceMap, "load", lambda path: read.append(path) or load(path))
    own = PersonalizedAsr(backbone, asr.hypernet, "same", tmp_path)
    where = [whereabouts_of(own, voice_map.mean) for _ in range(3)]
    assert len(read) == 1 and where[0] == where[2] == load(tmp_path / MAP_FILE).whereabouts(voice_map.mean, False)
    replace(voice_map, points=voice_map.points + 9).save(tmp_path / MAP_FILE)
    assert whereabouts_of(own, voice_map.mean).distance > where[0].distance + 1 and len(read) == 2


def test_a_map_needs_a_hypernetwork_and_speakers(capsys, whisper_folder, pair, spoken, tmp_path):
    asked = ["make-map", "--data", spoken, "--base", whisper_folder]
    one_line_failure(capsys, asked, "There is no hypernetwork for whisper-random, so there are no embeddings to map.")
    one_line_failure(
        capsys, [*asked, "--hypernet", pair[1]], "name 5 speakers that can be used; a map needs 10 or more"
    )
