"""Other forms of a stored paper: a copy that says so, and an archive file (PDF/A-3) with the data in it; a specimen.

None is rendered again. All are the stored bytes with an update appended, as PDF allows (ISO 32000-1, 7.5.6): cut
the update off and the paper as issued is left, byte by byte. Docs: docs/adr/0203-copies-and-archive-files.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any, Final
from xml.sax.saxutils import escape

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    EncodedStreamObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from .. import pdf
from ..snapshot import Snapshot
from . import signing

DATA_FORMAT: Final = "openappeal-receipt/1"
SIZE: Final = re.compile(rb"/Size (\d+)")
DATA_NAME: Final = "receipt.json"
# What makes a file say that it is PDF/A-3a, and, since PDF/A knows no PDF/UA, what `pdfuaid:part` is.
PDFA_METADATA: Final = b"""<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" pdfaid:part="3" pdfaid:conformance="A"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource"><pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema><pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>Part of ISO 14289 that the file follows</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""  # noqa: E501  one property each


def as_copy(document: bytes, mark: str) -> bytes:
    """The paper with a mark on each page, as an artifact: the tags stay as they are, and say nothing twice.

    Of one that is closed to changes the copy is closed as well, and not signed: what was signed is the paper.
    """
    if signing.is_closed(document):
        return signing.closed(as_copy(signing.opened(document), mark))
    return _stamped(document, mark, pdf.mark_page)


def as_specimen(document: bytes, mark: str) -> bytes:
    """The paper with a mark across each page, so that nobody takes it for one that was issued."""
    return _stamped(document, mark, pdf.specimen_page)


def _stamped(document: bytes, mark: str, page_of: Callable[[str, float, float], bytes]) -> bytes:
    """A mark drawn over each page, outside the tags; and at the head of the title."""
    writer = _update(document)
    _retitle(writer, mark)
    for page in writer.pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        (stamp,) = PdfReader(io.BytesIO(page_of(mark, width, height))).pages
        form = _stream(
            writer,
            _at(stamp, "/Contents").get_data(),
            Type=NameObject("/XObject"),
            Subtype=NameObject("/Form"),
            BBox=ArrayObject(NumberObject(one) for one in (0, 0, round(width) + 1, round(height) + 1)),
            Resources=_at(stamp, "/Resources").clone(writer),
        )
        own = DictionaryObject(_at(page, "/Resources"))  # shared by all pages
        forms = own.get("/XObject", DictionaryObject()).get_object()
        own[NameObject("/XObject")] = DictionaryObject({**forms, NameObject("/OaCopy"): form})
        page[NameObject("/Resources")] = writer._add_object(own)
        before = page.raw_get("/Contents")
        parts = list(before) if isinstance(before, ArrayObject) else [before]
        page[NameObject("/Contents")] = ArrayObject(
            [
                _stream(writer, b"q\n"),
                *parts,
                _stream(writer, b"\nQ\n/Artifact BMC\nq /OaCopy Do Q\nEMC\n"),
            ]
        )
    return _written(writer)


def as_archive(document: bytes, snapshot: Snapshot) -> bytes:
    """The paper as PDF/A-3a, still PDF/UA-1, with what it says attached as JSON."""
    writer = _update(document)
    root = writer.root_object
    metadata = _at(root, "/Metadata").get_data()
    head, end, tail = metadata.rpartition(b"</rdf:RDF>")
    described = head + PDFA_METADATA + end + tail
    root[NameObject("/Metadata")] = _metadata(writer, described)
    profile = _stream(writer, pdf.srgb_profile(), N=NumberObject(3))
    intent = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/OutputIntent"),
            NameObject("/S"): NameObject("/GTS_PDFA1"),
            NameObject("/OutputConditionIdentifier"): TextStringObject("sRGB"),
            NameObject("/Info"): TextStringObject("sRGB"),
            NameObject("/DestOutputProfile"): profile,
        }
    )
    root[NameObject("/OutputIntents")] = ArrayObject([writer._add_object(intent)])
    attached = _attachment(writer, data_of(snapshot), snapshot)
    root[NameObject("/AF")] = ArrayObject([attached])
    names = DictionaryObject(root.get("/Names", DictionaryObject()).get_object())
    names[NameObject("/EmbeddedFiles")] = DictionaryObject(
        {NameObject("/Names"): ArrayObject([TextStringObject(DATA_NAME), attached])}
    )
    root[NameObject("/Names")] = names
    return _written(writer)


