"""What the reader makes of text."""

import pytest

from sn.errors import EndOfInput, LispError
from sn.interpreter import Interpreter
from sn.printer import show
from sn.reader import fold_name, parse_number
from sn.streams import Source


@pytest.fixture
def sn():
    return Interpreter()


def read(sn, text):
    return sn.reader.read(sn.sources.add(Source("test", text)))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(a . b)", "(a . b)"),
        ("(a . (b . (c . ())))", "(a b c)"),
        ("Alloc_Net", "alloc-net"),
        ("|Alloc_Net|", "|Alloc_Net|"),
        ("'x", "(quote x)"),
        ("~x", "(null x)"),
        (":a", "(scope a)"),
        (":obj:slot:slot2", "(scope obj slot slot2)"),
        ("`(a ',b)", "(backquote (a (quote (unquote b))))"),
        ("`(a ,b ,@c)", "(backquote (a (unquote b) (unquote-splicing c)))"),
        ("net.sn", "net.sn"),
        ("inf", "inf"),
        ("1_000", "1-000"),
        ("3j", "3j"),
        ('"\\x41\\102\\^C\\+A"', '"AB\\^C\\xc1"'),
        ("#! skipped !# here", "here"),
        ("#!/bin/sh\n(x)", "(x)"),
        ("; comment\n(x ; more\n y)", "(x y)"),
        (") ) (x)", "(x)"),
        ("{some {nested} text}", '(brace "some {nested} text")'),
        ("[[1 2][3 4]]", "[[  1.00  2.00 ]\n [  3.00  4.00 ]]"),
        ("[f@ 2]", "[f@ 2 ]"),
        ("\f(x)", "(x)"),
    ],
)
def test_text_reads_as(sn, text, printed):
    assert show(read(sn, text)) == printed


def test_the_position_of_a_list_is_its_opening_parenthesis(sn):
    form = read(sn, "\n  (a\n (b))")
    assert sn.sources.find(form.pos)[1:] == (2, 3)
    assert sn.sources.find(form.cdr.car.pos)[1:] == (3, 2)


def test_a_wide_list_needs_no_recursion(sn):
    form = read(sn, "(" + "1 " * 200_000 + ")")
    assert sum(1 for _ in form) == 200_000


def test_a_list_nested_deeply_is_read(sn):
    depth = 20_000
    text = "(" * depth + ")" * depth
    assert sn.run(lambda: read(sn, f"(quote {text})")) is not None


def test_an_unfinished_list_names_its_beginning(sn):
    with pytest.raises(EndOfInput, match="read : end of file") as caught:
        read(sn, "\n (a (b")
    assert sn.sources.find(caught.value.frames[0][2])[1:] == (2, 2)


@pytest.mark.parametrize("text", ['"a\nb"', '"\\q"', "(a . )", "(a . b c)", "1e400"])
def test_bad_text_is_an_error_of_read(sn, text):
    with pytest.raises(LispError, match=r"^read : "):
        read(sn, text)


def test_numbers_follow_a_pattern_of_their_own():
    assert parse_number("1e3") == 1000
    assert [parse_number(t) for t in ("inf", "nan", "1_0", "0x", ".", "-", "1e")] == [None] * 7


def test_folding_keeps_a_leading_underscore():
    assert fold_name("_A_b") == "_a-b"


def test_macro_characters_belong_to_one_interpreter(sn):
    sn.eval("(dmc |%| (list 'percent (read)))")
    assert show(read(sn, "%x")) == "(percent x)"
    assert show(read(Interpreter(), "%x")) == "%x"


def test_manual_entries_are_noted(sn):
    sn.eval("#? (twice x)\n;; Doubles.\n(de twice (x) (* 2 x))")
    assert sn.eval("(help 'twice)") == "()"
