"""A folder of pictures made on the fly, with everything in it that folders of pictures have."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw


@pytest.fixture
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a test may change."""
    return lay_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, which nobody changes."""
    return lay_pictures(tmp_path_factory.mktemp("album"))


def lay_pictures(folder: Path) -> Path:
    """Ten coloured discs, a grey one, a sideways one, a transparent one; one too small, two broken."""
    (folder / "deeper").mkdir()
    for i in range(10):
        image = Image.new("RGB", (60 + 7 * i, 50 + 3 * i), (20, 12 * i, 60))
        ImageDraw.Draw(image).ellipse((15, 12, 45, 42), fill=(250, 25 * i, 255 - 25 * i))
        image.save(folder / ("deeper" if i % 2 else "") / f"disc{i}.png")
    Image.new("L", (40, 40), 90).save(folder / "grey.png")
    cut_out = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    cut_out.putpixel((0, 0), (0, 0, 0, 255))
    cut_out.save(folder / "cutout.png")
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(folder / "clear.png")
    sideways = Image.new("RGB", (64, 64), (0, 0, 90))
    sideways.paste((255, 0, 0), (0, 0, 32, 64))  # red on the left of the stored pixels is the top as held
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(folder / "sideways.jpg", exif=exif, quality=95)
    Image.new("RGB", (5, 40), "red").save(folder / "deeper" / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"not a picture at all")
    whole = (folder / "disc0.png").read_bytes()
    (folder / "torn.png").write_bytes(whole[: len(whole) // 2])
    return folder
