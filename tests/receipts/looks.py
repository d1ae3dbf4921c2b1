"""How a paper looks, as a small grey picture, and whether two of them look alike.

Pictures are compared after a blur, cell by cell: another hinting of the same letters moves ink by less than a pixel and
stays under the limits; a block that moved, a logo that is missing, or boxes in the place of letters do not.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

DPI = 60
GREYS = 16
BLUR = 2  # pixels
CELL = 12  # pixels a side: 5 mm
# Of 255: how far a cell may be off. The same letters, drawn large and made small or without any grey, are off by 23 at
# most; what tests/receipts/test_pictures.py does to a paper, by more.
FAR = 26
PAPER = 255


def picture(document: bytes, folder: Path, *, dpi: int = DPI) -> Image.Image:
    """All pages of a PDF beside each other, in grey."""
    (folder / "paper.pdf").write_bytes(document)
    for old in folder.glob("page*.png"):
        old.unlink()
    subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "-png", "paper.pdf", "page"], cwd=folder, check=True)
    return beside([Image.open(page).convert("L") for page in sorted(folder.glob("page*.png"))])


def first_page(document: bytes, folder: Path, *, dpi: int = 80) -> Image.Image:
    """The first page of a PDF in colour, for the docs."""
    (folder / "paper.pdf").write_bytes(document)
    command = ["pdftoppm", "-r", str(dpi), "-l", "1", "-png", "-singlefile", "paper.pdf", "first"]
    subprocess.run(command, cwd=folder, check=True)
    return Image.open(folder / "first.png").convert("RGB")


def sheet(pages: list[Image.Image], *, columns: int = 6, width: int = 300, gap: int = 12) -> Image.Image:
    """Pages made small, in rows."""
    small = [page.resize((width, page.height * width // page.width), Image.Resampling.LANCZOS) for page in pages]
    height = max(page.height for page in small)
    rows = -(-len(small) // columns)
    made = Image.new("RGB", (columns * (width + gap), rows * (height + gap)), (225, 222, 215))
    for place, page in enumerate(small):
        row, column = divmod(place, columns)
        made.paste(page, (gap // 2 + column * (width + gap), gap // 2 + row * (height + gap)))
    return made


def keep_few_colours(made: Image.Image, path: Path) -> None:
    """Store a picture for the docs small."""
    made.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def beside(pictures: list[Image.Image], gap: int = 4) -> Image.Image:
    """Pictures in a row, their upper edges in line."""
    width = sum(one.width for one in pictures) + gap * (len(pictures) - 1)
    row = Image.new("L", (width, max(one.height for one in pictures)), PAPER)
    left = 0
    for one in pictures:
        row.paste(one, (left, 0))
        left += one.width + gap
    return row


def keep(made: Image.Image, path: Path) -> None:
    """Store a picture small: few greys are enough for what is compared."""
    step = 255 / (GREYS - 1)
    few = made.point([round(round(grey / step) * step) for grey in range(256)])
    few.quantize(GREYS, dither=Image.Dither.NONE).save(path, optimize=True, bits=4)


def differing_cells(made: Image.Image, golden: Image.Image) -> list[tuple[int, int]]:
    """Where two pictures look different, as cells from the upper left; everywhere if they are not of one size."""
    if made.size != golden.size:
        return [(0, 0)]
    blurred = [one.convert("L").filter(ImageFilter.GaussianBlur(BLUR)) for one in (made, golden)]
    cells = ImageChops.difference(*blurred).reduce(CELL)
    return [divmod(place, cells.width)[::-1] for place, far in enumerate(cells.tobytes()) if far > FAR]


def tell(made: Image.Image, golden: Image.Image, path: Path) -> None:
    """Golden, made and their difference beside each other, to be looked at."""
    path.parent.mkdir(parents=True, exist_ok=True)
    both = [golden.convert("L"), made]
    if made.size == golden.size:
        both.append(ImageChops.invert(ImageChops.difference(*both)))
    beside(both, gap=12).save(path)
