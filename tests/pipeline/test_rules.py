"""Grammar files: what they allow, and where they are wrong."""

import time

import pytest

from pipeline.cli import main
from pipeline.grammars import GRAMMARS, KEPT, SYMBOLS, grammar
from pipeline.reader import CheckReader
from pipeline.rules import RuleError, automaton, file_of, is_rules, kind_of, library, penalty_of
from pipeline.sdnn import legal_sequences


def allowed(name, text):
    """Return the penalty of a text in a grammar, None where it is not allowed."""
    found = penalty_of(grammar(file_of(name) or name), [SYMBOLS.index(c) for c in text])
    return None if found is None else round(found, 6)


@pytest.mark.parametrize(
    ("name", "text", "penalty"),
    [
        ("date", "7/4/26", 0.0),
        ("date", "07-04-2026", 0.4),
        ("date", "12.31.99", 1.0),
        ("date", "13/1/26", None),
        ("date", "1/32/26", None),
        ("date", "1/3/1926", None),
        ("date-day-first", "31.12.2026", 0.0),
        ("date-day-first", "12.31.2026", None),
        ("amount-us", "$1,234.56", 0.0),
        ("amount-us", "1,23.56", None),
        ("amount-us", "$12xx/100**", 0.7),
        ("amount-us", "$12", None),
        ("routing", "021000021", 0.0),
        ("routing", "991000021", None),
        ("routing", "02100002", None),
        ("zip", "12345-6789", 0.0),
        ("zip", "1234", None),
        ("phone", "201-555-0142", 0.0),
    ],
)
def test_what_the_grammars_that_come_along_allow(name, text, penalty):
    assert allowed(name, text) == penalty


def test_every_grammar_that_comes_along_is_sound_and_described():
    assert {"date", "amount-us", "routing"} <= set(library())
    for name, text in library().items():
        assert automaton(text, SYMBOLS).n > 1
        assert text.startswith("# "), name
        assert name not in GRAMMARS


def test_rules_stand_for_patterns_and_go_on_over_lines():
    text = "# remark\r\npair = [0-9]\r\n  [0-9] |\n\t x x ~1\n\nstart = $ <pair>{2} #\n"
    assert is_rules(text)
    graph = automaton(text, SYMBOLS)

    def asked(string):
        return penalty_of(graph, [SYMBOLS.index(c) for c in string])

    assert [asked(s) for s in ("$1234#", "$12xx#", "$xxxx#", "$123#")] == [0.0, 1.0, 2.0, None]


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("start = [0-9", 1, 9, "this [ is not closed"),
        ("start = [0-9]{0,", 1, 14, "this { is not closed"),
        ("start = [0-9]{12", 1, 14, "this { is not closed"),
        ("a = 1\nstart = <b> 2", 2, 9, "no symbol 'b'"),
        ("start = <start> 2", 1, 9, "no symbol 'start'"),
        ("a = 1\n b\nstart = <a>", 2, 2, "no symbol 'b'"),
        ("a = 1\n  2\n  3 ) \nstart = <a>", 3, 5, "unexpected ')'"),
        ("a = 1\na = 2\nstart = <a>", 2, 1, "the rule a stands there twice"),
        ("a = 1\n", 1, 1, "there is no rule start"),
        ("start = 1\nhello", 2, 1, "expected a rule: name = expression"),
        (" x\nstart = 1", 1, 1, "a rule begins at the left margin"),
        ("kind = money\nstart = 1", 1, 7, "kind is one of amount, digits, text"),
        ("start = 1 ~", 1, 12, "a number must follow ~"),
        ("start = 1{3,1}", 1, 11, "from 3 to 1 times"),
        ("start = q", 1, 9, "no symbol 'q'"),
        ("start = ([0-9]{900}){900}", 1, 16, "the pattern is too large"),
        ("start = (0|1)* 1 (0|1){40}", 1, 1, "determinize: more than 5000 states"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text, line, column, what):
    with pytest.raises(RuleError) as told:
        automaton(text, SYMBOLS)
    assert (told.value.line, told.value.column) == (line, column)
    assert what in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1 1 1 1 1 1 1 1\n"
        + "".join(f"{chr(97 + k + 1)} = {f'<{chr(97 + k)}> ' * 8}\n" for k in range(8))
        + "start = <i>",
        "start = " + "(" * 5000 + "1" + ")" * 5000,
        "start = ((0*1*2*)*3?){90}",
        "start = " + "|" * 20_000,
        "start = ([0-9]?){60}",
        "start = (0|1)* 1 (0|1){30}",
    ],
    ids=["laughs", "brackets", "stars", "bars", "options", "subsets"],
)
def test_hostile_grammars_are_refused_soon(text):
    start = time.process_time()
    with pytest.raises(RuleError) as told:
        automaton(text, SYMBOLS)
    assert "\n" not in str(told.value)
    assert time.process_time() - start < 10


def test_kinds_decide_when_strings_mean_the_same(fake, files):
    money = "kind = amount\nstart = [0-9]+ . 0 0"
    assert (kind_of(money), kind_of("phone"), kind_of("[0-9]")) == ("amount", "digits", "text")
    assert kind_of("kind = nonsense\nstart = 1") == "text"
    reader = CheckReader(grammar=money, expect="$ 3", engine=fake.engine, locate=fake.locate)
    assert reader.expect == "3.00"


class TestCommand:
    def test_a_file_a_name_or_an_expression(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.grammar").write_text("start = 1 2 3\n")
        assert main(["grammars", "mine.grammar", "123", "1 2 3"]) == 0
        assert capsys.readouterr().out == (
            "123: yes, at a penalty of 0\n1 2 3: yes, at a penalty of 0\n"
        )
        assert main(["grammars", "[0-9] ~0.5 x", "7x", "77", "7é"]) == 1
        assert capsys.readouterr().out == (
            "7x: yes, at a penalty of 0.5\n77: no\n7é: no: there is no symbol é\n"
        )
        assert main(["grammars", "date"]) == 0
        out = capsys.readouterr().out
        assert out.startswith("# A date, the month first")
        assert "strings compare as text" in out
        assert main(["grammars"]) == 0
        out = capsys.readouterr().out
        assert "digits          [0-9]+" in out
        assert "date            A date, the month first" in out

    @pytest.mark.parametrize(
        ("name", "content", "what"),
        [
            ("mine.grammar", b"start = [0-9\n", "line 1, column 9: this [ is not closed"),
            ("mine.grammar", b"\xff", "byte 1 is not text in UTF-8"),
            ("mine.grammar", b"start = 1" + b" " * 200_000, "larger than 100 kB"),
            ("mine.grammar", b"hello\n", "line 1, column 1: expected a rule"),
            ("other.grammar", b"", "--grammar other.grammar: no such file. By name: amount, "),
            ("[0-9", b"", "column 1 of '[0-9': this [ is not closed. By name: amount, "),
        ],
    )
    def test_errors_are_one_line(self, tmp_path, monkeypatch, capsys, name, content, what):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.grammar").write_bytes(content)
        for command in (["read", "a.png", "--grammar", name], ["grammars", name]):
            assert main(command) == 2
            out, err = capsys.readouterr()
            assert (out, err.count("\n")) == ("", 1)
            assert what in err


def test_a_service_keeps_few_of_the_grammars_it_was_asked_for():
    for n in range(3 * KEPT):
        legal_sequences(f"[0-9]{{1,{n + 1}}}")
        assert kind_of(f"[0-9]{{{n}}}") == "text"
    assert legal_sequences.cache_info().currsize == grammar.cache_info().currsize == KEPT
