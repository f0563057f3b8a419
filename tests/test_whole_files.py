"""A file is there in whole or as it was before."""

from __future__ import annotations

import pytest

from hyper.recordings.whole_files import whole_file, write_whole


@pytest.mark.parametrize(("content", "expected"), [("naïve\n", "naïve\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes_are_written_as_they_are(content, expected, tmp_path):
    write_whole(tmp_path / "file.json", content)
    assert (tmp_path / "file.json").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    file = tmp_path / "file.json"
    write_whole(file, "first")
    with pytest.raises(RuntimeError, match="in the middle"), whole_file(file) as partial:
        partial.write_text("sec")
        assert file.read_text() == "first"  # until all is written
        raise RuntimeError("in the middle")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file.json", "first")]
