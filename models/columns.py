"""Column types the tables share: aware timestamps and text arrays."""

from typing import Any, cast

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

# SQLModel wants a class where SQLAlchemy takes an instance too.
Timestamp = cast(type[Any], DateTime(timezone=True))
TextArray = cast(type[Any], ARRAY(Text))
