"""The service described for programs: OpenAPI 3.1."""

from pipeline.grammars import GRAMMARS
from pipeline.records import REASONS, SCHEMA
from pipeline.web.sight import ENGINES
from sn.command import version

NOTES = {
    "400": "Not an image, a damaged one, or a parameter that is none.",
    "401": "The token is missing or wrong.",
    "403": "Another Host, or a request from another page.",
    "408": "The body took too long to arrive.",
    "413": "The body, or the image in it, is too large.",
    "415": "A form, not an image.",
    "429": "Too many requests at once; see Retry-After.",
    "503": "Reading took too long and was ended.",
}


def parameter(name: str, note: str, **schema: object) -> dict[str, object]:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": note, "schema": schema}


def answers(note: str, content: dict[str, object]) -> dict[str, object]:
    """Return the good answer and all others."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    others = {code: {"description": text, "content": error} for code, text in NOTES.items()}
    return {"200": {"description": note, "content": content}, **others}


def document(most: int) -> dict[str, object]:
    """Return the description; bodies hold at most `most` bytes."""
    text, share = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
    maybe = {"type": ["string", "null"]}
    guess = {"type": "array", "prefixItems": [text, share], "minItems": 2, "maxItems": 2}
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}
    record = {
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "file": {"type": "null"},
            "sha256": text,
            "page": {"type": "integer"},
            "status": {"enum": ["read", "reject"]},
            "text": maybe,
            "amount": maybe,
            "confidence": share,
            "threshold": {"type": "number"},
            "reason": {"enum": [*REASONS, None]},
            "n_best": {"type": "array", "items": guess},
            "digits": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "properties": {
                        "char": text,
                        "p": share,
                        "box": numbers,
                        "alt": {"type": "array", "items": guess},
                    },
                },
            },
            "unexplained_ink": {"type": ["number", "null"]},
            "quality": {"type": "object"},
            "code_line": {"type": ["object", "null"]},
            "date": {"type": ["object", "null"]},
            "model": {"type": "object"},
            "engine": {"enum": list(ENGINES)},
            "version": text,
            "ms": {"type": "number"},
        },
    }
    grammar = parameter(
        "grammar", f"{', '.join(GRAMMARS)}, or a regular expression.", **text, default="amount"
    )
    engine = parameter("engine", "Default: the best there are weights for.", enum=list(ENGINES))
    field = parameter("field", "auto, or x,y,w,h in pixels.", **text, default="auto")
    image = {
        "description": f"PNG, JPEG, TIFF, BMP or PGM, at most {most:,} bytes.",
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary", "maxLength": most}}
            for kind in ("image/*", "application/octet-stream")
        },
    }
    plain = {"application/json": {"schema": {"type": "object"}}}

    def get(summary: str, content: dict[str, object], *parameters: object) -> dict[str, object]:
        return {
            "get": {
                "summary": summary,
                "parameters": list(parameters),
                "responses": answers(summary, content),
            }
        }

    def post(
        summary: str, content: dict[str, object], *parameters: object
    ) -> dict[str, object]:
        return {
            "post": {
                "summary": summary,
                "parameters": list(parameters),
                "requestBody": image,
                "responses": answers(summary, content),
            }
        }

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "check-reader",
            "version": version(),
            "description": "Reads handwritten amounts and digit strings. A reject with a "
            "reason is an answer, not an error.",
        },
        "security": [{"token": []}],
        "paths": {
            "/read": post(
                "A record for each page, one on each line, as check-reader read --json has it.",
                {"application/jsonl": {"schema": {"$ref": "#/components/schemas/Reading"}}},
                grammar,
                engine,
                field,
                parameter("max_error", "Share of wrong reads borne.", **share, default=0.01),
                parameter("expect", "The amount that should stand there.", **text),
            ),
            "/look": post(
                "What lies between the first page and its reading; for the page, may change.",
                plain,
                grammar,
                engine,
                field,
                parameter("graphs", "1: pictures of the graphs too.", enum=["0", "1"]),
            ),
            "/write": get(
                "A number written by a synthetic hand.",
                {"image/png": {"schema": {"type": "string", "format": "binary"}}},
                parameter("text", "Digits and - . / ( ).", **text),
                parameter("seed", "Whose hand.", type="integer", minimum=0),
            ),
            "/about": get("What this service reads, and with which weights.", plain),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Reading": record,
                "Error": {"type": "object", "properties": {"error": text}},
            },
        },
    }
