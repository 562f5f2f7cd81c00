"""The shape of every refusal: RFC 9457 problem details."""

from pydantic import BaseModel, ConfigDict, Field


class ProblemField(BaseModel):
    field: str = Field(description="Dotted camelCase path of the field, or a header's name.")
    code: str
    detail: str


class Problem(BaseModel):
    """`code` is stable: branch on it, and show `detail` to people."""

    model_config = ConfigDict(json_schema_extra={"examples": []})

    type: str = Field(description="A URI that names the kind of problem.")
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemField] = Field(default_factory=list)