def data_of(snapshot: Snapshot) -> bytes:
    """What the paper says, for machines; docs/receipt-data.md tells what each field is."""
    told = json.loads(snapshot.to_json())
    for inner in ("letterhead", "wordings", "donation", "theme", "archive"):  # of no use outside
        told.pop(inner, None)
    return json.dumps({"format": DATA_FORMAT, **told}, ensure_ascii=False, sort_keys=True, indent=1).encode()


def _attachment(writer: PdfWriter, content: bytes, snapshot: Snapshot) -> IndirectObject:
    day = TextStringObject(f"D:{snapshot.issued_on:%Y%m%d}000000Z")
    parameters = {
        NameObject("/Size"): NumberObject(len(content)),
        NameObject("/ModDate"): day,
        NameObject("/CheckSum"): ByteStringObject(hashlib.md5(content, usedforsecurity=False).digest()),
    }
    file = _stream(
        writer,
        content,
        Type=NameObject("/EmbeddedFile"),
        Subtype=NameObject("/application/json"),
        Params=DictionaryObject(parameters),
    )
    specification = {
        NameObject("/Type"): NameObject("/Filespec"),
        NameObject("/F"): TextStringObject(DATA_NAME),
        NameObject("/UF"): TextStringObject(DATA_NAME),
        NameObject("/Desc"): TextStringObject(f"{snapshot.number}: data"),
        NameObject("/AFRelationship"): NameObject("/Data"),
        NameObject("/EF"): DictionaryObject({NameObject("/F"): file, NameObject("/UF"): file}),
    }
    return writer._add_object(DictionaryObject(specification))


def _stream(writer: PdfWriter, content: bytes, *, compress: bool = True, **entries: Any) -> IndirectObject:
    stream = StreamObject()
    stream.set_data(content)
    kept: StreamObject | EncodedStreamObject = stream.flate_encode() if compress else stream
    kept.update({NameObject(f"/{name}"): told for name, told in entries.items()})
    return writer._add_object(kept)


def _at(dictionary: DictionaryObject, key: str) -> Any:
    """What a key leads to; pypdf's own types know less of it than we do."""
    return dictionary[key].get_object()


def _retitle(writer: PdfWriter, mark: str) -> None:
    """Let the title, which a screen reader says first, begin with the mark."""
    root, told = writer.root_object, writer._info
    if told is None:
        return
    title = str(told.get("/Title", ""))
    told[NameObject("/Title")] = TextStringObject(f"{mark}: {title}")
    metadata = _at(root, "/Metadata").get_data()
    shown = f">{escape(title)}<".encode()
    changed = metadata.replace(shown, f">{escape(mark)}: {escape(title)}<".encode(), 1)
    root[NameObject("/Metadata")] = _metadata(writer, changed)


def _metadata(writer: PdfWriter, content: bytes) -> IndirectObject:
    return _stream(writer, content, compress=False, Type=NameObject("/Metadata"), Subtype=NameObject("/XML"))


def _update(document: bytes) -> PdfWriter:
    writer = PdfWriter(io.BytesIO(document), incremental=True)
    if writer._info is not None:  # said anew, or the update would have none
        writer._info_obj = writer._add_object(DictionaryObject(writer._info))
    return writer


def _written(writer: PdfWriter) -> bytes:
    written = io.BytesIO()
    writer.write(written)
    return _rightly_sized(written.getvalue())


def _rightly_sized(document: bytes) -> bytes:
    """With a /Size that is one more than the highest number in the update's table.

    pypdf counts the table's own object, which the table does not list, and strict readers warn of that.
    """
    start = int(document[document.rindex(b"startxref") + len(b"startxref") :].split()[0])
    counted = SIZE.sub(lambda found: b"/Size %-*d" % (len(found[1]), int(found[1]) - 1), document[start:], count=1)
    return document[:start] + counted
