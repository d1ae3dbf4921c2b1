"""What the demo's legal entities say of their papers: regimes, letterheads. Every name and number is invented."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw

from fundraising.models import LegalEntity
from receipts.models import ImageType, IssuerRegime, Letterhead


@dataclass(frozen=True)
class Head:
    """A letterhead: a drawing of the logo, and who signs where, with the look of their signature as three numbers."""

    logo: str
    place: str
    signatory: str
    role: str
    hand: tuple[float, float, float]


HEADS = {
    "lantern": Head(
        logo=(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><path fill="#ad2a12" d="M18 4h12v4H18z"/>'
            '<path fill="none" stroke="#ad2a12" stroke-width="3" d="M14 12h20l4 26H10z"/>'
            '<path fill="#ad2a12" d="M24 18c5 6 5 9 5 11a5 5 0 0 1-10 0c0-3 3-4 5-11zM8 40h32v4H8z"/></svg>'
        ),
        place="Portland",
        signatory="Maren Okafor",
        role="Treasurer",
        hand=(2.6, 0.8, 0.2),
    ),
    "harbour": Head(
        logo=(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">'
            '<circle cx="24" cy="24" r="22" fill="none" stroke="#006069" stroke-width="3"/>'
            '<path fill="none" stroke="#006069" stroke-width="3" d="M6 27c6-5 12-5 18 0s12 5 18 0"/>'
            '<path fill="none" stroke="#006069" stroke-width="3" d="M9 35c5-4 10-4 15 0s10 4 15 0"/>'
            '<path fill="#006069" d="M23 7h3v14h-3zM26 8l9 11h-9z"/></svg>'
        ),
        place="Amsterdam",
        signatory="Ties van der Aar",
        role="Penningmeester",
        hand=(3.4, 1.3, 1.1),
    ),
}  # fmt: skip
# The Netherlands want no official receipt, but the RSIN on the paper.
REGIMES = {"harbour": ("nl", {"rsin": "800418438"})}


def add(entity: LegalEntity) -> None:
    """The entity's letterhead and regime, where it has none."""
    if (head := HEADS.get(entity.slug)) and not Letterhead.objects.filter(entity=entity).exists():
        Letterhead.objects.create(
            entity=entity,
            logo=head.logo.encode(),
            logo_type=ImageType.SVG,
            place=head.place,
            signatory=head.signatory,
            signatory_role=head.role,
            signature=drawn(*head.hand),
        )
    if (chosen := REGIMES.get(entity.slug)) and not IssuerRegime.objects.filter(entity=entity).exists():
        regime, particulars = chosen
        IssuerRegime.objects.create(entity=entity, regime=regime, particulars=particulars, since=date(2020, 1, 1))


def drawn(quick: float, tall: float, slant: float) -> bytes:
    """A scrawl that looks like somebody's signature, as PNG."""
    picture = Image.new("RGBA", (640, 200), (255, 255, 255, 0))
    steps = [at / 400 for at in range(401)]
    points = [
        (
            40 + 520 * at + 34 * math.sin(quick * 14 * at + slant),
            110 - 70 * tall * math.exp(-3 * at) * math.sin(quick * 17 * at) - 30 * at * slant,
        )
        for at in steps
    ]
    ImageDraw.Draw(picture).line(points, fill=(24, 32, 92, 255), width=5, joint="curve")
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()
