"""National numbers of many countries as E.164, and the country of a number."""

import pytest

from domain.errors import Invalid
from providers.phone import country_of, to_e164


@pytest.mark.parametrize(
    ("country", "national", "e164"),
    [
        ("DE", "0151 2345 6789", "+4915123456789"),
        ("AT", "0664 123456", "+43664123456"),
        ("CH", "078 123 45 67", "+41781234567"),
        ("FR", "06 12 34 56 78", "+33612345678"),
        ("IT", "312 345 6789", "+393123456789"),
        ("ES", "612 34 56 78", "+34612345678"),
        ("GB", "07400 123456", "+447400123456"),
        ("NL", "06 12345678", "+31612345678"),
        ("PL", "512 345 678", "+48512345678"),
        ("SE", "070-123 45 67", "+46701234567"),
        ("TR", "0501 234 56 78", "+905012345678"),
        ("US", "(201) 555-0123", "+12015550123"),
        ("CA", "506-234-5678", "+15062345678"),
        ("AU", "0412 345 678", "+61412345678"),
        ("IN", "081234 56789", "+918123456789"),
        ("BR", "(11) 96123-4567", "+5511961234567"),
        ("MX", "222 123 4567", "+522221234567"),
        ("HU", "(06 20) 123 4567", "+36201234567"),
        ("RU", "8 (912) 345-67-89", "+79123456789"),
        ("JP", "090-1234-5678", "+819012345678"),
    ],
)
def test_national_forms(country: str, national: str, e164: str) -> None:
    assert to_e164(national, country) == e164
    assert to_e164(national, country.lower()) == e164
    assert to_e164(e164) == e164
    assert to_e164(e164, "KE") == e164
    assert country_of(e164) == country


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("0151 2345 6789", None),
        ("06 12 34 56", "FR"),
        ("(201) 55-0123", "US"),
        ("+44 7400 12345", None),
        ("+999 123456789", None),
        ("+", "DE"),
        ("call me", "GB"),
        ("00000000000", "DE"),
        ("1" * 40, "US"),
        ("110", "DE"),
    ],
)
def test_what_no_telephone_has(number: str, country: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        to_e164(number, country, field="to")
    assert caught.value.code == "invalid_phone"
    assert [error.field for error in caught.value.errors] == ["to"]


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12015550123", "US"),
        ("+15062345678", "CA"),
        ("+17872345678", "PR"),
        ("+18762345678", "JM"),
        ("+447797123456", "JE"),
        ("+447700900123", "GB"),
        ("+15005550006", "US"),
        ("+447400123456", "GB"),
        ("+262692123456", "RE"),
        ("+38344123456", "XK"),
        ("+79123456789", "RU"),
        ("+77012345678", "KZ"),
        ("+870301234567", None),
        ("+80012345678", None),
        ("+24740123", None),
        ("+1", None),
        ("nobody", None),
    ],
)
def test_the_country_of_a_number(number: str, country: str | None) -> None:
    assert country_of(number) == country
