"""Every case there is: the modules imported here fill the list."""

from tests.contract import cases_asking, cases_sending
from tests.contract.bench import CASES

__all__ = ["CASES", "cases_asking", "cases_sending"]
