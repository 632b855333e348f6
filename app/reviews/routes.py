"""The addresses that the pictures of items are fetched from.

Does not know Gradio; ``launch(app_kwargs={"routes": ...})`` takes the routes in. A picture needs the key of this run of
the program in a header: an address that got into a log opens nothing.
"""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.reviews.media import SIDES, ReviewMedia
from app.viewer.routes import KEY_HEADER
from lamm_core.errors import MediaError

__all__ = ["review_routes"]


def review_routes(media: ReviewMedia) -> list[Route]:
    """The routes over the media of one queue."""

    def respond(request: Request) -> Response:
        if not secrets.compare_digest(media.key.encode(), request.headers.get(KEY_HEADER, "").encode()):
            return Response(status_code=404)
        side = SIDES[1] if request.query_params.get("small") else SIDES[0]
        try:
            made = media.picture(request.path_params["item"], request.path_params["number"], side)
        except MediaError as error:
            return JSONResponse({"message": str(error)}, status_code=404)
        headers = {"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}
        return Response(made.content, media_type=made.media_type, headers=headers)

    return [Route("/lamm/reviews/media/{item}/{number:int}", respond)]
