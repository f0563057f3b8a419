"""The page: Blocks, thin handlers, errors as sentences. The only door to gradio."""

from __future__ import annotations

import os

# Before gradio is imported anywhere: it reads these once, and a clinic's machine reports to nobody.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
