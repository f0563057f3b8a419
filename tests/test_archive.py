"""Zip archives from strangers: nothing is written outside, nothing floods the disk, one bad file spoils no other."""

from __future__ import annotations

import errno
import io
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest

from hyper.recordings.archive import DAMAGED_INSIDE, DIRECTORY_BYTES, IS_TABLE, ArchiveError, Place, Sent, fetch, gather
from hyper.recordings.limits import Limits

SMALL = Limits(files=4, file_bytes=1000, total_bytes=2500)


def packed(tmp_path: Path, files: dict[str, bytes], name: str = "visit.zip") -> Sent:
    """An archive with these files, by the standard library."""
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, content in files.items():
            archive.writestr(zipfile.ZipInfo(inner), content, zipfile.ZIP_DEFLATED)
    return Sent(name, path)


@pytest.fixture
def folder(tmp_path) -> Path:
    return new_folder(tmp_path)


def new_folder(tmp_path: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=tmp_path))


def test_files_and_archives_come_in_order_with_the_names_their_sender_gave(tmp_path, folder):
    (tmp_path / "9f2.wav").write_bytes(b"one")
    sent = [Sent("first visit.wav", tmp_path / "9f2.wav"), packed(tmp_path, {"b/2.wav": b"two", "b\\3.wav": b"three"})]
    recordings = gather(sent, folder)
    assert [(each.name, each.path.read_bytes(), each.problem) for each in recordings] == [
        ("first visit.wav", b"one", ""), ("b/2.wav", b"two", ""), ("b/3.wav", b"three", ""),
    ]  # fmt: skip
    assert [each.path.name for each in recordings] == ["first visit.wav", "2.wav", "3.wav"]  # errors name them


@pytest.mark.parametrize(
    ("stored", "is_marked", "name"),
    [
        ("Jürgen.wav".encode(), False, "Jürgen.wav"),  # as a Mac packs it: UTF-8 that does not say so
        ("Jürgen.wav".encode("cp437"), False, "Jürgen.wav"),  # as Windows packs it
        ("Jürgen.wav".encode(), True, "Jürgen.wav"),
        ("Łódź.wav".encode(), True, "Łódź.wav"),  # which has no letters in code page 437
    ],
)
def test_names_are_read_as_macs_and_windows_write_them(tmp_path, folder, stored, is_marked, name):
    sent = packed(tmp_path, {"x" * len(stored): b"one"})
    content = bytearray(sent.path.read_bytes().replace(b"x" * len(stored), stored))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(signature) + at
        content[place : place + 2] = (0x800 * is_marked).to_bytes(2, "little")
    sent.path.write_bytes(content)
    (recording,) = gather([sent], folder)
    assert (recording.name, recording.path.name, recording.problem) == (name, name, "")


def test_a_recording_outlives_the_file_that_was_sent(tmp_path, folder):
    (tmp_path / "a.wav").write_bytes(b"one")
    (recording,) = gather([Sent("a.wav", tmp_path / "a.wav")], folder)
    (tmp_path / "a.wav").unlink()
    assert recording.path.read_bytes() == b"one"


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.wav",
        "/etc/evil.wav",
        "a/../../evil.wav",
        "..\\..\\evil.wav",
        "C:\\evil.wav",
        "a/..",
        "x" * 400,
        "a\nb",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path, folder, name):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    sent = packed(tmp_path, {name: b"evil", "good.wav": b"good"})
    recordings = gather([sent], folder)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before - {sent.path}
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in written)
    assert [each.path.read_bytes() for each in recordings if each.name == "good.wav"] == [b"good"]


@pytest.mark.parametrize("name", ["..", "../x.wav", "a/b.wav", ".wav", "\0.wav", "…" * 300])
def test_no_name_of_a_sender_leads_out_of_the_folder(tmp_path, folder, name):
    (tmp_path / "a.wav").write_bytes(b"one")
    (recording,) = gather([Sent(name, tmp_path / "a.wav")], folder)
    assert recording.path.resolve().is_relative_to(folder.resolve()) and recording.path.read_bytes() == b"one"


def test_folders_hidden_files_and_what_a_mac_adds_are_no_recordings(tmp_path, folder):
    files = {"": b"", "/": b"", "v/": b"", "v/a.wav": b"1", "v/.DS_Store": b"", "__MACOSX/v/._a.wav": b""}
    assert [each.name for each in gather([packed(tmp_path, files)], folder)] == ["v/a.wav"]


def test_one_file_too_large_is_refused_and_the_others_are_taken(tmp_path, folder):
    sent = packed(tmp_path, {"bomb.wav": bytes(1001), "a.wav": b"1"})
    (tmp_path / "large.wav").write_bytes(bytes(1001))
    bomb, good, large = gather([sent, Sent("large.wav", tmp_path / "large.wav")], folder, SMALL)
    assert bomb.problem == large.problem == "It is larger than 0 MB; please trim it, or save it as mp3 or flac."
    assert not bomb.path.exists() and not large.path.exists() and good.path.read_bytes() == b"1"


