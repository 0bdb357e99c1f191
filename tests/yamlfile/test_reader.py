"""A YAML text becomes a tree that knows its places; what is dangerous in YAML is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.yamlfile import reader
from exporter.yamlfile.nodes import ConfigError, Node


def parse(text):
    return reader.parse(text, "file.yaml")


def problems(root):
    with pytest.raises(ConfigError) as caught:
        root.report.check()
    return [str(problem) for problem in caught.value.problems]


def refusal(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def value(text) -> Node:
    node: Node = parse(f"a: {text}").section(["a"])["a"]
    return node


# Structure


def test_every_value_knows_its_place():
    root = parse("a:\n  - b: x\n    c: {d: [1, 2]}\n")
    first = root.section(["a"])["a"].items()[0].section(["b", "c"])
    second = first["c"].entries()["d"].items()[1]
    assert (first["b"].path, first["b"].line, first["b"].column) == ("a[0].b", 2, 8)
    assert (second.path, second.line, second.column) == ("a[0].c.d[1]", 3, 16)


def test_columns_count_characters_not_bytes():
    assert value("[ö€😀, x]").items()[1].column == 10


def test_an_empty_text_has_a_root_of_nothing():
    assert parse("").is_nothing
    assert parse("# only a comment\n").is_nothing
    assert parse("---\n...\n").is_nothing


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_what_yaml_calls_null(nothing):
    assert value(nothing).is_nothing


@pytest.mark.parametrize("text", ['""', "''", '"~"', "'null'", "!!str null", "nULL", "none"])
def test_a_quoted_null_is_a_text(text):
    assert not value(text).is_nothing


@pytest.mark.parametrize(
    "text", ["no", "012", "0x1F", "1_000", "12:30:45", "2020-01-01", ".inf", "="]
)
def test_a_plain_text_is_never_resolved(text):
    assert value(text).text() == text


def test_a_text_keeps_what_its_quotes_hold():
    assert value('" a\\u00e9 "').text() == " aé "
    assert value("'it''s'").text() == "it's"
    assert value(">-\n  folded\n  text\n").text() == "folded text"


def test_a_key_given_twice_is_reported_and_the_first_one_stands():
    root = parse("a: 1\nb: 2\na: 3\n")
    assert root.section(["a", "b"])["a"].text() == "1"
    assert problems(root) == ["file.yaml:3:1: a: given twice; the first is in line 1"]


def test_a_structure_that_can_be_read_over_is_reported_with_the_rest():
    root = parse("? [x]\n: 1\n~: 2\n<<: {c: 3}\na: !env X\nb: 1\n")
    root.section(["a"])
    assert [problem.split(" ")[0] for problem in problems(root)] == [
        "file.yaml:1:3:",
        "file.yaml:3:1:",
        "file.yaml:4:1:",
        "file.yaml:5:4:",
        "file.yaml:6:1:",
    ]


def test_a_quoted_merge_key_is_a_key_like_any_other():
    assert parse('"<<": x').entries()["<<"].text() == "x"


def test_the_standard_tags_are_understood():
    root = parse("!!map {a: !!seq [!!str 12, !!int 3]}")
    twelve, three = root.section(["a"])["a"].items()
    assert not twelve.is_plain
    assert three.integer(0, 9) == 3
    root.report.check()


def test_an_alias_has_its_own_path_and_the_place_of_its_anchor():
    copy = parse("a: &x [{b: 1}]\nc: *x\n").section(["a", "c"])["c"].items()[0].entries()["b"]
    assert (copy.path, copy.line, copy.column) == ("c[0].b", 1, 12)


def test_an_alias_in_its_own_anchor_is_refused():
    assert refusal("a: &x [*x]")[0].startswith("file.yaml:1:8: (file): no anchor")


def test_aliases_that_multiply_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert refusal("\n".join(lines))[-1].endswith(
        "more than 100000 values, with aliases written out"
    )


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? ", "[{a: ", "a: [", "!!seq [", "&a ["])
def test_deep_nesting_is_refused_without_a_crash(opening):
    assert refusal(opening * 100_000)[-1].startswith("file.yaml:1:")


def test_twenty_levels_are_deep_enough():
    assert not parse("[" * 20 + "x" + "]" * 20).is_nothing
    assert "nested" in refusal("[" * 21 + "x" + "]" * 21)[0]


def test_only_one_document_is_read():
    assert refusal("a: 1\n---\nb: 2\n") == [
        "file.yaml:2:1: (file): a second document starts here; keep only one"
    ]


def test_a_character_that_yaml_does_not_know_is_refused_at_its_place():
    for foreign in "\0\x07\x7f\ud800\ufffe":
        assert refusal(f"a: 1\nb: x{foreign}")[0].startswith("file.yaml:2:5: (file): a control")


def test_the_words_of_the_parser_are_never_passed_on():
    for text in ("a: %hunter2", "!hunter2!x y", "a: *hunter2", "%HUNTER2 x\na", "hunter2: b: c"):
        assert "hunter2" not in refusal(text)[0].lower()


def test_a_file_larger_than_a_mebibyte_is_refused(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("# " + "x" * reader.MAX_BYTES)
    with pytest.raises(ConfigError, match="is larger than 1048576 bytes"):
        reader.load(path, advice="")
    path.write_text("# " + "x" * (reader.MAX_BYTES - 2))
    assert reader.load(path, advice="").is_nothing


@given(st.text(alphabet="{}[]:,-?&*!|>'\"%@` \n\t#ab<~\\0x\ufeff\u2028é", max_size=60))
def test_what_looks_like_yaml_is_read_or_refused(text):
    with contextlib.suppress(ConfigError):
        parse(text).entries()


# Values


def test_unknown_keys_are_reported_with_the_nearest_one_known():
    root = parse("intervall: 1\nTIMEOUT: 2\nxyz: 3\n")
    assert root.section(["interval", "timeout"])["interval"].is_nothing
    assert problems(root) == [
        "file.yaml:1:1: intervall: unknown key; did you mean `interval`?",
        "file.yaml:2:1: TIMEOUT: unknown key; did you mean `timeout`?",
        "file.yaml:3:1: xyz: unknown key; known here: interval, timeout",
    ]


@pytest.mark.parametrize("key", ["hunter2", "b8c1b9f4-0000", "aXbYcZ", "a b", "x" * 41, "é"])
def test_a_key_that_may_be_a_secret_is_not_repeated(key):
    root = parse(f"{key}: 1\n")
    root.section(["known"])
    assert problems(root) == ["file.yaml:1:1: <key>: unknown key; known here: known"]


def test_the_path_of_a_header_is_readable():
    assert parse("X-XSS-Protection: 1").entries()["X-XSS-Protection"].path == "X-XSS-Protection"


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda node: node.text(), "must be a single value"),
        (lambda node: node.parsed(str), "must be a single value"),
        (lambda node: node.integer(0, 1), "must be a single value"),
        (lambda node: node.boolean(), "must be a single value"),
        (lambda node: node.choice(["x"]), "must be a single value"),
        (lambda node: node.items(), "must be a list"),
    ],
)
def test_a_mapping_is_nothing_else(read, expected):
    node = value("{b: 1}")
    assert not read(node)
    assert problems(node) == [f"file.yaml:1:4: a: {expected}"]


def test_a_list_or_a_text_is_not_a_mapping():
    for text in ("[1]", "x"):
        node = value(text)
        assert node.entries() == {}
        assert problems(node) == ["file.yaml:1:4: a: must be a mapping, in lines of `key: value`"]


def test_nothing_is_an_empty_list_and_an_empty_mapping_but_no_text():
    node = value("")
    assert node.items() == []
    assert node.entries() == {}
    assert node.optional(int, 7) == 7
    node.report.check()
    assert node.text() == ""
    assert problems(node) == ["file.yaml:1:3: a: a value is missing"]


def test_an_absent_key_has_nothing():
    root = parse("a: 1\n")
    absent = root.section(["a", "b"])["b"]
    assert absent.is_nothing
    absent.parsed(int)
    assert problems(root) == ["file.yaml:1:1: b: a value is missing"]


@pytest.mark.parametrize("text", [r'"a\nb"', r'"\0"', r'"\x1b[31m"', r'"\u202e"', r'"\ufeff"'])
def test_a_text_is_one_printable_line(text):
    node = value(text)
    assert node.text() == ""
    assert "can't be printed" in problems(node)[0]


def test_a_text_of_several_lines_is_read_where_it_is_expected():
    assert value("|\n  -----BEGIN\n  abc\n").text(multiline=True) == "-----BEGIN\nabc\n"


def test_the_error_of_a_value_is_its_problem():
    def refuse(_):
        raise ValueError("must be better")

    node = value("x")
    assert node.parsed(refuse) is None
    assert problems(node) == ["file.yaml:1:4: a: must be better"]


@pytest.mark.parametrize("text", ["0", "5", "10", "-3"])
def test_a_whole_number_is_read(text):
    assert value(text).integer(-3, 10) == int(text)


@pytest.mark.parametrize(
    "text", ["11", "-4", "05", "+5", "5.0", "5e0", "0x5", "1_0", '"5"', '""', "\u0665", "9" * 5000]
)
def test_anything_but_a_whole_number_in_its_limits_is_refused(text):
    node = value(text)
    assert node.integer(-3, 10) is None
    assert len(problems(node)) == 1


def test_only_true_and_false_are_truth_values():
    assert value("true").boolean() is True
    assert value("False").boolean() is False
    for text in ("yes", "on", "1", '"true"', "tRUE"):
        node = value(text)
        assert node.boolean() is None
        assert problems(node) == ["file.yaml:1:4: a: must be true or false, without quotes"]


def test_a_choice_is_one_of_those_known():
    assert value("b").choice(["b", "c"]) == "b"
    node = value("d")
    assert node.choice(["b", "c"]) is None
    assert problems(node) == ["file.yaml:1:4: a: must be one of b, c"]


def test_a_node_does_not_show_its_text():
    assert "hunter2" not in repr(value("hunter2")) + repr(parse("a: hunter2"))


def test_problems_stand_in_the_order_of_the_file_and_each_once():
    root = parse("a: 1\nb: 2\n")
    nodes = root.section(["a", "b"])
    for key in ("b", "a", "b"):
        nodes[key].problem("is wrong")
    assert problems(root) == ["file.yaml:1:4: a: is wrong", "file.yaml:2:4: b: is wrong"]
