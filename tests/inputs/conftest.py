"""Real parts for the inputs: a small film, a sound server with a null sink, a web server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of film at 25 frames a second; each frame is one grey, 16 levels lighter than the last."""
    import av

    path = tmp_path_factory.mktemp("film") / "greys.ts"  # a kind that streams
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for i in range(12):
            rgb = np.full((96, 128, 3), 20 + 16 * i, np.uint8)
            rgb[:, :32] = 250  # a bright left edge tells a mirrored picture
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode())
    return path
