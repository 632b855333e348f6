"""Requests made up by schemathesis from the server's own description of itself: none brings it out of its promises."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lamm_core.serving.api import build_api, names_of
from lamm_core.serving.gate import Rules
from lamm_core.serving.keys import Keys
from lamm_core.serving.remote import Remote

from .conftest import HeldEngine, served

KEY = "the-key-of-the-fuzz"


@pytest.fixture(scope="module")
def address() -> Any:
    with served(HeldEngine(), rules=Rules(keys=Keys((KEY,)))) as address:
        yield address


API = build_api(
    HeldEngine(), names=names_of("tiny", ()), modalities=frozenset({"image", "pointcloud"}), fetch=Remote().fetch
)
SCHEMA = schemathesis.openapi.from_dict(API.openapi())


@SCHEMA.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_server_keeps_to_its_own_description(case: Any, address: str) -> None:
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = "tiny"  # any other name is 404 and shows nothing of the rest
    case.call_and_validate(
        base_url=address,
        headers={"Authorization": f"Bearer {KEY}"},
        # What a picture is, and which settings go together, a schema cannot say: such requests are refused with 400.
        excluded_checks=[positive_data_acceptance],
    )