def test_a_bomb_is_refused_before_anything_is_written(tmp_path, folder):
    sent = packed(tmp_path, {f"{i}.wav": bytes(900) for i in range(3)})
    with pytest.raises(
        ArchiveError, match=r"Together the recordings are larger than .* GB; please send them in several"
    ):
        gather([sent], folder, SMALL)
    assert not any(folder.iterdir())


def test_several_archives_count_together(tmp_path, folder):
    two = [packed(tmp_path, {"a.wav": bytes(900), "b.wav": bytes(900)}, f"{i}.zip") for i in range(2)]
    with pytest.raises(ArchiveError, match="Together the recordings are larger"):
        gather(two, folder, SMALL)
    many = [packed(tmp_path, {f"{j}.wav": b"1" for j in range(3)}, f"m{i}.zip") for i in range(2)]
    with pytest.raises(ArchiveError, match="There are more than 4 files; please send them in several goes."):
        gather(many, new_folder(tmp_path), SMALL)


def test_too_many_files_in_one_archive(tmp_path, folder):
    sent = packed(tmp_path, {f"{i}.wav": b"1" for i in range(5)})
    with pytest.raises(
        ArchiveError, match=r"visit\.zip holds 5 files, but at most 4 are taken at once; please split it"
    ):
        gather([sent], folder, SMALL)


