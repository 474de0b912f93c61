"""A line of text in, pen strokes that write it out: capitals of single lines, for plotters have no fonts."""

from __future__ import annotations

import math
import unicodedata

import numpy as np

from installation.pen import Stroke

TALL, ADVANCE, SPACE = 6.0, 2.0, 3.0  # in units of a letter's grid: its height, from letter to letter, a blank
WEIGHT = 0.55  # of the pen, in the same units
LETTERS = {  # lines without lifting the pen, of points xy: x to the right, y down, the line that one writes on at 6
    "A": "06 20 46|14 34", "B": "06 00 30 41 42 33 03|33 44 45 36 06", "C": "41 30 10 01 05 16 36 45",
    "D": "06 00 20 42 44 26 06", "E": "40 00 06 46|03 33", "F": "40 00 06|03 33", "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06|40 46|03 43", "I": "00 06", "J": "30 35 26 16 05", "K": "00 06|40 03 46", "L": "00 06 36",
    "M": "06 00 23 40 46", "N": "06 00 46 40", "O": "10 01 05 16 36 45 41 30 10", "P": "06 00 30 41 42 33 03",
    "Q": "10 01 05 16 36 45 41 30 10|24 46", "R": "06 00 30 41 42 33 03|23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40|20 26", "U": "00 05 16 36 45 40", "V": "00 26 40", "W": "00 16 22 36 40", "X": "00 46|40 06",
    "Y": "00 23 40|23 26", "Z": "00 40 06 46", "0": "10 01 05 16 26 35 31 20 10", "1": "01 10 16",
    "2": "01 10 20 31 32 06 36", "3": "00 30 12 22 33 35 26 16 05", "4": "26 20 04 34",
    "5": "30 00 02 22 33 35 26 16 05",
    "6": "30 20 02 05 16 26 35 34 23 13 04", "7": "00 30 16", "8": "10 01 02 13 23 34 35 26 16 05 04 13|23 32 31 20 10",
    "9": "06 16 34 31 20 10 01 02 13 23 32", "%": "40 06|00 10 11 01 00|35 45 46 36 35", ".": "06 05", ",": "07 15",
    "-": "03 33", "'": "00 01", "/": "06 30", ":": "02 03|05 06", "(": "10 02 04 16", ")": "00 12 14 06",
    "&": "46 11 20 31 04 05 16 26 44",
}  # fmt: skip


def write(text: str, at_mm: tuple[float, float], height_mm: float, longest_mm: float = math.inf) -> list[Stroke]:
    """Strokes of a line of text whose top left corner is there; signs that nobody can write so are left blank.

    One that would be longer than longest_mm is written smaller.
    """
    unit, strokes, x = height_mm / TALL, [], 0.0
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    for sign in plain:
        lines = [[(int(p[0]), int(p[1])) for p in line.split()] for line in LETTERS.get(sign, "").split("|") if line]
        for line in lines:
            points = np.array(at_mm) + unit * np.add(line, (x, 0.0))
            strokes.append(Stroke(points, WEIGHT * unit))
        x += max((p[0] for line in lines for p in line), default=SPACE - ADVANCE) + ADVANCE
    if x * unit > longest_mm:
        return write(text, at_mm, 0.999 * longest_mm / x * TALL, longest_mm)
    return strokes
