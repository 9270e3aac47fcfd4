"""What all tests share: no thread may die unseen, none may be left behind."""

from __future__ import annotations

import os

import hypothesis

hypothesis.settings.register_profile("hantu", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "hantu")
