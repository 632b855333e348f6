"""What a program may ask: the body of a chat completion, as far as this server honours it.

Does not know the model. A setting that would change the answer and is not honoured is refused, never ignored; what
OpenAI's clients send by habit (`user`, `store: false`, `n: 1`) is taken.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = ["ChatRequest", "Message", "PictureUrl", "PointCloudUrl"]

MOST_MESSAGES = 1000
MOST_STOPS = 4
DEFAULT_TOKENS = 1024  # of an answer whose length nobody limits; the context may end it sooner

# Those of `pointclouds.readers.SUFFIXES`, which a test compares.
CloudFormat = Literal[
    "ply", "pcd", "las", "laz", "npy", "npz", "glb", "e57", "off", "stl", "obj",
    "xyz", "txt", "csv", "pts", "asc", "xyzrgb", "xyzn", "tsv",
]  # fmt: skip


def whole(text: str) -> str:
    """The text, if it can be written as UTF-8: JSON's escapes can leave half a character."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a character is escaped in the text") from error
    return text


Text = Annotated[str, AfterValidator(whole)]


def refuse_true(value: bool) -> bool:
    """False, which changes nothing."""
    if value:
        raise ValueError("this server cannot do that; leave it out")
    return value


# Not Literal[False], which takes 0 as well.
Off = Annotated[bool, AfterValidator(refuse_true), Field(json_schema_extra={"enum": [False]})]


class Strict(BaseModel):
    """No other fields, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PictureUrl(Strict):
    """A picture: `data:image/…;base64,…`, or an address of a host that the server was started with."""

    url: str
    detail: Literal["auto", "low", "high"] | None = Field(None, description="Makes no difference here.")


class PointCloudUrl(Strict):
    """A point cloud or mesh: `data:application/octet-stream;base64,…` with any format the readers know.

    `format` is needed only where the content does not tell: OBJ, binary STL and text.
    """

    url: str
    format: CloudFormat | None = None


class TextPart(Strict):
    type: Literal["text"]
    text: Text


class PicturePart(Strict):
    type: Literal["image_url"]
    image_url: PictureUrl


class PointCloudPart(Strict):
    type: Literal["pointcloud_url"]
    pointcloud_url: PointCloudUrl


Part = Annotated[TextPart | PicturePart | PointCloudPart, Field(discriminator="type")]


class Message(BaseModel):
    """One turn. Fields that answers carry and questions do not need are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[Part]


class StreamOptions(Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(None, description="Makes no difference here.")


class ResponseFormat(Strict):
    type: Literal["text"]


Stop = Annotated[str, Field(min_length=1, max_length=500)]
Zero = Annotated[float, Field(ge=0, le=0)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]


class ChatRequest(Strict):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = Field(None, description="The older name of max_completion_tokens.")
    temperature: float | None = Field(None, ge=0, le=2, description="0, the default: always the likeliest word.")
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    user: str | None = Field(None, description="Whose request it is; those who wait are served in turn.")
    # Sent by habit; only the value that changes nothing is taken.
    frequency_penalty: Zero | None = None
    presence_penalty: Zero | None = None
    logprobs: Off | None = None
    store: Off | None = None
    response_format: ResponseFormat | None = None
    metadata: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise ValueError("max_tokens and max_completion_tokens say different things; send one of them")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        return self

    @property
    def limit(self) -> int:
        """The most tokens of the answer."""
        return self.max_completion_tokens or self.max_tokens or DEFAULT_TOKENS

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
