"""Amounts of money as strings: what was written, brought to ``1234.56``. Never a float."""

import re

_FILL = "$#*= "
_END = re.compile(r"(?:[.,]?-+|/-|[.,])$")  # says that no cents follow
_GROUPED = r"\d{1,3}(?:(?P<mark>[.,' ])\d{3})(?:(?P=mark)\d{3})*"
_WHOLE = re.compile(rf"(?P<whole>\d+|{_GROUPED})")
_DECIMAL = re.compile(rf"(?P<whole>\d*|{_GROUPED})[.,](?P<cents>\d\d)-*")
_FRACTION = re.compile(
    rf"(?:(?P<whole>\d+|{_GROUPED})(?:\s*&\s*|\s+|[.,]|-)?)?(?P<cents>\d\d|xx|XX|no|NO)/100"
)


def money(text: str) -> tuple[str, bool] | None:
    """Return a written amount with two decimals, and whether the cents had to be assumed.

    None when the string is not an amount: ``12.5`` has neither cents nor thousands. Money
    marks, fill (``*``, ``#``) and closing dashes are dropped; thousands may be parted by one
    kind of mark; cents may be a fraction of a hundred.

    >>> money("1,234.56"), money("$ 740.-"), money("125 50/100"), money("12.5")
    (('1234.56', False), ('740.00', True), ('125.50', False), None)
    """
    text = text.strip(_FILL)
    for pattern in (_DECIMAL, _FRACTION):
        found = pattern.fullmatch(text)
        if found:
            cents = found["cents"]
            return _canonical(
                found["whole"] or "0", cents if cents.isdecimal() else "00"
            ), False
    found = _WHOLE.fullmatch(_END.sub("", text).strip(_FILL))
    return (_canonical(found["whole"], "00"), True) if found else None


def _canonical(whole: str, cents: str) -> str:
    digits = re.sub(r"\D", "", whole).lstrip("0")
    return f"{digits or '0'}.{cents}"
