"""Variables are replaced exactly, or what is wrong with them is said without a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.yamlfile.variables import Variables, is_whole

CANARY = "hunter2"
ENVIRONMENT = {"A": CANARY, "EMPTY": "", "SPACE": " x "}
TEXTS = st.text(alphabet="${}:-AEB _x\\\n", max_size=20)


def problem(text: str, variables: Variables) -> str:
    """Return what is wrong with a text; nothing else than a `ValueError` may say so."""
    try:
        variables.replace(text)
    except ValueError as error:
        return str(error)
    return ""


@given(TEXTS)
def test_any_text_is_replaced_or_rejected_without_a_value(text):
    assert CANARY not in problem(text, Variables(ENVIRONMENT))


@given(st.text())
def test_a_text_with_every_dollar_sign_doubled_stays_what_it_was(text):
    assert Variables(ENVIRONMENT).replace(text.replace("$", "$$")) == text


@given(TEXTS)
def test_a_variable_that_need_not_be_set_is_not_missed(text):
    assert "is not set" not in problem(text, Variables({}, required=False))


@pytest.mark.parametrize(
    ("text", "replaced"),
    [("${SPACE}", "x"), ("a${EMPTY}b", "ab"), ("${B:-${}", None), ("${B:-a:-b}", "a:-b")],
)
def test_a_variable_is_read_as_it_is_written(text, replaced):
    if replaced is None:
        with pytest.raises(ValueError, match="write a variable as"):
            Variables(ENVIRONMENT).replace(text)
    else:
        assert Variables(ENVIRONMENT).replace(text) == replaced


def test_a_value_that_looks_like_a_variable_is_not_replaced_again():
    assert Variables({"A": "${B}", "B": "x"}).replace("${A}") == "${B}"


def test_a_variable_that_is_not_set_is_unknown_unless_it_is_required():
    assert Variables({}, required=False).replace("a${B}") is None
    assert Variables({}, required=False).replace("a${B:-c}") == "ac"


@pytest.mark.parametrize(
    ("text", "whole"), [("${A}", True), ("${A:-x}", True), ("a${A}", False), ("$$", False)]
)
def test_a_text_can_be_one_variable_and_nothing_else(text, whole):
    assert is_whole(text) is whole


def test_the_values_of_an_environment_are_not_shown():
    assert CANARY not in repr(Variables(ENVIRONMENT))
