"""Query parameters as a model that is read at once.

FastAPI's own way, `Annotated[Model, Query()]`, looks at every annotation again for each request:
with five parameters that is a quarter of the time that a list takes.
"""

from typing import Any, Self
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError


class QueryModel(BaseModel):
    """What a client asks in the query of a URL."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the query of a request. What is wrong with it is answered as FastAPI would."""
        query = request.scope["query_string"].decode("latin-1")
        try:
            return cls.model_validate(dict(parse_qsl(query, keep_blank_values=True)))
        except ValidationError as error:
            wrong = error.errors(include_url=False)
            raise RequestValidationError(
                [{**each, "loc": ("query", *each["loc"])} for each in wrong]
            ) from error

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """Describe the parameters for OpenAPI: the `openapi_extra` of a route."""
        schema = cls.model_json_schema()
        required = schema.get("required", ())
        return {
            "parameters": [
                {"name": name, "in": "query", "required": name in required, "schema": field}
                | {key: field[key] for key in ("description", "deprecated") if key in field}
                for name, field in schema["properties"].items()
            ]
        }
