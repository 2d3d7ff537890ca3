"""What all tests share: property tests draw the same examples each time, unless asked to search.

HYPOTHESIS_PROFILE=search draws new ones; HYPOTHESIS_PROFILE=fuzz (`make fuzz`) draws many new ones.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
