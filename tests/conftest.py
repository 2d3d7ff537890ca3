"""What all tests share: property tests draw the same examples each time, unless asked to search.

HYPOTHESIS_PROFILE=search draws new ones.
"""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
