from pathlib import Path

import pytest

REAL = Path(__file__).parents[3] / "shared" / "data" / "can"


@pytest.fixture(scope="session")
def real():
    """Logs and DBC files of real cars, which are not part of this repository."""
    if not REAL.is_dir():
        pytest.skip(f"no real logs in {REAL}")
    return REAL
