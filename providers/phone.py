"""Phone numbers as providers take them: E.164, from what people write."""

import phonenumbers

from domain.countries import COUNTRIES
from domain.errors import FieldError, Invalid


def to_e164(number: str, country: str | None = None, *, field: str = "phone") -> str:
    """`+4915112345678` from a national number and its ISO 3166-1 country, or from any
    international form. Raises `Invalid` (`invalid_phone`) for what no one could be called on."""
    try:
        parsed = phonenumbers.parse(number, country.upper() if country else None)
    except phonenumbers.NumberParseException as error:
        if country is None and error.error_type == error.INVALID_COUNTRY_CODE:
            raise _invalid(field, "A national number needs its country.") from error
        raise _invalid(field, "Not a phone number.") from error
    if not phonenumbers.is_valid_number(parsed):
        raise _invalid(field, "No such phone number can exist.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def normalize_e164(number: str) -> str:
    """The bare form of an international number; anything else as it is, for the vendor to
    refuse: numbering plans change faster than any table of them."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country_of(number: str) -> str | None:
    """The ISO 3166-1 country of an E.164 number: the main one of its calling code for a number no
    table knows yet. None for what is no number, and for satellite and other worldwide ones."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None and parsed.country_code is not None:
        region = phonenumbers.region_code_for_country_code(parsed.country_code)
    return region if region in COUNTRIES else None


def _invalid(field: str, detail: str) -> Invalid:
    return Invalid("invalid_phone", detail, errors=(FieldError(field, "invalid_phone", detail),))
