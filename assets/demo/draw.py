"""Draws the example pictures that are ours; run it from this folder to make them again.

Does not know the page. Shapes and words only, so that nobody's rights are touched.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
SCALE = 3  # drawn large and made smaller, which smooths the edges


def finish(picture: Image.Image, name: str) -> None:
    size = (picture.width // SCALE, picture.height // SCALE)
    picture.resize(size, Image.Resampling.LANCZOS).save(HERE / name, optimize=True)


def word() -> None:
    picture = Image.new("RGB", (640 * SCALE, 400 * SCALE), "#f2efe6")
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle([70 * SCALE, 90 * SCALE, 570 * SCALE, 310 * SCALE], 24 * SCALE, fill="#1d4e4a")
    draw.rounded_rectangle(
        [84 * SCALE, 104 * SCALE, 556 * SCALE, 296 * SCALE], 16 * SCALE, outline="#f4d58d", width=4 * SCALE
    )
    font = ImageFont.load_default(120 * SCALE)
    draw.text((320 * SCALE, 200 * SCALE), "HOTEL", font=font, fill="#fff8e7", anchor="mm", stroke_width=2 * SCALE)
    finish(picture, "word.png")


def shapes() -> None:
    picture = Image.new("RGB", (640 * SCALE, 480 * SCALE), "#ffffff")
    draw = ImageDraw.Draw(picture)

    def at(*numbers: int) -> list[int]:
        return [number * SCALE for number in numbers]

    draw.ellipse(at(60, 60, 200, 200), fill="#0072b2")
    draw.ellipse(at(420, 250, 590, 420), fill="#d55e00")
    draw.ellipse(at(290, 120, 370, 200), fill="#009e73")
    draw.rectangle(at(90, 280, 250, 420), fill="#e69f00")
    draw.polygon(at(470, 50, 560, 200, 380, 200), fill="#56507a")
    finish(picture, "shapes.png")


def scene() -> None:
    picture = Image.new("RGB", (720 * SCALE, 480 * SCALE), "#bfe0f2")
    draw = ImageDraw.Draw(picture)

    def at(*numbers: int) -> list[int]:
        return [number * SCALE for number in numbers]

    draw.ellipse(at(590, 40, 670, 120), fill="#ffd75e")
    draw.rectangle(at(0, 330, 720, 480), fill="#5b616b")
    draw.rectangle(at(0, 320, 720, 345), fill="#a9adb3")
    for left in range(20, 720, 110):
        draw.rectangle(at(left, 405, left + 60, 413), fill="#f3f3ee")
    draw.rectangle(at(60, 130, 270, 325), fill="#d9b48c")
    draw.polygon(at(45, 130, 165, 50, 285, 130), fill="#a2453b")
    draw.rectangle(at(140, 235, 190, 325), fill="#5d3a24")
    for left in (85, 210):
        draw.rectangle(at(left, 165, left + 40, 205), fill="#eaf6ff", outline="#5d3a24", width=3 * SCALE)
    draw.rectangle(at(350, 220, 370, 325), fill="#6b4a2f")
    draw.ellipse(at(300, 110, 420, 245), fill="#3f8f4f")
    draw.rounded_rectangle(at(440, 340, 670, 420), 14 * SCALE, fill="#c8322b")
    draw.polygon(at(485, 342, 520, 290, 605, 290, 640, 342), fill="#c8322b")
    draw.polygon(at(498, 340, 526, 300, 560, 300, 560, 340), fill="#dff1fb")
    draw.polygon(at(568, 340, 568, 300, 600, 300, 626, 340), fill="#dff1fb")
    for centre in (495, 615):
        draw.ellipse(at(centre - 28, 392, centre + 28, 448), fill="#22252b")
        draw.ellipse(at(centre - 12, 408, centre + 12, 432), fill="#c9ccd2")
    finish(picture, "scene.png")


if __name__ == "__main__":
    word()
    shapes()
    scene()
