"""Tests of what is read of Markdown and HTML as people and programs write them: marks, boxes, ruby, lists."""

from __future__ import annotations

import pytest

from engines.api.offsets import Rewriting
from streaming.formats import TextFormat
from streaming.text.reading_forms import read_form


def read(text: str, form: TextFormat) -> str:
    """Return what is read of a text in a form, with single spaces."""
    rewriting = Rewriting(text)
    read_form(rewriting, form)
    return " ".join(rewriting.text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**중요(important)**합니다", "중요(important)합니다"),
        ("**注意：**请看", "注意：请看"),
        ("これは**「重要」**です", "これは「重要」です"),
        ("这*强调（x）*吧，***强调（x）***的", "这强调（x）吧，强调（x）的"),
        ("**ไทย(x)**นะ __重要：__请", "ไทย(x)นะ 重要：请"),
        ('**Note:**text and **"A"**s, "**B**", "**C**"', 'Note:text and "A"s, "B", "C"'),
        ("**`code`**입니다", "code입니다"),
        ("**N**ational **A**ir, un*believ*able", "National Air, unbelievable"),
        ("2*3*4, a*b*c, 2*(3+4)*5, 2**3**4, f(x)**2 + g(y)**3", "2*3*4, a*b*c, 2*(3+4)*5, 2**3**4, f(x)**2 + g(y)**3"),
        ("5*(see below) and 6*(there)", "5*(see below) and 6*(there)"),
        ("snake_case_name stays", "snake_case_name stays"),
    ],
)  # fmt: skip
def test_stars_are_marks_where_a_reader_takes_them_for_marks(text: str, expected: str) -> None:
    """Emphasis next to letters of any script loses its stars, products keep theirs."""
    assert read(text, "markdown") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: x\ntags:\n  - a\n- b\n---\nHi", "Hi"),
        ("+++\ntitle = 'x'\n[a]\n+++\nHi", "Hi"),
        ("---\nHello there\n---\nBye", "Hello there Bye"),
        ("---\n\nHello: you\n\n---\nBye", "Hello: you Bye"),
        ("a[^1] b.[^note]\n\n[^1]: The text here.\n\n[^note]: Ibid.", "a b. The text here. Ibid."),
        ("> [!NOTE]\n> Useful information.", "Note: Useful information."),
        ("> [!tip]- My title\n> body", "My title body"),
        ("a ==x== b, ==多==字; a == b and c == d, c==d==e", "a x b, 多字; a == b and c == d, c==d==e"),
        ("[[Page|label]] and [[Only]] and [[1]](http://x.org)", "label and Only and [1]"),
        ("# Title {#title .big}\n\n[TOC]\n\ntext", "Title text"),
        ("As said【4:0†source】. 【注】", "As said. 【注】"),
        ("<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>です, x<sup>2</sup>, 1<sup>st</sup>", "漢字です, x², 1st"),
    ],
)  # fmt: skip
def test_marks_that_other_programs_add_are_not_read(text: str, expected: str) -> None:
    """Properties of a document, footnotes' numbers, kinds of boxes, highlights and citations are no words."""
    assert read(text, "markdown") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>です", "漢字です"),
        ("<ruby>漢<rt>かん<rb>字<rt>じ</ruby>です", "漢字です"),
        ("<p hidden>no</p><p style='color:red; DISPLAY : none'>no</p><p style='visibility:hidden'>no</p>yes", "yes"),
        ("<span aria-hidden=true>★</span>five stars <dialog>no</dialog><dialog open>yes</dialog>", "five stars yes"),
        ("<video>old browser</video><iframe>x</iframe><datalist><option>x</datalist>yes", "yes"),
        ("<button>Go</button><button>Stop</button><select><option>A<option>B</select>end", "Go Stop A B end"),
        ("Press <button>Go</button> now, H<sub>2</sub>O", "Press Go now, H2O"),
        ("<ol><li>one<li>two</ol><ul><li>three</ul>", "1. one 2. two three"),
        ("<ol start=3><li>c<li value=7>g<li>h</ol>", "3. c 7. g 8. h"),
        ("<ol reversed><li>c<li>b<li>a</ol>", "3. c 2. b 1. a"),
        ("<ol type=a><li>x<li>y</ol><ol type=I><li>x<li>y</ol>", "a. x b. y 1. x 2. y"),
        ("<ol><li>one<ol><li>in</ol><li>two</ol>", "1. one 1. in 2. two"),
        ("x<sup>2</sup> 10<sup>-3</sup> 1<sup>st</sup> XIX<sup>e</sup>", "x² 10⁻³ 1st XIXe"),
        ("so<sup><a href=#n>[1]</a></sup> it is", "so it is"),
    ],
)  # fmt: skip
def test_a_page_is_read_as_it_is_shown(text: str, expected: str) -> None:
    """What a page hides is not read, what it shows twice is read once, and lists have their numbers."""
    assert read(text, "html") == expected


@pytest.mark.parametrize("form", ["markdown", "html"])
@pytest.mark.parametrize(
    "unit",
    ["{.", "==a", "[^", "[[a|", "【4", "*a(", "<ol><li>", "<sup>", "<i hidden>", "---\na: b\n", "<ruby><rt>"],
)
def test_marks_that_are_never_closed_are_read(unit: str, form: TextFormat) -> None:
    """However many marks are never closed, the text is read, and every place leads back into it."""
    text = unit * 2000
    rewriting = Rewriting(text)
    read_form(rewriting, form)

    assert rewriting.original(0, len(rewriting.text))[1] <= len(text)