def test_a_false_size_is_damage_and_no_flood(tmp_path, folder):
    """The directory says 10 bytes where a million come: no more than was announced may reach the disk."""
    sent = packed(tmp_path, {"liar.wav": bytes(1_000_000), "good.wav": b"good"})
    content = bytearray(sent.path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(signature)
        content[at + offset : at + offset + 4] = struct.pack("<I", 10)
    sent.path.write_bytes(content)
    liar, good = gather([sent], folder)
    assert liar.problem == DAMAGED_INSIDE and not liar.path.exists()
    assert good.path.read_bytes() == b"good"


def test_a_locked_and_a_strangely_packed_file_are_refused_alone(tmp_path, folder):
    sent = packed(tmp_path, {"locked.wav": b"1", "strange.wav": b"2", "good.wav": b"3"})
    content = bytearray(sent.path.read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 1)
    content[first + 8] |= 1  # general purpose flag: encrypted
    content[second + 10 : second + 12] = struct.pack("<H", 99)  # a method of compression that nobody has
    sent.path.write_bytes(content)
    locked, strange, good = gather([sent], folder)
    assert locked.problem == "It is locked with a password; please pack it without one."
    assert strange.problem == DAMAGED_INSIDE and good.problem == ""


def test_a_list_among_the_recordings_is_told_where_it_belongs(tmp_path, folder):
    (tmp_path / "two.csv").write_bytes(b"file\n")
    sent = [packed(tmp_path, {"visit/List.XLSX": b"1", "a.wav": b"2"}), Sent("two.csv", tmp_path / "two.csv")]
    problems = {each.name: each.problem for each in gather(sent, folder)}
    assert problems == {"visit/List.XLSX": IS_TABLE, "a.wav": "", "two.csv": IS_TABLE}


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_archive_is_said(tmp_path, folder, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"a\.zip is not a zip archive, or it is damaged; please pack it again"):
        gather([Sent("a.zip", tmp_path / "a.zip")], folder)


def test_an_archive_without_files_is_said(tmp_path, folder):
    with pytest.raises(ArchiveError, match=r"visit\.zip holds no files; please pack the recordings again"):
        gather([packed(tmp_path, {"empty/": b""})], folder)


def test_a_list_of_contents_that_would_fill_the_memory_is_not_read(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("hyper.recordings.archive.DIRECTORY_BYTES", 100)
    with pytest.raises(ArchiveError, match=r"visit\.zip lists far too many files; please pack only the recordings"):
        gather([packed(tmp_path, {f"{i}.wav": b"" for i in range(3)})], folder)


def as_zip64(sent: Sent, directory_bytes: int | None = None, signature: bytes = b"PK\x06\x06") -> Sent:
    """The archive with the records of APPNOTE.TXT 4.3.14 and 4.3.15, as of one whose size was not known."""
    content = sent.path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    _, _, _, _, n_files, size, offset, _ = struct.unpack("<4s4H2LH", content[end:])
    size = size if directory_bytes is None else directory_bytes
    record = struct.pack("<4sQ2H2L4Q", signature, 44, 45, 45, 0, 0, n_files, n_files, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    unknown = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    sent.path.write_bytes(content[:end] + record + locator + unknown)
    return sent


def test_a_large_archive_is_taken_for_what_it_lists(tmp_path, folder):
    (recording,) = gather([as_zip64(packed(tmp_path, {"a.wav": b"1"}))], folder)
    assert (recording.name, recording.path.read_bytes()) == ("a.wav", b"1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"directory_bytes": DIRECTORY_BYTES + 1}, "lists far too many files"),
        ({"signature": b"none"}, "is not a zip archive, or it is damaged"),
    ],
)
def test_the_other_way_to_announce_a_long_list_is_seen_too(tmp_path, folder, changed, said):
    with pytest.raises(ArchiveError, match=said):
        gather([as_zip64(packed(tmp_path, {"a.wav": b"1"}), **changed)], folder)


def test_one_recording_is_fetched_again_by_its_place(tmp_path, folder):
    (tmp_path / "a.wav").write_bytes(b"one")
    sent = [
        packed(tmp_path, {".hidden": b"", "1/x.wav": b"two", "2/x.wav": b"three"}),
        Sent("a.wav", tmp_path / "a.wav"),
    ]
    places = [each.place for each in gather(sent, folder)]
    again = new_folder(tmp_path)
    assert [fetch(sent, place, again).path.read_bytes() for place in places] == [b"two", b"three", b"one"]
    (tmp_path / "a.wav").unlink()
    with pytest.raises(FileNotFoundError):
        fetch(sent, places[2], new_folder(tmp_path))


def test_an_archive_made_while_streaming_is_read(tmp_path, folder):
    """Sizes then follow the data, as with `zip -`."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", b"one")
    (tmp_path / "s.zip").write_bytes(pipe.getvalue())
    (recording,) = gather([Sent("s.zip", tmp_path / "s.zip")], folder)
    assert recording.path.read_bytes() == b"one"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_unusual_method_costs_its_file_and_no_memory(tmp_path, folder, method):
    """Damaged LZMA asks for four gigabytes, damaged bzip2 raises an OSError."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("strange.wav"), b"1" * 500, method)
        archive.writestr(zipfile.ZipInfo("good.wav"), b"2")
    strange, good = gather([Sent("a.zip", tmp_path / "a.zip")], folder)
    assert strange.problem == DAMAGED_INSIDE and not strange.path.exists()
    assert good.problem == "" and good.path.read_bytes() == b"2"


def test_an_entry_that_lies_outside_the_archive_costs_itself(tmp_path, folder):
    sent = packed(tmp_path, {"far.wav": b"1" * 50, "good.wav": b"2"})
    content = bytearray(sent.path.read_bytes())
    first = content.index(b"PK\x01\x02")
    content[first + 42 : first + 46] = struct.pack("<I", 0xFFFF_FF00)  # where the file begins
    sent.path.write_bytes(content)
    far, good = gather([sent], folder)
    assert far.problem == DAMAGED_INSIDE and good.path.read_bytes() == b"2"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_nothing_half_written_stays(tmp_path, folder, monkeypatch, number):
    (tmp_path / "b.wav").write_bytes(b"1")
    plain, archive = Sent("b.wav", tmp_path / "b.wav"), packed(tmp_path, {"a.wav": b"1" * 50})

    def full(*_args: object) -> None:
        raise OSError(number, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    monkeypatch.setattr("shutil.copyfile", full)
    monkeypatch.setattr("os.link", full)
    for sent in (plain, archive):
        own = new_folder(tmp_path)
        with pytest.raises(ArchiveError) as caught:
            gather([sent], own)
        assert str(caught.value) == (
            "There is no room left for these recordings on the disk; please send fewer, or try again later."
        )
        assert not [path for path in own.rglob("*") if path.is_file()]
        with pytest.raises(ArchiveError, match="There is no room left"):
            fetch([sent], Place(0, None if sent is plain else 0), new_folder(tmp_path))


def test_other_trouble_of_the_disk_stays_loud(tmp_path, folder, monkeypatch):
    def fail(*_args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("shutil.copyfileobj", fail)
    with pytest.raises(OSError, match="Input/output error"):
        gather([packed(tmp_path, {"a.wav": b"1"})], folder)


def test_a_name_that_is_too_long_costs_its_file(tmp_path, folder):
    (tmp_path / "a.wav").write_bytes(b"1")
    long = "n" * 60_000 + ".wav"
    inside, outside, good = gather(
        [packed(tmp_path, {long: b"1"}), Sent(long, tmp_path / "a.wav"), Sent("x" * 996 + ".wav", tmp_path / "a.wav")],
        folder,
    )
    assert (
        inside.problem == outside.problem == "Its name is longer than 1,000 characters; please give it a shorter one."
    )
    assert inside.name == outside.name == "n" * 80 + " …"
    assert good.problem == "" and good.name == "x" * 996 + ".wav"


def test_a_sentence_does_not_repeat_a_long_name(tmp_path, folder):
    (tmp_path / "a.zip").write_bytes(b"no")
    with pytest.raises(ArchiveError) as caught:
        gather([Sent("n" * 60_000 + ".zip", tmp_path / "a.zip")], folder)
    assert len(str(caught.value)) < 200
