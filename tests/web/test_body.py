"""What comes with a request is read by its name and kind; what cannot be is refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.errors import NotFound
from server.web.body import read_path

ID = "0192c7a0-0000-7000-8000-00000000000f"


def test_ids_in_the_path_are_uuids_and_names_are_texts() -> None:
    found = read_path({"id": ID, "serial": ID.upper(), "moment_id": ID, "device_id": ID, "type": "pings"})
    assert found["id"] == found["serial"] == found["moment_id"] == UUID(ID)
    assert found["device_id"] == ID
    assert found["type"] == "pings"


@pytest.mark.parametrize("bad", ["", "1", ID[1:], f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", ""), "g" + ID[1:]])
def test_a_malformed_id_is_nobodys(bad: str) -> None:
    with pytest.raises(NotFound):
        read_path({"id": bad})


@pytest.mark.parametrize("bad", ["", "a\0b", "\ud800", "x" * 2049])
def test_a_name_that_could_not_be_stored_is_nobodys(bad: str) -> None:
    with pytest.raises(NotFound):
        read_path({"external_id": bad})


def test_a_name_comes_in_one_form() -> None:
    assert read_path({"external_id": "e\u0301"}) == {"external_id": "é"}
