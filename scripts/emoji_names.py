"""Make `streaming/text/emoji_names.zip` from Unicode's CLDR: `emoji_names.py FOLDER`.

FOLDER holds the npm packages `cldr-annotations-full` and `cldr-annotations-derived-full` of one version,
unpacked as `npm install` does it (Unicode License v3).
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from streaming.text.emoji_names import EMOJI, TONES
from streaming.text.emoji_table import ARCHIVE, SEQUENCES

SOURCES = ("cldr-annotations-full/annotations", "cldr-annotations-derived-full/annotationsDerived")
DATE = (1980, 1, 1, 0, 0, 0)
"""of all files in the archive, so that the same names are the same bytes"""
LEAST = 200
"""names of a language that has its names: fewer are some signs only"""


def names_of(folder: Path, locale: str) -> dict[str, str]:
    """Return the names of a locale's emoji, without those that a skin tone is a part of."""
    found: dict[str, str] = {}
    for source in SOURCES:
        for file in sorted((folder / source / locale).glob("*.json")):
            (content,) = json.loads(file.read_text("utf-8")).values()
            for sequence, told in content.get("annotations", {}).items():
                spoken = " ".join(told.get("tts", [])).replace("|", " ").strip()
                is_toned = len(sequence) > 1 and TONES.search(sequence)
                if spoken and spoken != sequence and EMOJI.fullmatch(sequence) and not is_toned:
                    found[sequence] = spoken
    return found


def main(folder: Path, target: Path) -> None:
    """Write the archive."""
    locales = sorted(path.name for path in (folder / SOURCES[0]).iterdir() if path.is_dir())
    tables = {locale: names_of(folder, locale) for locale in locales if "-" not in locale}
    tables = {locale: names for locale, names in tables.items() if len(names) >= LEAST}
    sequences = sorted(set().union(*tables.values()))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        texts = {SEQUENCES: sequences}
        texts |= {locale: [names.get(one, "") for one in sequences] for locale, names in tables.items()}
        for name, lines in texts.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.txt", DATE), "\n".join(lines), zipfile.ZIP_LZMA)
    print(f"{len(sequences)} emoji in {len(tables)} languages: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parents[1] / "streaming" / "text" / ARCHIVE)
